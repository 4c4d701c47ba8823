//! The master's own upgrade. A reload that finds another program in the file first asks that one whether it could be the
//! master, then starts it as a worker, and once that serves executes it in the master's place: the process keeps its
//! number, its children and its sockets (`bequest`). Each step before may fail without anything being lost.
//!
//! ```text
//! reload: another file? ── no ──────────────────────────────► worker ── ready ──► done
//!              └── yes ──► trial ── able ──► worker ── ready ──► exec ──► done
//!                            └── ends, is silent, speaks of another kind: the reload failed
//! ```

use super::bequest::{self, Bequest, KIND};
use super::child::{Child, Role};
use super::cli::Ask;
use super::launch::Image;
use super::work::Work;
use super::{Master, Reloaded, Voice};
use crate::signals::Signals;
use crate::worker::SUCCESSOR;
use base::reason;
use net::Stream;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};

/// How long a program may take to tell whether it could be the master: it reads its arguments, and nothing else.
const TRIAL_PATIENCE: Duration = Duration::from_secs(10);
/// How long what is under way on the master socket may hold up the exec; what takes longer is cut off.
const WORK_PATIENCE: Duration = Duration::from_secs(5);
/// A turn of the runtime, in which signals that came in time are seen.
const TURN: Duration = Duration::from_millis(1);

impl<V: Voice> Master<V> {
    /// What a reload begins with.
    pub(super) fn begin_reload(&mut self) {
        match self.launch.replaced() {
            Ok(None) => self.start(),
            Ok(Some(file)) => {
                self.offered = Some(file);
                self.try_program();
            }
            Err(e) => self.fail(&format!(
                "cannot find the program {}: {}",
                self.launch.program.display(),
                reason(&e)
            )),
        }
    }

    /// The program that children are started from.
    pub(super) fn image(&self) -> Image {
        if self.offered.is_some() { Image::File } else { Image::Own }
    }

    fn try_program(&mut self) {
        let program = self.launch.program.display().to_string();
        self.voice.notice(&format!("The program {program} was replaced: asking the new one."));
        let started = self.launch.child(Image::File, SUCCESSOR);
        match started.and_then(|(pid, end)| Child::new(pid, Role::Trial, end, self.ear.clone())) {
            Ok(child) => {
                self.children.push(child);
                self.trying = true;
                self.start_due = Some(Instant::now() + TRIAL_PATIENCE);
            }
            Err(e) => self.fail(&format!("cannot run the new program {program}: {}", reason(&e))),
        }
    }

    /// The program has answered.
    pub(super) fn judge(&mut self, kind: u32) {
        self.trying = false;
        if kind == KIND {
            self.start();
        } else {
            self.fail("the new program cannot take the master's place: stop this one and start it instead");
        }
    }

    /// The worker of the new program serves: the master follows as soon as nothing is cut off by it.
    pub(super) fn upgrade(&mut self) {
        self.upgrade_by = Some(Instant::now() + WORK_PATIENCE);
    }

    /// All are to leave: nothing is executed, and those who wait are told what the reload came to.
    pub(super) fn give_up_upgrade(&mut self) {
        if self.upgrade_by.take().is_some() {
            self.offered = None;
            self.reloaded(&Reloaded { good: true, log: self.startup_log.clone() });
        }
    }

    /// Executes the new program; goes on where that fails, or has to wait.
    pub(super) async fn execute(&mut self, signals: &mut Signals, asked: &mut mpsc::UnboundedReceiver<Ask>) {
        if let Err(e) = net::signals::hold() {
            return self.stay(&e);
        }
        self.settle(signals, asked).await;
        // What came meanwhile may have something to be done, or nothing left to do.
        let by = self.upgrade_by.filter(|by| self.work.is_over() || *by <= Instant::now());
        let failed = by.map(|_| self.give_way());
        // A mask that could be set can be set back.
        let _ = net::signals::release();
        if let Some(e) = failed {
            self.stay(&e);
        }
    }

