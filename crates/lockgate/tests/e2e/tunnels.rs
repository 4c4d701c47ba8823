//! Bytes that are none of our business: WebSockets, TCP with half-close, TLS that passes through, PROXY protocol.

use crate::authority::authority;
use crate::client::{Answer, Raw, curl, exchange, text, try_curl};
use crate::nginx::Nginx;
use crate::place::free_address;
use crate::program::{Lockgate, Player};
use crate::upstream::{Peer, Upstream};
use std::io::{ErrorKind, Read};
use std::net::TcpStream;

const HEAD: &str = "global\n log stdout format raw local0\ndefaults\n log global\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n";

/// Sends back what comes, and a last word when no more does.
fn echo(peer: &mut Peer) {
    loop {
        let read = peer.read();
        if read.is_empty() {
            return peer.send("bye");
        }
        peer.send(read);
    }
}

#[test]
fn a_websocket_is_a_tunnel_once_the_server_agrees() {
    let server = Upstream::start(|mut peer| {
        let head = peer.read_message().to_ascii_lowercase();
        if !head.contains("upgrade: websocket") {
            return peer.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
        }
        if head.contains("get /deaf") {
            return peer.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
        }
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhi");
        echo(&mut peer);
    });
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode http\n option httplog\nlisten l\n bind <http>\n server s {}\n",
        server.address()
    ));
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    let head = raw.read_until("hi");
    let answer = Answer::parse(&head);
    assert_eq!((answer.status, answer.field("upgrade")), (101, Some("websocket")));
    for frame in [&b"\x81\x02ok"[..], b"\x00\xff\r\n\r\n", b"0\r\n\r\n"] {
        assert_eq!(raw.send(frame).read_until(frame), frame);
    }
    assert_eq!(text(&raw.finish().read_all()), "bye");
    let line = lockgate.logged("GET /chat");
    assert!(line.contains(" 101 ") && line.contains(" ---- "), "{line}");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("GET /deaf HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    assert_eq!(Answer::parse(&raw.read_until("\r\n\r\n")).status, 502, "no word of the key");
    let refused =
        exchange(lockgate.at("http"), "GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(Answer::parse(&refused).status, 426);
}

#[test]
fn connect_is_a_tunnel_once_the_server_agrees() {
    let server = Upstream::start(|mut peer| {
        while peer.read_message().starts_with("CONNECT no.example:443 ") {
            peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        }
        peer.send("HTTP/1.1 200 OK\r\n\r\nhi");
        echo(&mut peer);
    });
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode http\n option httplog\nlisten l\n bind <http>\n server s {}\n",
        server.address()
    ));
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nGET");
    assert_eq!(text(&raw.read_until("GET")), "HTTP/1.1 200 OK\r\n\r\nhiGET");
    assert_eq!(raw.send(b"\x16\x03\x01\r\n\r\n").read_until(b"\r\n\r\n"), b"\x16\x03\x01\r\n\r\n");
    assert_eq!(text(&raw.finish().read_all()), "bye");
    let line = lockgate.logged("CONNECT a.example");
    assert!(line.contains(" 200 ") && line.contains(" ---- "), "{line}");
    let mut raw = Raw::connect(lockgate.at("http"));
    raw.send("CONNECT no.example:443 HTTP/1.1\r\nHost: no.example:443\r\n\r\n").read_until("\r\n\r\nno");
    let next =
        raw.send("CONNECT no.example:443 HTTP/1.1\r\nHost: no.example\r\n\r\n").read_until("\r\n\r\nno");
    assert_eq!(Answer::parse(&next).status, 403, "a refusal is an ordinary response");
}

#[test]
fn a_server_that_is_a_proxy_gets_absolute_targets() {
    let server = Upstream::answering(b"HTTP/1.1 204 No Content\r\n\r\n");
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode http\nlisten l\n bind <http>\n http-request set-header Host b.example if {{ path /renamed }}\n \
         http-request set-uri http://c.example%[path] if {{ path /elsewhere }}\n server s {}\n",
        server.address()
    ));
    let seen = |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        exchange(lockgate.at("http"), request);
        let head = text(server.received().last().unwrap()).to_ascii_lowercase();
        let mut lines = head.lines();
        let line = lines.next().unwrap().trim_end_matches(" http/1.1").to_owned();
        (line, lines.find_map(|l| l.strip_prefix("host: ")).unwrap().to_owned())
    };
    let cases = [
        ("http://a.example/x?y", "get http://a.example/x?y", "a.example"),
        ("http://a.example", "get http://a.example", "a.example"),
        ("/x", "get /x", "a.example"),
        ("http://a.example/renamed", "get http://b.example/renamed", "b.example"),
        ("/elsewhere", "get http://c.example/elsewhere", "c.example"),
    ];
    for (target, line, host) in cases {
        assert_eq!(seen(target), (line.to_owned(), host.to_owned()), "{target}");
    }
}

