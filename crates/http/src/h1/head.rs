//! What request and response heads share: finding the end, and reading field lines (RFC 9112 section 5). The head is
//! read once; names and values become slices of the one copy that [`Fields`] took. Must not look at start lines.

use super::Reject;
use crate::fields::Fields;
use crate::message::Slice;
use memchr::memchr;

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
    let mut at = (*scanned).max(start);
    while let Some(lf) = memchr(b'\n', input.get(at..).unwrap_or_default()).map(|i| i + at) {
        match input.get(start..lf).unwrap_or_default() {
            [.., b'\n', b'\r'] => return Ok(Some(lf + 1)),
            [.., b'\r'] => at = lf + 1,
            [..] => return Err(Reject::bad("bare LF", lf)),
        }
    }
    *scanned = input.len();
    Ok(None)
}

/// The first line without its CRLF, and the offset of the next one. `head` is whole.
pub(super) fn start_line(head: &[u8]) -> (&[u8], usize) {
    let lf = memchr(b'\n', head).unwrap_or(head.len());
    (head.get(..lf.saturating_sub(1)).unwrap_or_default(), lf + 1)
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
        let line = head.get(at..).unwrap_or_default();
        if line.starts_with(b"\r\n") {
            return Ok(());
        }
        if into.len() >= max {
            return Err(Reject { status: 431, reason: "too many header fields", at });
        }
        let colon = name_end(line, relaxed).map_err(|r| r.moved(at))?;
        let value = colon + 1;
        let end = value
            + value_end(line.get(value..).unwrap_or_default(), relaxed).map_err(|r| r.moved(at + value))?;
        let (first, last) = trimmed(line, value, end);
        let name = line.get(..colon).unwrap_or_default();
        look(name, line.get(first..last).unwrap_or_default(), into.len()).map_err(|r| r.moved(at))?;
        into.note(Slice::new(at, at + colon), Slice::new(at + first, at + last));
        at += end + 2;
    }
}

/// Length of the field name that `line` starts with; a colon follows it at once.
fn name_end(line: &[u8], relaxed: bool) -> Result<usize, Reject> {
    let end = line.iter().position(|&b| !is_token(b)).unwrap_or(line.len());
    match line.get(end) {
        Some(b':') if end > 0 => Ok(end),
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

/// Length of the value that `text` starts with, spaces around it included; a CRLF follows it.
pub(super) fn value_end(text: &[u8], relaxed: bool) -> Result<usize, Reject> {
    let mut at = 0;
    loop {
        at += plain_run(text.get(at..).unwrap_or_default());
        match text.get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] => return Ok(at),
            [b'\t', ..] => at += 1,
            [0, ..] if relaxed => at += 1,
            [b'\r', ..] => return Err(Reject::bad("bare CR", at)),
            [b'\n', ..] => return Err(Reject::bad("bare LF", at)),
            [..] => return Err(Reject::bad("control byte in field value", at)),
        }
    }
}

/// Number of leading bytes that are neither control bytes nor DEL, eight at a time.
fn plain_run(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text.get(at..).and_then(|t| t.first_chunk::<8>()) {
        if has_control(u64::from_ne_bytes(*eight)) {
            break;
        }
        at += 8;
    }
    at + text.get(at..).unwrap_or_default().iter().take_while(|&&b| b >= 0x20 && b != 0x7f).count()
}

/// Whether one of eight bytes may be below 0x20 or be 0x7f: the usual "subtract and see who borrowed". It can say
/// yes without cause only after a byte that is a cause.
fn has_control(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES * 0x80;
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let del = word ^ (ONES * 0x7f);
    let del = del.wrapping_sub(ONES) & !del;
    (below | del) & HIGH != 0
}

/// `start..end` of `line` without the spaces and tabs at its ends.
fn trimmed(line: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    let blank = |at: usize| matches!(line.get(at), Some(b' ' | b'\t'));
    while start < end && blank(start) {
        start += 1;
    }
    while end > start && blank(end - 1) {
        end -= 1;
    }
    (start, end)
}

const TOKEN: [bool; 256] = token_table();

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128 {
        table[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) fn is_token(b: u8) -> bool {
    TOKEN.get(usize::from(b)).copied().unwrap_or(false)
}
