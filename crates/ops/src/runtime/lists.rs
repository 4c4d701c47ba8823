//! Maps and the patterns of ACLs: `show`, `get`, `add`, `set`, `del`, `clear`, `prepare` and `commit`. An edit compiles
//! the list anew and is looked up by the next request; many entries are best added by one payload or between
//! `prepare` and `commit`.

use super::call::{Call, Severity};
use super::table::{Command, Waiting};
use expr::Reference;
use expr::reference::{EditError, Found, Key};
use proxy::stats_socket::CliLevel::{Operator, User};
use std::sync::Arc;

/// Entries that are copied at a time for an answer.
const BATCH: usize = 1_000;

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(
        &["show", "map"],
        "[@ver] [map]",
        "report available maps or dump a map's contents",
        User,
        |c| show(c, MAP),
    ),
    Command::later(
        &["show", "acl"],
        "[@<ver>] <acl>]",
        "report available acls or dump an acl's contents",
        User,
        |c| show(c, ACL),
    ),
    Command::now(
        &["get", "map"],
        "<acl> <value>",
        "report the keys and values matching a sample for a map",
        User,
        |c| {
            get(c, MAP);
        },
    ),
    Command::now(
        &["get", "acl"],
        "<acl> <value>",
        "report the patterns matching a sample for an ACL",
        User,
        |c| {
            get(c, ACL);
        },
    ),
    Command::now(
        &["add", "map"],
        "[@<ver>] <map> <key> <val>",
        "add a map entry (payload supported instead of key/val)",
        Operator,
        add_map,
    ),
    Command::now(&["add", "acl"], "[@<ver>] <acl> <pattern>", "add an acl entry", Operator, add_acl),
    Command::now(&["set", "map"], "<map> [<key>|#<ref>] <value>", "modify a map entry", Operator, set),
    Command::now(
        &["del", "map"],
        "<map> [<key>|#<ref>]",
        "delete map entries matching <key>",
        Operator,
        |c| del(c, MAP),
    ),
    Command::now(
        &["del", "acl"],
        "<acl> [<key>|#<ref>]",
        "delete acl entries matching <key>",
        Operator,
        |c| del(c, ACL),
    ),
    Command::now(&["clear", "map"], "[@<ver>] <map>", "clear the contents of this map", Operator, |c| {
        clear(c, MAP)
    }),
    Command::now(&["clear", "acl"], "[@<ver>] <acl>", "clear the contents of this acl", Operator, |c| {
        clear(c, ACL)
    }),
    Command::now(
        &["prepare", "map"],
        "<acl>",
        "prepare a new version for atomic map replacement",
        Operator,
        |c| prepare(c, MAP),
    ),
    Command::now(
        &["prepare", "acl"],
        "<acl>",
        "prepare a new version for atomic ACL replacement",
        Operator,
        |c| prepare(c, ACL),
    ),
    Command::now(&["commit", "map"], "@<ver> <map>", "commit the map at this version", Operator, |c| {
        commit(c, MAP)
    }),
    Command::now(&["commit", "acl"], "@<ver> <acl>", "commit the ACL at this version", Operator, |c| {
        commit(c, ACL)
    }),
];

/// Which of the two kinds a command is about.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// As messages write it.
    word: &'static str,
    map: bool,
}

const MAP: Kind = Kind { word: "map", map: true };
const ACL: Kind = Kind { word: "ACL", map: false };

impl Kind {
    fn owns(self, list: &Reference) -> bool {
        let summary = list.summary();
        if self.map { summary.by_map } else { summary.by_acl }
    }

    fn unknown(self) -> String {
        format!("Unknown {} identifier. Please use #<id> or <file>.", self.word)
    }
}

/// The list that a word names; says where there is none.
fn find(call: &mut Call<'_>, kind: Kind, word: &str) -> Option<Arc<Reference>> {
    let id = word.strip_prefix('#').map(|n| n.parse::<u32>().ok());
    let plan = call.process.plan.clone();
    let named = |l: &&Arc<Reference>| match id {
        Some(id) => Some(l.id) == id,
        None => *l.file == *word && !word.is_empty(),
    };
    let found = plan.lists.iter().filter(|l| kind.owns(l)).find(named).cloned();
    if found.is_none() {
        call.refuse(kind.unknown());
    }
    found
}

/// The version behind `@`, where the first argument is one, and where the others begin. What is no number is no
/// version that anything has.
fn version(call: &Call<'_>) -> (Option<u32>, usize) {
    match call.arg(0).strip_prefix('@') {
        Some(number) => (Some(number.parse().unwrap_or(u32::MAX)), 1),
        None => (None, 0),
    }
}

fn show<'a>(call: &'a mut Call<'_>, kind: Kind) -> Waiting<'a> {
    Box::pin(async move {
        let (version, at) = version(call);
        let word = call.arg(at).to_owned();
        if at == 0 && word.is_empty() {
            return overview(call, kind);
        }
        let Some(list) = find(call, kind, &word) else { return };
        let mut after = 0;
        loop {
            let batch = list.shown(version, after, BATCH);
            for entry in &batch {
                let gap = if list.has_values() { " " } else { "" };
                call.put(format_args!("{:#x} {}{gap}{}\n", entry.id, entry.key, entry.value));
            }
            let Some(last) = batch.last() else { return };
            after = last.id;
            // a client that is gone needs no more
            if call.flush_if_long().await.is_err() {
                return;
            }
        }
    })
}

