//! Hop-by-hop fields (RFC 9110 section 7.6.1): what a message says about one connection ends with that connection.
//! The caller strips before it adds fields of its own, so that a peer cannot name those in `connection`.
//! `transfer-encoding` stays, for the place it has: what is written there is `write`'s.

use crate::fields::{Fields, Kind, Kinds, split_list};
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

const HOP_BY_HOP: Kinds =
    Kinds::of(&[Kind::Connection, Kind::KeepAlive, Kind::ProxyConnection, Kind::Te, Kind::Upgrade]);
const CONNECTION: Kinds = Kinds::of(&[Kind::Connection]);
const ALL_BUT_UPGRADE: Kinds = HOP_BY_HOP.without(Kind::Upgrade);

fn strip(fields: &mut Fields, keep_upgrade: bool) {
    if !fields.had(HOP_BY_HOP) {
        return;
    }
    let named = named(fields);
    fields.remove_kinds(if keep_upgrade { ALL_BUT_UPGRADE } else { HOP_BY_HOP });
    if !named.is_empty() {
        remove(fields, &named);
    }
    if keep_upgrade && fields.get(b"upgrade").is_some() {
        fields.push(b"connection", b"upgrade");
    }
}

/// Removes the fields that `connection` names, and their names there: to be done before any rule adds a field of such a
/// name, or a client could strike out what we add.
pub fn drop_named_by_connection(head: &mut Request) {
    let named = named(&head.fields);
    if named.is_empty() {
        return;
    }
    let options = head.fields.elements(b"connection").filter(|o| is_known(o));
    let kept = options.collect::<Vec<_>>().join(&b", "[..]);
    remove(&mut head.fields, &named);
    head.fields.set(b"connection", &kept);
}

/// Takes out of `connection` what it says of the connection's life; whether it says `close`. What a server says is not for
/// the client: only what rules add afterwards is.
pub fn take_persistence(head: &mut Response) -> bool {
    if !head.fields.had(CONNECTION) {
        return false;
    }
    let mut close = false;
    let mut is_taken = |option: &[u8]| {
        let closes = option.eq_ignore_ascii_case(b"close");
        close |= closes;
        closes || option.eq_ignore_ascii_case(b"keep-alive")
    };
    let mut others = Vec::new();
    for value in head.fields.get_all(b"connection") {
        // the usual values say one thing: no need to take them apart
        if !is_taken(value) {
            others.extend(split_list(value).filter(|option| !is_taken(option)).map(<[u8]>::to_vec));
        }
    }
    head.fields.remove_kinds(CONNECTION);
    if !others.is_empty() {
        head.fields.push(b"connection", &others.join(&b", "[..]));
    }
    close
}

fn remove(fields: &mut Fields, named: &[Vec<u8>]) {
    fields.retain(|name, _| !named.iter().any(|n| n.eq_ignore_ascii_case(name)));
}

/// Fields that `connection` names, beyond those that go anyway.
fn named(fields: &Fields) -> Vec<Vec<u8>> {
    let mut named = Vec::new();
    // The usual values name nothing: no need to take them apart.
    for value in fields.get_all(b"connection").filter(|value| !is_known(value)) {
        named.extend(split_list(value).filter(|option| !is_known(option)).map(<[u8]>::to_vec));
    }
    named
}

/// Connection options that name no field to be removed. Fields for all recipients may not be named; removing them would
/// let a client hide what it is bound to send.
fn is_known(option: &[u8]) -> bool {
    match option.len() {
        2 => option.eq_ignore_ascii_case(b"te"),
        4 => option.eq_ignore_ascii_case(b"host"),
        5 => option.eq_ignore_ascii_case(b"close"),
        6 => option.eq_ignore_ascii_case(b"cookie"),
        7 => option.eq_ignore_ascii_case(b"upgrade"),
        10 => option.eq_ignore_ascii_case(b"keep-alive"),
        14 => option.eq_ignore_ascii_case(b"content-length"),
        17 => option.eq_ignore_ascii_case(b"transfer-encoding"),
        _ => false,
    }
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
        assert_eq!(
            stripped(&fields, false),
            ["host: a", "transfer-encoding: chunked", "accept: */*", "te: trailers"]
        );
    }

    #[test]
    fn what_a_client_names_goes_before_rules_add_it() {
        let mut head = Request::default();
        for (name, value) in [("connection", "close, X-A, cookie"), ("x-a", "1"), ("cookie", "c"), ("b", "2")]
        {
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        drop_named_by_connection(&mut head);
        let left: Vec<_> = head.fields.iter().collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"cookie", b"c"), (b"b", b"2"), (b"connection", b"close, cookie")];
        assert_eq!(left, expected);
    }

    #[test]
    fn a_server_does_not_speak_of_the_clients_connection() {
        let cases: [(&str, bool, Option<&[u8]>); 4] = [
            ("close", true, None),
            ("Keep-Alive, X-A", false, Some(b"X-A")),
            ("upgrade", false, Some(b"upgrade")),
            ("x, Close", true, Some(b"x")),
        ];
        for (said, close, left) in cases {
            let mut head = Response::default();
            head.fields.push(b"connection", said.as_bytes());
            assert_eq!(
                (take_persistence(&mut head), head.fields.get(b"connection")),
                (close, left),
                "{said}"
            );
        }
    }

    #[test]
    fn an_upgrade_is_kept_on_request() {
        let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("A", "b")];
        assert_eq!(stripped(&fields, true), ["upgrade: websocket", "a: b", "connection: upgrade"]);
        assert_eq!(stripped(&fields, false), ["a: b"]);
        assert_eq!(stripped(&[("A", "b")], true), ["a: b"]);
    }
}
