//! The version-neutral heads of a request and of a response: what the steps between `front` and `back` see.

use crate::fields::Fields;
use memchr::{memchr, memchr2};
use std::ops::Range;

/// A piece of a head's buffer; see [`Fields::text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    start: u32,
    end: u32,
}

impl Slice {
    /// Heads are far below 4 GiB (their size is limited); a larger offset becomes an empty slice.
    pub fn new(start: usize, end: usize) -> Slice {
        let Ok(end) = u32::try_from(end) else { return Slice::default() };
        Slice { start: u32::try_from(start).unwrap_or(end), end }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The protocol version a message came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    H10,
    /// HTTP/1.1
    #[default]
    H11,
    /// HTTP/2
    H2,
    /// HTTP/3
    H3,
}

impl Version {
    /// As in a request line and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::H10 => "HTTP/1.0",
            Version::H11 => "HTTP/1.1",
            Version::H2 => "HTTP/2.0",
            Version::H3 => "HTTP/3.0",
        }
    }
}

/// The methods that are treated differently somewhere. Names are case-sensitive (RFC 9110 section 9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// OPTIONS
    Options,
    /// GET
    #[default]
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// TRACE
    Trace,
    /// CONNECT
    Connect,
    /// Any other token.
    Other,
}

impl Method {
    /// Recognises a method.
    pub fn of(token: &[u8]) -> Method {
        match token {
            b"OPTIONS" => Method::Options,
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }

    /// Whether repeating it does no harm (RFC 9110 section 9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Method::Options | Method::Get | Method::Head | Method::Put | Method::Delete | Method::Trace => {
                true
            }
            Method::Post | Method::Connect | Method::Other => false,
        }
    }
}

/// A request's head. `host` lives among the fields as `host`, in every version.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Header fields, and the buffer of all texts.
    pub fields: Fields,
    /// The method, recognised.
    pub method: Method,
    /// The version it came with.
    pub version: Version,
    /// It is for a proxy (its target begins with neither `/` nor `*`) and speaks of connection and credentials as to one:
    /// `option http-use-proxy-header`. Stays what it was when the request came.
    pub for_proxy: bool,
    method_text: Slice,
    target: Slice,
}

impl Request {
    /// Empties it for the next message, keeping the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.method = Method::default();
        self.version = Version::default();
        self.for_proxy = false;
        self.method_text = Slice::default();
        self.target = Slice::default();
    }

    /// The method as written.
    pub fn method_text(&self) -> &[u8] {
        self.fields.text(self.method_text)
    }

    /// The request target as written: origin, absolute, authority or asterisk form (RFC 9112 section 3.2).
    pub fn target(&self) -> &[u8] {
        self.fields.text(self.target)
    }

    /// Method and target as they stand now, to be shown later with [`Fields::text`] whatever is replaced meanwhile:
    /// replaced texts stay in the buffer until the head is cleared.
    pub fn start_line(&self) -> (Slice, Slice) {
        (self.method_text, self.target)
    }

    /// Replaces the method. Anything but a word of printable characters is ignored: it would break the line.
    pub fn set_method(&mut self, method: &[u8]) {
        if !method.is_empty() && method.iter().all(u8::is_ascii_graphic) {
            self.method = Method::of(method);
            self.method_text = self.fields.store(method);
        }
    }

    /// Replaces the whole target. Spaces and control bytes are percent-encoded: they would break the line.
    pub fn set_target(&mut self, target: &[u8]) {
        let breaks = |b: &u8| *b <= b' ' || *b == 0x7f;
        if !target.iter().any(breaks) {
            self.target = self.fields.store(target);
            return;
        }
        let escape = |b: &u8| if breaks(b) { format!("%{b:02X}").into_bytes() } else { vec![*b] };
        let escaped: Vec<u8> = target.iter().flat_map(escape).collect();
        self.target = self.fields.store(&escaped);
    }

    /// For parsers: slices of the loaded head.
    pub(crate) fn note_start(&mut self, method: Slice, target: Slice, version: Version) {
        self.method = Method::of(self.fields.text(method));
        self.method_text = method;
        self.target = target;
        self.version = version;
    }

    /// Scheme and authority of an absolute-form target.
    pub fn absolute(&self) -> Option<(&[u8], &[u8])> {
        let (scheme, rest) = split_scheme(self.target())?;
        let end = path_start(rest);
        Some((scheme, rest.get(..end)?))
    }

    /// Path and query as they will be sent in origin form: from the first `/` of the path on; `*` stays `*`.
    pub fn path_and_query(&self) -> &[u8] {
        let target = self.target();
        match split_scheme(target) {
            Some((_, rest)) => rest.get(path_start(rest)..).unwrap_or_default(),
            None => target,
        }
    }

    /// The path without the query. Empty for an absolute form without one.
    pub fn path(&self) -> &[u8] {
        let text = self.path_and_query();
        text.get(..memchr(b'?', text).unwrap_or(text.len())).unwrap_or_default()
    }

    /// What follows the first `?`, without it; `None` where there is no `?`.
    pub fn query(&self) -> Option<&[u8]> {
        let text = self.path_and_query();
        memchr(b'?', text).and_then(|at| text.get(at + 1..))
    }

    /// Replaces path and query, keeping scheme and authority of an absolute form.
    pub fn set_path_and_query(&mut self, path_and_query: &[u8]) {
        let target = self.target();
        let keep = target.len() - self.path_and_query().len();
        let mut new = target.get(..keep).unwrap_or_default().to_vec();
        new.extend_from_slice(path_and_query);
        self.set_target(&new);
    }

    /// The `host` field.
    pub fn host(&self) -> Option<&[u8]> {
        self.fields.get(b"host")
    }
}

