//! What to do for a lineage now: ask for its window, order, or wait, and until when.

use super::{AuthorityState, CertificateFacts, NewOrder, OrderKind, Policy, Refusal, State, UnixTime, Why};
use std::fmt;

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the authority for the renewal window of the certificate with this identifier, then come back.
    Ask {
        /// RFC 9773 section 4.1.
        ari_id: String,
    },
    /// Order; [`super::Buckets::take`] with this kind right before it.
    Order {
        /// Why now.
        why: Why,
        /// The certificate to name in the order's `replaces`.
        replaces: Option<String>,
        /// What the order is to the authority's limits.
        kind: OrderKind,
    },
    /// Nothing to do before `until`.
    Wait {
        /// When to come back. Coming back earlier does no harm.
        until: UnixTime,
        /// What holds it.
        waiting: Waiting,
    },
}

/// What holds a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It is not due before then.
    NotDue(UnixTime, Why),
    /// Its last attempts failed.
    Name {
        /// How many in a row.
        failures: u32,
        /// What the last said.
        said: String,
    },
    /// The authority's last answers were errors.
    Authority {
        /// How many in a row.
        failures: u32,
        /// What the last said.
        said: String,
    },
    /// The authority would refuse the order.
    Limit(Refusal),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::NotDue(at, why) => write!(f, "due {at}: {why}"),
            Waiting::Name { failures, said } => write!(f, "{failures} failures in a row, the last: {said}"),
            Waiting::Authority { failures, said } => {
                write!(f, "the authority failed {failures} times in a row, the last: {said}")
            }
            Waiting::Limit(refusal) => refusal.fmt(f),
        }
    }
}

/// What to do for a lineage, `order` being the account and the names it is to have. Changes nothing but buckets that a
/// clock ahead has left overdrawn.
pub fn step(
    policy: &Policy,
    facts: Option<&CertificateFacts>,
    state: &State,
    authority: &mut AuthorityState,
    order: (&str, &[String]),
    now: UnixTime,
) -> Step {
    let left = facts.map(|facts| facts.not_after.since(now));
    let authority_until = authority.backoff.until_for(left, now);
    let ari_id = facts.and_then(|facts| facts.ari_id.as_ref());
    if let (Some(ari_id), None, true) = (ari_id, authority_until, state.ask_at(now) <= now) {
        return Step::Ask { ari_id: ari_id.clone() };
    }
    let due = policy.due(facts, state, now);
    if due.at > now {
        let ask_at = ari_id.map_or(due.at, |_| state.ask_at(now).max(now));
        let until = authority_until.map_or(ask_at, |until| ask_at.max(until)).min(due.at);
        return Step::Wait { until, waiting: Waiting::NotDue(due.at, due.why) };
    }
    if let Some(until) = state.backoff.until(now) {
        let (failures, said) = (state.backoff.failures, state.backoff.said.clone());
        return Step::Wait { until, waiting: Waiting::Name { failures, said } };
    }
    if let Some(until) = authority_until {
        let (failures, said) = (authority.backoff.failures, authority.backoff.said.clone());
        return Step::Wait { until, waiting: Waiting::Authority { failures, said } };
    }
    let (account, names) = order;
    let replaces = ari_id.filter(|_| state.window().is_some() && !state.replaced).cloned();
    let kind = kind(facts, state, names, replaces.is_some(), now);
    match authority.buckets.check(NewOrder { account, names, kind }, now) {
        Ok(()) => Step::Order { why: due.why, replaces, kind },
        Err(refusal) => Step::Wait { until: refusal.until, waiting: Waiting::Limit(refusal) },
    }
}

/// Only a replacement inside the suggested window is free of limits; outside it counts as any other with the same names.
fn kind(
    facts: Option<&CertificateFacts>,
    state: &State,
    names: &[String],
    replaces: bool,
    now: UnixTime,
) -> OrderKind {
    if replaces && state.window().is_some_and(|window| window.holds(now)) {
        OrderKind::Ari
    } else if facts.is_some_and(|facts| same_names(&facts.names, names)) {
        OrderKind::SameNames
    } else {
        OrderKind::New
    }
}

fn same_names(have: &[String], want: &[String]) -> bool {
    let holds = |set: &[String], name: &String| set.iter().any(|other| other.eq_ignore_ascii_case(name));
    want.iter().all(|name| holds(have, name)) && have.iter().all(|name| holds(want, name))
}
