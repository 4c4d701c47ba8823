//! Revocation lists, fetched from where certificates say (RFC 5280 section 4.2.1.13): one at a time, each at most once an
//! hour however many certificates name it. What a list says is for `renew::find_revoked`; one that cannot be had accuses
//! nobody.

use crate::dns::web::{innermost, read};
use crate::renew::{Revoked, UnixTime, find_revoked, list_addresses};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use instant_acme::BodyWrapper;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often a certificate is looked for. Authorities publish lists every few hours, and must within a day.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// A list, or that it could not be had, is believed this long before it is fetched again.
const FRESH: Duration = Duration::from_secs(3600);
/// Connecting, asking and reading, together: other lists wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest list that is read. Let's Encrypt divides its own into parts of some hundred KB; undivided ones of others
/// have some MB.
const LONGEST: usize = 16 * 1024 * 1024;
/// Lists in memory at a time.
const MAX_KEPT: usize = 8;
/// A certificate names one or two addresses; more are not looked at.
const MAX_ADDRESSES: usize = 4;

/// What was fetched lately, by address.
#[derive(Default)]
pub(super) struct Lists(Mutex<HashMap<String, Kept>>);

struct Kept {
    at: UnixTime,
    list: Result<Rc<Vec<u8>>, String>,
}

/// What came of looking for a certificate.
pub(super) struct Look {
    /// When to look again.
    pub next: UnixTime,
    pub revoked: Option<Revoked>,
    /// Why it cannot be told.
    pub complaints: Vec<String>,
}

/// The addresses that the first certificate of a file names.
pub(super) fn addresses(file: &Path) -> Vec<String> {
    let Ok(certificate) = CertificateDer::from_pem_file(file) else { return Vec::new() };
    let mut addresses = list_addresses(&certificate).unwrap_or_default();
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

impl Lists {
    /// Looks for the certificate of a file in the lists at its addresses.
    pub(super) async fn look(&self, file: &Path, addresses: &[String], now: UnixTime) -> Look {
        let mut look = Look { next: next(addresses, now), revoked: None, complaints: Vec::new() };
        let mut chain = CertificateDer::pem_file_iter(file).into_iter().flatten().filter_map(Result::ok);
        let (Some(certificate), Some(issuer)) = (chain.next(), chain.next()) else {
            look.complaints.push("its file holds no issuer, by whom a list is signed".to_owned());
            return look;
        };
        let mut is_told = false;
        for address in addresses {
            let found = match self.list(address, now).await {
                Ok(list) => find_revoked(&list, &certificate, &issuer, now).map_err(|why| why.to_string()),
                Err(why) => Err(why),
            };
            match found {
                Ok(revoked) => {
                    is_told = true;
                    look.revoked = look.revoked.or(revoked);
                }
                Err(why) => look.complaints.push(format!("{}: {why}", address.escape_default())),
            }
        }
        if is_told {
            look.complaints.clear();
        } else {
            look.next = look.next.min(now + FRESH);
        }
        look
    }

    async fn list(&self, address: &str, now: UnixTime) -> Result<Rc<Vec<u8>>, String> {
        // Held while fetching: one at a time.
        let mut kept = self.0.lock().await;
        kept.retain(|_, kept| kept.at <= now && now < kept.at + FRESH);
        if let Some(known) = kept.get(address) {
            return known.list.clone();
        }
        let list = match tokio::time::timeout(PATIENCE, fetch(address)).await {
            Ok(list) => list.map(Rc::new),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        if kept.len() >= MAX_KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.at).map(|(key, _)| key.clone())
        {
            kept.remove(&oldest);
        }
        kept.insert(address.to_owned(), Kept { at: now, list: list.clone() });
        list
    }
}

/// All certificates that name an address look at the same moments, so that one fetch serves them; those of different
/// addresses at different ones.
fn next(addresses: &[String], now: UnixTime) -> UnixTime {
    let mut hasher = DefaultHasher::new();
    addresses.hash(&mut hasher);
    let every = EVERY.as_secs().cast_signed();
    let offset = (hasher.finish() % EVERY.as_secs()).cast_signed();
    UnixTime(now.0 + every - (now.0 - offset).rem_euclid(every))
}

async fn fetch(address: &str) -> Result<Vec<u8>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(address).header("user-agent", "lockgate");
    let request = request.body(BodyWrapper::<Bytes>::from(Vec::new())).map_err(|why| why.to_string())?;
    let response = client.request(request).await.map_err(|why| innermost(&why))?;
    let (parts, body) = response.into_parts();
    match parts.status {
        StatusCode::OK => read(body, LONGEST).await,
        status => Err(format!("answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_one_address_coincide_and_are_hours_apart() {
        let a = ["http://ca.example/1.crl".to_owned()];
        let first = next(&a, UnixTime(1_800_000_000));
        assert!(first.0 > 1_800_000_000 && first <= UnixTime(1_800_000_000) + EVERY);
        assert_eq!(next(&a, first - Duration::from_secs(1)), first);
        assert_eq!(next(&a, first), first + EVERY);
        let b = ["http://ca.example/2.crl".to_owned()];
        assert_ne!(next(&b, UnixTime(1_800_000_000)), first);
    }
}
