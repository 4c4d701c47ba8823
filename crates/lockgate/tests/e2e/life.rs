//! Servers and the program itself come and go.

use crate::client::{Answer, Raw, curl, exchange, text};
use crate::nginx::Nginx;
use crate::place::{free_address, wait_for};
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

#[test]
fn a_soft_stop_finishes_what_is_open() {
    let go = Arc::new(AtomicBool::new(false));
    let gate = go.clone();
    let server = Upstream::start(move |mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
        wait_for(|| gate.load(SeqCst).then_some(()));
        peer.send("rest");
    });
    let mut lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\nlisten l\n bind <http>\n server s {}\n",
        server.address()
    ));
    let address = lockgate.at("http");
    let mut raw = Raw::connect(address);
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("half");
    lockgate.program().signal("USR1");
    wait_for(|| (!crate::place::is_listening(address)).then_some(())).expect("the listener closes");
    assert!(lockgate.program().is_running());
    go.store(true, SeqCst);
    assert_eq!(text(&raw.read_all()), "rest");
    assert_eq!(lockgate.program().ended().code(), Some(0));
}

#[test]
fn a_server_that_dies_and_comes_back_costs_no_request() {
    let two = Nginx::start("two");
    let down = Arc::new(AtomicBool::new(false));
    let (state, hits) = (down.clone(), Arc::new(AtomicU32::new(0)));
    let seen = hits.clone();
    // Health is judged by `/health`; a server that is down closes on everything.
    let one = Upstream::start(move |mut peer| {
        loop {
            let head = peer.read_message();
            if head.is_empty() || state.load(SeqCst) {
                return;
            }
            if !head.contains("/health") {
                seen.fetch_add(1, SeqCst);
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Server: one\r\n\r\none\n");
        }
    });
    let lockgate = Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 1s\n timeout client 10s\n timeout server 20s\n \
         timeout check 1s\nlisten l\n bind <http>\n balance roundrobin\n retries 3\n option redispatch 1\n retry-on all-retryable-errors\n \
         option httpchk GET /health\n default-server inter 100ms fall 2 rise 2\n server one {} check\n server two {} check\n",
        one.address(),
        two.address()
    ));
    let many = |n: u32| {
        for _ in 0..n {
            let answer = curl(&lockgate.url("http", "/"));
            assert_eq!(answer.status, 200);
        }
    };
    many(6);
    assert_eq!(hits.load(SeqCst), 3);
    down.store(true, SeqCst);
    many(10);
    lockgate.logged("Server l/one is DOWN");
    many(4);
    assert_eq!(hits.load(SeqCst), 3);
    down.store(false, SeqCst);
    lockgate.logged("Server l/one is UP");
    many(6);
    assert_eq!(hits.load(SeqCst), 6);
}

#[test]
fn a_backup_serves_when_nobody_else_does() {
    let nginx = Nginx::start("backup");
    let lockgate = Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen l\n bind <http>\n server dead {} check inter 100ms fall 1\n server backup {} backup\n",
        free_address(),
        nginx.address()
    ));
    lockgate.logged("Server l/dead is DOWN");
    let answer = exchange(lockgate.at("http"), "GET / HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::parse(&answer).field("x-server"), Some("backup"));
}

#[test]
fn a_connection_that_need_not_linger_ends_in_a_reset() {
    use std::io::Read;
    let server = crate::upstream::Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (option, reset) in [("option nolinger", true), ("no option nolinger", false)] {
        let lockgate = Lockgate::start(&format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\nfrontend f\n \
             bind <http>\n {option}\n default_backend b\nbackend b\n server s {}\n",
            server.address()
        ));
        let mut client = std::net::TcpStream::connect(lockgate.at("http")).unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        std::io::Write::write_all(&mut client, request).unwrap();
        let mut all = Vec::new();
        let ended = client.read_to_end(&mut all);
        // The end of the data came in order; that nothing is kept of the connection shows when it is used again.
        assert!(all.ends_with(b"ok"), "{option}: {ended:?}");
        let state = || {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let (near, far) = (lockgate.at("http").port(), client.local_addr().unwrap().port());
            let pair = format!("0100007F:{near:04X} 0100007F:{far:04X} ");
            table.lines().any(|line| line.contains(&pair))
        };
        if reset {
            crate::place::wait_for(|| (!state()).then_some(())).unwrap();
        } else {
            assert!(state(), "{option}: a connection that ends in order waits for the client's end");
        }
    }
}
