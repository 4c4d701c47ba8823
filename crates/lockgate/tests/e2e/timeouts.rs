//! Slow and broken peers: which status the client gets, and which termination code the log line has.

use crate::client::{Answer, Raw, exchange, text};
use crate::place::{free_address, wait_for};
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::net::SocketAddr;

fn proxy(server: SocketAddr, timeouts: &str, words: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 10s\n \
         timeout server 10s\n {timeouts}\nlisten l\n bind <http>\n server s {server} {words}\n"
    ))
}

/// `(status, termination code)` of the one line that contains `part`.
fn ended(lockgate: &Lockgate, part: &str) -> (String, String) {
    let line = lockgate.logged(part);
    // client, date, frontend, server, timers, status, bytes, two captures, termination code
    let words: Vec<&str> = line.split(' ').collect();
    (words[5].to_owned(), words[9].to_owned())
}

fn as_text(pair: &(String, String)) -> (&str, &str) {
    (&pair.0, &pair.1)
}

#[test]
fn a_client_that_is_slow_with_its_request_gets_408() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let lockgate = proxy(server.address(), "timeout http-request 200ms", "");
    let answer = Raw::connect(lockgate.at("http")).send("GET / HTTP/1.1\r\nHost: ").read_all();
    assert_eq!(Answer::parse(&answer).status, 408);
    assert_eq!(as_text(&ended(&lockgate, "<BADREQ>")), ("408", "cR--"));
    let timers = lockgate.logged("<BADREQ>");
    let total = timers.split(' ').nth(4).unwrap().rsplit('/').next().unwrap();
    assert!(total.parse::<u32>().unwrap() >= 200, "the wait is shown: {timers}");
    assert!(server.received().is_empty());
}

#[test]
fn a_client_that_leaves_while_sending_its_request_is_logged_as_such() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let lockgate = proxy(server.address(), "", "");
    let answer = Raw::connect(lockgate.at("http")).send("GET / HTTP/1.1\r\nHost: ").finish().read_all();
    assert_eq!(Answer::parse(&answer).status, 400);
    assert_eq!(as_text(&ended(&lockgate, "<BADREQ>")), ("400", "CR--"));
}

#[test]
fn a_server_that_is_slow_gets_504_for_the_client() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let lockgate = proxy(server.address(), "timeout server 200ms", "");
    let answer = exchange(lockgate.at("http"), "GET /slow HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 504);
    assert_eq!(as_text(&ended(&lockgate, "GET /slow")), ("504", "sH--"));
}

#[test]
fn a_server_that_closes_without_an_answer_gives_502() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
    });
    let lockgate = proxy(server.address(), "retries 0", "");
    let answer = exchange(lockgate.at("http"), "GET /gone HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 502);
    assert_eq!(as_text(&ended(&lockgate, "GET /gone")), ("502", "SH--"));
}

#[test]
fn a_server_that_speaks_nonsense_gives_502() {
    let server = Upstream::answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
    let lockgate = proxy(server.address(), "", "");
    let answer = exchange(lockgate.at("http"), "GET /odd HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 502);
    assert_eq!(as_text(&ended(&lockgate, "GET /odd")), ("502", "PH--"));
}

#[test]
fn a_server_that_refuses_gives_503_after_the_retries() {
    let lockgate = proxy(free_address(), "retries 1\n timeout connect 100ms", "");
    let answer = exchange(lockgate.at("http"), "GET /refused HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 503);
    let line = lockgate.logged("GET /refused");
    assert!(line.contains(" 503 ") && line.contains(" SC-- "), "{line}");
    let counts = line.split(' ').nth(10).unwrap();
    assert!(counts.ends_with("/1") || counts.ends_with("/+1"), "{line}");
}

#[test]
fn a_response_that_breaks_off_is_seen_to_break_off() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart");
    });
    let lockgate = proxy(server.address(), "", "");
    let all = text(&exchange(lockgate.at("http"), "GET /part HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(all.ends_with("\r\n\r\npart"), "{all}");
    assert_eq!(as_text(&ended(&lockgate, "GET /part")), ("200", "SD--"));
}

#[test]
fn a_chunked_response_that_breaks_off_has_no_last_chunk() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    });
    let lockgate = proxy(server.address(), "", "");
    let all = text(&exchange(lockgate.at("http"), "GET /part HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(all.contains("part") && !all.contains("\r\n0\r\n"), "{all}");
    assert_eq!(as_text(&ended(&lockgate, "GET /part")), ("200", "SD--"));
}

#[test]
fn a_response_that_stalls_is_given_up() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart");
        peer.read_all();
    });
    let lockgate = proxy(server.address(), "timeout server 200ms", "");
    let all = text(&exchange(lockgate.at("http"), "GET /stall HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(all.ends_with("\r\n\r\npart"), "{all}");
    assert_eq!(as_text(&ended(&lockgate, "GET /stall")), ("200", "sD--"));
}

#[test]
fn a_client_that_stalls_in_its_body_is_given_up() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let lockgate = proxy(server.address(), "timeout client 200ms", "");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("POST /stall HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    let answer = raw.read_all();
    assert_eq!(Answer::parse(&answer).status, 408);
    assert_eq!(as_text(&ended(&lockgate, "POST /stall")), ("408", "cH--"));
}

#[test]
fn a_client_that_leaves_in_its_body_ends_the_servers_side() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let lockgate = proxy(server.address(), "", "");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("POST /leave HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    // who leaves before there is a server is logged as leaving then (CC)
    wait_for(|| server.received().concat().ends_with(b"part").then_some(())).unwrap();
    assert_eq!(text(&raw.finish().read_all()), "");
    assert_eq!(as_text(&ended(&lockgate, "POST /leave")), ("-1", "CD--"));
}

#[test]
fn who_waits_in_the_queue_too_long_gets_503() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let lockgate = proxy(server.address(), "timeout queue 200ms", "maxconn 1");
    let mut first = Raw::connect(lockgate.at("http"));
    first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    crate::place::wait_for(|| (!server.received().is_empty()).then_some(())).unwrap();
    let answer = exchange(lockgate.at("http"), "GET /second HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 503);
    assert_eq!(as_text(&ended(&lockgate, "GET /second")), ("503", "sQ--"));
}

#[test]
fn an_idle_kept_connection_is_closed_without_a_line() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let lockgate = proxy(server.address(), "timeout http-keep-alive 100ms", "");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n").read_until("ok");
    assert!(raw.read_all().is_empty());
    assert_eq!(as_text(&ended(&lockgate, "GET /kept")), ("200", "----"));
    assert!(!lockgate.lines().iter().any(|l| l.contains("BADREQ")));
}

