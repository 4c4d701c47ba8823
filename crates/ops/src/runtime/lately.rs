//! What the process did in the last second or more, for the fields of `show info` that tell shares and rates of numbers
//! which only grow. Each question leaves a sample for the next.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time that a share or a rate is told of.
const SPAN: Duration = Duration::from_secs(1);

/// The numbers at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    /// In which worker threads did something, of all of them together.
    pub(crate) busy: Duration,
    /// Bytes sent to clients so far.
    pub(crate) bytes_out: u64,
}

/// What went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lately {
    pub(crate) idle_percent: u32,
    /// A second.
    pub(crate) bytes_out: u64,
}

/// The samples that are kept: one that is old enough, and the one that will be.
#[derive(Default)]
pub(crate) struct Samples(Mutex<Option<(Sample, Sample)>>);

impl Samples {
    /// Takes a sample of `threads` threads and compares it with an earlier one.
    pub(crate) fn note(&self, now: Sample, threads: usize) -> Lately {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut old, mut next) = kept.unwrap_or((now, now));
        if now.at.duration_since(next.at) >= SPAN {
            (old, next) = (next, now);
        }
        *kept = Some((old, next));
        between(&old, &now, threads)
    }
}

fn between(old: &Sample, now: &Sample, threads: usize) -> Lately {
    let span = now.at.duration_since(old.at).as_micros();
    let busy = now.busy.saturating_sub(old.busy).as_micros();
    let all = span * threads.max(1) as u128;
    let busy_percent = (busy * 100).checked_div(all).unwrap_or(0).min(100);
    let bytes = u128::from(now.bytes_out.saturating_sub(old.bytes_out));
    Lately {
        idle_percent: 100 - u32::try_from(busy_percent).unwrap_or(100),
        bytes_out: u64::try_from((bytes * 1_000_000).checked_div(span).unwrap_or(0)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_of_a_second_or_more() {
        let (samples, start) = (Samples::default(), Instant::now());
        let note = |ms: u64, busy: u64, bytes_out: u64| {
            let (at, busy) = (start + Duration::from_millis(ms), Duration::from_millis(busy));
            samples.note(Sample { at, busy, bytes_out }, 2)
        };
        let told = |idle_percent, bytes_out| Lately { idle_percent, bytes_out };
        assert_eq!(note(0, 0, 0), told(100, 0));
        assert_eq!(note(1_000, 500, 300), told(75, 300));
        assert_eq!(note(1_500, 1_500, 600), told(50, 400));
        // the second sample is what the third is compared with once it is a second old
        assert_eq!(note(2_000, 1_500, 1_300), told(50, 1_000));
    }
}
