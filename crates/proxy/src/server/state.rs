//! The states a server can be in: the verdict of its checks and the wishes of its operators, which are independent; and
//! how they change.

use super::Server;
use config::model::InitState;
use std::fmt;
use std::sync::atomic::Ordering;

/// The verdict of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// Takes nothing.
    Down = 0,
    /// Takes everything.
    Up = 1,
    /// Answers 404 to its check under `disable-on-404`: keeps those it has, takes no newcomers.
    Stopping = 2,
}

impl Health {
    pub(super) fn from_u8(value: u8) -> Health {
        match value {
            0 => Health::Down,
            2 => Health::Stopping,
            _ => Health::Up,
        }
    }
}

/// Administrative wishes, a set of bits, numbered as in `show servers state` (management guide 9.3). "Inherited" ones
/// come from the tracked server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admin(u8);

impl Admin {
    /// Forced into maintenance.
    pub const MAINT_FORCED: Admin = Admin(1);
    /// The tracked server is in maintenance.
    pub const MAINT_INHERITED: Admin = Admin(2);
    /// `disabled` in the configuration.
    pub const MAINT_CONFIG: Admin = Admin(4);
    /// Its name does not resolve.
    pub const MAINT_RESOLUTION: Admin = Admin(32);
    /// Forced to drain.
    pub const DRAIN_FORCED: Admin = Admin(8);
    /// The tracked server drains.
    pub const DRAIN_INHERITED: Admin = Admin(16);

    /// `MAINT_CONFIG` only tells where a forced maintenance came from: `state ready` ends it.
    const MAINT: u8 = 1 | 2 | 32;
    const DRAIN: u8 = 8 | 16;

    /// Both sets.
    pub fn with(self, other: Admin) -> Admin {
        Admin(self.0 | other.0)
    }

    /// This set but for the other.
    pub fn without(self, other: Admin) -> Admin {
        Admin(self.0 & !other.0)
    }

    /// Any bit in common.
    pub fn has(self, other: Admin) -> bool {
        self.0 & other.0 != 0
    }

    /// In maintenance for whatever reason.
    pub fn is_maint(self) -> bool {
        self.0 & Admin::MAINT != 0
    }

    /// Draining for whatever reason.
    pub fn is_drain(self) -> bool {
        self.0 & Admin::DRAIN != 0
    }

    /// In maintenance because its name does not resolve.
    pub fn is_unresolved(self) -> bool {
        self.has(Admin::MAINT_RESOLUTION)
    }

    /// As a number.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From a number; unknown bits have no meaning.
    pub fn from_bits(bits: u8) -> Admin {
        Admin(bits)
    }
}

/// Health and admin as one word, as statistics and logs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `UP`
    Up,
    /// `DOWN`
    Down,
    /// `NOLB`
    NoLb,
    /// `DRAIN`
    Drain,
    /// `MAINT`
    Maint,
}

impl Status {
    /// Maintenance hides all else; a drained server that is down is down.
    pub fn of(health: Health, admin: Admin) -> Status {
        match health {
            Health::Down | Health::Up | Health::Stopping if admin.is_maint() => Status::Maint,
            Health::Down => Status::Down,
            Health::Up | Health::Stopping if admin.is_drain() => Status::Drain,
            Health::Up => Status::Up,
            Health::Stopping => Status::NoLb,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Up => "UP",
            Status::Down => "DOWN",
            Status::NoLb => "NOLB",
            Status::Drain => "DRAIN",
            Status::Maint => "MAINT",
        })
    }
}

impl Server {
    /// `init-state`, before checks begin.
    pub(crate) fn begin_as(&self, state: InitState) {
        self.checks.watch.lock().begin_as(state);
        if matches!(state, InitState::Down | InitState::FullyDown) {
            self.health.store(Health::Down as u8, Ordering::Release);
        }
    }

    /// What the checks think of it.
    pub fn health(&self) -> Health {
        Health::from_u8(self.health.load(Ordering::Acquire))
    }

