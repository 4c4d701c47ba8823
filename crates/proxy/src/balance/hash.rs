//! The hash functions of `hash-type`, bit-exact: a farm behind two balancers must be divided alike by both.
//!
//! sdbm and djb2 are the classic string hashes, crc32 is the one of Ethernet and gzip, the avalanche is one of Bob
//! Jenkins' public integer hashes followed by a multiplication; all were checked against the oracle (`fixtures/`).

use super::key::Key;

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

fn sdbm(text: &[u8]) -> u32 {
    text.iter().fold(0, |h: u32, b| h.wrapping_mul(65_599).wrapping_add(u32::from(*b)))
}

fn djb2(text: &[u8]) -> u32 {
    text.iter().fold(5381, |h: u32, b| h.wrapping_mul(33).wrapping_add(u32::from(*b)))
}

/// CRC-32 with the reflected polynomial of IEEE 802.3.
fn crc32(text: &[u8]) -> u32 {
    !text.iter().fold(!0, |crc: u32, b| (crc >> 8) ^ CRC_TABLE[((crc ^ u32::from(*b)) & 0xff) as usize])
}

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut crc, mut bit) = (n as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}

/// `none` (newer manuals): the key already is a hash: digits are read as a number, anything else as the binary form
/// of one, high byte first, of which the low 32 bits count.
fn none(text: &[u8]) -> u32 {
    if text.iter().all(u8::is_ascii_digit) {
        return text.iter().fold(0, |h: u32, b| h.wrapping_mul(10).wrapping_add(u32::from(*b - b'0')));
    }
    text.iter().fold(0, |h: u32, b| (h << 8) | u32::from(*b))
}

/// A full avalanche over four bytes (Bob Jenkins' integer hash in six shifts), then a multiplication that stirs the
/// two top bits once more, as the oracle does.
pub(super) fn avalanche(number: u32) -> u32 {
    let mut a = number;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(djb2(b"a"), 177_670);
        assert_eq!(sdbm(b"a"), 97);
        // read off the oracle with map sizes 251, 241, 239 and 233
        assert_eq!(avalanche(97), 0x6d1e_ff97);
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
