//! The keeper of the certificates as the master sees it: started where a configuration has something to keep, replaced
//! with each configuration, and brought together with the worker that serves.

use super::child::{Child, Role};
use super::{Master, Voice};
use crate::message::ToChild;
use crate::worker::KEEPER;
use base::reason;
use proxy::stats_socket::CliLevel;
use rustix::process::{Pid, Signal};
use std::os::unix::net::UnixStream;

impl<V: Voice> Master<V> {
    /// Brings a child and another together.
    pub(super) fn connect(&self, asker: Pid, with: Role) {
        let Some(asker) = self.children.iter().find(|c| c.pid == asker) else { return };
        let ends = self.child(with).and_then(|with| Some((with, UnixStream::pair().ok()?)));
        let session = ends.map(|(with, (ours, theirs))| {
            with.tell(vec![ToChild::Serve(theirs.into(), CliLevel::Admin)], &self.work);
            ours.into()
        });
        asker.tell(vec![ToChild::Session(session)], &self.work);
    }

    /// Starts a keeper for the configuration that is served now, if there is something to keep, in place of the old one:
    /// what that was doing is taken up by its successor.
    pub(super) fn replace_keeper(&mut self, wanted: bool) {
        self.keeps = wanted;
        self.keeper_at = None;
        match self.child(Role::Keeper) {
            // Its end starts the next.
            Some(keeper) => keeper.signal(Signal::TERM),
            None if wanted => self.start_keeper(),
            None => {}
        }
    }

    pub(super) fn start_keeper(&mut self) {
        self.keeper_at = None;
        let started = self.launch.child(self.image(), KEEPER);
        match started.and_then(|(pid, end)| Child::new(pid, Role::Keeper, end, self.ear.clone())) {
            Ok(child) => self.children.push(child),
            Err(e) => {
                self.voice.alert(&format!("cannot start the keeper of the certificates: {}", reason(&e)))
            }
        }
    }
}
