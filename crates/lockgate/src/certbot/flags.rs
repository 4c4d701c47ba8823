//! Certbot's flags: one row each, read by the parser, by cli.ini, by certificates' confs and by help. A row does what its
//! flag means for the verbs that it belongs to, or says why not; none is taken and then ignored.

mod absent;
mod certificate;
mod program;
mod proof;

use super::options::Options;
use super::verb::{EVERY, Verb};

/// A flag.
pub(super) struct Row {
    /// As they are typed; the first is the one that help shows.
    pub(super) names: &'static [&'static str],
    /// In a certificate's conf and in [`Options::given`].
    pub(super) key: &'static str,
    /// The verbs for which it means something.
    pub(super) verbs: &'static [Verb],
    pub(super) does: Does,
    pub(super) doc: &'static str,
}

/// What a flag does.
pub(super) enum Does {
    /// Switches something on.
    Switch(fn(&mut Options)),
    /// Takes a word, named in help.
    Take(&'static str, Take),
    /// Has no effect here, for this reason; a warning says so.
    Idle(Arity, &'static str),
    /// Is not done, for this reason.
    Refuse(Arity, &'static str),
}

/// How a word is taken.
pub(super) type Take = fn(&mut Options, &str) -> Result<(), String>;

/// How many words follow a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arity {
    None,
    One,
}

const fn switch(names: &'static [&'static str], key: &'static str, set: fn(&mut Options)) -> Row {
    Row { names, key, verbs: EVERY, does: Does::Switch(set), doc: "" }
}

const fn take(names: &'static [&'static str], key: &'static str, word: &'static str, set: Take) -> Row {
    Row { names, key, verbs: EVERY, does: Does::Take(word, set), doc: "" }
}

impl Row {
    const fn of(self, verbs: &'static [Verb]) -> Row {
        Row { verbs, ..self }
    }

    const fn doc(self, doc: &'static str) -> Row {
        Row { doc, ..self }
    }

    /// How many words follow it.
    pub(super) fn arity(&self) -> Arity {
        match self.does {
            Does::Take(..) => Arity::One,
            Does::Switch(_) => Arity::None,
            Does::Idle(arity, _) | Does::Refuse(arity, _) => arity,
        }
    }

    /// The verbs it belongs to, as they are typed.
    pub(super) fn homes(&self) -> String {
        self.verbs.iter().map(|verb| verb.word()).collect::<Vec<_>>().join(", ")
    }
}

/// All flags, by topic.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    [certificate::ROWS, proof::ROWS, program::ROWS, absent::ROWS].into_iter().flatten()
}

/// The row of a flag; long ones may be cut short as long as only one begins so.
pub(super) fn find(written: &str) -> Result<&'static Row, String> {
    if let Some(row) = rows().find(|row| row.names.contains(&written)) {
        return Ok(row);
    }
    let is_short = written.len() <= 2 || !written.starts_with("--");
    let names = || rows().flat_map(|row| row.names).copied().filter(|name| name.starts_with(written));
    let mut fitting =
        rows().filter(|row| !is_short && row.names.iter().any(|name| name.starts_with(written)));
    match (fitting.next(), fitting.next()) {
        (Some(row), None) => Ok(row),
        (Some(_), Some(_)) => {
            let could = names().collect::<Vec<_>>().join(", ");
            Err(format!("ambiguous option: {written} could match {could}"))
        }
        (None, _) => Err(format!("unrecognized arguments: {written}{}", nearest(written))),
    }
}

fn nearest(written: &str) -> String {
    let names = rows().flat_map(|row| row.names).copied().filter(|name| name.starts_with("--"));
    base::suggest::nearest(written, names).map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// The row that a key of a certificate's conf belongs to.
pub(super) fn of_key(key: &str) -> Option<&'static Row> {
    rows().find(|row| !row.key.is_empty() && row.key == key)
}
