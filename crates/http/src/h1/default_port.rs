//! Ports that a target says without need (RFC 9110 section 4.2.3): they come off the target and the `host` field, as with
//! HAProxy, so that rules and logs know a host by one name. Only where the target tells the scheme, or the method does
//! (CONNECT, whose target keeps its port); must not touch origin form, which tells none.

use super::target::{default_port, split_port};
use crate::message::{Method, Request};

/// `host` is the place of the `host` field of a request that was checked.
pub(super) fn drop_from(request: &mut Request, host: Option<usize>) {
    if matches!(request.target().first(), None | Some(b'/' | b'*')) {
        return;
    }
    let default = default_port(request);
    let tunnel = request.method == Method::Connect;
    let needless = |port: &[u8]| default.contains(&port) || (port.is_empty() && !tunnel);
    if !tunnel {
        let Some(target) = without_port(request, needless) else { return };
        request.set_target(&target);
    }
    let Some(host) = host else { return };
    let value = request.fields.iter().nth(host).map(|(_, value)| split_port(value));
    if let Some((name, Some(port))) = value
        && needless(port)
    {
        let name = name.to_vec();
        request.fields.set_value(host, &name);
    }
}

/// The absolute form without its port; `None` where that has none that is needless.
fn without_port(request: &Request, needless: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (scheme, authority) = request.absolute()?;
    match split_port(authority) {
        (name, Some(port)) if needless(port) => {
            Some([scheme, b"://".as_slice(), name, request.path_and_query()].concat())
        }
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Request;
    use crate::h1::{Limits, Parsed, parse_request};

    /// Observed from haproxy 2.6.
    #[test]
    fn needless_ports_come_off() {
        let cases = [
            ("GET http://h:80/c?d", "h:80", "http://h/c?d", "h"),
            ("GET http://h:80", "h", "http://h", "h"),
            ("GET http://h:80/", "h:", "http://h/", "h"),
            ("GET http://h:/", "h:80", "http://h/", "h"),
            ("GET http://[::1]:80/", "[::1]:80", "http://[::1]/", "[::1]"),
            ("GET https://h:443/", "h:443", "https://h/", "h"),
            ("GET https://h:80/", "h:80", "https://h:80/", "h:80"),
            ("GET http://h:8080/", "h:8080", "http://h:8080/", "h:8080"),
            ("GET http://h/", "h:80", "http://h/", "h:80"),
            ("GET http://h/", "h:", "http://h/", "h:"),
            ("GET /", "h:80", "/", "h:80"),
            ("OPTIONS *", "h:80", "*", "h:80"),
            ("CONNECT h:80", "h:80", "h:80", "h"),
            ("CONNECT h:443", "h:443", "h:443", "h"),
            ("CONNECT h:443", "h:", "h:443", "h:"),
            ("CONNECT h:8443", "h:8443", "h:8443", "h:8443"),
        ];
        for (line, host, target, left) in cases {
            let head = format!("{line} HTTP/1.1\r\nA: b\r\nHost: {host}\r\n\r\n");
            let mut request = Request::default();
            let parsed = parse_request(head.as_bytes(), &mut 0, &Limits::default(), &mut request);
            assert!(matches!(parsed, Ok(Parsed::Complete(_))), "{head} {parsed:?}");
            let seen = (request.target(), request.host());
            assert_eq!(seen, (target.as_bytes(), Some(left.as_bytes())), "{head}");
        }
    }
}
