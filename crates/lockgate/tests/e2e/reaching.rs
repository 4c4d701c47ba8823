//! How servers are reached and how their connections live: SOCKS4, fields of the PROXY protocol, the state at start,
//! names and room of kept connections.

use crate::client::{Answer, Raw, curl, exchange, text};
use crate::place::{PATIENCE, free_address, wait_for};
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const DEFAULTS: &str =
    "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n";
const CLOSING: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_server_and_its_checks_are_reached_through_socks() {
    let socks = Upstream::start(|mut peer| {
        peer.read();
        peer.send(b"\0\x5a\0\0\0\0\0\0");
        while peer.read_head() {
            peer.send(OK);
        }
    });
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n option httpchk GET /check\n \
         server s 192.0.2.7:8080 socks4 {} check check-via-socks4 inter 1s\n",
        socks.address()
    ));
    assert_eq!(Answer::parse(&exchange(lockgate.at("http"), CLOSING)).status, 200);
    let asked = b"\x04\x01\x1f\x90\xc0\x00\x02\x07HAProxy\x00";
    let seen = |line: &str| {
        let head = [&asked[..], line.as_bytes()].concat();
        wait_for(|| socks.received().iter().any(|bytes| bytes.starts_with(&head)).then_some(()))
    };
    assert!(seen("GET / HTTP/1.1\r\n").is_some());
    assert!(seen("GET /check HTTP/1.0\r\n").is_some());
}

#[test]
fn a_socks_proxy_that_refuses_is_a_failed_connection() {
    let socks = Upstream::start(|mut peer| {
        peer.read();
        peer.send(b"\0\x5b\0\0\0\0\0\0");
    });
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n retries 0\n server s 192.0.2.7:8080 socks4 {}\n",
        socks.address()
    ));
    assert_eq!(Answer::parse(&exchange(lockgate.at("http"), CLOSING)).status, 503);
}

#[test]
fn fields_of_ones_own_travel_in_the_proxy_protocol() {
    let server = Upstream::answering(OK);
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n \
         server s {} send-proxy-v2 set-proxy-v2-tlv-fmt(0xE1) \"at %[path]\"\n",
        server.address()
    ));
    exchange(lockgate.at("http"), CLOSING);
    let received = server.received().remove(0);
    let field = b"\xe1\x00\x04at /";
    assert!(received.windows(field.len()).any(|window| window == field), "{}", received.escape_ascii());
}

/// What the header says holds for all that the connection carries, so that it must not carry what needs another header.
#[test]
fn a_connection_is_kept_for_those_whose_proxy_header_is_its_own() {
    let server = Upstream::start(|mut peer| {
        // the header's signature begins like the end of a head
        peer.read_head();
        while peer.read_head() {
            peer.send(OK);
        }
    });
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n unique-id-format %[req.hdr(in)]\n \
         server s {} send-proxy-v2 proxy-v2-options unique-id\n",
        server.address()
    ));
    let mut raw = Raw::connect(lockgate.at("http"));
    for id in ["foo", "foo", "bar"] {
        raw.send(format!("GET / HTTP/1.1\r\nHost: a\r\nIn: {id}\r\n\r\n")).read_until("ok");
    }
    let received = server.received();
    let has =
        |bytes: &[u8], id: &str| bytes.windows(6).any(|w| w == [b"\x05\x00\x03", id.as_bytes()].concat());
    assert_eq!(received.len(), 2);
    assert!(has(&received[0], "foo") && has(&received[1], "bar"), "{received:?}");
}

/// `aggressive`: a session's first request goes over a kept connection once that has shown to be kept by its server too.
#[test]
fn a_first_request_goes_over_a_connection_that_was_kept_before() {
    let server = Upstream::answering(OK);
    let lockgate = Lockgate::start(&format!(
        "global\n nbthread 1\n{DEFAULTS}listen l\n bind <http>\n http-reuse aggressive\n server s {}\n",
        server.address()
    ));
    let requests = |count: usize| {
        let mut raw = Raw::connect(lockgate.at("http"));
        for _ in 0..count {
            raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("ok");
        }
        server.received().len()
    };
    assert_eq!([requests(1), requests(1), requests(2), requests(1)], [1, 2, 3, 3]);
}

#[test]
fn a_server_begins_in_the_state_that_is_written() {
    let (server, dead) = (Upstream::answering(OK), free_address());
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}backend b\n default-server check addr 127.0.0.1 port {} inter 60s fall 3\n \
         server usual {server}\n server sure {server} init-state fully-up\n server late {server} init-state down\n\
         frontend f\n bind <http>\n http-request return status 200 content-type text/plain \
         lf-string \"%[srv_is_up(b/usual)] %[srv_is_up(b/sure)] %[srv_is_up(b/late)]\"\n",
        dead.port(),
        server = server.address()
    ));
    let states = || curl(&lockgate.url("http", "/")).text().to_owned();
    assert!(wait_for(|| (states() == "0 1 0").then_some(())).is_some(), "{}", states());
}

