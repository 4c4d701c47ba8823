//! Making references while a configuration is compiled.

use super::{Entry, How, Misfit, Reference, State, View};
use crate::address::network;
use crate::compile::Env;
use crate::matching::MatchMethod;
use crate::patterns::Operator;
use base::Span;
use std::io;
use std::sync::{Arc, Mutex};

/// Who uses a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Acl,
    Map,
}

/// The reference of a file, read where this is its first use.
pub(crate) fn file(
    env: &mut Env<'_>,
    name: &str,
    pairs: bool,
    user: User,
    span: Span,
) -> io::Result<Arc<Reference>> {
    let (place, name) = (place(env, span), list_name(name));
    if let Some(known) = env.references.iter().find(|r| *r.file == *name && r.pairs == pairs) {
        let mut state = known.lock();
        state.description += &format!(", by {} at {place}", user.word());
        state.used_by(user);
        drop(state);
        return Ok(known.clone());
    }
    let mut state = State {
        description: format!("pattern loaded from file '{name}' used by {} at {place}", user.word()),
        ..State::default()
    };
    state.used_by(user);
    for (line, text) in crate::map::lines(env.outside, name)? {
        let (key, value) = if pairs { crate::map::columns(&text) } else { (&*text, &b""[..]) };
        state.push(Entry { line, ..entry(key, value, Operator::Eq) });
    }
    Ok(add(env, name, pairs, state))
}

/// The name that a list goes by: `file@` says that there is a file, which a plain path says too (manual, section 2.7).
/// With `opt@` and `virt@` it is part of the name.
pub fn list_name(written: &str) -> &str {
    written.strip_prefix("file@").unwrap_or(written)
}

/// The reference of the patterns that stand in an ACL line.
pub(crate) fn words(
    env: &mut Env<'_>,
    keyword: &str,
    span: Span,
    words: &[(String, Operator)],
) -> Arc<Reference> {
    let description = format!("acl '{keyword}' {}", place(env, span));
    let mut state = State { description, by_acl: true, ..State::default() };
    for (text, operator) in words {
        state.push(entry(&base::raw::bytes(text), b"", *operator));
    }
    add(env, "", false, state)
}

fn add(env: &mut Env<'_>, file: &str, pairs: bool, state: State) -> Arc<Reference> {
    let id = u32::try_from(env.references.len()).unwrap_or(u32::MAX);
    let reference = Arc::new(Reference { id, file: file.into(), pairs, state: Mutex::new(state) });
    env.references.push(reference.clone());
    reference
}

fn place(env: &Env<'_>, span: Span) -> String {
    let file = env.files.get(usize::from(span.file.0)).map_or("", String::as_str);
    format!("file '{file}' line {}", span.line)
}

/// An entry of the first version, not yet numbered.
pub(super) fn entry(key: &[u8], value: &[u8], operator: Operator) -> Entry {
    Entry { id: 0, version: 0, key: key.into(), value: value.into(), operator, resolved: None, line: 0 }
}

impl User {
    fn word(self) -> &'static str {
        match self {
            User::Acl => "acl",
            User::Map => "map",
        }
    }
}

impl State {
    fn used_by(&mut self, user: User) {
        match user {
            User::Map => self.by_map = true,
            User::Acl => self.by_acl = true,
        }
    }
}

impl Reference {
    /// The view of this kind, compiled where it is the first of its kind. Where an entry does not fit, its line comes
    /// with the reason.
    pub(crate) fn view(
        &self,
        how: How,
        lookup: &dyn Fn(&str) -> Option<std::net::IpAddr>,
    ) -> Result<Arc<View>, (usize, Misfit)> {
        let mut state = self.lock();
        if let Some(view) = state.views.iter().find(|v| v.how == how) {
            return Ok(view.clone());
        }
        if how.method == MatchMethod::Ip && !how.no_lookup {
            state.entries.iter_mut().for_each(|e| e.resolve(lookup));
        }
        let current = state.current_entries();
        let line = |misfit: Misfit| (current.get(misfit.index()).map_or(0, |e| e.line), misfit);
        let view = Arc::new(View::new(how, &current).map_err(line)?);
        state.views.push(view.clone());
        Ok(view)
    }
}

impl Entry {
    fn resolve(&mut self, lookup: &dyn Fn(&str) -> Option<std::net::IpAddr>) {
        let Ok(key) = std::str::from_utf8(&self.key) else { return };
        if self.resolved.is_none() && network(key).is_none() {
            self.resolved = lookup(key).map(|ip| ip.to_string().into());
        }
    }
}
