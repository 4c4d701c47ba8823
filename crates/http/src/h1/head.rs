//! What request and response heads share: finding the end, and reading field lines (RFC 9112 section 5). The head is
//! read once; names and values become slices of the one copy that [`Fields`] took. Must not look at start lines.

use super::Reject;
use crate::fields::{Fields, Kind};
use crate::message::Slice;
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};
use std::sync::LazyLock;

/// Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one); some clients end a
/// POST's body with a CRLF too many.
const MAX_EMPTY_LINES: usize = 2;

/// Length of the empty lines before a request line; `None` while their number is not known.
pub(super) fn skip_empty_lines(input: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..MAX_EMPTY_LINES {
        match input.get(at..).unwrap_or_default() {
            [] | [b'\r'] => return None,
            [b'\r', b'\n', ..] => at += 2,
            [..] => break,
        }
    }
    Some(at)
}

/// Looks for the empty line that ends the head in `input[start..]` and gives the offset behind it. `scanned` keeps
/// how far earlier calls have looked, so that a head which arrives byte by byte is read once.
pub(super) fn find_end(input: &[u8], start: usize, scanned: &mut usize) -> Result<Option<usize>, Reject> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    let from = scanned.saturating_sub(3).max(start);
    if let Some(at) = END.find(input.get(from..).unwrap_or_default()) {
        return Ok(Some(from + at + 4));
    }
    refuse_bare_lf(input, start, *scanned)?;
    *scanned = input.len();
    Ok(None)
}

/// A head whose lines end in LF alone would never end: it is refused before it is whole.
fn refuse_bare_lf(input: &[u8], start: usize, scanned: usize) -> Result<(), Reject> {
    let from = scanned.max(start);
    let is_bare = |lf: &usize| *lf == start || input.get(lf - 1) != Some(&b'\r');
    match memchr_iter(b'\n', input.get(from..).unwrap_or_default()).map(|i| i + from).find(is_bare) {
        Some(at) => Err(Reject::bad("bare LF", at)),
        None => Ok(()),
    }
}

/// The first line without its CRLF, and the offset of the next one.
pub(super) fn start_line(head: &[u8]) -> Result<(&[u8], usize), Reject> {
    line(head).map(|line| (line, line.len() + 2))
}

/// Reads field lines from `head[at..]` up to the empty line and shows those of a known kind to
/// `look(kind, value, index)`; offsets of faults count from the head's start.
pub(super) fn fields(
    head: &[u8],
    mut at: usize,
    relaxed: bool,
    max: usize,
    into: &mut Fields,
    mut look: impl FnMut(Kind, &[u8], usize) -> Result<(), Reject>,
) -> Result<(), Reject> {
    loop {
        let rest = head.get(at..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            return Ok(());
        }
        if into.len() >= max {
            return Err(Reject { status: 431, reason: "too many header fields", at });
        }
        let colon = name(rest, at, relaxed, into).map_err(|r| r.moved(at))?;
        let end = match value_end(rest, colon + 1) {
            Some(end) => end,
            None => odd_value_end(rest, colon + 1, relaxed).map_err(|r| r.moved(at))?,
        };
        let (first, last) = trimmed(rest.get(..end).unwrap_or_default(), colon + 1);
        let name = Slice::new(at, at + colon);
        let kind = Kind::of(into.text(name));
        if kind != Kind::Other {
            let value = rest.get(first..last).unwrap_or_default();
            look(kind, value, into.len()).map_err(|r| r.moved(at))?;
        }
        into.note(kind, name, Slice::new(at + first, at + last));
        at += end + 2;
    }
}

/// Where the CRLF stands that ends the value from `from` on, when nothing but printable bytes and tabs comes before.
fn value_end(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += first_control(line.get(at..)?);
        match line.get(at..at + 2)? {
            b"\r\n" => return Some(at),
            [b'\t', _] => at += 1,
            [..] => return None,
        }
    }
}

/// Says what is wrong with a value, or where it ends when that is allowed.
#[cold]
fn odd_value_end(rest: &[u8], from: usize, relaxed: bool) -> Result<usize, Reject> {
    let line = line(rest)?;
    let (first, last) = trimmed(line, from);
    let value = line.get(first..last).unwrap_or_default();
    check_value(value, relaxed).map_err(|r| r.moved(first))?;
    Ok(line.len())
}

