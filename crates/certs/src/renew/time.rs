//! Wall-clock time in whole seconds: what certificates and remembered state are reckoned in. Saturates, never wraps.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01 00:00 UTC, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The place between `self` and `end` at `position` parts of 2^32.
    pub fn towards(self, end: UnixTime, position: u32) -> UnixTime {
        self + share(end.since(self), position)
    }
}

/// `position` parts of 2^32 of a span.
pub(super) fn share(span: Duration, position: u32) -> Duration {
    let part = (u128::from(span.as_secs()) * u128::from(position)) >> 32;
    Duration::from_secs(u64::try_from(part).unwrap_or(u64::MAX))
}

impl From<SystemTime> for UnixTime {
    fn from(at: SystemTime) -> UnixTime {
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        UnixTime(match at.duration_since(UNIX_EPOCH) {
            Ok(after) => seconds(after),
            Err(before) => -seconds(before.duration()),
        })
    }
}

impl Add<Duration> for UnixTime {
    type Output = UnixTime;
    fn add(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for UnixTime {
    type Output = UnixTime;
    fn sub(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }
}

/// `2026-11-28 06:15 UTC`, for people.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match time::OffsetDateTime::from_unix_timestamp(self.0) {
            Ok(at) => write!(
                f,
                "{:04}-{:02}-{:02} {:02}:{:02} UTC",
                at.year(),
                u8::from(at.month()),
                at.day(),
                at.hour(),
                at.minute()
            ),
            Err(_) => write!(f, "{} seconds after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_saturates_and_shows_itself() {
        assert_eq!(UnixTime(1_795_846_500).to_string(), "2026-11-28 06:15 UTC");
        assert_eq!(UnixTime(i64::MAX) + Duration::MAX, UnixTime(i64::MAX));
        assert_eq!(UnixTime(3).since(UnixTime(5)), Duration::ZERO);
        assert_eq!(UnixTime(100).towards(UnixTime(200), u32::MAX / 2 + 1), UnixTime(150));
        assert_eq!(UnixTime(200).towards(UnixTime(100), u32::MAX), UnixTime(200));
        assert_eq!(UnixTime::from(UNIX_EPOCH - Duration::from_secs(7)), UnixTime(-7));
    }
}
