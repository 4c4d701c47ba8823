//! How loudly a coming expiry is told: rising as the margin runs out, and not over and over.

use super::{CertificateFacts, Due, UnixTime};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// An alert that nobody acted upon is repeated this often.
const REPEAT: Duration = Duration::from_secs(24 * 3600);

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
        let margin = facts.not_after.since(due.at).min(facts.lifetime() / 2);
        let left = facts.not_after.since(now);
        if now < due.at || left > margin * 3 / 4 {
            Severity::Info
        } else if left > margin / 2 {
            Severity::Notice
        } else if left > margin / 4 {
            Severity::Warning
        } else if left > margin / 10 {
            Severity::Err
        } else {
            Severity::Crit
        }
    }
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
