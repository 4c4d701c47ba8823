//! acme-dns: a small name server that holds nothing but challenge records; `_acme-challenge` of each name is a CNAME
//! record that leads there, so the key for the real zone is never here.

use super::DnsError;
use super::web::Call;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// What `/register` of the server answered. `Debug` leaves the password out.
#[derive(Clone, Deserialize)]
pub struct AcmeDnsAccount {
    /// Who we are there.
    pub username: String,
    password: String,
    /// Where the records stand; the CNAME's target.
    pub fulldomain: String,
    /// Its first label.
    pub subdomain: String,
}

impl fmt::Debug for AcmeDnsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeDnsAccount").field("fulldomain", &self.fulldomain).finish_non_exhaustive()
    }
}

impl AcmeDnsAccount {
    fn target(&self) -> String {
        match self.fulldomain.trim_end_matches('.') {
            "" => format!("{}.<the server's zone>", self.subdomain),
            whole => whole.to_owned(),
        }
    }
}

/// A server and the accounts there.
#[derive(Clone, Debug)]
pub struct AcmeDns {
    /// The server's address, `https://auth.example.org`.
    pub server: String,
    /// By name that is proven.
    pub accounts: BTreeMap<String, AcmeDnsAccount>,
    /// For all other names; it may not be known where its records stand.
    any: Option<AcmeDnsAccount>,
}

impl AcmeDns {
    /// `accounts` is the JSON that other clients keep as well: an object of name to what `/register` answered.
    pub fn from_json(server: &str, accounts: &str) -> Result<AcmeDns, DnsError> {
        let broken = |e: serde_json::Error| DnsError::Provider {
            provider: format!("acme-dns at {server}"),
            why: format!("the accounts cannot be read: {e}"),
        };
        let accounts = serde_json::from_str(accounts).map_err(broken)?;
        Ok(AcmeDns { server: server.trim_end_matches('/').to_owned(), accounts, any: None })
    }

    /// One account for every name.
    pub fn single(server: &str, username: &str, password: &str, subdomain: &str) -> AcmeDns {
        let any = AcmeDnsAccount {
            username: username.to_owned(),
            password: password.to_owned(),
            fulldomain: String::new(),
            subdomain: subdomain.to_owned(),
        };
        AcmeDns { server: server.trim_end_matches('/').to_owned(), accounts: BTreeMap::new(), any: Some(any) }
    }

    pub(super) async fn present(&self, domain: &str, owner: &str, value: &str) -> Result<(), DnsError> {
        let failed = |why| DnsError::Provider { provider: format!("acme-dns at {}", self.server), why };
        let account = self.accounts.get(domain).or(self.any.as_ref()).ok_or_else(|| {
            failed(format!("no account for {domain}: `curl -X POST {}/register` makes one", self.server))
        })?;
        // Its first label is always known.
        let leads = match account.fulldomain.trim_end_matches('.') {
            "" => owner.split('.').next().is_some_and(|label| label.eq_ignore_ascii_case(&account.subdomain)),
            whole => owner.eq_ignore_ascii_case(whole),
        };
        if !leads {
            return Err(failed(format!(
                "nothing leads from {domain} to it; make this record: _acme-challenge.{domain}. IN CNAME {}.",
                account.target()
            )));
        }
        let call = Call {
            provider: &format!("acme-dns at {}", self.server),
            method: Method::POST,
            url: format!("{}/update", self.server),
            headers: vec![("x-api-user", &account.username), ("x-api-key", &account.password)],
            body: Some(json!({"subdomain": account.subdomain, "txt": value})),
        };
        let (status, answer) = call.send().await?;
        if status.is_success() && answer["txt"] == value {
            return Ok(());
        }
        let said = answer["error"].as_str().unwrap_or_default().escape_default();
        Err(failed(format!("it answers {status} {said}")))
    }
}
