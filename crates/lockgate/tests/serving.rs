//! Serving as a process: signals, the background, the pid file, successors. Listens on unix sockets in a folder of its
//! own, so that no port is fought over.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed set-up is a failed test

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const LOCKGATE: &str = env!("CARGO_BIN_EXE_lockgate");

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lockgate-serving-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// A configuration that answers `text` on `socket`.
    fn config(&self, name: &str, global: &str, text: &str) -> String {
        let cfg = format!(
            "global\n{global}\ndefaults\n  mode http\n  timeout client 30s\n  timeout connect 5s\n  timeout server 30s\n\
             frontend f\n  bind {}\n  http-request return status 200 content-type text/plain string {text}\n",
            self.path("s.sock")
        );
        std::fs::write(self.path(name), cfg).unwrap();
        self.path(name)
    }

    fn connect(&self) -> Option<UnixStream> {
        UnixStream::connect(self.path("s.sock")).ok()
    }

    /// The body of an answer, once there is one that `expected` accepts.
    fn answer(&self, expected: &str) {
        until(&format!("the answer {expected}"), || {
            self.connect().and_then(ask).is_some_and(|b| b == expected)
        });
    }

    fn pid(&self, name: &str) -> i32 {
        std::fs::read_to_string(self.path(name)).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ask(mut link: UnixStream) -> Option<String> {
    link.set_read_timeout(Some(PATIENCE)).ok()?;
    link.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    link.read_to_string(&mut text).ok()?;
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Polls a condition; the pause keeps the machine free for what is waited for.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(pid: i32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

fn is_alive(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// A process in the foreground; killed when dropped.
struct Foreground {
    child: Child,
    errors: BufReader<ChildStderr>,
}

impl Foreground {
    fn start(words: &[&str]) -> Foreground {
        let mut child = Command::new(LOCKGATE).args(words).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        Foreground { child, errors }
    }

    fn signal(&self, name: &str) {
        signal(i32::try_from(self.child.id()).unwrap(), name);
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        self.errors.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap(), text)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process in the background; killed when dropped.
struct Background(i32);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "KILL", &self.0.to_string()]).stderr(Stdio::null()).status();
    }
}

#[test]
fn term_and_int_end_a_process_as_they_end_haproxy() {
    for (name, number) in [("TERM", 15), ("INT", 2)] {
        let folder = Folder::new(name);
        let mut process = Foreground::start(&["-db", "-f", &folder.config("a.cfg", "", "one")]);
        folder.answer("one");
        process.signal(name);
        assert_eq!(process.end().0.signal(), Some(number));
    }
}

#[test]
fn usr1_finishes_what_is_open_and_leaves() {
    let folder = Folder::new("usr1");
    let mut process = Foreground::start(&["-db", "-f", &folder.config("a.cfg", "", "one")]);
    folder.answer("one");
    let mut open = folder.connect().unwrap();
    open.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    until("the connection's acceptance", || folder.connect().and_then(ask).is_some());
    process.signal("USR1");
    until("the end of listening", || folder.connect().is_none());
    open.write_all(b"Host: x\r\n\r\n").unwrap();
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("one"), "{text}");
    let (status, said) = process.end();
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("Proxy f stopped (cumulated conns: FE: "), "{said}");
}

#[test]
fn hard_stop_after_bounds_a_soft_stop() {
    let folder = Folder::new("hard");
    let mut process =
        Foreground::start(&["-db", "-f", &folder.config("a.cfg", "  hard-stop-after 50ms", "one")]);
    folder.answer("one");
    let mut open = folder.connect().unwrap();
    open.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    until("the connection's acceptance", || folder.connect().and_then(ask).is_some());
    process.signal("USR1");
    let (status, said) = process.end();
    assert_eq!(status.code(), Some(0));
    assert!(said.contains("performing a hard-stop"), "{said}");
}

