//! A server's weight: what its line, agents and operators say, and what a slow start leaves of it.

use super::Server;
use std::sync::atomic::Ordering;

/// The largest weight a server can have.
pub const MAX_WEIGHT: u16 = 256;

/// Effective weights count in sixteenths of a configured weight, so that a slow start has steps to climb.
pub const WEIGHT_SCALE: u32 = 16;

impl Server {
    /// The weight it runs with, 0 to 256.
    pub fn weight(&self) -> u16 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Changes the weight; takes effect with the next `Balance::recompute`.
    pub fn set_weight(&self, weight: u16) {
        self.weight.store(weight.min(MAX_WEIGHT), Ordering::Relaxed);
    }

    /// The weight balancing uses, in sixteenths.
    pub fn effective_weight(&self) -> u32 {
        self.effective_weight.load(Ordering::Relaxed)
    }

    /// Share of its capacity open during a slow start, percent.
    pub fn throttle(&self) -> u8 {
        self.throttle.load(Ordering::Relaxed)
    }

    pub(super) fn begin_slowstart(&self, now_ms: u64) {
        if self.facts.slowstart > 0 {
            self.warming_since.store(now_ms.max(1), Ordering::Release);
        }
    }

    /// Whether a slow start runs.
    pub fn is_warming(&self) -> bool {
        self.warming_since.load(Ordering::Acquire) != 0
    }

    /// Brings effective weight and throttle up to date. A `dynamic` algorithm climbs a slow start in sixteenths;
    /// a static one knows only all or nothing.
    pub(crate) fn refresh_weight(&self, dynamic: bool, now_ms: u64) -> u32 {
        let elapsed = self.warm_elapsed(now_ms);
        let share = |parts: u64| elapsed.map_or(parts, |e| parts * e / self.facts.slowstart);
        self.throttle.store(share(100).clamp(1, 100) as u8, Ordering::Relaxed);
        let scale = u64::from(WEIGHT_SCALE);
        let steps = if dynamic { (share(scale) + u64::from(elapsed.is_some())).min(scale) } else { scale };
        let weight = u32::from(self.weight()) * steps as u32;
        let weight = if self.takes_newcomers() { weight } else { 0 };
        self.effective_weight.store(weight, Ordering::Relaxed);
        weight
    }

    /// Milliseconds into the slow start; `None` outside of one. Ends one that is over.
    fn warm_elapsed(&self, now_ms: u64) -> Option<u64> {
        let since = self.warming_since.load(Ordering::Acquire);
        if since == 0 {
            return None;
        }
        let elapsed = now_ms.saturating_sub(since);
        if elapsed >= self.facts.slowstart {
            self.warming_since.store(0, Ordering::Release);
            return None;
        }
        Some(elapsed)
    }
}
