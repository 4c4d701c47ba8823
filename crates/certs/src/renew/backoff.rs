//! How long to leave alone what has just failed: a name, or a whole authority. Remembered over restarts, and not
//! fooled by a clock that was ahead when it was written.

use super::UnixTime;
use super::time::share;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The wait after the first failure. With the factor three, four attempts fall into the first hour: Let's Encrypt
/// allows five failed validations of a name in an hour.
const FIRST_WAIT: Duration = Duration::from_secs(120);
const FACTOR: u32 = 3;
/// The longest wait, of a name that has life left, or of an authority.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// The longest wait of an authority that cannot be reached: every name hangs on it, and one attempt costs it nothing.
const LONGEST_AUTHORITY_WAIT: Duration = Duration::from_secs(3600);
/// A name's wait is at most this share of the time to its certificate's end, or since: what was mended is noticed soon,
/// and one that is unreachable through the whole margin of a 90-day certificate fails some five hundred times, where Let's
/// Encrypt gives up at 1152.
const NAME_SHARE: u32 = 128;
/// However little life is left, no name is tried more often: Let's Encrypt allows five failures in an hour, one in twelve
/// minutes, and a wait may be a quarter shorter than this.
const SHORTEST_CAP: Duration = Duration::from_secs(17 * 60);
/// An authority's wait is at most this share of the time to the end of whichever certificate is waiting.
const AUTHORITY_SHARE: u32 = 64;
/// However little life is left, no authority is tried more often. The first request of an attempt fetches its directory,
/// of which Let's Encrypt serves forty a second to anybody.
const SHORTEST_AUTHORITY_WAIT: Duration = Duration::from_secs(60);
/// The longest that an authority's Retry-After is believed: the slowest of the published limits (a repeated set of
/// names) refills one in 34 hours.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(34 * 3600);

/// Failures in a row, and until when they are waited out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backoff {
    /// How many in a row.
    pub failures: u32,
    /// When the last one was.
    since: UnixTime,
    /// When the next attempt may be made.
    until: UnixTime,
    /// The authority named that moment itself.
    told: bool,
    /// What the last one said, for people.
    pub said: String,
}

impl Backoff {
    /// Until when nothing must be tried; `None` if it may be now. A failure in the future was written under a clock
    /// that has since been set back: it holds nobody.
    pub fn until(&self, now: UnixTime) -> Option<UnixTime> {
        (self.failures > 0 && self.since <= now && now < self.until).then_some(self.until)
    }

    /// Until when an authority must not be tried for a certificate with `left` of its life to go, `None` standing for one
    /// that is missing. All wait together, but whoever cannot wait so long looks sooner whether it is back.
    pub fn until_for(&self, left: Option<Duration>, now: UnixTime) -> Option<UnixTime> {
        let until = self.until(now)?;
        let sooner = self.since
            + left.map_or(LONGEST_AUTHORITY_WAIT, |left| left / AUTHORITY_SHARE).max(SHORTEST_AUTHORITY_WAIT);
        let until = if self.told { until } else { until.min(sooner) };
        (now < until).then_some(until)
    }

    /// The last failure's time.
    pub fn since(&self) -> Option<UnixTime> {
        (self.failures > 0).then_some(self.since)
    }

    /// A name's attempt failed. `end` is when its certificate ends or ended (`None`: there is none).
    pub fn name_failed(&mut self, said: &str, end: Option<UnixTime>, now: UnixTime, random: u32) {
        let distance = |end: UnixTime| end.since(now).max(now.since(end));
        let cap =
            end.map_or(LONGEST_WAIT, |end| (distance(end) / NAME_SHARE).clamp(SHORTEST_CAP, LONGEST_WAIT));
        self.failed(said, cap, now, random);
    }

    /// The authority did not do its part: unreachable, an error of its own, no usable nonce. What fails while it is left
    /// alone already had begun before, beside what failed first, or was a look by somebody in haste: that counts once.
    pub fn authority_failed(&mut self, said: &str, now: UnixTime, random: u32) {
        if self.until(now).is_some() {
            self.since = now;
            return said.clone_into(&mut self.said);
        }
        self.failed(said, LONGEST_AUTHORITY_WAIT, now, random);
    }

