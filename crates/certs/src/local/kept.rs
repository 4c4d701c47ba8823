//! The local authority's place on disk: made once, then always the same, also when two processes come at once.

use super::{Authority, LocalError};
use crate::acme::IssueError;
use crate::private_file::write_private;
use base::reason;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What people see in their trust stores.
const NAME: &str = "Lockgate local authority";

/// The root's certificate in the authority's folder.
pub fn root_file(folder: &Path) -> PathBuf {
    folder.join("root.pem")
}

/// Takes up the authority kept in `folder`, or makes one there. Its key is readable by its owner alone. One that cannot
/// be read is not replaced: others trust it.
pub fn open(folder: &Path, now: SystemTime) -> Result<Authority, IssueError> {
    let (root, key) = (root_file(folder), folder.join("root.key"));
    let bad =
        |file: &Path, why: &dyn Display| IssueError::Storage { file: file.to_owned(), why: reason(why) };
    let _lock = lock(folder).map_err(|why| bad(folder, &why))?;
    let texts = (read(&root).map_err(|why| bad(&root, &why))?, read(&key).map_err(|why| bad(&key, &why))?);
    let unusable = |why: LocalError| bad(&root, &why);
    match texts {
        (Some(root), Some(key)) => Authority::from_pem(&root, &key).map_err(unusable),
        (Some(_), None) => {
            Err(bad(&key, &"the key is missing; with the root removed too, both are made anew"))
        }
        // Without its root, a key was never used: the root is written last.
        (None, Some(_) | None) => {
            let authority = Authority::create(NAME, now).map_err(unusable)?;
            write_private(&key, &authority.root_key_pem())?;
            write_private(&root, authority.root_pem())?;
            fs::set_permissions(&root, Permissions::from_mode(0o644)).map_err(|why| bad(&root, &why))?;
            Ok(authority)
        }
    }
}

/// Released on drop.
fn lock(folder: &Path) -> io::Result<File> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock)?;
    file.lock()?;
    Ok(file)
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_however_many_come() {
        let folder = std::env::temp_dir().join(format!("lockgate-kept-{}", std::process::id()));
        let open_one = || open(&folder, SystemTime::now()).unwrap().root_pem().to_owned();
        let roots: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open_one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(roots.iter().all(|root| *root == roots[0]));
        assert_eq!(fs::metadata(folder.join("root.key")).unwrap().permissions().mode() & 0o777, 0o600);

        fs::remove_file(folder.join("root.key")).unwrap();
        let error = open(&folder, SystemTime::now()).unwrap_err().to_string();
        assert!(error.contains("root.key") && error.contains("the key is missing"), "{error}");
        fs::write(root_file(&folder), "torn").unwrap();
        fs::write(folder.join("root.key"), "torn").unwrap();
        assert!(open(&folder, SystemTime::now()).is_err(), "never replaced");
        fs::remove_dir_all(folder).unwrap();
    }
}
