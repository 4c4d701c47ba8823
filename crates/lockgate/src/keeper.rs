//! Becoming the keeper: the process that looks after certificates under a master. The worker has read the same
//! configuration and told all complaints about it.

use crate::check::Prepared;
use crate::console::Console;
use crate::{Exit, issuing, version};
use base::reason;
use ops::runtime::Process;
use ops::worker::Bond;
use proxy::Workers;
use std::sync::Arc;

/// Looks after what the configuration's `acme` sections want until the master wants it to leave.
pub(crate) fn run(prepared: Prepared, bond: Bond, console: Console) -> Exit {
    let Some(plan) = prepared.plan else {
        console.alert("the keeper of the certificates cannot use the configuration: reload to see why");
        return Exit::Failed;
    };
    let work = match issuing::work(&prepared.loaded.model, &plan) {
        Ok(work) => work,
        Err(why) => {
            console.alert(&why);
            return Exit::Failed;
        }
    };
    let plan = Arc::new(plan);
    let tell = issuing::tell(&plan, console);
    let process = Process::new(plan, Workers::default(), version::product(), String::new());
    match ops::keeper::run(bond, process, work, tell) {
        Ok(signal) => net::rights::die_of(signal),
        Err(e) => {
            console.alert(&format!("the keeper of the certificates cannot start: {}", reason(&e)));
            Exit::Failed
        }
    }
}
