//! `lockgate cert list`: what there is, until when, when it is renewed and why then, and who serves it; a table for
//! people or JSON for programs. One that is broken is a line like the others.

use super::Failure;
use super::options::Options;
use super::renewing::{due, now};
use crate::{console, ctl};
use certs::Outline;
use certs::tree::{Kind, Lineage, TreeError};
use serde_json::{Value, json};

const HEADINGS: [&str; 8] = ["NAME", "NAMES", "AUTHORITY", "PROFILE", "LEFT", "RENEWED", "WHY", "SERVED"];
/// Names of one certificate that are shown in a table.
const MAX_NAMES: usize = 3;

struct Entry {
    name: String,
    names: Vec<String>,
    authority: String,
    profile: Option<String>,
    expires: String,
    days_left: i64,
    due: String,
    why: String,
    served: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let served = ctl::Served::ask();
    let names = match &options.cert_name {
        Some(name) => vec![name.clone()],
        None => options.tree.lineages()?,
    };
    let entries: Vec<(String, Result<Entry, String>)> = names
        .into_iter()
        .map(|name| {
            let lineage = options.tree.lineage(&name).map_err(|why: TreeError| why.to_string());
            let entry = lineage.and_then(|lineage| entry(options, &lineage, served.as_ref()));
            (name, entry)
        })
        .collect();
    console::out(&if options.as_json { json(&entries) } else { table(&entries) });
    match entries.iter().filter(|(_, entry)| entry.is_err()).count() {
        0 => Ok(()),
        broken => Err(Failure::Failed(format!("{broken} certificate(s) cannot be read"))),
    }
}

fn entry(options: &Options, lineage: &Lineage, served: Option<&ctl::Served>) -> Result<Entry, String> {
    let outline = Outline::of_lineage(lineage).map_err(|why| why.to_string())?;
    let renewal = lineage.renewal();
    let due = due(options, lineage, &outline.facts);
    let (due, why) = match renewal.is_renewed() {
        false => ("never".to_owned(), "autorenew = False".to_owned()),
        true if due.at <= now() => ("due".to_owned(), due.why.to_string()),
        true => (due.at.to_string(), due.why.to_string()),
    };
    let live = lineage.path(Kind::Fullchain);
    Ok(Entry {
        name: lineage.name().to_owned(),
        authority: authority(&renewal.param("server").unwrap_or_default(), &outline.issuer),
        profile: renewal.param("required_profile").or_else(|| renewal.param("preferred_profile")),
        expires: outline.expiry(),
        days_left: (outline.not_after.0 - now().0).div_euclid(86_400),
        due,
        why,
        served: served.map(|served| served.of(&live, &outline.facts.serial)).unwrap_or_default(),
        names: outline.names,
    })
}

/// A host, or who signed it where no authority on the web did.
fn authority(server: &str, issuer: &str) -> String {
    let host = server.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    match host {
        "acme-v02.api.letsencrypt.org" => format!("Let's Encrypt ({issuer})"),
        "acme-staging-v02.api.letsencrypt.org" => "Let's Encrypt staging".to_owned(),
        "" => issuer.to_owned(),
        host => host.to_owned(),
    }
}

fn json(entries: &[(String, Result<Entry, String>)]) -> String {
    let one = |(name, entry): &(String, Result<Entry, String>)| -> Value {
        match entry {
            Ok(entry) => json!({
                "name": entry.name, "names": entry.names, "authority": entry.authority, "profile": entry.profile,
                "expires": entry.expires, "days_left": entry.days_left, "renewal_due": entry.due,
                "renewal_why": entry.why, "served_by": entry.served,
            }),
            Err(why) => json!({ "name": name, "error": why }),
        }
    };
    format!("{:#}\n", Value::Array(entries.iter().map(one).collect()))
}

fn table(entries: &[(String, Result<Entry, String>)]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|(name, entry)| match entry {
        Ok(entry) => row(entry),
        Err(why) => vec![name.clone(), format!("broken: {why}")],
    }));
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() == HEADINGS.len()).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(entry: &Entry) -> Vec<String> {
    let mut names = entry.names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(" ");
    if entry.names.len() > MAX_NAMES {
        names.push_str(&format!(" +{}", entry.names.len() - MAX_NAMES));
    }
    let left = match entry.days_left {
        ..=-1 => "expired".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let served = if entry.served.is_empty() { "-".to_owned() } else { entry.served.join(" ") };
    vec![
        entry.name.clone(),
        names,
        entry.authority.clone(),
        entry.profile.clone().unwrap_or_else(|| "-".to_owned()),
        left,
        entry.due.clone(),
        entry.why.clone(),
        served,
    ]
}
