//! Whether certificates are revoked. Lists are fetched from where they say (RFC 5280 section 4.2.1.13): one at a time, each
//! at most once an hour however many certificates name it; and OCSP responders are asked, where they name one. What a
//! list says is for `renew::find_revoked`, what a responder says for `tls::OcspQuery`; one that cannot be had accuses
//! nobody.

use crate::dns::web::read;
use crate::ocsp::Responders;
use crate::renew::{Reason, Revoked, UnixTime, find_revoked, list_addresses};
use base::innermost_reason;
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
use tls::{OcspQuery, OcspVerdict};
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

/// Where it is told whether a certificate is revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    lists: Vec<String>,
    /// It names an OCSP responder.
    asks: bool,
}

impl Sources {
    /// Nobody tells it.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && !self.asks
    }
}

/// What was fetched lately, by address, and the way to responders.
pub(super) struct Lists {
    kept: Mutex<HashMap<String, Kept>>,
    responders: Responders,
}

impl Default for Lists {
    fn default() -> Lists {
        Lists { kept: Mutex::default(), responders: Responders::new(None) }
    }
}

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

/// What the first certificate of a file names.
pub(super) fn sources(file: &Path) -> Sources {
    let Ok(certificate) = CertificateDer::from_pem_file(file) else { return Sources::default() };
    let mut lists = list_addresses(&certificate).unwrap_or_default();
    lists.truncate(MAX_ADDRESSES);
    Sources { lists, asks: tls::ocsp_responder(&certificate).is_some() }
}

impl Lists {
    /// Looks for the certificate of a file in its lists, and asks its responder.
    pub(super) async fn look(&self, file: &Path, sources: &Sources, now: UnixTime) -> Look {
        let mut look = Look { next: next(file, sources, now), revoked: None, complaints: Vec::new() };
        let mut chain = CertificateDer::pem_file_iter(file).into_iter().flatten().filter_map(Result::ok);
        let (Some(certificate), Some(issuer)) = (chain.next(), chain.next()) else {
            look.complaints.push("its file holds no issuer, by whom a list is signed".to_owned());
            return look;
        };
        let mut is_told = false;
        for address in &sources.lists {
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
        if sources.asks && look.revoked.is_none() {
            match self.ask(&certificate, &issuer, now).await {
                Ok(revoked) => (is_told, look.revoked) = (true, revoked),
                Err(why) => look.complaints.push(why),
            }
        }
        if is_told {
            look.complaints.clear();
        } else {
            look.next = look.next.min(now + FRESH);
        }
        look
    }

    /// What its responder says.
    async fn ask(&self, certificate: &[u8], issuer: &[u8], now: UnixTime) -> Result<Option<Revoked>, String> {
        let query = OcspQuery::new(certificate, issuer).map_err(|why| why.to_string())?;
        let at = |why: String| format!("{}: {why}", query.responder().escape_default());
        let response = self.responders.ask(&query).await.map_err(|why| at(why.to_string()))?;
        let answer = query.accept(&response, now.0).map_err(|why| at(why.to_string()))?;
        Ok(match answer.verdict {
            OcspVerdict::Good => None,
            OcspVerdict::Revoked { at, reason } => {
                Some(Revoked { at: UnixTime(at), reason: reason.and_then(Reason::from_code) })
            }
        })
    }

    async fn list(&self, address: &str, now: UnixTime) -> Result<Rc<Vec<u8>>, String> {
        // Held while fetching: one at a time.
        let mut kept = self.kept.lock().await;
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

/// All certificates that name a list look at the same moments, so that one fetch serves them; those of different lists,
/// and of none, at different ones.
fn next(file: &Path, sources: &Sources, now: UnixTime) -> UnixTime {
    let mut hasher = DefaultHasher::new();
    match sources.lists.as_slice() {
        [] => file.hash(&mut hasher),
        lists => lists.hash(&mut hasher),
    }
    let every = EVERY.as_secs().cast_signed();
    let offset = (hasher.finish() % EVERY.as_secs()).cast_signed();
    UnixTime(now.0 + every - (now.0 - offset).rem_euclid(every))
}

async fn fetch(address: &str) -> Result<Vec<u8>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(address).header("user-agent", "lockgate");
    let request = request.body(BodyWrapper::<Bytes>::from(Vec::new())).map_err(|why| why.to_string())?;
    let response = client.request(request).await.map_err(|why| innermost_reason(&why))?;
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
        let of = |list: &str| Sources { lists: vec![list.to_owned()], asks: false };
        let next = |sources: &Sources, now| next(Path::new("a"), sources, now);
        let a = of("http://ca.example/1.crl");
        let first = next(&a, UnixTime(1_800_000_000));
        assert!(first.0 > 1_800_000_000 && first <= UnixTime(1_800_000_000) + EVERY);
        assert_eq!(next(&a, first - Duration::from_secs(1)), first);
        assert_eq!(next(&a, first), first + EVERY);
        let b = of("http://ca.example/2.crl");
        assert_ne!(next(&b, UnixTime(1_800_000_000)), first);
    }
}
