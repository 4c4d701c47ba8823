use super::{all_load, all_refused, all_warned, load, model};
use base::Address;
use config::model::{BindParams, TlsVersion, Verify};

const FRONT: &str = "frontend f";

fn addresses(line: &str) -> Vec<Address> {
    model(FRONT, line).proxies[0].binds.iter().map(|bind| bind.address.clone()).collect()
}

fn params(line: &str) -> BindParams {
    model(FRONT, line).proxies[0].binds[0].params.clone()
}

#[test]
fn one_line_stands_for_all_its_addresses() {
    let table: &[(&str, &[&str])] = &[
        ("bind *:80", &["*:80"]),
        ("bind :80,", &[":80"]),
        ("bind :80,:::443,/run/a.sock", &[":80", ":::443", "/run/a.sock"]),
        ("bind 127.0.0.1:8001-8003", &["127.0.0.1:8001", "127.0.0.1:8002", "127.0.0.1:8003"]),
        ("bind abns@x,fd@3,ipv6@:80", &["abns@x", "fd@3", "ipv6@:80"]),
        ("bind localhost:80", &["localhost:80"]),
    ];
    for (line, expected) in table {
        let expected: Vec<Address> = expected.iter().map(|a| Address::parse(a).unwrap()).collect();
        assert_eq!(addresses(line), expected, "{line}");
    }
    assert_eq!(addresses("bind :1-65535").len(), 65_535);
}

#[test]
fn parameters_fill_the_model() {
    let p = params(
        "bind :443 ssl crt a.pem default-crt b.pem crt c.pem alpn http/1.1 ssl-min-ver TLSv1.3 verify optional \
         ca-file ca.pem crt-ignore-err 10,18 maxconn 5 v4v6 tfo accept-proxy tcp-ut 10s mss 1400 id 7 name https",
    );
    let crts: Vec<&str> = p.crts.iter().map(|c| c.as_str()).collect();
    assert_eq!((crts, p.default_crts), (vec!["b.pem", "a.pem", "c.pem"], 1));
    assert_eq!((p.tls.versions.min, p.verify), (Some(TlsVersion::Tls13), Some(Verify::Optional)));
    assert_eq!((p.maxconn, p.tcp_ut, p.mss, p.id), (Some(5), Some(10_000), Some(1400), Some(7)));
    assert!(p.ssl && p.v4v6 && p.tfo && p.accept_proxy && !p.v6only);
    assert_eq!(params("bind /run/a.sock mode 660 user root gid 0").unix.mode, Some(0o660));
    let p = params("bind :443 ssl crt a.pem force-tlsv12 curves X25519 ecdhe P-256 no-tlsv10 no-tls-tickets");
    assert_eq!((p.tls.versions.min, p.tls.versions.max), (Some(TlsVersion::Tls12), Some(TlsVersion::Tls12)));
    assert_eq!(p.tls.curves.unwrap().as_str(), "X25519");
    assert!(p.no_tls_tickets);
}

#[test]
fn what_haproxy_takes_loads() {
    all_load(
        FRONT,
        &[
            "bind :80 maxconn 0",
            "bind :80 proto h1",
            "bind :80 alpn h2,http/1.1",
            "bind :80 interface lo transparent",
            "bind :80 crt-ignore-err all ca-ignore-err 3",
            "bind :80 no-sslv3 no-tlsv10 no-tlsv11",
            "bind :443 ssl crt-list list.txt strict-sni",
            "bind :443 ssl crt site.pem tls-ticket-keys keys",
        ],
    );
}

#[test]
fn a_wrong_word_is_pointed_at() {
    all_refused(
        FRONT,
        &[
            ("bind", "", "'bind' expects", ""),
            ("bind :80 ss", "ss", "'bind :80': unknown keyword 'ss'", "did you mean 'ssl'"),
            ("bind :80, :81", ":81", "unknown keyword", "commas and no spaces"),
            ("bind 127.0.0.1", "127.0.0.1", "missing port specification", "127.0.0.1:80"),
            ("bind :80,127.0.0.1:0", "127.0.0.1:0", "invalid port '0'", ""),
            ("bind :80,:9-1", ":9-1", "range", ""),
            ("bind udp@:53", "udp@:53", "dgram-type", ""),
            ("bind sockpair@3", "sockpair@3", "family not served", "ipv4@"),
            ("bind :8001-8003 id 4", "id", "single socket", ""),
            ("bind :80 id 0", "0", "invalid id", "from 1"),
            ("bind :443 ssl crt", "", "'crt' expects", ""),
            ("bind /a mode 999", "999", "invalid mode", "octal"),
            ("bind :80 maxconn many", "many", "invalid number of connections", "whole number"),
            ("bind :80 mss 100000", "100000", "invalid segment size", "65535"),
            ("bind :80 tcp-ut x", "x", "invalid delay", ""),
            ("bind :80 verify reqired", "reqired", "invalid verify method", "did you mean 'required'"),
            ("bind :80 ssl-min-ver TLS1.2", "TLS1.2", "invalid TLS version", ""),
            ("bind :80 ssl-max-ver TLSv1.1", "TLSv1.1", "no version older than TLSv1.2", ""),
            ("bind :80 crt-ignore-err 10,x", "x", "invalid error id", "all"),
            ("bind :80 thread foo", "foo", "invalid thread set", ""),
            ("bind :1-65535,:80", ":80", "more than 65535", ""),
        ],
    );
}

/// What would change who gets in, or how, is refused rather than passed over.
#[test]
fn what_is_not_served_says_so() {
    all_refused(
        FRONT,
        &[
            ("bind :80 proto h2", "h2", "HTTP/2 is not served yet", ""),
            ("bind :80 accept-netscaler-cip 4", "accept-netscaler-cip", "not supported", "PROXY protocol"),
            ("bind :80 generate-certificates", "generate-certificates", "not supported", "crt"),
            ("bind :80 namespace x", "namespace", "not supported", "ip netns"),
        ],
    );
    all_warned(
        FRONT,
        &[
            ("bind :80 nice 5", "nice", "without effect", ""),
            ("bind :80 shards by-thread", "shards", "without effect", ""),
            ("bind :80 thread 1/1", "thread", "without effect", ""),
            ("bind :80 allow-0rtt", "allow-0rtt", "without effect", ""),
            ("bind :80,quic4@:443", "quic4@:443", "HTTP/3 is not served yet", ""),
            ("bind mptcp4@:80", "mptcp4@:80", "plain TCP", ""),
            ("bind :443 ssl crt a.pem alpn h2", "alpn", "HTTP/2 is not served yet", ""),
            ("bind :443 ssl crt a.pem ssl-min-ver TLSv1.0", "TLSv1.0", "TLSv1.2 is the oldest", ""),
        ],
    );
    assert!(load(FRONT, "bind quic4@:443 ssl crt a.pem").model.proxies[0].binds.is_empty());
}

#[test]
fn what_every_line_would_say_is_said_once() {
    let lines = "bind :443 ssl crt a alpn h2\nbind :444 ssl crt a alpn h2,http/1.1";
    assert_eq!(load(FRONT, lines).diags.iter().count(), 1);
    assert_eq!(load(FRONT, "bind :80 nice 1\nbind :81 nice 1").diags.iter().count(), 1);
}
