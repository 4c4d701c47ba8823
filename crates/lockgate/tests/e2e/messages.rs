//! HTTP/1 as clients and servers speak it in its corners: framing, interim responses, pipelining, old versions, reuse.

use crate::client::{Answer, Raw, curl, exchange, text};
use crate::gunicorn::Gunicorn;
use crate::nginx::Nginx;
use crate::place::{Folder, wait_for};
use crate::program::Lockgate;
use crate::upstream::Upstream;
use std::net::SocketAddr;

fn proxy(server: SocketAddr) -> Lockgate {
    proxy_with(server, "")
}

fn proxy_with(server: SocketAddr, more: &str) -> Lockgate {
    ruled(server, more, "")
}

fn ruled(server: SocketAddr, more: &str, rules: &str) -> Lockgate {
    Lockgate::start(&format!(
        "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 5s\n timeout client 10s\n \
         timeout server 10s\n {more}\nlisten l\n bind <http>\n {rules}\n server s {server}\n"
    ))
}

#[test]
fn responses_without_a_body_have_none() {
    let nginx = Nginx::start("one");
    let lockgate = proxy(nginx.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    for (line, status) in
        [("HEAD /", 200), ("GET /empty", 204), ("GET /unchanged", 304), ("HEAD /nowhere/files/x", 200)]
    {
        let head = raw.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).read_until("\r\n\r\n");
        let answer = Answer::parse(&head);
        assert_eq!((answer.status, answer.text()), (status, ""), "{line}");
    }
    let last = raw.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").read_all();
    assert_eq!(Answer::parse(&last).text(), "one\n");
}

/// Rules may ask a server by another method than the client's. Bytes of a body behind the answer to HEAD would pass for
/// the client's next response, and a client that waits for a body must be told that none comes.
#[test]
fn the_clients_own_method_says_whether_a_body_follows() {
    let server = Upstream::start(|mut peer| {
        loop {
            let seen = peer.read_message();
            let (framing, body) = match seen.split(' ').nth(1) {
                Some("/chunks") => ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
                Some(_) => ("Content-Length: 5", "hello"),
                None => return,
            };
            peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            if !seen.starts_with("HEAD") {
                peer.send(body);
            }
        }
    });
    let lockgate = ruled(
        server.address(),
        "",
        "http-request set-method GET if METH_HEAD\n http-request set-method HEAD if { path /asked }\n \
         http-response wait-for-body time 10s if { var(txn.waited) -m found }\n \
         http-request set-var(txn.waited) str(yes) if { path /waited }",
    );
    let mut requests: String = ["HEAD /", "HEAD /chunks", "HEAD /waited", "GET /asked"]
        .map(|line| format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .concat();
    requests += "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let all = text(&exchange(lockgate.at("http"), requests));
    let answers: Vec<&str> = all.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
    let long = "content-length: 5\r\n\r\n";
    let last = "content-length: 5\r\nconnection: close\r\n\r\nhello";
    assert_eq!(answers, [long, "\r\n", long, "content-length: 0\r\n\r\n", last], "{all}");
    assert_eq!(server.received().len(), 1, "the server's connection went on as well");
}

/// Nor do bytes follow a status that has none, and what a rule made of a request opens no tunnel past the rules.
#[test]
fn the_clients_own_view_says_what_follows_a_response() {
    let server = Upstream::start(|mut peer| {
        loop {
            let seen = peer.read_message();
            match seen.split(' ').nth(1) {
                Some("/204/200") => peer.send("HTTP/1.1 204 No Content\r\n\r\n"),
                Some(_) => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
                None => return,
            }
        }
    });
    let lockgate = ruled(
        server.address(),
        "",
        "http-request set-var(txn.path) path\n http-request set-method CONNECT if { path /connect }\n \
         http-request deny if { path /denied }\n \
         http-response set-status 204 if { var(txn.path) -m str /200/204 }\n \
         http-response set-status 304 if { var(txn.path) -m str /200/304 }\n \
         http-response set-status 200 if { var(txn.path) -m str /204/200 }",
    );
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let requests: String = ["/200/204", "/200/304", "/204/200", "/connect", "/denied", "/"].map(get).concat();
    let mut raw = Raw::connect(lockgate.at("http"));
    let all = text(&raw.send(requests).finish().read_all());
    let answers: Vec<(&str, &str)> = all
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| (answer.get(..3).unwrap(), answer.split_once("\r\n\r\n").unwrap().1))
        .map(|(status, body)| (status, if status == "403" { "" } else { body }))
        .collect();
    let expected = [("204", ""), ("304", ""), ("200", ""), ("200", "hello"), ("403", ""), ("200", "hello")];
    assert_eq!(answers, expected, "{all}");
}

