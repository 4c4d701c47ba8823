//! How loudly a coming expiry is told: rising as the margin runs out, and not over and over.

use super::{CertificateFacts, Due, UnixTime};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// An alert that nobody acted upon is repeated this often.
const REPEAT: Duration = Duration::from_secs(24 * 3600);

/// So many failures in a row are no accident.
const LASTING: u32 = 3;

/// How bad it is, as syslog words it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Not due, or just become so.
    #[default]
    Info,
    /// Overdue; three quarters of the margin or less are left.
    Notice,
    /// Half of the margin or less is left.
    Warning,
    /// A quarter or less.
    Err,
    /// A tenth or less.
    Crit,
    /// Expired: clients are turned away.
    Emerg,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Err => "err",
            Severity::Crit => "crit",
            Severity::Emerg => "emerg",
        })
    }
}

impl Severity {
    /// How bad the certificate's standing is. The margin runs from when it was due to its end; of a certificate that is
    /// due before its time (recalled, revoked) only what is left counts.
    pub fn of(facts: &CertificateFacts, due: &Due, now: UnixTime) -> Severity {
        if now > facts.not_after {
            return Severity::Emerg;
        }
        if now < due.at {
            return Severity::Info;
        }
        let left = facts.not_after.since(now);
        let worst = bounds(facts, due).into_iter().rev().find(|(_, bound)| left <= *bound);
        worst.map_or(Severity::Info, |(severity, _)| severity)
    }

    /// When it is worse than at `now`, if nothing is done; `None` if it cannot be worse.
    pub fn rises_at(facts: &CertificateFacts, due: &Due, now: UnixTime) -> Option<UnixTime> {
        let rises = bounds(facts, due).map(|(_, bound)| facts.not_after - bound);
        let over = facts.not_after + Duration::from_secs(1);
        rises.into_iter().chain([over]).find(|at| *at > now)
    }

    /// How bad a failed attempt is, with this expiry: something is served still and it may go well the next time, or not.
    pub fn of_failure(expiry: Option<Severity>, failures: u32) -> Severity {
        match expiry {
            Some(expiry) if failures < LASTING => expiry.max(Severity::Warning),
            Some(expiry) => expiry.max(Severity::Err),
            None => Severity::Err,
        }
    }

    /// The number by which syslog knows it (RFC 5424 section 6.2.1).
    pub fn level(self) -> u8 {
        match self {
            Severity::Emerg => 0,
            Severity::Crit => 2,
            Severity::Err => 3,
            Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Info => 6,
        }
    }
}

/// What is left, at most, where each begins.
fn bounds(facts: &CertificateFacts, due: &Due) -> [(Severity, Duration); 4] {
    let margin = facts.not_after.since(due.at).min(facts.lifetime() / 2);
    [
        (Severity::Notice, margin * 3 / 4),
        (Severity::Warning, margin / 2),
        (Severity::Err, margin / 4),
        (Severity::Crit, margin / 10),
    ]
}

/// What was told already, so that restarts do not tell it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    told: Severity,
    at: UnixTime,
}

impl Watch {
    /// Whether `severity` is to be told now: it rose, or a day has passed at notice or above. Falling back to info is
    /// told once as well, as the all-clear.
    pub fn tell(&mut self, severity: Severity, now: UnixTime) -> bool {
        let again = severity > Severity::Info && (now < self.at || now.since(self.at) >= REPEAT);
        let tell =
            severity > self.told || again || (severity == Severity::Info && self.told > Severity::Info);
        if tell {
            *self = Watch { told: severity, at: now };
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renew::Why;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn it_rises_as_the_margin_runs_out() {
        let facts = CertificateFacts {
            not_before: UnixTime(0),
            not_after: UnixTime(0) + DAY * 90,
            names: vec![],
            serial: String::new(),
            ari_id: None,
        };
        let due = Due { at: UnixTime(0) + DAY * 60, why: Why::TwoThirds };
        let at = |day: u32| Severity::of(&facts, &due, UnixTime(0) + DAY * day);
        use Severity::{Crit, Emerg, Err, Info, Notice, Warning};
        assert_eq!([10, 61, 70, 76, 84, 88, 91].map(at), [Info, Info, Notice, Warning, Err, Crit, Emerg]);
        let mut now = UnixTime(0);
        for worse in [Notice, Warning, Err, Crit, Emerg] {
            let at = Severity::rises_at(&facts, &due, now).unwrap();
            assert!(Severity::of(&facts, &due, at - Duration::from_secs(1)) < worse);
            assert_eq!(Severity::of(&facts, &due, at), worse);
            now = at;
        }
        assert_eq!(Severity::rises_at(&facts, &due, now), None);
    }

    #[test]
    fn a_failure_is_worse_the_less_there_is_to_fall_back_upon() {
        let failed = Severity::of_failure;
        assert_eq!(failed(Some(Severity::Info), 1), Severity::Warning);
        assert_eq!(failed(Some(Severity::Info), 3), Severity::Err);
        assert_eq!(failed(Some(Severity::Crit), 1), Severity::Crit);
        assert_eq!(failed(None, 1), Severity::Err);
    }

    #[test]
    fn it_is_told_when_it_rises_and_then_once_a_day() {
        let mut watch = Watch::default();
        let hour = |h: i64| UnixTime(h * 3600);
        assert!(!watch.tell(Severity::Info, hour(0)));
        assert!(watch.tell(Severity::Notice, hour(1)));
        assert!(!watch.tell(Severity::Notice, hour(2)));
        assert!(watch.tell(Severity::Warning, hour(3)));
        assert!(!watch.tell(Severity::Notice, hour(4)));
        assert!(watch.tell(Severity::Warning, hour(27)));
        assert!(watch.tell(Severity::Info, hour(28)), "all clear");
        assert!(!watch.tell(Severity::Info, hour(60)));
    }
}
