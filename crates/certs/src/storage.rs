//! Where accounts and certificates are kept: what `issue` needs of the disk and nothing more. Every write is a new file,
//! synced and renamed; what holds a key is created with mode 0600.

use crate::acme::IssueError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A certificate with its key and the certificates of its issuers, in PEM. `Debug` leaves the key out.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The private key, PKCS#8.
    pub key_pem: String,
    /// The certificate itself.
    pub cert_pem: String,
    /// Its issuers, nearest first; may be empty.
    pub chain_pem: String,
}

impl Bundle {
    /// All of it in one text, as `crt FILE` reads it.
    pub fn whole(&self) -> String {
        format!("{}{}{}", self.cert_pem, self.chain_pem, self.key_pem)
    }

    /// Certificate and issuers.
    pub fn fullchain(&self) -> String {
        format!("{}{}", self.cert_pem, self.chain_pem)
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// The folder in which all is kept.
#[derive(Clone, Debug)]
pub struct Storage {
    folder: PathBuf,
}

/// Held while one certificate is worked on; released on drop.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Storage {
    /// A storage in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Storage {
        Storage { folder: folder.into() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with a lineage's certificate and issuers; its key is `privkey.pem` beside it.
    pub fn fullchain(&self, name: &str) -> PathBuf {
        self.live(name).join("fullchain.pem")
    }

    fn live(&self, name: &str) -> PathBuf {
        self.folder.join("live").join(name)
    }

    /// The file with our account at a directory.
    pub fn account_file(&self, url: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let name: String = url.trim_start_matches("https://").chars().map(plain).collect();
        self.folder.join("lockgate").join("accounts").join(format!("{name}.json"))
    }

    /// Our account at a directory, as it was saved.
    pub fn account(&self, url: &str) -> Result<Option<String>, IssueError> {
        read(&self.account_file(url))
    }

    /// Keeps our account at a directory.
    pub fn save_account(&self, url: &str, text: &str) -> Result<(), IssueError> {
        write_private(&self.account_file(url), text)
    }

    /// A text that is remembered over restarts, by its name.
    pub fn memory(&self, name: &str) -> Result<Option<String>, IssueError> {
        read(&self.memory_file(name))
    }

    /// Remembers a text.
    pub fn remember(&self, name: &str, text: &str) -> Result<(), IssueError> {
        write_private(&self.memory_file(name), text)
    }

    fn memory_file(&self, name: &str) -> PathBuf {
        self.folder.join("lockgate").join(format!("{name}.json"))
    }

    /// The certificate that a lineage holds.
    pub fn bundle(&self, name: &str) -> Result<Option<Bundle>, IssueError> {
        let live = self.live(name);
        let (key, chain) = (read(&live.join("privkey.pem"))?, read(&live.join("fullchain.pem"))?);
        Ok(match (key, chain) {
            (Some(key_pem), Some(full)) => {
                let (cert_pem, chain_pem) = split(&full);
                Some(Bundle { key_pem, cert_pem, chain_pem })
            }
            (Some(_) | None, Some(_) | None) => None,
        })
    }

    /// Keeps a lineage's new certificate.
    pub fn save(&self, name: &str, bundle: &Bundle) -> Result<(), IssueError> {
        let live = self.live(name);
        write_private(&live.join("privkey.pem"), &bundle.key_pem)?;
        write_private(&live.join("cert.pem"), &bundle.cert_pem)?;
        write_private(&live.join("chain.pem"), &bundle.chain_pem)?;
        write_private(&live.join("fullchain.pem"), &bundle.fullchain())
    }

    /// Locks a lineage against other processes; fails where one holds it.
    pub fn lock(&self, name: &str) -> Result<Lock, IssueError> {
        let path = self.folder.join("lockgate").join(format!("{name}.lock"));
        let bad = |why: io::Error| IssueError::Storage { file: path.clone(), why: why.to_string() };
        make_parent(&path).map_err(bad)?;
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = open.map_err(bad)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(IssueError::Busy { lock: path }),
            Err(fs::TryLockError::Error(why)) => Err(bad(why)),
        }
    }
}

/// The first certificate of a chain, and the others.
pub(crate) fn split(full: &str) -> (String, String) {
    const END: &str = "-----END CERTIFICATE-----";
    let at = full.find(END).map_or(full.len(), |at| at + END.len());
    let (cert, chain) = full.split_at(at);
    let chain = chain.trim_start();
    (
        format!("{}\n", cert.trim()),
        if chain.is_empty() { String::new() } else { format!("{}\n", chain.trim_end()) },
    )
}

fn read(path: &Path) -> Result<Option<String>, IssueError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(IssueError::Storage { file: path.to_owned(), why: why.to_string() }),
    }
}

fn make_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)
}

/// Replaces a file in one step by one that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), IssueError> {
    let write = || -> io::Result<()> {
        make_parent(path)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let new = path.with_file_name(name);
        // One of an earlier life under the same number.
        match fs::remove_file(&new) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|why| IssueError::Storage { file: path.to_owned(), why: why.to_string() })
}
