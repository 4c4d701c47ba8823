//! dns-persist-01 (draft-ietf-acme-dns-persist): a record that lets an account prove a name for as long as it stands. The
//! operator makes it once; here it is looked for, so that the authority is not asked in vain, and shown ready to paste.

use super::labels::persist_record;
use super::lookup::texts;
use super::{Check, DnsError, Resolver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

/// Between two looks.
const BETWEEN: Duration = Duration::from_secs(2);

/// What is to stand in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// What the authority is called; one of them.
    pub issuers: Vec<String>,
    /// Whose account may prove the name.
    pub account: String,
    /// For names below too.
    pub wildcard: bool,
}

impl Permit {
    /// Whether a record's value is one.
    fn is_given_by(&self, value: &str, now: i64) -> bool {
        let mut parts = value.split(';').map(str::trim);
        let issuer = parts.next().unwrap_or_default().trim_end_matches('.');
        let parameter = |key: &str| {
            let mut pairs = parts.clone().filter_map(|part| part.split_once('='));
            pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(key)).map(|(_, value)| value.trim())
        };
        let is_known = self.issuers.iter().any(|one| one.trim_end_matches('.').eq_ignore_ascii_case(issuer));
        let is_wide = parameter("policy").is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
        let is_over =
            parameter("persistUntil").is_some_and(|end| end.parse::<i64>().is_ok_and(|end| end < now));
        is_known && parameter("accounturi") == Some(&self.account) && (is_wide || !self.wildcard) && !is_over
    }

    fn record(&self, name: &str) -> String {
        let issuer = self.issuers.first().map_or("", String::as_str);
        persist_record(name, issuer, &self.account, self.wildcard, None)
    }
}

/// Returns once a server of the zone shows the record, or says what to make.
pub(crate) async fn permitted(
    name: &str,
    permit: &Permit,
    resolver: &Resolver,
    check: Check,
) -> Result<(), DnsError> {
    sleep(check.wait.unwrap_or_default()).await;
    let Some(patience) = check.servers else { return Ok(()) };
    let owner = resolver.follow(&format!("_validation-persist.{name}")).await?;
    let servers = resolver.authorities(&owner).await?;
    let until = Instant::now() + patience;
    loop {
        for address in servers.iter().flat_map(|(_, addresses)| addresses) {
            // An address that does not answer is passed over: another one may.
            let values = texts(*address, &owner).await.unwrap_or_default();
            if values.iter().any(|value| permit.is_given_by(&String::from_utf8_lossy(value), now())) {
                return Ok(());
            }
        }
        if Instant::now() >= until {
            let why = format!(
                "no record there lets the authority sign for our account; make this one: {}",
                permit.record(name)
            );
            return Err(DnsError::Lookup { asked: owner, why });
        }
        sleep(BETWEEN.min(patience)).await;
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_permits_one_account_at_one_authority() {
        let permit = Permit {
            issuers: vec!["ca.example".to_owned()],
            account: "https://ca.example/acct/1".to_owned(),
            wildcard: false,
        };
        let wide = Permit { wildcard: true, ..permit.clone() };
        for (value, narrow, wildcard) in [
            ("ca.example; accounturi=https://ca.example/acct/1", true, false),
            ("CA.example.;accounturi=https://ca.example/acct/1;policy=wildcard", true, true),
            ("ca.example; accounturi=https://ca.example/acct/1; persistUntil=1001", true, false),
            ("ca.example; accounturi=https://ca.example/acct/1; persistUntil=999", false, false),
            ("ca.example; accounturi=https://ca.example/acct/2; policy=wildcard", false, false),
            ("other.example; accounturi=https://ca.example/acct/1", false, false),
            ("ca.example", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (permit.is_given_by(value, 1000), wide.is_given_by(value, 1000)),
                (narrow, wildcard),
                "{value}"
            );
        }
    }
}
