//! The end of all streams on a server at once: each remembers the epoch in which it began there.

use super::Server;
use std::sync::atomic::Ordering;

/// Why a server's sessions are shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It was marked down.
    Down = 0,
    /// It stood in for one that is up again.
    BetterUp = 1,
    /// An operator wants it.
    Operator = 2,
}

/// How often a server's sessions were shut down, and why the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownEpoch(u32);

impl ShutdownEpoch {
    const WHY: u32 = 3;
    const STEP: u32 = 4;

    /// Why it was the last time.
    pub fn why(self) -> Shutdown {
        match self.0 & ShutdownEpoch::WHY {
            0 => Shutdown::Down,
            1 => Shutdown::BetterUp,
            _ => Shutdown::Operator,
        }
    }
}

impl Server {
    /// The value that a stream remembers when it begins on this server; a different one later means that the
    /// server was marked down with `shutdown-sessions` (or its backup duty ended) and the stream must end.
    pub fn shutdown_epoch(&self) -> ShutdownEpoch {
        ShutdownEpoch(self.shutdown_epoch.load(Ordering::Acquire))
    }

    /// Ends all streams that run on this server now.
    pub fn shutdown_sessions(&self, why: Shutdown) {
        // Relaxed: two at once would end the same streams, whichever reason wins
        let next = (self.shutdown_epoch.load(Ordering::Relaxed) & !ShutdownEpoch::WHY)
            .wrapping_add(ShutdownEpoch::STEP);
        self.shutdown_epoch.store(next | why as u32, Ordering::Release);
    }
}
