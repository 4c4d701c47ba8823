//! What is remembered of authorities, by their directories: shared by all certificates that are ordered there.

use crate::acme::{self, Directory, IssueError};
use crate::renew::{AuthorityState, UnixTime};
use crate::storage::Storage;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

/// By directory.
#[derive(Default)]
pub(super) struct Authorities {
    states: RefCell<HashMap<String, AuthorityState>>,
    /// What our accounts there are called, by storage.
    accounts: RefCell<HashMap<(Directory, PathBuf), String>>,
}

impl Authorities {
    /// What the account is called in our records; looked up in the storage until there is one.
    pub(super) fn account(&self, directory: &Directory, storage: &Storage) -> String {
        let key = (directory.clone(), storage.folder().to_owned());
        if let Some(name) = self.accounts.borrow().get(&key) {
            return name.clone();
        }
        let name = acme::account_name(directory, storage);
        if name != acme::NO_ACCOUNT {
            self.accounts.borrow_mut().insert(key, name.clone());
        }
        name
    }

    /// Looks at one, read from the storage when first met; unreadable memory is none.
    pub(super) fn with<T>(
        &self,
        directory: &str,
        storage: &Storage,
        now: UnixTime,
        look: impl FnOnce(&mut AuthorityState) -> T,
    ) -> T {
        let mut all = self.states.borrow_mut();
        let state = all.entry(directory.to_owned()).or_insert_with(|| {
            let kept = storage.memory(&memory_name(directory)).ok().flatten();
            let kept = kept.and_then(|text| AuthorityState::from_json(&text, now).ok());
            kept.unwrap_or_else(|| AuthorityState::new(directory))
        });
        look(state)
    }

    /// Changes one and remembers it.
    pub(super) fn change(
        &self,
        directory: &str,
        storage: &Storage,
        now: UnixTime,
        change: impl FnOnce(&mut AuthorityState),
    ) -> Result<(), IssueError> {
        let text = self.with(directory, storage, now, |state| {
            change(state);
            state.to_json()
        });
        storage.remember(&memory_name(directory), &text)
    }
}

fn memory_name(directory: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let name: String = directory.trim_start_matches("https://").chars().map(plain).collect();
    format!("authority-{name}")
}
