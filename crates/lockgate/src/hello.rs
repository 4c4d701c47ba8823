//! What is done for those who wait until the process serves: the reader of the pid file, the processes that are replaced,
//! the terminal that started it.

use crate::console::Console;
use crate::flags::Flags;
use crate::start::Failed;
use base::reason;
use config::model::Global;
use ops::pidfile::Pidfile;
use ops::predecessor::{self, Leave};
use std::path::Path;

/// HAProxy writes it for daemons and masters, not in the foreground. It is there once it is published.
pub(crate) fn pidfile(flags: &Flags, global: &Global) -> Result<Option<Pidfile>, Failed> {
    let configured = global.pidfile.as_ref().map(|word| word.text.as_str());
    let Some(path) = flags.pidfile.as_deref().or(configured) else { return Ok(None) };
    let prepared = Pidfile::prepare(Path::new(path));
    prepared.map(Some).map_err(|e| {
        Failed(format!(
            "[lockgate.main()] Cannot create pidfile {path}: {}: name another place with '-p' or 'pidfile', or make room", reason(&e)
        ))
    })
}

/// Asks those that are replaced to leave (`-sf`, `-st`).
pub(crate) fn dismiss_predecessors(replaces: Option<&(Leave, Vec<i32>)>, console: Console) {
    let Some((how, pids)) = replaces else { return };
    for pid in pids {
        if let Err(e) = predecessor::dismiss(*pid, *how) {
            console.warning(&format!("cannot tell process {pid} to leave: {}", reason(&e)));
        }
    }
}
