//! The pid file of `-p` and `pidfile`: one line, the number of the process that serves. It is written beside its place
//! while it can still be told that it cannot be, and takes its place once there is something to name.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A pid file that is written, and not in its place yet. Dropped before that it goes, and the old one stays.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    beside: PathBuf,
}

impl Pidfile {
    /// Writes this process' number beside `path`. What stands there already is left alone.
    pub fn prepare(path: &Path) -> io::Result<Pidfile> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let pid = std::process::id();
        let beside = PathBuf::from(format!("{}.{pid}", path.display()));
        let prepared = Pidfile { path: path.to_owned(), beside };
        create(&prepared.beside, pid)?;
        Ok(prepared)
    }

    /// Puts it into its place. An old file is replaced, not followed: should it be a link into somebody else's folder,
    /// the link goes and its target stays.
    pub fn publish(self) -> io::Result<()> {
        std::fs::rename(&self.beside, &self.path)
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // Where it was published, or could not be written, it is not there.
        let _ = std::fs::remove_file(&self.beside);
    }
}

fn create(path: &Path, pid: u32) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    writeln!(file, "{pid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("lockgate-ops-{}.{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        std::fs::read_dir(folder).unwrap().flatten().map(|e| e.file_name()).collect()
    }

    #[test]
    fn the_number_replaces_what_was_there_once_it_is_published() {
        let folder = folder("published");
        let path = folder.join("x.pid");
        std::fs::write(&path, "1\n2\n3\n").unwrap();
        drop(Pidfile::prepare(&path).unwrap());
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "1\n2\n3\n",
            "a start that fails changes nothing"
        );
        Pidfile::prepare(&path).unwrap().publish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(names(&folder), ["x.pid"], "nothing else is left behind");
        std::fs::remove_dir_all(folder).unwrap();
        assert!(Pidfile::prepare(Path::new("/nonexistent/x.pid")).is_err());
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let folder = folder("kept");
        std::fs::create_dir_all(folder.join("x.pid")).unwrap();
        assert!(Pidfile::prepare(&folder.join("x.pid")).is_err());
        assert_eq!(names(&folder), ["x.pid"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
