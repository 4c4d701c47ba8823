//! The hatch for an authority's challenges: posted by whoever obtains a certificate, answered by the data plane before
//! anything else. Reading takes no lock.

use crate::certificate;
use crate::store::PemPair;
use crate::tickets::NoTickets;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The protocol name by which an authority asks (RFC 8737 section 3).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Challenges that may be open at a time. One order has at most a hundred names with the authorities in use.
const MAX_OPEN: usize = 1_000;

/// Open challenges.
#[derive(Default)]
pub struct Answers {
    http: ArcSwap<HashMap<Box<str>, Arc<str>>>,
    tls: ArcSwap<HashMap<Box<str>, Arc<ServerConfig>>>,
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// As many are open as may be.
    TooMany,
    /// Certificate or key cannot be used.
    BadCertificate,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AnswerError::TooMany => "too many challenges are open",
            AnswerError::BadCertificate => "the challenge's certificate cannot be used",
        })
    }
}

impl std::error::Error for AnswerError {}

impl Answers {
    /// Posts what `/.well-known/acme-challenge/TOKEN` answers (RFC 8555 section 8.3).
    pub fn post_http(&self, token: &str, content: &str) -> Result<(), AnswerError> {
        put(&self.http, token, Arc::from(content))
    }

    /// Withdraws it.
    pub fn withdraw_http(&self, token: &str) {
        take(&self.http, token);
    }

    /// The content for a token.
    pub fn http(&self, token: &str) -> Option<Arc<str>> {
        self.http.load().get(token).cloned()
    }

    /// Posts the certificate that a handshake for this name with `acme-tls/1` gets.
    pub fn post_tls(&self, name: &str, pair: &PemPair) -> Result<(), AnswerError> {
        let config = config(pair).ok_or(AnswerError::BadCertificate)?;
        put(&self.tls, &name.to_ascii_lowercase(), Arc::new(config))
    }

    /// Withdraws it.
    pub fn withdraw_tls(&self, name: &str) {
        take(&self.tls, &name.to_ascii_lowercase());
    }

    /// The configuration for a client that offers `acme-tls/1` for this name.
    pub(crate) fn tls(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.tls.load().get(&*name.to_ascii_lowercase()).cloned()
    }
}

fn put<V: Clone>(map: &ArcSwap<HashMap<Box<str>, V>>, key: &str, value: V) -> Result<(), AnswerError> {
    let full = |map: &HashMap<Box<str>, V>| map.len() >= MAX_OPEN && !map.contains_key(key);
    let before = map.rcu(|old| {
        let mut new = HashMap::clone(old);
        if !full(old) {
            new.insert(key.into(), value.clone());
        }
        new
    });
    if full(&before) { Err(AnswerError::TooMany) } else { Ok(()) }
}

fn take<V: Clone>(map: &ArcSwap<HashMap<Box<str>, V>>, key: &str) {
    map.rcu(|old| {
        let mut new = HashMap::clone(old);
        new.remove(key);
        new
    });
}

fn config(pair: &PemPair) -> Option<ServerConfig> {
    let certificate = certificate::from_pem(&pair.cert, &pair.key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().ok()?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate.key)));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Arc::new(NoTickets);
    config.send_tls13_tickets = 0;
    Some(config)
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens: Vec<_> = self.http.load().keys().cloned().collect();
        let names: Vec<_> = self.tls.load().keys().cloned().collect();
        f.debug_struct("Answers").field("http", &tokens).field("tls", &names).finish()
    }
}
