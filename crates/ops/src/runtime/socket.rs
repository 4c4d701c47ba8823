//! The sockets of the runtime API: bound with the process's first rights, served with what is left of them. No more
//! than `stats maxconn` sessions at a time; others wait in the system's backlog.

use super::Process;
use super::session::{Rights, serve};
use net::{AcceptError, BindError, BoundListener, Inherited, Listener};
use proxy::clock::now_us;
use proxy::stats_socket::{StatsSocket, StatsSockets};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Sockets that listen and are not served yet.
pub struct Bound {
    sockets: Vec<(StatsSocket, BoundListener)>,
    timeout: Duration,
    maxconn: usize,
}

/// Binds all of them. A socket that another process still listens on is refused, one that a dead process left is
/// replaced, one that was handed over is taken.
pub fn bind(stats: &StatsSockets, inherited: &mut Inherited) -> Result<Bound, BindError> {
    let mut sockets = Vec::new();
    for socket in &stats.sockets {
        let bound = net::bind(&socket.addr, &socket.options, 1, inherited)?;
        sockets.extend(bound.into_iter().map(|listener| (socket.clone(), listener)));
    }
    Ok(Bound { sockets, timeout: stats.timeout, maxconn: stats.maxconn })
}

impl Bound {
    /// Whether there is anything to serve.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Serves until dropped.
    pub(super) async fn serve(self, process: Arc<Process>) {
        let places = Arc::new(Semaphore::new(self.maxconn.min(Semaphore::MAX_PERMITS)));
        for (socket, bound) in self.sockets {
            let rights = Rights { level: socket.level, severity: socket.severity, timeout: self.timeout };
            match bound.into_tokio() {
                Ok(listener) => {
                    tokio::task::spawn_local(accept(listener, rights, process.clone(), places.clone()));
                }
                Err(e) => note(&process, &format!("stats socket {}: {e}", socket.addr)),
            }
        }
        std::future::pending().await
    }
}

async fn accept(listener: Listener, rights: Rights, process: Arc<Process>, places: Arc<Semaphore>) {
    // Never closed: the wait ends with a place.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let process = process.clone();
                tokio::task::spawn_local(async move {
                    serve(stream, process, rights).await;
                    drop(place);
                });
            }
            Err(AcceptError::Exhausted(e)) => note(&process, &format!("stats socket: {e}")),
            Err(AcceptError::Broken(e)) => return note(&process, &format!("stats socket: {e}")),
        }
    }
}

/// Told to the first proxy's log, which is where operators look.
fn note(process: &Process, text: &str) {
    if let Some(front) = process.plan.frontends.first() {
        front.log.notice(text, 4, now_us());
    }
}
