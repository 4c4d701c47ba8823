//! A limit that operators may move while it is looked at.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// See the file's head.
#[derive(Debug)]
pub struct Limit {
    now: AtomicU32,
    /// As configured.
    pub configured: u32,
}

impl Limit {
    /// At its configured value.
    pub fn new(configured: u32) -> Limit {
        Limit { now: AtomicU32::new(configured), configured }
    }

    /// What counts now.
    pub fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// Moves it.
    pub fn set(&self, limit: u32) {
        self.now.store(limit, Relaxed);
    }
}
