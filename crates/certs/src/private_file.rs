//! Files that only their owner may read, replaced in one step. What a killed writer left unfinished is in nobody's way: it
//! lies under a name of its own, hidden from those who read whole folders, and the next writer removes it.

use crate::acme::IssueError;
use base::reason;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// How often an unfinished file is made that another writer removes at the same moment.
const TRIES: usize = 20;

/// Replaces a file in one step by one that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), IssueError> {
    write(path, text).map_err(|why| IssueError::Storage { file: path.to_owned(), why: reason(&why) })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = unfinished(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(why) = written.and_then(|()| fs::rename(&new, path)) {
        // On a full disk the unfinished file is in the way of everybody.
        let _ = fs::remove_file(&new);
        return Err(why);
    }
    File::open(parent)?.sync_all()
}

/// An empty file, locked for as long as it is open: one that can be locked by others was left by a writer that is dead.
fn unfinished(path: &Path) -> io::Result<File> {
    for _ in 0..TRIES {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) if file.try_lock().is_ok() && is_at(&file, path) => return Ok(file),
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => remove_left_over(path)?,
            Err(why) => return Err(why),
        }
    }
    Err(io::Error::other("another process is writing it"))
}

fn remove_left_over(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) if is_at(&file, path) => fs::remove_file(path),
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another process is writing it")),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

/// The file is still the one of that name: another writer may have removed or renamed it since it was opened.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_a_dead_writer_left_is_replaced_and_a_living_one_is_not_disturbed() {
        let folder = std::env::temp_dir().join(format!("lockgate-private-{}", std::process::id()));
        let (file, new) = (folder.join("a.pem"), folder.join(".a.pem.new"));
        write_private(&file, "one").unwrap();
        fs::write(&new, "half a").unwrap();
        write_private(&file, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        let living = unfinished(&new).unwrap();
        let refused = write_private(&file, "three").unwrap_err().to_string();
        assert!(refused.ends_with("a.pem: another process is writing it"), "{refused}");
        drop(living);
        // A program that a neighbouring test starts at this moment has the lock too, until it runs.
        let is_held = || File::open(&new).is_ok_and(|file| file.try_lock().is_err());
        let give_up = Instant::now() + Duration::from_secs(20);
        while is_held() && Instant::now() < give_up {
            std::thread::yield_now();
        }
        write_private(&file, "four").unwrap();
        assert_eq!(
            (fs::read_dir(&folder).unwrap().count(), fs::metadata(&file).unwrap().mode() & 0o777),
            (1, 0o600)
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
