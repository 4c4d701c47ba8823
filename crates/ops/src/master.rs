//! The master (`-W`): keeps its rights, holds the listening sockets, and sees to it that a worker serves and that, where
//! there are certificates to look after, a keeper (`keeper`) does. It reads no
//! configuration and no byte of traffic: what can go wrong with either goes wrong in a worker, and the master stays.
//!
//! ```text
//!            start ──► Starting ── ready ──► Current ── another is ready: USR1 ──► Former ──► gone
//!                          │                    │
//!                          └── ends: the reload failed; all stays as it was
//!                                               └── ends unasked: logged, replaced at once, or later in a crash loop
//! ```
//!
//! A reload (USR2, HUP, `reload` on the master socket) starts another worker. It loads the configuration, then takes over
//! the sockets and what is known of the servers (`worker`), and only when it serves is the former asked to leave. A
//! reload during a reload waits for it and comes then.

mod backoff;
mod child;
mod cli;
mod launch;
mod watchdog;

pub use launch::{Launch, program_of};

use crate::message::{Facts, FromChild, ToChild};
use crate::notify;
use crate::runtime::Bound;
use crate::signals::{Signals, Wish};
use crate::worker::{KEEPER, WORKER};
use backoff::Backoff;
use child::{Child, Role};
use cli::{Ask, Target};
use proxy::stats_socket::CliLevel;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, waitpid};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// How long the former worker may take to tell how its servers stand. Longer, and the new one finds out by itself.
const STATE_PATIENCE: Duration = Duration::from_secs(2);

/// Nobody waits for a keeper that died as for a worker: certificates are due days ahead.
const KEEPER_REST: Duration = Duration::from_secs(1);

/// Where the master's words go.
pub trait Voice {
    /// Something that is as it should be.
    fn notice(&self, text: &str);
    /// Something to know.
    fn warning(&self, text: &str);
    /// Something to act upon.
    fn alert(&self, text: &str);
}

/// What is done once the first worker serves.
pub type Hello = Box<dyn FnOnce() -> Result<(), String>>;

/// What a master begins with.
pub struct Household {
    /// How workers are started.
    pub launch: Launch,
    /// Listening sockets of a process that is not ours (`-x`).
    pub sockets: Vec<OwnedFd>,
    /// The master socket (`-S`).
    pub cli: Option<Bound>,
    /// Tells the service manager (`-Ws`).
    pub notify: bool,
    /// HAProxy's version whose language is spoken.
    pub version: String,
    /// Done once the first worker serves.
    pub hello: Hello,
}

/// Runs until all workers are gone; the exit code.
pub fn run(household: Household, voice: impl Voice) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async move { Master::new(household, voice).run().await })
}

/// How a reload went.
#[derive(Clone, Debug)]
struct Reloaded {
    good: bool,
    log: String,
}

struct Master<V> {
    launch: Launch,
    voice: V,
    notify: bool,
    version: String,
    since: Instant,
    children: Vec<Child>,
    said: mpsc::UnboundedReceiver<(Pid, FromChild)>,
    ear: mpsc::UnboundedSender<(Pid, FromChild)>,
    cli: Option<Bound>,
    hello: Option<Hello>,
    /// What is listened on.
    sockets: Vec<OwnedFd>,
    /// What the worker that starts has bound so far.
    taking: Vec<OwnedFd>,
    /// What the worker that starts said of its failure.
    complaint: String,
    /// Until when the current worker may tell how its servers stand; the worker that starts waits for it.
    state_due: Option<Instant>,
    /// When a worker that died is replaced.
    respawn_at: Option<Instant>,
    backoff: Backoff,
    /// Whether there are certificates to look after.
    keeps: bool,
    /// When a keeper that died is replaced.
    keeper_at: Option<Instant>,
    keeper_backoff: Backoff,
    watch_every: Option<Duration>,
    watch_at: Option<Instant>,
    reloads: u32,
    failures: u32,
    /// Whether the last reload failed.
    stale: bool,
    startup_log: String,
    /// What the next worker is to write into the log, for there is none to write it now.
    unwritten: Option<String>,
    /// Who waits for the reload in hand.
    waiting: Vec<oneshot::Sender<Reloaded>>,
    /// Who waits for the next one; `Some` where there is to be one.
    next: Option<Vec<oneshot::Sender<Reloaded>>>,
    /// All are to leave.
    leaving: bool,
    code: u8,
}

