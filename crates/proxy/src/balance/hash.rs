//! What `hash-type` says: which of the hash functions is applied to a key, and whether an avalanche follows. All were
//! checked against the oracle (`fixtures/`).

use super::key::Key;
use base::hash::{avalanche, crc32, djb2, sdbm};

/// How a key becomes a number: `hash-type`'s function and modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// The function for texts.
    pub function: Function,
    /// `avalanche`
    pub avalanche: bool,
}

/// `hash-type`'s functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `sdbm`, the default.
    Sdbm,
    /// `djb2`
    Djb2,
    /// `crc32`
    Crc32,
    /// `none`: the key is a number that was hashed before.
    None,
}

impl Hashing {
    /// What `hash-type` says. Without a function it is sdbm, and under `consistent` sdbm with avalanche.
    pub fn of(kind: Option<config::model::HashType>) -> Hashing {
        use config::model::HashFunction as F;
        let Some(kind) = kind else { return Hashing { function: Function::Sdbm, avalanche: false } };
        let function = match kind.function {
            Some(F::Sdbm) | None => Function::Sdbm,
            Some(F::Djb2) => Function::Djb2,
            Some(F::Crc32) => Function::Crc32,
            Some(F::None) => Function::None,
        };
        let implied = kind.consistent && kind.function.is_none();
        Hashing { function, avalanche: kind.avalanche || implied }
    }

    /// The hash of a key. Addresses are folded rather than hashed; the avalanche applies to both.
    pub fn hash(self, key: Key<'_>) -> u32 {
        let raw = match key {
            Key::Bytes(text) => self.function.apply(text),
            Key::Folded(number) => number,
        };
        if self.avalanche { avalanche(raw) } else { raw }
    }
}

impl Function {
    fn apply(self, text: &[u8]) -> u32 {
        match self {
            Function::Sdbm => sdbm(text),
            Function::Djb2 => djb2(text),
            Function::Crc32 => crc32(text),
            Function::None => none(text),
        }
    }
}

/// `none` (newer manuals): the key already is a hash: digits are read as a number, anything else as the binary form
/// of one, high byte first, of which the low 32 bits count.
fn none(text: &[u8]) -> u32 {
    if text.iter().all(u8::is_ascii_digit) {
        return text.iter().fold(0, |h: u32, b| h.wrapping_mul(10).wrapping_add(u32::from(*b - b'0')));
    }
    text.iter().fold(0, |h: u32, b| (h << 8) | u32::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_a_hash_already_is_a_number() {
        assert_eq!((none(&8_i64.to_be_bytes()), none(b"4294967295")), (8, u32::MAX));
    }

    #[test]
    fn consistent_without_a_function_avalanches() {
        let kind = |consistent, function| config::model::HashType { consistent, function, avalanche: false };
        assert!(!Hashing::of(None).avalanche);
        assert!(!Hashing::of(Some(kind(false, None))).avalanche);
        assert!(Hashing::of(Some(kind(true, None))).avalanche);
        assert!(!Hashing::of(Some(kind(true, Some(config::model::HashFunction::Sdbm)))).avalanche);
    }
}
