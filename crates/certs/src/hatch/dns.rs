//! A hatch that makes records as well: dns-01 is answered by a provider of names, all else by whoever answers anyway.

use super::{Answer, Challenge, Handed, Hatch, HatchError};
use crate::dns::{Check, DnsError, Presented, Proof, Provider, Resolver, propagated};
use crate::storage::Bundle;
use std::cell::RefCell;
use std::path::Path;

/// Who makes records, and how it is seen that they are there.
#[derive(Clone, Debug)]
pub struct Records {
    /// Who makes them.
    pub provider: Provider,
    /// Whom questions go to.
    pub resolver: Resolver,
    /// When the authority may be told to look.
    pub check: Check,
}

/// See the module's head; for one order.
pub(crate) struct WithRecords<'h> {
    inner: &'h dyn Hatch,
    records: &'h Records,
    /// All names of the order, which hooks are told.
    names: &'h [String],
    answers: Vec<Challenge>,
    /// Records that stand, with name and value.
    standing: RefCell<Vec<(String, String, Presented)>>,
}

impl<'h> WithRecords<'h> {
    pub(crate) fn new(inner: &'h dyn Hatch, records: &'h Records, names: &'h [String]) -> WithRecords<'h> {
        let mut answers = inner.answers().to_vec();
        answers.push(Challenge::Dns01);
        WithRecords { inner, records, names, answers, standing: RefCell::default() }
    }

    fn proof<'p>(&'p self, name: &'p str, value: &'p str) -> Proof<'p> {
        Proof { domain: name, value, all_domains: self.names, remaining: 0 }
    }

    async fn present(&self, name: &str, value: &str) -> Result<(), DnsError> {
        let Records { provider, resolver, check } = self.records;
        let presented = provider.present(&self.proof(name, value), resolver).await?;
        self.standing.borrow_mut().push((name.to_owned(), value.to_owned(), presented.clone()));
        propagated(&presented, resolver, *check).await
    }

    async fn take_back(&self, name: &str, value: &str) -> Result<(), DnsError> {
        let at = self.standing.borrow().iter().position(|(n, v, _)| n == name && v == value);
        let Some(at) = at else { return Ok(()) };
        let (_, _, presented) = self.standing.borrow_mut().swap_remove(at);
        self.records.provider.withdraw(&self.proof(name, value), &presented).await
    }
}

impl Hatch for WithRecords<'_> {
    fn answers(&self) -> &[Challenge] {
        &self.answers
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Dns { name, value } => {
                Box::pin(
                    async move { self.present(name, value).await.map_err(|why| HatchError(why.to_string())) },
                )
            }
            Answer::Http { .. } | Answer::Tls { .. } => self.inner.post(answer),
        }
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Dns { name, value } => Box::pin(async move {
                self.take_back(name, value).await.map_err(|why| HatchError(why.to_string()))
            }),
            Answer::Http { .. } | Answer::Tls { .. } => self.inner.withdraw(answer),
        }
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        self.inner.publish(file, bundle)
    }
}
