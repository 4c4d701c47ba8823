//! One token bucket as one number: the moment at which it will be full again.

use super::UnixTime;
use std::time::Duration;

/// How much fits in, and how long one token takes to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub capacity: u32,
    pub refill: Duration,
}

impl Size {
    pub const fn per(capacity: u32, window_seconds: u64) -> Size {
        Size { capacity, refill: Duration::from_secs(window_seconds.div_ceil(capacity as u64)) }
    }

    /// When a token can be had from a bucket that is full at `full_at`; in the past if one is there.
    pub fn free_at(self, full_at: UnixTime) -> UnixTime {
        full_at - self.refill * self.capacity.saturating_sub(1)
    }

    /// The bucket after one token was taken. One that is empty stays so: what was taken beyond is not remembered.
    pub fn take(self, full_at: UnixTime, now: UnixTime) -> UnixTime {
        (full_at.max(now) + self.refill).min(self.empty(now))
    }

    /// The bucket after one token was given back.
    pub fn give_back(self, full_at: UnixTime) -> UnixTime {
        full_at - self.refill
    }

    /// A bucket emptier than empty was written under a clock that has since been set back; what is really in it nobody
    /// knows. One token is assumed: a first attempt at once, the next after a refill.
    pub fn settle(self, full_at: UnixTime, now: UnixTime) -> UnixTime {
        if full_at > self.empty(now) { now + self.refill * self.capacity.saturating_sub(1) } else { full_at }
    }

    fn empty(self, now: UnixTime) -> UnixTime {
        now + self.refill * self.capacity
    }

    /// Whole tokens in it.
    pub fn left(self, full_at: UnixTime, now: UnixTime) -> u32 {
        let missing = full_at.since(now).as_secs().div_ceil(self.refill.as_secs().max(1));
        self.capacity.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_at_once_and_then_one_per_refill() {
        let size = Size::per(5, 500);
        let (now, mut full_at) = (UnixTime(10_000), UnixTime(0));
        for left in [5, 4, 3, 2, 1] {
            assert_eq!(size.left(full_at, now), left);
            assert!(size.free_at(full_at) <= now);
            full_at = size.take(full_at, now);
        }
        assert_eq!((size.left(full_at, now), size.free_at(full_at)), (0, UnixTime(10_100)));
        assert_eq!(size.left(full_at, UnixTime(10_100)), 1);
        assert_eq!(size.left(full_at, UnixTime(99_999)), 5);
        assert_eq!(size.take(full_at, now), full_at, "empty is empty");
        let settled = size.settle(full_at, UnixTime(0));
        assert_eq!((size.left(settled, UnixTime(0)), size.free_at(settled)), (1, UnixTime(0)));
    }
}