/// More than the sockets on the way hold: somebody has to wait.
const TOO_MUCH: usize = 64 << 20;

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOO_MUCH}\r\n\r\n"));
        peer.send(vec![b'x'; TOO_MUCH]);
    });
    for option in ["", "no option splice-auto"] {
        let lockgate = proxy(server.address(), &format!("timeout client 200ms\n {option}"), "");
        let mut raw = Raw::connect(lockgate.at("http"));
        raw.send("GET /unread HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(as_text(&ended(&lockgate, "GET /unread")), ("200", "cD--"), "{option}");
    }
}

#[test]
fn a_server_that_does_not_read_is_given_up() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Upstream::start(move |mut peer| {
        peer.read_head();
        let _ = held.lock().unwrap().recv();
    });
    for option in ["", "no option splice-auto"] {
        let lockgate = proxy(server.address(), &format!("retries 0\n timeout server 200ms\n {option}"), "");
        let mut raw = Raw::connect(lockgate.at("http"));
        // In one piece, so that the server gets the head and some of the body in one read.
        let head = format!("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: {TOO_MUCH}\r\n\r\n");
        let sending = std::thread::spawn(move || {
            raw.send([head.into_bytes(), vec![b'x'; TOO_MUCH]].concat());
        });
        let (status, code) = ended(&lockgate, "POST /unread");
        assert_eq!((status.as_str(), code.as_str()), ("504", "sD--"), "{option}");
        sending.join().unwrap();
        hold.send(()).unwrap();
    }
}

#[test]
fn who_was_told_of_the_end_has_its_own_time_to_end() {
    let silent = |option: &str, server: &Upstream| {
        Lockgate::start(&format!(
            "global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n option tcplog\n timeout connect 5s\n \
             timeout client 60s\n timeout server 60s\n {option} 200ms\nlisten l\n bind <tcp>\n server s {}\n",
            server.address()
        ))
    };
    let reads = Upstream::start(|mut peer| {
        peer.send("hello");
        peer.read_all();
        std::thread::park_timeout(crate::place::PATIENCE);
    });
    let lockgate = silent("timeout server-fin", &reads);
    let mut raw = Raw::connect(lockgate.at("tcp"));
    raw.read_until("hello");
    raw.finish().read_all();
    assert!(lockgate.logged(" l/s ").contains(" 5 sD "), "{:?}", lockgate.lines());

    let ends = Upstream::start(|mut peer| {
        peer.send("hello");
        peer.finish();
        peer.read_all();
    });
    let lockgate = silent("timeout client-fin", &ends);
    let mut raw = Raw::connect(lockgate.at("tcp"));
    assert_eq!(text(&raw.read_all()), "hello");
    assert!(lockgate.logged(" l/s ").contains(" 5 cD "), "{:?}", lockgate.lines());
}

#[test]
fn waiting_for_a_body_is_time_for_the_request() {
    let server = Upstream::answering(b"HTTP/1.1 204 No Content\r\n\r\n");
    for option in ["option http-buffer-request", "http-request wait-for-body time 20s"] {
        let lockgate = proxy(server.address(), "", &format!("\n {option}"));
        let mut raw = Raw::connect(lockgate.at("http"));
        raw.send("POST /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\n");
        let begun = std::time::Instant::now();
        crate::place::wait_for(|| (begun.elapsed().as_millis() >= 150).then_some(()));
        raw.send("a little").read_all();
        let line = lockgate.logged("POST /late");
        let timers = line.split(' ').nth(4).unwrap().split('/');
        let timers: Vec<i64> = timers.map(|t| t.parse().unwrap()).collect();
        assert!(timers[0] >= 100 && timers[1] < timers[0], "{option}: {line}");
    }
}
