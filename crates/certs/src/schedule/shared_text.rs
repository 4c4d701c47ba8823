//! A remembered text that several processes change in turn: which version of it is there, and a lock for the time between
//! reading and writing it.

use crate::storage::Storage;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, Instant};

/// How long another process may take to change a text, and how often it is looked whether it is done. One that takes longer
/// has stopped, and is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// Tells versions of a text apart: each is a new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(Option<(u64, i64, i64, u64)>);

impl Version {
    /// Of what is there, at the cost of asking for the file's status.
    pub(super) fn of(storage: &Storage, name: &str) -> Version {
        let status = fs::metadata(storage.memory_file(name)).ok();
        Version(status.map(|status| (status.ino(), status.mtime(), status.mtime_nsec(), status.len())))
    }
}

/// Keeps other processes from changing a text until the file is dropped.
pub(super) fn lock(storage: &Storage, name: &str) -> io::Result<File> {
    let path = storage.memory_file(name).with_extension("lock");
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(&path))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let start = Instant::now();
    while file.try_lock().is_err() && start.elapsed() < PATIENCE {
        std::thread::sleep(PAUSE);
    }
    Ok(file)
}
