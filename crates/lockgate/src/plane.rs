//! The running data plane as the life of the process sees it.

use crate::console::Console;
use crate::states;
use ops::life::{DataPlane, Ending};
use proxy::Running;

/// A running data plane and where its news go.
pub(crate) struct Plane {
    running: Running,
    console: Console,
    master_worker: bool,
}

impl Plane {
    /// `master_worker`: `-W` was given, so that SIGUSR2 is expected to do something.
    pub(crate) fn new(running: Running, console: Console, master_worker: bool) -> Plane {
        Plane { running, console, master_worker }
    }

    /// The end, however it came about.
    pub(crate) fn end(self, ending: Ending) {
        match ending {
            Ending::Drained => self.warn(states::farewell(self.running.plan())),
            Ending::HardStop | Ending::Killed(_) => self.running.stop(),
        }
        // Its drop waits for the threads and for the last log lines.
        drop(self.running);
    }

    fn warn(&self, lines: Vec<String>) {
        lines.iter().for_each(|line| self.console.warning(line));
    }
}

impl DataPlane for Plane {
    fn soft_stop(&self) {
        self.running.soft_stop();
    }

    async fn drained(&self) {
        self.running.ended().await;
    }

    fn dump(&self) {
        self.running.dump();
        self.warn(states::dump(self.running.plan()));
    }

    fn reload(&self) {
        if self.master_worker {
            self.console
                .warning("SIGUSR2 received, but reload is not there yet: start a successor with -sf.");
        }
    }
}
