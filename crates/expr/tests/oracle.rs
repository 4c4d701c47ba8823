//! Asks HAProxy itself whether the fixtures named `*-haproxy.txt` are true, where `/usr/sbin/haproxy` is installed:
//! all of a file's cases in one configuration, answered for one request.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "without its oracle the test must stop and say so"
)]

#[path = "world/words.rs"]
mod words;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const HAPROXY: &str = "/usr/sbin/haproxy";
const PARTING: &str = " ~~ ";

/// A running HAProxy and its configuration; both end with the value.
struct Oracle {
    child: Child,
    port: u16,
    config: PathBuf,
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}

impl Oracle {
    fn start(name: &str, rules: &str) -> Oracle {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = std::env::temp_dir().join(format!("lockgate-oracle-{}-{name}.cfg", std::process::id()));
        let text = format!(
            "defaults\n mode http\n timeout client 9s\n timeout server 9s\n timeout connect 9s\n\
             frontend fe\n bind 127.0.0.1:{port}\n{rules}"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(HAPROXY);
        command.arg("-db").arg("-f").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        Oracle { child: command.spawn().unwrap(), port, config }
    }

    fn connect(&mut self) -> TcpStream {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                return stream;
            }
            if self.child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                let mut why = String::new();
                let _ = self.child.kill();
                self.child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
                panic!("haproxy does not listen:\n{why}");
            }
            std::thread::yield_now();
        }
    }

    fn answer(&mut self) -> String {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
            .write_all(
                b"GET /a/5?x=1&y=%20z HTTP/1.1\r\nHost: a.example\r\nX-A: 1,2\r\nX-A: 3\r\n\
                  Cookie: s=abc; t=1\r\nConnection: close\r\n\r\n",
            )
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// Input and expectation of each case that one rule can ask.
fn cases(name: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let input = pair[0].strip_prefix("cond if ").or_else(|| pair[0].strip_prefix("expr "))?;
        Some((quoted(input), pair[1].strip_prefix("= ").unwrap_or("").to_owned()))
    });
    pairs.collect()
}

/// The words again, each in strong quotes, so that the configuration's lexer changes nothing.
fn quoted(line: &str) -> String {
    let words: Vec<String> = words::words(line).into_iter().map(|w| format!("'{}'", w.text)).collect();
    words.join(" ")
}

fn compare(name: &str, rule: impl Fn(usize, &str) -> String, meaning: impl Fn(&str) -> String) {
    if !Path::new(HAPROXY).exists() {
        eprintln!("skipped: {HAPROXY} is not installed");
        return;
    }
    let cases = cases(name);
    let mut rules: String = cases.iter().enumerate().map(|(i, (input, _))| rule(i, input)).collect();
    let body: Vec<String> = (0..cases.len()).map(|i| format!("%[var(txn.r{i})]")).collect();
    let body = body.join(PARTING);
    rules.push_str(&format!(" http-request return status 200 content-type text/plain lf-string '{body}'\n"));
    let answer = Oracle::start(name, &rules).answer();
    let answers: Vec<&str> = answer.split(PARTING).collect();
    assert_eq!(answers.len(), cases.len());
    for ((input, expected), answer) in cases.iter().zip(answers) {
        assert_eq!(meaning(expected), answer, "{input}");
    }
}

#[test]
fn conditions() {
    compare(
        "conditions-haproxy.txt",
        |i, input| format!(" http-request set-var(txn.r{i}) str(yes) if {input}\n"),
        |expected| if expected == "true" { "yes".to_owned() } else { String::new() },
    );
}

#[test]
fn expressions() {
    compare(
        "expressions-haproxy.txt",
        |i, input| format!(" http-request set-var(txn.r{i}) {input}\n"),
        |expected| expected.replace("(none)", ""),
    );
}
