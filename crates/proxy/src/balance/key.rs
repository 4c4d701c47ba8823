//! What is hashed: the part of a request or a connection that an algorithm looks at. Pure functions; which one
//! applies is `Source`, made from the `balance` line.

use http::Request;
use memchr::{memchr, memrchr};
use std::net::IpAddr;

/// A key ready for `Hashing::hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A text or bytes, for the hash function.
    Bytes(&'a [u8]),
    /// A number that is its own hash (addresses).
    Folded(u32),
}

/// `balance source`: the address' 32-bit words, folded by exclusive or.
pub fn source(address: IpAddr) -> Key<'static> {
    Key::Folded(match address {
        IpAddr::V4(ip) => u32::from(ip),
        IpAddr::V6(ip) => {
            let whole = u128::from(ip);
            (0..4).fold(0, |folded, word| folded ^ (whole >> (32 * word)) as u32)
        }
    })
}

/// Arguments of `balance uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriPart {
    /// `len`; 0 is no limit.
    pub len: u32,
    /// `depth`: directories; 0 is no limit.
    pub depth: u32,
    /// `whole`: with the query.
    pub whole: bool,
    /// `path-only`: without scheme and authority.
    pub path_only: bool,
}

/// `balance uri`: the target up to the query, cut at a length or before the slash that begins one level too many.
pub fn uri<'a>(request: &'a Request, part: &UriPart) -> Option<Key<'a>> {
    let target = if part.path_only { request.path_and_query() } else { request.target() };
    if target.is_empty() || (part.path_only && !target.starts_with(b"/")) {
        return None;
    }
    let end = if part.whole { None } else { memchr(b'?', target) }.unwrap_or(target.len());
    let end = if part.len > 0 { end.min(part.len as usize) } else { end };
    let mut slashes = memchr::memchr_iter(b'/', target);
    let deepest = if part.depth > 0 { slashes.nth(part.depth as usize) } else { None };
    let end = deepest.map_or(end, |slash| slash.min(end));
    target.get(..end).map(Key::Bytes)
}

/// `balance url_param`: the parameter's value in the query, still encoded; failing that, in what is at hand of a
/// POST's body (`check_post` decides how long the caller waits for it; the oracle looks either way).
pub fn url_param<'a>(request: &'a Request, name: &[u8], body: &'a [u8]) -> Option<Key<'a>> {
    let in_query = request.query().and_then(|query| parameter(query, name));
    let in_body = || if request.method_text() == b"POST" { parameter(body, name) } else { None };
    in_query.or_else(in_body).map(Key::Bytes)
}

fn parameter<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = |pair: &'a [u8]| pair.strip_prefix(name)?.strip_prefix(b"=");
    text.split(|b| *b == b'&').find_map(value)
}

/// `balance hdr(name)`: the first element of the first field of that name; an empty one is none.
pub fn header<'a>(request: &'a Request, name: &'a [u8], domain_only: bool) -> Option<Key<'a>> {
    let field = request.fields.get(name)?;
    let value = http::fields::split_list(field).next()?;
    // an empty first element is none, even if others follow
    if value.is_empty() || field.trim_ascii_start().starts_with(b",") {
        return None;
    }
    Some(Key::Bytes(if domain_only { main_label(value) } else { value }))
}

/// `use_domain_only`: the label before the last dot; a text without one stays whole.
fn main_label(host: &[u8]) -> &[u8] {
    match memrchr(b'.', host) {
        None | Some(0) => host,
        Some(dot) => {
            // a dot right before the last one does not end the label: the oracle wants at least one character
            let start = memrchr(b'.', &host[..dot - 1]).map_or(0, |earlier| earlier + 1);
            &host[start..dot]
        }
    }
}

/// Longest name and value of an RDP cookie that is looked for, as a bound on the search.
const RDP_COOKIE_MAX: usize = 1024;

