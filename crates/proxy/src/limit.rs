//! A limit that operators may move while it is looked at.

use crate::tally::Pace;
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

/// The process's limits of new connections, sessions and TLS handshakes a second; 0 is none.
#[derive(Debug)]
pub struct RateLimits {
    /// `maxconnrate`
    pub connections: Limit,
    /// `maxsessrate`
    pub sessions: Limit,
    /// `maxsslrate`
    pub tls: Limit,
    highest: [AtomicU32; Pace::ALL.len()],
}

impl RateLimits {
    /// As configured.
    pub fn new(connections: Option<u32>, sessions: Option<u32>, tls: Option<u32>) -> RateLimits {
        let limit = |configured: Option<u32>| Limit::new(configured.unwrap_or(0));
        RateLimits {
            connections: limit(connections),
            sessions: limit(sessions),
            tls: limit(tls),
            highest: Default::default(),
        }
    }

    /// Remembers the highest rate that was seen.
    pub(crate) fn note(&self, which: Pace, seen: u32) {
        if let Some(highest) = self.highest.get(which as usize) {
            highest.fetch_max(seen, Relaxed);
        }
    }

    /// The highest that was noted.
    pub fn highest(&self, which: Pace) -> u32 {
        self.highest.get(which as usize).map_or(0, |n| n.load(Relaxed))
    }

    /// `clear counters`
    pub fn clear_highest(&self) {
        self.highest.iter().for_each(|n| n.store(0, Relaxed));
    }
}
