//! Operators look at what goes on and end it: sessions, frontends.

use crate::client::{Answer, Raw, curl, text, try_curl};
use crate::place::wait_for;
use crate::runtime_api::Operated;
use crate::upstream::Upstream;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// A server that answers `/drip` with the beginning of a body and everything else not at all.
fn reluctant() -> Upstream {
    Upstream::start(|mut peer| {
        loop {
            let asked = peer.read_message();
            if asked.is_empty() {
                return;
            }
            if asked.starts_with("GET /drip") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxyz");
            }
        }
    })
}

fn proxied(server: &Upstream) -> Operated {
    let (rest, at) = (" log stdout format raw local0\n", server.address());
    Operated::start(
        &format!("level admin\n{rest}"),
        &format!(
            " log global\n option httplog\nfrontend web\n bind <http>\n default_backend app\n\
             frontend raw\n bind <tcp>\n mode tcp\n option tcplog\n default_backend rawb\n\
             backend app\n server a {at}\nbackend rawb\n mode tcp\n server r {at}\n"
        ),
    )
}

/// The number of the session whose line has all of `words`.
fn session(operated: &Operated, words: &[&str]) -> String {
    let find = || {
        let list = operated.ask("show sess");
        let line = list.lines().find(|line| words.iter().all(|word| line.contains(word)))?;
        Some(line.split_once(':')?.0.to_owned())
    };
    wait_for(find).unwrap_or_else(|| panic!("{words:?} is not in {}", operated.ask("show sess")))
}

#[test]
fn sessions_are_listed_and_one_is_ended() {
    let server = reluctant();
    let operated = proxied(&server);
    assert_eq!(operated.ask("show sess"), "\n");
    let mut waiting = Raw::connect(operated.lockgate.at("http"));
    waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut dripping = Raw::connect(operated.lockgate.at("http"));
    dripping.send("GET /drip HTTP/1.1\r\nHost: a\r\n\r\n").read_until("xyz");
    let mut raw = Raw::connect(operated.lockgate.at("tcp"));
    raw.send("GET /drip HTTP/1.1\r\n\r\n").read_until("xyz");

    let waits = session(&operated, &["fe=web be=app srv=a ts=00", "rp[f=00h,i=0,"]);
    let drips = session(&operated, &["proto=tcpv4 src=127.0.0.1:", "fe=web be=app srv=a", "rp[f=00h,i=3,"]);
    let tunnel = session(&operated, &["fe=raw be=rawb srv=r"]);
    assert_eq!(operated.ask("show sess").lines().count(), 4);
    let whole = operated.ask(&format!("show sess {waits}"));
    assert!(whole.contains("  backend=app (id=4 mode=http)\n  server=a (id=1) addr=127.0.0.1:"), "{whole}");

    assert_eq!(operated.ask(&format!("shutdown session {waits}")), "\n");
    assert_eq!(Answer::parse(&waiting.read_until("</html>")).status, 502);
    assert!(operated.lockgate.logged("GET /wait").contains(" 502 "));
    assert!(operated.lockgate.logged("GET /wait").contains(" KH-- "));
    assert_eq!(operated.ask(&format!("shutdown session {drips}")), "\n");
    assert_eq!(text(&dripping.read_all()), "");
    assert!(operated.lockgate.logged("GET /drip").contains(" KD-- "));
    assert_eq!(operated.ask(&format!("shutdown session {tunnel}")), "\n");
    assert_eq!(text(&raw.read_all()), "");
    assert!(operated.lockgate.logged(" raw rawb/r ").contains(" KD "));
    assert_eq!(operated.ask("show sess"), "\n");
    for (line, answer) in [
        (format!("shutdown session {waits}"), "No such session (use 'show sess').\n\n"),
        ("shutdown session".to_owned(), "Session pointer expected (use 'show sess').\n\n"),
        (format!("show sess {waits}"), "Session not found.\n\n"),
    ] {
        assert_eq!(operated.ask(&line), answer, "{line}");
    }
}

#[test]
fn a_servers_sessions_are_ended_by_an_operator() {
    let server = reluctant();
    let operated = proxied(&server);
    let mut waiting = Raw::connect(operated.lockgate.at("http"));
    waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    session(&operated, &["srv=a"]);
    assert_eq!(operated.ask("shutdown sessions server app/a"), "\n");
    assert_eq!(Answer::parse(&waiting.read_until("</html>")).status, 502);
    assert!(operated.lockgate.logged("GET /wait").contains(" KH-- "));
}

/// `show stat`'s state of a frontend.
fn state(operated: &Operated, front: &str) -> String {
    let stat = operated.ask("show stat");
    let line = stat.lines().find(|line| line.starts_with(&format!("{front},FRONTEND,"))).unwrap();
    line.split(',').nth(17).unwrap().to_owned()
}