fn overview(call: &mut Call<'_>, kind: Kind) {
    call.put("# id (file) description\n");
    let plan = call.process.plan.clone();
    for list in plan.lists.iter().filter(|l| kind.owns(l)) {
        let s = list.summary();
        call.put(format_args!(
            "{} ({}) {}. curr_ver={} next_ver={} entry_cnt={}\n",
            list.id, list.file, s.description, s.current, s.next, s.entries
        ));
    }
}

fn get(call: &mut Call<'_>, kind: Kind) {
    let (word, value) = (call.arg(0).to_owned(), call.arg(1).to_owned());
    if word.is_empty() || value.is_empty() {
        return call.refuse(format_args!("Missing {} identifier and/or key.", kind.word));
    }
    let Some(list) = find(call, kind, &word) else { return };
    for found in list.find(&value) {
        call.put(told(kind, &found));
    }
}

fn told(kind: Kind, found: &Found) -> String {
    let case = if found.ignore_case { "insensitive" } else { "sensitive" };
    let head = format!("type={}, case={case}, {}=", found.method, if kind.map { "found" } else { "match" });
    let Some(entry) = &found.entry else { return format!("{head}no\n") };
    let index = if found.indexed { "tree" } else { "list" };
    let key = &entry.key;
    if !kind.map {
        return format!("{head}yes, idx={index}, pattern=\"{key}\"\n");
    }
    let value = &entry.value;
    format!("{head}yes, idx={index}, key=\"{key}\", value=\"{value}\", type=\"{}\"\n", found.value_type)
}

fn answer(call: &mut Call<'_>, done: Result<(), EditError>) {
    if let Err(error) = done {
        call.refuse(error);
    }
}

fn add_map(call: &mut Call<'_>) {
    let (version, at) = version(call);
    let (word, key, value) =
        (call.arg(at).to_owned(), call.arg(at + 1).to_owned(), call.arg(at + 2).to_owned());
    let payload = call.payload.map(str::to_owned);
    if word.is_empty() || (payload.is_none() && (key.is_empty() || value.is_empty())) {
        return call.refuse(
            "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) \
             and a payload",
        );
    }
    let Some(list) = find(call, MAP, &word) else { return };
    let Some(text) = payload else { return answer(call, list.add(version, &[(&key, &value)])) };
    let (pairs, without_value) = pairs(&text);
    match (list.add(version, &pairs), without_value) {
        (Ok(()), Some(key)) => call.refuse(format_args!("Missing value for key '{key}'.")),
        (done, _) => answer(call, done),
    }
}

/// The pairs of a payload, a line each, up to the first key that has no value; that key.
fn pairs(text: &str) -> (Vec<(&str, &str)>, Option<&str>) {
    let mut pairs = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let Some((key, value)) = line.split_once([' ', '\t']) else { return (pairs, Some(line)) };
        pairs.push((key, value.trim_start()));
    }
    (pairs, None)
}

fn add_acl(call: &mut Call<'_>) {
    let (version, at) = version(call);
    let (word, pattern) = (call.arg(at).to_owned(), call.arg(at + 1).to_owned());
    if word.is_empty() || pattern.is_empty() {
        return call.refuse("'add acl' expects two parameters: ACL identifier and pattern.");
    }
    let Some(list) = find(call, ACL, &word) else { return };
    if list.has_values() {
        return call.refuse(
            "This ACL is shared with a map containing samples. You must use the command 'add map' to add values.",
        );
    }
    match list.add(version, &[(&pattern, "")]) {
        Err(EditError::Future) => {
            call.refuse("Version number in the future, please use 'prepare acl' before.");
        }
        done => answer(call, done),
    }
}

fn set(call: &mut Call<'_>) {
    let (word, key, value) = (call.arg(0).to_owned(), call.arg(1).to_owned(), call.arg(2).to_owned());
    if word.is_empty() || key.is_empty() || value.is_empty() {
        return call.refuse("'set map' expects three parameters: map identifier, key and value.");
    }
    let Some(list) = find(call, MAP, &word) else { return };
    answer(call, list.set(&Key::parse(&key), &value));
}

fn del(call: &mut Call<'_>, kind: Kind) {
    let (word, key) = (call.arg(0).to_owned(), call.arg(1).to_owned());
    if word.is_empty() || key.is_empty() {
        return call
            .refuse(format_args!("This command expects two parameters: {} identifier and key.", kind.word));
    }
    let Some(list) = find(call, kind, &word) else { return };
    answer(call, list.del(&Key::parse(&key)));
}

fn clear(call: &mut Call<'_>, kind: Kind) {
    let (version, at) = version(call);
    let word = call.arg(at).to_owned();
    if word.is_empty() {
        return call.refuse(format_args!("Missing {} identifier.", kind.word));
    }
    let Some(list) = find(call, kind, &word) else { return };
    answer(call, list.clear(version));
}

fn prepare(call: &mut Call<'_>, kind: Kind) {
    let word = call.arg(0).to_owned();
    let Some(list) = find(call, kind, &word) else { return };
    call.say(Severity::Info, format_args!("New version created: {}", list.prepare()));
}

fn commit(call: &mut Call<'_>, kind: Kind) {
    let (Some(version), at) = version(call) else { return call.refuse("Missing version number.") };
    let word = call.arg(at).to_owned();
    if word.is_empty() {
        return call.refuse(format_args!("Missing {} identifier.", kind.word));
    }
    let Some(list) = find(call, kind, &word) else { return };
    answer(call, list.commit(version));
}
