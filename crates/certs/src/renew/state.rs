//! What renewal remembers over restarts: of one lineage, and of one authority, each a small JSON text that its keeper
//! writes crash-safely whenever it differs from what was written.

use super::window::{next_poll, retry_poll};
use super::{Backoff, Buckets, CertificateFacts, UnixTime, Watch, Window};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Between renewals less than this share of a life apart, something is wrong: a clock far ahead, an authority whose
/// windows are always past. They are slowed down like failures.
const TOO_SOON: u32 = 10;
/// An authority that offers no renewal information is asked about it again after this.
const NOT_OFFERED: Duration = Duration::from_secs(24 * 3600);

/// Text that is no state: made by hand, by a newer version, or torn.
#[derive(Debug)]
pub struct StateError(serde_json::Error);

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no renewal state ({}); remove the file, the schedule is then made anew", self.0)
    }
}

impl std::error::Error for StateError {}

/// What is remembered of a lineage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The certificate that the rest is about: its serial number.
    serial: String,
    /// Where in a window (or in the spread) it is renewed, in parts of 2^32: drawn once per certificate.
    pub(super) position: u32,
    /// The authority's window, if it gave one.
    pub(super) window: Option<Window>,
    /// When the authority was last asked for it.
    asked_at: UnixTime,
    /// When it may be asked again.
    ask_at: UnixTime,
    ask_failures: u32,
    /// Found revoked by a CRL.
    pub(super) revoked: bool,
    /// When its issuer's revocation list was last looked at.
    list_asked_at: UnixTime,
    /// When that may be done again.
    list_ask_at: UnixTime,
    /// The authority said that this certificate was replaced already: the order goes without `replaces`.
    pub(super) replaced: bool,
    /// When the last certificate was issued.
    issued_at: Option<UnixTime>,
    /// The back-off of this lineage's names.
    pub backoff: Backoff,
    /// What was told of its coming expiry.
    pub watch: Watch,
}

impl State {
    /// Reads what [`State::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<State, StateError> {
        serde_json::from_str(text).map_err(StateError)
    }

    /// The text to keep.
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// Tells which certificate the lineage has now: one that was not met before draws a new position and forgets the
    /// other's window. Cheap and harmless to repeat.
    pub fn meet(&mut self, facts: &CertificateFacts, random: u32) {
        if self.serial != facts.serial {
            *self = State {
                serial: facts.serial.clone(),
                position: random,
                issued_at: self.issued_at,
                backoff: std::mem::take(&mut self.backoff),
                watch: std::mem::take(&mut self.watch),
                ..State::default()
            };
        }
    }

    /// Whether this is the certificate that it was last told of.
    pub fn is_of(&self, facts: &CertificateFacts) -> bool {
        self.serial == facts.serial
    }

    /// When the authority is to be asked for its window; in the past if now. An answer from the future counts as none.
    pub fn ask_at(&self, now: UnixTime) -> UnixTime {
        if self.asked_at > now { now } else { self.ask_at }
    }

    /// The window as last heard.
    pub fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// The authority gave its window, and perhaps said when to ask again.
    pub fn polled(&mut self, window: Window, retry_after: Option<Duration>, now: UnixTime) {
        self.window = Some(window);
        self.ask_failures = 0;
        (self.asked_at, self.ask_at) = (now, next_poll(now, retry_after));
    }

    /// It gave none: an error, or no answer. A window heard before still holds.
    pub fn poll_failed(&mut self, now: UnixTime, random: u32) {
        self.ask_failures = self.ask_failures.saturating_add(1);
        (self.asked_at, self.ask_at) = (now, retry_poll(now, self.ask_failures, random));
    }

    /// It offers no renewal information.
    pub fn poll_not_offered(&mut self, now: UnixTime) {
        self.window = None;
        (self.asked_at, self.ask_at) = (now, now + NOT_OFFERED);
    }

    /// The certificate is on a revocation list.
    pub fn found_revoked(&mut self) {
        self.revoked = true;
    }

    /// Whether it was found on one.
    pub fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// When the revocation list is to be looked at; in the past if now. A look in the future counts as none.
    pub fn list_at(&self, now: UnixTime) -> UnixTime {
        if self.list_asked_at > now { now } else { self.list_ask_at }
    }

    /// The list was looked at, and is again at `next`.
    pub fn list_looked_at(&mut self, next: UnixTime, now: UnixTime) {
        (self.list_asked_at, self.list_ask_at) = (now, next);
    }

    /// The authority refused `replaces` with `alreadyReplaced`: the next order goes at once, without it.
    pub fn already_replaced(&mut self) {
        self.replaced = true;
    }

    /// An attempt failed for a reason of this lineage's own: a validation, a CAA record, an order gone invalid.
    pub fn failed(&mut self, said: &str, facts: Option<&CertificateFacts>, now: UnixTime, random: u32) {
        self.backoff.name_failed(said, facts.map(|f| f.not_after), now, random);
    }

    /// A certificate was issued and saved. Too soon after the one before, it counts as a failure for the back-off, so
    /// that a clock far ahead or a mistaken authority does not make us order without end.
    pub fn issued(&mut self, facts: &CertificateFacts, now: UnixTime, random: u32) {
        let too_soon = self.issued_at.is_some_and(|at| now < at + facts.lifetime() / TOO_SOON);
        self.meet(facts, random);
        self.issued_at = Some(now);
        if too_soon {
            let said = "renewed again too soon: is this machine's clock right?";
            self.backoff.name_failed(said, Some(facts.not_after), now, random);
        } else {
            self.backoff.clear();
        }
    }
}

