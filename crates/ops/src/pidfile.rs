//! The pid file of `-p` and `pidfile`: one line, the number of the process that serves.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes this process' number to `path`. An old file is replaced, not followed: should it be a link into somebody
/// else's folder, the link goes and its target stays.
pub fn write(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    writeln!(file, "{}", std::process::id())
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
        std::fs::remove_file(path).unwrap();
        assert!(write(Path::new("/nonexistent/x.pid")).is_err());
    }
}
