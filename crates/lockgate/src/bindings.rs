//! Everything that is listened on, first bound and then served: between the two is the moment to give up rights.

use crate::console::Console;
use crate::start::Failed;
use crate::{issuing, version};
use certs::ocsp::Responders;
use certs::schedule::Work;
use net::Inherited;
use ops::runtime::{self, Process, Runtime};
use ops::scheduler::Scheduler;
use ops::stapling::Stapler;
use ops::worker::Elsewhere;
use proxy::plan::Plan;
use proxy::{Running, StartError};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What serves.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) api: Option<Runtime>,
    pub(crate) process: Arc<Process>,
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) stapler: Option<Stapler>,
}

/// Looks after certificates, where there are any to look after.
pub(crate) fn start_scheduler(
    plan: &Arc<Plan>,
    work: Work,
    console: Console,
) -> Result<Option<Scheduler>, Failed> {
    if work.is_empty() {
        return Ok(None);
    }
    let started = Scheduler::here(plan.clone(), work, issuing::tell(plan, console));
    started.map(Some).map_err(|e| Failed::at("Cannot start the thread of the certificates")(&e))
}

/// Everything that is listened on, and nobody is served yet: the moment to give up rights.
pub(crate) struct Bindings {
    pub(crate) plan: Arc<Plan>,
    api: runtime::Bound,
    plane: proxy::Ready,
}

impl Bindings {
    /// Binds all of it, with what a predecessor handed over where it fits. All that cannot be bound is told of at once.
    pub(crate) fn make(plan: Arc<Plan>, mut inherited: Inherited) -> Result<Bindings, Failed> {
        let api = runtime::bind(&plan.process.stats, &mut inherited).map_err(StartError::Bind);
        let plane = proxy::Ready::bind(plan.clone(), &mut inherited);
        match (api, plane) {
            (Ok(api), Ok(plane)) => Ok(Bindings { plan, api, plane }),
            (api, plane) => {
                let told = [api.err(), plane.err()].into_iter().flatten().map(|e| e.to_string());
                Err(Failed(told.collect::<Vec<_>>().join("\n")))
            }
        }
    }

    /// Descriptors of all of it.
    pub(crate) fn share(&self) -> Result<Vec<OwnedFd>, Failed> {
        let (api, plane) = (self.api.share(), self.plane.share());
        let both = api.and_then(|api| Ok([api, plane?].into_iter().flatten().collect()));
        both.map_err(|e| Failed::at("Cannot share the listening sockets")(&e))
    }

    /// Serves. The runtime API runs where there is a way to it: a 'stats socket', a master, a statistics page.
    pub(crate) fn run(
        self,
        startup_log: String,
        elsewhere: Option<Elsewhere>,
        responders: Responders,
        schedule: impl FnOnce(&Arc<Plan>) -> Result<Option<Scheduler>, Failed>,
    ) -> Result<Served, Failed> {
        let exposed = if self.api.exposes() { self.share()? } else { Vec::new() };
        let running = self.plane.run().map_err(|e| Failed(e.to_string()))?;
        let scheduler = schedule(&self.plan)?;
        let process = Process::new(self.plan, running.workers().clone(), version::product(), startup_log);
        let has_master = elsewhere.is_some();
        let process =
            process.with_scheduler(scheduler.as_ref().map(Scheduler::handle)).with_elsewhere(elsewhere);
        let process = process.with_responders(responders);
        process.expose(exposed);
        let process = Arc::new(process);
        let stapler = Stapler::start(process.stapling.clone())
            .map_err(|e| Failed::at("Cannot start the thread of OCSP")(&e))?;
        if self.api.is_empty() && !has_master && !running.plan().has_statistics() {
            return Ok(Served { running, api: None, process, scheduler, stapler });
        }
        let api = Runtime::start(self.api, process.clone())
            .map_err(|e| Failed::at("Cannot start the thread of the runtime API")(&e))?;
        Ok(Served { running, api: Some(api), process, scheduler, stapler })
    }
}
