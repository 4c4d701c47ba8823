//! dns-01 (RFC 8555 section 8.4): who puts a record into the DNS, and whether its servers show it. Told what to publish
//! by `issue`; what an authority sent is checked here before it reaches a program, a zone or a web interface.

mod acme_dns;
mod announcements;
mod cloudflare;
mod credentials;
mod hooks;
mod labels;
mod lookup;
mod persist;
mod propagation;
mod provider_name;
mod update;
pub(crate) mod web;

pub use acme_dns::{AcmeDns, AcmeDnsAccount};
pub use announcements::Announcements;
pub use cloudflare::Cloudflare;
pub use credentials::{
    cloudflare as cloudflare_credentials, cloudflare_token, rfc2136 as rfc2136_credentials,
};
pub use hooks::Hooks;
pub use labels::{account_label, persist_record};
pub use lookup::{Caa, Resolver};
pub use persist::Permit;
pub(crate) use persist::permitted;
pub use propagation::{Check, propagated};
pub use provider_name::by_name as provider_by_name;
pub use update::{TsigKey, Update};

use std::fmt;

/// Longest value of a record that we publish: a dns-01 value has 43 letters.
const MAX_VALUE: usize = 255;

/// What is to be found in the DNS so that a name counts as proven.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    /// The name that is proven, without `*.`.
    pub domain: &'a str,
    /// The record's value.
    pub value: &'a str,
    /// The account's own label, before `_acme-challenge` (draft-ietf-acme-dns-account-label).
    pub label: Option<&'a str>,
    /// Every name of the order (`CERTBOT_ALL_DOMAINS`).
    pub all_domains: &'a [String],
    /// How many challenges of the order come after this one (`CERTBOT_REMAINING_CHALLENGES`).
    pub remaining: usize,
}

impl Proof<'_> {
    /// Where the record belongs.
    fn owner(&self) -> String {
        let own = format!("_acme-challenge.{}", self.domain);
        self.label.map_or(own.clone(), |label| format!("{label}.{own}"))
    }
}

/// A record that was published, and what is needed to take it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Where the record is: `_acme-challenge.DOMAIN`, or where a CNAME record there leads.
    pub owner: String,
    /// Its value.
    pub value: String,
    /// What the provider said of it: a hook's output, a record's number.
    receipt: String,
}

impl Presented {
    pub(crate) fn new(owner: String, value: String) -> Presented {
        Presented { owner, value, receipt: String::new() }
    }

    /// What the operator is to publish: a CNAME record is followed, as the authority follows it.
    pub(crate) async fn by_operator(proof: &Proof<'_>, resolver: &Resolver) -> Result<Presented, DnsError> {
        check(proof)?;
        let owner = proof.owner();
        // Whether the names can be looked up matters to the look for the record alone.
        let owner = resolver.follow(&owner).await.unwrap_or(owner);
        Ok(Presented::new(owner, proof.value.to_owned()))
    }
}

/// Why a record was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsError {
    /// The name or value is none that belongs into a record.
    Unfit {
        /// What it is.
        what: &'static str,
        /// As given, made printable.
        text: String,
    },
    /// A server of the DNS did not answer, or not with what was needed.
    Lookup {
        /// What was asked.
        asked: String,
        /// What came.
        why: String,
    },
    /// The provider refused or failed.
    Provider {
        /// Which.
        provider: String,
        /// What it said, and what to do.
        why: String,
    },
    /// The record was published and its servers do not show it.
    NotSeen {
        /// Where.
        owner: String,
        /// Which servers.
        servers: String,
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DnsError::Unfit { what, text } => write!(f, "'{text}' is no {what}"),
            DnsError::Lookup { asked, why } => write!(f, "{asked}: {why}"),
            DnsError::Provider { provider, why } => write!(f, "{provider}: {why}"),
            DnsError::NotSeen { owner, servers, seconds } => write!(
                f,
                "the TXT record of {owner} was published, but {servers} did not show it within {seconds} s; \
                 is this the zone's provider?"
            ),
        }
    }
}

impl std::error::Error for DnsError {}

/// Who publishes records.
#[derive(Clone, Debug)]
pub enum Provider {
    /// Programs of the operator's, in Certbot's way.
    Hooks(Hooks),
    /// Dynamic updates signed with TSIG (RFC 2136, RFC 8945).
    Update(Update),
    /// An acme-dns server that the names are delegated to.
    AcmeDns(AcmeDns),
    /// Cloudflare's API.
    Cloudflare(Cloudflare),
}

impl Provider {
    /// Publishes the record where the authority will look for it: a CNAME record of `_acme-challenge.DOMAIN` is followed.
    pub async fn present(&self, proof: &Proof<'_>, resolver: &Resolver) -> Result<Presented, DnsError> {
        check(proof)?;
        let name = proof.owner();
        let found = resolver.follow(&name).await;
        let owner = match self {
            // They find the zone by themselves, and Cloudflare refuses a record beside a CNAME record.
            Provider::Hooks(_) | Provider::Cloudflare(_) => found.unwrap_or(name),
            Provider::Update(_) | Provider::AcmeDns(_) => found?,
        };
        let receipt = match self {
            Provider::Hooks(hooks) => hooks.present(proof).await,
            Provider::Update(update) => update.add(&owner, proof.value).await.map(|()| String::new()),
            Provider::AcmeDns(server) => {
                server.present(proof.domain, &owner, proof.value).await.map(|()| String::new())
            }
            Provider::Cloudflare(account) => account.add(&owner, proof.value).await,
        }?;
        Ok(Presented { owner, value: proof.value.to_owned(), receipt })
    }

    /// Takes a record back.
    pub async fn withdraw(&self, proof: &Proof<'_>, presented: &Presented) -> Result<(), DnsError> {
        let Presented { owner, value, receipt } = presented;
        match self {
            Provider::Hooks(hooks) => hooks.withdraw(proof, receipt).await,
            Provider::Update(update) => update.remove(owner, value).await,
            // It keeps the two newest values and needs no clearing.
            Provider::AcmeDns(_) => Ok(()),
            Provider::Cloudflare(account) => account.remove(receipt).await,
        }
    }
}

/// The name goes into commands and addresses, the value comes from an authority's token: nothing but what both are made
/// of is let through.
fn check(proof: &Proof<'_>) -> Result<(), DnsError> {
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let unfit = |what, text: &str| DnsError::Unfit { what, text: text.escape_default().to_string() };
    if proof.domain.len() > 253 || proof.domain.starts_with('-') || !proof.domain.split('.').all(label) {
        return Err(unfit("host name", proof.domain));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=MAX_VALUE).contains(&proof.value.len()) || !proof.value.bytes().all(plain) {
        return Err(unfit("value of a dns-01 record", proof.value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_names_and_base64url_is_let_through() {
        let proof =
            |domain, value| check(&Proof { domain, value, label: None, all_domains: &[], remaining: 0 });
        assert!(proof("a_b.example.org", "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ").is_ok());
        for (domain, value) in [
            ("a;id", "x"),
            ("$(id).example", "x"),
            ("-rf.example", "x"),
            ("a..b", "x"),
            ("", "x"),
            ("a.example", "x y"),
            ("a.example", "\"; rm"),
            ("a.example", ""),
        ] {
            assert!(proof(domain, value).is_err(), "{domain} {value}");
        }
    }
}
