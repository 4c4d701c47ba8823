//! Requests that two readers could understand differently are answered with 400 and never reach a server.

use crate::client::{Answer, exchange, text};
use crate::program::Lockgate;
use crate::upstream::Upstream;

#[test]
fn ambiguous_requests_reach_no_server() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n timeout http-request 2s\n\
         listen l\n bind <http>\n server s {}\n",
        server.address()
    ));
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases: [(&str, &str); 18] = [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ("two lengths in one", "Content-Length: 5, 6\r\n"),
        ("signed length", "Content-Length: +5\r\n"),
        ("negative length", "Content-Length: -1\r\n"),
        ("hexadecimal length", "Content-Length: 0x5\r\n"),
        ("empty length", "Content-Length: \r\n"),
        ("length beyond all numbers", "Content-Length: 99999999999999999999999\r\n"),
        ("both framings", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("space before colon", "Transfer-Encoding : chunked\r\n"),
        ("unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
        ("chunked not last", "Transfer-Encoding: chunked, identity\r\n"),
        ("folded line", "X-A: 1\r\n Content-Length: 5\r\n"),
        ("bare CR", "X-A: 1\rContent-Length: 5\r\n"),
        ("bare LF", "X-A: 1\nContent-Length: 5\r\n"),
        ("NUL", "X-A: 1\0\r\n"),
        ("no name", ": 1\r\n"),
        ("two hosts", "Host: b\r\n"),
    ];
    for (what, fields) in cases {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{smuggled}");
        let answer = exchange(lockgate.at("http"), request);
        let status = Answer::parse(&answer).status;
        assert!(matches!(status, 400 | 413 | 422 | 501), "{what}: {}", text(&answer));
        assert_eq!(text(&answer).matches("HTTP/1.1 ").count(), 1, "{what}: {}", text(&answer));
    }
    for (what, line, wanted) in [
        ("version", "GET / HTTP/1.2.3", 400),
        ("old version", "GET / HTTP/0.9", 505),
        ("two spaces", "GET  / HTTP/1.1", 400),
        ("control in the target", "GET /\x01 HTTP/1.1", 400),
        ("chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked", 400),
    ] {
        let answer = exchange(lockgate.at("http"), format!("{line}\r\nHost: a\r\n\r\n"));
        assert_eq!(Answer::parse(&answer).status, wanted, "{what}: {}", text(&answer));
    }
    let received = server.received();
    assert!(received.is_empty(), "{:?}", received.iter().map(|r| text(r)).collect::<Vec<_>>());
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000));
    let answer = exchange(lockgate.at("http"), long);
    assert!(matches!(Answer::parse(&answer).status, 400 | 431), "{}", text(&answer));
    assert!(server.received().is_empty());
}

#[test]
fn a_bad_chunk_ends_the_request_and_what_follows_is_no_request() {
    let server = Upstream::start(|mut peer| peer.read_all());
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\nlisten l\n bind <http>\n server s {}\n",
        server.address()
    ));
    for chunk in
        ["zz\r\n", "5 \r\nhello\r\n", "5\nhello\r\n", "-1\r\n", "5\r\nhelloX", "FFFFFFFFFFFFFFFFF\r\n"]
    {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = exchange(lockgate.at("http"), request);
        assert_eq!(Answer::parse(&answer).status, 400, "{chunk:?}");
    }
    assert!(!server.received().iter().any(|r| text(r).contains("/smuggled")));
}
