//! Headers for peers that are particular: spelled as they need them, with the server's name, and no cookie for all.

use crate::client::{Answer, exchange, text};
use crate::place::wait_for;
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::net::SocketAddr;

fn proxy(server: SocketAddr, global: &str, lines: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n {global}\ndefaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
         listen l\n bind <http>\n {lines}\n server one {server}\n"
    ))
}

const REQUEST: &str = "POST / HTTP/1.1\r\nHost: a\r\nX-ABC-Id: 7\r\nContent-Length: 2\r\n\r\nhi";

fn last(server: &Upstream) -> String {
    text(&wait_for(|| server.received().pop().filter(|bytes| bytes.ends_with(b"hi"))).unwrap())
}

#[test]
fn peers_that_need_capitals_get_them() {
    let server =
        Upstream::answering(b"HTTP/1.1 200 OK\r\nx-abc-id: 8\r\nX-Other: 1\r\ncontent-length: 2\r\n\r\nok");
    let global = "h1-case-adjust content-length Content-Length\n h1-case-adjust x-abc-id X-ABC-Id\n\
         h1-case-adjust host Host";
    let plain = proxy(server.address(), global, "");
    let answer = text(&exchange(
        plain.at("http"),
        REQUEST.replace("Length: 2\r\n", "Length: 2\r\nConnection: close\r\n"),
    ));
    assert!(
        answer.contains("\r\nx-abc-id: 8\r\n") && answer.contains("\r\ncontent-length: 2\r\n"),
        "{answer}"
    );
    assert!(last(&server).contains("\r\nx-abc-id: 7\r\n"));
    let adjusting = "option h1-case-adjust-bogus-client\n option h1-case-adjust-bogus-server";
    let lockgate = proxy(server.address(), global, adjusting);
    let request = REQUEST.replace("Length: 2\r\n", "Length: 2\r\nConnection: close\r\n");
    let answer = text(&exchange(lockgate.at("http"), request));
    for line in ["\r\nX-ABC-Id: 8\r\n", "\r\nx-other: 1\r\n", "\r\nContent-Length: 2\r\n"] {
        assert!(answer.contains(line), "{answer}");
    }
    let received = last(&server);
    for line in ["\r\nHost: a\r\n", "\r\nX-ABC-Id: 7\r\n", "\r\nContent-Length: 2\r\n"] {
        assert!(received.contains(line), "{received}");
    }
}

#[test]
fn a_server_learns_its_name() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let lockgate = proxy(server.address(), "", "http-send-name-header X-Server");
    let request = REQUEST.replace("X-ABC-Id: 7", "X-Server: forged\r\nConnection: close");
    assert_eq!(Answer::parse(&exchange(lockgate.at("http"), request)).status, 200);
    let received = last(&server);
    assert!(received.contains("\r\nx-server: one\r\n") && !received.contains("forged"), "{received}");
}

#[test]
fn a_cookie_that_caches_would_give_to_all_is_kept_back() {
    const ANSWERS: [(&[u8], u16); 4] = [
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nETag: \"a\"\r\nContent-Length: 0\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nCache-Control: private\r\nContent-Length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
    ];
    for (answer, status) in ANSWERS {
        let server = Upstream::answering(answer);
        let lockgate = proxy(server.address(), "", "option checkcache");
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert_eq!(Answer::parse(&exchange(lockgate.at("http"), request)).status, status);
    }
}
