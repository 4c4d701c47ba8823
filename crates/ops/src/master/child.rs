//! A child, worker or keeper, as its master sees it.

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
    /// Loads its configuration.
    Starting,
    /// Serves.
    Current,
    /// Was replaced, and finishes what it has.
    Former,
    /// Looks after certificates, with the master's rights.
    Keeper,
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
        Ok(Child { pid, role, reloads: 0, since, version, channel })
    }

    /// Says something, without waiting for it to be heard. One task a conversation keeps the order.
    pub(super) fn tell(&self, all: Vec<ToChild>) {
        let channel = self.channel.clone();
        tokio::task::spawn_local(async move {
            for said in all {
                // A worker that is gone needs not hear it.
                if said.send(&channel).await.is_err() {
                    return;
                }
            }
        });
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
