//! The wall clock. Only for what is shown or kept over a restart, and for seeds: time-outs go by a clock that cannot be
//! set. On the request path a worker keeps the moment instead.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since the epoch.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    u64::try_from(now_us() / 1000).unwrap_or_default()
}
