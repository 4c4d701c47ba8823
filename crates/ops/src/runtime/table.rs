//! The table of all commands and what is told about it: one row a command. The session, `help` and the answer to an
//! unknown command read the same rows.

use super::call::Call;
use super::session::Session;
use super::{
    absent, acme, backends, certificates, cli, cookies, descriptors, environment, errors, frontends, info,
    libraries, limits, lists, names, ocsp, resolvers, schema, servers, sessions, sinks, stat, threads,
    ticket_keys, trust, variables,
};
use proxy::stats_socket::CliLevel;
use std::fmt::Write;
use std::pin::Pin;
use std::time::Duration;

/// Longest wait for a busy worker thread.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What a handler that has to wait returns.
pub(crate) type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How a command is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// At once; its answer is bounded by the configuration.
    Now(fn(&mut Call<'_>)),
    /// Waiting for worker threads, for time, or for the client to take a long answer.
    Later(for<'a> fn(&'a mut Call<'_>) -> Waiting<'a>),
}

/// A command.
pub(crate) struct Command {
    /// The words that call it.
    pub(crate) words: &'static [&'static str],
    /// What may follow, for `help`.
    pub(crate) args: &'static str,
    /// One line of documentation.
    pub(crate) doc: &'static str,
    /// Who may use it.
    pub(crate) level: CliLevel,
    /// Not offered outside this mode.
    pub(crate) mode: Mode,
    /// Its handler.
    pub(crate) run: Run,
}

/// The mode that a session must be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Any.
    Ordinary,
    /// `experimental-mode on`
    Experimental,
}

impl Command {
    /// A command that answers at once.
    pub(crate) const fn now(
        words: &'static [&'static str],
        args: &'static str,
        doc: &'static str,
        level: CliLevel,
        run: fn(&mut Call<'_>),
    ) -> Command {
        Command { words, args, doc, level, mode: Mode::Ordinary, run: Run::Now(run) }
    }

    /// A command that has to wait.
    pub(crate) const fn later(
        words: &'static [&'static str],
        args: &'static str,
        doc: &'static str,
        level: CliLevel,
        run: for<'a> fn(&'a mut Call<'_>) -> Waiting<'a>,
    ) -> Command {
        Command { words, args, doc, level, mode: Mode::Ordinary, run: Run::Later(run) }
    }

    /// The same, offered in this mode only.
    pub(crate) const fn only_in(mut self, mode: Mode) -> Command {
        self.mode = mode;
        self
    }

    fn usage(&self) -> String {
        let words = self.words.join(" ");
        if self.args.is_empty() { words } else { format!("{words} {}", self.args) }
    }

    fn begins_with(&self, words: &[String]) -> bool {
        words.len() <= self.words.len() && self.words.iter().zip(words).all(|(own, word)| own == word)
    }
}

const TABLES: &[&[Command]] = &[
    info::COMMANDS,
    stat::COMMANDS,
    schema::COMMANDS,
    environment::COMMANDS,
    cli::COMMANDS,
    certificates::COMMANDS,
    names::COMMANDS,
    ocsp::COMMANDS,
    trust::COMMANDS,
    libraries::COMMANDS,
    absent::COMMANDS,
    servers::COMMANDS,
    sessions::COMMANDS,
    frontends::COMMANDS,
    errors::COMMANDS,
    threads::COMMANDS,
    ticket_keys::COMMANDS,
    backends::COMMANDS,
    limits::COMMANDS,
    lists::COMMANDS,
    acme::COMMANDS,
    cookies::COMMANDS,
    resolvers::COMMANDS,
    descriptors::COMMANDS,
    sinks::COMMANDS,
    variables::COMMANDS,
];

/// Listed behind all others, as HAProxy does.
const LAST: [&str; 3] = ["help", "prompt", "quit"];

/// Every command that the session's mode offers, sorted for people.
fn all(session: &Session) -> Vec<&'static Command> {
    let mut all: Vec<_> = TABLES.iter().copied().flatten().filter(|c| session.is_in(c.mode)).collect();
    all.sort_by_key(|command| (is_last(command), command.words));
    all
}

fn is_last(command: &Command) -> bool {
    command.words.len() == 1 && command.words.iter().any(|word| LAST.contains(word))
}

/// The command that the first of `words` call: the one with most words of its own.
pub(crate) fn find(words: &[String]) -> Option<&'static Command> {
    let called =
        |c: &&Command| c.words.len() <= words.len() && c.words.iter().zip(words).all(|(a, b)| a == b);
    TABLES.iter().copied().flatten().filter(called).max_by_key(|c| c.words.len())
}

/// A list of commands for people.
pub(crate) struct Listing {
    /// Whether they were chosen for what was asked; else they are all there are.
    pub(crate) chosen: bool,
    /// A line each.
    pub(crate) text: String,
}

/// The commands that begin with as many of `words` as any does, or those that look alike, or all; always with `help`
/// and its like.
pub(crate) fn listing(session: &Session, words: &[String]) -> Listing {
    let all = all(session);
    let found = likely(&all, words);
    let mut text = String::new();
    let wanted = |c: &Command| found.is_empty() || found.iter().any(|f| std::ptr::eq(*f, c));
    for command in all.iter().filter(|c| is_last(c) || wanted(c)) {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "  {:<40}: {}", command.usage(), command.doc);
    }
    Listing { chosen: !found.is_empty(), text }
}

fn likely<'a>(all: &[&'a Command], words: &[String]) -> Vec<&'a Command> {
    for length in (1..=words.len()).rev() {
        let first = words.get(..length).unwrap_or_default();
        let found: Vec<_> = all.iter().filter(|c| c.begins_with(first)).copied().collect();
        if !found.is_empty() {
            return found;
        }
    }
    alike(all, words)
}

/// The commands of which a word is spelled nearly so.
fn alike<'a>(all: &[&'a Command], words: &[String]) -> Vec<&'a Command> {
    let names: Vec<&str> = all.iter().flat_map(|c| c.words.iter().copied()).collect();
    let meant: Vec<&str> =
        words.iter().filter_map(|word| base::suggest::nearest(word, names.iter().copied())).collect();
    let score = |c: &Command| meant.iter().filter(|word| c.words.contains(word)).count();
    let most = all.iter().map(|c| score(c)).max().unwrap_or_default();
    all.iter().filter(|c| most > 0 && score(c) == most).copied().collect()
}
