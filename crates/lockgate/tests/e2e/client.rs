//! Clients: curl, and raw sockets for what curl would never send.

use crate::authority::authority;
use crate::place::PATIENCE;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Field lines, names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|f| f.0 == name).map(|f| f.1.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Reads `head CRLF CRLF body`, passing over interim responses.
    pub fn parse(bytes: &[u8]) -> Answer {
        let at = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        let at = at.unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..at]).unwrap();
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        if status < 200 && status != 101 {
            return Answer::parse(&bytes[at + 4..]);
        }
        let field = |l: &str| l.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
        Answer { status, fields: lines.filter_map(field).collect(), body: bytes[at + 4..].to_vec() }
    }
}

/// Runs curl with the words of `words` and the test authority trusted; panics if curl fails.
pub fn curl(words: &str) -> Answer {
    let (code, output) = try_curl(words);
    assert_eq!(code, 0, "curl {words}: exit {code}: {}", String::from_utf8_lossy(&output));
    Answer::parse(&output)
}

/// The same, with curl's exit code. Words are parted by spaces; `~` stands for a space inside a word.
pub fn try_curl(words: &str) -> (i32, Vec<u8>) {
    let mut command = Command::new("curl");
    command.args(["-s", "-S", "-i", "--http1.1", "--max-time", "60", "--cacert"]).arg(authority().root());
    command.args(words.split_whitespace().map(|w| w.replace('~', " ")));
    let output = command.output().unwrap();
    let shown = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.code().unwrap(), shown)
}

/// A raw connection.
pub struct Raw(TcpStream);

impl Raw {
    pub fn connect(to: SocketAddr) -> Raw {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(stream)
    }

    /// Sends everything; a peer that closed early is no failure here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Raw {
        let _ = self.0.write_all(bytes.as_ref());
        self
    }

    /// No more will be sent.
    pub fn finish(&mut self) -> &mut Raw {
        let _ = self.0.shutdown(Shutdown::Write);
        self
    }

    /// Reads until `end` has been seen.
    pub fn read_until(&mut self, end: impl AsRef<[u8]>) -> Vec<u8> {
        let end = end.as_ref();
        let mut all = Vec::new();
        while !all.windows(end.len()).any(|w| w == end) {
            let read = self.read_some();
            assert!(!read.is_empty(), "closed before {:?}: {:?}", text(end), text(&all));
            all.extend(read);
        }
        all
    }

    /// Reads to the end, or to a reset.
    pub fn read_all(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let read = self.read_some();
            if read.is_empty() {
                return all;
            }
            all.extend(read);
        }
    }

    /// One read; nothing at the end.
    pub fn read_some(&mut self) -> Vec<u8> {
        let mut buf = vec![0; 65536];
        match self.0.read(&mut buf) {
            Ok(n) => buf[..n].to_vec(),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Vec::new(),
            Err(e) => panic!("nothing came: {e}"),
        }
    }
}

/// For messages.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One raw exchange on a connection of its own, read to the close.
pub fn exchange(to: SocketAddr, request: impl AsRef<[u8]>) -> Vec<u8> {
    Raw::connect(to).send(request).read_all()
}
