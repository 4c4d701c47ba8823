//! When a certificate should be renewed, and why then.

use super::time::share;
use super::{CertificateFacts, State, UnixTime};
use std::fmt;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Below this a lifetime counts as short, and half of it is kept in hand instead of a third.
const SHORT_LIFE: Duration = Duration::from_secs(10 * 24 * 3600);
/// Certificates made together are spread over this share of their life, all before the moment of the rule.
const SPREAD: u32 = 24;
/// No window may move a renewal into the last tenth of a life: what is left is the margin for an authority's outage.
const LAST_PART: u32 = 10;

/// How renewal is decided; the default is right for every public authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Renew this long before the end instead of by the share of life (Certbot's `renew_before_expiry`). A window of
    /// the authority that comes earlier is followed all the same.
    pub renew_before: Option<Duration>,
}

/// When a certificate is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// From when on. Not later than the end of the certificate, perhaps long past.
    pub at: UnixTime,
    /// By what rule.
    pub why: Why,
}

/// By what rule a certificate is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no certificate yet.
    Missing,
    /// It was found revoked.
    Revoked,
    /// The authority's window (RFC 9773), with the page that explains it.
    Window {
        /// As the authority named it.
        explanation: Option<String>,
    },
    /// The authority's window is over although much life is left: it asks for replacement at once.
    Recalled {
        /// As the authority named it.
        explanation: Option<String>,
    },
    /// The authority's window comes too late to leave a margin: nine tenths of the life.
    WindowTooLate,
    /// Two thirds of the life.
    TwoThirds,
    /// Half of a life under ten days.
    Half,
    /// As long before the end as was configured.
    Configured,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explained = |f: &mut fmt::Formatter<'_>, page: &Option<String>| match page {
            Some(page) => write!(f, " (see {page})"),
            None => Ok(()),
        };
        match self {
            Why::Missing => f.write_str("no certificate yet"),
            Why::Revoked => f.write_str("revoked"),
            Why::Window { explanation } => {
                f.write_str("ARI window")?;
                explained(f, explanation)
            }
            Why::Recalled { explanation } => {
                f.write_str("the authority asks for replacement at once")?;
                explained(f, explanation)
            }
            Why::WindowTooLate => f.write_str("nine tenths of life, before a late ARI window"),
            Why::TwoThirds => f.write_str("two thirds of life"),
            Why::Half => f.write_str("half of life"),
            Why::Configured => f.write_str("as long before the end as configured"),
        }
    }
}

impl Policy {
    /// When the certificate is due, `None` standing for a certificate that is missing. `state` must be told of the
    /// certificate first ([`State::meet`]).
    pub fn due(&self, facts: Option<&CertificateFacts>, state: &State, now: UnixTime) -> Due {
        let Some(facts) = facts else { return Due { at: now, why: Why::Missing } };
        if state.revoked {
            return Due { at: now, why: Why::Revoked };
        }
        match (self.by_window(facts, state, now), self.renew_before) {
            (Some(window), Some(before)) => earlier(window, configured(facts, before)),
            (Some(window), None) => window,
            (None, Some(before)) => configured(facts, before),
            (None, None) => by_life(facts, state.position),
        }
    }

    fn by_window(&self, facts: &CertificateFacts, state: &State, now: UnixTime) -> Option<Due> {
        let window = state.window.as_ref()?;
        let explanation = window.explanation.clone();
        let latest = facts.not_after - facts.lifetime() / LAST_PART;
        let at = window.moment(state.position);
        Some(if at > latest {
            Due { at: latest, why: Why::WindowTooLate }
        } else if window.end <= now && window.end < by_life(facts, 0).at - DAY.min(facts.lifetime() / SPREAD)
        {
            Due { at, why: Why::Recalled { explanation } }
        } else {
            Due { at, why: Why::Window { explanation } }
        })
    }
}

