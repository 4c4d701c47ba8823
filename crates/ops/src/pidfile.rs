//! The pid file of `-p` and `pidfile`: one line, the number of the process that serves.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes this process' number to `path`. An old file is replaced, not followed: should it be a link into somebody
/// else's folder, the link goes and its target stays. Where that fails, on a full disk for one, the old file stays.
pub fn write(path: &Path) -> io::Result<()> {
    let pid = std::process::id();
    let new = PathBuf::from(format!("{}.{pid}", path.display()));
    let written = create(&new, pid).and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // It may not even be there; what is told is why it could not be written.
        let _ = std::fs::remove_file(&new);
    }
    written
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

    #[test]
    fn the_number_replaces_what_was_there() {
        let path = std::env::temp_dir().join(format!("lockgate-ops-{}.pid", std::process::id()));
        std::fs::write(&path, "1\n2\n3\n").unwrap();
        write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let beside = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        let left = beside.filter(|e| e.file_name().to_str().is_some_and(|n| n.starts_with(&name)));
        assert_eq!(left.count(), 1, "nothing else is left behind");
        std::fs::remove_file(path).unwrap();
        assert!(write(Path::new("/nonexistent/x.pid")).is_err());
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let folder = std::env::temp_dir().join(format!("lockgate-ops-{}.folder", std::process::id()));
        std::fs::create_dir_all(folder.join("x.pid/within")).unwrap();
        assert!(write(&folder.join("x.pid")).is_err());
        let names = std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["x.pid"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
