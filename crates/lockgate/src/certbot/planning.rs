//! `lockgate cert plan -d NAME...`: what would come of an order, before it costs anything. Each finding has its remedy.

use super::Failure;
use super::options::{Authenticator, Options};
use super::ordering::{directory, same};
use super::proving::Prover;
use super::proxies::Proxies;
use super::talk::Talk;
use crate::console;
use certs::dns::Resolver;
use certs::rehearsal::{Finding, Rehearsal, Verdict, rehearse};
use certs::renew::OrderKind;
use certs::{Outline, Storage};
use serde_json::{Value, json};

const RESOLVERS: &str = "/etc/resolv.conf";
/// Where authorities look.
const HTTP: u16 = 80;
const TLS: u16 = 443;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if options.names.is_empty() {
        return Err(Failure::Usage("plan expects -d NAME, as often as there are names".to_owned()));
    }
    let talk = Talk::silent(options);
    let way = options.authenticator.clone().unwrap_or(Authenticator::Standalone);
    let prover = Prover::new(options, &talk, way, &Proxies::find()).map_err(Failure::Failed)?;
    // A machine without this file asks the name server on itself.
    let resolver = Resolver::from_resolv_conf(&std::fs::read_to_string(RESOLVERS).unwrap_or_default());
    let rehearsal = Rehearsal {
        names: &options.names,
        directory: &directory(options)?,
        challenges: &prover.challenges(),
        kind: kind(options)?,
        storage: &Storage::of(options.tree.clone()).with_account(options.account.clone()),
        resolver: &resolver,
        hatch: &prover,
        http_port: HTTP,
        tls_port: TLS,
    };
    let findings = super::accounts::wait(async { Ok(rehearse(&rehearsal).await) })?;
    console::out(&if options.as_json { json(&findings) } else { text(&findings) });
    match findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count() {
        0 => Ok(()),
        bad => Err(Failure::Failed(format!("{bad} finding(s) would make the order fail"))),
    }
}

/// An order for names that have a certificate together is a lesser thing to authorities.
fn kind(options: &Options) -> Result<OrderKind, Failure> {
    for name in options.tree.lineages()? {
        let outline = options.tree.lineage(&name).ok().and_then(|lineage| Outline::of_lineage(&lineage).ok());
        if outline.is_some_and(|outline| same(&outline.names, &options.names)) {
            return Ok(OrderKind::SameNames);
        }
    }
    Ok(OrderKind::New)
}

fn text(findings: &[Finding]) -> String {
    let (mut text, mut about) = (String::new(), "");
    for finding in findings {
        if finding.about != about {
            about = &finding.about;
            text.push_str(&format!("{about}\n"));
        }
        text.push_str(&format!("  {:5}  {}\n", finding.verdict, finding.what));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("         -> {remedy}\n"));
        }
    }
    text
}

fn json(findings: &[Finding]) -> String {
    let one = |finding: &Finding| {
        let verdict = finding.verdict.to_string().to_lowercase();
        json!({ "about": finding.about, "verdict": verdict, "finding": finding.what, "remedy": finding.remedy })
    };
    format!("{:#}\n", Value::Array(findings.iter().map(one).collect()))
}