fn by_life(facts: &CertificateFacts, position: u32) -> Due {
    let life = facts.lifetime();
    let (at, why) = if life < SHORT_LIFE {
        (facts.not_before + life / 2, Why::Half)
    } else {
        (facts.not_before + life / 3 * 2, Why::TwoThirds)
    };
    Due { at: at - share(life / SPREAD, position), why }
}

fn configured(facts: &CertificateFacts, before: Duration) -> Due {
    Due { at: facts.not_after - before, why: Why::Configured }
}

fn earlier(one: Due, other: Due) -> Due {
    if other.at < one.at { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renew::Window;

    const START: UnixTime = UnixTime(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn facts(life: Duration) -> CertificateFacts {
        CertificateFacts {
            not_before: START,
            not_after: START + life,
            names: vec!["a.example".into()],
            serial: "01".into(),
            ari_id: Some("aa.AQ".into()),
        }
    }

    fn due_after(life: Duration, position: u32) -> (Duration, Why) {
        let facts = facts(life);
        let mut state = State::default();
        state.meet(&facts, position);
        let due = Policy::default().due(Some(&facts), &state, START);
        (due.at.since(START), due.why)
    }

    #[test]
    fn without_a_window_two_thirds_and_half_of_short_lives() {
        assert_eq!(due_after(DAY * 90, 0), (DAY * 60, Why::TwoThirds));
        assert_eq!(due_after(DAY * 45, 0), (DAY * 30, Why::TwoThirds));
        assert_eq!(due_after(HOUR * 160, 0), (HOUR * 80, Why::Half));
    }

    #[test]
    fn the_spread_is_always_earlier() {
        let (latest, _) = due_after(DAY * 90, u32::MAX);
        assert!(latest > DAY * 56 && latest < DAY * 57, "{latest:?}");
    }

    fn with_window(start: Duration, end: Duration, now: Duration) -> Due {
        let facts = facts(DAY * 90);
        let mut state = State::default();
        state.meet(&facts, u32::MAX / 2 + 1);
        let window = Window::new(START + start, START + end, Some("https://ca.example/why")).unwrap();
        state.polled(window, None, START);
        Policy::default().due(Some(&facts), &state, START + now)
    }

    #[test]
    fn the_windows_random_moment_is_followed() {
        let due = with_window(DAY * 58, DAY * 60, DAY);
        assert_eq!(due.at, START + DAY * 59);
        assert_eq!(due.why.to_string(), "ARI window (see https://ca.example/why)");
        let late = with_window(DAY * 58, DAY * 60, DAY * 75);
        assert!(matches!(late.why, Why::Window { .. }), "we were off, nobody recalled it: {late:?}");
    }

    #[test]
    fn a_window_in_the_past_of_a_young_certificate_recalls_it() {
        let due = with_window(DAY * 2, DAY * 3, DAY * 5);
        assert!(due.at < START + DAY * 5 && matches!(due.why, Why::Recalled { .. }), "{due:?}");
    }

    #[test]
    fn a_window_after_the_end_leaves_a_tenth() {
        let due = with_window(DAY * 100, DAY * 110, DAY);
        assert_eq!(due, Due { at: START + DAY * 81, why: Why::WindowTooLate });
    }

    #[test]
    fn missing_and_revoked_are_due_now() {
        let facts = facts(DAY * 90);
        let mut state = State::default();
        assert_eq!(Policy::default().due(None, &state, START), Due { at: START, why: Why::Missing });
        state.meet(&facts, 0);
        state.found_revoked();
        assert_eq!(Policy::default().due(Some(&facts), &state, START).why, Why::Revoked);
    }

    #[test]
    fn a_configured_margin_is_kept_exactly() {
        let policy = Policy { renew_before: Some(DAY * 20) };
        let facts = facts(DAY * 90);
        let mut state = State::default();
        state.meet(&facts, 77);
        let due = policy.due(Some(&facts), &state, START);
        assert_eq!(due, Due { at: START + DAY * 70, why: Why::Configured });
    }
}
