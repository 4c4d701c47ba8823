//! Response heads (RFC 9112 section 4). As strict as for requests where framing is at stake; lenient where servers
//! in the field are careless and nothing can be misread: an empty reason, or no space before it.

use super::framing::Seen;
use super::{Complete, Framing, Limits, Parsed, Reject, head};
use crate::message::{Method, Response, Slice, Version, is_bodyless};

/// Reads a response head from the start of `input`; `to` is the method of the request it answers. `scanned` starts
/// at 0 for each message. Interim responses (1xx) come out like any other, with [`Framing::None`]: the caller goes
/// on with the next head, except after 101. After a [`Reject`] the contents of `into` mean nothing.
pub fn parse_response(
    input: &[u8],
    scanned: &mut usize,
    limits: &Limits,
    to: Method,
    into: &mut Response,
) -> Result<Parsed, Reject> {
    match head::find_end(input, 0, scanned).map_err(Reject::of_server)? {
        Some(end) if end <= limits.max_head => {
            let head = input.get(..end).unwrap_or_default();
            whole(head, limits, to, into).map(Parsed::Complete).map_err(Reject::of_server)
        }
        None if input.len() < limits.max_head => partial(input),
        Some(_) | None => Err(Reject { status: 502, reason: "head too long", at: limits.max_head }),
    }
}

/// Refuses at once what cannot become a response.
fn partial(input: &[u8]) -> Result<Parsed, Reject> {
    let start = b"HTTP/";
    match input.iter().zip(start).position(|(a, b)| a != b) {
        Some(at) => Err(Reject::bad("malformed status line", at).of_server()),
        None => Ok(Parsed::Partial),
    }
}

fn whole(head: &[u8], limits: &Limits, to: Method, into: &mut Response) -> Result<Complete, Reject> {
    let relaxed = limits.unsafe_request;
    into.clear();
    into.fields.load(head);
    let next = status_line(head, relaxed, into)?;
    let mut seen = Seen::default();
    let max = limits.max_fields.saturating_sub(1);
    head::fields(head, next, relaxed, max, &mut into.fields, |n, v, i| seen.field(n, v, i))?;
    let body = body(&seen, to, into)?;
    let agrees = into.status == 101 && seen.websocket;
    if agrees && !relaxed && into.fields.get(b"sec-websocket-accept").is_none() {
        return Err(Reject::bad("WebSocket handshake without an answer to its key", 0));
    }
    Ok(Complete {
        head_len: head.len(),
        body,
        close: body == Framing::UntilClose || !seen.persists(into.version),
        keep_alive_10: into.version == Version::H10 && seen.persists(into.version),
        upgrade: into.status == 101,
        expect_continue: false,
    })
}

/// RFC 9112 section 6.3, rules 1, 2 and 8. The fields are judged even where they do not count.
fn body(seen: &Seen, to: Method, response: &Response) -> Result<Framing, Reject> {
    let said = seen.framing(response.version)?;
    Ok(match (response.status, to) {
        (status, _) if is_bodyless(status) => Framing::None,
        (_, Method::Head) | (200..=299, Method::Connect) => Framing::None,
        (_, _) => said.unwrap_or(Framing::UntilClose),
    })
}

/// Version, status and reason; gives the offset of the first field line.
fn status_line(head: &[u8], relaxed: bool, into: &mut Response) -> Result<usize, Reject> {
    let (line, next) = head::start_line(head)?;
    let space = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    let version = version(line.get(..space).unwrap_or_default(), relaxed)?;
    let (status, reason) = match line.get(space + 1..).unwrap_or_default() {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => ([a, b, c], space + 4),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] => ([a, b, c], space + 5),
        [..] => return Err(Reject::bad("malformed status", space + 1)),
    };
    let status = status.iter().fold(0, |n, b| n * 10 + u16::from(**b - b'0'));
    head::check_value(line.get(reason..).unwrap_or_default(), false).map_err(|r| r.moved(reason))?;
    into.note_start(status, Slice::new(reason, line.len()), version);
    Ok(next)
}

/// A higher minor version is read as 1.1 (RFC 9110 section 2.5).
fn version(text: &[u8], relaxed: bool) -> Result<Version, Reject> {
    match text {
        b"HTTP/1.1" => Ok(Version::H11),
        b"HTTP/1.0" => Ok(Version::H10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Ok(Version::H11),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', rest @ ..]
            if relaxed && !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) =>
        {
            Ok(Version::H11)
        }
        _ => Err(Reject::bad("malformed HTTP version", 0)),
    }
}
