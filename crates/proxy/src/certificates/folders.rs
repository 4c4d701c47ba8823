//! Which folders have changed: those that certificates lie in are watched, with the folders that links in them lead to and
//! those above them. Where the system cannot watch one, it counts as changed each time.

use net::changes::{Change, Changes};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Links to links are followed so far.
const MAX_LINKS: usize = 4;

/// See the module's head.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// `None` where the system watches nothing.
    changes: Option<Changes>,
    /// The folders that are cared about.
    wanted: HashSet<PathBuf>,
    /// Of those watched: in which of the wanted folders something is another when something here is.
    inside: HashMap<PathBuf, HashSet<PathBuf>>,
    /// Of those watched: the names in them that lead to wanted folders.
    above: HashMap<PathBuf, HashSet<OsString>>,
    /// Wanted, but not to be watched.
    unwatched: HashSet<PathBuf>,
}

/// Where something has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Anywhere.
    pub all: bool,
    /// In these of the wanted folders.
    pub folders: HashSet<PathBuf>,
}

impl Changed {
    pub(super) fn is_nothing(&self) -> bool {
        !self.all && self.folders.is_empty()
    }

    pub(super) fn join(&mut self, other: Changed) {
        self.all |= other.all;
        self.folders.extend(other.folders);
    }
}

impl Folders {
    pub(super) fn new() -> Folders {
        Folders { changes: Changes::new().ok(), ..Folders::default() }
    }

    /// Cares about these from now on, and looks again at what is in those that have changed. Returns those that nobody has
    /// watched before: what happened in them until now was not told.
    pub(super) fn want(&mut self, wanted: HashSet<PathBuf>, changed: &Changed) -> HashSet<PathBuf> {
        let mut seen = HashSet::new();
        for folder in &wanted {
            if changed.all || changed.folders.contains(folder) || !self.wanted.contains(folder) {
                self.watch(folder, &mut seen);
            }
        }
        self.unwatched.retain(|folder| wanted.contains(folder));
        let new = wanted.difference(&self.wanted).cloned().collect();
        self.wanted = wanted;
        new
    }

    /// What has changed since the last call.
    pub(super) fn changed(&mut self) -> Changed {
        let mut changed = Changed::default();
        for change in self.changes.as_mut().map(Changes::take).unwrap_or_default() {
            match change {
                Change::Much => changed.all = true,
                Change::Gone(folder) => {
                    let inside = self.inside.remove(&folder).unwrap_or_default();
                    changed.all |= self.above.remove(&folder).is_some();
                    changed.folders.extend(inside);
                }
                Change::Of(folder, name) => {
                    changed.folders.extend(self.inside.get(&folder).into_iter().flatten().cloned());
                    if self.above.get(&folder).is_some_and(|names| names.contains(&name)) {
                        let child = folder.join(name);
                        changed.all |= !self.wanted.contains(&child);
                        changed.folders.insert(child);
                    }
                }
            }
        }
        changed
    }

    /// Those that have to be looked at as nobody tells of changes in them.
    pub(super) fn unwatched(&self) -> &HashSet<PathBuf> {
        &self.unwatched
    }

    /// Folders above several are asked for once: they are in `seen` then.
    fn watch(&mut self, folder: &Path, seen: &mut HashSet<PathBuf>) {
        self.unwatched.remove(folder);
        let Some(changes) = &mut self.changes else {
            self.unwatched.insert(folder.to_owned());
            return;
        };
        for (child, parent) in folder.ancestors().zip(folder.ancestors().skip(1)) {
            let Some(name) = child.file_name() else { continue };
            self.above.entry(parent.to_owned()).or_default().insert(name.to_owned());
            // One that is not there yet is told of by the one above it.
            let is_first = seen.insert(parent.to_owned());
            if is_first && parent.exists() && changes.watch_names(parent).is_err() {
                self.unwatched.insert(folder.to_owned());
            }
        }
        for inner in [folder.to_owned()].into_iter().chain(led_to(folder)) {
            self.inside.entry(inner.clone()).or_default().insert(folder.to_owned());
            if inner.exists() && changes.watch(&inner).is_err() {
                self.unwatched.insert(folder.to_owned());
            }
        }
    }
}