#[test]
fn monitors_get_the_page_of_status_200() {
    let nginx = Nginx::start("one");
    let folder = Folder::new();
    let page = folder.file("200.http", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfine");
    for (lines, content_type, body) in [
        (String::new(), "text/html", "<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n"),
        (format!("errorfile 200 {}", page.display()), "text/plain", "fine"),
    ] {
        let lockgate = ruled(nginx.address(), "", &format!("monitor-uri /alive\n {lines}"));
        let answer = curl(&lockgate.url("http", "/alive"));
        assert_eq!(
            (answer.status, answer.field("content-type"), answer.text()),
            (200, Some(content_type), body)
        );
    }
}

/// As with HAProxy: what cannot be read as a request, or does not become one in time, meets no rules.
#[test]
fn answers_to_what_was_no_request_meet_no_rules() {
    let server = Upstream::answering(b"HTTP/1.1 204 No Content\r\n\r\n");
    let lockgate = ruled(
        server.address(),
        "timeout http-request 200ms",
        "http-request deny if { path /denied }\n \
         http-after-response set-header X-After yes",
    );
    for (request, status, after) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 204, Some("yes")),
        ("GET /denied HTTP/1.1\r\nHost: a\r\n\r\n", 403, Some("yes")),
        ("GET / HTTP/1.1\r\nHost a\r\n\r\n", 400, None),
        ("GET / HTTP/1.1\r\nHost: ", 408, None),
        ("", 408, None),
    ] {
        let answer = Raw::connect(lockgate.at("http")).send(request).read_until("\r\n\r\n");
        let answer = Answer::parse(&answer);
        assert_eq!((answer.status, answer.field("x-after")), (status, after), "{request}");
    }
}