#[test]
fn tcp_is_relayed_and_each_side_closes_for_itself() {
    let server = Upstream::start(|mut peer| {
        peer.send("220 ready\r\n");
        let mut all = Vec::new();
        loop {
            let read = peer.read();
            if read.is_empty() {
                break;
            }
            all.extend(read);
        }
        peer.send(format!("got {}\r\n", all.len()));
    });
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode tcp\n option tcplog\nlisten l\n bind <tcp>\n server s {}\n",
        server.address()
    ));
    let mut raw = Raw::connect(lockgate.at("tcp"));
    raw.read_until("220 ready\r\n");
    let all = raw.send(vec![b'x'; 3_000_000]).finish().read_all();
    assert_eq!(text(&all), "got 3000000\r\n");
    let line = lockgate.logged(" l l/s ");
    assert!(line.contains(" -- ") && line.contains(" 24 "), "{line}");
}

#[test]
fn tls_passes_through_to_the_server_of_its_name() {
    let (one, two) = (Nginx::start_tls("one"), Nginx::start_tls("two"));
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode tcp\n option tcplog\nfrontend f\n bind <tls>\n tcp-request inspect-delay 5s\n \
         tcp-request content accept if {{ req.ssl_hello_type 1 }}\n tcp-request content reject\n \
         use_backend one if {{ req.ssl_sni -i one }}\n use_backend two if {{ req.ssl_sni -m end two }}\n\
         backend one\n server one {}\nbackend two\n server two {}\n",
        one.address(),
        two.address()
    ));
    let port = lockgate.at("tls").port();
    for name in ["one", "two"] {
        let answer = curl(&format!("--resolve {name}:{port}:127.0.0.1 https://{name}:{port}/"));
        assert_eq!(answer.field("x-server"), Some(name));
        assert!(lockgate.logged(&format!(" f {name}/{name} ")).contains(" -- "));
    }
    let (code, _) = try_curl(&format!("-k --resolve else:{port}:127.0.0.1 https://else:{port}/"));
    assert_ne!(code, 0);
    assert!(lockgate.logged(" f f/<NOSRV> ").contains(" SC "));
    assert!(exchange(lockgate.at("tls"), "GET / HTTP/1.0\r\n\r\n").is_empty());
    lockgate.logged(" PR ");
}

#[test]
fn the_proxy_header_tells_nginx_who_the_client_is() {
    let nginx = Nginx::with("one", "proxy_protocol", "");
    for version in ["send-proxy", "send-proxy-v2"] {
        let lockgate = Lockgate::start(&format!(
            "{HEAD} mode http\nlisten l\n bind <http>\n bind <proxied> accept-proxy\n server s {} {version}\n",
            nginx.address()
        ));
        assert!(curl(&lockgate.url("http", "/echo")).text().contains("from=127.0.0.1 "), "{version}");
        let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
        v2.extend([192, 0, 2, 7, 192, 0, 2, 1, 0x10, 0, 0, 80]);
        for (header, seen) in [
            (b"PROXY TCP4 192.0.2.9 192.0.2.1 1000 80\r\n".to_vec(), "from=192.0.2.9 "),
            (v2, "from=192.0.2.7 "),
            (b"PROXY UNKNOWN\r\n".to_vec(), "from=127.0.0.1 "),
        ] {
            let request =
                [&header[..], b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
            let answer = text(&exchange(lockgate.at("proxied"), request));
            assert!(answer.contains(seen), "{version} {seen}: {answer}");
        }
        assert!(exchange(lockgate.at("proxied"), "GET / HTTP/1.0\r\n\r\n").is_empty());
    }
}

/// `tcp-request connection` rules judge who connects, not whom a PROXY header names: "only the load balancer may" would
/// else lock everybody out. `fc_…` fetches stay with the connection.
#[test]
fn rules_on_connections_see_the_proxy_in_front_and_those_on_sessions_its_client() {
    let said = "http-request return status 200 content-type text/plain lf-string \
                \"%[src]:%[src_port] %[dst_port] %[fc_src] %[src_is_local] %[fc_src_is_local]\"\n";
    let config = format!(
        "{HEAD} mode http\n\
         frontend accepts\n bind <accepts> accept-proxy\n tcp-request connection reject unless {{ src 127.0.0.1 }}\n \
         tcp-request session reject unless {{ src 192.0.2.9 }}\n {said}\
         frontend expects\n bind <expects>\n tcp-request connection expect-proxy layer4\n \
         tcp-request connection reject if {{ src 192.0.2.9 }}\n {said}\
         frontend changes\n bind <changes> accept-proxy\n tcp-request connection set-src ipv4(10.0.0.9)\n \
         tcp-request session set-dst-port int(5)\n {said}\
         frontend changed\n bind <changed> accept-proxy\n tcp-request connection set-src ipv4(10.0.0.9)\n \
         http-request set-src ipv4(10.0.0.7)\n {said}"
    );
    let header = "PROXY TCP4 192.0.2.9 192.0.2.1 1000 80\r\n";
    for player in [Player::Oracle, Player::Tested] {
        let proxy = Lockgate::played_by(player, &config);
        let answer = |name: &str| {
            let request = format!("{header}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            Answer::parse(&exchange(proxy.at(name), request)).text().to_owned()
        };
        assert_eq!(answer("accepts"), "192.0.2.9:1000 80 127.0.0.1 0 1", "{player:?}");
        assert_eq!(answer("expects"), "192.0.2.9:1000 80 127.0.0.1 0 1", "{player:?}");
        assert_eq!(answer("changes"), "192.0.2.9:1000 5 10.0.0.9 0 0", "{player:?}");
        assert_eq!(answer("changed"), "10.0.0.7:1000 80 10.0.0.9 0 0", "{player:?}");
    }
}

#[test]
fn curls_own_proxy_header_is_believed_where_told_to() {
    let nginx = Nginx::start("one");
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode http\n option forwardfor\nlisten l\n bind <https> accept-proxy ssl crt {}\n server s {}\n",
        authority().leaf("app.example").display(),
        nginx.address()
    ));
    let port = lockgate.at("https").port();
    let answer = curl(&format!(
        "--haproxy-protocol --resolve app.example:{port}:127.0.0.1 https://app.example:{port}/echo"
    ));
    assert!(answer.text().contains("xff=127.0.0.1 "), "{}", answer.text());
}

