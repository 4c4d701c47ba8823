//! Actions of rules that change how a stream goes on: its place in queues, its retries, its pace, its mode, its log.

use crate::client::{Answer, Raw, curl, exchange, text};
use crate::place::{free_address, wait_for};
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::time::{Duration, Instant};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn start(proxies: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n log global\n timeout connect 5s\n timeout client 10s\n \
         timeout server 10s\n retries 0\n{proxies}"
    ))
}

fn get(lockgate: &Lockgate, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    Answer::parse(&exchange(lockgate.at("http"), request))
}

#[test]
fn a_request_of_a_better_class_is_served_before_those_that_wait() {
    // each is held until its client goes
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.read();
    });
    let lockgate = start(&format!(
        "listen l\n mode http\n bind <http>\n option abortonclose\n http-request set-priority-class path,length,neg\n \
         server s {} maxconn 1\n\
         frontend q\n mode http\n bind <queue>\n \
         http-request return status 200 content-type text/plain lf-string %[queue(l)]\n",
        server.address(),
    ));
    let send = |path: &str| {
        let mut raw = Raw::connect(lockgate.at("http"));
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        raw
    };
    let served = |turn: usize| {
        let head = wait_for(|| server.received().get(turn).filter(|head| !head.is_empty()).cloned());
        text(&head.unwrap()).split(' ').nth(1).unwrap().to_owned()
    };
    let mut holder = send("/hold");
    assert_eq!(served(0), "/hold");
    let mut waiting = std::collections::BTreeMap::new();
    for path in ["/a", "/ccccc", "/bbb"] {
        waiting.insert(path, send(path));
        let queued = waiting.len().to_string();
        wait_for(|| curl(&lockgate.url("queue", "/")).text().eq(&queued).then_some(())).unwrap();
    }
    for (turn, path) in ["/ccccc", "/bbb", "/a"].into_iter().enumerate() {
        drop(std::mem::replace(&mut holder, waiting.remove(path).unwrap()));
        assert_eq!(served(turn + 1), path);
    }
}

#[test]
fn a_rule_grants_retries() {
    let dead = free_address();
    let server = Upstream::answering(OK);
    let lockgate = start(&format!(
        "listen l\n mode http\n bind <http>\n option redispatch 1\n http-request set-retries 2 if {{ path /again }}\n \
         balance first\n server dead {dead}\n server s {}\n",
        server.address()
    ));
    assert_eq!(get(&lockgate, "/").status, 503);
    assert_eq!(get(&lockgate, "/again").status, 200);
}

