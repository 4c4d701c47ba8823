//! `mode tcp` chooses a backend by a ClientHello that nobody answers here: what was waited for in `tcp-request content`
//! must still be seen by `use_backend`, and reach the server whole.
#![allow(clippy::unwrap_used)] // a failed set-up is a failed test

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    child: Child,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    fn start(name: &str, rules: &str) -> Running {
        let folder = std::env::temp_dir().join(format!("lockgate-through-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = |file: &str| folder.join(file).to_string_lossy().into_owned();
        for server in ["a", "b"] {
            echo(&folder.join(server), server);
        }
        let config = format!(
            "defaults\n mode tcp\n timeout client 20s\n timeout server 20s\n timeout connect 5s\nfrontend f\n \
             bind unix@{}\n{rules}\n default_backend b\nbackend a\n server s unix@{}\nbackend b\n server s unix@{}\n",
            at("front"),
            at("a"),
            at("b")
        );
        std::fs::write(folder.join("cfg"), config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_lockgate"))
            .args(["-db", "-f", &at("cfg")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running { child: child.unwrap(), folder }
    }

    fn connect(&self) -> UnixStream {
        let begun = Instant::now();
        loop {
            match UnixStream::connect(self.folder.join("front")) {
                Ok(stream) => return stream,
                Err(e) => assert!(begun.elapsed() < PATIENCE, "not listening: {e}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends the parts one by one and returns what comes back until the end.
    fn exchange(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for part in parts {
            stream.write_all(part).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

/// A server that says its name and then everything it was sent.
fn echo(path: &Path, name: &'static str) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut all = name.as_bytes().to_vec();
            if stream.read_to_end(&mut all).is_ok() {
                let _ = stream.write_all(&all);
            }
        }
    });
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// A ClientHello that names a host, in one record.
fn client_hello(host: &str) -> Vec<u8> {
    let names = vector16(&[&[0], &vector16(host.as_bytes())[..]].concat());
    let extension = [&[0, 0][..], &vector16(&names)].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &vector16(&[0x13, 1]), &[1, 0], &vector16(&extension)].concat();
    let message = [&[1, 0], &vector16(&body)[..]].concat();
    [&[22, 3, 1], &vector16(&message)[..]].concat()
}

const BY_NAME: &str = " tcp-request inspect-delay 20s\n tcp-request content accept if { req.ssl_hello_type 1 }\n \
                       use_backend a if { req.ssl_sni -i a.example }";

#[test]
fn the_name_in_a_client_hello_chooses_the_backend() {
    let running = Running::start("sni", BY_NAME);
    for (host, server) in [("a.example", "a"), ("A.Example", "a"), ("other.example", "b")] {
        let hello = client_hello(host);
        let (first, second) = hello.split_at(20);
        let expected = [server.as_bytes(), &hello].concat();
        assert_eq!(running.exchange(&[first, second]), expected, "{host}");
    }
}

#[test]
fn what_is_no_client_hello_goes_to_the_default() {
    let running = Running::start("plain", &BY_NAME.replace("20s", "50ms"));
    assert_eq!(running.exchange(&[b"hello there"]), b"bhello there");
}