/// `balance rdp-cookie(name)`: the value in `Cookie: name=value` inside the connection request that opens an RDP
/// session: a TPKT header (RFC 1006 section 6), an X.224 connection request (RFC 905 section 13.3) and the cookie,
/// ended by CR LF. Names compare without case.
pub fn rdp_cookie<'a>(payload: &'a [u8], name: &[u8]) -> Option<Key<'a>> {
    const HEADERS: usize = 4 + 7;
    let is_request = payload.first() == Some(&3) && payload.get(5) == Some(&0xe0);
    let text = payload.get(HEADERS..).filter(|_| is_request)?;
    let text = text.get(..text.len().min(RDP_COOKIE_MAX))?;
    let cookie = text.get(..8).filter(|t| t.eq_ignore_ascii_case(b"Cookie: ")).and(text.get(8..))?;
    let line = cookie.get(..memchr(b'\r', cookie)?)?;
    let equals = memchr(b'=', line)?;
    let named = line.get(..equals)?.eq_ignore_ascii_case(name);
    line.get(equals + 1..).filter(|_| named).map(Key::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request {
        let mut r = Request::default();
        r.set_method(method.as_bytes());
        r.set_target(target.as_bytes());
        for (name, value) in fields {
            r.fields.push(name.as_bytes(), value.as_bytes());
        }
        r
    }

    fn text(key: Option<Key<'_>>) -> Option<String> {
        match key? {
            Key::Bytes(b) => Some(String::from_utf8_lossy(b).into_owned()),
            Key::Folded(n) => Some(n.to_string()),
        }
    }

    #[test]
    fn addresses_fold() {
        let cases = [
            ("1.2.3.4", 0x0102_0304),
            ("2001:db8::1", 0x2001_0db8 ^ 1),
            ("1:2:3:4:5:6:7:8", 0x0001_0002 ^ 0x0003_0004 ^ 0x0005_0006 ^ 0x0007_0008),
        ];
        for (address, folded) in cases {
            assert_eq!(source(address.parse().unwrap()), Key::Folded(folded), "{address}");
        }
    }

    // Expectations of the tables below were read off the oracle.

    #[test]
    fn parts_of_the_uri() {
        let whole = UriPart { whole: true, ..UriPart::default() };
        let len = UriPart { len: 5, ..UriPart::default() };
        let depth = |depth| UriPart { depth, ..UriPart::default() };
        let path = UriPart { path_only: true, ..UriPart::default() };
        let cases = [
            ("/a/b/c/d?x=1", UriPart::default(), Some("/a/b/c/d")),
            ("http://h/p/q?z=1", UriPart::default(), Some("http://h/p/q")),
            ("*", UriPart::default(), Some("*")),
            ("/a/b/c/d?x=1", whole, Some("/a/b/c/d?x=1")),
            ("/a/b/c/d?x=1", len, Some("/a/b/")),
            ("/a?b", len, Some("/a")),
            ("/a/b/c", depth(1), Some("/a")),
            ("/a/b/c", depth(2), Some("/a/b")),
            ("//x//y", depth(1), Some("/")),
            ("http://h/p", depth(1), Some("http:/")),
            ("/a/b/c", UriPart { len: 4, ..depth(3) }, Some("/a/b")),
            ("/a?b/c/d/e", UriPart { depth: 3, ..whole }, Some("/a?b/c/d")),
            ("http://h/p/q?z=1", path, Some("/p/q")),
            ("*", path, None),
        ];
        for (target, part, expected) in cases {
            let r = request("GET", target, &[]);
            assert_eq!(text(uri(&r, &part)).as_deref(), expected, "{target} {part:?}");
        }
    }

    #[test]
    fn parameters() {
        let cases = [
            ("GET", "/?id=abc", "", Some("abc")),
            ("GET", "/x?a=1&id=hello%20w&b=2", "", Some("hello%20w")),
            ("GET", "/?id=", "", Some("")),
            ("GET", "/?id=a&id=b", "", Some("a")),
            ("GET", "/?id==z", "", Some("=z")),
            ("GET", "/?ID=abc", "", None),
            ("GET", "/?id", "", None),
            ("GET", "/?xid=z9", "", None),
            ("GET", "/?x;id=q7", "", None),
            ("GET", "/;id=q?x=1", "", None),
            ("GET", "/", "id=get77", None),
            ("PUT", "/", "x=y&id=last", None),
            ("POST", "/", "x=y&id=last", Some("last")),
            ("POST", "/?id=uu", "id=post1&x=y", Some("uu")),
            ("POST", "/", "id=two\r\nx", Some("two\r\nx")),
        ];
        for (method, target, body, expected) in cases {
            let r = request(method, target, &[]);
            let found = text(url_param(&r, b"id", body.as_bytes()));
            assert_eq!(found.as_deref(), expected, "{method} {target} {body}");
        }
    }

    #[test]
    fn headers() {
        let cases = [
            ("a,b,c", false, Some("a")),
            ("sp aced", false, Some("sp aced")),
            ("\" a,b\", c", false, Some("\" a,b\"")),
            ("", false, None),
            (",b", false, None),
            ("www.example.com", true, Some("example")),
            ("www.example.co.uk:8080", true, Some("co")),
            ("localhost", true, Some("localhost")),
            ("10.1.2.3", true, Some("2")),
            (".com", true, Some(".com")),
            ("com.", true, Some("com")),
            ("a..com", true, Some("a.")),
            ("..", true, Some(".")),
            (".", true, Some(".")),
            ("foo.com, b.c", true, Some("foo")),
            ("http://foo.com", true, Some("http://foo")),
            ("[2001:db8::1]", true, Some("[2001:db8::1]")),
        ];
        for (value, domain_only, expected) in cases {
            let r = request("GET", "/", &[("x-k", value), ("x-k", "two")]);
            assert_eq!(text(header(&r, b"x-k", domain_only)).as_deref(), expected, "{value}");
        }
        assert_eq!(header(&request("GET", "/", &[]), b"x-k", false), None);
    }

    #[test]
    fn rdp_cookies() {
        let packet = |cookie: &str| {
            let mut p = vec![3, 0, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0];
            p.extend_from_slice(cookie.as_bytes());
            p
        };
        let cases = [
            ("Cookie: mstshash=joe\r\n", Some("joe")),
            ("COOKIE: MSTSHASH=joe\r\n", Some("joe")),
            ("Cookie: other=joe\r\n", None),
            ("Cookie: mstshash=joe", None),
            ("", None),
        ];
        for (cookie, expected) in cases {
            let packet = packet(cookie);
            assert_eq!(text(rdp_cookie(&packet, b"mstshash")).as_deref(), expected, "{cookie}");
        }
        assert_eq!(rdp_cookie(b"GET / HTTP/1.1\r\n", b"mstshash"), None);
    }
}
