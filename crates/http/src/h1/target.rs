//! Request targets (RFC 9112 section 3.2) and the `host` field: which form a method may use, which bytes may stand
//! where, and that host and authority agree. Reads only; must not rewrite what a client sent.

use super::Reject;
use crate::fields::Fields;
use crate::message::{Method, Request, Version};
use memchr::{memchr, memrchr};

/// Whether every byte may stand in a target. Printable ASCII but `#` is let through, as HAProxy does: browsers send
/// `|`, `{` or `"` unescaped. The unsafe option adds fragments and bytes above ASCII.
pub(super) fn bytes_are_valid(target: &[u8], relaxed: bool) -> bool {
    let bad = |b: u8| b <= b' ' || b == 0x7f || (!relaxed && (b >= 0x80 || b == b'#'));
    !target.is_empty() && !target.iter().fold(false, |any, &b| any | bad(b))
}

/// Checks target and host of a whole request head; `host` is the place of the `host` field.
pub(super) fn check(request: &Request, host: Option<usize>, relaxed: bool) -> Result<(), Reject> {
    let host = host.and_then(|i| value_at(&request.fields, i));
    let authority = authority(request, relaxed)?;
    match host {
        Some(host) if !is_host(host) => Err(Reject::bad("malformed Host", 0)),
        Some(host) if !relaxed => agree(host, authority, request),
        Some(_) => Ok(()),
        None if request.version == Version::H10 => Ok(()),
        None => Err(Reject::bad("missing Host", 0)),
    }
}

fn value_at(fields: &Fields, index: usize) -> Option<&[u8]> {
    fields.iter().nth(index).map(|(_, value)| value)
}

/// The authority that the target names, where its form has one; refuses forms that the method may not use.
fn authority(request: &Request, relaxed: bool) -> Result<Option<&[u8]>, Reject> {
    let target = request.target();
    if request.method == Method::Connect {
        return connect_authority(target, relaxed).map(Some);
    }
    match target {
        [b'/', ..] => Ok(None),
        b"*" if request.method == Method::Options => Ok(None),
        b"*" => Err(Reject::bad("asterisk form without OPTIONS", 0)),
        _ => absolute_authority(request).map(Some),
    }
}

/// Authority form: a host and a port, nothing else (RFC 9112 section 3.2.3).
fn connect_authority(target: &[u8], relaxed: bool) -> Result<&[u8], Reject> {
    match split_port(target) {
        _ if relaxed => Ok(target),
        (host, Some([_, ..])) if !host.is_empty() && is_host(target) => Ok(target),
        (_, _) => Err(Reject::bad("CONNECT wants host and port", 0)),
    }
}

/// Absolute form: scheme, `://`, an authority without user information (RFC 9110 section 4.2.4), then path and query.
fn absolute_authority(request: &Request) -> Result<&[u8], Reject> {
    let bad = Reject::bad("malformed request target", 0);
    let (scheme, authority) = request.absolute().ok_or(bad)?;
    let scheme_ok = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if scheme_ok && !split_port(authority).0.is_empty() && is_host(authority) {
        Ok(authority)
    } else {
        Err(bad)
    }
}

/// `host [":" port]` of RFC 3986 section 3.2; the comma is left out, because a list of hosts is what a careless
/// proxy makes of two Host fields.
fn is_host(text: &[u8]) -> bool {
    let (host, port) = split_port(text);
    let port_ok = port.is_none_or(|p| p.len() <= 5 && p.iter().all(u8::is_ascii_digit));
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(b);
    let host_ok = match host.strip_prefix(b"[").map(|h| h.strip_suffix(b"]")) {
        Some(Some(ip)) => !ip.is_empty() && ip.iter().all(|b| is_name(b) || *b == b':'),
        Some(None) => false,
        None => host.iter().all(is_name),
    };
    host_ok && port_ok
}

/// Host and port of an authority; brackets keep their colons.
pub(super) fn split_port(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memrchr(b':', text) {
        Some(colon) if memchr(b']', text.get(colon..).unwrap_or_default()).is_none() => {
            (text.get(..colon).unwrap_or_default(), text.get(colon + 1..))
        }
        Some(_) | None => (text, None),
    }
}

/// RFC 9112 section 3.2.2 lets a proxy replace Host by the authority; HAProxy refuses a request in which they
/// differ, and so do we. A default port may be left out.
fn agree(host: &[u8], authority: Option<&[u8]>, request: &Request) -> Result<(), Reject> {
    let Some(authority) = authority else { return Ok(()) };
    let (name_a, port_a) = split_port(authority);
    let (name_h, port_h) = split_port(host);
    let default = default_port(request);
    if name_a.eq_ignore_ascii_case(name_h) && same_port(port_a, port_h, default) {
        return Ok(());
    }
    Err(Reject::bad("Host differs from the request target", 0))
}

/// Whether two ports are one; a default port may be left out on one side.
fn same_port(a: Option<&[u8]>, b: Option<&[u8]>, default: &[&[u8]]) -> bool {
    let said = |port: &&[u8]| !port.is_empty();
    match (a.filter(said), b.filter(said)) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b,
        (Some(port), None) | (None, Some(port)) => default.contains(&port),
    }
}

/// Ports that need not be said.
pub(super) fn default_port(request: &Request) -> &'static [&'static [u8]] {
    match request.absolute() {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case(b"http") => &[b"80"],
        Some((scheme, _)) if scheme.eq_ignore_ascii_case(b"https") => &[b"443"],
        Some(_) => &[],
        None => &[b"80", b"443"],
    }
}
