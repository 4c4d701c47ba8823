//! `sample RANGES:SIZE` of a `log` line: of every so many lines a target gets those at certain places. Spreads a flood of
//! lines over several servers, or thins it out.

use std::sync::atomic::{AtomicU32, Ordering};

/// See the module's head.
#[derive(Debug)]
pub struct Sample {
    /// First and last place of each, counted from 1.
    ranges: Vec<(u32, u32)>,
    size: u32,
    /// Lines so far. Where it turns over, after four thousand million, one sample is cut short.
    seen: AtomicU32,
}

impl Sample {
    /// `ranges` within `size`, which is not 0.
    pub fn new((ranges, size): (Vec<(u32, u32)>, u32)) -> Sample {
        Sample { ranges, size: size.max(1), seen: AtomicU32::new(0) }
    }

    /// Whether the next line is in it.
    pub fn takes(&self) -> bool {
        let place = self.seen.fetch_add(1, Ordering::Relaxed) % self.size + 1;
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_every_so_many_lines_those_at_the_places_are_taken() {
        let sample = Sample::new((vec![(1, 2), (5, 5)], 6));
        let taken: Vec<bool> = (0..8).map(|_| sample.takes()).collect();
        assert_eq!(taken, [true, true, false, false, true, false, true, true]);
    }
}
