//! Certbot's folder: accounts, certificates with all their versions, and how each is renewed. Certbot, Postfix or a
//! backup script may go on using it while we do. It knows files and their shapes; it speaks to no authority and decides
//! nothing about renewal.
//!
//! Readers take no lock. Whoever writes holds [`Tree::lock`], and for one certificate [`Tree::lock_lineage`] too.

mod account;
mod disk;
mod document;
mod lineage;
mod lock;
mod readme;
mod renewal;

pub use account::{Account, AccountKey};
pub use document::{Document, Mistake, Value};
pub use lineage::{Kind, Lineage};
pub use lock::Lock;
pub use renewal::Renewal;

use std::fmt;
use std::path::{Path, PathBuf};

/// The folders of one installation. None needs to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Accounts, certificates and how they are renewed; `/etc/letsencrypt`.
    pub config_dir: PathBuf,
    /// Scratch; `/var/lib/letsencrypt`.
    pub work_dir: PathBuf,
    /// Logs; `/var/log/letsencrypt`.
    pub logs_dir: PathBuf,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree {
            config_dir: "/etc/letsencrypt".into(),
            work_dir: "/var/lib/letsencrypt".into(),
            logs_dir: "/var/log/letsencrypt".into(),
        }
    }
}

impl Tree {
    /// A tree of which only the config folder is used.
    pub fn at(config_dir: impl Into<PathBuf>) -> Tree {
        let config_dir = config_dir.into();
        Tree { work_dir: config_dir.clone(), logs_dir: config_dir.clone(), config_dir }
    }

    /// Names of all certificates, sorted. No file is opened.
    pub fn lineages(&self) -> Result<Vec<String>, TreeError> {
        let names = disk::names(&self.renewal())?;
        let conf = |name: String| name.strip_suffix(".conf").map(ToOwned::to_owned);
        Ok(names.into_iter().filter(|name| !name.starts_with('.')).filter_map(conf).collect())
    }

    /// One certificate, with nothing read but what is its own.
    pub fn lineage(&self, name: &str) -> Result<Lineage, TreeError> {
        Lineage::load(self, name)
    }

    /// Whether there is a certificate of this name, be it readable or not.
    pub fn has(&self, name: &str) -> bool {
        check_name(name).is_ok() && self.conf(name).exists()
    }

    /// A first certificate under a new name. What an interrupted creation or deletion left behind is built upon.
    pub fn create(
        &self,
        name: &str,
        bundle: &crate::Bundle,
        renewal: &Renewal,
    ) -> Result<Lineage, TreeError> {
        Lineage::create(self, name, bundle, renewal)
    }

    /// A certificate of which parts are gone, to be saved to: what is missing of its folders is there again, and its next
    /// version will be whole. A conf that names other folders than its own is left to whoever wrote it.
    pub fn remains(&self, name: &str) -> Result<Lineage, TreeError> {
        Lineage::remains(self, name)
    }

    /// A name that is free: `wanted`, or `wanted-0001`, `wanted-0002`, ...
    pub fn free_name(&self, wanted: &str) -> String {
        let numbered = (1..10_000).map(|n| format!("{wanted}-{n:04}"));
        std::iter::once(wanted.to_owned())
            .chain(numbered)
            .find(|name| !self.conf(name).exists())
            .unwrap_or_else(|| wanted.to_owned())
    }

    /// Removes a certificate with all its versions, also one of which only parts are left.
    pub fn delete(&self, name: &str) -> Result<(), TreeError> {
        lineage::delete(self, name)
    }

    /// Has the links of a certificate that were changed by hand, or whose archive folder was moved, lead to a version of it
    /// again. Whether there was something to do.
    pub fn relink(&self, name: &str) -> Result<bool, TreeError> {
        Lineage::relink(self, name)
    }

    /// Mends a certificate whose links somebody was stopped at changing. Costs two reads of links where all is well.
    pub fn mend(&self, name: &str) -> Result<bool, TreeError> {
        if Lineage::is_in_step(self, name) {
            return Ok(false);
        }
        let _lock = self.lock_lineage(name)?;
        self.relink(name)
    }

    /// Makes the folders that every tree has.
    pub fn lay_out(&self) -> Result<(), TreeError> {
        self.make_folders()?;
        for folder in ["pre", "deploy", "post"] {
            disk::folder(&self.hooks(folder), disk::OPEN)?;
        }
        Ok(())
    }

