//! Hop-by-hop fields (RFC 9110 section 7.6.1): what a message says about one connection ends with that connection.
//! The caller strips before it adds fields of its own, so that a peer cannot name those in `connection`.

use crate::fields::{Fields, Kind, Kinds};
use crate::message::{Request, Response};

/// Removes them from a request. `te` survives as `trailers` alone; with `keep_upgrade`, so does `upgrade`, together
/// with its connection option.
pub fn strip_hop_by_hop_request(head: &mut Request, keep_upgrade: bool) {
    let trailers = head.fields.has_token(b"te", b"trailers");
    strip(&mut head.fields, keep_upgrade);
    if trailers {
        head.fields.push(b"te", b"trailers");
    }
}

/// Removes them from a response; `upgrade` with its connection option survives with `keep_upgrade`.
pub fn strip_hop_by_hop_response(head: &mut Response, keep_upgrade: bool) {
    strip(&mut head.fields, keep_upgrade);
}

const HOP_BY_HOP: Kinds = Kinds::of(&[
    Kind::Connection,
    Kind::KeepAlive,
    Kind::ProxyConnection,
    Kind::Te,
    Kind::TransferEncoding,
    Kind::Upgrade,
]);
const ALL_BUT_UPGRADE: Kinds =
    Kinds::of(&[Kind::Connection, Kind::KeepAlive, Kind::ProxyConnection, Kind::Te, Kind::TransferEncoding]);

fn strip(fields: &mut Fields, keep_upgrade: bool) {
    if !fields.had(HOP_BY_HOP) {
        return;
    }
    let named = named(fields);
    fields.remove_kinds(if keep_upgrade { ALL_BUT_UPGRADE } else { HOP_BY_HOP });
    if !named.is_empty() {
        fields.retain(|name, _| !named.iter().any(|n| n.eq_ignore_ascii_case(name)));
    }
    if keep_upgrade && fields.get(b"upgrade").is_some() {
        fields.push(b"connection", b"upgrade");
    }
}

/// Fields that `connection` names, beyond those that go anyway. Fields for all recipients may not be named there;
/// removing them would let a client hide what it is bound to send.
fn named(fields: &Fields) -> Vec<Vec<u8>> {
    let known: [&[u8]; 7] =
        [b"close", b"keep-alive", b"upgrade", b"te", b"host", b"content-length", b"cookie"];
    fields
        .get_all(b"connection")
        // The usual values name nothing: no need to take them apart.
        .filter(|value| !known.iter().any(|k| k.eq_ignore_ascii_case(value)))
        .flat_map(crate::fields::split_list)
        .filter(|option| !known.iter().any(|k| k.eq_ignore_ascii_case(option)))
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(fields: &[(&str, &str)], keep_upgrade: bool) -> Vec<String> {
        let mut head = Request::default();
        for (name, value) in fields {
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        strip_hop_by_hop_request(&mut head, keep_upgrade);
        let show = |(n, v): (&[u8], &[u8])| format!("{}: {}", n.escape_ascii(), v.escape_ascii());
        head.fields.iter().map(show).collect()
    }

    #[test]
    fn what_belongs_to_one_connection_goes() {
        let fields = [
            ("Host", "a"),
            ("Connection", "keep-alive, X-Private, Host"),
            ("Connection", "HTTP2-Settings"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("TE", "gzip, trailers"),
            ("Transfer-Encoding", "chunked"),
            ("X-Private", "1"),
            ("HTTP2-Settings", "AAM"),
            ("Upgrade", "h2c"),
            ("Accept", "*/*"),
        ];
        assert_eq!(stripped(&fields, false), ["host: a", "accept: */*", "te: trailers"]);
    }

    #[test]
    fn an_upgrade_is_kept_on_request() {
        let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("A", "b")];
        assert_eq!(stripped(&fields, true), ["upgrade: websocket", "a: b", "connection: upgrade"]);
        assert_eq!(stripped(&fields, false), ["a: b"]);
        assert_eq!(stripped(&[("A", "b")], true), ["a: b"]);
    }
}
