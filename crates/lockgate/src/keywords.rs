//! `lockgate keywords [WORD]`: the rows of the configuration language and of the expressions, as they are. What a user
//! reads here is what the parser reads.

use crate::Exit;
use crate::console;
use config::{Row, Status};
use expr::format::items::{ItemRow, Only};
use expr::rows::{ArgRow, ConverterRow, FetchRow};
use std::fmt::Write as _;

/// One line of the list: a word of any kind.
struct Entry {
    kind: &'static str,
    names: Vec<&'static str>,
    arguments: String,
    places: String,
    status: &'static str,
    reason: &'static str,
    doc: &'static str,
}

/// Lists all words, or those that `word` means.
pub(crate) fn run(word: &str) -> Exit {
    let entries = all();
    // A log item is written with its sign.
    let word = word.strip_prefix('%').unwrap_or(word);
    if word.is_empty() {
        console::out(&table(entries.iter()));
        return Exit::Ok;
    }
    let exact: Vec<&Entry> = entries.iter().filter(|e| e.names.contains(&word)).collect();
    let near: Vec<&Entry> = entries.iter().filter(|e| e.names.iter().any(|n| n.contains(word))).collect();
    if !exact.is_empty() {
        exact.iter().for_each(|entry| console::out(&details(entry)));
        return Exit::Ok;
    }
    if !near.is_empty() {
        console::out(&table(near.into_iter()));
        return Exit::Ok;
    }
    console::err(&unknown(word, &entries));
    Exit::Failed
}

fn unknown(word: &str, entries: &[Entry]) -> String {
    let names = entries.iter().flat_map(|e| e.names.iter().copied());
    match base::suggest::nearest(word, names) {
        Some(name) => format!("no word '{word}' is known; did you mean '{name}'?\n"),
        None => format!("no word '{word}' is known; 'lockgate keywords' lists them all\n"),
    }
}

fn all() -> Vec<Entry> {
    let mut entries: Vec<Entry> = config::rows::all().map(keyword).collect();
    entries.extend(expr::rows::fetches().map(fetch));
    entries.extend(expr::rows::converters().map(converter));
    entries.extend(expr::rows::log_items().iter().map(log_item));
    entries
}

fn log_item(row: &'static ItemRow) -> Entry {
    let places = match row.only {
        Only::Any => "all logs",
        Only::Http => "logs of mode http",
    };
    Entry {
        kind: "log item",
        names: vec![row.name],
        arguments: String::new(),
        places: places.to_owned(),
        status: "supported",
        reason: "",
        doc: row.doc,
    }
}

fn keyword(row: &'static Row) -> Entry {
    let (status, reason) = match row.status {
        Status::Supported => ("supported", ""),
        Status::NoEffect(why) => ("no effect", why),
        Status::Refused(why) => ("refused", why),
    };
    Entry {
        kind: "keyword",
        names: row.names.to_vec(),
        arguments: row.args.to_owned(),
        places: row.place.names().collect::<Vec<_>>().join(", "),
        status,
        reason,
        doc: row.doc,
    }
}

fn fetch(row: &'static FetchRow) -> Entry {
    let (status, reason) = sample_status(row.status);
    Entry {
        kind: "fetch",
        names: vec![row.name],
        arguments: arguments(row.args, row.min_args),
        places: format!("needs {}; yields {}", row.needs.what(), row.output.name()),
        status,
        reason,
        doc: row.doc,
    }
}

fn converter(row: &'static ConverterRow) -> Entry {
    let (status, reason) = sample_status(row.status);
    Entry {
        kind: "converter",
        names: vec![row.name],
        arguments: arguments(row.args, row.min_args),
        places: format!("takes {}; yields {}", row.input.name(), row.output.name()),
        status,
        reason,
        doc: row.doc,
    }
}

fn sample_status(status: expr::rows::Status) -> (&'static str, &'static str) {
    match status {
        expr::rows::Status::Supported => ("supported", ""),
        expr::rows::Status::NoEffect(what) => ("no effect", what),
        expr::rows::Status::Refused(why) => ("refused", why),
    }
}

/// `(<a>,<b>[,<c>])`: what lies behind the mandatory ones may be left out.
fn arguments(rows: &[ArgRow], mandatory: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from("(");
    for (index, row) in rows.iter().enumerate() {
        let open = if index >= mandatory { "[" } else { "" };
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(text, "{open}{comma}<{}>", row.name);
    }
    text.push_str(&"]".repeat(rows.len().saturating_sub(mandatory)));
    text.push(')');
    text
}

fn table<'e>(entries: impl Iterator<Item = &'e Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        let name = entry.names.first().copied().unwrap_or_default();
        let _ = writeln!(text, "{:<10} {:<10} {name:<36} {}", entry.kind, entry.status, entry.places);
    }
    text
}

fn details(entry: &Entry) -> String {
    let mut text = String::new();
    let name = entry.names.first().copied().unwrap_or_default();
    let gap = if entry.kind == "keyword" && !entry.arguments.is_empty() { " " } else { "" };
    let _ = writeln!(text, "{name}{gap}{}", entry.arguments);
    let _ = writeln!(text, "  {}", entry.doc);
    let _ = writeln!(text, "  {}: {}", entry.kind, entry.places);
    if entry.names.len() > 1 {
        let _ = writeln!(text, "  also: {}", entry.names.get(1..).unwrap_or_default().join(", "));
    }
    let separator = if entry.reason.is_empty() { "" } else { ": " };
    let _ = writeln!(text, "  {}{separator}{}", entry.status, entry.reason);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_line_that_explains_it() {
        for entry in all() {
            let name = entry.names.first().copied().unwrap_or_default();
            assert!(!name.is_empty() && !entry.doc.is_empty() && !entry.places.is_empty(), "{name}");
            assert!(entry.status == "supported" || !entry.reason.is_empty(), "{name} says no reason");
        }
    }

    #[test]
    fn optional_arguments_stand_in_brackets() {
        let row = |name| ArgRow { name, kind: expr::rows::ArgKind::Int };
        assert_eq!(arguments(&[], 0), "");
        assert_eq!(arguments(&[row("a"), row("b"), row("c")], 1), "(<a>[,<b>[,<c>]])");
        assert_eq!(arguments(&[row("a")], 0), "([<a>])");
    }

    #[test]
    fn a_typo_is_met_with_the_word_that_was_meant() {
        assert!(unknown("timeout cleint", &all()).contains("did you mean 'timeout client'?"));
        assert!(unknown("qqqqqq", &all()).contains("lists them all"));
    }
}