/// What is remembered of an authority, by the address of its directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorityState {
    /// The back-off of every lineage that orders there.
    pub backoff: Backoff,
    /// Its rate limits by our records.
    pub buckets: Buckets,
}

impl AuthorityState {
    /// An authority not met before.
    pub fn new(directory: &str) -> AuthorityState {
        AuthorityState { backoff: Backoff::default(), buckets: Buckets::new(directory) }
    }

    /// Reads what [`AuthorityState::to_json`] wrote.
    pub fn from_json(text: &str, now: UnixTime) -> Result<AuthorityState, StateError> {
        let mut state: AuthorityState = serde_json::from_str(text).map_err(StateError)?;
        state.buckets.settle(now);
        Ok(state)
    }

    /// The text to keep.
    pub fn to_json(&self) -> String {
        json(self)
    }

    /// The authority did not do its part: unreachable, an error of its own, no usable nonce.
    pub fn failed(&mut self, said: &str, now: UnixTime, random: u32) {
        self.backoff.authority_failed(said, now, random);
    }

    /// It cannot do its part at the moment, and said when to come back.
    pub fn told_to_wait(&mut self, said: &str, retry_after: Duration, now: UnixTime) {
        self.backoff.told_to_wait(said, retry_after, now);
    }

    /// It answered as it should.
    pub fn answered(&mut self) {
        self.backoff.clear();
    }
}

/// Only strings, numbers and maps of them: nothing that could fail to be written as JSON.
fn json(state: &impl Serialize) -> String {
    serde_json::to_string_pretty(state).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn facts(serial: &str) -> CertificateFacts {
        CertificateFacts {
            not_before: NOW,
            not_after: NOW + DAY * 90,
            names: vec!["a.example".into()],
            serial: serial.into(),
            ari_id: None,
        }
    }

    #[test]
    fn position_and_window_survive_a_restart_and_change_with_the_certificate() {
        let mut state = State::default();
        state.meet(&facts("01"), 77);
        let window = Window::new(NOW + DAY, NOW + DAY * 2, None).unwrap();
        state.polled(window, Some(Duration::from_secs(600)), NOW);
        let mut again = State::from_json(&state.to_json()).unwrap();
        assert_eq!(again, state);
        again.meet(&facts("01"), 99);
        assert_eq!((again.position, again.ask_at(NOW).since(NOW).as_secs()), (77, 600));
        again.meet(&facts("02"), 99);
        assert_eq!((again.position, again.window(), again.ask_at(NOW)), (99, None, UnixTime(0)));
    }

    #[test]
    fn renewing_again_too_soon_is_slowed_down() {
        let mut state = State::default();
        state.issued(&facts("01"), NOW, 0);
        assert_eq!(state.backoff.until(NOW), None);
        state.issued(&facts("02"), NOW + DAY, 0);
        assert!(state.backoff.until(NOW + DAY).is_some() && state.backoff.said.contains("clock"));
        state.issued(&facts("03"), NOW + DAY * 60, 0);
        assert_eq!(state.backoff.until(NOW + DAY * 60), None);
    }

    #[test]
    fn an_answer_from_the_future_is_asked_for_again() {
        let mut state = State::default();
        state.polled(Window::new(NOW, NOW + DAY, None).unwrap(), None, NOW + DAY * 300);
        assert_eq!(state.ask_at(NOW), NOW);
    }

    #[test]
    fn torn_text_is_told_and_unknown_words_are_not_minded() {
        assert!(State::from_json("{\"serial\": \"0").unwrap_err().to_string().contains("remove the file"));
        assert_eq!(State::from_json("{\"later\": 1}").unwrap(), State::default());
        let authority = AuthorityState::new("https://acme-v02.api.letsencrypt.org/directory");
        assert_eq!(AuthorityState::from_json(&authority.to_json(), NOW).unwrap(), authority);
    }
}
