//! The keeper: the process that looks after certificates under a master. It has the master's rights, so that it can write
//! their storage and run hooks, while the worker that serves them has given its own up and may see another root folder.
//! It listens on nothing; a worker's `acme status` and `acme renew` are passed on to it.

use crate::runtime::{self, Process, Runtime};
use crate::scheduler::Scheduler;
use crate::signals::{Signals, Wish};
use crate::worker::Bond;
use certs::schedule::{Tell, Work};
use std::io;
use std::sync::Arc;

/// Looks after certificates until the master wants it to leave, or is gone. The signal that ended it.
pub fn run(bond: Bond, process: Process, work: Work, tell: Tell) -> io::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut signals = Signals::install()?;
    let master = bond.tie()?;
    let scheduler = Scheduler::elsewhere(master.elsewhere(), work, tell)?;
    let process = Arc::new(process.with_scheduler(Some(scheduler.handle())));
    let api = Runtime::start(runtime::Bound::nothing(), process.clone())?;
    let life = async {
        loop {
            match signals.next().await {
                Wish::Stop(signal) => return signal,
                // Without a master there is nobody to keep for.
                Wish::SoftStop => return SOFT_STOP,
                Wish::Dump | Wish::Reload => {}
            }
        }
    };
    Ok(runtime.block_on(master.answer_during(life, process, &api)))
}

/// SIGUSR1, by which the master's end is told.
const SOFT_STOP: i32 = rustix::process::Signal::USR1.as_raw();
