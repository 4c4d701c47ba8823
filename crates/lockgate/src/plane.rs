//! The running data plane as the life of the process sees it.

use crate::console::Console;
use crate::states;
use ops::life::{DataPlane, Ending};
use ops::runtime::Runtime;
use ops::scheduler::Scheduler;
use ops::stapling::Stapler;
use proxy::Running;

/// A running data plane and where its news go.
pub(crate) struct Plane {
    running: Running,
    /// Takes no more clients once a soft stop is on: a successor does.
    api: Option<Runtime>,
    scheduler: Option<Scheduler>,
    stapler: Option<Stapler>,
    console: Console,
}

impl Plane {
    /// A data plane, the API by which it is steered, and who looks after its certificates.
    pub(crate) fn new(
        running: Running,
        api: Option<Runtime>,
        scheduler: Option<Scheduler>,
        stapler: Option<Stapler>,
        console: Console,
    ) -> Plane {
        Plane { running, api, scheduler, stapler, console }
    }

    /// The API by which it is steered.
    pub(crate) fn api(&self) -> Option<&Runtime> {
        self.api.as_ref()
    }

    /// The end, however it came about.
    pub(crate) fn end(self, ending: Ending) {
        drop((self.api, self.scheduler, self.stapler));
        match ending {
            Ending::Drained => warn(self.console, states::farewell(self.running.plan())),
            Ending::HardStop | Ending::Killed(_) => self.running.stop(),
        }
        // Its drop waits for the threads and for the last log lines.
        drop(self.running);
    }
}

fn warn(console: Console, lines: Vec<String>) {
    lines.iter().for_each(|line| console.warning(line));
}

impl DataPlane for Plane {
    fn soft_stop(&self) {
        if let Some(api) = &self.api {
            api.close();
        }
        if let Some(scheduler) = &self.scheduler {
            scheduler.close();
        }
        if let Some(stapler) = &self.stapler {
            stapler.close();
        }
        self.running.soft_stop();
    }

    async fn drained(&self) {
        self.running.ended().await;
    }

    fn dump(&self) {
        self.running.dump();
        warn(self.console, states::dump(self.running.plan()));
    }

    /// Only a master reloads.
    fn reload(&self) {}
}
