//! `ring` sections: the last lines, kept in memory up to a size, and passed on over TCP to the ring's servers. Filled
//! by one thread of its own; whoever looks takes a copy.

use crate::log::Counts;
use crate::log_queue::{Queue, Writer};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// `size` where none is written, bytes; HAProxy's default.
pub const DEFAULT_SIZE: usize = 16 << 10;

/// `maxlen` where none is written, bytes; HAProxy's default.
pub const DEFAULT_MAXLEN: usize = 1024;

/// Every line costs this much beside its bytes, so that a ring of empty lines is bounded too.
const LINE_COST: usize = size_of::<Vec<u8>>();

/// How long a server may take to accept a connection or a batch before it counts as away.
const SERVER_PATIENCE: Duration = Duration::from_secs(3);

/// How long a server that was away is left alone; its lines are dropped meanwhile and counted.
const SERVER_REST: Duration = Duration::from_secs(1);

/// A bounded memory of log lines.
#[derive(Debug)]
pub struct Ring {
    name: String,
    size: usize,
    maxlen: usize,
    servers: Vec<SocketAddr>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines so far, those that are forgotten too.
    count: u64,
}

impl Ring {
    /// A ring of `size` bytes whose lines are cut at `maxlen` bytes; 0 asks for the default.
    pub fn new(name: &str, size: usize, maxlen: usize, servers: Vec<SocketAddr>) -> Arc<Ring> {
        let or = |n, default| if n == 0 { default } else { n };
        let (size, maxlen) = (or(size, DEFAULT_SIZE), or(maxlen, DEFAULT_MAXLEN));
        Arc::new(Ring { name: name.to_owned(), size, maxlen, servers, kept: Mutex::default() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A copy of what it holds, oldest first, each line with its LF.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        self.since(0).0
    }

    /// A copy of what it holds of the lines behind the first `count`, and how many there were so far.
    pub fn since(&self, count: u64) -> (Vec<Vec<u8>>, u64) {
        let kept = self.kept();
        let new = usize::try_from(kept.count.saturating_sub(count)).unwrap_or(usize::MAX);
        let known = kept.lines.len().saturating_sub(new);
        (kept.lines.iter().skip(known).cloned().collect(), kept.count)
    }

    /// What fills it; its servers get a queue and a thread each, so that none delays the others.
    pub(crate) fn writer(self: Arc<Ring>) -> io::Result<RingWriter> {
        let forward = |to: &SocketAddr| Queue::to_writer(Forwarder::new(*to), Arc::new(Counts::default()));
        let servers = self.servers.iter().map(forward).collect::<io::Result<_>>()?;
        Ok(RingWriter { ring: self, servers })
    }

    /// Keeps a line, which ends with its LF; its servers are passed only what its writer gets.
    pub fn keep(&self, line: &[u8]) {
        let line = cut(line, self.maxlen);
        let mut kept = self.kept();
        kept.bytes += line.len() + LINE_COST;
        kept.lines.push_back(line);
        kept.count += 1;
        while kept.bytes > self.size && kept.lines.len() > 1 {
            let oldest = kept.lines.pop_front().map_or(0, |l| l.len() + LINE_COST);
            kept.bytes -= oldest;
        }
    }

    /// A holder that panicked left at worst one line out: the lines are still good.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line cut to `maxlen` bytes, its LF kept.
fn cut(line: &[u8], maxlen: usize) -> Vec<u8> {
    if line.len() <= maxlen {
        return line.to_vec();
    }
    let mut short = line[..maxlen.saturating_sub(1)].to_vec();
    short.push(b'\n');
    short
}

/// The writing side of a ring.
pub(crate) struct RingWriter {
    ring: Arc<Ring>,
    servers: Vec<Queue>,
}

impl Writer for RingWriter {
    fn write(&mut self, batch: &[Vec<u8>]) -> Result<(), usize> {
        for line in batch {
            self.ring.keep(line);
            for server in &self.servers {
                // A server that is away loses the line; the ring itself has it.
                let _ = server.offer(line);
            }
        }
        Ok(())
    }
}

/// Passes lines to one server, each ended by its LF (RFC 6587 section 3.4.2).
struct Forwarder {
    to: SocketAddr,
    link: Option<TcpStream>,
    rest_until: Option<Instant>,
}

impl Forwarder {
    fn new(to: SocketAddr) -> Forwarder {
        Forwarder { to, link: None, rest_until: None }
    }

    fn link(&mut self) -> io::Result<&mut TcpStream> {
        if self.link.is_none() {
            let fresh = TcpStream::connect_timeout(&self.to, SERVER_PATIENCE)?;
            fresh.set_write_timeout(Some(SERVER_PATIENCE))?;
            self.link = Some(fresh);
        }
        self.link.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Writer for Forwarder {
    fn write(&mut self, batch: &[Vec<u8>]) -> Result<(), usize> {
        if self.rest_until.is_some_and(|t| Instant::now() < t) {
            return Err(batch.len());
        }
        let bytes = batch.concat();
        let sent = self.link().and_then(|link| link.write_all(&bytes));
        sent.map_err(|_| {
            self.link = None;
            self.rest_until = Some(Instant::now() + SERVER_REST);
            batch.len()
        })
    }
}
