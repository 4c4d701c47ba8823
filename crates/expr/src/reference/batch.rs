//! Many changes of a list at once, as rules make them while traffic flows: one look over the list and one compilation,
//! however many they are.

use super::load::entry;
use super::{Entry, Reference, State};
use crate::patterns::Operator;
use std::collections::HashMap;

/// Entries that a list may grow to by rules: clients decide what rules add, and memory is not theirs to fill. A list
/// that a file or an operator made longer is left as it is.
pub const GROWN_MOST: usize = 100_000;

/// What a rule does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// `set-map`: gives a key a value, and adds it where it is new.
    Set,
    /// `add-acl`: adds a pattern that is not there.
    Add,
    /// `del-map`, `del-acl`: takes all entries of a key out.
    Del,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub kind: ChangeKind,
    /// The key.
    pub key: Box<[u8]>,
    /// The value; empty outside maps.
    pub value: Box<[u8]>,
}

impl Reference {
    /// Applies changes in their order and publishes the outcome once. Returns how many were left out: what is no
    /// pattern or value of those who use the list, or came when the list had grown to [`GROWN_MOST`].
    pub fn change(&self, changes: &[Change]) -> usize {
        let mut state = self.lock();
        let mut draft = Draft::of(&state);
        let refused = changes.iter().filter(|change| !draft.take(&state, change)).count();
        if !draft.changed {
            return refused;
        }
        let last = draft.last_entry;
        let edited = draft.entries.into_iter().flatten().collect();
        match state.replace(edited) {
            Ok(()) => {
                state.last_entry = last;
                refused
            }
            Err(_) => changes.len(),
        }
    }
}

/// The list as it will be. An entry that was taken out leaves a hole, so that places stay what they are.
struct Draft {
    entries: Vec<Option<Entry>>,
    /// Places of the current version's entries.
    places: HashMap<Box<[u8]>, Vec<usize>>,
    last_entry: u64,
    changed: bool,
}

impl Draft {
    fn of(state: &State) -> Draft {
        let entries: Vec<Option<Entry>> = state.entries.iter().cloned().map(Some).collect();
        let mut places: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
        for (at, entry) in state.entries.iter().enumerate().filter(|(_, e)| e.version == state.current) {
            places.entry(entry.key.clone()).or_default().push(at);
        }
        Draft { entries, places, last_entry: state.last_entry, changed: false }
    }

    /// `false`: it was left out.
    fn take(&mut self, state: &State, change: &Change) -> bool {
        let known = self.places.get(&change.key).is_some_and(|places| !places.is_empty());
        match (change.kind, known) {
            (ChangeKind::Del, true) => self.del(change),
            (ChangeKind::Del, false) | (ChangeKind::Add, true) => {}
            (ChangeKind::Set, true) => return self.set(state, change),
            (ChangeKind::Set | ChangeKind::Add, false) => return self.add(state, change),
        }
        true
    }

    fn del(&mut self, change: &Change) {
        let places = self.places.remove(&change.key).unwrap_or_default();
        for at in places {
            if let Some(entry) = self.entries.get_mut(at) {
                *entry = None;
            }
        }
        self.changed = true;
    }

    fn set(&mut self, state: &State, change: &Change) -> bool {
        if !fits(state, change) {
            return false;
        }
        for at in self.places.get(&change.key).into_iter().flatten() {
            if let Some(Some(entry)) = self.entries.get_mut(*at)
                && entry.value != change.value
            {
                entry.value = change.value.clone();
                self.changed = true;
            }
        }
        true
    }

    fn add(&mut self, state: &State, change: &Change) -> bool {
        if self.places.len() >= GROWN_MOST || !fits(state, change) {
            return false;
        }
        self.last_entry += 1;
        let fresh = Entry { id: self.last_entry, version: state.current, ..fresh(change) };
        self.places.entry(change.key.clone()).or_default().push(self.entries.len());
        self.entries.push(Some(fresh));
        self.changed = true;
        true
    }
}

fn fresh(change: &Change) -> Entry {
    entry(&change.key, &change.value, Operator::Eq)
}

/// Whether all who use the list can take it.
fn fits(state: &State, change: &Change) -> bool {
    let fresh = fresh(change);
    state.views.iter().all(|view| view.how.compile(&[&fresh]).is_ok())
}
