//! Connections that wait in a listener's queue: which of them are taken, and by when they count.

use crate::client::{Raw, text};
use crate::place::wait_for;
use crate::program::{Lockgate, Program};
use crate::runtime_api::Operated;

const ANSWER: &str = " http-request return status 200 content-type text/plain string here\n";
const CLOSING: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Nothing is taken from the queue until it goes on.
fn halted(program: &Program) {
    program.signal("STOP");
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    wait_for(|| state().contains(") T ").then_some(())).expect("it has stopped");
}

/// A session that was taken and has not begun yet is no reason to end the thread under it.
#[test]
fn who_waits_when_a_soft_stop_comes_is_served() {
    for many in 1..=40 {
        let mut lockgate = Lockgate::start(&format!(
            "global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             frontend f\n bind <http>\n{ANSWER}"
        ));
        let at = lockgate.at("http");
        halted(lockgate.program());
        let mut clients: Vec<Raw> = (0..many).map(|_| Raw::connect(at)).collect();
        for client in &mut clients {
            client.send(CLOSING);
        }
        lockgate.program().signal("USR1");
        lockgate.program().signal("CONT");
        for (number, client) in clients.iter_mut().enumerate() {
            let answer = client.read_all();
            assert!(text(&answer).ends_with("here"), "{number} of {many}: {:?}", text(&answer));
        }
        drop(clients);
        assert_eq!(lockgate.program().ended().code(), Some(0));
    }
}

/// They count from the moment they are taken: a crowd is let in no faster than one by one.
#[test]
fn a_crowd_that_waited_does_not_exceed_a_limit() {
    let mut operated =
        Operated::start("", &format!("global\n nbthread 1\nfrontend f\n maxconn 2\n bind <http>\n{ANSWER}"));
    let at = operated.lockgate.at("http");
    halted(operated.lockgate.program());
    let mut clients: Vec<Raw> = (0..8).map(|_| Raw::connect(at)).collect();
    operated.lockgate.program().signal("CONT");
    for client in &mut clients {
        assert!(text(&client.send(CLOSING).read_all()).ends_with("here"));
    }
    let shown = operated.ask("show stat f 1 -1");
    let line = shown.lines().find(|line| line.starts_with("f,FRONTEND,")).unwrap();
    assert_eq!(line.split(',').nth(5), Some("2"), "the most at a time: {line}");
}
