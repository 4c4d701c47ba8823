//! Changes in folders as the system tells them (inotify(7)), so that files need not be looked at over and over.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::statfs;
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a look reads at a time: some hundred events.
const BUFFER: usize = 16 * 1024;
/// Events of a look; where more have come, all may have changed. They wait in the kernel, which bounds them itself.
const MAX_EVENTS: usize = 65_536;
/// File systems that others change without the system hearing of it: NFS, SMB (three), FUSE, 9P, Ceph, AFS, Coda.
const REMOTE: [u32; 9] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x7375_7245,
];

/// Folders that are watched.
#[derive(Debug)]
pub struct Changes {
    inotify: OwnedFd,
    /// By the system's numbers: several paths may lead to one folder.
    folders: HashMap<i32, Vec<PathBuf>>,
    numbers: HashMap<PathBuf, i32>,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file or folder of this name, in this folder, has come, gone, or been written.
    Of(PathBuf, OsString),
    /// The folder itself has gone or moved; it is not watched any more.
    Gone(PathBuf),
    /// So much that not all of it is known.
    Much,
}

impl Changes {
    /// Watches nothing yet. Fails where the system allows no more of them.
    pub fn new() -> io::Result<Changes> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Changes { inotify, folders: HashMap::new(), numbers: HashMap::new() })
    }

    /// Watches a folder and what is in it, also one that is watched already. Fails where there is none, where the system
    /// allows no more, and on file systems that others change.
    pub fn watch(&mut self, folder: &Path) -> io::Result<()> {
        self.add(folder, WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB)
    }

    /// Watches only what comes into a folder and goes, not what is written there.
    pub fn watch_names(&mut self, folder: &Path) -> io::Result<()> {
        self.add(folder, WatchFlags::empty())
    }

    fn add(&mut self, folder: &Path, more: WatchFlags) -> io::Result<()> {
        // The kernel's type of the field differs between machines; the numbers have 32 bits.
        let kind = statfs(folder)?.f_type as u32;
        if REMOTE.contains(&kind) {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE | WatchFlags::MOVE_SELF;
        let how = WatchFlags::MASK_ADD | WatchFlags::ONLYDIR;
        let number = inotify::add_watch(&self.inotify, folder, names | more | how)?;
        if self.numbers.get(folder) == Some(&number) {
            return Ok(());
        }
        // The path led elsewhere before.
        self.leave(folder);
        self.numbers.insert(folder.to_owned(), number);
        self.folders.entry(number).or_default().push(folder.to_owned());
        Ok(())
    }

    fn leave(&mut self, folder: &Path) {
        let Some(number) = self.numbers.remove(folder) else { return };
        let Some(paths) = self.folders.get_mut(&number) else { return };
        paths.retain(|path| path != folder);
        if paths.is_empty() {
            self.folders.remove(&number);
            // It may be gone, and its watch with it.
            let _ = inotify::remove_watch(&self.inotify, number);
        }
    }

    /// What has happened since the last call, as far as it is known.
    pub fn take(&mut self) -> Vec<Change> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut changes = Vec::new();
        let mut gone = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                // Nothing waits.
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    changes.push(Change::Much);
                    break;
                }
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) || changes.len() >= MAX_EVENTS {
                changes.push(Change::Much);
                continue;
            }
            let paths = self.folders.get(&event.wd()).into_iter().flatten();
            if event.events().intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF) {
                gone.extend(paths.cloned());
            } else if let Some(name) = event.file_name() {
                let name = OsStr::from_bytes(name.to_bytes());
                changes.extend(paths.map(|folder| Change::Of(folder.clone(), name.to_owned())));
            }
        }
        changes.dedup();
        gone.iter().for_each(|folder| self.leave(folder));
        changes.extend(gone.into_iter().map(Change::Gone));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("lockgate-changes-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_moved_and_removed_is_told() {
        let folder = Folder::new("told");
        let mut changes = Changes::new().unwrap();
        changes.watch(&folder.0).unwrap();
        assert_eq!(changes.take(), []);
        let of = |name: &str| Change::Of(folder.0.clone(), name.into());
        fs::write(folder.0.join("a"), "x").unwrap();
        assert_eq!(changes.take(), [of("a")]);
        fs::rename(folder.0.join("a"), folder.0.join("b")).unwrap();
        assert_eq!(changes.take(), [of("a"), of("b")]);
        std::os::unix::fs::symlink("x", folder.0.join("link")).unwrap();
        fs::remove_file(folder.0.join("b")).unwrap();
        assert_eq!(changes.take(), [of("link"), of("b")]);
        assert_eq!(changes.take(), []);
    }

    #[test]
    fn a_folder_that_goes_is_told_and_can_be_watched_again() {
        let (folder, moved) = (Folder::new("goes"), Folder::new("gone"));
        let mut changes = Changes::new().unwrap();
        changes.watch(&folder.0).unwrap();
        fs::remove_dir(&folder.0).unwrap();
        assert_eq!(changes.take(), [Change::Gone(folder.0.clone())]);
        assert!(changes.watch(&folder.0).is_err());
        fs::create_dir(&folder.0).unwrap();
        changes.watch(&folder.0).unwrap();
        fs::write(folder.0.join("a"), "x").unwrap();
        assert_eq!(changes.take(), [Change::Of(folder.0.clone(), "a".into())]);
        fs::rename(&folder.0, moved.0.join("there")).unwrap();
        assert_eq!(changes.take(), [Change::Gone(folder.0.clone())]);
        assert_eq!(changes.take(), []);
    }
}
