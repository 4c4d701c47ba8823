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

mod answers;
mod backoff;
mod bequest;
mod child;
mod cli;
mod ends;
mod keeping;
mod launch;
mod reload;
mod upgrade;
mod watchdog;
mod work;

pub(crate) use bequest::KIND;
pub use bequest::{Bequest, bequest};
pub use launch::{Launch, program_of};

use crate::message::{FromChild, ToChild};
use crate::notify;
use crate::runtime::Bound;
use crate::signals::{Signals, Wish};
use backoff::Backoff;
use base::reason;
use child::{Child, Role};
use cli::Ask;
use launch::FileId;
use net::Stream;
use rustix::process::{Pid, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use work::Work;

/// Environment: how many seconds a worker may take until it serves.
const START_TIMEOUT: &str = "LOCKGATE_START_TIMEOUT";
/// Where it is not set: as long as systemd lets a start or a reload take.
const START_PATIENCE: Duration = Duration::from_secs(90);

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
    /// The master socket (`-S`).
    pub cli: Option<Bound>,
    /// Tells the service manager (`-Ws`).
    pub notify: bool,
    /// HAProxy's version whose language is spoken.
    pub version: String,
    /// What it begins with.
    pub begin: Begin,
}

/// How a master begins.
pub enum Begin {
    /// It was started.
    Anew {
        /// Listening sockets of a process that is not ours (`-x`).
        sockets: Vec<OwnedFd>,
        /// Done once the first worker serves.
        hello: Hello,
    },
    /// Another program was the master in this process before.
    After(Bequest),
}

/// Runs until all workers are gone; the exit code.
pub fn run(household: Household, voice: impl Voice) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async move { Master::run(household, voice).await })
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
    /// Copies of what the master socket listens on.
    cli_sockets: Vec<OwnedFd>,
    hello: Option<Hello>,
    /// What is listened on.
    sockets: Vec<OwnedFd>,
    /// What the worker that starts has bound so far.
    taking: Vec<OwnedFd>,
    /// What the worker that starts said of its failure.
    complaint: String,
    /// Until when the current worker may tell how its servers stand; the worker that starts waits for it.
    state_due: Option<Instant>,
    /// Until when the worker that starts has to serve, or the program that is tried to answer.
    start_due: Option<Instant>,
    start_patience: Duration,
    /// The other program that the reload in hand has found.
    offered: Option<FileId>,
    /// Whether it was asked and has not answered yet.
    trying: bool,
    /// Until when what is under way holds up that the master becomes that program too; `Some` where it is to.
    upgrade_by: Option<Instant>,
    work: Work,
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
    waiting: Vec<Stream>,
    /// Who waits for the next one; `Some` where there is to be one.
    next: Option<Vec<Stream>>,
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
    fn new(launch: Launch, notify: bool, version: String, voice: V) -> Master<V> {
        let (ear, said) = mpsc::unbounded_channel();
        let text = |name| std::env::var(name).ok();
        let watch = watchdog::interval(
            text("WATCHDOG_USEC").as_deref(),
            text("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        Master {
            launch,
            voice,
            notify,
            version,
            since: Instant::now(),
            children: Vec::new(),
            said,
            ear,
            cli_sockets: Vec::new(),
            hello: None,
            sockets: Vec::new(),
            taking: Vec::new(),
            complaint: String::new(),
            state_due: None,
            start_due: None,
            start_patience: text(START_TIMEOUT)
                .and_then(|s| s.parse().ok())
                .map_or(START_PATIENCE, Duration::from_secs),
            offered: None,
            trying: false,
            upgrade_by: None,
            work: Work::default(),
            respawn_at: None,
            backoff: Backoff::default(),
            keeps: false,
            keeper_at: None,
            keeper_backoff: Backoff::default(),
            watch_every: watch.filter(|_| notify),
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

    async fn run(mut household: Household, voice: V) -> io::Result<u8> {
        let (cli, begin) = (household.cli.take(), household.begin);
        let mut master = Master::new(household.launch, household.notify, household.version, voice);
        let signals = Signals::install()?;
        let ended = signal(SignalKind::child())?;
        // The program that ran here before has held them back until there is somebody to hear them.
        net::signals::release()?;
        let (asker, asked) = mpsc::unbounded_channel();
        if let Some(cli) = cli {
            master.cli_sockets = cli.share()?;
            cli::serve(cli, &asker, &master.work)?;
        }
        master.begin(begin);
        master.live(signals, ended, asked).await;
        master.voice.warning(&format!("All workers exited. Exiting... ({})", master.code));
        Ok(master.code)
    }

    fn begin(&mut self, begin: Begin) {
        match begin {
            Begin::Anew { sockets, hello } => {
                (self.sockets, self.hello) = (sockets, Some(hello));
                self.start();
            }
            Begin::After(left) => self.inherit(left),
        }
    }

    async fn live(
        &mut self,
        mut signals: Signals,
        mut ended: tokio::signal::unix::Signal,
        mut asked: mpsc::UnboundedReceiver<Ask>,
    ) {
        while !self.is_over() {
            let (due, upgrade_by, work) = (self.due(), self.upgrade_by, self.work.clone());
            let event = tokio::select! {
                biased;
                _ = ended.recv() => Event::ChildEnded,
                wish = signals.next() => Event::Wish(wish),
                Some((pid, said)) = self.said.recv() => Event::Said(pid, said),
                // The sender is ours: there is always another.
                Some(ask) = asked.recv() => Event::Asked(ask),
                () = upgrade::moment(upgrade_by, &work) => {
                    self.execute(&mut signals, &mut asked).await;
                    continue;
                }
                () = until(due) => Event::Due,
            };
            self.on(event);
        }
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

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Reload | Wish::Dump => self.reload(None),
            Wish::SoftStop => self.leave(Signal::USR1),
            Wish::Stop(signal) => {
                let how = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
                if how == Signal::INT {
                    // As a shell shows it; an end by SIGTERM is one in order.
                    self.code = 130;
                }
                self.leave(how);
            }
        }
    }

    fn leave(&mut self, how: Signal) {
        if !self.leaving {
            self.voice.warning("Exiting Master process...");
            self.tell_manager(notify::stopping);
        }
        self.leaving = true;
        (self.respawn_at, self.keeper_at, self.keeps) = (None, None, false);
        self.give_up_upgrade();
        // Clients that come now are to be refused, not to wait for nobody.
        (self.sockets, self.taking) = (Vec::new(), Vec::new());
        for child in &self.children {
            // A keeper has nothing to finish that its successor does not take up.
            child.signal(if child.role == Role::Keeper { Signal::TERM } else { how });
        }
    }

    fn due(&self) -> Option<Instant> {
        let all = [self.state_due, self.start_due, self.respawn_at, self.watch_at, self.keeper_at];
        all.into_iter().flatten().min()
    }

    fn on_time(&mut self) {
        let past = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        if past(self.state_due) {
            self.hand_over(String::new());
        }
        if past(self.start_due) {
            self.overdue();
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
                current.tell(vec![ToChild::Ping], &self.work);
            }
        }
    }

    fn tell_manager(&self, what: impl FnOnce() -> io::Result<()>) {
        if self.notify
            && let Err(e) = what()
        {
            self.voice.warning(&format!("cannot tell the service manager: {}", reason(&e)));
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
