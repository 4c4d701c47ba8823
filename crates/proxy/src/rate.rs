//! Events per second over a sliding second, the way HAProxy's `*_sess_rate` counts: the current second's events plus
//! the share of the previous second's that still lies inside the window.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter of events per second, written by one thread and read by all.
#[derive(Default)]
pub struct Rate {
    /// Second (upper half), events in it (lower half).
    current: AtomicU64,
    previous: AtomicU64,
}

impl Rate {
    /// Counts one event at `now_ms`: a plain load and store, for only one thread counts.
    pub fn add(&self, now_ms: u64) {
        let second = (now_ms / 1000) & 0xffff_ffff;
        let seen = self.current.load(Relaxed);
        if seen >> 32 == second {
            self.current.store(seen + 1, Relaxed);
        } else {
            self.previous.store(seen, Relaxed);
            self.current.store(second << 32 | 1, Relaxed);
        }
    }

    /// Events in the second before `now_ms`.
    pub fn per_second(&self, now_ms: u64) -> u32 {
        let (now, before) = self.counts(now_ms);
        let left = 1000 - now_ms % 1000;
        u32::try_from(now + before * left / 1000).unwrap_or(u32::MAX)
    }

    /// Events in this second of the clock, and in the one before.
    pub fn counts(&self, now_ms: u64) -> (u64, u64) {
        let second = (now_ms / 1000) & 0xffff_ffff;
        let count_of =
            |packed: u64, wanted: u64| if packed >> 32 == wanted { packed & 0xffff_ffff } else { 0 };
        let (current, previous) = (self.current.load(Relaxed), self.previous.load(Relaxed));
        let before = count_of(previous, second.wrapping_sub(1)) + count_of(current, second.wrapping_sub(1));
        (count_of(current, second), before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let rate = Rate::default();
        for _ in 0..10 {
            rate.add(5_500);
        }
        assert_eq!(rate.per_second(5_900), 10);
        assert_eq!(rate.per_second(6_500), 5);
        assert_eq!(rate.per_second(7_100), 0);
        assert_eq!((rate.counts(5_900), rate.counts(6_999)), ((10, 0), (0, 10)));
    }
}
