//! Where the local authority lives that signs names of ones own.

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
        let (root, key) = (folder.join("root.pem"), folder.join("root.key"));
        let at = |path: &Path| format!("the local authority in {}", path.display());
        fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", at(folder)))?;
        let authority = match (fs::read_to_string(&root), fs::read_to_string(&key)) {
            (Ok(root), Ok(key)) => Authority::from_pem(&root, &key),
            (Err(_), _) | (_, Err(_)) => Authority::create("Lockgate local authority", SystemTime::now()),
        };
        let authority = authority.map_err(|e| format!("{} cannot be used: {e}", at(folder)))?;
        if !root.exists() {
            write_private(&key, &authority.root_key_pem()).map_err(|e| format!("{}: {e}", at(&key)))?;
            fs::write(&root, authority.root_pem()).map_err(|e| format!("{}: {e}", at(&root)))?;
        }
        Ok(Household { folder: folder.to_owned(), authority })
    }

    /// The authority's certificate, to trust.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
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
            .map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
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
