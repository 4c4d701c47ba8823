//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{packages, say};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
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
    command.args(arguments).stdout(Stdio::piped());
    if arguments.first() == Some(&"doc") {
        // Private items are documented too, so that links to them lead somewhere.
        command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    }
    let mut running = command.spawn().map_err(|e| format!("{name}: cargo cannot be run: {e}"))?;
    let mut failures = Failures::default();
    for line in running.stdout.take().map(BufReader::new).into_iter().flat_map(|out| out.split(b'\n')) {
        let line = String::from_utf8_lossy(&line.map_err(|e| format!("{name}: {e}"))?).into_owned();
        say(&line);
        failures.hear(line);
    }
    let status = running.wait().map_err(|e| format!("{name}: {e}"))?;
    if !status.success() {
        say(&failures.lines.join("\n"));
        return Err(format!("{name} failed ({status})"));
    }
    say(&format!("   {name}: {:.0} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// What test programs said of the tests that failed. It is said again at the end: others pass after them and push it out
/// of sight.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    is_open: bool,
}

impl Failures {
    /// A test program names its failures between `failures:` and its result.
    fn hear(&mut self, line: String) {
        self.is_open |= line == "failures:";
        if self.is_open {
            self.is_open = !line.starts_with("test result:");
            self.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Failures;

    #[test]
    fn only_what_failed_is_said_again() {
        let mut failures = Failures::default();
        for line in [
            "test a ... FAILED",
            "failures:",
            "---- a stdout ----",
            "panicked: 1 is not 2",
            "failures:",
            "    a",
            "test result: FAILED. 0 passed; 1 failed",
            "test b ... ok",
            "test result: ok. 1 passed; 0 failed",
        ] {
            failures.hear(line.to_owned());
        }
        let said = failures.lines;
        assert_eq!(said.len(), 6, "{said:?}");
        assert_eq!((said[0].as_str(), said[2].as_str()), ("failures:", "panicked: 1 is not 2"));
        assert!(said[5].starts_with("test result: FAILED"));
    }
}
