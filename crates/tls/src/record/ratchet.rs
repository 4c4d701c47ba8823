//! The keys that follow, made by ourselves (RFC 8446 section 7.2): towards clients, so that nothing of rustls needs to
//! stay with a connection that may never ask for them. rustls tells the secrets when it makes them, to its key log, and
//! nobody else hears of them; they are wiped when they are dropped.

use super::keys::{Form, Key};
use aws_lc_rs::aead::{Algorithm, NONCE_LEN, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Okm, Prk};
use rustls::{ConnectionTrafficSecrets, ExtractedSecrets, KeyLog};
use std::cell::RefCell;

const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";

/// The secret that one direction's keys are made of.
struct Secret {
    prk: Prk,
    hash: aws_lc_rs::hkdf::Algorithm,
}

/// Both directions' secrets, those of the client first.
pub struct Ratchet {
    client: Secret,
    server: Secret,
}

impl Ratchet {
    /// Whether these are the keys that the secrets yield: not once either side has changed its own.
    pub(crate) fn yields(&self, server_side: &ExtractedSecrets) -> bool {
        self.client.yields(&server_side.rx.1) && self.server.yields(&server_side.tx.1)
    }

    /// The key that the client's next is opened with.
    pub(super) fn next_client(&mut self, before: &Key) -> Option<Key> {
        self.client.next(before.algorithm())
    }

    /// The key that the server's next is sealed with.
    pub(super) fn next_server(&mut self, before: &Key) -> Option<Key> {
        self.server.next(before.algorithm())
    }
}

impl Secret {
    /// The hash of a suite is told by the length of its secrets.
    fn new(octets: &[u8]) -> Option<Secret> {
        let hash = match octets.len() {
            32 => HKDF_SHA256,
            48 => HKDF_SHA384,
            _ => return None,
        };
        Some(Secret { prk: Prk::new_less_safe(hash, octets), hash })
    }

    fn yields(&self, secrets: &ConnectionTrafficSecrets) -> bool {
        let theirs = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { iv, .. }
            | ConnectionTrafficSecrets::Aes256Gcm { iv, .. }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { iv, .. } => iv.as_ref(),
            _ => return false,
        };
        self.iv().is_some_and(|own| own == theirs)
    }

    fn iv(&self) -> Option<[u8; NONCE_LEN]> {
        let mut iv = [0; NONCE_LEN];
        expand(&self.prk, b"iv", Octets(NONCE_LEN), |okm| okm.fill(&mut iv).ok())?;
        Some(iv)
    }

    fn next(&mut self, algorithm: &'static Algorithm) -> Option<Key> {
        self.prk = expand(&self.prk, b"traffic upd", self.hash, |okm| Some(Prk::from(okm)))?;
        let key = expand(&self.prk, b"key", algorithm, |okm| Some(UnboundKey::from(okm)))?;
        Some(Key::made(key, self.iv()?, Form::Inner, 0))
    }
}

/// So many octets.
struct Octets(usize);

impl KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn expand<L: KeyType, T>(
    prk: &Prk,
    label: &[u8],
    what: L,
    take: impl FnOnce(Okm<'_, L>) -> Option<T>,
) -> Option<T> {
    const PREFIX: &[u8] = b"tls13 ";
    let [high, low] = u16::try_from(what.len()).ok()?.to_be_bytes();
    let length = u8::try_from(PREFIX.len() + label.len()).ok()?;
    take(prk.expand(&[&[high, low, length], PREFIX, label, &[0]], what).ok()?)
}

thread_local! {
    /// RULE ZERO: rustls tells these to its key log and to nobody else. The log is written inside the session's own
    /// call, so it leaves word here and the session takes it on return, as it does with its certificate.
    static TOLD: RefCell<(Option<Secret>, Option<Secret>)> = const { RefCell::new((None, None)) };
}

/// The secrets of the handshake that has just made them, on this thread.
pub(crate) fn take_told() -> Option<Box<Ratchet>> {
    let (client, server) = TOLD.take();
    Some(Box::new(Ratchet { client: client?, server: server? }))
}

/// A key log that writes nothing down.
#[derive(Debug)]
pub(crate) struct Confidant;

impl KeyLog for Confidant {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        TOLD.with_borrow_mut(|(client, server)| match label {
            CLIENT => *client = Secret::new(secret),
            SERVER => *server = Secret::new(secret),
            _ => {}
        });
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER)
    }
}
