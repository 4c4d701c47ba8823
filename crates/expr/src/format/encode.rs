//! Values as JSON (RFC 8259) or CBOR (RFC 8949), spaced and chunked as HAProxy does. What is written is always valid:
//! bytes that are no UTF-8 stand for the characters of the same numbers.

use super::datum::{Datum, hex};
use std::borrow::Cow;
use std::io::Write as _;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `json`
    Json,
    /// `cbor`
    Cbor,
}

/// Writes one value, or a map of them.
pub(super) struct Encoder {
    encoding: Encoding,
    /// `bin`: bytes stay bytes.
    binary: bool,
    /// Another member stands before.
    follows: bool,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, binary: bool) -> Encoder {
        Encoder { encoding, binary, follows: false, out: Vec::new() }
    }

    /// What was written: CBOR in hexadecimal digits unless bytes are wanted.
    pub(super) fn finish(self) -> Vec<u8> {
        match self.encoding {
            Encoding::Cbor if !self.binary => hex(&self.out),
            Encoding::Cbor | Encoding::Json => self.out,
        }
    }

    pub(super) fn open_map(&mut self) {
        self.out.push(match self.encoding {
            Encoding::Json => b'{',
            Encoding::Cbor => OPEN_MAP,
        });
    }

    pub(super) fn close_map(&mut self) {
        self.out.push(match self.encoding {
            Encoding::Json => b'}',
            Encoding::Cbor => BREAK,
        });
    }

    pub(super) fn member(&mut self, name: &str, value: &Datum<'_>) {
        if std::mem::replace(&mut self.follows, true) && self.encoding == Encoding::Json {
            self.out.extend_from_slice(b", ");
        }
        self.text(name.as_bytes());
        if self.encoding == Encoding::Json {
            self.out.extend_from_slice(b": ");
        }
        self.value(value);
    }

    pub(super) fn value(&mut self, value: &Datum<'_>) {
        match value {
            Datum::Missing => self.missing(),
            Datum::Bool(truth) => self.truth(*truth),
            Datum::Int(number) => self.number(*number),
            Datum::Text(text) => self.text(text),
            Datum::Assembled(text) => self.assembled(text),
            Datum::Bytes(bytes) if self.binary && self.encoding == Encoding::Cbor => {
                self.head(BYTES, bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            Datum::Bytes(bytes) => self.text(&hex(bytes)),
            Datum::List(list) => self.list(list),
        }
    }

    fn missing(&mut self) {
        match self.encoding {
            Encoding::Json => self.out.extend_from_slice(b"null"),
            Encoding::Cbor => self.out.push(NULL),
        }
    }

    fn truth(&mut self, truth: bool) {
        match (self.encoding, truth) {
            (Encoding::Json, true) => self.out.extend_from_slice(b"true"),
            (Encoding::Json, false) => self.out.extend_from_slice(b"false"),
            (Encoding::Cbor, true) => self.out.push(TRUE),
            (Encoding::Cbor, false) => self.out.push(FALSE),
        }
    }

    fn number(&mut self, number: i64) {
        match self.encoding {
            // Writing into a `Vec` cannot fail.
            Encoding::Json => drop(write!(self.out, "{number}")),
            // A negative number n is written as -1 - n (RFC 8949 section 3.1).
            Encoding::Cbor if number < 0 => self.head(NEGATIVE, !number as u64),
            Encoding::Cbor => self.head(UNSIGNED, number as u64),
        }
    }

    fn text(&mut self, text: &[u8]) {
        let text = readable(text);
        match self.encoding {
            Encoding::Json => self.json_string(&text),
            Encoding::Cbor => {
                self.head(TEXT, text.len() as u64);
                self.out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn assembled(&mut self, text: &[u8]) {
        match self.encoding {
            Encoding::Json => self.text(text),
            Encoding::Cbor => {
                self.out.push(OPEN_TEXT);
                self.text(text);
                self.out.push(BREAK);
            }
        }
    }

    fn list(&mut self, list: &[Option<Vec<u8>>]) {
        let (open, between, close): (_, &[u8], _) = match self.encoding {
            Encoding::Json => (b'[', b", ", b']'),
            Encoding::Cbor => (OPEN_LIST, b"", BREAK),
        };
        self.out.push(open);
        for (at, text) in list.iter().enumerate() {
            if at > 0 {
                self.out.extend_from_slice(between);
            }
            match text {
                Some(text) => self.text(text),
                None => self.missing(),
            }
        }
        self.out.push(close);
    }

    fn json_string(&mut self, text: &str) {
        self.out.push(b'"');
        for c in text.chars() {
            let _ = match c {
                '"' | '\\' => write!(self.out, "\\{c}"),
                '\n' => write!(self.out, "\\n"),
                '\r' => write!(self.out, "\\r"),
                '\t' => write!(self.out, "\\t"),
                c if c.is_control() => write!(self.out, "\\u{:04x}", u32::from(c)),
                c => write!(self.out, "{c}"),
            };
        }
        self.out.push(b'"');
    }

    /// Major type and argument (RFC 8949 section 3).
    fn head(&mut self, major: u8, argument: u64) {
        let bytes = argument.to_be_bytes();
        let (size, width) = match argument {
            0..=23 => return self.out.push(major | argument as u8),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            0x1_0000_0000.. => (27, 8),
        };
        self.out.push(major | size);
        self.out.extend_from_slice(bytes.get(8 - width..).unwrap_or_default());
    }
}

const UNSIGNED: u8 = 0x00;
const NEGATIVE: u8 = 0x20;
const BYTES: u8 = 0x40;
const TEXT: u8 = 0x60;
const OPEN_TEXT: u8 = 0x7f;
const OPEN_LIST: u8 = 0x9f;
const OPEN_MAP: u8 = 0xbf;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const BREAK: u8 = 0xff;

/// Text as characters.
fn readable(text: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => text.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cbor(value: &Datum<'_>) -> Vec<u8> {
        let mut encoder = Encoder::new(Encoding::Cbor, true);
        encoder.value(value);
        encoder.finish()
    }

    /// RFC 8949, appendix A.
    #[test]
    fn numbers_and_texts_are_as_the_standard_shows() {
        let cases: [(Datum<'_>, &[u8]); 13] = [
            (Datum::Int(0), b"\x00"),
            (Datum::Int(23), b"\x17"),
            (Datum::Int(24), b"\x18\x18"),
            (Datum::Int(1000), b"\x19\x03\xe8"),
            (Datum::Int(1_000_000), b"\x1a\x00\x0f\x42\x40"),
            (Datum::Int(1_000_000_000_000), b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"),
            (Datum::Int(-1), b"\x20"),
            (Datum::Int(-1000), b"\x39\x03\xe7"),
            (Datum::Missing, b"\xf6"),
            (Datum::Text(b"IETF"[..].into()), b"\x64IETF"),
            (Datum::Text("\u{fc}".as_bytes().into()), b"\x62\xc3\xbc"),
            (Datum::Bytes(b"\x01\x02\x03\x04"[..].into()), b"\x44\x01\x02\x03\x04"),
            (Datum::List(vec![Some(b"a".to_vec()), None]), b"\x9f\x61a\xf6\xff"),
        ];
        for (value, expected) in cases {
            assert_eq!(cbor(&value), expected, "{value:?}");
        }
        assert_eq!(cbor(&Datum::Assembled(b"GET".to_vec())), b"\x7f\x63GET\xff");
    }

    #[test]
    fn json_is_valid_whatever_the_bytes() {
        let mut encoder = Encoder::new(Encoding::Json, false);
        encoder.value(&Datum::Text(b"a\"\\\n\x01\x7f\xff"[..].into()));
        assert_eq!(
            encoder.finish(),
            br#""a\"\\\n\u0001\u007f"#.iter().chain("\u{ff}\"".as_bytes()).copied().collect::<Vec<_>>()
        );
    }
}
