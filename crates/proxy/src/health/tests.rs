//! Checks against real sockets: what the log hears, word for word as the oracle logs it. Servers are threads that
//! answer each connection in one way; they end with their value.

use super::schedule;
use crate::lower::{Overrides, lower};
use crate::plan::Plan;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;

type Bytes = &'static [u8];
type Answers = &'static [Bytes];

/// A server that treats every connection alike.
struct Fake {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Fake {
    fn new(mut treat: impl FnMut(&mut TcpStream, usize) + Send + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, stop) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { break };
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                treat(&mut stream, n);
            }
        });
        Fake { addr, stop }
    }

    /// Says something first, then answers each thing it is told with the next text.
    fn talking(banner: Bytes, answers: Answers) -> Fake {
        Fake::new(move |stream, _| {
            let _ = stream.write_all(banner);
            let mut buffer = [0; 4096];
            for answer in answers {
                match stream.read(&mut buffer) {
                    Ok(n) if n > 0 => drop(stream.write_all(answer)),
                    _ => return,
                }
            }
            // waits for the other side to close, so that nothing sent is lost
            let _ = stream.read(&mut buffer);
        })
    }

    fn http(answer: &'static str) -> Fake {
        Fake::new(move |stream, _| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
    }
}

fn plan(config: &str, log: SocketAddr) -> Arc<Plan> {
    let text = format!(
        "defaults\n timeout connect 1s\n log {log} len 1024 format raw local0\n option log-health-checks\n{config}"
    );
    let source = config::load::Source { name: "test.cfg".into(), text: text.into_bytes() };
    let loaded = config::load::read(vec![source], &config::load::LoadOptions::default());
    let alerts: Vec<_> = loaded.diags.iter().filter(|d| d.severity == base::Severity::Alert).collect();
    assert!(alerts.is_empty(), "{alerts:?}");
    let (plan, diags) = lower(&loaded.model, &Overrides::default());
    let complaints: Vec<_> = diags.iter().collect();
    Arc::new(plan.unwrap_or_else(|| panic!("{complaints:?}")))
}

/// Runs a configuration's checks until the log has heard so many lines. Durations become `Nms`.
fn hear(config: &str, lines: usize) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let plan = plan(config, socket.local_addr().unwrap());
        let mut heard = Vec::new();
        let listen = async {
            let mut buffer = [0; 2048];
            while heard.len() < lines {
                let n = socket.recv(&mut buffer).await.unwrap();
                heard.push(timeless(&String::from_utf8_lossy(&buffer[..n])));
            }
        };
        tokio::select! {
            () = listen => {}
            () = schedule::run(plan, || {}) => {}
            () = tokio::time::sleep(Duration::from_secs(8)) => {}
        }
        heard
    })
}

fn timeless(line: &str) -> String {
    let line = line.trim_end();
    match line.split_once("check duration: ") {
        Some((before, after)) => {
            let (_, after) = after.split_once("ms").unwrap();
            format!("{before}check duration: Nms{after}")
        }
        None => line.to_owned(),
    }
}

/// A backend `b` with one checked server `a`.
fn backend(options: &str, addr: SocketAddr, params: &str) -> String {
    let mode = if options.contains("httpchk") { "http" } else { "tcp" };
    format!("backend b\n mode {mode}\n {options}\n server a {addr} check inter 300 rise 2 fall 2 {params}\n")
}

/// What the first check of `b/a` logs after "Health check for server b/a ", up to the duration and the status.
fn first(options: &str, fake: &Fake, params: &str) -> String {
    let heard = hear(&backend(options, fake.addr, params), 1);
    let line = heard.first().unwrap_or_else(|| panic!("nothing heard: {options}"));
    let line = line.strip_prefix("Health check for server b/a ").unwrap_or(line);
    line.split(", check duration").next().unwrap().replace(", reason:", ":")
}

fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nxxhelloxx";

