//! A child, worker or keeper, as its master sees it.

use super::bequest::Heir;
use super::work::Work;
use crate::message::{FromChild, ToChild};
use net::channel::Channel;
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Instant;
use tokio::sync::mpsc;

/// What its place in the household is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The program that lies in the file by now: tells whether it could be the master (`upgrade`).
    Trial,
    /// Loads its configuration.
    Starting,
    /// Serves.
    Current,
    /// Was replaced, and finishes what it has.
    Former,
    /// Looks after certificates, with the master's rights.
    Keeper,
}

impl Role {
    const ALL: [Role; 5] = [Role::Trial, Role::Starting, Role::Current, Role::Former, Role::Keeper];

    /// What it is called among masters.
    pub(super) fn word(self) -> &'static str {
        match self {
            Role::Trial => "trial",
            Role::Starting => "starting",
            Role::Current => "current",
            Role::Former => "former",
            Role::Keeper => "keeper",
        }
    }

    /// Which one is called so.
    pub(super) fn of(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A child.
#[derive(Debug)]
pub(super) struct Child {
    /// Its process.
    pub(super) pid: Pid,
    /// Its place.
    pub(super) role: Role,
    /// Reloads that it has outlived.
    pub(super) reloads: u32,
    /// When it was started.
    pub(super) since: Instant,
    /// Its program's version, once it has said so.
    pub(super) version: String,
    /// Whether it is to end, whatever it still says.
    pub(super) given_up: bool,
    /// Where it hears us.
    channel: Rc<Channel>,
}

impl Child {
    /// A child that was just started; what it says goes to `events` with its process number.
    pub(super) fn new(
        pid: Pid,
        role: Role,
        end: OwnedFd,
        events: mpsc::UnboundedSender<(Pid, FromChild)>,
    ) -> std::io::Result<Child> {
        let channel = Rc::new(Channel::new(end)?);
        let ear = channel.clone();
        tokio::task::spawn_local(async move {
            // A worker that is gone is noticed by its end, not by its silence.
            while let Ok(Some(message)) = ear.receive().await {
                let said = FromChild::read(message);
                if said.is_some_and(|said| events.send((pid, said)).is_err()) {
                    return;
                }
            }
        });
        let (since, version) = (Instant::now(), "-".to_owned());
        Ok(Child { pid, role, reloads: 0, since, version, given_up: false, channel })
    }

    /// A child that another program has started in this process.
    pub(super) fn adopt(
        heir: Heir,
        events: mpsc::UnboundedSender<(Pid, FromChild)>,
    ) -> std::io::Result<Child> {
        let Heir { pid, role, reloads, age, version, channel } = heir;
        let since = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        Ok(Child { reloads, since, version, ..Child::new(pid, role, channel, events)? })
    }

    /// What another program in this process needs to adopt it.
    pub(super) fn bequeath(&self) -> std::io::Result<Heir> {
        let (pid, role, reloads, version) = (self.pid, self.role, self.reloads, self.version.clone());
        let channel = self.channel.as_fd().try_clone_to_owned()?;
        Ok(Heir { pid, role, reloads, age: self.since.elapsed(), version, channel })
    }

    /// Says something, without waiting for it to be heard. One task a conversation keeps the order.
    pub(super) fn tell(&self, all: Vec<ToChild>, work: &Work) {
        let (channel, piece) = (self.channel.clone(), work.begin());
        tokio::task::spawn_local(async move {
            let _under_way = piece;
            for said in all {
                // A worker that is gone needs not hear it.
                if said.send(&channel).await.is_err() {
                    return;
                }
            }
        });
    }

    /// What it has said and nobody has heard yet, once it is gone.
    pub(super) fn last_words(&self) -> Vec<FromChild> {
        let next = || net::channel::receive(self.channel.as_fd()).ok().flatten();
        std::iter::from_fn(next).filter_map(FromChild::read).collect()
    }

    /// Sends a signal. A worker that is gone already does not mind.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Its process number for people.
    pub(super) fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }
}