#[test]
fn rules_see_the_body_that_came_with_the_head() {
    let server = Upstream::answering(b"HTTP/1.1 204 No Content\r\n\r\n");
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode http\nlisten l\n bind <http>\n http-request return status 200 content-type text/plain \
         lf-string %[req.body]:%[req.body_len]:%[req.body_size] if {{ path /show }}\n server s {}\n",
        server.address()
    ));
    let post = |path: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        exchange(lockgate.at("http"), format!("{head}{body}"))
    };
    let shown = |body: &str| Answer::parse(&post("/show", body)).text().to_owned();
    assert_eq!(shown("Content-Length: 5\r\n\r\nhello"), "hello:5:5");
    assert_eq!(shown("Content-Length: 9\r\n\r\nhello"), "hello:5:9");
    assert_eq!(shown("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), "hello:5:5");
    assert_eq!(Answer::parse(&post("/on", "Content-Length: 5\r\n\r\nhello")).status, 204);
    assert!(text(server.received().last().unwrap()).ends_with("\r\n\r\nhello"));
}

#[test]
fn a_route_sees_what_the_client_prefers() {
    let server = |word: &'static str| {
        Upstream::start(move |mut peer| {
            peer.read();
            peer.send(word);
        })
    };
    let (h2, other) = (server("h2"), server("other"));
    let lockgate = Lockgate::start(&format!(
        "{HEAD} mode tcp\nfrontend f\n bind <tcp>\n tcp-request inspect-delay 5s\n \
         tcp-request content accept if {{ req.ssl_hello_type 1 }}\n use_backend h2 if {{ req.ssl_alpn h2 }}\n default_backend other\n\
         backend h2\n server s {}\nbackend other\n server s {}\n",
        h2.address(),
        other.address()
    ));
    let hello = |protocols: &[&str]| {
        let list: Vec<u8> =
            protocols.iter().flat_map(|p| [&[p.len() as u8][..], p.as_bytes()].concat()).collect();
        let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let extensions = long(&[&[0, 16][..], &long(&long(&list))].concat());
        let body = [&[3, 3][..], &[7; 32], &[0], &long(&[0x13, 1]), &[1, 0], &extensions].concat();
        [&[22, 3, 1][..], &long(&[&[1, 0][..], &long(&body)].concat())].concat()
    };
    let answer = |protocols: &[&str]| text(&exchange(lockgate.at("tcp"), hello(protocols)));
    assert_eq!(answer(&["h2", "http/1.1"]), "h2");
    assert_eq!(answer(&["http/1.1", "h2"]), "other");
}

#[test]
fn who_is_turned_away_sees_an_end_or_a_reset_as_with_haproxy() {
    let lockgate = Lockgate::start(&format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n retries 0\n\
         listen dead\n bind <dead>\n server s {0}\n\
         frontend nowhere\n bind <nowhere>\n\
         listen content\n bind <content>\n tcp-request content reject\n server s {0}\n\
         listen session\n bind <session>\n tcp-request session reject\n server s {0}\n\
         listen connection\n bind <connection>\n tcp-request connection reject\n server s {0}\n",
        free_address()
    ));
    for (bind, is_reset) in
        [("dead", false), ("nowhere", false), ("content", false), ("session", false), ("connection", true)]
    {
        let mut client = TcpStream::connect(lockgate.at(bind)).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let seen = client.read(&mut [0; 8]).map_err(|error| error.kind());
        let expected = if is_reset { Err(ErrorKind::ConnectionReset) } else { Ok(0) };
        assert_eq!(seen, expected, "{bind}");
    }
}
