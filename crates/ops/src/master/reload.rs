//! A reload: another worker is started beside the one that serves, is handed what the master holds, and takes its place
//! once it serves itself. Until then nothing is changed, so that one that fails costs nothing.

use super::child::{Child, Role};
use super::{Master, Reloaded, START_TIMEOUT, Voice, cli};
use crate::message::{Facts, FromChild, ToChild};
use crate::notify;
use crate::worker::WORKER;
use base::reason;
use net::Stream;
use rustix::process::{Pid, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long the former worker may take to tell how its servers stand. Longer, and the new one finds out by itself.
const STATE_PATIENCE: Duration = Duration::from_secs(2);

impl<V: Voice> Master<V> {
    /// Begins a reload, now or after the one in hand; `waiter` is told how it went.
    pub(super) fn reload(&mut self, waiter: Option<Stream>) {
        if self.leaving {
            return;
        }
        if self.is_reloading() {
            self.next.get_or_insert_default().extend(waiter);
            return;
        }
        self.voice.notice("Reloading the configuration.");
        self.tell_manager(notify::reloading);
        self.reloads = self.reloads.saturating_add(1);
        self.waiting.extend(waiter);
        self.begin_reload();
    }

    fn is_reloading(&self) -> bool {
        let starting = self.child(Role::Trial).or(self.child(Role::Starting));
        starting.is_some() || self.upgrade_by.is_some()
    }

    /// Starts a worker beside the current one, or instead of one that died.
    pub(super) fn start(&mut self) {
        self.respawn_at = None;
        self.taking.clear();
        self.complaint.clear();
        let started = self.launch.child(self.image(), WORKER);
        match started.and_then(|(pid, end)| Child::new(pid, Role::Starting, end, self.ear.clone())) {
            Ok(child) => {
                self.voice.notice(&format!("New worker ({}) started", child.number()));
                self.children.push(child);
                self.start_due = Some(Instant::now() + self.start_patience);
            }
            Err(e) => self.fail(&format!(
                "cannot start a worker, {}: {}",
                self.launch.program.display(),
                reason(&e)
            )),
        }
    }

    pub(super) fn hear(&mut self, pid: Pid, said: FromChild) {
        let heard = self.children.iter().find(|c| c.pid == pid && !c.given_up);
        let Some(role) = heard.map(|c| c.role) else { return };
        match (role, said) {
            (Role::Trial, FromChild::Able(kind)) => self.judge(kind),
            (Role::Starting, FromChild::Want) => self.ask_for_state(),
            (Role::Starting, FromChild::Bound(sockets)) => self.taking.extend(sockets),
            (Role::Starting, FromChild::Ready(facts)) => self.promote(facts),
            (Role::Starting, FromChild::Failed(log)) => self.complaint = log,
            (Role::Current, FromChild::State(state)) if self.state_due.is_some() => self.hand_over(state),
            (Role::Current, FromChild::Alive) => self.tell_manager(notify::alive),
            (Role::Current | Role::Former, FromChild::Connect) => self.connect(pid, Role::Keeper),
            (Role::Keeper, FromChild::Connect) => self.connect(pid, Role::Current),
            // What comes too late, or out of turn, is of no use.
            (Role::Trial | Role::Starting | Role::Current | Role::Former | Role::Keeper, _) => {}
        }
    }

    fn ask_for_state(&mut self) {
        match self.child(Role::Current) {
            Some(current) => {
                current.tell(vec![ToChild::TellState], &self.work);
                self.state_due = Some(Instant::now() + STATE_PATIENCE);
            }
            None => self.hand_over(String::new()),
        }
    }

    pub(super) fn hand_over(&mut self, state: String) {
        self.state_due = None;
        let copies: io::Result<Vec<OwnedFd>> = self.sockets.iter().map(OwnedFd::try_clone).collect();
        let Some(starting) = self.child(Role::Starting) else { return };
        match copies {
            Ok(copies) => starting.tell(vec![ToChild::Sockets(copies), ToChild::State(state)], &self.work),
            Err(e) => {
                self.voice.alert(&format!("cannot hand over the listening sockets: {}", reason(&e)));
                starting.signal(Signal::TERM);
            }
        }
    }

    /// The worker that starts serves.
    fn promote(&mut self, facts: Facts) {
        self.start_due = None;
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
                Role::Trial | Role::Keeper => continue,
            }
            child.reloads += u32::from(replaced);
            if facts.max_reloads.is_some_and(|most| child.reloads > most) {
                child.signal(Signal::TERM);
            }
        }
        if let Some(text) = self.unwritten.take()
            && let Some(current) = self.child(Role::Current)
        {
            current.tell(vec![ToChild::Note(text)], &self.work);
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
        if self.leaving {
            self.leave(Signal::USR1);
        }
        if self.offered.is_some() && !self.leaving {
            self.upgrade();
        } else {
            self.reloaded(&Reloaded { good: true, log: facts.startup_log });
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
    pub(super) fn reloaded(&mut self, how: &Reloaded) {
        for waiter in self.waiting.drain(..) {
            let (how, piece) = (how.clone(), self.work.begin());
            tokio::task::spawn_local(async move {
                cli::tell_reloaded(waiter, how).await;
                drop(piece);
            });
        }
        if let Some(waiting) = self.next.take().filter(|_| !self.leaving) {
            self.waiting = waiting;
            self.reload(None);
        }
    }

    /// Nothing was started; why is all there is to say.
    pub(super) fn fail(&mut self, why: &str) {
        self.complaint = format!("{why}\n");
        self.failed(why);
    }

    /// The worker or the program that started is given up: it takes too long.
    pub(super) fn overdue(&mut self) {
        self.start_due = None;
        let late = self.children.iter_mut().find(|c| matches!(c.role, Role::Trial | Role::Starting));
        let Some(late) = late else { return };
        late.given_up = true;
        // It serves nobody, and may be stuck where it hears nothing else.
        late.signal(Signal::KILL);
        self.complaint = format!(
            "It was not ready within {} s and was ended. Does it wait for a name, a file or a pipe? {START_TIMEOUT}, in \
             seconds, gives it more time.\n",
            late.since.elapsed().as_secs()
        );
    }

    /// The worker that started will not serve.
    pub(super) fn failed(&mut self, why: &str) {
        (self.state_due, self.start_due, self.offered) = (None, None, None);
        self.trying = false;
        self.taking.clear();
        let mut log = std::mem::take(&mut self.complaint);
        if log.is_empty() {
            log = format!("{why}\n");
        }
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
                current.tell(vec![ToChild::Note(format!("{text} {}", log.replace('\n', " ")))], &self.work);
                self.tell_manager(notify::ready);
                self.tell_manager(|| notify::status("Reload failed: the former configuration stays."));
            }
            None => {
                self.voice.alert(&format!("{why}: nothing serves, and it is tried again."));
                self.respawn(Duration::ZERO);
            }
        }
        self.reloaded(&Reloaded { good: false, log });
    }
}
