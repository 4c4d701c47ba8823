//! One direction's key: seals and opens single records, in place, and counts them. Knows what a record looks like from
//! outside (RFC 8446 section 5.2, RFC 5288 section 3, RFC 7905 section 2), and nothing of what it says.
//!
//! A nonce never comes twice: it is made of the count, which only grows, and a key that has counted to its end seals
//! no more. `aws-lc` wipes keys when they are dropped.

use super::fault::Fault;
use super::header::{self, Header, Kind, LEN, PLAIN_MAX};
use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use rustls::AlertDescription::{BadRecordMac, RecordOverflow, UnexpectedMessage};
use rustls::{ConnectionTrafficSecrets, Error, PeerMisbehaved};

/// Octets of a tag; the same for all three.
const TAG: usize = 16;
/// Octets of a nonce that travel along in TLS 1.2 with AES-GCM.
const EXPLICIT: usize = 8;
/// Records under one key of AES-GCM: below the 2^24.5 of RFC 8446 section 5.5, as rustls has it.
const AES_GCM_MOST: u64 = 1 << 24;
/// ChaCha20-Poly1305 has no such limit; the count must only never wrap.
const CHACHA_MOST: u64 = 1 << 62;

/// How a record is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// TLS 1.3: its type lies within, and padding may.
    Inner,
    /// TLS 1.2 with AES-GCM: a part of the nonce travels along.
    ExplicitNonce,
    /// TLS 1.2 with ChaCha20-Poly1305: nothing but the tag is added.
    Outer,
}

/// The key of one direction, and how many records it was used for.
pub struct Key {
    aead: LessSafeKey,
    iv: [u8; NONCE_LEN],
    form: Form,
    /// The next record's number.
    number: u64,
    /// How many records it may seal.
    most: u64,
}

/// A key that may seal no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Spent;

