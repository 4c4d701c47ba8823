//! `lockgate cert dns -d NAME...`: the records of proofs that are bound to our account, ready to paste into a zone. They
//! stand for good, so that no program needs a key to the zone.

use super::Failure;
use super::accounts;
use super::options::Options;
use super::ordering::directory;
use crate::console;
use certs::Storage;
use certs::dns::{account_label, persist_record};
use certs::rehearsal::issuers;
use serde_json::{Value, json};

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if options.names.is_empty() {
        return Err(Failure::Usage("dns expects -d NAME, as often as there are names".to_owned()));
    }
    let directory = directory(options)?;
    let storage = Storage::of(options.tree.clone()).with_account(options.account.clone());
    let kept = storage.account(&directory.url).map_err(Failure::of)?;
    let Some((_, account)) = kept else { return Err(accounts::none(options)) };
    let issuers = accounts::wait(async { Ok(issuers(&directory).await) })?;
    let Some(issuer) = issuers.first() else {
        let host = directory.host();
        return Err(Failure::Failed(format!(
            "{host} does not say what it is called in records: its directory lacks 'caaIdentities'"
        )));
    };
    let records: Vec<Record> =
        options.names.iter().map(|name| Record::of(name, issuer, &account.uri)).collect();
    console::out(&if options.as_json { as_json(&records) } else { text(&records, &account.uri) });
    Ok(())
}

/// What stands for one name.
struct Record {
    name: String,
    persist: String,
    own: String,
}

impl Record {
    fn of(name: &str, issuer: &str, account: &str) -> Record {
        let (host, is_wildcard) = (name.strip_prefix("*.").unwrap_or(name), name.starts_with("*."));
        Record {
            name: name.to_owned(),
            persist: persist_record(host, issuer, account, is_wildcard, None),
            own: format!("{}._acme-challenge.{host}", account_label(account)),
        }
    }
}

fn text(records: &[Record], account: &str) -> String {
    let mut text = format!("; for the account {account}\n");
    text.push_str("; dns-persist-01: made once, and the names are proven for as long as it stands\n");
    records.iter().for_each(|one| text.push_str(&format!("{}\n", one.persist)));
    text.push_str("; dns-account-01: where each order's value goes; other accounts have their own place\n");
    records.iter().for_each(|one| text.push_str(&format!("{}. 60 IN TXT \"VALUE-OF-THE-ORDER\"\n", one.own)));
    text
}

fn as_json(records: &[Record]) -> String {
    let one = |record: &Record| json!({ "name": record.name, "dns-persist-01": record.persist, "dns-account-01": record.own });
    format!("{:#}\n", Value::Array(records.iter().map(one).collect()))
}
