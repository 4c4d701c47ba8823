//! Memory of a connection at rest: what a proxy keeps for an HTTPS client that has had an answer and may come back.

use super::Bench;
use super::peers::{ANSWER, Field, HAPROXY, Proxy};
use super::table::{Figure, Row, Target};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tls::{CertStore, ServerSpec, ServerTls, Session, StoreSpec};

/// Connections held open.
const CONNECTIONS: usize = 1000;
/// Descriptors this process needs for them and for itself.
const DESCRIPTORS: u64 = 4096;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer understood, bytes.
const LONGEST: usize = 16 * 1024;
/// What a proxy does after an answer is done by then (tickets, timers of its pool).
const SETTLE: Duration = Duration::from_millis(500);

/// Resident KiB for each idle connection.
pub(super) fn rows(bench: &Bench) -> Result<Vec<Row>, String> {
    net::raise_fd_limit(DESCRIPTORS);
    let spec = ServerSpec { verify_none: true, ..ServerSpec::default() };
    let tls = ServerTls::new(&CertStore::new(StoreSpec::default()), &spec);
    let tls = tls.value.ok_or("the client's TLS cannot be set up")?;
    let field = Field::new(bench)?;
    let mut figures = Vec::new();
    for proxy in &field.proxies {
        let each = each(proxy, &tls).map_err(|why| format!("{}: {why}", proxy.name))?;
        figures.push(Figure::of(proxy.name, vec![each]));
    }
    Ok(vec![Row {
        work: "idle: resident memory of an HTTPS connection at rest",
        unit: "KiB",
        figures,
        targets: &[Target::Ratio(HAPROXY, 0.7)],
    }])
}

/// The first visitor makes the proxy allocate what it keeps for all; it is not counted.
fn each(proxy: &Proxy, tls: &ServerTls) -> Result<f64, String> {
    drop(Visitor::visits(proxy.https, tls)?);
    thread::sleep(SETTLE);
    let before = proxy.process.resident()?;
    let mut visitors = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        visitors.push(Visitor::visits(proxy.https, tls)?);
    }
    thread::sleep(SETTLE);
    let after = proxy.process.resident()?;
    for visitor in visitors.iter_mut().step_by(CONNECTIONS / 10) {
        visitor.asks().map_err(|why| format!("a connection did not outlive its rest: {why}"))?;
    }
    Ok((after - before) / CONNECTIONS as f64)
}

/// A client that stays.
struct Visitor {
    socket: TcpStream,
    session: Session,
    sealed: Vec<u8>,
}

impl Visitor {
    /// Connects, asks once and gets the origin's answer.
    fn visits(port: u16, tls: &ServerTls) -> Result<Visitor, String> {
        let socket = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        let session = Session::connect(tls, Some("localhost")).map_err(text)?;
        let mut visitor = Visitor { socket, session, sealed: Vec::new() };
        visitor.asks()?;
        Ok(visitor)
    }

    fn asks(&mut self) -> Result<(), String> {
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        let mut asked = false;
        while !plain.ends_with(ANSWER.as_bytes()) {
            let used = self.session.feed(&mut self.sealed, &mut plain, &mut out).map_err(text)?;
            self.sealed.drain(..used);
            if !asked && !self.session.is_handshaking() {
                let question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
                self.session.encrypt(question, &mut out).map_err(text)?;
                asked = true;
            }
            self.socket.write_all(&out).map_err(text)?;
            out.clear();
            if plain.len() > LONGEST {
                return Err("the answer is not the origin's".to_owned());
            }
            if !plain.ends_with(ANSWER.as_bytes()) {
                self.hears()?;
            }
        }
        Ok(())
    }

    fn hears(&mut self) -> Result<(), String> {
        let mut chunk = [0; 4096];
        match self.socket.read(&mut chunk).map_err(text)? {
            0 => Err("closed by the proxy".to_owned()),
            n => {
                self.sealed.extend_from_slice(chunk.get(..n).unwrap_or_default());
                Ok(())
            }
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
