//! A hatch that makes records as well: proofs by records are given by a provider of names or by the operator, all else by
//! whoever answers anyway.

use super::{Answer, Challenge, Handed, Hatch, HatchError};
use crate::dns::{
    Announcements, Check, DnsError, Permit, Presented, Proof, Provider, Resolver, permitted, propagated,
};
use crate::storage::Bundle;
use std::cell::RefCell;
use std::path::Path;

/// Who makes records, and how it is seen that they are there.
#[derive(Clone, Debug)]
pub struct Records {
    /// Who makes them; without one they are announced to the operator.
    pub provider: Option<Provider>,
    /// Whom questions go to.
    pub resolver: Resolver,
    /// When the authority may be told to look.
    pub check: Check,
    /// Where the operator learns of records, and says that they are there.
    pub announcements: Announcements,
}

/// A record that stands.
struct Standing {
    name: String,
    value: String,
    presented: Presented,
}

/// See the module's head; for one order.
pub(crate) struct WithRecords<'h> {
    inner: &'h dyn Hatch,
    records: &'h Records,
    /// What the certificate is called.
    certificate: &'h str,
    /// All names of the order, which hooks are told.
    names: &'h [String],
    answers: Vec<Challenge>,
    standing: RefCell<Vec<Standing>>,
}

impl<'h> WithRecords<'h> {
    pub(crate) fn new(
        inner: &'h dyn Hatch,
        records: &'h Records,
        certificate: &'h str,
        names: &'h [String],
    ) -> WithRecords<'h> {
        let mut answers = inner.answers().to_vec();
        answers.extend(Challenge::ALL.into_iter().filter(|kind| kind.is_by_record()));
        WithRecords { inner, records, certificate, names, answers, standing: RefCell::default() }
    }

    fn proof<'p>(&'p self, name: &'p str, value: &'p str, label: Option<&'p str>) -> Proof<'p> {
        Proof { domain: name, value, label, all_domains: self.names, remaining: 0 }
    }

    async fn present(&self, name: &str, value: &str, label: Option<&str>) -> Result<(), DnsError> {
        let Records { provider, resolver, check, announcements } = self.records;
        let proof = self.proof(name, value, label);
        let presented = match provider {
            Some(provider) => provider.present(&proof, resolver).await?,
            None => Presented::by_operator(&proof, resolver).await?,
        };
        if provider.is_none() || check.told {
            announcements.announce(self.certificate, name, &presented, check.told);
        }
        self.standing.borrow_mut().push(Standing {
            name: name.to_owned(),
            value: value.to_owned(),
            presented,
        });
        Ok(())
    }

    async fn look(&self, name: &str, value: &str) -> Result<(), DnsError> {
        let Records { resolver, check, announcements, .. } = self.records;
        let is_it = |one: &&Standing| one.name == name && one.value == value;
        let Some(presented) = self.standing.borrow().iter().find(is_it).map(|one| one.presented.clone())
        else {
            return Ok(());
        };
        if check.told {
            announcements.told(self.certificate, name, check.patience()).await?;
        }
        propagated(&presented, resolver, *check).await
    }

    async fn look_for_permit(&self, name: &str, permit: &Permit) -> Result<(), DnsError> {
        let Records { resolver, check, .. } = self.records;
        permitted(name, permit, resolver, *check).await
    }

    async fn take_back(&self, name: &str, value: &str, label: Option<&str>) -> Result<(), DnsError> {
        let at = self.standing.borrow().iter().position(|one| one.name == name && one.value == value);
        let Some(at) = at else { return Ok(()) };
        let Standing { presented, .. } = self.standing.borrow_mut().swap_remove(at);
        self.records.announcements.close(self.certificate, name);
        match &self.records.provider {
            Some(provider) => provider.withdraw(&self.proof(name, value, label), &presented).await,
            None => Ok(()),
        }
    }
}

fn handed(outcome: Result<(), DnsError>) -> Result<(), HatchError> {
    outcome.map_err(|why| HatchError(why.to_string()))
}

impl Hatch for WithRecords<'_> {
    fn answers(&self) -> &[Challenge] {
        &self.answers
    }

    fn expect(&self, names: &[&str]) {
        self.inner.expect(names);
    }

    fn post<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Dns { name, value, label } => {
                Box::pin(async move { handed(self.present(name, value, label.as_deref()).await) })
            }
            // It stands already, or the operator is told to make it.
            Answer::Persist { .. } => Box::pin(std::future::ready(Ok(()))),
            Answer::Http { .. } | Answer::Tls { .. } => self.inner.post(answer),
        }
    }

    fn found<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Dns { name, value, .. } => Box::pin(async move { handed(self.look(name, value).await) }),
            Answer::Persist { name, permit } => {
                Box::pin(async move { handed(self.look_for_permit(name, permit).await) })
            }
            Answer::Http { .. } | Answer::Tls { .. } => self.inner.found(answer),
        }
    }

    fn withdraw<'a>(&'a self, answer: &'a Answer) -> Handed<'a> {
        match answer {
            Answer::Dns { name, value, label } => {
                Box::pin(async move { handed(self.take_back(name, value, label.as_deref()).await) })
            }
            Answer::Persist { .. } => Box::pin(std::future::ready(Ok(()))),
            Answer::Http { .. } | Answer::Tls { .. } => self.inner.withdraw(answer),
        }
    }

    fn publish<'a>(&'a self, file: &'a Path, bundle: &'a Bundle) -> Handed<'a> {
        self.inner.publish(file, bundle)
    }
}
