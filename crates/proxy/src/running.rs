//! The data plane as a whole: bound, then running, then ended. Starting binds every address before anything runs, so
//! that a taken port stops the start and not half of it.

use crate::clock::now_us;
use crate::listening::{self, Bindings, Bound, StartError};
use crate::plan::Plan;
use crate::worker::thread_main;
use crate::workers::{Order, Workers};
use net::{Addr, Inherited};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// The running data plane.
pub struct Running {
    plan: Arc<Plan>,
    workers: Workers,
    threads: Vec<JoinHandle<()>>,
    ended: watch::Receiver<usize>,
    addresses: Vec<(Box<str>, Addr)>,
    control: Option<crate::control::Control>,
}

/// A data plane that has bound its addresses and serves nobody yet: the moment to give up rights.
pub struct Ready {
    plan: Arc<Plan>,
    shares: Vec<Vec<Bound>>,
    addresses: Vec<(Box<str>, Addr)>,
}

impl Ready {
    /// Binds everything, with what a predecessor handed over where it fits.
    pub fn bind(plan: Arc<Plan>, inherited: &mut Inherited) -> Result<Ready, StartError> {
        let Bindings { shares, addresses } = listening::bind(&plan, inherited)?;
        Ok(Ready { plan, shares, addresses })
    }

    /// Descriptors of all listeners, for a process that is to go on with them.
    pub fn share(&self) -> io::Result<Vec<OwnedFd>> {
        self.shares.iter().flatten().map(|(_, _, bound)| bound.share()).collect()
    }

    /// Starts the threads.
    pub fn run(self) -> Result<Running, StartError> {
        let Ready { plan, shares, addresses } = self;
        let (ended_tx, ended) = watch::channel(shares.len());
        let ended_tx = Arc::new(ended_tx);
        let mut running = Running {
            plan: plan.clone(),
            workers: Workers::default(),
            threads: Vec::new(),
            ended,
            addresses,
            control: None,
        };
        for (index, share) in shares.into_iter().enumerate() {
            let inbox = running.workers.enlist();
            let (plan, ended) = (plan.clone(), ended_tx.clone());
            let thread = std::thread::Builder::new()
                .name(format!("worker-{}", index + 1))
                .spawn(move || {
                    thread_main(index, plan, share, inbox);
                    ended.send_modify(|left| *left = left.saturating_sub(1));
                })
                .map_err(StartError::Thread)?;
            running.threads.push(thread);
        }
        let workers = running.workers.clone();
        running.control = Some(crate::control::Control::start(plan, workers).map_err(StartError::Thread)?);
        Ok(running)
    }
}

impl Running {
    /// Binds everything, then starts the threads.
    pub fn start(plan: Arc<Plan>) -> Result<Running, StartError> {
        Ready::bind(plan, &mut Inherited::none())?.run()
    }

    /// What runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The addresses listened on, with their frontends; port 0 resolved.
    pub fn addresses(&self) -> &[(Box<str>, Addr)] {
        &self.addresses
    }

    /// Takes nothing new and lets what is open finish.
    pub fn soft_stop(&self) {
        self.workers.tell(|| Order::SoftStop);
    }

    /// Says in the log how each backend's servers stand (SIGHUP).
    pub fn dump(&self) {
        for back in &self.plan.backends {
            for server in back.balance.servers().iter() {
                let text = format!(
                    "SIGHUP: Server {}/{} is {:?}. Conn: {} act, {} pend, {} tot.",
                    back.name,
                    server.facts.name,
                    server.status(),
                    server.sessions(),
                    server.queued(),
                    server.sessions_total()
                );
                back.log.notice(&text, 5, now_us());
            }
        }
    }

    /// Ends everything at once.
    pub fn stop(&self) {
        self.workers.tell(|| Order::Stop);
    }

    /// The way to the worker threads, for those that steer them.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Waits until all threads have ended.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender lives in the threads: its end is theirs.
        let _ = ended.wait_for(|left| *left == 0).await;
    }
}

/// At the end, log lines that wait for their writer get this long.
const LOG_FLUSH: Duration = Duration::from_secs(1);

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            // A panic of a worker was reported when it happened.
            let _ = thread.join();
        }
        drop(self.control.take());
        self.plan.log_sockets.iter().for_each(|socket| _ = socket.flush(LOG_FLUSH));
        self.plan.process.terminal.flush(LOG_FLUSH);
    }
}