#[test]
fn a_frontend_is_paused_resumed_and_shut_down() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let operated = proxied(&server);
    let url = operated.lockgate.url("http", "/");
    let refused = || (0..10).all(|_| try_curl(&url).0 == 7);
    let mut open = Raw::connect(operated.lockgate.at("http"));
    open.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("\r\n\r\nok");
    let asked = |line: &str| operated.ask(line);
    assert_eq!(asked("disable frontend web"), "\n");
    assert_eq!(state(&operated, "web"), "PAUSED");
    assert!(refused());
    open.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("\r\n\r\nok");
    assert_eq!(asked("disable frontend web"), "All sockets are already disabled.\n\n");
    assert_eq!(asked("enable frontend web"), "\n");
    assert_eq!(state(&operated, "web"), "OPEN");
    assert!((0..20).all(|_| curl(&url).status == 200));
    assert_eq!(asked("enable frontend web"), "All sockets are already enabled.\n\n");
    assert_eq!(asked("shutdown frontend web"), "\n");
    assert_eq!(state(&operated, "web"), "STOP");
    assert!(refused());
    // the address is free again
    drop(std::net::TcpListener::bind(operated.lockgate.at("http")).unwrap());
    open.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read_until("\r\n\r\nok");
    assert_eq!(asked("enable frontend web"), "Frontend was previously shut down, cannot enable.\n\n");
    assert_eq!(asked("shutdown frontend web"), "Frontend was already shut down.\n\n");
    assert_eq!(asked("shutdown frontend app"), "No such frontend.\n\n");
    assert_eq!(asked("disable frontend"), "A frontend name is expected.\n\n");
    assert!(operated.lockgate.logged("Paused frontend web.").contains("Paused"));
    assert!(operated.lockgate.logged("Proxy web stopped (cumulated conns: FE: ").contains(", BE: 0)."));
}

#[test]
fn what_was_not_understood_is_kept_for_operators() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nBad Header\x01: x\r\n\r\n");
    let operated = proxied(&server);
    assert!(operated.ask("show errors").ends_with("] : 0\n\n"));
    assert_eq!(curl(&operated.lockgate.url("http", "/bad")).status, 502);
    let mut raw = Raw::connect(operated.lockgate.at("http"));
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\nrest").read_all();
    let shown = operated.ask("show errors");
    assert!(shown.starts_with("Total events captured on [") && shown.contains("] : 2\n"), "{shown}");
    for part in [
        "] frontend web (#2): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #1, src 127.0.0.1:",
        "\n  len 46, error at position 2",
        "\n  00000  GET / HTTP/1.1\\r\\n\n  00016  Host: a\\r\\n\n  00025  Bad Header: x\\r\\n\n  00040  \\r\\n\n  00042  rest\n",
        "] backend app (#4): invalid response\n  frontend web (#2), server a (#1), event #0, src 127.0.0.1:",
        "\n  00017  Bad Header\\x01: x\\r\\n\n",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(!operated.ask("show errors web").contains("invalid response"));
    assert!(!operated.ask("show errors 4 response").contains("invalid request"));
    assert_eq!(operated.ask("show errors nope"), "No such proxy.\n\n");
}

#[test]
fn new_connections_a_second_are_limited_while_traffic_flows() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let operated = proxied(&server);
    let url = operated.lockgate.url("http", "/");
    assert!(operated.ask("set rate-limit connections").starts_with("'set rate-limit' only supports :\n"));
    assert_eq!(operated.ask("set rate-limit sessions global"), "Expects an integer value.\n\n");
    assert_eq!(operated.ask("set rate-limit connections global -5"), "Value out of range.\n\n");
    assert_eq!(operated.ask("set rate-limit connections global 5"), "\n");
    assert!(operated.ask("show info").contains("\nConnRateLimit: 5\n"));
    let started = std::time::Instant::now();
    assert!((0..20).all(|_| curl(&url).status == 200), "they wait and are served");
    assert!(started.elapsed().as_millis() > 1500, "{:?}", started.elapsed());
    assert_eq!(operated.ask("set rate-limit connections global 0"), "\n");
    let activity = operated.ask("show activity");
    assert!(
        activity.starts_with("thread_id: 1 (1..") && activity.contains("\naccepted: 20 [ "),
        "{activity}"
    );
    assert!(operated.ask("show threads").starts_with("  Thread 1 : "));
    assert!(operated.ask("show pools").contains("\n  - Pool request ("));
}

#[test]
fn top_redraws_in_place_and_gives_the_terminal_back() {
    let server = Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let operated = proxied(&server);
    assert_eq!(curl(&operated.lockgate.url("http", "/")).status, 200);
    let command =
        format!("{} ctl --socket {} top", env!("CARGO_BIN_EXE_lockgate"), operated.socket().display());
    // without a terminal: one picture, no escapes
    let plain = Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).output().unwrap();
    let plain = String::from_utf8(plain.stdout).unwrap();
    assert!(
        plain.contains("\napp (back) ") && plain.contains("\n  a ") && !plain.contains('\x1b'),
        "{plain}"
    );
    assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
    let mut script = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let mut seen = String::new();
    let mut buf = [0; 8192];
    while seen.matches("\x1b[H").count() < 3 {
        let read = screen.read(&mut buf).unwrap();
        assert!(read > 0, "it ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buf[..read]));
    }
    keys.write_all(b"q").unwrap();
    screen.read_to_string(&mut seen).unwrap();
    assert!(script.wait().unwrap().success());
    assert!(seen.starts_with("\x1b[?1049h\x1b[?25l\x1b[H"), "{seen:?}");
    assert!(seen.contains("app (back)") && seen.contains("\x1b[32mOPEN\x1b[0m"), "{seen:?}");
    assert!(seen.ends_with("\x1b[?25h\x1b[?1049l"), "{seen:?}");
}
