//! The life of a serving process, from ready to gone: waits for wishes and carries them out.
//!
//! ```text
//!  serving ── USR1 ──► grace ──► stopping ── nothing left ─────────► Drained
//!     │                            ├── hard-stop-after is over ────► HardStop
//!     │                            └── TERM, INT ──────────────────► Killed
//!     ├── TERM, INT ─────────────────────────────────────────────► Killed
//!     └── HUP: dump, USR2: reload; and go on
//! ```

use crate::signals::{Signals, Wish};
use std::time::Duration;

/// What serves, as far as its life is concerned.
pub trait DataPlane {
    /// Accept no more connections, close those at rest, let the others finish their exchange.
    fn soft_stop(&self);
    /// Ready when no connection is left after a soft stop.
    fn drained(&self) -> impl Future<Output = ()>;
    /// The state of the proxies and their servers, a line each, for SIGHUP.
    fn dump(&self);
    /// The configuration was changed and is to be loaded, for SIGUSR2.
    fn reload(&self);
}

/// How long a stop may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopLimits {
    /// `grace`: how long to go on accepting after USR1, so that a balancer in front notices.
    pub grace: Option<Duration>,
    /// `hard-stop-after`: how long what is open may take after USR1.
    pub hard_stop_after: Option<Duration>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All connections had finished.
    Drained,
    /// `hard-stop-after` cut off what was left.
    HardStop,
    /// By this signal, at once.
    Killed(i32),
}

/// Waits until the process is to end.
pub async fn until_end(signals: &mut Signals, plane: &impl DataPlane, limits: StopLimits) -> Ending {
    if let Some(signal) = until_soft_stop(signals, plane, None).await {
        return Ending::Killed(signal);
    }
    if let Some(grace) = limits.grace
        && let Some(signal) = until_soft_stop(signals, plane, Some(grace)).await
    {
        return Ending::Killed(signal);
    }
    plane.soft_stop();
    stopping(signals, plane, limits.hard_stop_after).await
}

/// Serves until USR1, or until `at_most` has passed; the signal where one ends it at once.
async fn until_soft_stop(
    signals: &mut Signals,
    plane: &impl DataPlane,
    at_most: Option<Duration>,
) -> Option<i32> {
    let over = after(at_most);
    tokio::pin!(over);
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop(signal) => return Some(signal),
                Wish::SoftStop if at_most.is_none() => return None,
                // A second USR1 changes nothing: the stop is on its way.
                Wish::SoftStop => {}
                Wish::Dump => plane.dump(),
                Wish::Reload => plane.reload(),
            },
            () = &mut over => return None,
        }
    }
}

async fn stopping(
    signals: &mut Signals,
    plane: &impl DataPlane,
    hard_stop_after: Option<Duration>,
) -> Ending {
    let over = after(hard_stop_after);
    let drained = plane.drained();
    tokio::pin!(over, drained);
    loop {
        tokio::select! {
            biased;
            wish = signals.next() => match wish {
                Wish::Stop(signal) => return Ending::Killed(signal),
                // Nothing is loaded by a process that is leaving.
                Wish::SoftStop | Wish::Reload => {}
                Wish::Dump => plane.dump(),
            },
            () = &mut drained => return Ending::Drained,
            () = &mut over => return Ending::HardStop,
        }
    }
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