    fn make_folders(&self) -> Result<(), TreeError> {
        disk::folder(&self.config_dir, disk::OPEN)?;
        disk::folder(&self.work_dir, disk::OPEN)?;
        disk::folder(&self.logs_dir, disk::CLOSED)
    }

    /// The folder with programs of one kind: `pre`, `deploy` or `post`.
    pub fn hooks(&self, kind: &str) -> PathBuf {
        self.config_dir.join("renewal-hooks").join(kind)
    }

    /// The programs in such a folder that may be run, sorted by name. Editors' copies (`…~`) are none.
    pub fn folder_hooks(&self, kind: &str) -> Result<Vec<PathBuf>, TreeError> {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.hooks(kind);
        let runs = |path: &PathBuf| {
            path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        let names = disk::names(&folder)?;
        let paths = names.into_iter().filter(|name| !name.ends_with('~')).map(|name| folder.join(name));
        Ok(paths.filter(runs).collect())
    }

    fn renewal(&self) -> PathBuf {
        self.config_dir.join("renewal")
    }

    /// The file that tells how a certificate is renewed.
    pub fn conf(&self, name: &str) -> PathBuf {
        self.renewal().join(format!("{name}.conf"))
    }

    /// The folder with links to the newest version of a certificate.
    pub fn live(&self, name: &str) -> PathBuf {
        self.config_dir.join("live").join(name)
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.config_dir.join("archive").join(name)
    }
}

/// Whether a certificate can be called so: a name becomes a file's and a folder's.
pub fn check_name(name: &str) -> Result<(), TreeError> {
    let odd = name.is_empty()
        || name.starts_with('.')
        || name.len() > 200
        || name.chars().any(|c| c == '/' || c.is_control());
    if odd { Err(TreeError::BadName { name: name.to_owned() }) } else { Ok(()) }
}

/// What is wrong with a tree: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeError {
    /// A file or folder cannot be used.
    Io {
        /// What was to be done with it.
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// Somebody else is at work.
    Locked {
        /// What they hold.
        lock: PathBuf,
    },
    /// A name that cannot be a certificate's.
    BadName {
        /// The name.
        name: String,
    },
    /// There is no certificate of that name.
    Missing {
        /// The name.
        name: String,
        /// The file that would tell how it is renewed.
        conf: PathBuf,
    },
    /// There is one of that name already.
    Exists {
        /// The name.
        name: String,
    },
    /// A file that tells how a certificate is renewed has a mistake.
    Conf {
        /// The file.
        conf: PathBuf,
        /// Line, from one; 0 where it is the file as a whole.
        line: usize,
        /// What is wrong, and the remedy.
        why: String,
    },
    /// Parts of a certificate are not there, or not what they should be.
    Broken {
        /// Its name.
        name: String,
        /// The part.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An account cannot be read.
    Account {
        /// Its file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| path.display().to_string();
        match self {
            TreeError::Io { doing, path, why } => write!(f, "cannot {doing} {}: {why}", shown(path)),
            TreeError::Locked { lock } => write!(
                f,
                "another process is at work in this folder ({} is locked); try again when it is done",
                shown(lock)
            ),
            TreeError::BadName { name } => {
                write!(
                    f,
                    "'{}' cannot be a certificate's name: it must be a file's name",
                    name.escape_debug()
                )
            }
            TreeError::Missing { name, conf } => {
                write!(f, "No certificate found with name {name} (expected {}).", shown(conf))
            }
            TreeError::Exists { name } => write!(f, "there is a certificate with name {name} already"),
            TreeError::Conf { conf, line: 0, why } => write!(f, "{}: {why}", shown(conf)),
            TreeError::Conf { conf, line, why } => write!(f, "{}:{line}: {why}", shown(conf)),
            TreeError::Broken { name, path, why } => write!(
                f,
                "{}: {why}; restore it from a backup, or delete the certificate (delete --cert-name {name}) and \
                 obtain it again",
                shown(path)
            ),
            TreeError::Account { file, why } => {
                write!(f, "{}: {why}; move its folder away to register a new account", shown(file))
            }
        }
    }
}

impl std::error::Error for TreeError {}

#[cfg(test)]
mod tests;
