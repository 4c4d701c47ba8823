//! What would come of an order, found out before it is placed: whether the names lead here, whether we answer there, and
//! whether the authority may and would sign. Nothing is ordered; the authority is asked for its directory alone.

mod caa;
mod reach;

pub use caa::issuers;

use crate::acme::Directory;
use crate::dns::Resolver;
use crate::hatch::{Challenge, Hatch};
use crate::renew::{NewOrder, OrderKind, UnixTime};
use crate::schedule;
use crate::storage::Storage;
use std::fmt;

/// An order that may come.
pub struct Rehearsal<'a> {
    /// Host names, wildcards and addresses.
    pub names: &'a [String],
    /// Who would sign.
    pub directory: &'a Directory,
    /// The kinds of proof that would be given.
    pub challenges: &'a [Challenge],
    /// What the order would be to the authority.
    pub kind: OrderKind,
    /// Where accounts and what was ordered before are kept.
    pub storage: &'a Storage,
    /// Whom names are looked up with.
    pub resolver: &'a Resolver,
    /// Who would answer the authority.
    pub hatch: &'a dyn Hatch,
    /// Where the authority looks: 80.
    pub http_port: u16,
    /// The same for tls-alpn-01: 443.
    pub tls_port: u16,
}

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Good,
    /// It cannot be told from here.
    Doubtful,
    /// The order would fail over it.
    Bad,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Good => "ok",
            Verdict::Doubtful => "doubt",
            Verdict::Bad => "FAIL",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name, or whose limit it is.
    pub about: String,
    /// How it looks.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(about: &str, what: String) -> Finding {
        Finding { about: about.to_owned(), verdict: Verdict::Good, what, remedy: None }
    }

    fn doubtful(about: &str, what: String, remedy: String) -> Finding {
        Finding { about: about.to_owned(), verdict: Verdict::Doubtful, what, remedy: Some(remedy) }
    }

    fn bad(about: &str, what: String, remedy: String) -> Finding {
        Finding { about: about.to_owned(), verdict: Verdict::Bad, what, remedy: Some(remedy) }
    }
}

/// Looks at everything.
pub async fn rehearse(order: &Rehearsal<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let issuers = caa::issuers(order.directory).await;
    for name in order.names {
        if let Some(why) = crate::issue::unfit(name) {
            findings.push(Finding::bad(
                name,
                format!("it is no name for a certificate: {why}"),
                "leave it away".to_owned(),
            ));
            continue;
        }
        reach::look(order, name, &mut findings).await;
        caa::look(order, name, &issuers, &mut findings).await;
    }
    limits(order, &mut findings);
    findings
}

/// The authority's limits by our own records.
fn limits(order: &Rehearsal<'_>, findings: &mut Vec<Finding>) {
    let now = UnixTime::from(std::time::SystemTime::now());
    let (account, mut state) = schedule::remembered(order.directory, order.storage);
    let new = NewOrder { account: &account, names: order.names, kind: order.kind };
    if let Err(refusal) = state.buckets.check(new, now) {
        let remedy = format!("wait until {}", refusal.until);
        findings.push(Finding::bad(&refusal.whose.clone(), refusal.to_string(), remedy));
    }
    for (limit, whose, left, size) in state.buckets.levels(new, now) {
        let what = format!("limit of {limit}: {left} of {size} left by our records");
        findings.push(Finding::good(&whose, what));
    }
    if let Some(until) = state.backoff.until(now) {
        let what = format!("the authority failed lately; it is left alone until {until}");
        findings.push(Finding::doubtful(
            order.directory.host(),
            what,
            "wait, or look at its status page".to_owned(),
        ));
    }
}