/// The folders that links in a folder lead to.
fn led_to(folder: &Path) -> HashSet<PathBuf> {
    let mut found = HashSet::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink())) {
        let mut path = entry.path();
        for _ in 0..MAX_LINKS {
            let Ok(target) = std::fs::read_link(&path) else { break };
            path = path.parent().unwrap_or(Path::new("/")).join(target);
            found.extend(path.parent().map(Path::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("lockgate-folders-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Place(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn wanting(folders: &[&PathBuf]) -> Folders {
        let mut all = Folders::new();
        all.want(folders.iter().map(|folder| (*folder).clone()).collect(), &Changed::default());
        assert_eq!(all.changed(), Changed::default());
        all
    }

    fn only(folder: &Path) -> Changed {
        Changed { all: false, folders: HashSet::from([folder.to_owned()]) }
    }

    #[test]
    fn only_the_folder_of_what_changed_is_told() {
        let place = Place::new("one");
        let [a, b] = ["a", "b"].map(|name| place.0.join(name));
        [&a, &b].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let mut folders = wanting(&[&a, &b]);
        fs::write(b.join("x.pem"), "x").unwrap();
        assert_eq!(folders.changed(), only(&b));
        assert!(folders.changed().is_nothing());
        assert!(folders.unwatched().is_empty());
    }

    #[test]
    fn what_links_lead_to_counts_for_the_folder_of_the_links() {
        let place = Place::new("links");
        let (live, archive) = (place.0.join("live/x"), place.0.join("archive/x"));
        fs::create_dir_all(&archive).unwrap();
        fs::create_dir_all(&live).unwrap();
        fs::write(archive.join("cert1.pem"), "1").unwrap();
        symlink("../../archive/x/cert1.pem", live.join("cert.pem")).unwrap();
        let mut folders = wanting(&[&live]);
        fs::write(archive.join("cert1.pem"), "2").unwrap();
        assert_eq!(folders.changed(), only(&live));
        // A link that is made anew is told of as well, and where it leads then.
        let other = place.0.join("other");
        fs::create_dir(&other).unwrap();
        symlink("../../other/cert.pem", live.join("new")).unwrap();
        fs::rename(live.join("new"), live.join("cert.pem")).unwrap();
        let changed = folders.changed();
        assert_eq!(changed, only(&live));
        folders.want(HashSet::from([live.clone()]), &changed);
        fs::write(other.join("cert.pem"), "3").unwrap();
        assert_eq!(folders.changed(), only(&live));
    }

    #[test]
    fn a_folder_that_comes_later_is_told_of() {
        let place = Place::new("later");
        let later = place.0.join("live/x");
        let mut folders = wanting(&[&later]);
        fs::create_dir(place.0.join("live")).unwrap();
        let changed = folders.changed();
        assert!(changed.all);
        folders.want(HashSet::from([later.clone()]), &changed);
        fs::create_dir(&later).unwrap();
        let changed = folders.changed();
        assert_eq!(changed, only(&later));
        folders.want(HashSet::from([later.clone()]), &changed);
        fs::write(later.join("x.pem"), "x").unwrap();
        assert_eq!(folders.changed(), only(&later));
    }

    #[test]
    fn a_folder_that_is_exchanged_is_told_of() {
        let place = Place::new("exchanged");
        let [one, two, current] = ["one", "two", "current"].map(|name| place.0.join(name));
        [&one, &two].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        symlink("one", &current).unwrap();
        let mut folders = wanting(&[&current]);
        symlink("two", place.0.join("next")).unwrap();
        fs::rename(place.0.join("next"), &current).unwrap();
        let changed = folders.changed();
        assert_eq!(changed, only(&current));
        folders.want(HashSet::from([current.clone()]), &changed);
        fs::write(two.join("x.pem"), "x").unwrap();
        assert_eq!(folders.changed(), only(&current));
    }
}
