//! Renewal information of an authority (RFC 9773): the window it suggests, and how often it may be asked.

use super::UnixTime;
use super::time::share;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// RFC 9773 section 4.3.1 wants bounds on Retry-After and names one minute: an authority cannot make us ask faster.
pub const SHORTEST_POLL: Duration = MINUTE;
/// And one day: an authority cannot keep us from hearing of a revocation for longer.
pub const LONGEST_POLL: Duration = Duration::from_secs(24 * 3600);
/// Without Retry-After, and after an error that lasts (RFC 9773 section 4.3.3).
pub const DEFAULT_POLL: Duration = Duration::from_secs(6 * 3600);
/// A web page named by an authority is shown to people; nobody reads a longer address.
const LONGEST_EXPLANATION: usize = 1024;

/// The suggested window and when it was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The earliest moment.
    pub start: UnixTime,
    /// The latest moment; after `start`.
    pub end: UnixTime,
    /// The page that explains it, if the authority names one.
    pub explanation: Option<String>,
}

/// A window that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowError {
    /// What the authority sent as start.
    pub start: UnixTime,
    /// What it sent as end.
    pub end: UnixTime,
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowError { start, end } = self;
        write!(f, "the authority's renewal window ends ({end}) before it starts ({start})")
    }
}

impl std::error::Error for WindowError {}

impl Window {
    /// A window as the authority gave it. The explanation is kept if it is an https address of bearable length.
    pub fn new(start: UnixTime, end: UnixTime, explanation: Option<&str>) -> Result<Window, WindowError> {
        if end <= start {
            return Err(WindowError { start, end });
        }
        let shown = |page: &&str| {
            page.len() <= LONGEST_EXPLANATION
                && page.starts_with("https://")
                && page.bytes().all(|b| b.is_ascii_graphic())
        };
        Ok(Window { start, end, explanation: explanation.filter(shown).map(str::to_owned) })
    }

    /// The window of an authority's answer as the ACME client read it.
    pub fn of(info: &instant_acme::RenewalInfo) -> Result<Window, WindowError> {
        let at = |time: time::OffsetDateTime| UnixTime(time.unix_timestamp());
        let window = &info.suggested_window;
        Window::new(at(window.start), at(window.end), info.explanation_url.as_deref())
    }

    /// The moment in it that `position` (parts of 2^32) chooses.
    pub fn moment(&self, position: u32) -> UnixTime {
        self.start.towards(self.end, position)
    }

    /// Whether `now` lies in it.
    pub fn holds(&self, now: UnixTime) -> bool {
        self.start <= now && now < self.end
    }
}

/// When to ask again after an answer that said `retry_after`.
pub(super) fn next_poll(now: UnixTime, retry_after: Option<Duration>) -> UnixTime {
    now + retry_after.unwrap_or(DEFAULT_POLL).clamp(SHORTEST_POLL, LONGEST_POLL)
}

/// When to ask again after `failures` failed questions in a row: soon at first (section 4.3.2), every six hours once the
/// error lasts (section 4.3.3).
pub(super) fn retry_poll(now: UnixTime, failures: u32, random: u32) -> UnixTime {
    let wait = MINUTE.saturating_mul(4_u32.saturating_pow(failures.saturating_sub(1))).min(DEFAULT_POLL);
    now + wait + share(wait.min(HOUR), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_kept_within_bounds() {
        let now = UnixTime(1_000_000);
        let wait = |seconds| next_poll(now, Some(Duration::from_secs(seconds))).since(now).as_secs();
        assert_eq!([wait(0), wait(21_600), wait(u64::MAX)], [60, 21_600, 86_400]);
        assert_eq!(next_poll(now, None).since(now), DEFAULT_POLL);
    }

    #[test]
    fn errors_are_asked_again_soon_and_then_every_six_hours() {
        let now = UnixTime(0);
        let waits: Vec<u64> =
            (1..=7).map(|failures| retry_poll(now, failures, 0).since(now).as_secs()).collect();
        assert_eq!(waits, [60, 240, 960, 3840, 15_360, 21_600, 21_600]);
        assert!(retry_poll(now, u32::MAX, u32::MAX).since(now).as_secs() < 21_600 + 3600);
    }

    #[test]
    fn an_answer_is_read() {
        let answer = r#"{"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00.5+01:00"},
            "explanationURL": "https://acme.example.com/docs/ari", "later": {}}"#;
        let window = Window::of(&serde_json::from_str(answer).unwrap()).unwrap();
        assert_eq!((window.start, window.end), (UnixTime(1_735_790_400), UnixTime(1_735_873_200)));
        assert_eq!(window.explanation.as_deref(), Some("https://acme.example.com/docs/ari"));
    }

    #[test]
    fn a_window_that_ends_before_it_starts_is_refused() {
        assert!(Window::new(UnixTime(5), UnixTime(5), None).is_err());
        let odd = Window::new(UnixTime(5), UnixTime(6), Some("https://x/\n[ALERT]")).unwrap();
        assert_eq!(odd.explanation, None);
    }
}
