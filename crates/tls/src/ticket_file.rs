//! Ticket keys that an operator gives (`tls-ticket-keys`), so that several processes accept each other's tickets. They
//! do not turn over by themselves: whoever names a file changes it, or sets keys at run time, or gives up forward
//! secrecy. The keys are shaped as HAProxy's; the tickets are our own.

use crate::tickets::{Binding, Key, MAX_TICKET, NAME_LEN};
use arc_swap::ArcSwap;
use aws_lc_rs::aead::NONCE_LEN;
use aws_lc_rs::hmac;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many keys are kept: all open tickets, the last but one makes them.
const KEPT: usize = 3;

/// What is wrong with a key, or a list of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKeyError {
    /// It has neither 48 nor 80 bytes, or not as many as those before it; its place, counted from 1.
    WrongSize(usize),
    /// There are fewer than three.
    TooFew,
}

impl fmt::Display for TicketKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketKeyError::WrongSize(line) => write!(f, "wrong sized key on line {line}"),
            TicketKeyError::TooFew => write!(f, "please supply at least {KEPT} keys in the tls-tickets-file"),
        }
    }
}

impl std::error::Error for TicketKeyError {}

/// The keys of one file, shared by all binds that name it. No `Debug` output of their bytes.
pub struct TicketFile {
    file: PathBuf,
    keys: ArcSwap<Vec<Filed>>,
    edit: Mutex<()>,
}

#[derive(Clone)]
struct Filed {
    secret: Arc<[u8]>,
    key: Arc<Key>,
}

impl Filed {
    /// Name and secret of the key; the cipher's key is drawn from all that is not its name.
    fn new(secret: &[u8]) -> Option<Filed> {
        let (name, rest) = secret.split_at_checked(NAME_LEN).filter(|_| matches!(secret.len(), 48 | 80))?;
        let drawn = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, rest), b"lockgate session ticket");
        Some(Filed { secret: secret.into(), key: Key::of(name, drawn.as_ref())? })
    }
}

impl TicketFile {
    /// The keys of a file in its order: 48 or 80 bytes, all alike. The last three count.
    pub fn new(file: PathBuf, secrets: &[Vec<u8>]) -> Result<TicketFile, TicketKeyError> {
        let size = secrets.first().map_or(0, Vec::len);
        let mut keys = Vec::new();
        for (secret, line) in secrets.iter().zip(1..) {
            let key = Filed::new(secret).filter(|_| secret.len() == size);
            keys.push(key.ok_or(TicketKeyError::WrongSize(line))?);
        }
        let surplus = keys.len().checked_sub(KEPT).ok_or(TicketKeyError::TooFew)?;
        keys.drain(..surplus);
        Ok(TicketFile { file, keys: ArcSwap::from_pointee(keys), edit: Mutex::default() })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The keys' bytes, the oldest first: for the eyes of administrators.
    pub fn secrets(&self) -> Vec<Arc<[u8]>> {
        self.keys.load().iter().map(|filed| filed.secret.clone()).collect()
    }

    /// Adds the next key and drops the oldest: the one that was last now makes tickets, so that other processes have the
    /// time to learn the new one. The file is not written.
    pub fn push(&self, secret: &[u8]) -> Result<(), TicketKeyError> {
        let _one_at_a_time = self.edit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys = self.keys.load().as_ref().clone();
        let size = keys.first().map_or(0, |filed| filed.secret.len());
        let key = Filed::new(secret).filter(|_| secret.len() == size).ok_or(TicketKeyError::WrongSize(1))?;
        keys.remove(0);
        keys.push(key);
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    pub(crate) fn seal(&self, binding: &Binding, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.load();
        keys.get(keys.len().checked_sub(2)?)?.key.seal(binding, plain)
    }

    pub(crate) fn open(&self, binding: &Binding, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > MAX_TICKET {
            return None;
        }
        let (name, rest) = ticket.split_at_checked(NAME_LEN)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let keys = self.keys.load();
        let mut fitting = keys.iter().filter(|filed| filed.secret.starts_with(name));
        fitting.find_map(|filed| filed.key.open(binding, nonce, sealed))
    }
}

impl fmt::Debug for TicketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketFile({})", self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Binding = [1; 32];

    fn secrets(firsts: &[u8], size: usize) -> Vec<Vec<u8>> {
        firsts.iter().map(|first| vec![*first; size]).collect()
    }

    fn keys(firsts: &[u8]) -> TicketFile {
        TicketFile::new("keys".into(), &secrets(firsts, 48)).unwrap()
    }

    #[test]
    fn the_last_but_one_makes_tickets_and_the_last_three_open_them() {
        let (a, b) = (keys(&[9, 1, 2, 3]), keys(&[1, 2, 3]));
        let ticket = a.seal(&BOUND, b"state").unwrap();
        assert_eq!(ticket[..NAME_LEN], [2; NAME_LEN]);
        assert_eq!(b.open(&BOUND, &ticket).as_deref(), Some(b"state".as_slice()));
        assert_eq!(b.open(&[2; 32], &ticket), None);
        b.push(&[4; 48]).unwrap();
        assert_eq!(b.seal(&BOUND, b"state").unwrap()[..NAME_LEN], [3; NAME_LEN]);
        assert!(b.open(&BOUND, &ticket).is_some());
        b.push(&[5; 48]).unwrap();
        assert_eq!(b.open(&BOUND, &ticket), None);
    }

    #[test]
    fn keys_of_other_sizes_are_refused() {
        let made = |secrets: &[Vec<u8>]| TicketFile::new("keys".into(), secrets).map(drop);
        assert_eq!(made(&secrets(&[1, 2], 48)), Err(TicketKeyError::TooFew));
        assert_eq!(made(&secrets(&[1, 2, 3], 40)), Err(TicketKeyError::WrongSize(1)));
        let mixed = [secrets(&[1], 48), secrets(&[2], 80), secrets(&[3], 48)].concat();
        assert_eq!(made(&mixed), Err(TicketKeyError::WrongSize(2)));
        assert_eq!(made(&secrets(&[1, 2, 3], 80)), Ok(()));
        assert_eq!(keys(&[1, 2, 3]).push(&[4; 80]), Err(TicketKeyError::WrongSize(1)));
    }
}
