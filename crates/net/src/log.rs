//! Where log lines go: UDP, a unix datagram socket, an inherited descriptor, a ring in memory. Nothing here ever
//! makes a request wait: what cannot be taken at once is dropped and counted.
//!
//! A [`LogSink`] is opened once at start and shared; each worker thread takes its own [`LogSocket`] from it. A line is
//! passed as it goes out, with its closing LF, which HAProxy sends to every kind of sink.

use crate::log_queue::Queue;
use crate::ring::Ring;
use base::addr::AbstractName;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where the lines of one sink go.
#[derive(Clone, Debug)]
pub enum LogAddr {
    /// Syslog over UDP (RFC 5426).
    Udp(SocketAddr),
    /// A unix datagram socket such as `/dev/log`. The path is looked up for each line, so that a syslog daemon may be
    /// restarted, or started after us.
    Unix(PathBuf),
    /// A datagram socket in Linux' abstract namespace
    Abstract(AbstractName),
    /// `stdout` (1), `stderr` (2) or `fd@N`.
    Fd(RawFd),
    /// `ring@NAME`
    Ring(Arc<Ring>),
}

/// A log destination of the whole process.
#[derive(Debug)]
pub struct LogSink {
    kind: Kind,
    counts: Arc<Counts>,
}

#[derive(Debug)]
enum Kind {
    Datagram(SockAddr),
    Queue(Queue),
}

/// What became of the lines of one sink.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

impl LogSink {
    /// Opens a sink; for a descriptor or a ring this starts the thread that writes. Open each address once: two sinks
    /// on one descriptor would mix their lines.
    pub fn open(addr: &LogAddr) -> io::Result<LogSink> {
        let counts = Arc::new(Counts::default());
        let kind = match addr {
            LogAddr::Udp(to) => Kind::Datagram(SockAddr::from(*to)),
            LogAddr::Unix(path) => Kind::Datagram(SockAddr::unix(path)?),
            LogAddr::Abstract(name) => Kind::Datagram(SockAddr::unix(crate::unix_path::abstract_name(name))?),
            LogAddr::Fd(number) => Kind::Queue(Queue::to_fd(*number, counts.clone())?),
            LogAddr::Ring(ring) => Kind::Queue(Queue::to_ring(ring.clone(), counts.clone())?),
        };
        Ok(LogSink { kind, counts })
    }

    /// One thread's way to the sink.
    pub fn socket(&self) -> io::Result<LogSocket> {
        let way = match &self.kind {
            Kind::Datagram(to) => Way::Datagram(datagram_socket(to)?, to.clone()),
            Kind::Queue(queue) => Way::Queue(queue.clone()),
        };
        Ok(LogSocket { way, counts: self.counts.clone() })
    }

    /// Lines handed to the system, or to the thread that writes them.
    pub fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::Relaxed)
    }

    /// Lines lost because the sink was absent, refused them or could not keep up.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was sent so far has been written, at most `limit`; for the end of the process. False when
    /// time ran out.
    pub fn flush(&self, limit: Duration) -> bool {
        match &self.kind {
            Kind::Datagram(_) => true,
            Kind::Queue(queue) => queue.flush(limit),
        }
    }
}

/// Any local address of the right family will do; the kernel picks it with the first line.
fn datagram_socket(to: &SockAddr) -> io::Result<Socket> {
    let domain = match to.as_socket() {
        Some(addr) => Domain::for_address(addr),
        None => Domain::UNIX,
    };
    Socket::new(domain, Type::DGRAM, None)
}

/// One thread's way to a [`LogSink`].
#[derive(Debug)]
pub struct LogSocket {
    way: Way,
    counts: Arc<Counts>,
}

#[derive(Debug)]
enum Way {
    Datagram(Socket, SockAddr),
    Queue(Queue),
}

impl LogSocket {
    /// Lines that its sink has lost, whoever sent them.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Sends one line, its LF included, without waiting.
    pub fn send(&self, line: &[u8]) {
        let taken = match &self.way {
            Way::Datagram(socket, to) => socket.send_to_with_flags(line, to, SEND_FLAGS).is_ok(),
            Way::Queue(queue) => queue.offer(line),
        };
        let count = if taken { &self.counts.sent } else { &self.counts.dropped };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// As [`LogSink::flush`].
    pub fn flush(&self, limit: Duration) -> bool {
        match &self.way {
            Way::Datagram(..) => true,
            Way::Queue(queue) => queue.flush(limit),
        }
    }
}

/// Never wait for room, never raise SIGPIPE.
const SEND_FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
