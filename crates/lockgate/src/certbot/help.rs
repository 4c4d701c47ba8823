//! `--help` and `--version`, from the rows of verbs and flags.

use super::flags::{Does, rows};
use super::verb;
use std::fmt::Write as _;

/// The Certbot whose tree is written and whose command line is understood; scripts look for it.
const CERTBOT: &str = "2.1.0";
const COLUMN: usize = 34;

pub(super) fn version() -> String {
    format!("certbot {CERTBOT} (lockgate {})\n", env!("CARGO_PKG_VERSION"))
}

pub(super) fn text() -> String {
    let mut text = String::from(
        "usage: \n  certbot [SUBCOMMAND] [options] [-d DOMAIN] [-d DOMAIN] ...\n\nObtains, renews and revokes certificates. \
         Where the proxy runs on this machine it answers the authority,\nwhichever way is asked for.\n\nverbs:\n",
    );
    for row in verb::ROWS.iter().filter(|row| !row.doc.is_empty()) {
        line(&mut text, &row.words.join(", "), row.doc);
    }
    text.push_str("\nflags:\n");
    line(
        &mut text,
        "-c, --config FILE",
        "flags of every call, one a line; counts before /etc/letsencrypt/cli.ini",
    );
    for row in rows().filter(|row| !row.doc.is_empty()) {
        let names = row.names.join(", ");
        let word = match row.does {
            Does::Take(word, _) => format!("{names} {word}"),
            Does::Switch(_) | Does::Idle(..) | Does::Refuse(..) => names,
        };
        line(&mut text, &word, row.doc);
    }
    text
}

fn line(text: &mut String, left: &str, doc: &str) {
    let gap = if left.len() < COLUMN { String::new() } else { format!("\n  {:COLUMN$}", "") };
    // A String takes everything.
    let _ = writeln!(text, "  {left:COLUMN$}{gap}{doc}");
}
