//! `cargo xtask bench`: what a request costs Lockgate's processor, beside Debian's haproxy and nginx with the same
//! configuration in the same run. It measures and prints; it judges nothing but its own targets. How to read the
//! table: bench/README.md.

mod certificates;
mod cpu;
mod idle;
mod latency;
mod load;
mod machine;
mod peers;
mod relay;
mod running;
mod table;

use crate::{packages, say};
pub(crate) use relay::{RELAY, relay};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use table::Row;

/// The peers and the load generators.
const PACKAGES: &[&str] = &["apache2-utils", "curl", "haproxy", "nginx-light", "wrk"];

type Case = fn(&Bench) -> Result<Vec<Row>, String>;

/// The cases by name, in the order of the table.
const CASES: &[(&str, Case)] = &[
    ("h1", cpu::h1),
    ("https", cpu::https),
    ("handshake", cpu::handshake),
    ("p99", latency::rows),
    ("body", cpu::body),
    ("idle", idle::rows),
    ("certs", certificates::rows),
];

/// How much is measured, and of what.
struct Bench {
    lockgate: PathBuf,
    /// Each peer is measured this often, in turn.
    rounds: usize,
    /// Length of one measurement under load.
    load: Duration,
    /// Length of the large body, bytes.
    body: u64,
    /// Fewer comparisons that take a peer several seconds.
    quick: bool,
}

/// Runs the named cases, or all.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|a| a.starts_with('-'));
    if let Some(unknown) = options.iter().find(|o| **o != "--quick") {
        return Err(format!("unknown option {unknown}; cargo xtask bench [--quick] [CASE...]"));
    }
    let known = || CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    if let Some(unknown) = names.iter().find(|n| !known().contains(n)) {
        return Err(format!("no case is called {unknown}; there are {}", known().join(", ")));
    }
    packages::ensure(PACKAGES)?;
    let bench = Bench::new(!options.is_empty(), binary()?);
    let mut rows = Vec::new();
    for (name, case) in CASES.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        say(&format!("== {name}"));
        rows.extend(case(&bench).map_err(|why| format!("{name}: {why}"))?);
    }
    say(&format!("\n{}\n{}", machine::described(&bench.lockgate), table::rendered(&rows)));
    Ok(())
}

impl Bench {
    fn new(quick: bool, lockgate: PathBuf) -> Bench {
        let (rounds, seconds, body) = if quick { (2, 1, 1 << 28) } else { (5, 2, 1 << 30) };
        Bench { lockgate, rounds, load: Duration::from_secs(seconds), body, quick }
    }
}

/// `LOCKGATE_BIN`, or a release build of this tree.
fn binary() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("LOCKGATE_BIN") {
        return Ok(PathBuf::from(given));
    }
    say("building the release binary");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "lockgate"])
        .status()
        .map_err(|e| format!("cargo cannot be run: {e}"))?;
    if !status.success() {
        return Err(format!("the release build failed ({status})"));
    }
    Ok(target().join("release/lockgate"))
}

/// Where cargo builds; also keeps what is expensive to make.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