impl Key {
    /// The key that was agreed on, having served for `number` records. `None` for what rustls may speak one day.
    pub fn new(tls13: bool, number: u64, secrets: &ConnectionTrafficSecrets) -> Option<Key> {
        let (algorithm, key, iv, form12) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv, Form::ExplicitNonce),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv, Form::ExplicitNonce),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => {
                (&CHACHA20_POLY1305, key, iv, Form::Outer)
            }
            _ => return None,
        };
        let form = if tls13 { Form::Inner } else { form12 };
        Key::of(algorithm, key.as_ref(), iv.as_ref().try_into().ok()?, form, number)
    }

    /// A key that may seal only `left` more records.
    #[cfg(test)]
    pub(super) fn worn(mut self, left: u64) -> Key {
        self.most = self.number + left;
        self
    }

    pub(super) fn of(
        algorithm: &'static Algorithm,
        key: &[u8],
        iv: [u8; NONCE_LEN],
        form: Form,
        number: u64,
    ) -> Option<Key> {
        Some(Key::made(UnboundKey::new(algorithm, key).ok()?, iv, form, number))
    }

    pub(super) fn made(key: UnboundKey, iv: [u8; NONCE_LEN], form: Form, number: u64) -> Key {
        let aead = LessSafeKey::new(key);
        let most = if *aead.algorithm() == CHACHA20_POLY1305 { CHACHA_MOST } else { AES_GCM_MOST };
        Key { aead, iv, form, number, most }
    }

    pub(super) fn algorithm(&self) -> &'static Algorithm {
        self.aead.algorithm()
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// It has sealed what it may: another must follow, or the end.
    pub(super) fn is_spent(&self) -> bool {
        self.number >= self.most
    }

    /// Takes the next number.
    fn count(&mut self) -> Result<u64, Spent> {
        let number = self.number;
        self.number = number.checked_add(1).ok_or(Spent)?;
        Ok(number)
    }

    /// The record's number laid over the end of the initialisation vector (RFC 8446 section 5.3).
    fn nonce(&self, number: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (octet, count) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *octet ^= count;
        }
        nonce
    }

    /// Appends a record of at most 2^14 octets to `out`. Does not ask whether the key is spent, so that a last word is
    /// always possible.
    pub(super) fn seal(&mut self, kind: Kind, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Spent> {
        self.seal_padded(kind, plain, 0, out)
    }

    /// The same with zeros behind it where the form has padding. We send none; tests do.
    pub fn seal_padded(
        &mut self,
        kind: Kind,
        plain: &[u8],
        padding: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Spent> {
        let number = self.count()?;
        let nonce = self.nonce(number);
        let start = out.len();
        out.reserve(LEN + EXPLICIT + plain.len() + 1 + padding + TAG);
        let sealed = match self.form {
            Form::Inner => {
                let header = header::write(Kind::Data, plain.len() + 1 + padding + TAG);
                out.extend_from_slice(&header);
                out.extend_from_slice(plain);
                out.push(kind.octet());
                out.resize(out.len() + padding, 0);
                let secret = out.get_mut(start + LEN..).unwrap_or_default();
                self.aead.seal_in_place_separate_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(header),
                    secret,
                )
            }
            Form::ExplicitNonce | Form::Outer => {
                let explicit = self.explicit();
                out.extend_from_slice(&header::write(kind, explicit + plain.len() + TAG));
                out.extend_from_slice(nonce.get(NONCE_LEN - explicit..).unwrap_or_default());
                out.extend_from_slice(plain);
                let aad = Aad::from(aad12(number, header::write(kind, plain.len())));
                let secret = out.get_mut(start + LEN + explicit..).unwrap_or_default();
                self.aead.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, secret)
            }
        };
        if let Ok(tag) = sealed {
            out.extend_from_slice(tag.as_ref());
            return Ok(());
        }
        // What was in clear must not leave.
        out.truncate(start);
        Err(Spent)
    }

    fn explicit(&self) -> usize {
        match self.form {
            Form::ExplicitNonce => EXPLICIT,
            Form::Inner | Form::Outer => 0,
        }
    }

    /// Opens a record's body where it lies: what it carries, and its content.
    pub(super) fn open<'b>(
        &mut self,
        header: &Header,
        body: &'b mut [u8],
    ) -> Result<(Kind, &'b [u8]), Fault> {
        let broken = || Fault::new(BadRecordMac, Error::DecryptError);
        let number = self.count().map_err(|Spent| broken())?;
        let mut nonce = self.nonce(number);
        let (kind, content) = match self.form {
            Form::Inner => {
                let aad = Aad::from(header.octets);
                let opened = self.aead.open_in_place(Nonce::assume_unique_for_key(nonce), aad, body);
                unpad(opened.map_err(|_| broken())?)?
            }
            Form::ExplicitNonce | Form::Outer => {
                let (sent, secret) = body.split_at_mut_checked(self.explicit()).ok_or_else(broken)?;
                nonce.get_mut(NONCE_LEN - sent.len()..).unwrap_or_default().copy_from_slice(sent);
                let plain = secret.len().checked_sub(TAG).ok_or_else(broken)?;
                let [_, major, minor, ..] = header.octets;
                let [kind, _, _, rest @ ..] = header::write(header.kind, plain);
                let aad = Aad::from(aad12(number, [kind, major, minor, rest[0], rest[1]]));
                let opened = self.aead.open_in_place(Nonce::assume_unique_for_key(nonce), aad, secret);
                (header.kind, &*opened.map_err(|_| broken())?)
            }
        };
        if content.len() > PLAIN_MAX {
            return Err(Fault::new(RecordOverflow, Error::PeerSentOversizedRecord));
        }
        Ok((kind, content))
    }
}

/// What TLS 1.2 authenticates besides the content (RFC 5246 section 6.2.3.3): the record's number, and the header that
/// the content would have by itself.
fn aad12(number: u64, header: [u8; LEN]) -> [u8; 8 + LEN] {
    let mut aad = [0; 8 + LEN];
    let (count, rest) = aad.split_at_mut(8);
    count.copy_from_slice(&number.to_be_bytes());
    rest.copy_from_slice(&header);
    aad
}

/// Takes padding and type off (RFC 8446 section 5.4). Zeros alone are no record.
fn unpad(inner: &[u8]) -> Result<(Kind, &[u8]), Fault> {
    if inner.len() > PLAIN_MAX + 1 {
        return Err(Fault::new(RecordOverflow, Error::PeerSentOversizedRecord));
    }
    let last = inner.iter().rposition(|octet| *octet != 0);
    let found = last.and_then(|last| Some((Kind::of(*inner.get(last)?)?, inner.get(..last)?)));
    let nonsense =
        || Fault::new(UnexpectedMessage, Error::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext));
    found.ok_or_else(nonsense)
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("form", &self.form).field("number", &self.number).finish_non_exhaustive()
    }
}
