//! A visitor: requests over real sockets and TLS, the certificate verified against the demo's authority.

use crate::console;
use base::reason;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use tls::{CertStore, ServerSpec, ServerTls, Session, StoreSpec};

/// A front door on the same machine answers within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer read, bytes.
const ANSWER: usize = 1 << 20;

/// Makes `visits` requests, each on a connection of its own, and prints who answered. Both servers must have.
pub(super) fn visit(port: u16, root: &Path, visits: usize) -> Result<(), String> {
    let spec = ServerSpec {
        ca_file: Some(root.to_string_lossy().into_owned()),
        verifyhost: Some("localhost".to_owned()),
        ..ServerSpec::default()
    };
    let built = ServerTls::new(&CertStore::new(StoreSpec::default()), &spec);
    let tls = built.value.ok_or("its own authority cannot be used")?;
    let mut seen = Vec::new();
    for number in 1..=visits {
        let answer = request(port, &tls).map_err(|why| format!("request {number} failed: {why}"))?;
        let served_by = answer
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase().strip_prefix("x-served-by:").map(|v| v.trim().to_uppercase())
            })
            .ok_or_else(|| {
                format!("request {number} was answered with: {}", answer.lines().next().unwrap_or(""))
            })?;
        console::out(&format!("request {number}: server {served_by}\n"));
        seen.push(served_by);
    }
    match ["A", "B"].into_iter().find(|name| !seen.iter().any(|s| s == name)) {
        Some(missing) => Err(format!("server {missing} answered none of {visits} requests")),
        None => Ok(()),
    }
}

fn request(port: u16, tls: &ServerTls) -> Result<String, String> {
    let text = |e: std::io::Error| reason(&e);
    let mut socket = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let mut session = Session::connect(tls, Some("localhost")).map_err(|e| e.to_string())?;
    let (mut sealed, mut plain, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut asked = false;
    let mut chunk = [0; 16 * 1024];
    loop {
        let used = session.feed(&mut sealed, &mut plain, &mut out).map_err(|e| e.to_string())?;
        sealed.drain(..used);
        if !asked && !session.is_handshaking() {
            let question = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            session.encrypt(question, &mut out).map_err(|e| e.to_string())?;
            asked = true;
        }
        socket.write_all(&out).map_err(text)?;
        out.clear();
        if session.peer_closed() || plain.len() > ANSWER {
            break;
        }
        let n = socket.read(&mut chunk).map_err(text)?;
        if n == 0 {
            break;
        }
        sealed.extend_from_slice(&chunk[..n]);
    }
    Ok(String::from_utf8_lossy(&plain).into_owned())
}