#[test]
fn http_checks() {
    let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let status = "Layer7 wrong status, code";
    let cases = [
        ("option httpchk", OK, "succeeded: Layer7 check passed, code: 200".to_owned()),
        ("option httpchk", none, format!("failed: {status}: 404, info: \"Not Found\"")),
        ("option httpchk", "junk\r\n\r\n", "failed: Layer7 invalid response".to_owned()),
        ("option httpchk", "", "failed: Layer7 invalid response".to_owned()),
        (
            "option httpchk\n http-check disable-on-404",
            none,
            "conditionally succeeded: Layer7 check conditionally passed, code: 404".to_owned(),
        ),
        (
            "option httpchk\n http-check expect string hello",
            OK,
            "succeeded: Layer7 check passed, code: 200".to_owned(),
        ),
        (
            "option httpchk\n http-check expect string nope",
            OK,
            "failed: Layer7 invalid response, info: \"HTTP content check did not match\"".to_owned(),
        ),
        (
            "option httpchk\n http-check expect ! string hello",
            OK,
            "failed: Layer7 invalid response, info: \"HTTP check matched unwanted content\"".to_owned(),
        ),
        ("option httpchk\n http-check expect rstatus ^5", OK, format!("failed: {status}: 200, info: \"OK\"")),
        (
            "option httpchk\n http-check expect status 201 comment \"my comment\"",
            OK,
            format!("failed: {status}: 200, info: \"OK comment: my comment\""),
        ),
        (
            "option httpchk\n http-check expect hdr name connection value -m beg clo",
            OK,
            "succeeded: Layer7 check passed, code: 200".to_owned(),
        ),
        (
            "option httpchk\n http-check expect hdr name x-a value -m beg b",
            OK,
            format!("failed: {status}: 200, info: \"OK\""),
        ),
    ];
    for (options, answer, expected) in cases {
        assert_eq!(first(options, &Fake::http(answer), ""), expected, "{options}");
    }
}

#[test]
fn tcp_checks() {
    let expect = "option tcp-check\n tcp-check connect\n tcp-check expect";
    let late = "failed: Layer7 timeout, info: \" at step 2 of tcp-check";
    let ping = "option tcp-check\n tcp-check send PING\\r\\n\n tcp-check expect";
    let passed = "succeeded: Layer7 check passed, code: 0, info: \"(tcp-check)\"";
    let (ok, err): (&[u8], &[u8]) = (b"+OK\r\n", b"-ERR\r\n");
    let cases: [(String, Bytes, Answers, String); 9] = [
        (String::new(), b"", &[], "succeeded: Layer4 check passed".into()),
        ("option tcp-check".into(), b"", &[], "succeeded: Layer4 check passed".into()),
        (format!("{expect} string +OK"), ok, &[], passed.into()),
        (format!("{expect} string +OK"), err, &[], format!("{late} (expect string '+OK')\"")),
        (
            format!("{expect} rstring ^x comment \"the banner\""),
            ok,
            &[],
            format!("{late} (expect regex) comment: 'the banner'\""),
        ),
        (format!("{ping} string +PONG"), b"", &[b"+PONG\r\n"], passed.into()),
        (format!("{ping} binary 2b504f4e47"), b"", &[b"+PON"], format!("{late} (expect binary '+PONG')\"")),
        (format!("{ping} rbinary ^2B50"), b"", &[b"+PON"], passed.into()),
        (format!("{expect} min-recv 9 string +OK"), ok, &[], format!("{late} (expect string '+OK')\"")),
    ];
    for (options, banner, answers, expected) in cases {
        assert_eq!(first(&options, &Fake::talking(banner, answers), ""), expected, "{options}");
    }
}

#[test]
fn connections_that_fail() {
    let refused = Fake { addr: closed(), stop: Arc::default() };
    let problem = "failed: Layer4 connection problem, info: \"Connection refused";
    assert_eq!(first("", &refused, ""), format!("{problem}\""));
    assert_eq!(first("option httpchk", &refused, ""), format!("{problem}\""));
    let tcp = format!("{problem} at initial connection step of tcp-check\"");
    assert_eq!(first("option tcp-check", &refused, ""), tcp);
    let silent = Fake::new(|stream, _| {
        // the second read ends when the check gives up
        let _ = (stream.read(&mut [0; 4096]), stream.read(&mut [0; 4096]));
    });
    assert_eq!(first("option httpchk", &silent, ""), "failed: Layer7 timeout");
    let hangs_up = Fake::new(|stream, _| drop(stream.read(&mut [0; 64])));
    let empty = "failed: Layer7 invalid response, info: \"TCPCHK got an empty response at step 2\"";
    let ping = "option tcp-check\n tcp-check send PING\\r\\n\n tcp-check expect string +PONG";
    assert_eq!(first(ping, &hangs_up, ""), empty);
    let commented = format!("{ping} comment \"the pong\" on-error nothing");
    assert_eq!(first(&commented, &hangs_up, ""), empty.replace("2\"", "2 comment: 'the pong'\""));
}

