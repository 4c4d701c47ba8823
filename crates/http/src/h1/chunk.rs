//! The line before each chunk (RFC 9112 section 7.1): a size in hexadecimal, then perhaps extensions. Read byte by
//! byte, so that it may arrive in any pieces and nothing of it is kept. Extensions are checked to the letter and
//! dropped: where two programs disagree on the end of this line, one request becomes two.

use crate::fields::is_token_byte;

/// Longest chunk line, extensions and CRLF included. Signed uploads to object stores need about 90 bytes.
const MAX_LINE: u16 = 256;

/// Most digits of a chunk size: those of a `u64`.
const MAX_DIGITS: u16 = 16;

/// A chunk line on its way in.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkLine {
    size: u64,
    len: u16,
    place: Place,
}

/// ```text
/// Size -> BeforeSemicolon -> Name -> AfterName -> BeforeValue -> Value | Quoted <-> Escape -> AfterValue -> Lf
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size,
    /// Blanks after the size or after a value: only another extension may follow.
    BeforeSemicolon,
    /// Behind a semicolon, blanks allowed.
    BeforeName,
    Name,
    /// Blanks after a name: only `=` or another extension may follow.
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    Escape,
    AfterQuoted,
    Lf,
}

impl ChunkLine {
    pub(super) fn new() -> ChunkLine {
        ChunkLine { size: 0, len: 0, place: Place::Size }
    }

    /// Takes one byte; the chunk's size once the line is whole.
    pub(super) fn push(&mut self, b: u8) -> Result<Option<u64>, &'static str> {
        self.len += 1;
        if self.len > MAX_LINE {
            return Err("chunk line too long");
        }
        match (self.place, b) {
            (Place::Size, _) => self.size_byte(b)?,
            (Place::Lf, b'\n') => return Ok(Some(self.size)),
            (Place::Lf, _) => return Err("bare CR"),
            (place, _) => self.place = extension_byte(place, b)?,
        }
        Ok(None)
    }

    fn size_byte(&mut self, b: u8) -> Result<(), &'static str> {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            b'A'..=b'F' => b - b'A' + 10,
            _ if self.len == 1 => return Err("chunk size without digits"),
            _ => {
                self.place = after(b, Place::BeforeSemicolon).ok_or("malformed chunk size")?;
                return Ok(());
            }
        };
        if self.len > MAX_DIGITS {
            return Err("chunk size too large");
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(())
    }
}

/// What may follow a size, a name or a value: its end, the next extension, or blanks and then `blank`.
fn after(b: u8, blank: Place) -> Option<Place> {
    match b {
        b'\r' => Some(Place::Lf),
        b';' => Some(Place::BeforeName),
        b' ' | b'\t' => Some(blank),
        _ => None,
    }
}

fn extension_byte(place: Place, b: u8) -> Result<Place, &'static str> {
    let blank = matches!(b, b' ' | b'\t');
    let next = match place {
        Place::BeforeSemicolon | Place::AfterName | Place::BeforeName | Place::BeforeValue if blank => {
            Some(place)
        }
        Place::BeforeSemicolon => (b == b';').then_some(Place::BeforeName),
        Place::BeforeName | Place::Name if is_token_byte(b) => Some(Place::Name),
        Place::Name | Place::AfterName if b == b'=' => Some(Place::BeforeValue),
        Place::Name => after(b, Place::AfterName),
        Place::AfterName => (b == b';').then_some(Place::BeforeName),
        Place::BeforeValue if b == b'"' => Some(Place::Quoted),
        Place::BeforeValue | Place::Value if is_token_byte(b) => Some(Place::Value),
        Place::Value | Place::AfterQuoted => after(b, Place::BeforeSemicolon),
        Place::Quoted if b == b'"' => Some(Place::AfterQuoted),
        Place::Quoted if b == b'\\' => Some(Place::Escape),
        Place::Quoted | Place::Escape => (b == b'\t' || (b >= b' ' && b != 0x7f)).then_some(Place::Quoted),
        Place::Size | Place::Lf | Place::BeforeName | Place::BeforeValue => None,
    };
    next.ok_or("malformed chunk extension")
}
