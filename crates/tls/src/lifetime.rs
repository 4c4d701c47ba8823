//! How long after its handshake a session may be taken up again (`tune.ssl.lifetime`). What is kept of a session, in a
//! ticket or in memory, begins with the time at which it was made, by the system's clock, for processes share tickets.

use std::time::{Duration, SystemTime};

/// The manual's default.
const DEFAULT: Duration = Duration::from_secs(300);

/// Longer than this no client may be told to keep a ticket (RFC 8446 section 4.6.1).
const MOST_TOLD: u32 = 7 * 24 * 60 * 60;

/// Milliseconds since 1970, big-endian.
const STAMP: usize = 8;

/// See the module's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime(Duration);

impl Lifetime {
    /// As configured, or the default.
    pub(crate) fn of(configured: Option<Duration>) -> Lifetime {
        Lifetime(configured.unwrap_or(DEFAULT))
    }

    /// Seconds, as clients are told.
    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0.as_secs()).map_or(MOST_TOLD, |seconds| seconds.min(MOST_TOLD))
    }

    /// What was kept, if it is young enough. After the clock was set back nothing made later is.
    pub(crate) fn open(self, stamped: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let (stamp, state) = stamped.split_first_chunk::<STAMP>()?;
        let age = millis(now).checked_sub(u64::from_be_bytes(*stamp))?;
        (u128::from(age) < self.0.as_millis()).then(|| state.to_vec())
    }
}

/// What is to be kept, with its time.
pub(crate) fn stamped(state: &[u8], now: SystemTime) -> Vec<u8> {
    [&millis(now).to_be_bytes(), state].concat()
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_taken_up_for_its_lifetime() {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let kept = stamped(b"state", made);
        let open = |lifetime, now| Lifetime::of(lifetime).open(&kept, now);
        let seconds = Duration::from_secs;
        assert_eq!(open(None, made + seconds(299)).as_deref(), Some(b"state".as_slice()));
        assert_eq!(open(None, made + seconds(300)), None);
        assert!(open(Some(seconds(900)), made + seconds(899)).is_some());
        assert_eq!(open(Some(seconds(0)), made), None);
        assert_eq!(open(None, made - seconds(1)), None, "the clock was set back");
        assert_eq!(Lifetime::of(None).open(&kept[..7], made), None);
    }

    #[test]
    fn clients_are_told_seven_days_at_most() {
        let told = |seconds| Lifetime::of(Some(Duration::from_secs(seconds))).seconds();
        assert_eq!(
            [told(900), told(604_800), told(604_801), told(u64::MAX)],
            [900, 604_800, 604_800, 604_800]
        );
    }
}
