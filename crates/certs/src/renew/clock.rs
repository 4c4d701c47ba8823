//! The time that renewals are reckoned by: the machine's clock, checked against the time since it was started and against
//! what an authority says. A clock that is set wrong would have every certificate renewed at once, or none. Pure: what
//! the clocks show are arguments.

use super::UnixTime;
use std::fmt;
use std::time::Duration;

/// Clocks that differ by less agree: an answer may be a minute on its way, and time servers move a clock in small steps.
const SLACK: Duration = Duration::from_secs(300);

/// What the machine's two clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The clock on the wall, which anybody may set.
    pub wall: UnixTime,
    /// Since the machine was started, its sleep included; nobody sets it.
    pub since_boot: Duration,
}

/// See the module's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What was believed last, and when.
    believed: Shown,
    /// An authority has said what time it is.
    heard: bool,
    /// By how much the wall's clock is ahead, where an authority has said so: no news until it is another.
    wrong_by: Option<i64>,
}

/// A clock that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Seconds that it is ahead; behind, if negative.
    pub by: i64,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = Duration::from_secs(self.by.unsigned_abs());
        let (days, hours, minutes) =
            (by.as_secs() / 86_400, by.as_secs() / 3600 % 24, by.as_secs() / 60 % 60);
        let way = if self.by > 0 { "ahead" } else { "behind" };
        write!(f, "this machine's clock is {days} d {hours} h {minutes} min {way}")
    }
}

impl Clock {
    /// The wall's clock is believed until something contradicts it.
    pub fn start(shown: Shown) -> Clock {
        Clock { believed: shown, heard: false, wrong_by: None }
    }

    /// What time it is.
    pub fn now(&mut self, shown: Shown) -> UnixTime {
        let reckoned = self.reckoned(shown);
        let agree = apart(shown.wall, reckoned) < SLACK;
        if agree {
            self.wrong_by = None;
        }
        let time = if agree { shown.wall } else { reckoned };
        self.believed = Shown { wall: time, ..shown };
        time
    }

    /// An authority should be asked what time it is: none has said so yet, or the wall's clock has jumped.
    pub fn is_in_doubt(&self, shown: Shown) -> bool {
        let ahead = ahead(shown.wall, self.reckoned(shown));
        let is_known = self.wrong_by.is_some_and(|by| ahead.abs_diff(by) < SLACK.as_secs());
        !self.heard || (ahead.unsigned_abs() >= SLACK.as_secs() && !is_known)
    }

    /// An authority said that it is `date`. Tells a clock that is wrong, once; and what is believed changes.
    pub fn heard(&mut self, date: UnixTime, shown: Shown) -> Option<Wrong> {
        self.heard = true;
        let by = ahead(shown.wall, date);
        let right = by.unsigned_abs() < SLACK.as_secs();
        self.believed = Shown { wall: if right { shown.wall } else { date }, ..shown };
        let is_news = !right && self.wrong_by.is_none_or(|known| by.abs_diff(known) >= SLACK.as_secs());
        self.wrong_by = (!right).then_some(by);
        is_news.then_some(Wrong { by })
    }

    fn reckoned(&self, shown: Shown) -> UnixTime {
        self.believed.wall + shown.since_boot.saturating_sub(self.believed.since_boot)
    }
}

fn apart(one: UnixTime, other: UnixTime) -> Duration {
    one.since(other).max(other.since(one))
}

fn ahead(of: UnixTime, time: UnixTime) -> i64 {
    of.0.saturating_sub(time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixTime = UnixTime(1_800_000_000);
    const DAY: i64 = 86_400;

    fn shown(wall: i64, since_boot: u64) -> Shown {
        Shown { wall: UnixTime(NOON.0 + wall), since_boot: Duration::from_secs(since_boot) }
    }

    #[test]
    fn a_jump_is_not_followed_before_an_authority_confirms_it() {
        let mut clock = Clock::start(shown(0, 100));
        assert!(clock.is_in_doubt(shown(0, 100)), "nobody has confirmed it yet");
        assert_eq!(clock.heard(NOON, shown(20, 120)), None);
        assert!(!clock.is_in_doubt(shown(60, 160)));
        assert_eq!(clock.now(shown(60, 160)), UnixTime(NOON.0 + 60));
        let ahead = shown(400 * DAY, 200);
        assert!(clock.is_in_doubt(ahead));
        assert_eq!(clock.now(ahead), UnixTime(NOON.0 + 100));
        assert_eq!(
            clock.heard(UnixTime(NOON.0 + 110), shown(400 * DAY + 10, 210)).unwrap().by,
            400 * DAY - 100
        );
        assert!(!clock.is_in_doubt(shown(400 * DAY + 60, 260)), "that is known");
        assert_eq!(clock.now(shown(400 * DAY + 60, 260)), UnixTime(NOON.0 + 160));
        // Set right again.
        assert_eq!(clock.now(shown(200, 300)), UnixTime(NOON.0 + 200));
        assert!(!clock.is_in_doubt(shown(200, 300)));
        // Set right after a long error that nobody noticed: an authority confirms it.
        assert_eq!(clock.now(shown(7 * DAY, 310)), UnixTime(NOON.0 + 210));
        assert_eq!(clock.heard(UnixTime(NOON.0 + 7 * DAY), shown(7 * DAY, 310)), None);
        assert_eq!(clock.now(shown(7 * DAY + 10, 320)), UnixTime(NOON.0 + 7 * DAY + 10));
    }

    #[test]
    fn small_steps_and_sleep_are_no_jumps() {
        let mut clock = Clock::start(shown(0, 0));
        clock.heard(NOON, shown(0, 0));
        for step in 1..100 {
            let hour = shown(step * 3600 + 60, u64::try_from(step).unwrap() * 3600);
            assert!(!clock.is_in_doubt(hour));
            assert_eq!(clock.now(hour), hour.wall);
        }
    }

    #[test]
    fn a_clock_wrong_from_the_start_is_told_once() {
        let mut clock = Clock::start(shown(-30 * DAY, 0));
        let wrong = clock.heard(NOON, shown(-30 * DAY, 0)).unwrap();
        assert_eq!(wrong.to_string(), "this machine's clock is 30 d 0 h 0 min behind");
        assert_eq!(clock.heard(NOON, shown(-30 * DAY, 2)), None);
        assert_eq!(clock.now(shown(-30 * DAY + 60, 60)), UnixTime(NOON.0 + 58));
    }
}