#[test]
fn requests_in_one_packet_are_answered_in_their_order() {
    let nginx = Nginx::start("one");
    let lockgate = proxy(nginx.address());
    let mut many = String::new();
    for number in 0..50 {
        many += &format!("GET /echo?n={number} HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    many += "POST /echo?n=50 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    many += "GET /echo?n=51 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let all = text(&exchange(lockgate.at("http"), many));
    let numbers: Vec<&str> =
        all.split("args=n=").skip(1).map(|part| part.split(' ').next().unwrap()).collect();
    let wanted: Vec<String> = (0..52).map(|n| n.to_string()).collect();
    assert_eq!(numbers, wanted);
}

#[test]
fn an_old_client_gets_a_body_it_can_read() {
    let gunicorn = Gunicorn::start();
    let lockgate = proxy(gunicorn.address());
    let answer = text(&exchange(lockgate.at("http"), "GET /count/3 HTTP/1.0\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n0\n1\n2\n"), "{answer}");
    // With keep-alive asked for and a length known, the connection stays.
    let nginx = Nginx::start("one");
    let lockgate = proxy(nginx.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    for _ in 0..3 {
        let answer = raw.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").read_until("one\n");
        assert_eq!(Answer::parse(&answer).field("connection"), Some("keep-alive"));
    }
}

#[test]
fn connections_to_a_server_are_used_again() {
    let nginx = Nginx::start("one");
    let lockgate = proxy(nginx.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    for _ in 0..10 {
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("one\n");
    }
    let noted = wait_for(|| Some(nginx.requests()).filter(|r| r.len() == 10)).unwrap();
    let first = noted[0].split(' ').next();
    assert!(noted.iter().all(|r| r.split(' ').next() == first), "{noted:?}");
    // and with `option http-server-close` they are not.
    let lockgate = proxy_with(nginx.address(), "option http-server-close");
    let mut raw = Raw::connect(lockgate.at("http"));
    for _ in 0..3 {
        raw.send("GET /s HTTP/1.1\r\nHost: a\r\n\r\n").read_until("one\n");
    }
    let noted = wait_for(|| Some(nginx.requests()).filter(|r| r.len() == 13)).unwrap();
    let mut connections: Vec<_> = noted[10..].iter().map(|r| r.split(' ').next()).collect();
    connections.dedup();
    assert_eq!(connections.len(), 3, "{noted:?}");
}

#[test]
fn a_frontend_closes_for_clients_and_a_backend_for_servers() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (front, back, closes) in [("option httpclose", "", true), ("", "option httpclose", false)] {
        let lockgate = Lockgate::start(&format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\nfrontend f\n bind <http>\n \
             {front}\n http-request return status 200 if {{ path /own }}\n default_backend b\nbackend b\n {back}\n server s {}\n",
            server.address()
        ));
        for path in ["/", "/own"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            let head = Raw::connect(lockgate.at("http")).send(request).read_until("\r\n\r\n");
            let said = Answer::parse(&head).field("connection").map(str::to_owned);
            assert_eq!(said.as_deref(), closes.then_some("close"), "{front} {back} {path}");
        }
        let received = text(&wait_for(|| server.received().pop()).unwrap());
        assert!(received.contains("\r\nconnection: close\r\n"), "{received}");
    }
}

#[test]
fn requests_for_a_proxy_speak_to_one() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\nuserlist u\n user joe insecure-password pw\n\
         listen l\n bind <http>\n option http-use-proxy-header\n option http-server-close\n \
         http-request auth realm x unless {{ http_auth(u) }}\n server s {}\n",
        server.address()
    ));
    let ask = |line: &str, fields: &str| {
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        Answer::parse(&Raw::connect(lockgate.at("http")).send(head).read_until("\r\n\r\n"))
    };
    let asked = ask("GET http://a/", "Authorization: Basic am9lOnB3\r\n");
    assert_eq!((asked.status, asked.field("proxy-authenticate")), (407, Some("Basic realm=\"x\"")));
    let asked = ask("GET /", "Proxy-Authorization: Basic am9lOnB3\r\n");
    assert_eq!((asked.status, asked.field("www-authenticate")), (401, Some("Basic realm=\"x\"")));
    let answer = ask("GET http://a/", "Proxy-Authorization: Basic am9lOnB3\r\nProxy-Connection: close\r\n");
    assert_eq!(answer.status, 200);
    assert_eq!(
        (answer.field("connection"), answer.field("proxy-connection")),
        (Some("close"), Some("close"))
    );
    let answer = ask("GET /", "Authorization: Basic am9lOnB3\r\nProxy-Connection: close\r\n");
    assert_eq!(
        (answer.status, answer.field("connection"), answer.field("proxy-connection")),
        (200, None, None)
    );
    let received = server.received().iter().map(|bytes| text(bytes)).collect::<Vec<_>>();
    assert!(received[0].contains("\r\nproxy-connection: close\r\n"), "{received:?}");
    assert!(!received[1].contains("proxy-connection"), "{received:?}");
}