#[test]
fn a_rule_waits_for_a_responses_body() {
    let server = Upstream::start(|mut peer| {
        while peer.read_head() {
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            std::thread::sleep(std::time::Duration::from_millis(50));
            peer.send(b"6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n");
        }
    });
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS}frontend f\n bind <http>\n option http-drop-response-trailers\n default_backend b\n\
         backend b\n http-response wait-for-body time 5s\n \
         http-response set-header X-Len %[res.body_len]\n \
         http-response deny status 403 if {{ res.body -m sub world }} {{ var(txn.never) -m found }}\n \
         http-response set-header X-Word yes if {{ res.body -m end world }}\n server s {}\n",
        server.address()
    ));
    for _ in 0..2 {
        let answer = text(&exchange(lockgate.at("http"), CLOSING));
        assert!(answer.contains("x-len: 11\r\n") && answer.contains("x-word: yes\r\n"), "{answer}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body, "b\r\nhello world\r\n0\r\n\r\n", "no trailer either");
    }
}

#[test]
fn bytes_are_counted_while_they_pass() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
        peer.send([b'x'; 4000]);
        peer.read();
    });
    let lockgate = Lockgate::start(&format!(
        "{DEFAULTS} option contstats\nlisten l\n bind <http>\n server s {}\n\
         frontend page\n bind <stats>\n stats enable\n stats uri /\n",
        server.address()
    ));
    let mut raw = crate::client::Raw::connect(lockgate.at("http"));
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let counted = || {
        let page = curl(&lockgate.url("stats", "/;csv"));
        let line = page.text().lines().find(|line| line.starts_with("l,FRONTEND,")).unwrap().to_owned();
        line.split(',').nth(9).unwrap().parse::<u64>().unwrap()
    };
    assert!(wait_for(|| (counted() >= 4000).then_some(())).is_some(), "{}", counted());
}

#[test]
fn a_client_that_only_listens_runs_out_of_time_where_streams_are_independent() {
    let server = Upstream::start(|mut peer| {
        for _ in 0..100 {
            peer.send(b"tick");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        peer.send(b"end");
    });
    let lockgate = Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n option tcplog\n timeout connect 5s\n \
         timeout client 500ms\n timeout server 10s\n option independent-streams\nlisten l\n bind <tcp>\n server s {}\n",
        server.address()
    ));
    let all = text(&exchange(lockgate.at("tcp"), ""));
    assert!(all.starts_with("tick") && !all.ends_with("end"), "{}", all.len());
    lockgate.logged(" cD ");
}

#[test]
fn kept_connections_have_names_and_make_room_for_others() {
    let ended: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = ended.clone();
    let server = Upstream::start(move |mut peer| {
        let first = peer.read_message();
        peer.send(OK);
        while peer.read_head() {
            peer.send(OK);
        }
        log.lock().unwrap().push(first);
    });
    let lockgate = Lockgate::start(&format!(
        "global\n nbthread 1\n{DEFAULTS}listen l\n bind <http>\n http-reuse always\n \
         server s {} maxconn 1 strict-maxconn pool-conn-name req.hdr(x-tenant) pool-purge-delay 1h\n",
        server.address()
    ));
    for (tenant, connections) in [("one", 1), ("one", 1), ("two", 2)] {
        let request = CLOSING.replace("Host: a", &format!("Host: a\r\nX-Tenant: {tenant}"));
        assert_eq!(Answer::parse(&exchange(lockgate.at("http"), request)).status, 200);
        assert_eq!(server.received().len(), connections, "{tenant}");
    }
    // the first has ended long before its time, as the second needed its place
    let gone = wait_for(|| ended.lock().unwrap().first().cloned()).unwrap();
    assert!(gone.contains("x-tenant: one"), "{gone}");
}

#[test]
fn a_check_over_tls_names_the_host_that_it_asks_for() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let _lockgate = Lockgate::start(&format!(
        "{DEFAULTS}listen l\n bind <http>\n option httpchk\n http-check send uri / hdr Host check.example:8443\n \
         server s {} ssl verify none check inter 200ms check-sni-auto\n",
        server.address()
    ));
    let hello = wait_for(|| server.received().into_iter().find(|bytes| bytes.len() > 100)).unwrap();
    let names = |name: &str| hello.windows(name.len()).any(|w| w == name.as_bytes());
    assert!(names("check.example") && !names("check.example:"), "{hello:?}");
}

#[test]
fn a_tcp_client_that_was_sent_nothing_sees_an_end_and_one_that_is_barred_a_reset() {
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n retries 0\n\
         listen refused\n bind <refused>\n server s {}\nfrontend nowhere\n bind <nowhere>\n\
         frontend rejected\n bind <rejected>\n tcp-request content reject\n\
         frontend barred\n bind <barred>\n tcp-request connection reject\n",
        free_address()
    ));
    for name in ["refused", "nowhere", "rejected"] {
        let mut client = TcpStream::connect(lockgate.at(name)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(client.read(&mut [0; 8]).ok(), Some(0), "{name}");
    }
    let mut barred = TcpStream::connect(lockgate.at("barred")).unwrap();
    barred.set_read_timeout(Some(PATIENCE)).unwrap();
    let error = barred.read(&mut [0; 8]).expect_err("an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
