//! Words that HAProxy dropped long ago and configurations still carry: they do what they did.

use crate::client::{Answer, exchange, text};
use crate::place::wait_for;
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::net::SocketAddr;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: Apache\r\nX-Powered-By: PHP\r\nX-Powered-For: us\r\n\
    Location: http://inside/x\r\nContent-Length: 2\r\n\r\nok";

fn proxy(server: SocketAddr, lines: &str) -> Lockgate {
    Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n timeout tarpit 50ms\n\
         listen l\n bind <http>\n {lines}\n server s {server}\n"
    ))
}

fn get(lockgate: &Lockgate, path: &str, fields: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
    Answer::parse(&exchange(lockgate.at("http"), request))
}

/// What the server got last.
fn last(server: &Upstream) -> String {
    let received = wait_for(|| server.received().pop().filter(|bytes| !bytes.is_empty()));
    text(&received.unwrap())
}

#[test]
fn lines_of_requests_are_rewritten_and_removed() {
    let server = Upstream::answering(ANSWER);
    let lockgate = proxy(
        server.address(),
        "reqadd X-Seen:\\ 1\n reqrep ^([^\\ :]*)\\ /static/(.*) \\1\\ /files/\\2\n\
         reqirep ^host:\\ (.*) Host:\\ www.\\1\n reqdel ^X-Secret.*\n reqidel ^x-(gone|lost):\n\
         http-request set-header X-Late yes",
    );
    let fields = "X-Secret-Key: k\r\nX-SECRET: k\r\nX-Gone: 1\r\nX-LOST: 1\r\nX-Kept: 1\r\n";
    assert_eq!(get(&lockgate, "/static/a?b=c", fields).status, 200);
    let received = last(&server);
    assert!(received.starts_with("GET /files/a?b=c HTTP/1.1\r\nhost: www.a\r\n"), "{received}");
    for gone in ["x-secret", "x-gone", "x-lost"] {
        assert!(!received.contains(gone), "{received}");
    }
    for kept in ["x-kept: 1\r\n", "x-late: yes\r\n", "x-seen: 1\r\n"] {
        assert!(received.contains(kept), "{received}");
    }
}

#[test]
fn lines_of_requests_decide() {
    let server = Upstream::answering(ANSWER);
    let lockgate = proxy(
        server.address(),
        "reqallow ^[^\\ :]*\\ /private/open\n reqideny ^[^\\ ]*\\ /PRIVATE\n reqdeny ^User-Agent:.*bot if { method GET }\n\
         reqtarpit ^X-Tar:\n reqpass ^X-Pass:\n reqdeny ^X-Last:",
    );
    let cases = [
        ("/", "", 200),
        ("/private", "", 403),
        ("/private/open", "", 200),
        ("/private/open", "X-Last: 1\r\n", 200),
        ("/", "User-Agent: a bot\r\n", 403),
        ("/", "User-Agent: a Bot\r\n", 200),
        ("/", "X-Tar: 1\r\n", 500),
        ("/", "X-Last: 1\r\n", 403),
        ("/", "X-Pass: 1\r\nX-Last: 1\r\n", 200),
    ];
    for (path, fields, status) in cases {
        assert_eq!(get(&lockgate, path, fields).status, status, "{path} {fields}");
    }
}

#[test]
fn lines_of_responses_are_changed_or_refused() {
    let server = Upstream::answering(ANSWER);
    let lockgate = proxy(
        server.address(),
        "rspidel ^server:.*\n rspdel ^X-Powered-B\n rsprep ^Location:\\ http://inside/(.*) Location:\\ https://outside/\\1\n\
         rspirep ^http/1.1\\ 200\\ OK HTTP/1.1\\ 203\\ Changed\n rspadd X-Served:\\ yes if TRUE\n",
    );
    let answer = get(&lockgate, "/", "");
    assert_eq!(answer.status, 203);
    assert_eq!((answer.field("server"), answer.field("x-powered-by")), (None, None));
    assert_eq!(answer.field("x-powered-for"), Some("us"));
    assert_eq!(answer.field("location"), Some("https://outside/x"));
    assert_eq!(answer.field("x-served"), Some("yes"));
    let lockgate = proxy(server.address(), "rspideny ^x-powered-by:.*php");
    assert_eq!(get(&lockgate, "/", "").status, 502);
}
