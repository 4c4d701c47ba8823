//! How much a backend carries: what `fullconn` is compared with to find a server's dynamic `maxconn`.

use std::sync::atomic::{AtomicU32, Ordering};

/// A backend's load. Every stream of the backend is counted from its choice of backend to its end.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Load {
    sessions: AtomicU32,
    sessions_max: AtomicU32,
    fullconn: u32,
}

impl Load {
    /// An empty backend. `fullconn` 0: servers always run at their `maxconn`.
    pub fn new(fullconn: u32) -> Load {
        Load { fullconn, ..Load::default() }
    }

    /// A stream chose this backend.
    pub fn enter(&self) {
        let now = self.sessions.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if self.sessions_max.load(Ordering::Relaxed) < now {
            self.sessions_max.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// A stream of this backend ended.
    pub fn leave(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    /// Streams now, waiting ones included.
    pub fn sessions(&self) -> u32 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// The most streams at once.
    pub fn sessions_max(&self) -> u32 {
        self.sessions_max.load(Ordering::Relaxed)
    }

    /// `fullconn`
    pub fn fullconn(&self) -> u32 {
        self.fullconn
    }

    /// `most` in proportion to how near the load is to `fullconn`.
    pub(super) fn scale(&self, most: u32) -> u32 {
        let sessions = self.sessions();
        if sessions >= self.fullconn {
            return most;
        }
        (u64::from(sessions) * u64::from(most) / u64::from(self.fullconn)) as u32
    }

    #[cfg(test)]
    pub(super) fn set_for_test(&self, sessions: u32) {
        self.sessions.store(sessions, Ordering::Relaxed);
    }
}
