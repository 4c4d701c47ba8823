//! From an accepted configuration to a process that serves, and to its end. The order is HAProxy's: limits, ports, pid
//! file, rights, predecessors, ready.

use crate::Exit;
use crate::check::Prepared;
use crate::console::{self, Console};
use crate::flags::Flags;
use crate::issuing;
use crate::limits;
use crate::master::predecessor_sockets;
use crate::plane::Plane;
use crate::state_files;
use crate::version;
use certs::ocsp::Responders;
use certs::schedule::Work;
use config::model::Global;
use net::Inherited;
use net::rights::{self, Identity};
use ops::daemon::{self, Ready};
use ops::life::{Ending, StopLimits, until_end};
use ops::pidfile;
use ops::predecessor::{self, Leave};
use ops::runtime::{self, Process, Runtime};
use ops::scheduler::Scheduler;
use ops::signals::Signals;
use ops::stapling::Stapler;
use ops::worker::{Bond, Elsewhere, Estate, Tied};
use proxy::clock::now_ms;
use proxy::plan::Plan;
use proxy::{Running, server_state};
use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What a bind shows that has no certificate yet. Without one such a bind does not start, which is a complaint of its
/// own, so that a failure here needs no words.
pub(crate) fn temporary_certificate() -> Option<tls::PemPair> {
    let leaf = certs::temporary(&["lockgate.invalid"], SystemTime::now()).ok()?;
    Some(tls::PemPair { cert: leaf.cert_pem, key: leaf.key_pem })
}

/// Who started this process, and waits to hear from it.
pub(crate) enum Origin {
    /// Somebody at a terminal, or a service manager.
    Terminal,
    /// The process that goes to the background waits until it serves.
    Daemon(Ready),
    /// A master.
    Worker(Bond),
}

/// Serves until told to stop. `announce` is printed once everything is bound.
pub(crate) fn serve(
    prepared: Prepared,
    flags: &Flags,
    origin: Origin,
    announce: &str,
    console: Console,
) -> Exit {
    serve_then(prepared, flags, origin, announce, console, || {})
}

/// The same, and `farewell` last: also where the process then dies of a signal.
pub(crate) fn serve_then(
    prepared: Prepared,
    flags: &Flags,
    origin: Origin,
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
    let work = match issuing::work(&loaded.model, &plan) {
        Ok(work) => work,
        Err(why) => {
            console.alert(&format!("config : {why}."));
            return Exit::Failed;
        }
    };
    let start = Start { plan, global, identity, flags, announce, console, startup_log, work };
    let ended = start.serve(origin);
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
    work: Work,
}

/// A step that failed; the text is for the terminal.
pub(crate) struct Failed(pub(crate) String);

impl Failed {
    pub(crate) fn at(what: &str) -> impl Fn(&dyn Display) -> Failed {
        let what = what.to_owned();
        move |e| Failed(format!("[lockgate.main()] {what}: {e}"))
    }
}

