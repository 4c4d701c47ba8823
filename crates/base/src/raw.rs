//! Texts of configurations are strings here and bytes in HAProxy: a word may hold what is no UTF-8, in a header's value
//! or a pattern. Such a byte is kept as a character of a private plane and becomes the byte again where the text leaves
//! for the wire. Whoever only compares or shows words need not know.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Byte `b` is kept as this code point plus `b`. Characters of this range that a file itself holds are kept byte by
/// byte, so that nothing is taken for what it is not.
const FIRST: u32 = 0x10_FE00;
/// What the encoding of every such character begins with.
const LEAD: u8 = 0xf4;

/// Bytes as a text, none of them lost.
pub fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| kept(c).is_some()) => text,
        Ok(text) => text_of(text.as_bytes()),
        Err(error) => text_of(error.as_bytes()),
    }
}

fn text_of(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match kept(c) {
                None => out.push(c),
                Some(_) => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(keeper)),
            }
        }
        out.extend(chunk.invalid().iter().copied().map(keeper));
    }
    out
}

/// The bytes of a text that [`text()`] made; of any other, its own.
pub fn bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&LEAD) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match kept(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(out)
}

/// The text with such bytes spelled as `\xE9`: as a regular expression reads them, and as people are shown them.
pub fn spelled(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&LEAD) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match kept(c) {
            Some(byte) => drop(write!(out, "\\x{byte:02X}")),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn keeper(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn kept(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).checked_sub(FIRST)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost() {
        let all: Vec<u8> = (0..=255).collect();
        let private = "a\u{10FEE9}b".as_bytes();
        for case in [&all[..], b"caf\xe9", "caf\u{e9}".as_bytes(), private, b"\xf4\x8f", b""] {
            assert_eq!(&*bytes(&text(case.to_vec())), case);
        }
        assert_eq!(text(b"plain".to_vec()), "plain");
    }

    #[test]
    fn strange_bytes_are_spelled() {
        assert_eq!(spelled(&text(b"caf\xe9 \xc3\xa9".to_vec())), "caf\\xE9 \u{e9}");
        assert_eq!(spelled("plain"), "plain");
    }
}
