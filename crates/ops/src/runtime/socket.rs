//! The sockets of the runtime API: bound with the process's first rights, served with what is left of them. No more
//! than `stats maxconn` sessions at a time; others wait in the system's backlog.

use super::session::{Rights, serve};
use super::{Order, Process};
use base::reason;
use net::{AcceptError, BoundListener, Inherited, Listener};
use proxy::Unbound;
use proxy::clock::now_us;
use proxy::link::Link;
use proxy::stats_socket::{CliLevel, DEFAULT_TIMEOUT, SeverityOutput, StatsSocket, StatsSockets};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use tls::BindTls;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Sockets that listen and are not served yet.
pub struct Bound {
    sockets: Vec<(StatsSocket, BoundListener)>,
    timeout: Duration,
    maxconn: usize,
}

/// Binds all of them, or tells of each that cannot be. A socket that another process still listens on is refused, one that
/// a dead process left is replaced, one that was handed over is taken.
pub fn bind(stats: &StatsSockets, inherited: &mut Inherited) -> Result<Bound, Vec<Unbound>> {
    let (mut sockets, mut unbound) = (Vec::new(), Vec::new());
    for socket in &stats.sockets {
        match net::bind(&socket.addr, &socket.options, 1, inherited) {
            Ok(bound) => sockets.extend(bound.into_iter().map(|listener| (socket.clone(), listener))),
            Err(error) => {
                unbound.push(Unbound { frontend: "GLOBAL".into(), place: socket.place.clone(), error })
            }
        }
    }
    if !unbound.is_empty() {
        return Err(unbound);
    }
    Ok(Bound { sockets, timeout: stats.timeout, maxconn: stats.maxconn })
}

impl Bound {
    /// No socket at all: for a process whose clients come through its master.
    pub fn nothing() -> Bound {
        Bound { sockets: Vec::new(), timeout: DEFAULT_TIMEOUT, maxconn: 0 }
    }

    /// Whether there is anything to serve.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Whether a successor may ask for the listening sockets (`expose-fd listeners`).
    pub fn exposes(&self) -> bool {
        self.sockets.iter().any(|(socket, _)| socket.exposes)
    }

    /// Descriptors of all of them, for a process that is to go on with them.
    pub fn share(&self) -> io::Result<Vec<OwnedFd>> {
        self.sockets.iter().map(|(_, bound)| bound.share()).collect()
    }

    /// Serves until there is nobody left to give an order.
    pub(super) async fn serve(self, process: Arc<Process>, mut orders: mpsc::UnboundedReceiver<Order>) {
        let timeout = self.timeout;
        let mut accepting = self.accept_all(&process);
        while let Some(order) = orders.recv().await {
            match order {
                Order::Serve(client, level) => serve_master(client, level, timeout, &process),
                Order::Close => {
                    accepting.drain(..).for_each(|task| task.abort());
                    process.expose(Vec::new());
                }
            }
        }
    }

    fn accept_all(self, process: &Arc<Process>) -> Vec<JoinHandle<()>> {
        let places = Arc::new(Semaphore::new(self.maxconn.min(Semaphore::MAX_PERMITS)));
        let mut accepting = Vec::new();
        for (socket, bound) in self.sockets {
            let rights = Rights {
                level: socket.level,
                severity: socket.severity,
                timeout: self.timeout,
                exposes: socket.exposes,
            };
            match bound.into_tokio() {
                Ok(listener) => {
                    let (at, each, tls) = (process.clone(), process.clone(), socket.tls);
                    let serve = move |stream| serve(link(stream, tls.as_ref()), each.clone(), rights);
                    let accept = accept(listener, places.clone(), serve, move |e| note(&at, &e));
                    accepting.push(tokio::task::spawn_local(accept));
                }
                Err(e) => note(process, &format!("stats socket {}: {}", socket.addr, reason(&e))),
            }
        }
        accepting
    }

    /// Serves each client by `serve`, in the runtime of the calling thread, for as long as that runs.
    pub(crate) fn accept_each<F: Future<Output = ()> + 'static>(
        self,
        serve: impl Fn(Client) -> F + Clone + 'static,
    ) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(self.maxconn.min(Semaphore::MAX_PERMITS)));
        for (socket, bound) in self.sockets {
            let (level, serve) = (socket.level, serve.clone());
            let serve = move |stream| serve(Client { stream, level });
            tokio::task::spawn_local(accept(bound.into_tokio()?, places.clone(), serve, |_| {}));
        }
        Ok(())
    }
}

/// Somebody who has connected, and what it may do.
pub(crate) struct Client {
    /// The connection.
    pub(crate) stream: net::Stream,
    /// `level` of the socket.
    pub(crate) level: CliLevel,
}

fn link(stream: net::Stream, tls: Option<&Arc<BindTls>>) -> Link {
    let mut link = Link::new(stream);
    if let Some(tls) = tls {
        link.start_tls(tls::Session::accept(tls.clone()));
    }
    link
}

fn serve_master(client: UnixStream, level: CliLevel, timeout: Duration, process: &Arc<Process>) {
    let rights = Rights { level, severity: SeverityOutput::None, timeout, exposes: false };
    match tokio::net::UnixStream::from_std(client) {
        Ok(stream) => {
            tokio::task::spawn_local(serve(Link::new(net::Stream::Unix(stream)), process.clone(), rights));
        }
        Err(e) => note(process, &format!("master socket: {}", reason(&e))),
    }
}

async fn accept<F: Future<Output = ()> + 'static>(
    listener: Listener,
    places: Arc<Semaphore>,
    serve: impl Fn(net::Stream) -> F,
    note: impl Fn(String),
) {
    // Never closed: the wait ends with a place.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let session = serve(stream);
                tokio::task::spawn_local(async move {
                    session.await;
                    drop(place);
                });
            }
            Err(AcceptError::Exhausted(e)) => note(format!("stats socket: {}", reason(&e))),
            Err(AcceptError::Broken(e)) => return note(format!("stats socket: {}", reason(&e))),
        }
    }
}

/// Told to the first proxy's log, which is where operators look.
fn note(process: &Process, text: &str) {
    if let Some(front) = process.plan.frontends.first() {
        front.log.notice(text, 4, now_us());
    }
}
