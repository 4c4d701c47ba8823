//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{packages, say};
use std::process::Command;
use std::time::Instant;

/// A step: what it is called, and the arguments of cargo.
const STEPS: &[(&str, &[&str])] = &[
    ("formatting", &["fmt", "--all", "--", "--check"]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    ("unit and end-to-end tests", &["test", "--workspace", "--no-fail-fast"]),
    ("documentation", &["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]),
    ("fuzz targets build", &["build", "--manifest-path", "fuzz/Cargo.toml", "--quiet"]),
];

pub(crate) fn run() -> Result<(), String> {
    packages::ensure(packages::TEST)?;
    for (name, arguments) in STEPS {
        step(name, arguments)?;
    }
    say("all steps passed; nothing was skipped");
    Ok(())
}

fn step(name: &str, arguments: &[&str]) -> Result<(), String> {
    say(&format!("== {name}: cargo {}", arguments.join(" ")));
    let started = Instant::now();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(arguments);
    if arguments.first() == Some(&"doc") {
        // Private items are documented too, so that links to them lead somewhere.
        command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    }
    let status = command.status().map_err(|e| format!("{name}: cargo cannot be run: {e}"))?;
    if !status.success() {
        return Err(format!("{name} failed ({status})"));
    }
    say(&format!("   {name}: {:.0} s", started.elapsed().as_secs_f64()));
    Ok(())
}