/// The line that `rest` starts with, without its CRLF.
fn line(rest: &[u8]) -> Result<&[u8], Reject> {
    let lf = memchr(b'\n', rest).unwrap_or(rest.len());
    rest.get(..lf).and_then(|l| l.strip_suffix(b"\r")).ok_or(Reject::bad("bare LF", lf))
}

/// Length of the field name at `at` in the loaded head; a colon follows it at once. Lower-cases it on the way.
fn name(rest: &[u8], at: usize, relaxed: bool, into: &mut Fields) -> Result<usize, Reject> {
    let len = into.lower_token(at);
    if len > 0 && rest.get(len) == Some(&b':') {
        return Ok(len);
    }
    let len = odd_name(rest, len, relaxed)?;
    into.lower(Slice::new(at, at + len));
    Ok(len)
}

/// Says what is wrong with a name whose token ends at `end`, or how long it is when that is allowed.
#[cold]
fn odd_name(line: &[u8], end: usize, relaxed: bool) -> Result<usize, Reject> {
    match line.get(end) {
        Some(b':') => Err(Reject::bad("empty field name", 0)),
        Some(b' ' | b'\t') if end == 0 => Err(Reject::bad("folded line", 0)),
        Some(b' ' | b'\t') => Err(Reject::bad("space in field name", end)),
        Some(b'\r' | b'\n') | None => Err(Reject::bad("field without colon", end)),
        Some(_) if relaxed => unsafe_name_end(line),
        Some(_) => Err(Reject::bad("forbidden byte in field name", end)),
    }
}

/// `option accept-unsafe-violations-in-http-request`: any byte in a name but those that end or fold a line.
fn unsafe_name_end(line: &[u8]) -> Result<usize, Reject> {
    let end =
        line.iter().position(|b| matches!(b, b':' | b' ' | b'\t' | b'\r' | b'\n')).unwrap_or(line.len());
    match line.get(end) {
        Some(b':') => Ok(end),
        Some(_) | None => Err(Reject::bad("forbidden byte in field name", end)),
    }
}

/// Refuses control bytes in a field value or a reason, but tabs.
pub(super) fn check_value(value: &[u8], relaxed: bool) -> Result<(), Reject> {
    if first_control(value) == value.len() { Ok(()) } else { check_each(value, relaxed) }
}

#[cold]
fn check_each(value: &[u8], relaxed: bool) -> Result<(), Reject> {
    let is_bad = |b: &u8| is_control(*b) && *b != b'\t' && !(relaxed && *b == 0);
    match value.iter().position(is_bad) {
        None => Ok(()),
        Some(at) if value.get(at) == Some(&b'\r') => Err(Reject::bad("bare CR", at)),
        Some(at) => Err(Reject::bad("control byte in field value", at)),
    }
}

fn is_control(b: u8) -> bool {
    b < 0x20 || b == 0x7f
}

/// Offset of the first control byte, tabs included, or the length; eight bytes at a time.
fn first_control(text: &[u8]) -> usize {
    let (eights, rest) = text.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        let marks = controls(u64::from_le_bytes(*eight));
        if marks != 0 {
            return i * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    eights.len() * 8 + rest.iter().position(|b| is_control(*b)).unwrap_or(rest.len())
}

/// Marks the high bit of bytes below 0x20 or equal to 0x7f: the usual "subtract and see who borrowed". The lowest mark
/// is exact; those above it may be the borrow's.
fn controls(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let del = word ^ (ONES * 0x7f);
    let del = del.wrapping_sub(ONES) & !del;
    (below | del) & HIGH
}

/// `start..` of `line` without the spaces and tabs at its ends.
fn trimmed(line: &[u8], mut start: usize) -> (usize, usize) {
    let mut end = line.len().max(start);
    let blank = |at: usize| matches!(line.get(at), Some(b' ' | b'\t'));
    while start < end && blank(start) {
        start += 1;
    }
    while end > start && blank(end - 1) {
        end -= 1;
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every place, against the plain definition.
    #[test]
    fn the_first_control_byte_is_found() {
        for len in 0..20 {
            for at in 0..len {
                for byte in 0..=255 {
                    let mut text = vec![b'\xff'; len];
                    text[at] = byte;
                    let expected = text.iter().position(|b| is_control(*b)).unwrap_or(len);
                    assert_eq!(first_control(&text), expected, "{byte:#x} at {at} of {len}");
                }
            }
        }
    }
}
