//! Rehearsals of orders: names, records and addresses from a real name server, answers over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test from top to bottom

use certs::Storage;
use certs::acme::Directory;
use certs::dns::Resolver;
use certs::hatch::{Answer, Challenge, Handed, Hatch};
use certs::rehearsal::{Finding, Rehearsal, Verdict, rehearse};
use certs::renew::OrderKind;
use std::collections::BTreeMap;
use std::future::ready;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// Let's Encrypt's test name server.
struct Names {
    child: Child,
    dns: SocketAddr,
    steering: SocketAddr,
}

impl Names {
    fn start() -> Names {
        // A port may be taken before it is bound: then the next one is tried.
        (0..5).find_map(|_| Names::start_once()).expect("pebble-challtestsrv starts")
    }

    fn start_once() -> Option<Names> {
        let [dns, steering] =
            [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
        let mut command = Command::new("pebble-challtestsrv");
        command.args([
            "-defaultIPv4",
            "",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]);
        command.args(["-dns01", &dns.to_string(), "-management", &steering.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut names = Names { child, dns, steering };
        while names.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(steering).is_ok() && names.answers() {
                return Some(names);
            }
            std::thread::yield_now();
        }
        None
    }

    fn answers(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01x\0\0\x01\0\x01";
        socket.send_to(question, self.dns).is_ok() && socket.recv(&mut [0; 512]).is_ok()
    }

    fn tell(&self, path: &str, body: &str) {
        let mut stream = TcpStream::connect(self.steering).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 200"), "{path}: {said}");
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A web server that answers what is posted, or greets everybody.
struct Web {
    at: SocketAddr,
    posted: Arc<Mutex<BTreeMap<String, String>>>,
    greets: bool,
}

impl Web {
    fn start(greets: bool) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let posted: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let web = Web { at: listener.local_addr().unwrap(), posted: posted.clone(), greets };
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let mut head = [0; 4096];
                let length = client.read(&mut head).unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let token = head.split(' ').nth(1).unwrap_or_default().rsplit('/').next().unwrap_or_default();
                let body = posted.lock().unwrap().get(token).cloned().unwrap_or("hello".to_owned());
                let _ = write!(client, "HTTP/1.1 200 OK\r\nServer: other/1\r\n\r\n{body}");
            }
        });
        web
    }
}

impl Hatch for Web {
    fn answers(&self) -> &[Challenge] {
        &[Challenge::Http01]
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        if let (Answer::Http { token, content, .. }, false) = (answer, self.greets) {
            self.posted.lock().unwrap().insert(token.clone(), content.clone());
        }
        Box::pin(ready(Ok(())))
    }

    fn withdraw<'a>(&'a self, _: &'a Answer) -> Handed<'a> {
        self.posted.lock().unwrap().clear();
        Box::pin(ready(Ok(())))
    }

    fn publish<'a>(&'a self, _: &'a Path, _: &'a certs::Bundle) -> Handed<'a> {
        Box::pin(ready(Ok(())))
    }
}

fn findings(names: &Names, web: &Web, port: u16, asked: &[&str]) -> Vec<Finding> {
    let folder = std::env::temp_dir().join(format!("lockgate-rehearsal-{}", std::process::id()));
    let order = Rehearsal {
        names: &asked.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        // Nobody is there: what it is called in CAA records follows from its name then.
        directory: &Directory { url: "https://acme.ca.test:1/dir".to_owned(), ..Directory::default() },
        challenges: &[Challenge::Http01],
        kind: OrderKind::New,
        storage: &Storage::new(folder),
        resolver: &Resolver { servers: vec![names.dns], authority_port: 53 },
        hatch: web,
        http_port: port,
        tls_port: 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(rehearse(&order))
}

fn expect(findings: &[Finding], about: &str, verdict: Verdict, what: &str, remedy: &str) {
    let fits = |one: &&Finding| one.about == about && one.verdict == verdict && one.what.contains(what);
    let found = findings.iter().find(fits);
    let found = found.unwrap_or_else(|| panic!("{about}: no '{what}' in {findings:#?}"));
    assert!(found.remedy.as_deref().unwrap_or_default().contains(remedy), "{found:?}");
}

#[test]
fn what_would_make_an_order_fail_is_found_before_it() {
    let (names, web) = (Names::start(), Web::start(false));
    for host in ["good.test", "held.test", "ours.test", "other.ours.test"] {
        names.tell("add-a", &format!("{{\"host\":\"{host}\",\"addresses\":[\"127.0.0.1\"]}}"));
    }
    names.tell("add-a", r#"{"host":"away.test","addresses":["192.0.2.1"]}"#);
    let caa = |host: &str, value: &str| {
        names.tell(
            "add-caa",
            &format!("{{\"host\":\"{host}\",\"policies\":[{{\"tag\":\"issue\",\"value\":\"{value}\"}}]}}"),
        );
    };
    caa("held.test", "other-ca.test");
    caa("ours.test", "ca.test");
    caa("dns.ours.test", "ca.test; validationmethods=dns-01");
    let port = web.at.port();
    let asked =
        ["good.test", "held.test", "other.ours.test", "dns.ours.test", "none.test", "*.good.test", "nodot"];
    let all = findings(&names, &web, port, &asked);
    let (good, bad) = (Verdict::Good, Verdict::Bad);
    expect(&all, "good.test", good, &format!("127.0.0.1: port {port} reaches us"), "");
    expect(&all, "good.test", good, "no CAA record", "");
    expect(
        &all,
        "held.test",
        bad,
        "let other-ca.test sign, not ca.test",
        "held.test. CAA 0 issue \"ca.test\"",
    );
    expect(&all, "other.ours.test", good, "the CAA records of ours.test let ca.test sign", "");
    expect(&all, "dns.ours.test", bad, "but by dns-01 only", "parameters");
    expect(&all, "none.test", bad, "neither an A nor an AAAA record", "this machine's address");
    expect(
        &all,
        "*.good.test",
        bad,
        "a wildcard is proven by a record of _acme-challenge.good.test",
        "dns-01",
    );
    expect(&all, "nodot", bad, "it has no dot", "");
    assert!(web.posted.lock().unwrap().is_empty());
}

#[test]
fn who_answers_in_our_place_is_told() {
    let (names, web) = (Names::start(), Web::start(true));
    names.tell("add-a", r#"{"host":"a.test","addresses":["127.0.0.1"]}"#);
    let all = findings(&names, &web, web.at.port(), &["a.test"]);
    expect(
        &all,
        "a.test",
        Verdict::Bad,
        "somebody else (HTTP/1.1 200 OK, Server: other/1)",
        "let the record name this machine",
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let all = findings(&names, &web, closed, &["a.test"]);
    expect(&all, "a.test", Verdict::Bad, "127.0.0.1 is this machine, but port", "bind a frontend");
}
