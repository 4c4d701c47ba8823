//! What operators are told of one certificate: in the log, and by their own programs.

use super::super::Tell;
use super::super::alert::{self, Alert, Event};
use super::super::time::now;
use super::{Entry, memory_name};
use crate::renew::{Policy, Severity, Why};

impl Entry {
    /// Tells how near the end of what is served is: when it gets worse, daily, and when all is well again.
    pub(super) fn watch(&mut self, tell: &Tell) {
        let now = now();
        let (Some(facts), Some(state)) = (&self.facts, self.states.first_mut()) else { return };
        let due = Policy::default().due(Some(facts), state, now);
        let severity = Severity::of(facts, &due, now);
        if let Some(at) = Severity::rises_at(facts, &due, now) {
            self.wake = self.wake.min(at);
        }
        if !state.watch.tell(severity, now) {
            return;
        }
        let (end, why) = (facts.not_after, &self.why);
        let left = facts.not_after.since(now).as_secs() / 3600;
        let text = match severity {
            Severity::Info => format!("is renewed; it ends {end}"),
            Severity::Notice | Severity::Warning | Severity::Err | Severity::Crit => {
                format!("ends {end}, in {left} hours, and is not renewed yet: {why}")
            }
            Severity::Emerg => format!("has ended {end}, clients turn away: {why}"),
        };
        // What cannot be remembered is told again after a restart.
        let _ = self.job.storage.remember(&memory_name(&self.job, 0), &state.to_json());
        self.alert(Event::Expiry, severity, &text, tell);
    }

    /// In the log, and to the operator's programs.
    pub(super) fn alert(&self, event: Event, severity: Severity, text: &str, tell: &Tell) {
        let Some(wanted) = self.job.ways.first() else { return };
        let text = format!("certificate '{}' {text}", wanted.name);
        tell(severity, &text);
        let ends_in = self.facts.as_ref().map(|facts| facts.not_after.0.saturating_sub(now().0));
        let alert =
            Alert { event, severity, name: &wanted.name, names: &wanted.names, ends_in, message: &text };
        alert::raise(&self.job.alert_hooks, &alert, tell);
    }

    /// Operators want to know why a certificate is replaced, above all where its authority recalls it (RFC 9773 section
    /// 4.2: the page that explains it).
    pub(super) fn tell_why(&self, why: &Why, tell: &Tell) {
        let name = self.job.ways.first().map_or("", |wanted| wanted.name.as_str());
        let text = match (self.forced, why) {
            (_, Why::Missing) => return,
            (true, Why::Revoked | Why::Recalled { .. }) | (false, _) => why.to_string(),
            (
                true,
                Why::Window { .. } | Why::WindowTooLate | Why::TwoThirds | Why::Half | Why::Configured,
            ) => "an operator asks for it".to_owned(),
        };
        tell(Severity::Notice, &format!("certificate '{name}' is renewed now: {text}"));
    }

    /// Operators want to know that another authority signs, and why.
    pub(super) fn tell_fallback(&self, way: usize, why: &str, tell: &Tell) {
        let host = self.job.ways.get(way).map_or("", |wanted| wanted.directory.host());
        let text = format!("certificate '{}' is ordered from {host} instead: {why}", self.job.name());
        tell(Severity::Warning, &text);
    }

    /// How bad a failed attempt is.
    pub(super) fn severity_of_failure(&self, way: usize, authority_failures: u32) -> Severity {
        let (now, state) = (now(), self.states.get(way));
        let expiry =
            self.facts.as_ref().zip(state).map(|(facts, state)| {
                Severity::of(facts, &Policy::default().due(Some(facts), state, now), now)
            });
        let failures = state.map_or(0, |state| state.backoff.failures);
        Severity::of_failure(expiry, failures.max(authority_failures))
    }
}
