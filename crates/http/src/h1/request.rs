//! Request heads (RFC 9112 section 3). One call reads what has arrived; the head is taken over in one copy once it
//! is whole.

use super::framing::Seen;
use super::{Complete, Framing, Limits, Parsed, Reject, default_port, head, target};
use crate::fields::is_token_byte;
use crate::message::{Method, Request, Slice, Version};
use memchr::memchr;

/// Reads a request head from the start of `input`. `scanned` starts at 0 for each message and belongs to this
/// function until the head is whole. After a [`Reject`] the contents of `into` mean nothing.
pub fn parse_request(
    input: &[u8],
    scanned: &mut usize,
    limits: &Limits,
    into: &mut Request,
) -> Result<Parsed, Reject> {
    let Some(skip) = head::skip_empty_lines(input) else { return Ok(Parsed::Partial) };
    match head::find_end(input, skip, scanned)? {
        Some(end) if end - skip <= limits.max_head => {
            let head = input.get(skip..end).unwrap_or_default();
            let complete = whole(head, limits, into).map_err(|r| r.moved(skip))?;
            Ok(Parsed::Complete(Complete { head_len: end, ..complete }))
        }
        Some(_) => Err(too_long(input, skip, limits)),
        None => partial(input, skip, limits),
    }
}

/// Refuses at once what cannot become a request: no need to wait for its end or for a timeout.
fn partial(input: &[u8], skip: usize, limits: &Limits) -> Result<Parsed, Reject> {
    match input.get(skip) {
        Some(&b) if !is_token_byte(b) => Err(Reject::bad("malformed method", skip)),
        Some(_) if input.len() - skip >= limits.max_head => Err(too_long(input, skip, limits)),
        Some(_) | None => Ok(Parsed::Partial),
    }
}

fn too_long(input: &[u8], skip: usize, limits: &Limits) -> Reject {
    let at = skip + limits.max_head;
    match memchr(b'\n', input.get(skip..at).unwrap_or_default()) {
        Some(_) => Reject { status: 431, reason: "head too long", at },
        None => Reject { status: 414, reason: "request line too long", at },
    }
}

fn whole(head: &[u8], limits: &Limits, into: &mut Request) -> Result<Complete, Reject> {
    let relaxed = limits.unsafe_request;
    into.clear();
    into.fields.load(head);
    let next = request_line(head, relaxed, into)?;
    into.for_proxy = limits.proxy_header && !matches!(into.target().first(), Some(b'/' | b'*'));
    let mut seen = Seen::of_request(into.for_proxy);
    let max = limits.max_fields.saturating_sub(1);
    head::fields(head, next, relaxed, max, &mut into.fields, |n, v, i| seen.field(n, v, i))?;
    target::check(into, seen.host, relaxed)?;
    default_port::drop_from(into, seen.host);
    let upgrade = seen.wants_upgrade(into.version);
    if upgrade && seen.websocket && !seen.websocket_key && !relaxed {
        return Err(Reject::bad("WebSocket handshake without a valid key", 0));
    }
    Ok(Complete {
        head_len: head.len(),
        body: body(&seen, into)?,
        close: !seen.persists(into.version),
        keep_alive_10: into.version == Version::H10 && seen.persists(into.version),
        upgrade,
        expect_continue: seen.expect_continue && into.version == Version::H11,
    })
}

/// Without framing fields a request has no body (RFC 9112 section 6.3, rule 7). CONNECT never has one: the bytes
/// behind its head belong to the tunnel. HTTP/1.0 methods without content do not get one either: servers of that
/// age would take the body for the next request.
fn body(seen: &Seen, request: &Request) -> Result<Framing, Reject> {
    match (seen.framing(request.version)?, request.method) {
        (None | Some(Framing::Length(0)), Method::Connect) => Ok(Framing::None),
        (Some(_), Method::Connect) => Err(Reject::bad("CONNECT with a body", 0)),
        (Some(Framing::Length(1..)), Method::Get | Method::Head | Method::Delete)
            if request.version == Version::H10 =>
        {
            Err(Reject { status: 413, reason: "body of an HTTP/1.0 GET, HEAD or DELETE", at: 0 })
        }
        (Some(framing), _) => Ok(framing),
        (None, _) => Ok(Framing::None),
    }
}