/// What the master wakes up for.
enum Event {
    Wish(Wish),
    ChildEnded,
    Said(Pid, FromChild),
    Asked(Ask),
    Due,
}

impl<V: Voice> Master<V> {
    fn new(household: Household, voice: V) -> Master<V> {
        let (ear, said) = mpsc::unbounded_channel();
        let text = |name| std::env::var(name).ok();
        let watch = watchdog::interval(
            text("WATCHDOG_USEC").as_deref(),
            text("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        Master {
            launch: household.launch,
            voice,
            notify: household.notify,
            version: household.version,
            since: Instant::now(),
            children: Vec::new(),
            said,
            ear,
            cli: household.cli,
            hello: Some(household.hello),
            sockets: household.sockets,
            taking: Vec::new(),
            complaint: String::new(),
            state_due: None,
            respawn_at: None,
            backoff: Backoff::default(),
            keeps: false,
            keeper_at: None,
            keeper_backoff: Backoff::default(),
            watch_every: watch.filter(|_| household.notify),
            watch_at: None,
            reloads: 0,
            failures: 0,
            stale: false,
            startup_log: String::new(),
            unwritten: None,
            waiting: Vec::new(),
            next: None,
            leaving: false,
            code: 0,
        }
    }

    async fn run(mut self) -> io::Result<u8> {
        let mut signals = Signals::install()?;
        let mut ended = signal(SignalKind::child())?;
        let (asker, mut asked) = mpsc::unbounded_channel();
        if let Some(cli) = self.cli.take() {
            cli::serve(cli, &asker)?;
        }
        self.start();
        while !self.is_over() {
            let due = self.due();
            let event = tokio::select! {
                biased;
                _ = ended.recv() => Event::ChildEnded,
                wish = signals.next() => Event::Wish(wish),
                Some((pid, said)) = self.said.recv() => Event::Said(pid, said),
                // The sender is ours: there is always another.
                Some(ask) = asked.recv() => Event::Asked(ask),
                () = until(due) => Event::Due,
            };
            self.on(event);
        }
        self.voice.warning(&format!("All workers exited. Exiting... ({})", self.code));
        Ok(self.code)
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Wish(wish) => self.wish(wish),
            Event::ChildEnded => self.reap(),
            Event::Said(pid, said) => self.hear(pid, said),
            Event::Asked(ask) => self.answer(ask),
            Event::Due => self.on_time(),
        }
    }

    fn is_over(&self) -> bool {
        self.children.is_empty() && self.respawn_at.is_none()
    }

    fn child(&self, role: Role) -> Option<&Child> {
        self.children.iter().find(|c| c.role == role)
    }

