//! A server of our own for the time of an order: it answers challenge tokens over HTTP/1 and nothing else. Anybody may
//! connect to it, so it bounds how many do, how much they say and how long they take.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// An authority looks from a handful of places at once.
const MAX_CLIENTS: usize = 64;
/// A request for a token fits into a tenth of this.
const MAX_HEAD: usize = 8 * 1024;
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);
const PATH: &str = "/.well-known/acme-challenge/";

/// Runs until it is dropped.
pub(super) struct Standalone {
    shared: Arc<Shared>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<BTreeMap<String, String>>,
    clients: AtomicUsize,
    ended: AtomicBool,
}

impl Standalone {
    /// Listens on `address`, or on all where it is empty.
    pub(super) fn start(address: &str, port: u16) -> io::Result<Standalone> {
        let addresses: Vec<String> = match address {
            "" => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
            v6 if v6.contains(':') => vec![format!("[{v6}]:{port}")],
            v4 => vec![format!("{v4}:{port}")],
        };
        let shared = Arc::<Shared>::default();
        let (mut listeners, mut trouble) = (Vec::new(), None);
        for address in &addresses {
            // Where the first listens for both families, the second finds its port in use.
            match TcpListener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((at, listener)) => {
                    let shared = shared.clone();
                    let thread = std::thread::Builder::new().name("standalone".to_owned());
                    listeners.push((at, thread.spawn(move || accept(&listener, &shared))?));
                }
                Err(why) => trouble = Some(why),
            }
        }
        match (listeners.is_empty(), trouble) {
            (true, Some(why)) => Err(why),
            (true, None) | (false, _) => Ok(Standalone { shared, listeners }),
        }
    }

    /// Answers a token from now on.
    pub(super) fn post(&self, token: &str, content: &str) {
        self.answers().insert(token.to_owned(), content.to_owned());
    }

    /// Answers it no more.
    pub(super) fn withdraw(&self, token: &str) {
        self.answers().remove(token);
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        for (at, thread) in self.listeners.drain(..) {
            let mut here = at;
            if at.ip().is_unspecified() {
                here.set_ip(if at.is_ipv4() {
                    [127, 0, 0, 1].into()
                } else {
                    [0, 0, 0, 0, 0, 0, 0, 1].into()
                });
            }
            // A connection wakes it; where none can be made, its end is not waited for.
            if TcpStream::connect_timeout(&here, PATIENCE).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(client) = client else { continue };
        if shared.clients.fetch_add(1, Ordering::AcqRel) >= MAX_CLIENTS {
            shared.clients.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let shared = shared.clone();
        let thread = std::thread::Builder::new().name("standalone client".to_owned());
        let _ = thread.spawn(move || {
            // A client that goes away is its own affair.
            let _ = serve(client, &shared);
            shared.clients.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let head = head(&mut client)?;
    let answers = shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = token(&head).and_then(|token| answers.get(token)).cloned();
    drop(answers);
    let (status, body) = match answer {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", "no such token\n".to_owned()),
    };
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    client.shutdown(Shutdown::Write)
}

/// Bytes until an empty line.
fn head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let start = std::time::Instant::now();
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let length = client.read(&mut piece)?;
        head.extend_from_slice(piece.get(..length).unwrap_or_default());
        if length == 0 || head.len() > MAX_HEAD || start.elapsed() > PATIENCE {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

/// `GET /.well-known/acme-challenge/TOKEN HTTP/1.1`
fn token(head: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some("GET"), Some(path), Some(version)) if version.starts_with("HTTP/1.") => path.strip_prefix(PATH),
        (Some(_) | None, Some(_) | None, Some(_) | None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(at: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn tokens_are_answered_and_nothing_else() {
        let standalone = Standalone::start("127.0.0.1", 0).unwrap();
        let at = standalone.listeners[0].0;
        standalone.post("tok-en", "proof");
        let answer = ask(at, "GET /.well-known/acme-challenge/tok-en HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nproof"), "{answer}");
        for path in ["/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/other", "/etc/passwd"]
        {
            assert!(ask(at, &format!("GET {path} HTTP/1.1\r\n\r\n")).starts_with("HTTP/1.1 404"), "{path}");
        }
        assert_eq!(ask(at, &format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(2 * MAX_HEAD))), "");
        standalone.withdraw("tok-en");
        let again = ask(at, "GET /.well-known/acme-challenge/tok-en HTTP/1.1\r\n\r\n");
        assert!(again.starts_with("HTTP/1.1 404"));
        drop(standalone);
        assert!(TcpStream::connect(at).is_err());
    }
}
