//! Locks against other processes, Certbot's among them: a record lock on `.certbot.lock` in each folder of the tree,
//! whose file is removed when it is released, and one of our own for each certificate. Within one process the tree's
//! lock is shared: record locks belong to processes.

use super::{Tree, TreeError, check_name, disk};
use crate::private_file::is_at;
use base::reason;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const NAME: &str = ".certbot.lock";
/// How often a lock is tried whose file is removed by its former holder at the same moment.
const TRIES: usize = 20;

/// Held while a tree or a certificate is worked on; released on drop.
#[derive(Debug)]
pub struct Lock {
    _tree: Vec<Share>,
    _lineage: Option<File>,
}

/// A share in a lock of this process; the last one releases it.
#[derive(Debug)]
struct Share {
    path: PathBuf,
}

/// What this process holds, and how many shares there are. A lock is a rare thing; none is asked for while a request is
/// served.
static HELD: Mutex<BTreeMap<PathBuf, (usize, File)>> = Mutex::new(BTreeMap::new());

fn held() -> MutexGuard<'static, BTreeMap<PathBuf, (usize, File)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = held();
        let Some((shares, _)) = held.get_mut(&self.path) else { return };
        *shares -= 1;
        if *shares == 0 {
            // Before the lock is let go, so that nobody locks a file that is about to vanish without noticing. If it
            // cannot be removed it stays, and does no harm.
            let _ = fs::remove_file(&self.path);
            held.remove(&self.path);
        }
    }
}

impl Tree {
    /// Locks the tree against other processes; fails at once where one holds it.
    pub fn lock(&self) -> Result<Lock, TreeError> {
        self.make_folders()?;
        let folders = [&self.config_dir, &self.work_dir, &self.logs_dir];
        let shares = folders.into_iter().map(|folder| share(&folder.join(NAME)));
        Ok(Lock { _tree: shares.collect::<Result<_, _>>()?, _lineage: None })
    }

    /// Locks one certificate against other processes and other threads, and the tree.
    pub fn lock_lineage(&self, name: &str) -> Result<Lock, TreeError> {
        check_name(name)?;
        let mut lock = self.lock()?;
        let folder = self.config_dir.join("lockgate");
        disk::folder(&folder, disk::CLOSED)?;
        let path = folder.join(format!("{name}.lock"));
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => lock._lineage = Some(file),
            Err(fs::TryLockError::WouldBlock) => return Err(TreeError::Locked { lock: path }),
            Err(fs::TryLockError::Error(why)) => return Err(failed(&path, &why)),
        }
        Ok(lock)
    }
}

fn share(path: &Path) -> Result<Share, TreeError> {
    let mut held = held();
    // Opening the file again and closing it would release a lock that this process holds.
    if let Some((shares, _)) = held.get_mut(path) {
        *shares += 1;
        return Ok(Share { path: path.to_owned() });
    }
    for _ in 0..TRIES {
        let file = open(path)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                return Err(TreeError::Locked { lock: path.to_owned() });
            }
            Err(why) => return Err(failed(path, &why.into())),
        }
        if is_at(&file, path) {
            held.insert(path.to_owned(), (1, file));
            return Ok(Share { path: path.to_owned() });
        }
    }
    Err(TreeError::Locked { lock: path.to_owned() })
}

fn open(path: &Path) -> Result<File, TreeError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(disk::PRIVATE).open(path);
    file.map_err(|why| failed(path, &why))
}

fn failed(path: &Path, why: &io::Error) -> TreeError {
    TreeError::Io { doing: "lock", path: path.to_owned(), why: reason(why) }
}
