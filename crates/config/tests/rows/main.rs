//! Single lines, table by table: which load silently, which with a warning, which not at all, and which word the
//! complaint points at. What "loads" and what does not was compared with HAProxy 2.6; where we differ on purpose the
//! table says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // all of this is tests, its helpers too

mod balance;
mod bind;
mod checks;
mod global;
mod rules_http;
mod rules_tcp;
mod server;

use base::Severity;
use config::{LoadOptions, Loaded, Model, Source};

/// A line, the word under the caret, and a part of the message and of the remedy (empty: any).
type Complaint = (&'static str, &'static str, &'static str, &'static str);

/// Reads lines inside one section. A lone section lacks much that a whole configuration has, so that is not checked.
fn load(section: &str, lines: &str) -> Loaded {
    let text = format!("{section}\n{lines}\n");
    config::load::read(
        vec![Source { name: "t.cfg".to_owned(), text: text.into_bytes() }],
        &LoadOptions::default(),
    )
}

/// Loads lines that must not cause any complaint.
fn model(section: &str, lines: &str) -> Model {
    let loaded = load(section, lines);
    let complaints = loaded.diags.render(&loaded.sources, 1, Severity::Diag);
    assert_eq!(complaints, "", "{lines}");
    loaded.model
}

/// Each line loads without a complaint.
fn all_load(section: &str, lines: &[&str]) {
    for line in lines {
        model(section, line);
    }
}

/// Each line does not load; its complaint points at the right word and says the right thing.
fn all_refused(section: &str, table: &[Complaint]) {
    table.iter().for_each(|case| complains(section, case, Severity::Alert));
}

/// Each line loads with a warning.
fn all_warned(section: &str, table: &[Complaint]) {
    table.iter().for_each(|case| complains(section, case, Severity::Warning));
}

fn complains(section: &str, case: &Complaint, severity: Severity) {
    let (line, word, message, help) = *case;
    let loaded = load(section, line);
    let shown = loaded.diags.render(&loaded.sources, 1, Severity::Diag);
    assert_eq!(loaded.diags.worst(), Some(severity), "{line}\n{shown}");
    let found = loaded.diags.iter().find(|d| d.severity == severity).expect("a complaint");
    let span = found.span.expect("a place");
    let text = loaded.sources.line(span.file, span.line).unwrap_or_default();
    let under = text.get(span.start as usize..(span.end as usize).min(text.len())).unwrap_or("");
    assert_eq!(under, word, "{line}\n{shown}");
    assert!(found.message.contains(message), "{line}\n{shown}");
    assert!(found.help.as_deref().unwrap_or_default().contains(help), "{line}\n{shown}");
}
