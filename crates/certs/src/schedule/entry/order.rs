//! One order of a certificate, and what is learnt from how it ends: about the certificate, and about the authority.

use super::super::alert::Event;
use super::super::authorities::Authorities;
use super::super::finalized::Finalized;
use super::super::time::now;
use super::super::{Tell, lists, random};
use super::{Entry, facts, memory_name};
use crate::acme::{self, IssueError};
use crate::hatch::{ForName, Hatch};
use crate::issue::{Issued, Wanted, issue};
use crate::renew::{AuthorityState, NewOrder, OrderKind, Severity, State};
use std::time::{Duration, SystemTime};

/// Another process holds the lock: looked at again after this.
const BUSY: Duration = Duration::from_secs(30);

impl Entry {
    /// Orders it by one of its ways.
    pub(super) async fn order(
        &mut self,
        way: usize,
        (kind, replaces): (OrderKind, bool),
        hatch: &dyn Hatch,
        authorities: &Authorities,
        tell: &Tell,
    ) {
        let Some(mut wanted) = self.job.ways.get(way).cloned() else { return };
        wanted.replaces = replaces;
        // Whoever revoked it may have done so because of its key.
        wanted.reuse_key &= !self.states.iter().any(State::is_revoked);
        let (outcome, mut trouble) = self.counted(&wanted, kind, hatch, authorities).await;
        match outcome {
            Ok(issued) => self.succeeded(way, &wanted, &issued, tell),
            Err(IssueError::Busy { .. }) => self.wake = now() + BUSY,
            Err(error) => self.failed(way, &wanted, &error, authorities, tell),
        }
        if let Some(state) = self.states.get(way) {
            trouble.extend(self.job.storage.remember(&memory_name(&self.job, way), &state.to_json()).err());
        }
        trouble
            .iter()
            .for_each(|why| tell(Severity::Warning, &format!("what was done is not remembered: {why}")));
    }

    /// Has it signed; what the authority's limits count of that is noted before and after. With it comes what could not be
    /// noted.
    async fn counted(
        &self,
        wanted: &Wanted,
        kind: OrderKind,
        hatch: &dyn Hatch,
        authorities: &Authorities,
    ) -> (Result<Issued, IssueError>, Vec<IssueError>) {
        let (url, storage) = (&wanted.directory.url, &self.job.storage);
        let account = authorities.account(&wanted.directory, storage);
        let order = NewOrder { account: &account, names: &wanted.names, kind };
        let taken = authorities.change(url, storage, now(), |authority| {
            // A forced order is the operator's: it goes out even where our records say that it will be refused.
            let _ = authority.buckets.take(order, now());
            if account == acme::NO_ACCOUNT {
                let _ = authority.buckets.take_account(now());
            }
        });
        let finalized = Finalized::default();
        let outcome =
            self.signed(wanted, hatch, &|| finalized.note(authorities, (url, storage), order)).await;
        let named = authorities.account(&wanted.directory, storage);
        let order = NewOrder { account: &named, ..order };
        let noted = authorities.change(url, storage, now(), |authority| {
            authority.buckets.name_account(acme::NO_ACCOUNT, &named);
            note(authority, order, &outcome.as_ref().map(|_| ()));
            finalized.settle(authority, order, &outcome.as_ref().map(|_| ()));
        });
        let trouble = [taken.err(), noted.err(), finalized.trouble()];
        (outcome, trouble.into_iter().flatten().collect())
    }

    async fn signed(
        &self,
        wanted: &Wanted,
        hatch: &dyn Hatch,
        finalizes: &dyn Fn(),
    ) -> Result<Issued, IssueError> {
        let storage = &self.job.storage;
        match self.job.on_demand {
            Some(_) => {
                let hatch = ForName { inner: hatch, section: &self.job.section, name: self.job.name() };
                issue(wanted, storage, &hatch, finalizes).await
            }
            None => issue(wanted, storage, hatch, finalizes).await,
        }
    }

    fn succeeded(&mut self, way: usize, wanted: &Wanted, issued: &Issued, tell: &Tell) {
        self.obtained = true;
        self.keep(tell);
        (self.facts, self.sources) = (facts(&self.job), lists::sources(&self.job.file));
        let names = wanted.names.join(", ");
        tell(Severity::Notice, &format!("certificate '{}' for {names} is obtained and served", wanted.name));
        for text in &issued.complaints {
            tell(Severity::Warning, &format!("certificate '{}': {text}", wanted.name));
        }
        if let (Some(facts), Some(state)) = (&self.facts, self.states.get_mut(way)) {
            state.issued(facts, now(), random());
        }
        // The first way has its chance again. This one was told already, perhaps that it is too soon.
        let others = self.states.iter_mut().enumerate().filter(|(other, _)| *other != way);
        others.for_each(|(_, state)| state.backoff.clear());
    }

    fn failed(
        &mut self,
        way: usize,
        wanted: &Wanted,
        error: &IssueError,
        authorities: &Authorities,
        tell: &Tell,
    ) {
        self.wait_after(way, error);
        let failures = |authority: &mut AuthorityState| authority.backoff.failures;
        let failures = authorities.with(&wanted.directory.url, &self.job.storage, now(), failures);
        let severity = self.severity_of_failure(way, failures);
        let text = format!("is not obtained: {error}; {}", error.remedy());
        self.alert(Event::Failure, severity, &text, tell);
    }

    fn wait_after(&mut self, way: usize, error: &IssueError) {
        let facts = self.facts.as_ref();
        let Some(state) = self.states.get_mut(way) else { return };
        match wait_of(error) {
            _ if error.is_authoritys_fault() => {}
            Some(wait) => state.backoff.told_to_wait(&error.to_string(), wait, now()),
            None => state.failed(&error.to_string(), facts, now(), random()),
        }
    }
}

/// How long it is to be left alone, where it said so.
fn wait_of(error: &IssueError) -> Option<Duration> {
    error.not_before()?.duration_since(SystemTime::now()).ok()
}

/// What an order's end says about the authority.
pub(in crate::schedule) fn note(
    authority: &mut AuthorityState,
    order: NewOrder<'_>,
    outcome: &Result<(), &IssueError>,
) {
    let now = now();
    match outcome {
        Ok(()) => {
            authority.answered();
            order.names.iter().for_each(|name| authority.buckets.validated(order.account, name));
        }
        Err(error) if error.is_authoritys_fault() => match wait_of(error) {
            Some(wait) => authority.told_to_wait(&error.to_string(), wait, now),
            None => authority.failed(&error.to_string(), now, random()),
        },
        Err(IssueError::Unproven(failures)) => {
            authority.answered();
            for failure in failures {
                authority.buckets.validation_failed(order.account, &failure.name, now);
            }
        }
        Err(_) => {}
    }
}
