//! Whether a backend has a server at all, since when, and how long it had none (management guide 9.1, `chkdown`,
//! `lastchg`, `downtime` of backends).

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// See the module's head. Times are milliseconds since the epoch; written by whoever publishes a change, one at a time.
#[derive(Debug, Default)]
pub struct Standing {
    down: AtomicBool,
    downs: AtomicU32,
    /// 0 before the first change.
    last_change: AtomicU64,
    downtime: AtomicU64,
}

impl Standing {
    /// What it is now.
    pub(super) fn note(&self, down: bool, now_ms: u64) {
        if self.down.swap(down, Relaxed) == down {
            return;
        }
        let since = self.last_change.swap(now_ms, Relaxed);
        if down {
            self.downs.fetch_add(u32::from(now_ms > 0), Relaxed);
        } else if since > 0 {
            self.downtime.fetch_add(now_ms.saturating_sub(since), Relaxed);
        }
    }

    /// How often it lost its last server.
    pub fn downs(&self) -> u32 {
        self.downs.load(Relaxed)
    }

    /// When it lost its last server or got one again; `started` where neither has happened.
    pub fn last_change(&self, started: u64) -> u64 {
        self.last_change.load(Relaxed).max(started)
    }

    /// How long it had none, milliseconds.
    pub fn downtime(&self, started: u64, now_ms: u64) -> u64 {
        let current =
            if self.down.load(Relaxed) { now_ms.saturating_sub(self.last_change(started)) } else { 0 };
        self.downtime.load(Relaxed) + current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_server_adds_up() {
        let standing = Standing::default();
        standing.note(true, 0);
        assert_eq!((standing.downs(), standing.downtime(1_000, 3_000)), (0, 2_000));
        standing.note(false, 4_000);
        standing.note(false, 5_000);
        standing.note(true, 6_000);
        standing.note(true, 7_000);
        assert_eq!((standing.downs(), standing.last_change(0)), (1, 6_000));
        assert_eq!(standing.downtime(0, 9_000), 3_000);
    }
}