/// Method, target and version, one space between them; gives the offset of the first field line. The unsafe option
/// takes a GET without version (HTTP/0.9) for HTTP/1.0.
fn request_line(head: &[u8], relaxed: bool, into: &mut Request) -> Result<usize, Reject> {
    let (line, next) = head::start_line(head)?;
    let method = line.iter().position(|&b| !is_token_byte(b)).unwrap_or(line.len());
    if method == 0 || line.get(method) != Some(&b' ') {
        return Err(Reject::bad("malformed method", method));
    }
    let from = method + 1;
    let rest = line.get(from..).unwrap_or_default();
    let to = from + memchr(b' ', rest).unwrap_or(rest.len());
    if !target::bytes_are_valid(line.get(from..to).unwrap_or_default(), relaxed) {
        return Err(Reject::bad("malformed request target", from));
    }
    let version = match line.get(to + 1..) {
        None if relaxed && line.starts_with(b"GET ") => Version::H10,
        text => version(text.unwrap_or_default(), relaxed).map_err(|r| r.moved(to + 1))?,
    };
    into.note_start(Slice::new(0, method), Slice::new(from, to), version);
    Ok(next)
}

/// A higher minor version is read as 1.1 (RFC 9110 section 2.5).
fn version(text: &[u8], relaxed: bool) -> Result<Version, Reject> {
    match text {
        b"HTTP/1.1" => Ok(Version::H11),
        b"HTTP/1.0" => Ok(Version::H10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Ok(Version::H11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Reject { status: 505, reason: "HTTP version not supported", at: 0 })
        }
        _ if relaxed && is_unsafe_version(text) => Ok(Version::H11),
        _ => Err(Reject::bad("malformed HTTP version", 0)),
    }
}

/// `option accept-unsafe-violations-in-http-request`: another protocol's name (RTSP), several digits.
fn is_unsafe_version(text: &[u8]) -> bool {
    let digits = |t: &[u8]| !t.is_empty() && t.iter().all(u8::is_ascii_digit);
    let mut parts = text.splitn(2, |&b| b == b'/');
    let name = parts.next().unwrap_or_default();
    let mut numbers = parts.next().unwrap_or_default().splitn(2, |&b| b == b'.');
    !name.is_empty()
        && name.iter().all(u8::is_ascii_uppercase)
        && numbers.next().is_some_and(digits)
        && numbers.next().is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxied_requests_say_in_a_field_of_their_own_whether_they_persist() {
        let cases = [
            ("GET http://a/ HTTP/1.1", "Proxy-Connection: close", true),
            ("GET http://a/ HTTP/1.1", "Proxy-Connection: keep-alive", false),
            ("GET http://a/ HTTP/1.1", "Connection: close\r\nProxy-Connection: keep-alive", true),
            ("GET http://a/ HTTP/1.0", "Proxy-Connection: Keep-Alive", false),
            ("CONNECT a:443 HTTP/1.1", "Proxy-Connection: x, close", true),
            ("GET / HTTP/1.1", "Proxy-Connection: close", false),
            ("GET / HTTP/1.0", "Proxy-Connection: keep-alive", true),
            ("OPTIONS * HTTP/1.1", "Proxy-Connection: close", false),
        ];
        let limits = Limits { proxy_header: true, ..Limits::default() };
        for (line, fields, close) in cases {
            let host = if line.starts_with("CONNECT") { "a:443" } else { "a" };
            let head = format!("{line}\r\nHost: {host}\r\n{fields}\r\n\r\n");
            let parsed = parse_request(head.as_bytes(), &mut 0, &limits, &mut Request::default());
            assert!(matches!(parsed, Ok(Parsed::Complete(c)) if c.close == close), "{head} {parsed:?}");
        }
        let head = b"GET http://a/ HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n";
        let parsed = parse_request(head, &mut 0, &Limits::default(), &mut Request::default());
        assert!(matches!(parsed, Ok(Parsed::Complete(c)) if !c.close), "without the option");
    }

    #[test]
    fn a_head_may_arrive_byte_by_byte() {
        let text = b"\r\nPOST /a?b HTTP/1.1\r\nHost: x\r\nX-Y:  z \r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc";
        let (mut scanned, mut request) = (0, Request::default());
        let end = text.len() - 3;
        for n in 0..end {
            let parsed = parse_request(&text[..n], &mut scanned, &Limits::default(), &mut request);
            assert_eq!(parsed, Ok(Parsed::Partial), "after {n} bytes");
        }
        let parsed = parse_request(text, &mut scanned, &Limits::default(), &mut request);
        let expected = Complete {
            head_len: end,
            body: Framing::Length(3),
            close: false,
            keep_alive_10: false,
            upgrade: false,
            expect_continue: true,
        };
        assert_eq!(parsed, Ok(Parsed::Complete(expected)));
        assert_eq!((request.method, request.target()), (Method::Post, &b"/a?b"[..]));
        assert_eq!(request.fields.get(b"x-y"), Some(&b"z"[..]));
    }
}