    /// Hears what was said before: no more can come from a signal, and the rest waits in sockets for the next program.
    async fn settle(&mut self, signals: &mut Signals, asked: &mut mpsc::UnboundedReceiver<Ask>) {
        while let Ok(wish) = timeout(TURN, signals.next()).await {
            self.wish(wish);
        }
        while let Ok((pid, said)) = self.said.try_recv() {
            self.hear(pid, said);
        }
        while let Ok(ask) = asked.try_recv() {
            self.answer(ask);
        }
    }

    /// Returns only what went wrong.
    fn give_way(&mut self) -> io::Error {
        match self.launch.replaced() {
            Ok(file) if file == self.offered => {}
            Ok(_) => return io::Error::other("the program was replaced once more"),
            Err(e) => return e,
        }
        let end = self.bequeath().and_then(|mut left| {
            left.sockets = std::mem::take(&mut self.sockets);
            let end = left.send();
            self.sockets = left.sockets;
            end
        });
        match end {
            Ok(end) => self.launch.execute(bequest::variable(&end)),
            Err(e) => e,
        }
    }

    fn bequeath(&self) -> io::Result<Bequest> {
        Ok(Bequest {
            age: self.since.elapsed(),
            reloads: self.reloads,
            failures: self.failures,
            keeps: self.keeps,
            startup_log: self.startup_log.clone(),
            stdin: self.launch.stdin.as_deref().map(|text| String::from_utf8_lossy(text).into_owned()),
            children: self.children.iter().map(Child::bequeath).collect::<io::Result<_>>()?,
            sockets: Vec::new(),
            cli: self.cli_sockets.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?,
            waiting: descriptors(&self.waiting)?,
            next: self.next.as_deref().map(descriptors).transpose()?,
        })
    }

    /// The new program's worker serves under this master.
    fn stay(&mut self, why: &io::Error) {
        let text =
            format!("The master stays what it was, the new program could not be executed: {}", reason(why));
        self.voice.alert(&text);
        (self.upgrade_by, self.offered) = (None, None);
        self.reloaded(&Reloaded { good: true, log: format!("{}{text}\n", self.startup_log) });
    }

    /// Takes over what the program that ran in this process before has left.
    pub(super) fn inherit(&mut self, left: Bequest) {
        self.since = Instant::now().checked_sub(left.age).unwrap_or(self.since);
        (self.reloads, self.failures, self.keeps) = (left.reloads, left.failures, left.keeps);
        self.startup_log = left.startup_log;
        self.sockets = left.sockets;
        for heir in left.children {
            let number = heir.pid.as_raw_nonzero();
            match Child::adopt(heir, self.ear.clone()) {
                Ok(child) => self.children.push(child),
                Err(e) => self
                    .voice
                    .alert(&format!("cannot speak to the former program's child {number}: {}", reason(&e))),
            }
        }
        self.waiting = streams(left.waiting);
        self.next = left.next.map(streams);
        self.voice.notice(&format!("The master is the new program now, version {}.", self.version));
        self.go_on();
    }

    fn go_on(&mut self) {
        self.watch_at = self.watch_every.map(|every| Instant::now() + every);
        self.reap();
        if self.keeps && self.child(Role::Keeper).is_none() {
            self.start_keeper();
        }
        self.reloaded(&Reloaded { good: true, log: self.startup_log.clone() });
    }
}

/// Ready when the new program may be executed; never where there is none.
pub(super) async fn moment(by: Option<Instant>, work: &Work) {
    match by {
        // What is not over by then is cut off.
        Some(by) => drop(timeout_at(by.into(), work.over()).await),
        None => std::future::pending().await,
    }
}

fn descriptors(streams: &[Stream]) -> io::Result<Vec<OwnedFd>> {
    streams.iter().map(|stream| stream.as_fd().try_clone_to_owned()).collect()
}

/// A client that cannot be spoken to gets no answer.
fn streams(descriptors: Vec<OwnedFd>) -> Vec<Stream> {
    descriptors.into_iter().filter_map(|fd| Stream::adopt(fd).ok()).collect()
}
