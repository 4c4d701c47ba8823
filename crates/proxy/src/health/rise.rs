//! Counting to `rise` and `fall`: a pure machine.
//!
//! ```text
//!   0 ... rise-1   DOWN, so many successes in a row        a success counts up, a failure falls to 0
//!   rise ...       UP, and so far from falling             a failure counts down; at `rise` it falls to 0
//!   rise+fall-1    UP, at ease                             a success jumps here from `rise` on
//! ```

use super::finding::Verdict;
use crate::server::Health;

/// The counter of one check or agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rise {
    rise: u32,
    fall: u32,
    health: u32,
}

/// What one verdict changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The counter moved.
    pub moved: bool,
    /// What the server should be now; `None`: as it is.
    pub health: Option<Health>,
}

impl Rise {
    /// Up, with one failure to fall.
    pub(super) fn new(rise: u32, fall: u32) -> Rise {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Rise { rise, fall, health: rise }
    }

    pub(super) fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// Neither at ease nor wholly down: the next check comes after `fastinter`.
    pub(super) fn is_between(&self) -> bool {
        self.health > 0 && self.health < self.top()
    }

    fn top(&self) -> u32 {
        self.rise + self.fall - 1
    }

    /// As logs show it: `2/3 UP`, `0/2 DOWN`.
    pub(super) fn status(&self) -> String {
        if self.is_up() {
            format!("{}/{} UP", self.health - self.rise + 1, self.fall)
        } else {
            format!("{}/{} DOWN", self.health, self.rise)
        }
    }

    /// Takes a verdict. A conditional success keeps a server that is up as one that stops; it raises none.
    pub(super) fn take(&mut self, verdict: Verdict) -> Step {
        let before = *self;
        match verdict {
            Verdict::Passed => self.success(),
            Verdict::Conditional if self.is_up() => self.success(),
            Verdict::Conditional => {}
            Verdict::Failed => self.failure(),
        }
        let health = match verdict {
            Verdict::Passed if self.is_up() => Some(Health::Up),
            Verdict::Conditional if self.is_up() => Some(Health::Stopping),
            Verdict::Failed if !self.is_up() => Some(Health::Down),
            Verdict::Passed | Verdict::Conditional | Verdict::Failed => None,
        };
        Step { moved: before.health != self.health, health }
    }

    fn success(&mut self) {
        self.health = (self.health + 1).min(self.top());
        if self.is_up() {
            self.health = self.top();
        }
    }

    fn failure(&mut self) {
        self.health = if self.health > self.rise { self.health - 1 } else { 0 };
    }

    /// `on-error sudden-death`: the next failure is the last one.
    pub(super) fn brink(&mut self) {
        self.health = self.health.min(self.rise);
    }

    /// From 0 to `rise + fall - 1`.
    pub(super) fn count(&self) -> u32 {
        self.health
    }

    /// Down, with one success to rise.
    pub(super) fn last_of_down(&self) -> u32 {
        self.rise - 1
    }

    /// Goes on from a count that was carried over.
    pub(super) fn resume(&mut self, count: u32) {
        self.health = count.min(self.top());
    }

    /// Up with one failure to fall, as after maintenance.
    pub(super) fn fragile(&mut self) {
        self.health = self.rise;
    }

    /// Up at ease at once.
    pub(super) fn rest(&mut self) {
        self.health = self.top();
    }

    /// Down at once, whatever it counted.
    pub(super) fn drop_down(&mut self) {
        self.health = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Conditional, Failed, Passed};

    #[test]
    fn counts_as_the_oracle_logs_them() {
        let mut rise = Rise::new(2, 3);
        let steps = [
            (Passed, "3/3 UP", Some(Health::Up)),
            (Failed, "2/3 UP", None),
            (Failed, "1/3 UP", None),
            (Failed, "0/2 DOWN", Some(Health::Down)),
            (Conditional, "0/2 DOWN", None),
            (Passed, "1/2 DOWN", None),
            (Failed, "0/2 DOWN", Some(Health::Down)),
            (Passed, "1/2 DOWN", None),
            (Passed, "3/3 UP", Some(Health::Up)),
            (Failed, "2/3 UP", None),
            (Passed, "3/3 UP", Some(Health::Up)),
            (Conditional, "3/3 UP", Some(Health::Stopping)),
        ];
        for (i, (verdict, status, health)) in steps.into_iter().enumerate() {
            let step = rise.take(verdict);
            assert_eq!((rise.status().as_str(), step.health), (status, health), "step {i}");
        }
    }

    #[test]
    fn one_failure_at_the_start_is_enough() {
        let mut rise = Rise::new(2, 3);
        assert_eq!(rise.take(Failed), Step { moved: true, health: Some(Health::Down) });
        assert_eq!(rise.take(Failed), Step { moved: false, health: Some(Health::Down) });
    }

    #[test]
    fn the_brink_is_one_failure_from_down() {
        let mut rise = Rise::new(2, 3);
        rise.take(Passed);
        rise.brink();
        assert!(rise.is_up() && rise.is_between());
        assert_eq!(rise.take(Failed).health, Some(Health::Down));
    }
}