#[test]
fn a_kept_connection_that_the_server_closed_costs_no_request() {
    // Each connection serves one request without saying that it will close.
    let server = Upstream::start(|mut peer| {
        if peer.read_head() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let lockgate = proxy(server.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    for _ in 0..20 {
        let answer = raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("ok");
        assert_eq!(Answer::parse(&answer).status, 200);
    }
}

#[test]
fn a_client_that_expects_100_gets_it_and_the_server_the_body() {
    let server = Upstream::start(|mut peer| {
        peer.read_head();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        peer.read();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let lockgate = proxy(server.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert!(raw.read_until("\r\n\r\n").starts_with(b"HTTP/1.1 100"));
    let answer = raw.send("body").read_until("\r\n\r\n");
    assert_eq!(Answer::parse(&answer).status, 200);
    assert!(server.received()[0].ends_with(b"body"));
}

#[test]
fn early_hints_pass_and_come_before_the_answer() {
    let server = Upstream::answering(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let lockgate = proxy(server.address());
    let all =
        text(&Raw::connect(lockgate.at("http")).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("ok"));
    let (hints, rest) = all.split_once("\r\n\r\n").unwrap();
    assert!(hints.starts_with("HTTP/1.1 103 ") && hints.to_lowercase().contains("link: </a.css>"), "{all}");
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{all}");
}

#[test]
fn hop_by_hop_fields_stay_on_their_hop() {
    let server = Upstream::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 1\r\n\r\nok",
    );
    let lockgate = proxy(server.address());
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-private\r\nX-Private: 1\r\nTE: trailers, gzip\r\n\
                   Keep-Alive: 5\r\nX-Public: 1\r\n\r\n";
    let answer = Answer::parse(&Raw::connect(lockgate.at("http")).send(request).read_until("ok"));
    assert_eq!(
        (answer.field("x-hop"), answer.field("keep-alive"), answer.field("x-end")),
        (None, None, Some("1"))
    );
    let seen = text(&server.received()[0]).to_ascii_lowercase();
    assert!(seen.contains("x-public: 1") && !seen.contains("x-private") && !seen.contains("gzip"), "{seen}");
}

#[test]
fn trailers_and_chunks_pass_both_ways() {
    let server = Upstream::start(|mut peer| {
        let mut all = Vec::new();
        while !all.ends_with(b"x-sum: 9\r\n\r\n") && !all.ends_with(b"X-Sum: 9\r\n\r\n") {
            let read = peer.read();
            if read.is_empty() {
                return;
            }
            all.extend(read);
        }
        peer.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
        );
    });
    let lockgate = proxy(server.address());
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n",
    );
    let all = text(&raw.read_until("7\r\n\r\n")).to_ascii_lowercase();
    assert!(all.ends_with("\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n"), "{all}");
}

#[test]
fn cookies_of_an_application_pass() {
    let gunicorn = Gunicorn::start();
    let lockgate = proxy(gunicorn.address());
    let answer = curl(&lockgate.url("http", "/cookie"));
    assert_eq!(answer.field("set-cookie"), Some("session=abc; Path=/"));
}

/// In their order; what we add ourselves differs between programs.
fn names(head: &str) -> Vec<String> {
    let name = |line: &str| Some(line.split_once(": ")?.0.to_ascii_lowercase());
    head.split("\r\n\r\n").next().unwrap_or_default().lines().filter_map(name).collect()
}

#[test]
fn fields_keep_their_order() {
    let responses: [&'static [u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2\r\nB: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: 1\r\nTransfer-Encoding: chunked\r\nB: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ];
    let requests = [
        "Content-Length: 2\r\nX: y\r\n\r\nhi",
        "Transfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ];
    let framing = ["content-length", "transfer-encoding"];
    for ((response, request), framing) in responses.into_iter().zip(requests).zip(framing) {
        let server = Upstream::answering(response);
        let lockgate = proxy(server.address());
        let mut raw = Raw::connect(lockgate.at("http"));
        let head = raw.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{request}")).read_until("\r\n\r\n");
        assert_eq!(names(&text(&head)), ["a", framing, "b"]);
        let received = wait_for(|| server.received().first().filter(|bytes| !bytes.is_empty()).cloned());
        assert_eq!(names(&text(&received.unwrap())), ["host", framing, "x"]);
    }
}
