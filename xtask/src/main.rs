//! What developers and CI run: `cargo xtask test` and `cargo xtask bench`. Stops at the first failure and says what
//! failed; says what was skipped and why.

mod bench;
mod packages;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test     install what tests need, then fmt, clippy, documentation, unit and end-to-end tests, fuzz targets
cargo xtask bench    CPU per request against Debian's haproxy and nginx, in one run (see bench/README.md)
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("test") => test::run(),
        Some("bench") => bench::run(&arguments.collect::<Vec<_>>()),
        Some(bench::RELAY) => bench::relay(&arguments.collect::<Vec<_>>()),
        Some(_) | None => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&why);
            ExitCode::FAILURE
        }
    }
}

/// Progress and results; the only place that prints.
#[allow(clippy::print_stderr)] // a tool that talks to the person who runs it
pub(crate) fn say(text: &str) {
    eprintln!("{}", text.trim_end());
}
