//! What operators send from the statistics page: some servers of a backend, and what to do with them (manual 4.2,
//! `stats admin`). The words are those of HAProxy's form, which scripts send too.

use super::Process;
use super::servers::{backend, operator_of};
use proxy::health::{AdminWish, Operator, Place, Refusal};
use proxy::plan::Backend;
use proxy::server::{Health, Shutdown};
use proxy::statistics::Ask;
use std::sync::Arc;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it was done.
    Done,
    /// Nothing was asked for.
    Nothing,
    /// Some of it was done.
    Partly,
    /// It makes no sense.
    Errors,
    /// It was too long.
    Exceeded,
    /// It is not allowed.
    Denied,
}

const WORDS: [(Outcome, &str); 6] = [
    (Outcome::Done, "DONE"),
    (Outcome::Nothing, "NONE"),
    (Outcome::Partly, "PART"),
    (Outcome::Errors, "ERRP"),
    (Outcome::Exceeded, "EXCD"),
    (Outcome::Denied, "DENY"),
];

impl Outcome {
    /// Its word in addresses.
    pub(super) fn word(self) -> &'static str {
        WORDS.iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, word)| word)
    }

    /// The outcome of a word.
    pub(super) fn of(word: &str) -> Option<Outcome> {
        WORDS.iter().find(|(_, own)| *own == word).map(|(outcome, _)| *outcome)
    }

    /// For the page.
    pub(super) fn text(self) -> &'static str {
        match self {
            Outcome::Done => "Action processed successfully.",
            Outcome::Nothing => "Nothing has changed.",
            Outcome::Partly => "Action partially processed: some servers took it, others did not.",
            Outcome::Errors => "Action not processed: the form made no sense.",
            Outcome::Exceeded => "Action not processed: the form was too long.",
            Outcome::Denied => "Action denied: 'stats admin' does not allow changes here.",
        }
    }
}

/// Does what a form says; `None` is one that was too long.
pub(super) fn carry_out(process: &Arc<Process>, ask: &Ask, sent: Option<&[u8]>) -> Outcome {
    if !ask.admin {
        return Outcome::Denied;
    }
    let Some(sent) = sent else { return Outcome::Exceeded };
    let text = String::from_utf8_lossy(sent);
    let pairs: Vec<(&str, String)> =
        text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k, decoded(v))).collect();
    let last = |name: &str| pairs.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
    let names: Vec<&str> =
        pairs.iter().filter(|(key, _)| *key == "s").map(|(_, value)| value.as_str()).collect();
    if names.is_empty() {
        return Outcome::Nothing;
    }
    let (Some(action), Some(back)) = (last("action").and_then(action), last("b")) else {
        return Outcome::Errors;
    };
    let Some(back) = backend(&process.plan, back).filter(|back| in_scope(ask, back)) else {
        return Outcome::Errors;
    };
    let operator = operator_of(process);
    let done = names.iter().filter(|name| on_server(process, &operator, back, name, action)).count();
    match done {
        0 => Outcome::Errors,
        all if all == names.len() => Outcome::Done,
        _ => Outcome::Partly,
    }
}

/// A page that does not show a backend does not change it.
fn in_scope(ask: &Ask, back: &Backend) -> bool {
    ask.look.scope.is_empty() || ask.look.scope.contains(&back.name)
}

fn on_server(process: &Process, operator: &Operator, back: &Backend, name: &str, action: Action) -> bool {
    let Some(server) = back.balance.servers().named(name).cloned() else { return false };
    let place = (back.index, server.facts.index);
    match action {
        Action::Shutdown => {
            server.shutdown_sessions(Shutdown::Operator);
            process.workers.wake_all();
            true
        }
        Action::Set(set) => set(operator, place).is_ok(),
    }
}

#[derive(Clone, Copy)]
enum Action {
    Set(fn(&Operator, Place) -> Result<(), Refusal>),
    Shutdown,
}

/// The actions, with what people read in the list.
pub(super) const ACTIONS: [(&str, &str); 13] = [
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill sessions"),
];

fn admin(operator: &Operator, at: Place, wish: AdminWish) -> Result<(), Refusal> {
    operator.set_admin(at, wish);
    Ok(())
}

fn action(word: &str) -> Option<Action> {
    Some(match word {
        "ready" | "enable" => Action::Set(|o, at| admin(o, at, AdminWish::Ready)),
        "drain" => Action::Set(|o, at| admin(o, at, AdminWish::Drain)),
        "maint" | "disable" => Action::Set(|o, at| admin(o, at, AdminWish::Maint)),
        "dhlth" => Action::Set(|o, at| o.switch_check(at, false)),
        "ehlth" => Action::Set(|o, at| o.switch_check(at, true)),
        "hrunn" => Action::Set(|o, at| o.set_health(at, Health::Up)),
        "hnolb" | "stop" => Action::Set(|o, at| o.set_health(at, Health::Stopping)),
        "hdown" => Action::Set(|o, at| o.set_health(at, Health::Down)),
        "dagent" => Action::Set(|o, at| o.switch_agent(at, false)),
        "eagent" => Action::Set(|o, at| o.switch_agent(at, true)),
        "arunn" => Action::Set(|o, at| o.set_agent(at, true)),
        "adown" => Action::Set(|o, at| o.set_agent(at, false)),
        "shutdown" => Action::Shutdown,
        _ => return None,
    })
}

/// `a%20b+c` read: percent-coding and `+` for a blank, as forms have it.
pub(super) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        let rest = bytes.as_slice();
        let hex = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (*byte, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(coded)) => {
                out.push(coded);
                bytes.nth(1);
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        assert_eq!(decoded("%23a+b%2"), "#a b%2");
        assert!(ACTIONS.iter().all(|(word, _)| action(word).is_some()) && action("foo").is_none());
        assert!(WORDS.iter().all(|(outcome, word)| Outcome::of(word) == Some(*outcome)));
    }
}
