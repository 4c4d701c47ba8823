//! The thread on which certificates are obtained and renewed: in the process that serves, or, under a master, in the
//! keeper. It shares nothing with the threads that serve but the hatch.

use crate::demand::{Obtainer, forward};
use crate::worker::{Elsewhere, session};
use certs::hatch::{Hatch, Here, OverSocket, Wire};
use certs::schedule::{self, Handle, Tell, Work};
use proxy::certificates;
use proxy::plan::Plan;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use tls::Demand;
use tokio::sync::watch;

/// A running scheduler; ends when dropped, and what it was doing is taken up by the next start.
pub struct Scheduler {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    handle: Handle,
}

impl Scheduler {
    /// Starts it for what this process runs.
    pub fn here(plan: Arc<Plan>, work: Work, tell: Tell) -> io::Result<Scheduler> {
        let demand = plan.certs.demand().clone();
        Scheduler::start(work, tell, Some(demand), move || {
            let store = plan.certs.clone();
            let served = plan.clone();
            let refresh = move |file: &Path| certificates::refresh_file(&plan, file);
            Rc::new(Here::new(store, refresh, move |file| served.process.events.new_certificate(file)))
        })
    }

    /// Starts it for a worker in another process, which cannot read what is obtained and is sent it.
    pub fn elsewhere(worker: Elsewhere, work: Work, tell: Tell) -> io::Result<Scheduler> {
        Scheduler::start(work, tell, None, move || {
            let hatch = OverSocket::by("the worker".to_owned(), move || {
                let worker = worker.clone();
                Box::pin(async move {
                    let stream = tokio::net::UnixStream::from_std(session(&worker).await?)?;
                    Ok(Box::new(stream) as Box<dyn Wire>)
                })
            });
            Rc::new(hatch)
        })
    }

    fn start(
        work: Work,
        tell: Tell,
        demand: Option<Arc<Demand>>,
        hatch: impl FnOnce() -> Rc<dyn Hatch> + Send + 'static,
    ) -> io::Result<Scheduler> {
        let (stop, mut stopped) = watch::channel(false);
        let (handle, inbox) = schedule::channel(&work);
        let obtainer = Obtainer::Here(handle.clone());
        let thread = std::thread::Builder::new().name("certificates".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                if let Some(demand) = demand {
                    tokio::task::spawn_local(forward(demand, obtainer));
                }
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = schedule::run(work, hatch(), tell, inbox) => {}
                }
            });
        })?;
        Ok(Scheduler { stop, thread: Some(thread), handle })
    }

    /// Begins nothing more: a successor looks after the certificates.
    pub fn close(&self) {
        self.stop.send_replace(true);
    }

    /// The way to it, for operators.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