/// `scheme://rest` of an absolute form.
fn split_scheme(target: &[u8]) -> Option<(&[u8], &[u8])> {
    if matches!(target.first(), None | Some(b'/' | b'*')) {
        return None;
    }
    let colon = memchr(b':', target)?;
    let rest = target.get(colon + 1..)?.strip_prefix(b"//")?;
    Some((target.get(..colon)?, rest))
}

fn path_start(after_scheme: &[u8]) -> usize {
    memchr2(b'/', b'?', after_scheme).unwrap_or(after_scheme.len())
}

/// A response's head.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Header fields, and the buffer of all texts.
    pub fields: Fields,
    /// 100..=999
    pub status: u16,
    /// The version it came with.
    pub version: Version,
    reason: Slice,
}

impl Response {
    /// Empties it for the next message, keeping the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.status = 0;
        self.version = Version::default();
        self.reason = Slice::default();
    }

    /// The reason phrase as received or set; may be empty.
    pub fn reason(&self) -> &[u8] {
        self.fields.text(self.reason)
    }

    /// Replaces the status and its reason; an empty `reason` gives the standard phrase.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) {
        self.status = status;
        let reason = if reason.is_empty() { reason_of(status).as_bytes() } else { reason };
        self.reason = self.fields.store_line(reason);
    }

    /// For parsers: slices of the loaded head.
    pub(crate) fn note_start(&mut self, status: u16, reason: Slice, version: Version) {
        self.status = status;
        self.reason = reason;
        self.version = version;
    }
}

/// Whether no body follows a head with this status, whatever else it says (RFC 9112 section 6.3).
pub fn is_bodyless(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// The phrase of a status code: HAProxy's where it has one (observed on 2.6), else the registry's, else that of its class.
pub fn reason_of(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        210 => "Content Different",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        310 => "Too many Redirects",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested range unsatisfiable",
        417 => "Expectation failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Method failure",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        449 => "Retry With",
        450 => "Blocked by Windows Parental Controls",
        451 => "Unavailable For Legal Reasons",
        456 => "Unrecoverable Error",
        499 => "client has closed connection",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway or Proxy Error",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        506 => "Variant also negotiate",
        507 => "Insufficient storage",
        508 => "Loop detected",
        509 => "Bandwidth Limit Exceeded",
        510 => "Not extended",
        511 => "Network authentication required",
        520 => "Web server is returning an unknown error",
        _ => class_of(status),
    }
}

/// What a status without a phrase of its own is called.
fn class_of(status: u16) -> &'static str {
    match status / 100 {
        1 => "Informational",
        2 => "Success",
        3 => "Redirection",
        4 => "Client Error",
        5 => "Server Error",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &[u8]) -> Request {
        let mut r = Request::default();
        r.set_target(target);
        r
    }

    #[test]
    fn targets_come_apart() {
        let r = request(b"http://a.example:8080/x/y?z=1");
        assert_eq!(r.absolute(), Some((&b"http"[..], &b"a.example:8080"[..])));
        assert_eq!((r.path(), r.query()), (&b"/x/y"[..], Some(&b"z=1"[..])));
        let r = request(b"/x?u=http://b/");
        assert_eq!(r.absolute(), None);
        assert_eq!((r.path(), r.query()), (&b"/x"[..], Some(&b"u=http://b/"[..])));
        assert_eq!(request(b"*").path(), b"*");
        assert_eq!(request(b"http://a.example").path(), b"");
    }

    #[test]
    fn a_new_path_keeps_the_authority() {
        let mut r = request(b"http://a.example/x?y");
        r.set_path_and_query(b"/z");
        assert_eq!(r.target(), b"http://a.example/z");
    }

    #[test]
    fn an_edit_cannot_break_the_start_line() {
        let mut r = request(b"/a b\r\nX: y\x7f");
        assert_eq!(r.target(), b"/a%20b%0D%0AX:%20y%7F");
        r.set_method(b"PUT");
        r.set_method(b"GET / HTTP/1.1\r\n");
        assert_eq!((r.method, r.method_text()), (Method::Put, &b"PUT"[..]));
        let mut head = Response::default();
        head.set_status(200, b"a\r\nb");
        assert_eq!(head.reason(), b"a  b");
    }
}
