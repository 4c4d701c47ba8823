//! What lines say together: steps that no check runs, verification without an authority, capture slots that do not
//! exist. Every configuration is whole but for the one thing its row is about.

#![allow(clippy::panic)] // all of this is tests, its helpers too

use base::Severity;
use config::{LoadOptions, Source};

const DEFAULTS: &str = "defaults\ntimeout client 1s\ntimeout connect 1s\ntimeout server 1s\nmode http\n";

/// Loads `lines`, which bring their own sections, and gives back what is shown.
fn shown(lines: &str) -> String {
    let text = format!("{DEFAULTS}{lines}\n").into_bytes();
    let loaded = config::load(vec![Source { name: "t.cfg".to_owned(), text }], &LoadOptions::default());
    loaded.diags.render(&loaded.sources, 1, Severity::Warning)
}

fn complains(table: &[(&str, &str, &str)]) {
    for (lines, message, help) in table {
        let shown = shown(lines);
        assert!(shown.contains(message) && shown.contains(help), "{lines}\n{shown}");
    }
}

fn loads(table: &[&str]) {
    for lines in table {
        assert_eq!(shown(lines), "", "{lines}");
    }
}

#[test]
fn steps_without_their_option_are_pointed_out() {
    complains(&[
        ("backend b\nhttp-check send meth GET", "[WARNING]", "http-check rules without 'option httpchk'"),
        (
            "backend b\noption httpchk\ntcp-check connect",
            "[WARNING]",
            "tcp-check rules without 'option tcp-check'",
        ),
    ]);
    loads(&[
        "backend b\noption httpchk\nhttp-check send meth GET",
        "backend b\noption tcp-check\ntcp-check connect",
    ]);
}

#[test]
fn verification_needs_an_authority() {
    let alert = "verify is on but no CA file specified";
    complains(&[
        ("backend b\nserver s 1.1.1.1:1 ssl", alert, "verify none"),
        ("backend b\nserver s 1.1.1.1:1 check check-ssl verify required", alert, "@system-ca"),
        (
            "backend b\noption tcp-check\ntcp-check connect ssl\nserver s 1.1.1.1:1 check",
            alert,
            "verify none",
        ),
        (
            "listen l\nbind :443 ssl crt a verify required\nserver s 1.1.1.1:1",
            "verify is enabled but no CA file",
            "ca-file",
        ),
    ]);
    loads(&[
        "backend b\nserver s 1.1.1.1:1 ssl verify none",
        "backend b\nserver s 1.1.1.1:1 ssl no-ssl",
        "backend b\nserver s 1.1.1.1:1 ssl ca-file @system-ca",
        "global\nssl-server-verify none\nbackend b\nserver s 1.1.1.1:1 ssl",
        "listen l\nbind :443 ssl crt a verify optional ca-verify-file c\nserver s 1.1.1.1:1",
    ]);
}

#[test]
fn capture_rules_name_slots_that_exist() {
    complains(&[
        (
            "listen l\nbind :80\nserver s 1.1.1.1:1\nhttp-request capture src id 0",
            "unable to find request capture id '0'",
            "declare capture request len N",
        ),
        (
            "listen l\nbind :80\nserver s 1.1.1.1:1\ndeclare capture response len 9\nhttp-response capture src id 1",
            "unable to find response capture id '1'",
            "it has 1 of them",
        ),
    ]);
    loads(&[
        "listen l\nbind :80\nserver s 1.1.1.1:1\ncapture request header A len 9\nhttp-request capture src id 0",
        "listen l\nbind :80\nserver s 1.1.1.1:1\nhttp-request capture src len 9\nhttp-request capture src id 0",
        "backend b\nserver s 1.1.1.1:1\nhttp-request capture src id 0",
    ]);
}

#[test]
fn a_check_needs_a_port() {
    let alert = "neither service port nor check port";
    complains(&[
        ("backend b\nserver s 127.0.0.1 check", alert, "'port'"),
        ("backend b\nserver s 127.0.0.1:+1 check", alert, "[ALERT]"),
    ]);
    loads(&[
        "backend b\nserver s 127.0.0.1 check port 80",
        "backend b\nserver s 127.0.0.1 check addr 127.0.0.1:80",
        "backend b\nserver s 127.0.0.1",
        "backend b\nserver s /run/s check",
        "backend b\noption tcp-check\ntcp-check connect port 81\nserver s 127.0.0.1 check",
    ]);
}
