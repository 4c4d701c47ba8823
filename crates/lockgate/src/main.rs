//! The front door: which program am I, what was asked for, and which exit code comes of it.
//!
//! Called `certbot` it speaks Certbot's command line; called `haproxy`, or with a first argument that begins with `-`, it speaks HAProxy's command line; else its own
//! verbs. It decides nothing about traffic.

mod bindings;
mod ca;
mod certbot;
mod check;
mod console;
mod ctl;
mod demo;
mod flags;
mod haproxy;
mod hello;
mod identity;
mod issuing;
mod keeper;
mod keywords;
mod limits;
mod master;
mod plane;
mod precedence;
mod private_name;
mod serve;
mod sources;
mod start;
mod state_files;
mod states;
mod verbs;
mod version;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = if let Some(child) = child_of_master(&arguments) {
        haproxy::run_child(child, arguments.get(2..).unwrap_or_default())
    } else if called(&arguments) == Some(OsStr::new("certbot")) {
        certbot::run(arguments.get(1..).unwrap_or_default())
    } else if speaks_haproxy(&arguments) {
        haproxy::run(arguments.get(1..).unwrap_or_default())
    } else {
        verbs::run(&arguments)
    };
    exit.into()
}

/// Started by our own master, which is checked there.
fn child_of_master(arguments: &[OsString]) -> Option<haproxy::Child> {
    match arguments.get(1)?.to_str()? {
        ops::worker::WORKER => Some(haproxy::Child::Worker),
        ops::worker::KEEPER => Some(haproxy::Child::Keeper),
        ops::worker::SUCCESSOR => Some(haproxy::Child::Successor),
        _ => None,
    }
}

fn called(arguments: &[OsString]) -> Option<&OsStr> {
    arguments.first().map(Path::new).and_then(Path::file_name)
}

/// `--help` and `--version` are ours: HAProxy has no word of two dashes but `--` itself.
fn speaks_haproxy(arguments: &[OsString]) -> bool {
    let first = arguments.get(1).map_or("".into(), |a| a.to_string_lossy());
    let flag = first.starts_with('-') && (first == "--" || !first.starts_with("--"));
    called(arguments) == Some(OsStr::new("haproxy")) || flag
}

/// Exit codes of all ways to call the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It did what was asked.
    Ok,
    /// It did not, and said why.
    Failed,
    /// `-c` of a configuration that would listen nowhere.
    Idle,
    /// `-cc` with a condition that cannot be read.
    Unreadable,
    /// Another process' code, passed on.
    Code(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Idle | Exit::Unreadable => 2,
            Exit::Code(code) => code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_or_the_first_argument_tells_which_language_is_spoken() {
        let cases: [(&[&str], bool); 9] = [
            (&["lockgate"], false),
            (&["lockgate", "check", "a.cfg"], false),
            (&["lockgate", "--help"], false),
            (&["lockgate", "-f", "a.cfg"], true),
            (&["lockgate", "--", "a.cfg"], true),
            (&["/usr/sbin/haproxy"], true),
            (&["haproxy", "check"], true),
            (&["/opt/haproxy-2.6/lockgate", "demo"], false),
            (&[], false),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(speaks_haproxy(&arguments), expected, "{arguments:?}");
        }
    }
}
