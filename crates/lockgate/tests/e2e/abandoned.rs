//! Clients that leave in the middle, and servers that answer before the request is whole: what is logged and what a client
//! still gets, as haproxy 2.6 has it.

use crate::client::{Raw, text};
use crate::place::wait_for;
use crate::program::Lockgate;
use crate::upstream::Upstream;

const EARLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BEGUN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok";

fn start(server: &Upstream, more: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 20s\n \
         timeout client 30s\n timeout server 30s\n timeout tarpit 30s\n{more}\
         frontend f\n bind <http>\n http-request tarpit if {{ path /tarpit }}\n use_backend refused if {{ path /refused }}\n \
         default_backend b\nbackend b\n server s {}\nbackend refused\n server s 127.0.0.1:1\n",
        server.address()
    ))
}

/// Answers the head of a request at once and reads on.
fn answering_early(response: &'static [u8]) -> Upstream {
    Upstream::start(move |mut peer| {
        while peer.read_head() {
            peer.send(response);
        }
    })
}

fn half(lockgate: &Lockgate, path: &str) -> Raw {
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"));
    raw
}

#[test]
fn a_client_that_leaves_in_its_body_is_logged_where_it_left() {
    for (path, response, told) in [
        ("/", EARLY, "b/s # 200 51 - - CD--"),
        ("/", BEGUN, "b/s # 200 51 - - CD--"),
        ("/refused", EARLY, "refused/s # -1 0 - - CC--"),
    ] {
        let server = answering_early(response);
        let mut lockgate = start(&server, "");
        let mut raw = half(&lockgate, path);
        if path == "/" {
            raw.read_until("ok");
        }
        raw.finish().read_all();
        let line = lockgate.program().line(|line| line.contains("POST "));
        let words: Vec<&str> = line.split(' ').collect();
        let at = words.iter().position(|word| word.matches('/').count() == 4).unwrap();
        let without_times = [&words[at - 1..at], &["#"], &words[at + 1..at + 6]].concat().join(" ");
        assert_eq!(without_times, told, "{line}");
    }
}

#[test]
fn a_connection_goes_on_behind_a_response_that_came_early() {
    let server = answering_early(EARLY);
    let mut lockgate = start(&server, "");
    let mut raw = half(&lockgate, "/");
    raw.read_until("ok");
    raw.send("cdGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(text(&raw.read_all()).ends_with("ok"));
    let line = lockgate.program().line(|line| line.contains("POST "));
    assert!(line.contains(" 200 51 - - ---- "), "{line}");
    let server = text(&server.received().concat());
    assert!(server.contains("abcd") && server.contains("GET /next "), "{server}");
}

#[test]
fn who_closes_under_abortonclose_is_told_what_became_of_the_request() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.read();
    });
    let mut lockgate = start(&server, " option abortonclose\n");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("GET /closes HTTP/1.1\r\nHost: a\r\n\r\n");
    // who closes before a server has it is told nothing
    wait_for(|| server.received().concat().ends_with(b"\r\n\r\n").then_some(())).unwrap();
    raw.finish();
    assert!(text(&raw.read_all()).starts_with("HTTP/1.1 400 Bad request\r\n"));
    let line = lockgate.program().line(|line| line.contains("GET /closes"));
    assert!(line.contains(" 400 205 - - CH-- "), "{line}");
}
