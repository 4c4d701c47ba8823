//! The states a server can be in: the verdict of its checks and the wishes of its operators, which are independent.

use std::fmt;

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