#[test]
fn hup_tells_the_states_and_usr2_changes_nothing() {
    let folder = Folder::new("hup");
    let mut process = Foreground::start(&["-db", "-f", &folder.config("a.cfg", "", "one")]);
    folder.answer("one");
    process.signal("USR2");
    process.signal("HUP");
    let mut line = String::new();
    while !line.contains("SIGHUP: Proxy f has no servers. Conn: act(FE+BE): ") {
        line.clear();
        assert!(process.errors.read_line(&mut line).unwrap() > 0, "it ended without the line");
    }
    folder.answer("one");
}

#[test]
fn a_daemon_writes_its_number_and_is_replaced_without_a_gap() {
    let folder = Folder::new("daemon");
    let (pidfile, first) = (folder.path("pid"), folder.config("a.cfg", "", "one"));
    let started = Command::new(LOCKGATE).args(["-D", "-f", &first, "-p", &pidfile]).output().unwrap();
    assert!(started.status.success() && started.stderr.is_empty(), "{started:?}");
    let old = Background(folder.pid("pid"));
    folder.answer("one");

    let second = folder.config("b.cfg", "", "two");
    let old_pid = old.0.to_string();
    let words = ["-D", "-f", &second, "-p", &pidfile, "-sf", &old_pid];
    let replaced = Command::new(LOCKGATE).args(words).output().unwrap();
    assert!(replaced.status.success(), "{replaced:?}");
    let new = Background(folder.pid("pid"));
    assert_ne!(new.0, old.0);
    assert_eq!(
        folder.connect().and_then(ask).as_deref(),
        Some("two"),
        "the new one serves when its parent returns"
    );
    until("the old one's end", || !is_alive(old.0));
    folder.answer("two");
    signal(new.0, "TERM");
    until("the new one's end", || !is_alive(new.0));
}

#[test]
fn the_word_daemon_in_the_file_does_the_same_unless_db_is_given() {
    let folder = Folder::new("word");
    let pidfile = folder.path("pid");
    let cfg = folder.config("a.cfg", &format!("  daemon\n  pidfile {pidfile}"), "one");
    let text = std::fs::read(&cfg).unwrap();
    let mut child = Command::new(LOCKGATE).args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    assert!(child.wait().unwrap().success());
    let daemon = Background(folder.pid("pid"));
    folder.answer("one");
    drop(daemon);
    until("a free socket", || folder.connect().is_none());
    std::fs::remove_file(&pidfile).unwrap();
    let mut process = Foreground::start(&["-db", "-f", &cfg]);
    folder.answer("one");
    process.signal("TERM");
    process.end();
    assert!(!std::path::Path::new(&pidfile).exists(), "a process in the foreground writes no pid file");
}

#[test]
fn a_taken_address_fails_the_start_of_a_daemon_too() {
    let folder = Folder::new("taken");
    let _other = UnixListener::bind(folder.path("s.sock")).unwrap();
    let cfg = folder.config("a.cfg", "", "one");
    for mode in ["-D", "-db"] {
        let output = Command::new(LOCKGATE).args([mode, "-f", &cfg]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mode}");
        assert!(
            said.contains("frontend f: cannot bind socket (Address already in use) for ["),
            "{mode}: {said}"
        );
    }
}

#[test]
fn systemd_is_told_when_the_service_is_ready() {
    let folder = Folder::new("notify");
    let systemd = std::os::unix::net::UnixDatagram::bind(folder.path("notify")).unwrap();
    systemd.set_read_timeout(Some(PATIENCE)).unwrap();
    let cfg = folder.config("a.cfg", "", "one");
    let mut command = Command::new(LOCKGATE);
    command.args(["-Ws", "-f", &cfg, "-p", &folder.path("pid")]).env("NOTIFY_SOCKET", folder.path("notify"));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let mut process = Foreground { child, errors };
    let mut word = [0; 64];
    let length = systemd.recv(&mut word).unwrap();
    assert_eq!(&word[..length], format!("READY=1\nMAINPID={}\n", process.child.id()).as_bytes());
    assert_eq!(folder.connect().and_then(ask).as_deref(), Some("one"));
    assert_eq!(folder.pid("pid"), i32::try_from(process.child.id()).unwrap());
    process.signal("TERM");
    let (status, said) = process.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("All workers exited"), "{said}");
}