    // ---- signals -------------------------------------------------------------------------------------------------

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Reload | Wish::Dump => self.reload(None),
            Wish::SoftStop => self.leave(Signal::USR1),
            Wish::Stop(_) => self.leave(Signal::TERM),
        }
    }

    fn leave(&mut self, how: Signal) {
        if !self.leaving {
            self.voice.warning("Exiting Master process...");
            self.tell_manager(notify::stopping);
        }
        self.leaving = true;
        (self.respawn_at, self.keeper_at, self.keeps) = (None, None, false);
        for child in &self.children {
            // A keeper has nothing to finish that its successor does not take up.
            child.signal(if child.role == Role::Keeper { Signal::TERM } else { how });
        }
    }

    // ---- reload --------------------------------------------------------------------------------------------------

    fn reload(&mut self, waiter: Option<oneshot::Sender<Reloaded>>) {
        if self.leaving {
            return;
        }
        if self.child(Role::Starting).is_some() {
            self.next.get_or_insert_default().extend(waiter);
            return;
        }
        self.voice.notice("Reloading the configuration.");
        self.tell_manager(notify::reloading);
        self.reloads = self.reloads.saturating_add(1);
        self.waiting.extend(waiter);
        self.start();
    }

    /// Starts a worker beside the current one, or instead of one that died.
    fn start(&mut self) {
        self.respawn_at = None;
        self.taking.clear();
        self.complaint.clear();
        let started = self.launch.child(WORKER);
        match started.and_then(|(pid, end)| Child::new(pid, Role::Starting, end, self.ear.clone())) {
            Ok(child) => {
                self.voice.notice(&format!("New worker ({}) started", child.number()));
                self.children.push(child);
            }
            Err(e) => {
                let program = self.launch.program.display();
                self.complaint = format!("cannot start a worker, {program}: {e}");
                self.failed(&self.complaint.clone());
            }
        }
    }

    fn hear(&mut self, pid: Pid, said: FromChild) {
        let Some(role) = self.children.iter().find(|c| c.pid == pid).map(|c| c.role) else { return };
        match (role, said) {
            (Role::Starting, FromChild::Want) => self.ask_for_state(),
            (Role::Starting, FromChild::Bound(sockets)) => self.taking.extend(sockets),
            (Role::Starting, FromChild::Ready(facts)) => self.promote(facts),
            (Role::Starting, FromChild::Failed(log)) => self.complaint = log,
            (Role::Current, FromChild::State(state)) if self.state_due.is_some() => self.hand_over(state),
            (Role::Current, FromChild::Alive) => self.tell_manager(notify::alive),
            (Role::Current | Role::Former, FromChild::Connect) => self.connect(pid, Role::Keeper),
            (Role::Keeper, FromChild::Connect) => self.connect(pid, Role::Current),
            // What comes too late, or out of turn, is of no use.
            (Role::Starting | Role::Current | Role::Former | Role::Keeper, _) => {}
        }
    }

    /// Brings a child and another together.
    fn connect(&self, asker: Pid, with: Role) {
        let Some(asker) = self.children.iter().find(|c| c.pid == asker) else { return };
        let ends = self.child(with).and_then(|with| Some((with, UnixStream::pair().ok()?)));
        let session = ends.map(|(with, (ours, theirs))| {
            with.tell(vec![ToChild::Serve(theirs.into(), CliLevel::Admin)]);
            ours.into()
        });
        asker.tell(vec![ToChild::Session(session)]);
    }

    /// Starts a keeper for the configuration that is served now, if there is something to keep, in place of the old one:
    /// what that was doing is taken up by its successor.
    fn replace_keeper(&mut self, wanted: bool) {
        self.keeps = wanted;
        self.keeper_at = None;
        match self.child(Role::Keeper) {
            // Its end starts the next.
            Some(keeper) => keeper.signal(Signal::TERM),
            None if wanted => self.start_keeper(),
            None => {}
        }
    }

    fn start_keeper(&mut self) {
        self.keeper_at = None;
        let started = self.launch.child(KEEPER);
        match started.and_then(|(pid, end)| Child::new(pid, Role::Keeper, end, self.ear.clone())) {
            Ok(child) => self.children.push(child),
            Err(e) => self.voice.alert(&format!("cannot start the keeper of the certificates: {e}")),
        }
    }

    fn ask_for_state(&mut self) {
        match self.child(Role::Current) {
            Some(current) => {
                current.tell(vec![ToChild::TellState]);
                self.state_due = Some(Instant::now() + STATE_PATIENCE);
            }
            None => self.hand_over(String::new()),
        }
    }

    fn hand_over(&mut self, state: String) {
        self.state_due = None;
        let copies: io::Result<Vec<OwnedFd>> = self.sockets.iter().map(OwnedFd::try_clone).collect();
        let Some(starting) = self.child(Role::Starting) else { return };
        match copies {
            Ok(copies) => starting.tell(vec![ToChild::Sockets(copies), ToChild::State(state)]),
            Err(e) => {
                self.voice.alert(&format!("cannot hand over the listening sockets: {e}"));
                starting.signal(Signal::TERM);
            }
        }
    }

    /// The worker that starts serves.
    fn promote(&mut self, facts: Facts) {
        let replaced = self.child(Role::Current).is_some();
        for child in &mut self.children {
            match child.role {
                Role::Starting => {
                    child.role = Role::Current;
                    child.version.clone_from(&facts.version);
                    continue;
                }
                Role::Current => {
                    child.role = Role::Former;
                    child.signal(Signal::USR1);
                }
                Role::Former => {}
                Role::Keeper => continue,
            }
            child.reloads += u32::from(replaced);
            if facts.max_reloads.is_some_and(|most| child.reloads > most) {
                child.signal(Signal::TERM);
            }
        }
        if let Some(text) = self.unwritten.take()
            && let Some(current) = self.child(Role::Current)
        {
            current.tell(vec![ToChild::Note(text)]);
        }
        self.sockets = std::mem::take(&mut self.taking);
        self.stale = false;
        self.startup_log.clone_from(&facts.startup_log);
        self.voice.notice("Loading success.");
        self.say_hello();
        self.tell_manager(notify::ready);
        self.tell_manager(|| notify::status("Ready."));
        self.watch_at = self.watch_every.map(|every| Instant::now() + every);
        self.replace_keeper(facts.keeps);
        self.reloaded(Reloaded { good: true, log: facts.startup_log });
        if self.leaving {
            self.leave(Signal::USR1);
        }
    }

    fn say_hello(&mut self) {
        if let Some(hello) = self.hello.take()
            && let Err(e) = hello()
        {
            self.voice.warning(&e);
        }
    }

    /// Lets those know who waited, and begins with the next where there is one.
    fn reloaded(&mut self, how: Reloaded) {
        for waiter in self.waiting.drain(..) {
            // Whoever asked may be gone.
            let _ = waiter.send(how.clone());
        }
        if let Some(waiting) = self.next.take().filter(|_| !self.leaving) {
            self.waiting = waiting;
            self.reload(None);
        }
    }

    /// The worker that started will not serve.
    fn failed(&mut self, why: &str) {
        self.state_due = None;
        self.taking.clear();
        let log = std::mem::take(&mut self.complaint);
        if self.hello.is_some() {
            self.voice.alert(&format!("{why}: nothing serves."));
            self.code = self.code.max(1);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.stale = true;
        match self.child(Role::Current) {
            Some(current) => {
                let text = format!("Reload failed, {why}: the former configuration stays.");
                self.voice.alert(&text);
                current.tell(vec![ToChild::Note(format!("{text} {}", log.replace('\n', " ")))]);
                self.tell_manager(notify::ready);
                self.tell_manager(|| notify::status("Reload failed: the former configuration stays."));
            }
            None => {
                self.voice.alert(&format!("{why}: nothing serves, and it is tried again."));
                self.respawn(Duration::ZERO);
            }
        }
        self.reloaded(Reloaded { good: false, log });
    }

    // ---- ends ----------------------------------------------------------------------------------------------------

    fn reap(&mut self) {
        let pids: Vec<Pid> = self.children.iter().map(|c| c.pid).collect();
        for pid in pids {
            if let Ok(Some((_, status))) = waitpid(Some(pid), WaitOptions::NOHANG)
                && let Some(at) = self.children.iter().position(|c| c.pid == pid)
            {
                let child = self.children.remove(at);
                // What it said last may still wait to be heard.
                while let Ok((pid, said)) = self.said.try_recv() {
                    if child.pid != pid {
                        self.hear(pid, said);
                    } else if let FromChild::Failed(log) = said {
                        self.complaint = log;
                    }
                }
                self.buried(&child, &End::of(status));
            }
        }
    }

    fn buried(&mut self, child: &Child, end: &End) {
        let number = child.number();
        match child.role {
            Role::Former => self.voice.warning(&format!("Former worker ({number}) exited with {end}")),
            Role::Keeper if self.leaving || !self.keeps => {}
            Role::Keeper if end.is(Signal::TERM) => self.start_keeper(),
            Role::Keeper => {
                let wait = self.keeper_backoff.died(child.since.elapsed()).max(KEEPER_REST);
                self.voice.alert(&format!(
                    "The keeper of the certificates ({number}) exited with {end}; another one is started in {} s.",
                    wait.as_secs()
                ));
                self.keeper_at = Some(Instant::now() + wait);
            }
            Role::Starting if self.leaving => {}
            Role::Starting => {
                self.code = if self.hello.is_some() { end.code } else { self.code };
                self.failed(&format!("new worker ({number}) exited with {end}"));
            }
            Role::Current => {
                if self.state_due.is_some() {
                    self.hand_over(String::new());
                }
                self.watch_at = None;
                let text = format!("Current worker ({number}) exited with {end}");
                self.voice.alert(&text);
                self.unwritten = Some(text);
                if !self.leaving && self.child(Role::Starting).is_none() {
                    self.respawn(child.since.elapsed());
                }
            }
        }
    }

    fn respawn(&mut self, lived: Duration) {
        let wait = self.backoff.died(lived);
        if wait.is_zero() {
            self.voice.notice("Another worker is started in its place.");
        } else {
            self.voice.warning(&format!("Another worker is started in {} s.", wait.as_secs()));
        }
        self.respawn_at = Some(Instant::now() + wait);
    }

    // ---- time ----------------------------------------------------------------------------------------------------

    fn due(&self) -> Option<Instant> {
        [self.state_due, self.respawn_at, self.watch_at, self.keeper_at].into_iter().flatten().min()
    }

    fn on_time(&mut self) {
        let past = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if past(self.state_due) {
            self.hand_over(String::new());
        }
        if past(self.respawn_at) {
            self.start();
        }
        if past(self.keeper_at) {
            self.start_keeper();
        }
        if past(self.watch_at) {
            self.watch_at = self.watch_every.map(|every| Instant::now() + every);
            if let Some(current) = self.child(Role::Current) {
                current.tell(vec![ToChild::Ping]);
            }
        }
    }

    fn tell_manager(&self, what: impl FnOnce() -> io::Result<()>) {
        if self.notify
            && let Err(e) = what()
        {
            self.voice.warning(&format!("cannot tell the service manager: {e}"));
        }
    }

    // ---- the master socket ---------------------------------------------------------------------------------------

    fn answer(&mut self, ask: Ask) {
        // Whoever asked may be gone by the time of the answer.
        match ask {
            Ask::Processes(to) => drop(to.send(self.processes())),
            Ask::StartupLog(to) => drop(to.send(self.startup_log.clone())),
            Ask::Reload(to) => self.reload(Some(to)),
            Ask::Stale(to) => drop(to.send(self.stale)),
            Ask::Version(to) => drop(to.send(self.version.clone())),
            Ask::Worker(target, level, to) => {
                let client = self.find(target).and_then(|child| {
                    let (ours, theirs) = UnixStream::pair().ok()?;
                    child.tell(vec![ToChild::Serve(theirs.into(), level)]);
                    Some((child.number(), ours))
                });
                drop(to.send(client));
            }
        }
    }

    fn find(&self, target: Target) -> Option<&Child> {
        match target {
            Target::Relative(1) => self.child(Role::Current),
            Target::Relative(_) | Target::Master => None,
            Target::Process(pid) => {
                let served = |c: &&Child| c.role != Role::Starting && c.number() == pid;
                self.children.iter().find(served)
            }
        }
    }

    fn processes(&self) -> String {
        let row = |pid: &str, kind: &str, reloads: &str, up: &str, version: &str| {
            format!("{pid:<16}{kind:<16}{reloads:<16}{up:<16}{version:<15}\n")
        };
        let mut out = row("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
        let (pid, up) = (std::process::id().to_string(), uptime(self.since.elapsed()));
        let reloads = format!("{} [failed: {}]", self.reloads, self.failures);
        out.push_str(&row(&pid, "master", &reloads, &up, &self.version));
        for (title, role) in [("# workers\n", Role::Current), ("# old workers\n", Role::Former)] {
            let mut of_role = self.children.iter().filter(|c| c.role == role).peekable();
            if role == Role::Current || of_role.peek().is_some() {
                out.push_str(title);
            }
            for child in of_role {
                let (pid, reloads) = (child.number().to_string(), child.reloads.to_string());
                out.push_str(&row(&pid, "worker", &reloads, &uptime(child.since.elapsed()), &child.version));
            }
        }
        out.push_str("# programs\n");
        for child in self.children.iter().filter(|c| c.role == Role::Keeper) {
            let (pid, reloads) = (child.number().to_string(), child.reloads.to_string());
            out.push_str(&row(&pid, "keeper", &reloads, &uptime(child.since.elapsed()), "-"));
        }
        out.push('\n');
        out
    }
}

/// `0d00h02m07s`
fn uptime(up: Duration) -> String {
    let seconds = up.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d{hours:02}h{minutes:02}m{:02}s", seconds % 60)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// How a process ended.
struct End {
    signal: Option<i32>,
    /// As a shell shows it: 128 and the number of a signal.
    code: u8,
    what: String,
}

impl End {
    fn of(status: WaitStatus) -> End {
        let signal = status.terminating_signal().map(|s| 128 + s);
        let code = status.exit_status().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        let what = match status.terminating_signal() {
            Some(signal) => name_of(signal),
            None => "Exit".to_owned(),
        };
        End { signal: status.terminating_signal(), code, what }
    }

    fn is(&self, signal: Signal) -> bool {
        self.signal == Some(signal.as_raw())
    }
}

/// As strsignal(3) calls it.
fn name_of(signal: i32) -> String {
    const NAMES: [(Signal, &str); 8] = [
        (Signal::TERM, "Terminated"),
        (Signal::INT, "Interrupt"),
        (Signal::KILL, "Killed"),
        (Signal::SEGV, "Segmentation fault"),
        (Signal::ABORT, "Aborted"),
        (Signal::BUS, "Bus error"),
        (Signal::ILL, "Illegal instruction"),
        (Signal::USR1, "User defined signal 1"),
    ];
    let known = NAMES.iter().find(|(number, _)| number.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {} ({})", self.code, self.what)
    }
}
