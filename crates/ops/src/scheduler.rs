//! The thread on which certificates are obtained and renewed, in a process without a master. It shares nothing with the
//! threads that serve but the hatch.

use certs::hatch::Here;
use certs::schedule::{self, Handle, Job, Tell};
use proxy::certificates;
use proxy::plan::Plan;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// A running scheduler; ends when dropped, and what it was doing is taken up by the next start.
pub struct Scheduler {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    handle: Handle,
}

impl Scheduler {
    /// Starts it for what runs.
    pub fn start(plan: Arc<Plan>, jobs: Vec<Job>, tell: Tell) -> io::Result<Scheduler> {
        let (stop, mut stopped) = watch::channel(false);
        let (handle, inbox) = schedule::channel(&jobs);
        let thread = std::thread::Builder::new().name("certificates".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            let Ok(runtime) = runtime else { return };
            let published = plan.clone();
            let here = Here::new(plan.certs.clone(), move || {
                certificates::refresh(&published);
            });
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = schedule::run(jobs, Rc::new(here), tell, inbox) => {}
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
