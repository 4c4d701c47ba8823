//! Accepts connections for one listener of a thread, as far as the limits allow. What is over a limit waits in the
//! system's backlog and is not refused.

use super::Worker;
use crate::clock::now_us;
use crate::limit::Limit;
use crate::plan::{Frontend, Listener};
use crate::session::{self, Counted};
use crate::tally::Pace;
use net::Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Connections that are still taken from a listener's queue once a soft stop is on; then it is closed. As many as wait
/// in a usual backlog: where a successor shares the queue, the rest is its.
const LAST_ACCEPTS: usize = net::listen::DEFAULT_BACKLOG as usize;
/// While a limit keeps us from accepting, it is looked at this often.
const LIMIT_POLL: Duration = Duration::from_millis(5);

/// Accepts connections for one listener, until a soft stop finds nobody waiting.
pub async fn accept(
    worker: Rc<Worker>,
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    socket: Rc<net::Listener>,
) {
    let (mut in_a_row, mut last) = (0, 0);
    loop {
        while full(&worker, &front, &listener) {
            tokio::time::sleep(LIMIT_POLL).await;
        }
        match next_or_leave(&worker, &socket).await {
            Some(Ok((stream, peer))) => {
                let counted = Counted::new(&worker, &front, &listener);
                tokio::task::spawn_local(session::run(counted, stream, peer));
            }
            Some(Err(net::AcceptError::Exhausted(error))) => {
                front.log.notice(&format!("Proxy {}: {error}", front.name), 2, now_us());
            }
            Some(Err(net::AcceptError::Broken(error))) => {
                front.log.notice(&format!("Proxy {}: {error}", front.name), 2, now_us());
                return;
            }
            None => return,
        }
        last += usize::from(worker.stopping());
        if last > LAST_ACCEPTS {
            return;
        }
        in_a_row += 1;
        if in_a_row >= worker.plan.process.accept_batch {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// The next connection; `None` where a soft stop is on and nobody waits.
async fn next_or_leave(
    worker: &Worker,
    socket: &net::Listener,
) -> Option<Result<(net::Stream, Addr), net::AcceptError>> {
    tokio::select! {
        biased;
        accepted = socket.accept() => Some(accepted),
        () = leave(worker) => None,
    }
}

async fn leave(worker: &Worker) {
    if !worker.stopping() {
        worker.leave.notified().await;
    }
    // Who waits is known once the system was asked, which it is before this goes on.
    tokio::task::yield_now().await;
}

/// Whether a limit keeps us from accepting; what waits stays in the system's backlog.
fn full(worker: &Worker, front: &Frontend, listener: &Listener) -> bool {
    worker.plan.process.connections.now() >= worker.plan.process.maxconn.now()
        || front.connections.now() >= front.maxconn.now()
        || listener.maxconn.is_some_and(|most| listener.connections.now() >= most)
        || front
            .rate_limit
            .is_some_and(|most| front.tally.per_second(Pace::Sessions, worker.now_ms()) >= most)
        || too_fast(worker, listener)
}

/// Whether the process's limits of new connections a second keep us from accepting. The clock is looked at, for nothing
/// else moves it while nothing arrives.
fn too_fast(worker: &Worker, listener: &Listener) -> bool {
    let rates = &worker.plan.process.rates;
    let over = |limit: &Limit, pace| {
        let most = limit.now();
        most > 0 && {
            worker.tick();
            worker.plan.per_second(pace, worker.now_ms()) >= most
        }
    };
    over(&rates.connections, Pace::Connections)
        || over(&rates.sessions, Pace::Sessions)
        || listener.tls.is_some() && over(&rates.tls, Pace::Tls)
}
