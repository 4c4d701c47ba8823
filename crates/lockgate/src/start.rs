//! From an accepted configuration to a process that serves, and to its end. The order is HAProxy's: limits, ports, pid
//! file, rights, predecessors, ready.

use crate::bindings::{Bindings, Served, start_scheduler};
use crate::check::Prepared;
use crate::console::{self, Console};
use crate::flags::Flags;
use crate::master::predecessor_sockets;
use crate::plane::Plane;
use crate::{Exit, hello, issuing, limits, state_files};
use base::reason;
use certs::ocsp::Responders;
use certs::schedule::Work;
use config::model::Global;
use net::Inherited;
use net::rights::{self, Identity};
use ops::daemon::{self, Ready};
use ops::life::{Ending, StopLimits, until_end};
use ops::pidfile::Pidfile;
use ops::signals::Signals;
use ops::worker::{Bond, Estate, Tied};
use proxy::clock::now_ms;
use proxy::plan::Plan;
use proxy::server_state;
use std::fmt::Display;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;

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
    /// Somebody who typed one of our own verbs, and no predecessor to share ports with.
    Person,
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
    if !matches!(origin, Origin::Worker(_)) && !plan.listens() {
        console.alert("[lockgate.main()] No enabled listener found (check for 'bind' directives) ! Exiting.");
        return Exit::Failed;
    }
    let startup_log = loaded.diags.render(&loaded.sources, std::process::id(), console.least());
    let global = &loaded.model.global;
    let work = match issuing::work(&loaded.model, &plan) {
        Ok(work) => work,
        Err(why) => {
            console.alert(&format!("config : {why}."));
            return Exit::Failed;
        }
    };
    let start = Start { plan: Arc::new(plan), global, identity, flags, announce, console, startup_log, work };
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
        Err(failed) => {
            failed.tell(console);
            Exit::Failed
        }
    }
}

/// All that a start needs to know.
struct Start<'a> {
    plan: Arc<Plan>,
    global: &'a Global,
    identity: Identity,
    flags: &'a Flags,
    announce: &'a str,
    console: Console,
    startup_log: String,
    work: Work,
}

/// A step that failed; the text is for the terminal, each line of it an alert.
pub(crate) struct Failed(pub(crate) String);

impl Failed {
    pub(crate) fn tell(&self, console: Console) {
        self.0.lines().for_each(|line| console.alert(line));
    }

    pub(crate) fn at(what: &str) -> impl Fn(&dyn Display) -> Failed {
        let what = what.to_owned();
        move |e| Failed(format!("[lockgate.main()] {what}: {}", reason(e)))
    }
}