    /// What operators and the configuration want of it.
    pub fn admin(&self) -> Admin {
        Admin::from_bits(self.admin.load(Ordering::Acquire))
    }

    /// Both, as one word for people.
    pub fn status(&self) -> Status {
        Status::of(self.health(), self.admin())
    }

    /// Up for those who already belong to it: persistence still reaches a server that drains, has weight 0 or
    /// answers 404 to its check.
    pub fn is_up(&self) -> bool {
        self.health() != Health::Down && !self.admin().is_maint()
    }

    /// Up for newcomers: what balancing may choose.
    pub fn is_usable(&self) -> bool {
        self.is_up() && self.takes_newcomers() && self.effective_weight.load(Ordering::Relaxed) > 0
    }

    pub(super) fn takes_newcomers(&self) -> bool {
        self.health() != Health::Stopping && !self.admin().is_drain()
    }

    /// Sets the verdict of the checks; true where it changed. Coming up begins the slow start.
    pub fn set_health(&self, health: Health, now_ms: u64) -> bool {
        let was_up = self.is_up();
        let before = Health::from_u8(self.health.swap(health as u8, Ordering::AcqRel));
        if before == health {
            return false;
        }
        self.note_change(was_up, now_ms);
        self.errors.store(0, Ordering::Relaxed);
        match (before, health) {
            (Health::Down, Health::Up | Health::Stopping) => self.begin_slowstart(now_ms),
            (Health::Up | Health::Stopping, Health::Down) => {
                self.down_transitions.fetch_add(1, Ordering::Relaxed);
            }
            (Health::Up, Health::Stopping) | (Health::Stopping, Health::Up) => {}
            (Health::Down, Health::Down)
            | (Health::Up, Health::Up)
            | (Health::Stopping, Health::Stopping) => {}
        }
        true
    }

    /// Sets and clears administrative bits; true where it changed. Leaving maintenance begins the slow start.
    pub fn change_admin(&self, set: Admin, clear: Admin, now_ms: u64) -> bool {
        let was_up = self.is_up();
        let change = |bits: u8| Some((bits & !clear.bits()) | set.bits());
        let before = self.admin.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).unwrap_or_default();
        let (before, after) = (Admin::from_bits(before), self.admin());
        if before == after {
            return false;
        }
        if before.is_maint() && !after.is_maint() && self.health() != Health::Down {
            self.begin_slowstart(now_ms);
        }
        if !before.is_maint() && after.is_maint() && self.health() != Health::Down {
            self.down_transitions.fetch_add(1, Ordering::Relaxed);
        }
        self.note_change(was_up, now_ms);
        true
    }

    /// When its state last changed, in the caller's milliseconds.
    pub fn last_change(&self) -> u64 {
        self.last_change.load(Ordering::Relaxed)
    }

    /// Carries over when it last changed.
    pub fn set_last_change(&self, at_ms: u64) {
        self.last_change.store(at_ms, Ordering::Relaxed);
    }

    /// How long it took nothing up to now, milliseconds; what was before its first change does not count.
    pub fn downtime(&self, now_ms: u64) -> u64 {
        let since = self.last_change();
        let now = if self.is_up() || since == 0 { 0 } else { now_ms.saturating_sub(since) };
        self.downtime.load(Ordering::Relaxed) + now
    }

    /// Its state changes now; `was_up`: before.
    fn note_change(&self, was_up: bool, now_ms: u64) {
        let since = self.last_change.swap(now_ms, Ordering::Relaxed);
        if !was_up && since > 0 {
            self.downtime.fetch_add(now_ms.saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// How often it went down.
    pub fn down_transitions(&self) -> u32 {
        self.down_transitions.load(Ordering::Relaxed)
    }

    /// Counts an error that `observe` saw; returns how many came in a row.
    pub fn note_error(&self) -> u32 {
        self.errors.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Ends a row of errors. Reads first: a healthy server is not written to at every request.
    pub fn note_success(&self) {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
    }
}
