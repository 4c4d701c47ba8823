//! What the machine must grant before anything is started: memory and descriptors.

use crate::console::Console;
use base::reason;
use proxy::plan::Plan;
use std::fmt;

/// Each client connection may have one to a server beside it.
const FDS_A_CONNECTION: u64 = 2;

/// Beside connections and listeners: standard streams, a poller and its waker for each thread, log sockets, checks.
const FDS_SPARE: u64 = 50;
const FDS_A_THREAD: u64 = 4;

/// What was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooFewDescriptors {
    needed: u64,
    granted: u64,
}

impl fmt::Display for TooFewDescriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooFewDescriptors { needed, granted } = self;
        write!(f, "[lockgate.main()] Cannot raise FD limit to {needed}, limit is {granted}.")?;
        write!(f, " Raise it for this service, or lower 'maxconn' and 'ulimit-n'.")
    }
}

/// How many descriptors this plan may come to need.
pub(crate) fn descriptors(plan: &Plan) -> u64 {
    let threads = plan.process.threads as u64;
    let listeners: usize = plan.frontends.iter().map(|f| f.listeners.len()).sum();
    let connections = u64::from(plan.process.maxconn.configured) * FDS_A_CONNECTION;
    connections + (listeners as u64 + FDS_A_THREAD) * threads + FDS_SPARE
}

/// Raises the limit of descriptors to `wanted`, or to `ulimit-n` where that is more. It is an error where `ulimit-n` is
/// not reached, or, with a 'maxconn' that somebody has written (`strictly`), what is wanted.
pub(crate) fn raise(wanted: u64, strictly: bool, ulimit_n: Option<u32>) -> Result<(), TooFewDescriptors> {
    let asked = ulimit_n.map_or(0, u64::from);
    let granted = net::raise_fd_limit(wanted.max(asked)).soft;
    let needed = if strictly { wanted.max(asked) } else { asked };
    if granted >= needed { Ok(()) } else { Err(TooFewDescriptors { needed, granted }) }
}

/// `-m`
pub(crate) fn memory(megabytes: Option<u32>, console: Console) {
    let Some(megabytes) = megabytes else { return };
    if let Err(e) = net::machine::limit_memory(u64::from(megabytes) << 20) {
        console.warning(&format!("[lockgate.main()] Cannot limit memory to {megabytes} MB: {}.", reason(&e)));
    }
}
