//! From an accepted configuration to a process that serves, and to its end.

use crate::Exit;
use crate::check::Prepared;
use crate::console::{self, Console};
use crate::flags::Flags;
use config::model::Global;
use ops::daemon::Ready;
use ops::life::{DataPlane, Ending, StopLimits, until_end};
use ops::signals::Signals;
use ops::{notify, pidfile, predecessor};
use proxy::Running;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What a bind shows that has no certificate yet. Without one such a bind does not start, which is a complaint of its
/// own, so that a failure here needs no words.
pub(crate) fn temporary_certificate() -> Option<tls::PemPair> {
    let leaf = certs::temporary(&["lockgate.invalid"], SystemTime::now()).ok()?;
    Some(tls::PemPair { cert: leaf.cert_pem, key: leaf.key_pem })
}

/// Serves until told to stop. `announce` is printed once everything is bound.
pub(crate) fn serve(
    prepared: Prepared,
    flags: &Flags,
    ready: Option<Ready>,
    announce: &str,
    console: Console,
) -> Exit {
    match start(prepared, flags, ready, announce) {
        Ok(exit) => exit,
        Err(why) => {
            console.alert(&why);
            Exit::Failed
        }
    }
}

fn start(prepared: Prepared, flags: &Flags, ready: Option<Ready>, announce: &str) -> Result<Exit, String> {
    let Prepared { loaded, identity, plan } = prepared;
    let global = loaded.model.global;
    let plan = plan.ok_or("config : nothing to run.")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("cannot wait for signals: {e}"))?;
    let running = Running::start(Arc::new(plan)).map_err(|e| e.to_string())?;
    if let Some(path) = flags.pidfile.as_deref().or(global.pidfile.as_ref().map(|w| w.text.as_str())) {
        pidfile::write(Path::new(path)).map_err(|e| format!("Cannot create pidfile {path} : {e}"))?;
    }
    net::rights::become_identity(&identity).map_err(|e| e.to_string())?;
    if let Some((how, pids)) = &flags.replaces {
        for pid in pids {
            // One that is gone already has left as it was asked to.
            let _ = predecessor::dismiss(*pid, *how);
        }
    }
    console::out(announce);
    runtime.block_on(live(running, &global, flags, ready))
}

async fn live(
    running: Running,
    global: &Global,
    flags: &Flags,
    ready: Option<Ready>,
) -> Result<Exit, String> {
    let mut signals = Signals::install().map_err(|e| format!("cannot wait for signals: {e}"))?;
    if let Some(ready) = ready {
        ready.tell().map_err(|e| e.to_string())?;
    }
    if flags.notify {
        // A service manager that does not listen waits for nothing.
        let _ = notify::ready();
    }
    let plane = Plane(running);
    let limits = StopLimits {
        grace: global.grace.map(Duration::from_millis),
        hard_stop_after: global.hard_stop_after.map(Duration::from_millis),
    };
    let ending = until_end(&mut signals, &plane, limits).await;
    drop(plane);
    match ending {
        Ending::Drained | Ending::HardStop => Ok(Exit::Ok),
        Ending::Killed(signal) => net::rights::die_of(signal),
    }
}

/// The data plane as the household sees it.
struct Plane(Running);

impl DataPlane for Plane {
    fn soft_stop(&self) {
        self.0.soft_stop();
    }

    async fn drained(&self) {
        self.0.ended().await;
    }

    fn dump(&self) {
        self.0.dump();
    }

    fn reload(&self) {}
}
