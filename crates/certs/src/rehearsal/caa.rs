//! Does the name's CAA record let this authority sign (RFC 8659), with this account and this kind of proof (RFC 8657)?

use super::{Finding, Rehearsal};
use crate::acme::{Directory, Transport};
use crate::dns::{Caa, Resolver};
use crate::renew::registered_domain;

/// Most labels of a name that are climbed.
const MAX_LABELS: usize = 16;

/// What the authority is called in CAA records: as its directory says, else by its own domain.
pub async fn issuers(directory: &Directory) -> Vec<String> {
    let said = match Transport::new(directory) {
        Ok(transport) => transport.caa_identities(&directory.url).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    if !said.is_empty() {
        return said;
    }
    let host = directory.host().split(':').next().unwrap_or_default().to_owned();
    if host.contains('.') { vec![registered_domain(&host).to_string()] } else { Vec::new() }
}

pub(super) async fn look(order: &Rehearsal<'_>, name: &str, issuers: &[String], findings: &mut Vec<Finding>) {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return;
    }
    let (host, wild) = match name.strip_prefix("*.") {
        Some(host) => (host, true),
        None => (name, false),
    };
    findings.push(match relevant(order.resolver, host).await {
        Err(why) => Finding::bad(
            name,
            format!("its CAA records cannot be looked up: {why}"),
            "see that its name servers answer, be it that there are none: an authority signs nothing else"
                .to_owned(),
        ),
        Ok(None) => Finding::good(name, "no CAA record holds an authority back".to_owned()),
        Ok(Some((owner, records))) => judge(order, name, wild, issuers, &owner, &records),
    });
}

/// The records of the nearest name that has any.
async fn relevant(
    resolver: &Resolver,
    host: &str,
) -> Result<Option<(String, Vec<Caa>)>, crate::dns::DnsError> {
    let mut at = host;
    for _ in 0..MAX_LABELS {
        let records = resolver.caa(at).await?;
        if !records.is_empty() {
            return Ok(Some((at.to_owned(), records)));
        }
        match at.split_once('.') {
            Some((_, above)) => at = above,
            None => break,
        }
    }
    Ok(None)
}

/// Tags of records that somebody may understand (RFC 8659 section 4, RFC 9495, and the registry's others).
const KNOWN: [&str; 6] = ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"];

fn judge(
    order: &Rehearsal<'_>,
    name: &str,
    wild: bool,
    issuers: &[String],
    owner: &str,
    records: &[Caa],
) -> Finding {
    let tagged =
        |tag: &str| records.iter().filter(|record| record.tag.eq_ignore_ascii_case(tag)).collect::<Vec<_>>();
    let known = |record: &&Caa| KNOWN.contains(&record.tag.to_lowercase().as_str());
    if let Some(odd) = records.iter().find(|record| record.critical && !known(record)) {
        let what = format!("the CAA record '{}' of {owner} is critical and known to nobody", odd.tag);
        return Finding::bad(name, what, "remove it".to_owned());
    }
    let (issue, issuewild) = (tagged("issue"), tagged("issuewild"));
    let counting = if wild && !issuewild.is_empty() { issuewild } else { issue };
    if counting.is_empty() {
        return Finding::good(name, format!("the CAA records of {owner} hold no authority back"));
    }
    if issuers.is_empty() {
        let what =
            format!("{owner} has CAA records, and the authority does not say what it is called in them");
        return Finding::doubtful(name, what, "ask the authority, and compare".to_owned());
    }
    let tag = if wild { "issuewild" } else { "issue" };
    let ours: Vec<&&Caa> = counting
        .iter()
        .filter(|record| issuers.iter().any(|issuer| issuer.eq_ignore_ascii_case(&record.issuer)))
        .collect();
    if ours.is_empty() {
        let (allowed, wanted) = (allowed(&counting), issuers.join(" or "));
        let what = format!("the CAA records of {owner} let {allowed} sign, not {wanted}");
        let remedy = format!("add: {owner}. CAA 0 {tag} \"{}\"", issuers.first().map_or("", String::as_str));
        return Finding::bad(name, what, remedy);
    }
    let why_not: Vec<String> = ours.iter().filter_map(|record| unfit(order, record)).collect();
    match why_not.first() {
        Some(why) if why_not.len() == ours.len() => Finding::bad(
            name,
            format!("the CAA record of {owner} is for {}: {why}", issuers.join(" or ")),
            "change the record's parameters".to_owned(),
        ),
        Some(_) | None => {
            Finding::good(name, format!("the CAA records of {owner} let {} sign", issuers.join(" or ")))
        }
    }
}

/// Whom records let sign.
fn allowed(records: &[&Caa]) -> String {
    let issuers = records.iter().map(|record| record.issuer.as_str());
    let named: Vec<&str> = issuers.filter(|issuer| !issuer.is_empty()).collect();
    if named.is_empty() { "nobody".to_owned() } else { named.join(", ") }
}

/// What of RFC 8657 speaks against us.
fn unfit(order: &Rehearsal<'_>, record: &Caa) -> Option<String> {
    let value = |key: &str| {
        record.parameters.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str())
    };
    if let Some(uri) = value("accounturi") {
        let account = order.storage.account(&order.directory.url).ok().flatten();
        if account.as_ref().map(|(_, account)| account.uri.as_str()) != Some(uri) {
            return Some(format!("but for the account {uri}, which is not ours"));
        }
    }
    let methods = value("validationmethods")?;
    let fits =
        methods.split(',').any(|method| order.challenges.iter().any(|kind| kind.name() == method.trim()));
    (!fits).then(|| format!("but by {methods} only"))
}
