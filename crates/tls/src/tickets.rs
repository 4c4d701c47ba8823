//! Taking sessions up again: ticket keys that turn over by themselves, shared by all threads, and a bounded memory of
//! sessions for clients without tickets. Both are bound: what was issued under one certificate and client policy opens
//! nothing under another, because the binding is part of what is authenticated, or of the session's name.

use crate::lifetime::{Lifetime, stamped};
use crate::ticket_file::TicketFile;
use arc_swap::ArcSwapOption;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What sessions are bound to: a digest over policy and certificates.
pub(crate) type Binding = [u8; 32];

/// New tickets are made with one key for this long. Whoever steals it can read that much recorded TLS 1.2 traffic.
const TURNOVER: Duration = Duration::from_secs(6 * 60 * 60);
pub(crate) const NAME_LEN: usize = 16;
/// A larger ticket is none of ours: state of at most a client's certificate chain.
pub(crate) const MAX_TICKET: usize = 64 * 1024;

/// The keys of a process. No `Debug` output of their bytes.
pub(crate) struct TicketKeys {
    current: ArcSwapOption<Key>,
    previous: ArcSwapOption<Key>,
}

pub(crate) struct Key {
    name: [u8; NAME_LEN],
    aead: RandomizedNonceKey,
    born: Instant,
}

impl Key {
    fn new(born: Instant) -> Option<Arc<Key>> {
        let mut name = [0; NAME_LEN];
        let mut secret = [0; 32];
        rand::fill(&mut name).ok()?;
        rand::fill(&mut secret).ok()?;
        Some(Arc::new(Key { name, aead: RandomizedNonceKey::new(&AES_256_GCM, &secret).ok()?, born }))
    }

    /// A key of that name and secret, which must have 16 and 32 bytes.
    pub(crate) fn of(name: &[u8], secret: &[u8]) -> Option<Arc<Key>> {
        let aead = RandomizedNonceKey::new(&AES_256_GCM, secret).ok()?;
        Some(Arc::new(Key { name: name.try_into().ok()?, aead, born: Instant::now() }))
    }

    fn aad(&self, binding: &Binding) -> Aad<[u8; NAME_LEN + 32]> {
        let mut bytes = [0; NAME_LEN + 32];
        let (name, bound) = bytes.split_at_mut(NAME_LEN);
        name.copy_from_slice(&self.name);
        bound.copy_from_slice(binding);
        Aad::from(bytes)
    }

    /// `name || nonce || ciphertext and tag`
    pub(crate) fn seal(&self, binding: &Binding, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.aead.seal_in_place_append_tag(self.aad(binding), &mut sealed).ok()?;
        Some([self.name.as_slice(), nonce.as_ref(), &sealed].concat())
    }

    pub(crate) fn open(&self, binding: &Binding, nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.aead.open_in_place(nonce, self.aad(binding), &mut bytes).ok()?.len();
        bytes.truncate(plain);
        Some(bytes)
    }
}

impl TicketKeys {
    pub(crate) fn new() -> TicketKeys {
        TicketKeys { current: ArcSwapOption::empty(), previous: ArcSwapOption::empty() }
    }

    /// The key for new tickets; a fresh one is made when it is due. Threads that meet here may each make one, the last
    /// stays, and a ticket made with a lost one costs its client a full handshake.
    fn current(&self, now: Instant) -> Option<Arc<Key>> {
        match self.current.load_full() {
            Some(key) if now.duration_since(key.born) < TURNOVER => Some(key),
            due => {
                let fresh = Key::new(now)?;
                self.previous.store(due);
                self.current.store(Some(Arc::clone(&fresh)));
                Some(fresh)
            }
        }
    }

    fn named(&self, name: &[u8], now: Instant) -> Option<Arc<Key>> {
        let keys = [self.current.load_full(), self.previous.load_full()];
        let fits = |key: &Arc<Key>| key.name == name && now.duration_since(key.born) < 2 * TURNOVER;
        keys.into_iter().flatten().find(fits)
    }

    fn seal(&self, binding: &Binding, plain: &[u8], now: Instant) -> Option<Vec<u8>> {
        self.current(now)?.seal(binding, plain)
    }

