//! The proxies of ours that serve on this machine, taken as one: answers are put to all of them, since any may be the one
//! that an authority meets.

use crate::ctl::{self, Neighbours};
use certs::Bundle;
use certs::hatch::{Answer, Hatch, HatchError};
use std::path::Path;

/// See the module's head; cheap to clone.
#[derive(Clone)]
pub(super) struct Proxies(std::rc::Rc<Neighbours>);

impl Proxies {
    /// Looks for them.
    pub(super) fn find() -> Proxies {
        Proxies(ctl::neighbours().into())
    }

    /// None takes answers.
    pub(super) fn is_empty(&self) -> bool {
        self.0.proxies.is_empty()
    }

    /// Why somebody who may have been meant is none of them, to stand behind an error.
    pub(super) fn excuse(&self) -> String {
        self.0.closed.iter().map(|why| format!("; {why}")).collect()
    }

    /// Posts an answer; one proxy that takes it is enough.
    pub(super) async fn post(&self, answer: &Answer) -> Result<(), HatchError> {
        let mut outcomes = Vec::new();
        for proxy in &self.0.proxies {
            outcomes.push(proxy.post(answer).await);
        }
        one_of(outcomes)
    }

    pub(super) async fn withdraw(&self, answer: &Answer) -> Result<(), HatchError> {
        let mut outcomes = Vec::new();
        for proxy in &self.0.proxies {
            outcomes.push(proxy.withdraw(answer).await);
        }
        one_of(outcomes)
    }

    /// Has whoever looks after the certificate of a file replace it, because it was revoked.
    pub(super) async fn replace_revoked(&self, file: &Path) -> Result<(), HatchError> {
        let mut outcomes = Vec::new();
        for proxy in &self.0.proxies {
            outcomes.push(proxy.replace_revoked(file).await);
        }
        one_of(outcomes)
    }

    /// Has a new certificate served by those that serve the file.
    pub(super) async fn publish(&self, file: &Path, bundle: &Bundle) -> Result<(), HatchError> {
        let mut outcomes = Vec::new();
        for proxy in &self.0.proxies {
            outcomes.push(proxy.publish(file, bundle).await);
        }
        one_of(outcomes)
    }
}

/// The first success, else the last failure.
fn one_of(outcomes: Vec<Result<(), HatchError>>) -> Result<(), HatchError> {
    match outcomes.iter().any(Result::is_ok) {
        true => Ok(()),
        false => outcomes.into_iter().next_back().unwrap_or(Ok(())),
    }
}
