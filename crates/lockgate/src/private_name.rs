//! Where the local authority lives that signs names of ones own.

use base::reason;
use certs::local::kept;
use certs::{Authority, Leaf, Purpose};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A folder that holds an authority and the certificates it signed.
pub(crate) struct Household {
    folder: PathBuf,
    authority: Authority,
}

impl Household {
    /// Opens the authority kept in `folder`, or makes one there. Keys are readable by their owner alone.
    pub(crate) fn open(folder: &Path) -> Result<Household, String> {
        let authority = kept::open(folder, SystemTime::now())
            .map_err(|e| format!("the local authority cannot be used: {e}"))?;
        Ok(Household { folder: folder.to_owned(), authority })
    }

    /// The authority's certificate, to trust.
    pub(crate) fn root(&self) -> PathBuf {
        kept::root_file(&self.folder)
    }

    /// Signs a certificate for these names and writes it with its key; returns the file.
    pub(crate) fn issue(&self, names: &[&str]) -> Result<PathBuf, String> {
        let first = names.first().copied().unwrap_or("localhost");
        let leaf: Leaf = self
            .authority
            .issue(names, Purpose::Server, SystemTime::now())
            .map_err(|e| format!("no certificate for {first}: {e}"))?;
        let file = self.folder.join(format!("{}.pem", first.replace(['/', ':', '*'], "_")));
        write_private(&file, &leaf.bundle())
            .map_err(|e| format!("{} cannot be written: {}", file.display(), reason(&e)))?;
        Ok(file)
    }
}

/// A new file of mode 0600 that replaces the old one in one step.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}

/// Where the authority of this user lives.
pub(crate) fn home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("/var/lib"))
        .join("lockgate/ca")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_made_once_and_its_keys_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("lockgate-ca-{}", std::process::id()));
        let first = Household::open(&folder).unwrap();
        let root = fs::read(first.root()).unwrap();
        let leaf = first.issue(&["a.internal"]).unwrap();
        for file in [leaf, folder.join("root.key")] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        Household::open(&folder).unwrap();
        assert_eq!(fs::read(folder.join("root.pem")).unwrap(), root);
        fs::remove_dir_all(folder).unwrap();
    }
}