impl Start<'_> {
    fn serve(self, origin: Origin) -> Result<Ending, Failed> {
        match origin {
            Origin::Terminal => self.serve_for(None, None),
            Origin::Daemon(ready) => self.serve_for(Some(ready), None),
            Origin::Worker(bond) => {
                let told = bond.try_clone();
                let ended = self.serve_for(None, Some(bond));
                if let (Err(Failed(text)), Ok(told)) = (&ended, told) {
                    told.failed(text);
                }
                ended
            }
        }
    }

    fn serve_for(self, ready: Option<Ready>, bond: Option<Bond>) -> Result<Ending, Failed> {
        let runtime = main_runtime().map_err(|e| Failed::at("Cannot start the main thread's runtime")(&e))?;
        // From here on a signal is a wish and not a death.
        let entered = runtime.enter();
        let mut signals = Signals::install().map_err(|e| Failed::at("Cannot handle signals")(&e))?;
        let master = bond.map(Bond::tie).transpose().map_err(broken)?;
        drop(entered);
        self.raise_limits()?;
        let stop = self.stop_limits();
        let estate = match &master {
            Some(master) => runtime.block_on(master.estate()).map_err(broken)?,
            None => Estate::of(predecessor_sockets(self.flags)?),
        };
        let bound = Bindings::make(Arc::new(self.plan), estate.sockets)?;
        let after = Started { global: self.global, flags: self.flags, console: self.console };
        match &master {
            Some(master) => runtime.block_on(master.bound(bound.share()?)).map_err(broken)?,
            None => after.write_pidfile(ready.is_some())?,
        }
        // Under a master the keeper has the rights and the work.
        let keeps = !self.work.is_empty();
        let work = if master.is_some() { Work::default() } else { self.work };
        if !work.is_empty() {
            issuing::make_room(&bound.plan, &self.identity).map_err(Failed)?;
            if self.identity.root.is_some() {
                self.console.warning(
                    "'acme' beside 'chroot' needs a master: start with -W or -Ws, else neither the storage nor the \
                     trusted roots are within reach.",
                );
            }
        }
        state_files::load(&bound.plan, self.console);
        let counters = self.global.stats_file.as_ref().map(|word| word.text.as_str());
        state_files::load_counters(&bound.plan, counters, self.console);
        let responders = Responders::new(bound.plan.process.ocsp.http_proxy.as_deref());
        let null = std::fs::File::options().read(true).write(true).open("/dev/null");
        rights::become_identity(&self.identity).map_err(|e| Failed(format!("[lockgate.main()] {e}.")))?;
        if self.global.set_dumpable
            && let Err(e) = rights::allow_core_dumps()
        {
            self.console.warning(&format!("'set-dumpable': cannot allow core dumps: {e}"));
        }
        server_state::resume_health(&bound.plan, &estate.state, now_ms());
        let (console, elsewhere) = (self.console, master.as_ref().map(Tied::elsewhere));
        let Served { running, api, process, scheduler, stapler } =
            bound
                .run(self.startup_log, elsewhere, responders, |plan| start_scheduler(plan, work, console))?;
        after.dismiss_predecessors(master.is_some());
        console::out(self.announce);
        after.tell_ready(ready)?;
        if let Some(master) = &master {
            after.leave_terminal(null).map_err(|e| Failed::at("Cannot leave the terminal")(&e))?;
            runtime
                .block_on(master.ready(self.global.mworker_max_reloads, keeps, &process))
                .map_err(broken)?;
        }
        let plane = Plane::new(running, api, scheduler, stapler, self.console);
        let life = until_end(&mut signals, &plane, stop);
        let ending = runtime.block_on(async {
            match (&master, plane.api()) {
                (Some(master), Some(api)) => master.answer_during(life, process, api).await,
                (Some(_) | None, _) => life.await,
            }
        });
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

/// What serves.
struct Served {
    running: Running,
    api: Option<Runtime>,
    process: Arc<Process>,
    scheduler: Option<Scheduler>,
    stapler: Option<Stapler>,
}

/// Looks after certificates, where there are any to look after.
fn start_scheduler(plan: &Arc<Plan>, work: Work, console: Console) -> Result<Option<Scheduler>, Failed> {
    if work.is_empty() {
        return Ok(None);
    }
    let started = Scheduler::here(plan.clone(), work, issuing::tell(plan, console));
    started.map(Some).map_err(|e| Failed::at("Cannot start the thread of the certificates")(&e))
}

/// Everything that is listened on, and nobody is served yet: the moment to give up rights.
struct Bindings {
    plan: Arc<Plan>,
    api: runtime::Bound,
    plane: proxy::Ready,
}

impl Bindings {
    fn make(plan: Arc<Plan>, mut inherited: Inherited) -> Result<Bindings, Failed> {
        let api = runtime::bind(&plan.process.stats, &mut inherited)
            .map_err(|e| Failed(format!("stats socket: {e}")))?;
        let plane = proxy::Ready::bind(plan.clone(), &mut inherited).map_err(|e| Failed(e.to_string()))?;
        Ok(Bindings { plan, api, plane })
    }

    /// Descriptors of all of it.
    fn share(&self) -> Result<Vec<OwnedFd>, Failed> {
        let (api, plane) = (self.api.share(), self.plane.share());
        let both = api.and_then(|api| Ok([api, plane?].into_iter().flatten().collect()));
        both.map_err(|e| Failed::at("Cannot share the listening sockets")(&e))
    }

    /// Serves. The runtime API runs where there is a way to it: a 'stats socket', a master, a statistics page.
    fn run(
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

fn broken(e: std::io::Error) -> Failed {
    Failed::at("Cannot speak to the master")(&e)
}

fn main_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// HAProxy writes it for daemons and masters, not in the foreground.
pub(crate) fn write_pidfile(flags: &Flags, global: &Global) -> Result<(), Failed> {
    let configured = global.pidfile.as_ref().map(|word| word.text.as_str());
    match flags.pidfile.as_deref().or(configured) {
        Some(path) => pidfile::write(Path::new(path))
            .map_err(|e| Failed(format!("[lockgate.main()] Cannot create pidfile {path}: {e}"))),
        None => Ok(()),
    }
}

/// Asks those that are replaced to leave (`-sf`, `-st`).
pub(crate) fn dismiss_predecessors(replaces: Option<&(Leave, Vec<i32>)>, console: Console) {
    let Some((how, pids)) = replaces else { return };
    for pid in pids {
        if let Err(e) = predecessor::dismiss(*pid, *how) {
            console.warning(&format!("cannot tell process {pid} to leave: {e}"));
        }
    }
}

/// What is left to do once the ports are bound. A worker leaves the most of it to its master.
struct Started<'a> {
    global: &'a Global,
    flags: &'a Flags,
    console: Console,
}

impl Started<'_> {
    fn write_pidfile(&self, daemon: bool) -> Result<(), Failed> {
        if daemon { write_pidfile(self.flags, self.global) } else { Ok(()) }
    }

    fn dismiss_predecessors(&self, has_master: bool) {
        if !has_master {
            dismiss_predecessors(self.flags.replaces.as_ref(), self.console);
        }
    }

    fn tell_ready(&self, ready: Option<Ready>) -> Result<(), Failed> {
        match ready {
            Some(ready) => ready.tell().map_err(|e| Failed(e.to_string())),
            None => Ok(()),
        }
    }

    /// A worker of a master in the background keeps no terminal either.
    fn leave_terminal(&self, null: std::io::Result<std::fs::File>) -> std::io::Result<()> {
        let background = self.flags.daemon || self.global.daemon;
        if background && !self.flags.foreground && !self.flags.notify {
            daemon::leave_terminal(&null?)?;
        }
        Ok(())
    }
}