/// A backend's own rules count for it, not those of the frontend that led there.
#[test]
fn retries_are_those_of_the_proxy_whose_rules_grant_them() {
    let lockgate = start(
        "listen l\n mode http\n bind <l>\n http-request set-retries 3\n log-format \"%[be_max_retries] %[cur_max_retries]\"\n \
         server s 127.0.0.1:1 disabled\n\
         listen m\n mode http\n bind <m>\n http-request set-retries 5\n log-format \"%[be_max_retries] %[cur_max_retries]\"\n \
         default_backend plain\n\
         frontend f\n mode http\n bind <f>\n log-format \"%[be_max_retries] %[cur_max_retries] %[txn.status] %[bc_be_queue] %[bc_srv_queue]\"\n \
         default_backend granting\n\
         backend plain\n mode http\n server s 127.0.0.1:1 disabled\n\
         backend granting\n mode http\n http-request set-retries 4\n server s 127.0.0.1:1 disabled\n",
    );
    for (name, line) in [("l", "0 3"), ("m", "0 0"), ("f", "0 4 503 0 0")] {
        exchange(lockgate.at(name), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        lockgate.logged(line);
    }
}

#[test]
fn a_rule_pauses_and_a_rule_logs() {
    let server = Upstream::answering(OK);
    let lockgate = start(&format!(
        "listen l\n mode http\n bind <http>\n log-format \"line %[var(txn.at)]\"\n http-request set-var(txn.at) str(early)\n \
         http-request do-log\n http-request pause 150ms\n http-response pause int(150)\n \
         http-request set-var(txn.at) str(late)\n server s {}\n",
        server.address()
    ));
    let began = Instant::now();
    assert_eq!(get(&lockgate, "/").status, 200);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    let lines = wait_for(|| {
        let lines: Vec<String> =
            lockgate.lines().into_iter().filter(|line| line.starts_with("line ")).collect();
        (lines.len() == 2).then_some(lines)
    });
    assert_eq!(lines.unwrap(), ["line early", "line late"]);
}

#[test]
fn a_connection_becomes_http() {
    let server = Upstream::answering(OK);
    let raw = Upstream::start(|mut peer| {
        peer.read();
        peer.send(b"raw");
    });
    let lockgate = start(&format!(
        "frontend f\n mode tcp\n bind <http>\n tcp-request inspect-delay 5s\n \
         tcp-request content switch-mode http if HTTP\n http-request set-header X-Way http\n default_backend raw\n \
         use_backend web if {{ path_beg /web }}\n\
         frontend g\n mode tcp\n bind <second>\n default_backend web\n\
         backend web\n mode http\n http-request set-path /changed%[path]\n server s {}\n\
         backend raw\n mode tcp\n server s {}\n",
        server.address(),
        raw.address()
    ));
    assert_eq!(get(&lockgate, "/web").status, 200);
    let received = text(&server.received()[0]);
    assert!(received.starts_with("GET /changed/web ") && received.contains("x-way: http"), "{received}");
    assert_eq!(get(&lockgate, "/other").status, 503, "a TCP server cannot take it");
    assert_eq!(exchange(lockgate.at("http"), "\x16 no HTTP"), b"raw");
    let request = "GET /g HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(Answer::parse(&exchange(lockgate.at("second"), request)).status, 200);
    assert!(text(&server.received()[1]).starts_with("GET /changed/g "));
}

#[test]
fn rules_know_how_long_http_messages_are() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let lockgate = start(&format!(
        "listen l\n mode http\n bind <http>\n tcp-request inspect-delay 5s\n \
         tcp-request content reject if {{ req.len gt 60 }}\n http-request set-var(txn.n) req.len\n \
         http-response set-header x-len \"%[var(txn.n)] %[res.len]\"\n server s {}\n",
        server.address()
    ));
    assert_eq!(get(&lockgate, "/g").field("x-len"), Some("39 49"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "g".repeat(60));
    assert!(exchange(lockgate.at("http"), long).is_empty());
}

/// The client's connection follows the frontend alone.
#[test]
fn what_rules_answer_ends_the_connection_under_the_frontends_httpclose() {
    for (side, answered) in [
        ("option httpclose\n mode http", 1),
        ("mode http\n default_backend b\nbackend b\n mode http\n option httpclose", 2),
    ] {
        let lockgate = Lockgate::start(&format!(
            "defaults\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n timeout http-keep-alive 60s\n\
             frontend f\n bind <http>\n {side}\n http-request return status 200\n"
        ));
        let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let last = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let answers = exchange(lockgate.at("http"), format!("{request}{last}"));
        assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 200").count(), answered, "{side}");
    }
}

#[test]
fn the_monitor_answers_for_its_whole_uri() {
    let lockgate = Lockgate::start(
        "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
         frontend path\n bind <path>\n monitor-uri /health\n\
         frontend whole\n bind <whole>\n monitor-uri http://a/health\n",
    );
    let cases = [
        ("path", "/health", 200),
        ("path", "http://a/health", 200),
        ("path", "/health?x", 503),
        ("whole", "http://a/health", 200),
        ("whole", "/health", 503),
    ];
    for (front, target, status) in cases {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = Answer::parse(&exchange(lockgate.at(front), request));
        assert_eq!(answer.status, status, "{front} {target}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"), "{front} {target}");
    }
}
