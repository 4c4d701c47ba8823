//! What is remembered of authorities, by their directories: shared by all certificates that are ordered there, and with
//! other processes. The file in the storage is the truth; what is in memory is only that file, read, and counts alone
//! where the file cannot be written.

use super::shared_text::{Version, lock};
use crate::acme::{self, Directory, IssueError, Opened};
use crate::renew::{AuthorityState, UnixTime};
use crate::storage::Storage;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// By directory and storage.
#[derive(Default)]
pub(super) struct Authorities {
    states: RefCell<HashMap<(String, PathBuf), Known>>,
    /// What our accounts there are called, by storage.
    accounts: RefCell<HashMap<(Directory, PathBuf), String>>,
    /// Those that questions were asked with lately.
    opened: RefCell<HashMap<(Directory, PathBuf), Open>>,
}

/// How long an account is asked with before its authority's directory and the trusted roots are read anew.
const OPEN_FOR: Duration = Duration::from_secs(600);

/// An account, and since when it is open.
type Open = (Instant, Rc<Opened>);

/// What was read, and of which version of the file.
struct Known {
    version: Version,
    state: AuthorityState,
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

    /// An account to ask questions with: thousands of certificates that ask for their windows open it once.
    pub(super) async fn opened(
        &self,
        directory: &Directory,
        storage: &Storage,
    ) -> Result<Rc<Opened>, IssueError> {
        let key = (directory.clone(), storage.folder().to_owned());
        let known = self.opened.borrow().get(&key).filter(|(at, _)| at.elapsed() < OPEN_FOR).cloned();
        if let Some((_, opened)) = known {
            return Ok(opened);
        }
        let opened = Rc::new(acme::open_account(directory, storage).await?);
        self.opened.borrow_mut().insert(key, (Instant::now(), opened.clone()));
        Ok(opened)
    }

    /// Looks at one, read from the storage when first met and whenever another process has written it.
    pub(super) fn with<T>(
        &self,
        directory: &str,
        storage: &Storage,
        now: UnixTime,
        look: impl FnOnce(&mut AuthorityState) -> T,
    ) -> T {
        let (name, mut all) = (memory_name(directory), self.states.borrow_mut());
        let key = (directory.to_owned(), storage.folder().to_owned());
        let version = Version::of(storage, &name);
        let fresh = || Known { version: version.clone(), state: AuthorityState::new(directory) };
        let is_new = !all.contains_key(&key);
        let known = all.entry(key).or_insert_with(fresh);
        if is_new || known.version != version {
            // Unreadable memory is none, or what it was before.
            let kept = storage.memory(&name).ok().flatten();
            if let Some(state) = kept.and_then(|text| AuthorityState::from_json(&text, now).ok()) {
                known.state = state;
            }
            known.version = version;
        }
        look(&mut known.state)
    }

    /// Changes one and remembers it, while no other process does.
    pub(super) fn change(
        &self,
        directory: &str,
        storage: &Storage,
        now: UnixTime,
        change: impl FnOnce(&mut AuthorityState),
    ) -> Result<(), IssueError> {
        let name = memory_name(directory);
        // Where there can be no lock there can be no writing either, which is told below.
        let _lock = lock(storage, &name);
        let text = self.with(directory, storage, now, |state| {
            change(state);
            state.to_json()
        });
        storage.remember(&name, &text)?;
        let version = Version::of(storage, &name);
        let key = (directory.to_owned(), storage.folder().to_owned());
        self.states.borrow_mut().entry(key).and_modify(|known| known.version = version);
        Ok(())
    }
}

fn memory_name(directory: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let name: String = directory.trim_start_matches("https://").chars().map(plain).collect();
    format!("authority-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renew::{NewOrder, OrderKind};
    use std::fs;

    const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn left(authorities: &Authorities, storage: &Storage, order: NewOrder<'_>) -> u32 {
        let levels = |state: &mut AuthorityState| state.buckets.levels(order, NOW);
        let levels = authorities.with(DIRECTORY, storage, NOW, levels);
        levels.iter().map(|(_, _, left, _)| *left).min().unwrap()
    }

    #[test]
    fn what_two_processes_write_adds_up() {
        let folder = std::env::temp_dir().join(format!("lockgate-authorities-{}", std::process::id()));
        let storage = Storage::new(&folder);
        let (scheduler, command) = (Authorities::default(), Authorities::default());
        let names = ["a.example".to_owned()];
        let order = NewOrder { account: "a", names: &names, kind: OrderKind::New };
        let take = |authorities: &Authorities| {
            let take = |state: &mut AuthorityState| state.buckets.take_certificate(order, NOW);
            authorities.change(DIRECTORY, &storage, NOW, take).unwrap();
        };
        assert_eq!((left(&scheduler, &storage, order), left(&command, &storage, order)), (5, 5));
        take(&scheduler);
        take(&command);
        take(&scheduler);
        assert_eq!((left(&scheduler, &storage, order), left(&command, &storage, order)), (2, 2));
        // What cannot be read or written any more is remembered in memory.
        let file = folder.join("lockgate").join(format!("{}.json", memory_name(DIRECTORY)));
        fs::write(&file, "{").unwrap();
        assert_eq!(left(&scheduler, &storage, order), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
