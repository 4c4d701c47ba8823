//! What request and response heads share: finding the end, and reading field lines (RFC 9112 section 5). The head is
//! read once; names and values become slices of the one copy that [`Fields`] took. Must not look at start lines.

use super::Reject;
use crate::fields::Fields;
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

/// Reads field lines from `head[at..]` up to the empty line and shows each to `look(name, value, index)`; offsets
/// of faults count from the head's start.
pub(super) fn fields(
    head: &[u8],
    mut at: usize,
    relaxed: bool,
    max: usize,
    into: &mut Fields,
    mut look: impl FnMut(&[u8], &[u8], usize) -> Result<(), Reject>,
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
        let line = line(rest).map_err(|r| r.moved(at))?;
        let (first, last) = trimmed(line, colon + 1);
        let value = line.get(first..last).unwrap_or_default();
        check_value(value, relaxed).map_err(|r| r.moved(at + first))?;
        let name = Slice::new(at, at + colon);
        look(into.text(name), value, into.len()).map_err(|r| r.moved(at))?;
        into.note(name, Slice::new(at + first, at + last));
        at += line.len() + 2;
    }
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
    if is_plain(value) { Ok(()) } else { check_each(value, relaxed) }
}

#[cold]
fn check_each(value: &[u8], relaxed: bool) -> Result<(), Reject> {
    let is_bad = |b: &u8| (*b < 0x20 || *b == 0x7f) && *b != b'\t' && !(relaxed && *b == 0);
    match value.iter().position(is_bad) {
        None => Ok(()),
        Some(at) if value.get(at) == Some(&b'\r') => Err(Reject::bad("bare CR", at)),
        Some(at) => Err(Reject::bad("control byte in field value", at)),
    }
}

/// Whether there is no control byte at all, eight bytes at a time; the last eight may overlap those before them.
fn is_plain(value: &[u8]) -> bool {
    let (eights, rest) = value.as_chunks::<8>();
    let word = |eight: &[u8; 8]| has_control(u64::from_ne_bytes(*eight));
    match value.last_chunk::<8>() {
        Some(last) => !eights.iter().fold(word(last), |any, eight| any | word(eight)),
        None => rest.iter().all(|&b| b >= 0x20 && b != 0x7f),
    }
}

/// Whether one of eight bytes is below 0x20 or is 0x7f: the usual "subtract and see who borrowed".
fn has_control(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let del = word ^ (ONES * 0x7f);
    let del = del.wrapping_sub(ONES) & !del;
    (below | del) & HIGH != 0
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
