//! One issuance outside the scheduler, for a command line, by the same books: what would be refused is not asked for,
//! and what was asked for is remembered.

use super::authorities::Authorities;
use super::entry::note;
use super::finalized::Finalized;
use crate::acme::{Directory, IssueError, NO_ACCOUNT};
use crate::hatch::Hatch;
use crate::issue::{Issued, Wanted, issue};
use crate::renew::{AuthorityState, NewOrder, OrderKind, UnixTime};
use crate::storage::Storage;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Issues, unless our records say that the authority would refuse; an order that is `forced` goes out all the same.
pub async fn issue_on_record(
    wanted: &Wanted,
    storage: &Storage,
    hatch: &dyn Hatch,
    kind: OrderKind,
    forced: bool,
) -> Result<Issued, IssueError> {
    let (authorities, now) = (Authorities::default(), UnixTime::from(SystemTime::now()));
    let url = &wanted.directory.url;
    let account = authorities.account(&wanted.directory, storage);
    let order = NewOrder { account: &account, names: &wanted.names, kind };
    let refused = authorities.with(url, storage, now, |authority| authority.buckets.check(order, now).err());
    if let Some(refusal) = refused.filter(|_| !forced) {
        let until =
            u64::try_from(refusal.until.0).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        return Err(IssueError::RateLimited { why: refusal.to_string(), until });
    }
    let mut trouble = Vec::new();
    let taken = authorities.change(url, storage, now, |authority| {
        // A forced order is the operator's: it is counted as far as there is something left.
        let _ = authority.buckets.take(order, now);
    });
    trouble.extend(taken.err());
    let finalized = Finalized::default();
    let outcome =
        issue(wanted, storage, hatch, &|| finalized.note(&authorities, (url, storage), order)).await;
    let named = authorities.account(&wanted.directory, storage);
    let order = NewOrder { account: &named, ..order };
    let noted = authorities.change(url, storage, now, |authority| {
        authority.buckets.name_account(NO_ACCOUNT, &named);
        note(authority, order, &outcome.as_ref().map(|_| ()));
        finalized.settle(authority, order, &outcome.as_ref().map(|_| ()));
    });
    trouble.extend(noted.err());
    trouble.extend(finalized.trouble());
    outcome.map(|mut issued| {
        issued.complaints.extend(trouble.iter().map(|why| format!("what was done is not remembered: {why}")));
        issued
    })
}

/// What our account at an authority is called in our records, and what is remembered of the authority.
pub fn remembered(directory: &Directory, storage: &Storage) -> (String, AuthorityState) {
    let (authorities, now) = (Authorities::default(), UnixTime::from(SystemTime::now()));
    let account = authorities.account(directory, storage);
    (account, authorities.with(&directory.url, storage, now, |authority| authority.clone()))
}