/// What was sent is not read, so that closing resets the connection.
#[test]
fn connections_that_are_reset() {
    let reset = "failed: Socket error, info: \"Connection reset by peer";
    let ping = "option tcp-check\n tcp-check send PING\\r\\n\n tcp-check expect string +PONG";
    let resets = Fake::new(|stream, _| drop(stream.peek(&mut [0; 64])));
    let at = " at step 2 of tcp-check (expect string '+PONG')";
    assert_eq!(first(ping, &resets, ""), format!("{reset}{at}\""));
    assert_eq!(first("option httpchk", &resets, ""), format!("{reset}\""));
    let resets = Fake::new(|stream, _| {
        let _ = (stream.peek(&mut [0; 64]), stream.write_all(b"HTTP/1.1 200 OK\r\n"));
    });
    assert_eq!(first("option httpchk", &resets, ""), format!("{reset}\""));
}

#[test]
fn another_port_and_address() {
    let fake = Fake::http(OK);
    let there = format!("port {} addr 127.0.0.1", fake.addr.port());
    let elsewhere = Fake { addr: closed(), stop: Arc::default() };
    assert_eq!(first("option httpchk", &elsewhere, &there), "succeeded: Layer7 check passed, code: 200");
}

#[test]
fn built_in_protocols() {
    let smtp = "succeeded: Layer7 check passed, code: 250, info: \"ok\"";
    let cases: [(&str, Bytes, Answers, &str); 7] = [
        (
            "option redis-check",
            b"",
            &[b"+PONG\r\n"],
            "succeeded: Layer7 check passed, code: 0, info: \"Redis server is ok\"",
        ),
        ("option ssl-hello-chk", b"", &[b"\x15\x03\0\0\x02\x02\x28"], "succeeded: Layer6 check passed"),
        ("option ssl-hello-chk", b"", &[b"hello"], "failed: Layer6 invalid response"),
        ("option smtpchk", b"220 hi\r\n", &[b"250-a\r\n250 ok\r\n", b"250 ok\r\n"], smtp),
        (
            "option smtpchk",
            b"220 hi\r\n",
            &[],
            "failed: Layer7 wrong status, code: 0, info: \"TCPCHK got an empty response at step 5\"",
        ),
        ("option smtpchk", b"500 hi\r\n", &[], "failed: Layer7 wrong status, code: 500, info: \"hi\""),
        (
            "option pgsql-check user x",
            b"",
            &[b"R\0\0\0\x08\0\0\0\0"],
            "succeeded: Layer7 check passed, code: 0, info: \"PostgreSQL server is ok\"",
        ),
    ];
    for (options, banner, answers, expected) in cases {
        assert_eq!(first(options, &Fake::talking(banner, answers), ""), expected, "{options}");
    }
}

