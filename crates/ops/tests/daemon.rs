//! Going to the background, with real processes. This program is tester, parent and daemon in turn: the tester calls
//! it with a role, and `detach` starts it once more with the same words.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed set-up is a failed test

use ops::daemon::{Detach, Ready, Stage, detach, stage};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

/// Enough for a process to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(role @ ("serves" | "fails" | "dies" | "rereads")) => in_role(role),
        Some(_) | None => {
            a_daemon_that_serves_lets_its_parent_go();
            a_daemon_that_fails_passes_its_code_and_words_on();
            a_daemon_that_dies_without_a_word_is_a_failure();
            what_was_read_from_standard_input_is_read_again();
            a_borrowed_variable_makes_nobody_a_daemon();
            ExitCode::SUCCESS
        }
    }
}

fn in_role(role: &str) -> ExitCode {
    let ready = match stage().unwrap() {
        Stage::First => {
            let text = std::io::read_to_string(std::io::stdin()).unwrap();
            let stdin = (role == "rereads").then_some(text.as_bytes());
            let folder = std::env::current_dir().unwrap();
            return ExitCode::from(detach(&Detach { folder: &folder, stdin }).unwrap());
        }
        Stage::Daemon(ready) => ready,
    };
    match role {
        "serves" => serve(ready),
        "rereads" if std::io::read_to_string(std::io::stdin()).unwrap() == "typed" => serve(ready),
        "dies" => ExitCode::SUCCESS,
        _ => {
            std::io::Write::write_all(&mut std::io::stderr(), b"no such port\n").unwrap();
            ExitCode::from(3)
        }
    }
}

/// Says where it is by connecting to the tester, and stays until that connection ends.
fn serve(ready: Ready) -> ExitCode {
    let tester = std::env::args().nth(2).unwrap();
    ready.tell().unwrap();
    let mut link = UnixStream::connect(tester).unwrap();
    let mut end = [0];
    let _ = link.read(&mut end);
    ExitCode::SUCCESS
}

struct Socket(std::path::PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn socket(name: &str) -> (Socket, std::os::unix::net::UnixListener) {
    let path = std::env::temp_dir().join(format!("lockgate-daemon-{}-{name}", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    (Socket(path), listener)
}

fn call(role: &str, to: &Path, typed: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(role).arg(to).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed.as_bytes()).unwrap();
    // Returns when all copies of the output pipes are closed: a daemon that kept one would hang here.
    child.wait_with_output().unwrap()
}

fn a_daemon_that_serves_lets_its_parent_go() {
    let (path, listener) = socket("serves");
    let begun = Instant::now();
    let output = call("serves", &path.0, "");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(begun.elapsed() < PATIENCE, "the daemon holds on to its parent's terminal");
    let (link, _) = listener.accept().unwrap();
    let credentials = rustix::net::sockopt::socket_peercred(&link).unwrap();
    assert_eq!(
        rustix::process::getsid(Some(credentials.pid)).unwrap(),
        credentials.pid,
        "no session of its own"
    );
    let name = std::fs::read_to_string(format!("/proc/{}/comm", credentials.pid.as_raw_pid())).unwrap();
    assert!(name.starts_with("daemon"), "{name}");
}

fn a_daemon_that_fails_passes_its_code_and_words_on() {
    let output = call("fails", Path::new("/nowhere"), "");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stderr, b"no such port\n");
}

fn a_daemon_that_dies_without_a_word_is_a_failure() {
    assert_eq!(call("dies", Path::new("/nowhere"), "").status.code(), Some(1));
}

fn what_was_read_from_standard_input_is_read_again() {
    let (path, listener) = socket("rereads");
    assert!(call("rereads", &path.0, "typed").status.success());
    assert!(listener.accept().is_ok());
}

/// A child of a daemon inherits the variable; it names another parent.
fn a_borrowed_variable_makes_nobody_a_daemon() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("fails").arg("/nowhere").env("LOCKGATE_DAEMON_OF", "1").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "it detached as a first process does: {output:?}");
}
