//! `option checkcache`: a response that shared caches may keep must not set a cookie, or all their users get the same
//! one. What counts as cacheable is the manual's list, not RFC 9111: it is about caches of the careless kind.

use super::Stream;
use http::{Fields, Method};

/// Statuses that caches keep without being told to (manual, `option checkcache`).
const KEPT: [u16; 11] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

/// Whether the server's response sets a cookie that a cache would hand out.
pub(super) fn sets_cookie_for_all(stream: &Stream<'_>) -> bool {
    let fields = &stream.response.fields;
    if fields.get(b"set-cookie").is_none() && fields.get(b"set-cookie2").is_none() {
        return false;
    }
    is_cacheable(fields, stream.response.status, stream.request.method)
}

fn is_cacheable(fields: &Fields, status: u16, method: Method) -> bool {
    let safe = matches!(method, Method::Get | Method::Head | Method::Options | Method::Trace);
    // the manual does not say so, but HAProxy asks: who tells neither age nor validator is kept by nobody
    let by_default = safe && KEPT.contains(&status) && may_be_kept(fields);
    let public = fields.has_token(b"cache-control", b"public");
    let forbidden =
        fields.has_token(b"pragma", b"no-cache") || fields.elements(b"cache-control").any(keeps_caches_off);
    (public || by_default) && !forbidden
}

/// It says how long it is good for, or how to ask whether it still is.
fn may_be_kept(fields: &Fields) -> bool {
    let aged = |directive: &[u8]| {
        let directive = directive.to_ascii_lowercase();
        directive.starts_with(b"max-age=") || directive.starts_with(b"s-maxage=")
    };
    let names: [&[u8]; 3] = [b"expires", b"etag", b"last-modified"];
    names.iter().any(|name| fields.get(name).is_some()) || fields.elements(b"cache-control").any(aged)
}

fn keeps_caches_off(directive: &[u8]) -> bool {
    let directive = directive.to_ascii_lowercase();
    let whole: [&[u8]; 5] = [b"private", b"no-store", b"no-cache", b"max-age=0", b"s-maxage=0"];
    whole.contains(&&directive[..]) || directive.starts_with(b"no-cache=\"set-cookie")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cacheable(control: &str, status: u16, method: Method) -> bool {
        let mut fields = Fields::default();
        if !control.is_empty() {
            fields.push(b"Cache-Control", control.as_bytes());
        }
        is_cacheable(&fields, status, method)
    }

    #[test]
    fn what_the_manual_lists() {
        assert!(!cacheable("", 200, Method::Get));
        assert!(cacheable("max-age=60", 200, Method::Get));
        assert!(!cacheable("max-age=60", 302, Method::Get));
        assert!(!cacheable("max-age=60", 200, Method::Post));
        assert!(cacheable("public", 302, Method::Post));
        for control in
            ["private", "no-store", "x, max-age=0", "s-maxage=0", "no-cache", "no-cache=\"Set-Cookie\""]
        {
            assert!(!cacheable(control, 200, Method::Get), "{control}");
        }
        assert!(cacheable("max-age=60, no-cache=\"x\"", 200, Method::Get));
    }
}
