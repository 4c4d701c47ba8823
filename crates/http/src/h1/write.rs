//! Heads and chunks onto the wire. Fields go out as they stand, except those that frame the message: they are
//! written anew from the [`Framing`] that the caller is about to send, so a body is never framed by what a peer
//! claimed. They keep the place that they had. The caller has removed hop-by-hop fields and added its own `connection`.

use super::Framing;
use crate::fields::{CRLF, Fields, Kind, Kinds};
use crate::message::{Method, Request, Response, Version};
use crate::spelling::Spelling;

/// What frames the message.
const FRAMING: Kinds = Kinds::of(&[Kind::ContentLength, Kind::TransferEncoding]);
const CODING: Kinds = Kinds::of(&[Kind::TransferEncoding]);

/// Appends a request head; its target keeps the form that it has. It goes out as HTTP/1.1, but for an HTTP/1.0 request
/// without Host, which would not be a valid one. Names are in lower case but for those of a spelling.
pub fn write_request(head: &Request, framing: Framing, spelling: Option<&Spelling>, out: &mut Vec<u8>) {
    out.extend_from_slice(head.method_text());
    out.push(b' ');
    write_target(head, out);
    let old = head.version == Version::H10 && head.host().is_none() && framing != Framing::Chunked;
    out.extend_from_slice(if old { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
    write_fields(&head.fields, FRAMING, framing, spelling, out);
    out.extend_from_slice(CRLF);
}

/// An absolute form stays one, for the server may be a proxy. What counts of it is its authority (RFC 9112 section
/// 3.2.2), so that it is sent with the one of Host, which rules may have changed.
fn write_target(head: &Request, out: &mut Vec<u8>) {
    if head.method == Method::Connect {
        return out.extend_from_slice(head.target());
    }
    if let Some((scheme, authority)) = head.absolute() {
        out.extend_from_slice(scheme);
        out.extend_from_slice(b"://");
        out.extend_from_slice(head.host().unwrap_or(authority));
        return out.extend_from_slice(head.path_and_query());
    }
    match head.path_and_query() {
        path @ ([b'/', ..] | b"*") => out.extend_from_slice(path),
        query => {
            out.push(b'/');
            out.extend_from_slice(query);
        }
    }
}

/// Appends a response head, always as HTTP/1.1. With [`Framing::None`] a `content-length` in the head is kept where
/// it describes the body that a GET would have had (RFC 9110 section 8.6), not for 1xx and 204. Names are in lower
/// case but for those of a spelling.
pub fn write_response(head: &Response, framing: Framing, spelling: Option<&Spelling>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    write_decimal(u64::from(head.status), out);
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(CRLF);
    let describes = framing == Framing::None && head.status >= 200 && head.status != 204;
    write_fields(&head.fields, if describes { CODING } else { FRAMING }, framing, spelling, out);
    out.extend_from_slice(CRLF);
}

fn write_fields(
    fields: &Fields,
    but: Kinds,
    framing: Framing,
    spelling: Option<&Spelling>,
    out: &mut Vec<u8>,
) {
    let write = |range, out: &mut Vec<u8>| match spelling {
        None => fields.write_lines(range, but, out),
        Some(spelling) => fields.write_spelled(range, but, spelling, out),
    };
    let place = fields.place_of(FRAMING);
    write(0..place, out);
    write_framing(framing, spelling, out);
    write(place..fields.len(), out);
}

fn write_framing(framing: Framing, spelling: Option<&Spelling>, out: &mut Vec<u8>) {
    let spelled = |name: &'static [u8]| spelling.map_or(name, |s| s.of(name));
    match framing {
        Framing::Length(n) => {
            out.extend_from_slice(spelled(b"content-length"));
            out.extend_from_slice(b": ");
            write_decimal(n, out);
            out.extend_from_slice(CRLF);
        }
        Framing::Chunked => {
            out.extend_from_slice(spelled(b"transfer-encoding"));
            out.extend_from_slice(b": chunked\r\n");
        }
        Framing::None | Framing::UntilClose => {}
    }
}

/// Appends the line before a chunk of `len` bytes; `len` is not 0, which would end the body.
pub fn write_chunk_start(len: usize, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "an empty chunk ends the body");
    write_digits::<16>(len as u64, out);
    out.extend_from_slice(CRLF);
}

/// Appends what stands behind a chunk.
pub fn write_chunk_end(out: &mut Vec<u8>) {
    out.extend_from_slice(CRLF);
}

/// Appends the last chunk and the trailers.
pub fn write_last_chunk(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        trailers.write_lines(0..trailers.len(), Kinds::default(), out);
    }
    out.extend_from_slice(CRLF);
}

fn write_decimal(n: u64, out: &mut Vec<u8>) {
    write_digits::<10>(n, out);
}