impl Start<'_> {
    fn serve(self, origin: Origin) -> Result<Ending, Failed> {
        match origin {
            Origin::Terminal => self.serve_for(None, None),
            Origin::Person => {
                refuse_to_share(&self.plan)?;
                self.serve_for(None, None)
            }
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

    fn serve_for(mut self, ready: Option<Ready>, bond: Option<Bond>) -> Result<Ending, Failed> {
        let runtime = main_runtime().map_err(|e| Failed::at("Cannot start the main thread's runtime")(&e))?;
        let (mut signals, master) = open_ears(&runtime, bond)?;
        self.raise_limits()?;
        let estate = match &master {
            Some(master) => runtime.block_on(master.estate()).map_err(broken)?,
            None => Estate::of(predecessor_sockets(self.flags)?),
        };
        let bound = self.bind(estate.sockets)?;
        match &master {
            Some(master) => runtime.block_on(master.bound(bound.share()?)).map_err(broken)?,
            None => self.write_pidfile(ready.is_some())?,
        }
        // Under a master the keeper has the rights and the work.
        let keeps = !self.work.is_empty();
        let work = if master.is_some() { Work::default() } else { std::mem::take(&mut self.work) };
        self.make_room(&work)?;
        self.read_what_was_left();
        let responders = Responders::new(self.plan.process.ocsp.http_proxy.as_deref());
        let null = File::options().read(true).write(true).open("/dev/null");
        self.give_up_rights()?;
        server_state::resume_health(&self.plan, &estate.state, now_ms());
        let (console, elsewhere) = (self.console, master.as_ref().map(Tied::elsewhere));
        let startup_log = std::mem::take(&mut self.startup_log);
        self.open_terminal()?;
        let schedule = |plan: &Arc<Plan>| start_scheduler(plan, work, console);
        let served = bound.run(startup_log, elsewhere, responders, schedule)?;
        console::out(self.announce);
        match &master {
            Some(master) => {
                self.leave_terminal(null).map_err(|e| Failed::at("Cannot leave the terminal")(&e))?;
                let told = master.ready(self.global.mworker_max_reloads, keeps, &served.process);
                runtime.block_on(told).map_err(broken)?;
            }
            None => {
                hello::dismiss_predecessors(self.flags.replaces.as_ref(), self.console);
                ready.map_or(Ok(()), Ready::tell).map_err(|e| Failed(reason(&e)))?;
            }
        }
        Ok(self.live(&runtime, &mut signals, master.as_ref(), served))
    }

    /// Serves until a signal, the master or the last connection ends it.
    fn live(
        &self,
        runtime: &Runtime,
        signals: &mut Signals,
        master: Option<&Tied>,
        served: Served,
    ) -> Ending {
        let Served { running, api, process, scheduler, stapler } = served;
        let plane = Plane::new(running, api, scheduler, stapler, self.console);
        let life = until_end(signals, &plane, self.stop_limits());
        let ending = runtime.block_on(async {
            match (master, plane.api()) {
                (Some(master), Some(api)) => master.answer_during(life, process, api).await,
                (Some(_) | None, _) => life.await,
            }
        });
        plane.end(ending);
        ending
    }

    fn bind(&self, inherited: Inherited) -> Result<Bindings, Failed> {
        if self.flags.replaces.is_none() && inherited.is_empty() {
            self.warn_of_sharing();
        }
        Bindings::make(self.plan.clone(), inherited)
    }

    fn write_pidfile(&self, daemon: bool) -> Result<(), Failed> {
        let prepared = if daemon { hello::pidfile(self.flags, self.global)? } else { None };
        prepared.map_or(Ok(()), Pidfile::publish).map_err(|e| Failed::at("Cannot create pidfile")(&e))
    }

    /// For certificates that this process obtains by itself.
    fn make_room(&self, work: &Work) -> Result<(), Failed> {
        if work.is_empty() {
            return Ok(());
        }
        issuing::make_room(&self.plan, &self.identity).map_err(Failed)?;
        if self.identity.root.is_some() {
            self.console.warning(
                "'acme' beside 'chroot' needs a master: start with -W or -Ws, else neither the storage nor the trusted \
                 roots are within reach.",
            );
        }
        Ok(())
    }

    /// Server states and counters of a predecessor, while their files are within reach.
    fn read_what_was_left(&self) {
        state_files::load(&self.plan, self.console);
        let counters = self.global.stats_file.as_ref().map(|word| word.text.as_str());
        state_files::load_counters(&self.plan, counters, self.console);
    }

    fn give_up_rights(&self) -> Result<(), Failed> {
        rights::become_identity(&self.identity).map_err(|e| Failed(format!("[lockgate.main()] {e}.")))?;
        if self.global.set_dumpable
            && let Err(e) = rights::allow_core_dumps()
        {
            self.console.warning(&format!("'set-dumpable': cannot allow core dumps: {}", reason(&e)));
        }
        Ok(())
    }

    /// A worker of a master in the background keeps no terminal either.
    fn leave_terminal(&self, null: std::io::Result<File>) -> std::io::Result<()> {
        if self.flags.wants_background(self.global.daemon) {
            daemon::leave_terminal(&null?)?;
        }
        Ok(())
    }

    fn open_terminal(&self) -> Result<(), Failed> {
        if self.console.quiet {
            return Ok(());
        }
        let opened = self.plan.process.terminal.open();
        opened.map_err(|e| Failed::at("Cannot start the thread that speaks to the terminal")(&e))
    }

    fn raise_limits(&self) -> Result<(), Failed> {
        limits::memory(self.flags.memory, self.console);
        // Without a 'maxconn' the plan took what the limit allows.
        let strictly = self.global.maxconn.is_some_and(|most| most > 0);
        match limits::raise(limits::descriptors(&self.plan), strictly, self.global.ulimit_n) {
            Ok(()) => {}
            Err(few) if self.global.strict_limits == Some(false) => self.console.warning(&few.to_string()),
            Err(few) => return Err(Failed(few.to_string())),
        }
        Ok(())
    }

    /// Wanted by some, a mistake of most: HAProxy shares ports without a word.
    fn warn_of_sharing(&self) {
        for told in proxy::shared_with_others(&self.plan) {
            self.console.warning(&format!(
                "{told} as well, and each gets a part of the connections: '-sf PID' replaces it"
            ));
        }
    }

    fn stop_limits(&self) -> StopLimits {
        StopLimits {
            grace: self.global.grace.map(Duration::from_millis),
            hard_stop_after: self.global.hard_stop_after.map(Duration::from_millis),
        }
    }
}

/// A second demo beside the first would be shown half of its requests.
pub(crate) fn refuse_to_share(plan: &Plan) -> Result<(), Failed> {
    match proxy::shared_with_others(plan).into_iter().next() {
        Some(told) => Err(Failed(format!("{told}: stop it or choose another port"))),
        None => Ok(()),
    }
}

fn broken(e: std::io::Error) -> Failed {
    Failed::at("Cannot speak to the master")(&e)
}

/// From here on a signal is a wish and not a death, and the master is heard.
fn open_ears(runtime: &Runtime, bond: Option<Bond>) -> Result<(Signals, Option<Tied>), Failed> {
    let _entered = runtime.enter();
    let signals = Signals::install().map_err(|e| Failed::at("Cannot handle signals")(&e))?;
    let master = bond.map(Bond::tie).transpose().map_err(broken)?;
    Ok((signals, master))
}

fn main_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