    fn open(&self, binding: &Binding, ticket: &[u8], now: Instant) -> Option<Vec<u8>> {
        if ticket.len() > MAX_TICKET {
            return None;
        }
        let (name, rest) = ticket.split_at_checked(NAME_LEN)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        self.named(name, now)?.open(binding, nonce, sealed)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

/// Whose keys tickets are made with.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// The process's own, which turn over.
    Own(Arc<TicketKeys>),
    /// An operator's.
    File(Arc<TicketFile>),
}

/// Tickets of one binding.
#[derive(Debug)]
pub(crate) struct BoundTickets {
    pub(crate) keys: Keys,
    pub(crate) binding: Binding,
    pub(crate) lifetime: Lifetime,
}

impl ProducesTickets for BoundTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime.seconds()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let plain = stamped(plain, SystemTime::now());
        match &self.keys {
            Keys::Own(keys) => keys.seal(&self.binding, &plain, Instant::now()),
            Keys::File(keys) => keys.seal(&self.binding, &plain),
        }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = match &self.keys {
            Keys::Own(keys) => keys.open(&self.binding, cipher, Instant::now()),
            Keys::File(keys) => keys.open(&self.binding, cipher),
        };
        self.lifetime.open(&plain?, SystemTime::now())
    }
}

/// `no-tls-tickets`: none are made.
#[derive(Debug)]
pub(crate) struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _cipher: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// The process's remembered sessions, as seen under one binding.
#[derive(Debug)]
pub(crate) struct BoundSessions {
    pub(crate) shared: Arc<ServerSessionMemoryCache>,
    pub(crate) binding: Binding,
    pub(crate) lifetime: Lifetime,
}

impl BoundSessions {
    fn name(&self, id: &[u8]) -> Vec<u8> {
        [self.binding.as_slice(), id].concat()
    }
}

impl StoresServerSessions for BoundSessions {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        self.shared.put(self.name(&id), stamped(&session, SystemTime::now()))
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.lifetime.open(&self.shared.get(&self.name(id))?, SystemTime::now())
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.lifetime.open(&self.shared.take(&self.name(id))?, SystemTime::now())
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Binding = [1; 32];
    const B: Binding = [2; 32];

    #[test]
    fn a_ticket_opens_only_under_its_binding_and_unchanged() {
        let (keys, now) = (TicketKeys::new(), Instant::now());
        let ticket = keys.seal(&A, b"state", now).unwrap();
        assert_eq!(keys.open(&A, &ticket, now).as_deref(), Some(b"state".as_slice()));
        assert_eq!(keys.open(&B, &ticket, now), None);
        for at in 0..ticket.len() {
            let mut broken = ticket.clone();
            broken[at] ^= 1;
            assert_eq!(keys.open(&A, &broken, now), None, "byte {at}");
            assert_eq!(keys.open(&A, &ticket[..at], now), None, "cut at {at}");
        }
        assert!(!ticket.windows(5).any(|window| window == b"state"));
    }

    #[test]
    fn keys_turn_over_and_the_one_before_still_opens_for_a_while() {
        let (keys, start) = (TicketKeys::new(), Instant::now());
        let first = keys.seal(&A, b"first", start).unwrap();
        let later = start + TURNOVER;
        let second = keys.seal(&A, b"second", later).unwrap();
        assert_ne!(first[..NAME_LEN], second[..NAME_LEN]);
        assert!(keys.open(&A, &first, later).is_some());
        assert_eq!(keys.open(&A, &first, start + 2 * TURNOVER), None);
        keys.seal(&A, b"third", later + TURNOVER).unwrap();
        assert!(keys.open(&A, &second, later + TURNOVER).is_some());
    }

    #[test]
    fn remembered_sessions_are_bound_too() {
        let shared = ServerSessionMemoryCache::new(16);
        let [a, b] = [A, B].map(|binding| {
            let lifetime = Lifetime::of(None);
            BoundSessions { shared: Arc::clone(&shared), binding, lifetime }
        });
        assert!(a.put(b"id".to_vec(), b"session".to_vec()));
        assert_eq!(b.get(b"id"), None);
        assert_eq!(b.take(b"id"), None);
        assert_eq!(a.take(b"id").as_deref(), Some(b"session".as_slice()));
    }
}
