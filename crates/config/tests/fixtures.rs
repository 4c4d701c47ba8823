//! Whole configurations in files: the input above a line of dashes, the expectation below. The expectation is every
//! complaint as an operator sees it, then what the model holds: empty values and places are left out, a word is its
//! text. `UPDATE_FIXTURES=1` writes what was found as the new expectation; read the difference before keeping it.
#![allow(clippy::unwrap_used, reason = "a test that is surprised should stop")]

use base::Severity;
use config::{Environment, LoadOptions, Loaded, Source};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const DIVIDER: &str = "\n--------\n";

#[test]
fn fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let (input, expected) = text.split_once(DIVIDER).unwrap_or((&text, ""));
        let found = outcome(input);
        if update {
            std::fs::write(file, format!("{input}{DIVIDER}{found}")).unwrap();
        } else if found != expected {
            wrong.push(format!("{}:\n{}", file.display(), first_difference(expected, &found)));
        }
    }
    assert!(files.len() > 20, "the fixtures are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first_difference(expected: &str, found: &str) -> String {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    loop {
        let (a, b) = (expected.next(), found.next());
        if a != b || a.is_none() {
            return format!("  expected: {a:?}\n  found:    {b:?}");
        }
    }
}

fn outcome(input: &str) -> String {
    let loaded = load(input);
    let mut out = loaded.diags.render(&loaded.sources, 1, Severity::Diag);
    let model = config::Model { files: Vec::new(), ..loaded.model };
    let tree = Tree::read(&format!("{model:#?}"));
    tree.show(&mut out, 0);
    out
}

/// A line `=== NAME` begins a further file.
fn load(input: &str) -> Loaded {
    let mut sources = vec![Source { name: "a.cfg".to_owned(), text: Vec::new() }];
    for line in input.split_inclusive('\n') {
        match line.strip_prefix("=== ") {
            Some(name) => sources.push(Source { name: name.trim().to_owned(), text: Vec::new() }),
            None => sources.last_mut().unwrap().text.extend_from_slice(line.as_bytes()),
        }
    }
    let environment = [("SITE", "www"), ("LIST", "one two  three"), ("EMPTY", "")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = LoadOptions { environment, local_peer: "host".to_owned(), ..LoadOptions::default() };
    let mut loaded = config::load(sources, &options);
    // What it holds is seen in the words that it stands for.
    loaded.model.environment = Environment::default();
    loaded
}

/// The model's debug output as a tree: `head` is what stands before the bracket, or the whole leaf.
#[derive(Debug)]
struct Tree {
    head: String,
    children: Vec<Tree>,
}

impl Tree {
    fn read(text: &str) -> Tree {
        let mut lines = text.lines().map(str::trim);
        let mut root = Tree { head: String::new(), children: Vec::new() };
        root.children = Tree::children(&mut lines);
        root.children.remove(0)
    }

    fn children<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Vec<Tree> {
        let mut out = Vec::new();
        while let Some(line) = lines.next() {
            if line.starts_with(['}', ']', ')']) {
                break;
            }
            let opens = line.ends_with(['{', '[', '(']);
            let head = line.trim_end_matches(['{', '[', '(', ',']).trim().to_owned();
            let children = if opens { Tree::children(lines) } else { Vec::new() };
            out.push(Tree { head, children }.simplified(opens));
        }
        out
    }

    /// Words become their text, wrappers vanish, places and empty values are dropped.
    fn simplified(mut self, opened: bool) -> Tree {
        self.children.retain(|child| !child.is_empty());
        let (field, kind) = match self.head.split_once(": ") {
            Some((field, kind)) if opened => (format!("{field}: "), kind.to_owned()),
            Some(_) | None => (String::new(), self.head.clone()),
        };
        if opened && kind == "Word" {
            let text = self.children.first().map_or("\"\"", |c| c.head.trim_start_matches("text: "));
            return Tree { head: format!("{field}{text}"), children: Vec::new() };
        }
        if opened
            && matches!(kind.as_str(), "Some" | "FormatText" | "Expr" | "Format")
            && self.children.len() == 1
        {
            let child = self.children.remove(0);
            return Tree { head: format!("{field}{}", child.head), children: child.children };
        }
        self
    }

    fn is_empty(&self) -> bool {
        let value = self.head.split_once(": ").map_or(self.head.as_str(), |(_, value)| value);
        let field = self.head.contains(": ");
        let leaf = matches!(value, "None" | "[]" | "{}" | "false" | "\"\"" | "");
        let hollow = matches!(
            value.trim(),
            "Some"
                | "Options"
                | "Timeouts"
                | "TcpKeepAlive"
                | "Settings"
                | "Global"
                | "Model"
                | "Environment"
        );
        let place = matches!(self.head.as_str(), "span: Span" | "Span");
        let usual = matches!(self.head.as_str(), "family: Any" | "transport: Any" | "default_crts: 0");
        place
            || usual
            || (self.children.is_empty() && (leaf || (field && hollow) || is_default_struct(value)))
    }

    fn show(&self, out: &mut String, depth: usize) {
        let head = self.head.trim_end_matches(": ");
        if self.children.iter().all(|child| child.children.is_empty() && !child.head.contains(": ")) {
            let items: Vec<&str> = self.children.iter().map(|child| child.head.as_str()).collect();
            writeln!(out, "{:width$}{}", "", [&[head], &items[..]].concat().join(" "), width = depth * 2)
                .unwrap();
            return;
        }
        writeln!(out, "{:width$}{head}", "", width = depth * 2).unwrap();
        for child in &self.children {
            child.show(out, depth + 1);
        }
    }
}

/// A struct of which nothing is left once its empty fields are gone.
fn is_default_struct(name: &str) -> bool {
    ["TlsDefaults", "TlsOffer", "TlsVersionOptions", "UnixOptions", "ServerParams", "BindParams"]
        .contains(&name)
}
