//! How long to wait before a worker that died is replaced: at once, unless it dies again and again. Pure.

use std::time::Duration;

/// A worker that lived as long was no part of a crash loop.
const SETTLED: Duration = Duration::from_secs(10);
/// The first wait of a loop; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// And the longest: a cause outside (a full disk, a database that comes back) is noticed within that time.
const LONGEST: Duration = Duration::from_secs(30);

/// Deaths in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// A worker has died after `lived`; how long to wait.
    pub(super) fn died(&mut self, lived: Duration) -> Duration {
        self.deaths = if lived >= SETTLED { 1 } else { self.deaths.saturating_add(1) };
        match self.deaths.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => FIRST.saturating_mul(1 << doublings.min(5)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_slows_down_and_is_forgotten() {
        let mut backoff = Backoff::default();
        let quick: Vec<u64> = (0..8).map(|_| backoff.died(Duration::ZERO).as_secs()).collect();
        assert_eq!(quick, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.died(SETTLED), Duration::ZERO);
        assert_eq!(backoff.died(Duration::ZERO), FIRST);
    }
}