#[test]
fn what_a_request_looks_like() {
    let head = "option httpchk GET /a HTTP/1.1\\r\\nHost:\\ x";
    let send =
        "option httpchk\n http-check send meth POST uri /b ver HTTP/1.1 hdr Host y hdr X-Y z body hello";
    let cases = [
        ("option httpchk", "OPTIONS / HTTP/1.0\r\n\r\n"),
        (head, "GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        (
            send,
            "POST /b HTTP/1.1\r\nhost: y\r\nx-y: z\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        ),
        (
            "option httpchk\n http-check send uri-lf /%[srv_name]x hdr A %[be_name]",
            "OPTIONS /ax HTTP/1.0\r\na: b\r\n\r\n",
        ),
    ];
    for (options, expected) in cases {
        let (told, seen) = std::sync::mpsc::channel();
        let fake = Fake::new(move |stream, _| {
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap_or(0);
            let _ = told.send(String::from_utf8_lossy(&buffer[..n]).into_owned());
            let _ = stream.write_all(OK.as_bytes());
        });
        first(options, &fake, "");
        assert_eq!(seen.recv().unwrap(), expected);
    }
}

#[test]
fn the_state_goes_with_the_request() {
    let (fake, seen) = telling();
    first("option httpchk\n http-check send-state", &fake, "weight 7 maxconn 9");
    let state = seen.recv().unwrap();
    let port = fake.addr.port();
    let expected = format!("x-haproxy-server-state: UP 1/2; address=127.0.0.1; port={port}; name=b/a; node=");
    assert!(state.contains(&expected), "{state}");
    assert!(state.contains("; weight=7/7; scur=0/0; qcur=0\r\n"), "{state}");
}

#[test]
fn down_and_up_again_with_those_who_track() {
    let round = Arc::new(AtomicUsize::new(0));
    let counted = round.clone();
    let fake = Fake::new(move |stream, n| {
        counted.store(n, Ordering::SeqCst);
        let _ = stream.read(&mut [0; 4096]);
        let answer = if (1..3).contains(&n) { OK.replace("200 OK", "500 Bad") } else { OK.to_owned() };
        let _ = stream.write_all(answer.as_bytes());
    });
    let tracker = "listen l\n server z 127.0.0.1:1 track b/a\n server y 127.0.0.1:1 backup track b/a\n";
    let config = format!("{}{tracker}", backend("option httpchk", fake.addr, "fastinter 20 downinter 20"));
    let config = config.replace("inter 300", "inter 60");
    let heard = hear(&config, 13);
    let check = |ended: &str, reason: &str, status: &str| {
        format!(
            "Health check for server b/a {ended}, reason: Layer7 {reason}, check duration: Nms, status: {status}."
        )
    };
    let bad = "wrong status, code: 500, info: \"Bad\"";
    let good = "check passed, code: 200";
    let expected = [
        check("succeeded", good, "2/2 UP"),
        check("failed", bad, "1/2 UP"),
        check("failed", bad, "0/2 DOWN"),
        "Server b/a is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
            .into(),
        "backend b has no server available!".into(),
        "Backup Server l/y is DOWN via b/a. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, \
         0 remaining in queue."
            .into(),
        "Server l/z is DOWN via b/a. 0 active and 0 backup servers left. 0 sessions active, \
         0 requeued, 0 remaining in queue."
            .into(),
        "proxy l has no server available!".into(),
        check("succeeded", good, "1/2 DOWN"),
        check("succeeded", good, "2/2 UP"),
        "Server b/a is UP. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.".into(),
        "Backup Server l/y is UP via b/a. 0 active and 1 backup servers online. Running on backup. 0 sessions requeued, \
         0 total in queue."
            .into(),
        "Server l/z is UP via b/a. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue."
            .into(),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn an_agent_has_its_say() {
    let lines = ["drain\n", "ready\n", "down #too hot\n", "up\n", "maint\n", "ready\n"];
    let agent = Fake::new(move |stream, n| {
        let _ = stream.write_all(lines.get(n).unwrap_or(&"\n").as_bytes());
    });
    let (fake, port) = (Fake::http(OK), agent.addr.port());
    let config = format!(
        "backend b\n server a {} agent-check agent-port {port} agent-inter 30\n no option log-health-checks\n",
        fake.addr
    );
    let heard = hear(&config, 9);
    let none = "0 active and 0 backup servers";
    let expected = [
        format!("Server b/a enters drain state. {none} online. 0 sessions requeued, 0 total in queue."),
        "backend b has no server available!".into(),
        "Server b/a is UP (leaving forced drain).".into(),
        format!(
            "Server b/a is DOWN, reason: Layer7 wrong status, code: 0, info: \"via agent : down (too hot)\", \
             check duration: Nms. {none} left. 0 sessions active, 0 requeued, 0 remaining in queue."
        ),
        "backend b has no server available!".into(),
        "Server b/a is UP, reason: Layer7 check passed, code: 0, info: \"via agent : up\", check duration: Nms. \
         1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
            .into(),
        format!(
            "Server b/a is going DOWN for maintenance. {none} left. 0 sessions active, 0 requeued, \
             0 remaining in queue."
        ),
        "backend b has no server available!".into(),
        "Server b/a is UP/READY (leaving forced maintenance).".into(),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn errors_in_traffic_mark_a_server_down() {
    let fake = Fake::http(OK);
    let params = "observe layer7 error-limit 3 on-error mark-down";
    let config = backend("option httpchk", fake.addr, params).replace("inter 300", "inter 60000");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let heard = tokio::task::LocalSet::new().block_on(&runtime, async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let plan = plan(&config, socket.local_addr().unwrap());
        let back = plan.backends[0].clone();
        tokio::task::spawn_local(schedule::run(plan, || {}));
        let mut buffer = [0; 2048];
        let mut heard = Vec::new();
        while heard.len() < 3 {
            let n = tokio::time::timeout(Duration::from_secs(8), socket.recv(&mut buffer))
                .await
                .unwrap()
                .unwrap();
            heard.push(timeless(&String::from_utf8_lossy(&buffer[..n])));
            let server = &back.balance.server(0).unwrap();
            let observer = server.checks.observer.as_ref().unwrap();
            if heard.len() == 1 {
                assert!(server.is_usable());
                [500, 503, 200, 500, 502, 504]
                    .into_iter()
                    .for_each(|status| observer.answered(server, status));
            }
        }
        assert!(!back.balance.servers()[0].is_up());
        heard
    });
    assert!(heard[0].contains("succeeded"));
    assert!(
        heard[1].contains("reason: Health analyze, info: \"Detected 3 consecutive errors, last one was: Wrong http response\", status"),
        "{heard:?}"
    );
    assert!(heard[2].starts_with("Server b/a is DOWN."), "{heard:?}");
}

/// A server where all is well, and what it is asked.
fn telling() -> (Fake, std::sync::mpsc::Receiver<String>) {
    let (told, seen) = std::sync::mpsc::channel();
    let fake = Fake::new(move |stream, _| {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).unwrap_or(0);
        let _ = told.send(String::from_utf8_lossy(&buffer[..n]).into_owned());
        let _ = stream.write_all(OK.as_bytes());
    });
    (fake, seen)
}

/// The first request of a check.
fn asked(config: impl Fn(SocketAddr) -> String) -> String {
    let (fake, seen) = telling();
    hear(&config(fake.addr), 1);
    seen.recv().unwrap()
}

#[test]
fn a_request_of_ones_own_replaces_what_was_behind_the_version() {
    let old = "option httpchk GET /a HTTP/1.1\\r\\nHost:\\ old\\r\\nX:\\ y\n";
    let cases = [
        ("http-check send hdr Foo bar", "GET /a HTTP/1.1\r\nfoo: bar\r\nconnection: close\r\n\r\n"),
        ("http-check send uri /s", "GET /s HTTP/1.1\r\nhost: old\r\nx: y\r\nconnection: close\r\n\r\n"),
        (
            "http-check send hdr connection upgrade hdr content-length 3 hdr transfer-encoding chunked",
            "GET /a HTTP/1.1\r\nconnection: upgrade\r\n\r\n",
        ),
        (
            "http-check send uri http://a/chk hdr host longer.example body hello",
            "GET http://longer.example/chk HTTP/1.1\r\nhost: longer.example\r\ncontent-length: 5\r\n\
             connection: close\r\n\r\nhello",
        ),
    ];
    for (send, expected) in cases {
        assert_eq!(asked(|addr| backend(&format!("{old} {send}"), addr, "")), expected, "{send}");
    }
}

#[test]
fn a_request_of_ones_own_inherits_nothing() {
    let section = |addr: SocketAddr, lines: &str| {
        let common = "defaults\n mode http\n option httpchk GET /a HTTP/1.1\n";
        format!("{common}backend b\n{lines} server a {addr} check inter 300 rise 2 fall 2\n")
    };
    let own = asked(|addr| section(addr, " http-check send hdr Foo bar\n"));
    assert_eq!(own, "OPTIONS / HTTP/1.0\r\nfoo: bar\r\n\r\n");
    let expects = asked(|addr| section(addr, " http-check expect status 200\n"));
    assert_eq!(expects, "GET /a HTTP/1.1\r\nconnection: close\r\n\r\n");
}

#[test]
fn only_the_first_of_several_requests_is_what_the_option_says() {
    let (fake, seen) = telling();
    let steps = "option httpchk GET /a\n http-check connect\n http-check send hdr a b\n http-check expect status 200\n \
                 http-check connect\n http-check send uri /2\n http-check expect status 200";
    hear(&backend(steps, fake.addr, ""), 1);
    let asked = [seen.recv().unwrap(), seen.recv().unwrap()];
    assert_eq!(asked, ["GET /a HTTP/1.0\r\na: b\r\n\r\n", "OPTIONS /2 HTTP/1.0\r\n\r\n"]);
}

#[test]
fn headers_are_expected_by_name_in_any_case_and_element_by_element() {
    let answer = "HTTP/1.1 202 OK\r\nx-reg-1: 1\r\nx-list: true, next\r\ncontent-length: 0\r\n\r\n";
    let cases = [
        ("hdr name -m reg ^X-REG-[0-9]$", true),
        ("hdr name x-list value next", true),
        ("hdr name x-list value -m reg ^NEXT", false),
        ("hdr name x-list value \"true, next\"", false),
        ("fhdr name x-list value \"true, next\"", true),
    ];
    for (expect, met) in cases {
        let fake = Fake::new(move |stream, _| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let said = first(&format!("option httpchk\n http-check expect {expect}"), &fake, "");
        assert_eq!(said.starts_with("succeeded"), met, "{expect}: {said}");
    }
}

#[test]
fn an_upgrade_can_be_expected() {
    let fake = Fake::new(move |stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    });
    let said = first("option httpchk\n http-check expect status 101", &fake, "");
    assert_eq!(said, "succeeded: Layer7 check passed, code: 101");
}

#[test]
fn what_a_server_says_cannot_leave_its_quotes() {
    let fake = Fake::new(move |stream, _| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"-ERR say \"<hi>\" \x1b[1m\r\nmore\r\n");
    });
    let said = first("option redis-check", &fake, "");
    let info = "-ERR say <22><3C>hi<3E><22> <1B>[1m";
    assert_eq!(said, format!("failed: Layer7 wrong status, code: 0, info: \"{info}\""));
}

#[test]
fn why_no_connection_came_about() {
    let cases = [
        ("unix@/nonexistent/s", "Socket error, info: \"General socket error (No such file or directory)\""),
        (
            "127.0.0.1:1 source 203.0.113.1",
            "Layer4 connection problem, info: \"Can't bind to source address (Cannot assign requested address)\"",
        ),
    ];
    for (addr, expected) in cases {
        let heard = hear(&format!("backend b\n server a {addr} check inter 300 rise 2 fall 2\n"), 1);
        assert!(heard[0].contains(expected), "{heard:?}");
    }
}

#[test]
fn a_peer_that_leaves_names_the_step_it_left_at() {
    let leaves = |_: &mut std::net::TcpStream, _| {};
    let fake = Fake::new(move |stream, n| leaves(stream, n));
    let said = first("option tcp-check\n tcp-check connect ssl", &fake, "ssl verify none");
    let place = "at step 1 of tcp-check (connect)";
    assert_eq!(said, format!("failed: Layer6 invalid response, info: \"SSL handshake failure {place}\""));
}

#[test]
fn a_comment_shows_what_the_groups_hold() {
    let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let text =
        "!rstring \"HTTP/1\\.1 +([45][0-9]{2}) +([^\\r\\n]*)\" comment \"code=\\\\1 reason=\\\\2 \\\\x\"";
    let hex = "!rbinary \"3120(34[0-9]{4})20\" comment \"code=\\\\1 reason= \\\\x\"";
    for (expect, reason) in [(text, "Bad Request"), (hex, "")] {
        let fake = Fake::talking(answer, &[]);
        let said =
            first(&format!("option tcp-check\n tcp-check connect\n tcp-check expect {expect}"), &fake, "");
        assert!(said.ends_with(&format!(" at step 2 comment: code=400 reason={reason} \\x\"")), "{said}");
    }
}
