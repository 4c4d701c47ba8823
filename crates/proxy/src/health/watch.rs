//! What moves in a server's checks while they run: the counters, the last report, and what operators changed at run
//! time. Behind a lock that only the control thread and operators take; no request ever looks here.

use super::finding::Report;
use super::rise::Rise;
use config::model::InitState;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The moving half of a [`super::plan::ServerHealth`].
pub struct Watch(Mutex<Moving>);

/// See [`Watch`].
pub struct Moving {
    /// Counts the check's verdicts.
    pub(super) check: Rise,
    /// Counts the agent's.
    pub(super) agent: Rise,
    /// What the last check found; `None` before the first.
    pub last: Option<Report>,
    /// What the last agent check found; `None` before the first.
    pub advice: Option<Report>,
    /// Checks that failed while the server was up.
    pub failed: u64,
    /// `disable health` puts it off.
    pub check_on: bool,
    /// `disable agent` puts it off.
    pub agent_on: bool,
    /// `set server … check-addr` and `check-port`
    pub check_at: Elsewhere,
    /// `set server … agent-addr` and `agent-port`
    pub agent_at: Elsewhere,
    /// `set server … agent-send`
    pub agent_send: Option<Box<[u8]>>,
}

/// Where operators sent checks or agent checks; `None` is where they went before.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // named as they are
pub struct Elsewhere {
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
}

impl Watch {
    /// Everything on, up with one failure to fall.
    pub fn new(rise: u32, fall: u32) -> Watch {
        Watch(Mutex::new(Moving {
            check: Rise::new(rise, fall),
            agent: Rise::new(1, 1),
            last: None,
            advice: None,
            failed: 0,
            check_on: true,
            agent_on: true,
            check_at: Elsewhere::default(),
            agent_at: Elsewhere::default(),
            agent_send: None,
        }))
    }

    /// A server that an operator adds is not checked before an operator wants it.
    pub(crate) fn put_off(&self) {
        let mut moving = self.lock();
        moving.check_on = false;
        moving.agent_on = false;
        moving.check.drop_down();
    }

    /// The moving parts. Hold the guard for a moment only, and never across a wait.
    pub fn lock(&self) -> MutexGuard<'_, Moving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moving {
    /// The check's counter, from 0 to `rise + fall - 1`.
    pub fn check_count(&self) -> u32 {
        self.check.count()
    }

    /// The agent's counter, 0 or 1.
    pub fn agent_count(&self) -> u32 {
        self.agent.count()
    }

    /// As logs show it: `2/3 UP`, `0/2 DOWN`.
    pub fn check_status(&self) -> String {
        self.check.status()
    }

    /// `init-state`
    pub(crate) fn begin_as(&mut self, state: InitState) {
        match state {
            InitState::Up => {}
            InitState::FullyUp => self.check.resume(u32::MAX),
            InitState::Down => self.check.resume(self.check.last_of_down()),
            InitState::FullyDown => self.check.resume(0),
        }
    }

    /// Goes on from a count that was carried over.
    pub fn resume(&mut self, count: u32) {
        self.check.resume(count);
    }

    /// Both the check and the agent, as far as they are on, must agree for a server to be up.
    pub(super) fn agree(&self) -> bool {
        (!self.check_on || self.check.is_up()) && (!self.agent_on || self.agent.is_up())
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new(super::plan::RISE, super::plan::FALL)
    }
}
