//! Slots of a server: sessions at once up to `maxconn`, those that wait for one, and idle connections. Written at every
//! request, by all threads.

use super::{Load, Server};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What every request writes, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Counters {
    sessions: AtomicU32,
    queued: AtomicU32,
    sessions_max: AtomicU32,
    queued_max: AtomicU32,
    total: AtomicU64,
    idle: AtomicU32,
}

impl Server {
    /// `maxconn` as it runs; 0 is no limit.
    pub fn maxconn(&self) -> u32 {
        self.maxconn.load(Ordering::Relaxed)
    }

    /// Changes `maxconn` (agents and operators may).
    pub fn set_maxconn(&self, maxconn: u32) {
        self.maxconn.store(maxconn, Ordering::SeqCst);
    }

    /// Sessions that may run at once now: `maxconn`, moved down to `minconn` while the backend carries less than
    /// `fullconn` (manual, `fullconn`), and throttled by a slow start. 0 is no limit.
    pub fn dynamic_maxconn(&self, load: &Load) -> u32 {
        let most = self.maxconn();
        if most == 0 {
            return 0;
        }
        let least = self.facts.minconn;
        let scaled = if least == 0 || least >= most { most } else { load.scale(most).clamp(least, most) };
        match self.throttle() {
            100 => scaled,
            percent => (u64::from(scaled) * u64::from(percent) / 100).max(1) as u32,
        }
    }

    /// No slot is free, or others wait for one.
    pub fn saturated(&self, load: &Load) -> bool {
        if self.maxconn() == 0 {
            return false;
        }
        self.queued() > 0 || self.sessions() >= self.dynamic_maxconn(load)
    }

    /// Takes a slot if one is free. Does not look at the queue: that is `Balance`'s.
    pub(crate) fn admit(&self, load: &Load) -> bool {
        let limit = self.dynamic_maxconn(load);
        let take = |n: u32| (limit == 0 || n < limit).then(|| n.saturating_add(1));
        let Ok(before) = self.counters.sessions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) else {
            return false;
        };
        self.counters.total.fetch_add(1, Ordering::Relaxed);
        raise(&self.counters.sessions_max, before.saturating_add(1));
        true
    }

    /// Gives a slot back. Whoever does this must also look at the queue: `Slot`'s drop does both.
    pub(crate) fn release(&self) {
        let before = self.counters.sessions.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(before > 0, "a slot was given back twice");
    }

    pub(crate) fn note_queued(&self) {
        let before = self.counters.queued.fetch_add(1, Ordering::SeqCst);
        raise(&self.counters.queued_max, before.saturating_add(1));
    }

    pub(crate) fn note_dequeued(&self) {
        self.counters.queued.fetch_sub(1, Ordering::SeqCst);
    }

    /// Sessions that hold a slot now.
    pub fn sessions(&self) -> u32 {
        self.counters.sessions.load(Ordering::SeqCst)
    }

    /// The most sessions seen at once.
    pub fn sessions_max(&self) -> u32 {
        self.counters.sessions_max.load(Ordering::Relaxed)
    }

    /// Begins the count of sessions with those of a predecessor.
    pub fn begin_sessions_with(&self, total: u64) {
        self.counters.total.store(total, Ordering::Relaxed);
    }

    /// Sessions since the start.
    pub fn sessions_total(&self) -> u64 {
        self.counters.total.load(Ordering::Relaxed)
    }

    /// Waiting for this very server now.
    pub fn queued(&self) -> u32 {
        self.counters.queued.load(Ordering::SeqCst)
    }

    /// The most that waited at once.
    pub fn queued_max(&self) -> u32 {
        self.counters.queued_max.load(Ordering::Relaxed)
    }

    /// `maxqueue` is reached: who comes now goes elsewhere.
    pub fn queue_is_full(&self) -> bool {
        self.facts.maxqueue > 0 && self.queued() >= self.facts.maxqueue
    }

    /// Idle connections kept to it, over all threads.
    pub fn idle(&self) -> u32 {
        self.counters.idle.load(Ordering::Relaxed)
    }

    /// An idle connection was put into some thread's pool.
    pub fn note_idle(&self) {
        self.counters.idle.fetch_add(1, Ordering::Relaxed);
    }

    /// An idle connection left its pool.
    pub fn note_unidle(&self) {
        self.counters.idle.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Raises a maximum, writing only where it grows.
fn raise(most: &AtomicU32, value: u32) {
    if most.load(Ordering::Relaxed) < value {
        most.fetch_max(value, Ordering::Relaxed);
    }
}
