//! Changes on disk that survive a crash at any instant: a new file is written beside, synced and renamed, and its folder
//! synced. Nothing else in `tree` may write. Tests stop the writer before any of its steps.

use super::TreeError;
use base::reason;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file that may be known to all.
pub(super) const PUBLIC: u32 = 0o644;
/// Who may read a key.
pub(super) const PRIVATE: u32 = 0o600;
/// How the name of a file ends that is not in its place yet; it begins with a dot.
const UNFINISHED: &str = ".new";
/// Folders with keys or certificates in them.
pub(super) const CLOSED: u32 = 0o700;
/// Folders that anybody may look into.
pub(super) const OPEN: u32 = 0o755;

fn failed<T>(doing: &'static str, path: &Path, outcome: io::Result<T>) -> Result<T, TreeError> {
    outcome.map_err(|why| TreeError::Io { doing, path: path.to_owned(), why: reason(&why) })
}

/// The text of a file, at most `most` bytes of it; `None` where there is none.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<String>, TreeError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_string(&mut text));
    match read {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(length) if u64::try_from(length).is_ok_and(|length| length > most) => {
            failed("read", path, Err(io::Error::other(format!("it is longer than {most} bytes"))))
        }
        read => failed("read", path, read).map(|_| Some(text)),
    }
}

/// Makes a folder and those above it; what exists is left as it is.
pub(super) fn folder(path: &Path, mode: u32) -> Result<(), TreeError> {
    if path.is_dir() {
        return Ok(());
    }
    fault::step(path)?;
    failed("create", path, DirBuilder::new().recursive(true).mode(mode).create(path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Puts a file in place, whether there is one or not.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), TreeError> {
    let new = beside(path);
    forget(&new)?;
    let written = prepare(&new, text, mode).and_then(|()| {
        fault::step(path)?;
        failed("replace", path, fs::rename(&new, path))
    });
    if let Err(why) = written {
        // On a full disk the unfinished file is in the way of everybody; that it cannot be removed is no second error.
        let _ = forget(&new);
        return Err(why);
    }
    path.parent().map_or(Ok(()), sync_folder)
}

fn prepare(new: &Path, text: &str, mode: u32) -> Result<(), TreeError> {
    fault::step(new)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(new);
    let mut file = failed("create", new, file)?;
    // The umask may have taken rights away that a file had before.
    failed("set the rights of", new, file.set_permissions(Permissions::from_mode(mode)))?;
    fault::step(new)?;
    failed("write", new, file.write_all(text.as_bytes()))?;
    fault::step(new)?;
    failed("sync", new, file.sync_all())
}

/// Gives a file to a group, as the one before had it.
pub(super) fn give_to(path: &Path, group: u32, mode: u32) -> Result<(), TreeError> {
    fault::step(path)?;
    failed("change the group of", path, std::os::unix::fs::chown(path, None, Some(group)))?;
    failed("set the rights of", path, fs::set_permissions(path, Permissions::from_mode(mode)))
}

/// Makes links in one folder lead to their targets. Each changes in one step, and all of them right after each other, with
/// nothing slow in between: who looks, or is killed, in the middle sees links that do not belong together.
pub(super) fn links(folder: &Path, all: &[(PathBuf, PathBuf)]) -> Result<(), TreeError> {
    for (link, target) in all {
        let new = beside(link);
        forget(&new)?;
        fault::step(&new)?;
        failed("create", &new, std::os::unix::fs::symlink(target, &new))?;
    }
    sync_folder(folder)?;
    for (link, _) in all {
        fault::step(link)?;
        failed("replace", link, fs::rename(beside(link), link))?;
    }
    sync_folder(folder)
}

/// Removes a file or link, if there is one.
pub(super) fn forget(path: &Path) -> Result<(), TreeError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    fault::step(path)?;
    failed("remove", path, fs::remove_file(path))
}

/// Removes what [`write()`] and [`links()`] did not finish in a folder.
pub(super) fn forget_unfinished(folder: &Path) -> Result<(), TreeError> {
    let is_unfinished = |name: &String| name.starts_with('.') && name.ends_with(UNFINISHED);
    names(folder)?.into_iter().filter(is_unfinished).try_for_each(|name| forget(&folder.join(name)))
}

/// Removes a folder with all that is in it, if there is one.
pub(super) fn forget_folder(path: &Path) -> Result<(), TreeError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    fault::step(path)?;
    failed("remove", path, fs::remove_dir_all(path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), TreeError> {
    fault::step(path)?;
    failed("sync", path, File::open(path).and_then(|folder| folder.sync_all()))
}

/// The names in a folder, sorted; none where there is no folder.
pub(super) fn names(path: &Path) -> Result<Vec<String>, TreeError> {
    let listing = match fs::read_dir(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => failed("list", path, listing)?,
    };
    let names: io::Result<Vec<_>> = listing.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let names = failed("list", path, names)?;
    // Names that are no UTF-8 are nobody's that we know.
    let mut names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(UNFINISHED);
    path.with_file_name(name)
}

/// In tests, the writer is stopped before its n-th step and can do nothing any more.
#[cfg(test)]
pub(super) mod fault {
    use super::TreeError;
    use std::cell::Cell;
    use std::path::Path;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Lets `steps` steps pass and no more; `None` lifts it.
    pub(crate) fn allow(steps: Option<u32>) {
        LEFT.set(steps);
    }

    pub(super) fn step(path: &Path) -> Result<(), TreeError> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(TreeError::Io { doing: "reach", path: path.to_owned(), why: "killed".to_owned() }),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

#[cfg(not(test))]
mod fault {
    use super::TreeError;
    use std::path::Path;

    // Only tests have a reason for an error here.
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn step(_path: &Path) -> Result<(), TreeError> {
        Ok(())
    }
}
