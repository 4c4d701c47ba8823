//! A reload: another worker is started beside the one that serves, is handed what the master holds, and takes its place
//! once it serves itself. Until then nothing is changed, so that one that fails costs nothing.

use super::child::{Child, Role};
use super::{Master, Reloaded, Voice};
use crate::message::{Facts, FromChild, ToChild};
use crate::notify;
use crate::worker::WORKER;
use rustix::process::{Pid, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long the former worker may take to tell how its servers stand. Longer, and the new one finds out by itself.
const STATE_PATIENCE: Duration = Duration::from_secs(2);

impl<V: Voice> Master<V> {
    pub(super) fn reload(&mut self, waiter: Option<oneshot::Sender<Reloaded>>) {
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
    pub(super) fn start(&mut self) {
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

    pub(super) fn hear(&mut self, pid: Pid, said: FromChild) {
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

    fn ask_for_state(&mut self) {
        match self.child(Role::Current) {
            Some(current) => {
                current.tell(vec![ToChild::TellState]);
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
    pub(super) fn failed(&mut self, why: &str) {
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
}
