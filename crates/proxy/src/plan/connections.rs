//! How many connections there are, of a listener, a frontend or the process.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Connections now, shared by the threads because a limit is held against them, and the most there were.
#[derive(Default)]
pub struct Connections {
    current: AtomicU32,
    most: AtomicU32,
}

impl Connections {
    /// One more.
    pub fn enter(&self) {
        let now = self.current.fetch_add(1, Relaxed).saturating_add(1);
        if self.most.load(Relaxed) < now {
            self.most.fetch_max(now, Relaxed);
        }
    }

    /// One less.
    pub fn leave(&self) {
        self.current.fetch_sub(1, Relaxed);
    }

    /// Now.
    pub fn now(&self) -> u32 {
        self.current.load(Relaxed)
    }

    /// The most at once.
    pub fn most(&self) -> u32 {
        self.most.load(Relaxed)
    }
}
