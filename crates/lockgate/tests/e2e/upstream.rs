//! A server that does what a test tells it, for behaviour that no decent server shows.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A listening server; each connection is given to the closure on a thread of its own. Threads end with the test's
/// process at the latest.
pub struct Upstream {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Upstream {
    /// `serve` gets each connection.
    pub fn start(serve: impl Fn(Peer) + Send + Sync + 'static) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (log, serve) = (received.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, serve) = (log.clone(), serve.clone());
                let number = {
                    let mut all = log.lock().unwrap();
                    all.push(Vec::new());
                    all.len() - 1
                };
                std::thread::spawn(move || serve(Peer { stream, log, number, ahead: Vec::new() }));
            }
        });
        Upstream { address, received }
    }

    /// Answers each request head with `response`, on and on.
    pub fn answering(response: &'static [u8]) -> Upstream {
        Upstream::start(move |mut peer| {
            while peer.read_head() {
                peer.send(response);
            }
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What each connection received.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }
}

/// One connection from the proxy.
pub struct Peer {
    stream: TcpStream,
    log: Arc<Mutex<Vec<Vec<u8>>>>,
    number: usize,
    /// What came with a head and is not of it.
    ahead: Vec<u8>,
}

impl Peer {
    /// What came behind the last head, else reads once and notes it; nothing at the end.
    pub fn read(&mut self) -> Vec<u8> {
        if !self.ahead.is_empty() {
            return std::mem::take(&mut self.ahead);
        }
        let mut buf = vec![0; 65536];
        let read = self.stream.read(&mut buf).unwrap_or(0);
        buf.truncate(read);
        self.log.lock().unwrap()[self.number].extend_from_slice(&buf);
        buf
    }

    /// Reads a head; `false` if the end came first.
    pub fn read_head(&mut self) -> bool {
        !self.read_message().is_empty()
    }

    /// Reads a head and shows it, and nothing behind it; empty at the end.
    pub fn read_message(&mut self) -> String {
        let mut all = Vec::new();
        loop {
            let read = self.read();
            if read.is_empty() {
                return String::new();
            }
            all.extend(read);
            if let Some(at) = all.windows(4).position(|w| w == b"\r\n\r\n") {
                self.ahead = all.split_off(at + 4);
                return String::from_utf8_lossy(&all).into_owned();
            }
        }
    }

    /// Reads to the end.
    pub fn read_all(&mut self) {
        while !self.read().is_empty() {}
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Says that no more comes, and goes on reading.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}
