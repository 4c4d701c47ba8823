//! What a connection costs while it waits.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{End, bind, server, talk};
use tls::Session;

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn an_established_session_at_rest_stays_under_three_kib() {
    let (bind, server) = (bind("memory"), server());
    let one = || {
        let mut client = End::new(Session::connect(&server, Some("localhost")).unwrap());
        let mut front = End::new(Session::accept(bind.clone()));
        client.feed().unwrap();
        talk(&mut client, &mut front, usize::MAX).unwrap();
        client.session.encrypt(b"GET / HTTP/1.1\r\n\r\n", &mut client.out).unwrap();
        talk(&mut client, &mut front, usize::MAX).unwrap();
        front.session.encrypt(b"HTTP/1.1 200 OK\r\n\r\n", &mut front.out).unwrap();
        front.session.settle();
        talk(&mut client, &mut front, usize::MAX).unwrap();
        front.session
    };
    // Warm up, so that what the process keeps for all is not counted.
    let warm: Vec<Session> = (0..200).map(|_| one()).collect();
    let before = resident();
    let idle: Vec<Session> = (0..1000).map(|_| one()).collect();
    let each = (resident() - before) / idle.len();
    println!("{each} bytes a session");
    assert!(each < 3 * 1024, "{each} bytes a session");
    drop(warm);
}
