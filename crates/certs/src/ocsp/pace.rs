//! How often a responder is asked for one certificate (configuration manual 3.1, `ocsp-update.mindelay`), and what came of
//! it so far (management guide 9.3, `show ssl ocsp-updates`). Pure: time is an argument.

use crate::renew::UnixTime;
use std::time::Duration;

/// A response is replaced this long before it ends.
const MARGIN: Duration = Duration::from_secs(60);

/// Between two questions for one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At least; failures double it.
    pub least: Duration,
    /// At most.
    pub most: Duration,
}

/// How the last question ended, in HAProxy's numbers and words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// None was asked yet.
    #[default]
    Unknown,
    /// A new response is stapled.
    Updated,
    /// The responder was not reached, or answered with another status than 200.
    HttpError,
    /// What it answered was no OCSP response.
    NoResponse,
    /// Its response is not to be believed, or not good.
    CheckFailure,
}

impl Outcome {
    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Outcome::Unknown => 0,
            Outcome::Updated => 1,
            Outcome::HttpError => 2,
            Outcome::NoResponse => 3,
            Outcome::CheckFailure => 4,
        }
    }

    /// Its words.
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Unknown => "Unknown",
            Outcome::Updated => "Update successful",
            Outcome::HttpError => "HTTP error",
            Outcome::NoResponse => "Missing \"ocsp-response\" header",
            Outcome::CheckFailure => "OCSP response check failure",
        }
    }
}

/// What came of asking for one certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When to ask next.
    pub next: UnixTime,
    /// When a response came last.
    pub last: Option<UnixTime>,
    /// Responses that came.
    pub successes: u64,
    /// Questions without one.
    pub failures: u64,
    /// How the last one ended.
    pub outcome: Outcome,
    /// Failures since the last response.
    in_a_row: u32,
}

impl Record {
    /// Of a certificate that came with a response, which ends then; with none, it is asked for at once.
    pub fn with_response(end: Option<Option<UnixTime>>, pace: Pace, now: UnixTime) -> Record {
        Record { next: end.map_or(now, |end| next(end, pace, now)), ..Record::default() }
    }

    /// A response came, which ends then.
    pub fn updated(&mut self, end: Option<UnixTime>, pace: Pace, now: UnixTime) {
        (self.outcome, self.in_a_row, self.last) = (Outcome::Updated, 0, Some(now));
        self.successes += 1;
        self.next = next(end, pace, now);
    }

    /// None came.
    pub fn failed(&mut self, outcome: Outcome, pace: Pace, now: UnixTime) {
        self.outcome = outcome;
        self.failures += 1;
        let doubled = pace.least.saturating_mul(2_u32.saturating_pow(self.in_a_row));
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.next = now + doubled.min(pace.most);
    }
}

fn next(end: Option<UnixTime>, pace: Pace, now: UnixTime) -> UnixTime {
    let left = end.map_or(pace.least, |end| end.since(now).saturating_sub(MARGIN));
    now + left.clamp(pace.least, pace.most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { least: Duration::from_secs(300), most: Duration::from_secs(3600) };
    const NOW: UnixTime = UnixTime(1_000_000);

    fn at(seconds: u64) -> UnixTime {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_response_is_replaced_before_it_ends_within_both_delays() {
        for (end, wanted) in [(None, 300), (Some(90), 300), (Some(1000), 940), (Some(86_400), 3600)] {
            let mut record = Record::default();
            record.updated(end.map(at), PACE, NOW);
            assert_eq!(record.next, at(wanted), "{end:?}");
            assert_eq!(Record::with_response(Some(end.map(at)), PACE, NOW).next, at(wanted));
        }
        assert_eq!(Record::with_response(None, PACE, NOW).next, NOW);
    }

    #[test]
    fn failures_in_a_row_double_the_delay_up_to_the_longest() {
        let mut record = Record::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            record.failed(Outcome::HttpError, PACE, NOW);
            waits.push(record.next.since(NOW).as_secs());
        }
        assert_eq!(waits, [300, 600, 1200, 2400, 3600, 3600]);
        record.updated(None, PACE, NOW);
        record.failed(Outcome::CheckFailure, PACE, NOW);
        assert_eq!((record.next, record.failures, record.successes), (at(300), 7, 1));
    }
}