/// Digits of `n` in lower case; twenty are enough for a `u64` in base ten.
fn write_digits<const BASE: u64>(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b"0123456789abcdef".get((n % BASE) as usize).copied().unwrap_or_default();
        used += 1;
        n /= BASE;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, method: &[u8], target: &[u8], fields: &[(&str, &str)]) -> Request {
        let mut r = Request::default();
        r.version = version;
        r.set_method(method);
        r.set_target(target);
        for (name, value) in fields {
            r.fields.push(name.as_bytes(), value.as_bytes());
        }
        r
    }

    fn written(head: &Request, framing: Framing) -> String {
        let mut out = Vec::new();
        write_request(head, framing, None, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn requests_are_framed_anew() {
        let fields = [("Host", "a"), ("Content-Length", "9"), ("X", "y"), ("Transfer-Encoding", "x")];
        let r = request(Version::H11, b"POST", b"http://a?b", &fields);
        assert_eq!(
            written(&r, Framing::Length(u64::MAX)),
            "POST http://a?b HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551615\r\nx: y\r\n\r\n"
        );
        assert_eq!(
            written(&r, Framing::Chunked),
            "POST http://a?b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nx: y\r\n\r\n"
        );
        assert_eq!(written(&r, Framing::None), "POST http://a?b HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n");
    }

    #[test]
    fn names_are_spelled_where_a_peer_wants_it() {
        let mut spelling = Spelling::default();
        for name in [&b"Content-Length"[..], b"X-ABC"] {
            spelling.add(name);
        }
        let r = request(Version::H11, b"POST", b"/", &[("Host", "a"), ("x-abc", "y")]);
        let mut out = Vec::new();
        write_request(&r, Framing::Length(3), Some(&spelling), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST / HTTP/1.1\r\nhost: a\r\nX-ABC: y\r\nContent-Length: 3\r\n\r\n"
        );
    }

    #[test]
    fn targets_keep_their_form() {
        let cases = [
            (Version::H11, "GET", "http://a", "GET http://a HTTP/1.1"),
            (Version::H11, "GET", "https://a/b?c", "GET https://a/b?c HTTP/1.1"),
            (Version::H11, "OPTIONS", "http://a", "OPTIONS http://a HTTP/1.1"),
            (Version::H11, "GET", "?x", "GET /?x HTTP/1.1"),
            (Version::H11, "OPTIONS", "*", "OPTIONS * HTTP/1.1"),
            (Version::H11, "CONNECT", "a:443", "CONNECT a:443 HTTP/1.1"),
            (Version::H10, "GET", "/x?u=http://b/", "GET /x?u=http://b/ HTTP/1.0"),
        ];
        for (version, method, target, line) in cases {
            let r = request(version, method.as_bytes(), target.as_bytes(), &[]);
            assert_eq!(written(&r, Framing::None), format!("{line}\r\n\r\n"));
        }
        let r = request(Version::H10, b"GET", b"/", &[("Host", "a")]);
        assert_eq!(written(&r, Framing::None), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        let r = request(Version::H11, b"GET", b"http://a:80/x?y", &[("Host", "b:81")]);
        assert_eq!(written(&r, Framing::None), "GET http://b:81/x?y HTTP/1.1\r\nhost: b:81\r\n\r\n");
    }

    #[test]
    fn a_described_length_survives_only_where_it_may() {
        for (status, kept) in [(200, true), (304, true), (204, false), (101, false)] {
            let mut head = Response::default();
            head.set_status(status, b"X");
            head.fields.push(b"content-length", b"7");
            let mut out = Vec::new();
            write_response(&head, Framing::None, None, &mut out);
            let field = if kept { "content-length: 7\r\n" } else { "" };
            assert_eq!(String::from_utf8(out).unwrap(), format!("HTTP/1.1 {status} X\r\n{field}\r\n"));
        }
    }

    #[test]
    fn chunks_are_what_the_decoder_reads() {
        let mut out = Vec::new();
        write_chunk_start(0x1f, &mut out);
        out.extend_from_slice(&[b'x'; 0x1f]);
        write_chunk_end(&mut out);
        let mut trailers = Fields::default();
        trailers.push(b"X-Sum", b"1");
        write_last_chunk(Some(&trailers), &mut out);
        assert!(out.starts_with(b"1f\r\nx"), "{out:?}");
        let mut decoder = super::super::BodyDecoder::new(Framing::Chunked);
        let step = decoder.step(&out).unwrap();
        assert_eq!((step.consumed, step.data, step.done), (4, 0x1f, false));
        assert!(decoder.step(&out[4 + 0x1f..]).unwrap().done);
        assert_eq!(decoder.trailers().and_then(|t| t.get(b"x-sum")), Some(&b"1"[..]));
    }
}
