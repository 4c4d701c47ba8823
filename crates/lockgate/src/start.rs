//! From an accepted configuration to a process that serves, and to its end. The order is HAProxy's: limits, ports, pid
//! file, rights, predecessors, ready.

use crate::Exit;
use crate::check::Prepared;
use crate::console::{self, Console};
use crate::flags::Flags;
use crate::limits;
use crate::plane::Plane;
use crate::version;
use config::model::Global;
use net::rights::{self, Identity};
use ops::daemon::Ready;
use ops::life::{Ending, StopLimits, until_end};
use ops::signals::Signals;
use ops::{notify, pidfile, predecessor, runtime};
use proxy::plan::Plan;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;

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
    serve_then(prepared, flags, ready, announce, console, || {})
}

/// The same, and `farewell` last: also where the process then dies of a signal.
pub(crate) fn serve_then(
    prepared: Prepared,
    flags: &Flags,
    ready: Option<Ready>,
    announce: &str,
    console: Console,
    farewell: impl FnOnce(),
) -> Exit {
    let Prepared { loaded, identity, plan } = prepared;
    let Some(plan) = plan else {
        console.alert("config : nothing to run.");
        return Exit::Failed;
    };
    let startup_log = loaded.diags.render(&loaded.sources, std::process::id(), console.least());
    let global = &loaded.model.global;
    let start = Start { plan, global, identity, flags, announce, console, startup_log };
    let ended = start.serve(ready);
    farewell();
    exit_of(ended, console)
}

fn exit_of(ended: Result<Ending, Failed>, console: Console) -> Exit {
    match ended {
        Ok(Ending::Drained) => Exit::Ok,
        Ok(Ending::HardStop) => {
            console.warning("soft-stop running for too long, performing a hard-stop.");
            Exit::Ok
        }
        Ok(Ending::Killed(signal)) => rights::die_of(signal),
        Err(Failed(text)) => {
            console.alert(&text);
            Exit::Failed
        }
    }
}

/// All that a start needs to know.
struct Start<'a> {
    plan: Plan,
    global: &'a Global,
    identity: Identity,
    flags: &'a Flags,
    announce: &'a str,
    console: Console,
    startup_log: String,
}

/// A step that failed; the text is for the terminal.
struct Failed(String);

impl Failed {
    fn at(what: &str) -> impl Fn(&dyn Display) -> Failed {
        let what = what.to_owned();
        move |e| Failed(format!("[lockgate.main()] {what}: {e}"))
    }
}

impl Start<'_> {
    fn serve(self, ready: Option<Ready>) -> Result<Ending, Failed> {
        let runtime = main_runtime().map_err(|e| Failed::at("Cannot start the main thread's runtime")(&e))?;
        // From here on a signal is a wish and not a death.
        let entered = runtime.enter();
        let mut signals = Signals::install().map_err(|e| Failed::at("Cannot handle signals")(&e))?;
        drop(entered);
        self.raise_limits()?;
        let stop = self.stop_limits();
        let mut inherited = net::Inherited::none();
        let api = runtime::bind(&self.plan.process.stats, &mut inherited)
            .map_err(|e| Failed(format!("stats socket: {e}")))?;
        let bound =
            proxy::Ready::bind(Arc::new(self.plan), &mut inherited).map_err(|e| Failed(e.to_string()))?;
        let after = Started { global: self.global, flags: self.flags, console: self.console };
        after.write_pidfile(ready.is_some())?;
        rights::become_identity(&self.identity).map_err(|e| Failed(format!("[lockgate.main()] {e}.")))?;
        let running = bound.run().map_err(|e| Failed(e.to_string()))?;
        let api = serve_api(api, &running, self.startup_log)?;
        after.dismiss_predecessors();
        console::out(self.announce);
        after.tell_ready(ready)?;
        let plane = Plane::new(running, self.console, self.flags.master_worker);
        let ending = runtime.block_on(until_end(&mut signals, &plane, stop));
        after.tell_stopping();
        drop(api);
        plane.end(ending);
        Ok(ending)
    }

    fn raise_limits(&self) -> Result<(), Failed> {
        limits::memory(self.flags.memory, self.console);
        match limits::raise(limits::descriptors(&self.plan), self.global.ulimit_n) {
            Ok(()) => {}
            // Without a 'maxconn' the plan took what the limit allows.
            Err(_) if self.global.maxconn.is_none() => {}
            Err(few) if self.global.strict_limits == Some(false) => self.console.warning(&few.to_string()),
            Err(few) => return Err(Failed(few.to_string())),
        }
        Ok(())
    }

    fn stop_limits(&self) -> StopLimits {
        StopLimits {
            grace: self.global.grace.map(Duration::from_millis),
            hard_stop_after: self.global.hard_stop_after.map(Duration::from_millis),
        }
    }
}

/// The runtime API and the statistics pages of what runs; nothing where there is neither.
fn serve_api(
    bound: runtime::Bound,
    running: &proxy::Running,
    startup_log: String,
) -> Result<Option<runtime::Runtime>, Failed> {
    if bound.is_empty() && !running.plan().has_statistics() {
        return Ok(None);
    }
    let (plan, workers) = (running.plan().clone(), running.workers().clone());
    let process = runtime::Process::new(plan, workers, version::product(), startup_log);
    let started = runtime::Runtime::start(bound, Arc::new(process));
    started.map(Some).map_err(|e| Failed::at("Cannot start the thread of the runtime API")(&e))
}

fn main_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What is left to do once the ports are bound.
struct Started<'a> {
    global: &'a Global,
    flags: &'a Flags,
    console: Console,
}

impl Started<'_> {
    /// HAProxy writes it for daemons and masters, not in the foreground.
    fn write_pidfile(&self, daemon: bool) -> Result<(), Failed> {
        let configured = self.global.pidfile.as_ref().map(|word| word.text.as_str());
        let path = self.flags.pidfile.as_deref().or(configured);
        let wanted = daemon || self.flags.master_worker || self.global.master_worker;
        match path.filter(|_| wanted) {
            Some(path) => pidfile::write(Path::new(path))
                .map_err(|e| Failed(format!("[lockgate.main()] Cannot create pidfile {path}: {e}"))),
            None => Ok(()),
        }
    }

    fn dismiss_predecessors(&self) {
        let Some((how, pids)) = &self.flags.replaces else { return };
        for pid in pids {
            if let Err(e) = predecessor::dismiss(*pid, *how) {
                self.console.warning(&format!("cannot tell process {pid} to leave: {e}"));
            }
        }
    }

    fn tell_ready(&self, ready: Option<Ready>) -> Result<(), Failed> {
        if self.flags.notify
            && let Err(e) = notify::ready()
        {
            self.console.warning(&format!("cannot tell systemd that the service is ready: {e}"));
        }
        match ready {
            Some(ready) => ready.tell().map_err(|e| Failed(e.to_string())),
            None => Ok(()),
        }
    }

    fn tell_stopping(&self) {
        if self.flags.notify {
            // It is leaving either way; systemd sees that by itself.
            let _ = notify::stopping();
        }
    }
}