    /// The authority said when to come back. Believed up to 34 hours.
    pub fn told_to_wait(&mut self, said: &str, retry_after: Duration, now: UnixTime) {
        self.failures = self.failures.saturating_add(1);
        said.clone_into(&mut self.said);
        (self.since, self.told) = (now, true);
        self.until = now + retry_after.clamp(Duration::from_secs(1), LONGEST_RETRY_AFTER);
    }

    /// It worked.
    pub fn clear(&mut self) {
        *self = Backoff::default();
    }

    fn failed(&mut self, said: &str, cap: Duration, now: UnixTime, random: u32) {
        let wait = FIRST_WAIT.saturating_mul(FACTOR.saturating_pow(self.failures)).min(cap);
        self.failures = self.failures.saturating_add(1);
        said.clone_into(&mut self.said);
        (self.since, self.told) = (now, false);
        // From three quarters to five quarters, so that what failed together does not come back together.
        self.until = now + wait * 3 / 4 + share(wait / 2, random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u32 = u32::MAX / 2 + 1;

    const NOW: UnixTime = UnixTime(10_000_000);

    fn waits(end: Option<UnixTime>, count: usize) -> Vec<u64> {
        let (mut backoff, now) = (Backoff::default(), NOW);
        (0..count)
            .map(|_| {
                backoff.name_failed("no", end, now, MIDDLE);
                backoff.until(now).unwrap().since(now).as_secs() / 60
            })
            .collect()
    }

    #[test]
    fn waits_grow_threefold_to_a_day() {
        assert_eq!(waits(None, 8), [2, 6, 18, 54, 162, 486, 1440, 1440]);
    }

    #[test]
    fn a_near_end_shortens_the_longest_wait() {
        let two_days = Duration::from_secs(2 * 86_400);
        assert_eq!(waits(Some(NOW + two_days), 6), [2, 6, 18, 22, 22, 22]);
        assert_eq!(
            waits(Some(NOW - two_days), 6),
            [2, 6, 18, 22, 22, 22],
            "nor is it given up once it has ended"
        );
        assert_eq!(waits(Some(NOW), 5), [2, 6, 17, 17, 17]);
        assert_eq!(waits(Some(NOW - two_days * 40), 8).last(), Some(&900));
    }

    #[test]
    fn whoever_has_little_time_left_looks_sooner_whether_an_authority_is_back() {
        let mut backoff = Backoff::default();
        let mut now = NOW;
        for _ in 0..9 {
            now = backoff.until(now).unwrap_or(now);
            backoff.authority_failed("down", now, MIDDLE);
        }
        let minutes = |left: Option<u64>| {
            backoff.until_for(left.map(Duration::from_secs), now).map(|until| until.since(now).as_secs() / 60)
        };
        assert_eq!([minutes(None), minutes(Some(30 * 86_400))], [Some(60), Some(60)]);
        assert_eq!([minutes(Some(64 * 600)), minutes(Some(0))], [Some(10), Some(1)]);
        let later = now + Duration::from_secs(120);
        assert_eq!(backoff.until_for(Some(Duration::ZERO), later), None);
        backoff.told_to_wait("maintenance", Duration::from_secs(7200), now);
        assert_eq!(backoff.until_for(Some(Duration::ZERO), later), Some(now + Duration::from_secs(7200)));
    }

    #[test]
    fn what_fails_side_by_side_counts_once() {
        let mut backoff = Backoff::default();
        (0..8).for_each(|_| backoff.authority_failed("down", NOW, MIDDLE));
        assert_eq!((backoff.failures, backoff.until(NOW)), (1, Some(NOW + Duration::from_secs(120))));
    }

    #[test]
    fn a_failure_from_the_future_holds_nobody() {
        let mut backoff = Backoff::default();
        backoff.told_to_wait("later", Duration::from_secs(7200), UnixTime(50_000));
        assert_eq!(backoff.until(UnixTime(50_001)), Some(UnixTime(57_200)));
        assert_eq!(backoff.until(UnixTime(49_999)), None);
        assert_eq!(backoff.until(UnixTime(57_200)), None);
    }

    #[test]
    fn an_authority_cannot_send_us_away_for_years() {
        let mut backoff = Backoff::default();
        backoff.told_to_wait("later", Duration::MAX, UnixTime(0));
        assert_eq!(backoff.until(UnixTime(0)), Some(UnixTime(34 * 3600)));
    }
}
