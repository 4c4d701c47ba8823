//! Accepting connections on one thread. One system call a connection: what a connection needs set, it inherits from
//! its listener.

use crate::addr::Addr;
use crate::listen::DEFAULT_BACKLOG;
use crate::stream::Stream;
use base::reason;
use rustix::io::Errno;
use socket2::SockRef;
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// How long accepting rests when the process or the system is out of descriptors or memory. The listener stays
/// readable all the while, so without a rest it would spin; a tenth of a second lets others close what they have.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// A listener tied to the runtime of its thread.
#[derive(Debug)]
pub enum Listener {
    /// TCP
    Tcp(TcpListener),
    /// A unix stream socket
    Unix(UnixListener),
}

/// Why no connection came out of [`Listener::accept`].
#[derive(Debug)]
pub enum AcceptError {
    /// Out of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM). [`ACCEPT_BACKOFF`] has passed already: call
    /// again, and tell the operator once.
    Exhausted(io::Error),
    /// The listener itself is of no more use.
    Broken(io::Error),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Exhausted(e) => write!(f, "cannot accept connections for now: {}", reason(e)),
            AcceptError::Broken(e) => write!(f, "cannot accept connections: {}", reason(e)),
        }
    }
}

impl std::error::Error for AcceptError {}

impl Listener {
    /// The next connection and who made it. Connections that died while waiting are skipped.
    pub async fn accept(&self) -> Result<(Stream, Addr), AcceptError> {
        loop {
            match std::future::poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(accepted) => return Ok(accepted),
                Err(e) => match Trouble::of(&e) {
                    Trouble::ThisConnection => {}
                    Trouble::Exhausted => {
                        tokio::time::sleep(ACCEPT_BACKOFF).await;
                        return Err(AcceptError::Exhausted(e));
                    }
                    Trouble::Listener => return Err(AcceptError::Broken(e)),
                },
            }
        }
    }

    /// One attempt, without back-off and with the system's own errors: for draining what waits before a listener is
    /// closed.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Addr)>> {
        match self {
            Listener::Tcp(l) => l.poll_accept(cx).map_ok(|(s, peer)| (Stream::Tcp(s), Addr::from(peer))),
            Listener::Unix(l) => l.poll_accept(cx).map_ok(|(s, _)| (Stream::Unix(s), Addr::Unix)),
        }
    }

    /// Refuses connections from now on, those that wait too, and keeps the address. A unix socket lets them wait.
    /// Accepting fails from then on.
    pub fn pause(&self) -> io::Result<()> {
        match self {
            Listener::Tcp(l) => SockRef::from(l).shutdown(Shutdown::Read),
            Listener::Unix(_) => Ok(()),
        }
    }

    /// Ends [`Listener::pause`]; does no harm to one that listens.
    pub fn resume(&self, backlog: Option<u32>) -> io::Result<()> {
        let backlog = i32::try_from(backlog.unwrap_or(DEFAULT_BACKLOG)).unwrap_or(i32::MAX);
        match self {
            Listener::Tcp(l) => SockRef::from(l).listen(backlog),
            Listener::Unix(_) => Ok(()),
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<Addr> {
        match self {
            Listener::Tcp(l) => l.local_addr().map(Addr::from),
            Listener::Unix(_) => Ok(Addr::Unix),
        }
    }
}

/// What an error of accept(2) is about.
enum Trouble {
    ThisConnection,
    Exhausted,
    Listener,
}

impl Trouble {
    /// accept(2): network errors that are already pending on the new connection are reported by accept itself.
    fn of(error: &io::Error) -> Trouble {
        match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Trouble::Exhausted,
            Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP | Errno::FAULT) => {
                Trouble::Listener
            }
            Some(_) | None => Trouble::ThisConnection,
        }
    }
}
