//! Lists that operators edit while traffic flows: the patterns of ACLs and the pairs of maps (management guide 9.3).
//! One reference stands for a file, or for the patterns of one ACL line; all who use it share it.
//!
//! ```text
//! Reference: entries, each of a version ──an edit──► every View is compiled anew from the current version
//!                                                     └─ pointer swap ─► the next lookup sees it
//! ```
//!
//! Edits happen on the control side and hold a lock that no lookup takes. An edit costs the time to compile the whole
//! list, so many entries are best added at once, by a payload or between `prepare` and `commit`; entries of a version
//! that is not current cost nothing until then.

mod batch;
mod edit;
mod load;
mod view;

pub use batch::{Change, ChangeKind, GROWN_MOST};
pub use edit::{EditError, Found, Key};
pub use load::list_name;
pub(crate) use load::{User, file, words};
pub(crate) use view::{How, Misfit, View};

use crate::patterns::Operator;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One list. See the module's head.
pub struct Reference {
    /// Its number, in order of appearance.
    pub id: u32,
    /// The file, as written; empty for the patterns of an ACL line.
    pub file: Box<str>,
    /// Lines are pairs of a key and a value.
    pub(crate) pairs: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who uses it, in HAProxy's words.
    description: String,
    by_map: bool,
    by_acl: bool,
    current: u32,
    next: u32,
    last_entry: u64,
    entries: Vec<Entry>,
    views: Vec<Arc<View>>,
}

/// One line.
#[derive(Clone)]
pub(crate) struct Entry {
    id: u64,
    version: u32,
    key: Box<[u8]>,
    value: Box<[u8]>,
    operator: Operator,
    /// The address of a host name among addresses; names are looked up at start only.
    resolved: Option<Box<str>>,
    /// Its line in the file, 0 where it came from elsewhere.
    line: usize,
}

/// What `show map` and `show acl` tell of a list.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Who uses it.
    pub description: String,
    /// Maps use it.
    pub by_map: bool,
    /// ACLs use it.
    pub by_acl: bool,
    /// The version that is looked up.
    pub current: u32,
    /// The latest version that was prepared.
    pub next: u32,
    /// Entries of all versions.
    pub entries: usize,
}

/// One line, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its number, unique in the list.
    pub id: u64,
    /// The pattern.
    pub key: String,
    /// The value; empty outside maps.
    pub value: String,
}

impl Reference {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its lines are pairs of a key and a value.
    pub fn has_values(&self) -> bool {
        self.pairs
    }

    /// What there is to say about it.
    pub fn summary(&self) -> Summary {
        let state = self.lock();
        Summary {
            description: state.description.clone(),
            by_map: state.by_map,
            by_acl: state.by_acl,
            current: state.current,
            next: state.next,
            entries: state.entries.len(),
        }
    }

    /// Up to `most` entries of a version (the current one where none is asked for) whose number is above `after`.
    pub fn shown(&self, version: Option<u32>, after: u64, most: usize) -> Vec<Shown> {
        let state = self.lock();
        let version = version.unwrap_or(state.current);
        let from = state.entries.partition_point(|e| e.id <= after);
        let rest = state.entries.iter().skip(from).filter(|e| e.version == version);
        rest.take(most).map(Entry::shown).collect()
    }
}

impl Entry {
    fn shown(&self) -> Shown {
        let text = |bytes: &[u8]| base::raw::text(bytes.to_vec());
        Shown { id: self.id, key: text(&self.key), value: text(&self.value) }
    }
}

impl State {
    fn push(&mut self, mut entry: Entry) {
        self.last_entry += 1;
        entry.id = self.last_entry;
        self.entries.push(entry);
    }

    /// Those of the current version, in order: what views are compiled from.
    fn current_entries(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|e| e.version == self.current).collect()
    }
}

#[cfg(test)]
mod tests;
