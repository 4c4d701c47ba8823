//! What `-v` and `-vv` say. Tools read the first word behind "version" of the first line; those that look for HAProxy's
//! name find the version whose language is spoken, on a line that says so.

use config::Facts;
use ops::runtime::Product;
use std::fmt::Write as _;

/// Our own version.
pub(crate) const OWN: &str = env!("CARGO_PKG_VERSION");

/// When that version was released.
const RELEASE_DATE: &str = "2026/11/25";

/// What the runtime API says: clients choose their commands by HAProxy's version.
pub(crate) fn product() -> Product {
    Product {
        // Clients such as haproxyadmin talk to no other name; ours is in the build's.
        name: "HAProxy".to_owned(),
        version: Facts::default().version,
        build: format!("Lockgate {OWN}"),
        release_date: RELEASE_DATE.to_owned(),
    }
}

/// `-v`
pub(crate) fn short(facts: &Facts) -> String {
    let branch = branch(&facts.version);
    format!(
        "Lockgate version {OWN} (HAProxy configuration {branch}) - an HTTPS front door\n\
         Configuration language: HAProxy version {}\n\
         Running on: {}\n",
        facts.version,
        machine(),
    )
}

/// `-vv`
pub(crate) fn long(facts: &Facts) -> String {
    let mut text = short(facts);
    let _ = writeln!(text, "Build options :\n  TARGET  = {}", target());
    let features: Vec<String> = facts.features.iter().map(|f| format!("+{f}")).collect();
    let _ = writeln!(text, "\nFeature list : {}", features.join(" "));
    let _ = writeln!(text, "\nBuilt with multi-threading support (default={}).", net::cpus());
    let _ = writeln!(text, "Built with TLS library : rustls with aws-lc-rs (TLSv1.2 TLSv1.3)");
    let _ = writeln!(text, "\nKeywords, fetches and converters: lockgate keywords");
    text
}

/// `2.6.12` is of branch `2.6`.
fn branch(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn machine() -> String {
    let facts = net::machine::kernel();
    format!("{} {} {} {}", facts.system, facts.release, facts.version, facts.machine)
}

/// HAProxy's name for what we are built for.
fn target() -> &'static str {
    if cfg!(target_env = "musl") { "linux-musl" } else { "linux-glibc" }
}
