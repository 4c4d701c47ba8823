//! One lazily re-armed deadline a connection. Moving it later costs a comparison; the timer is touched only when it
//! fires or when a deadline earlier than the armed one is asked for.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long "never" is: far enough to be never, near enough for the timer wheel.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// A point in time that may move.
#[derive(Default)]
pub struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whom the timer wakes.
    waker: Option<Waker>,
}

impl Deadline {
    /// When the timer fires that is set, if one is.
    pub fn armed(&self) -> Option<Instant> {
        self.sleep.as_ref().map(|sleep| sleep.deadline())
    }

    /// Ready once `at` has passed. `None` never comes.
    pub fn poll(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
            self.waker = None;
        }
        if !sleep.is_elapsed() && self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

use std::future::Future;

/// The instant `timeout` after `from`; `None` where there is no timeout.
pub fn after(from: Instant, timeout: Option<Duration>) -> Option<Instant> {
    timeout.map(|t| from + t.min(NEVER))
}

/// The earlier of two deadlines.
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (Some(a), None) => Some(a),
        (None, b) => b,
    }
}
