//! Authorities and revocation lists that operators bring in while the process runs (management guide 9.3, `set ssl
//! ca-file`, `set ssl crl-file` and friends). Committed ones hold for the next handshake, and as long as the file on
//! disk does not change; a changed file wins.

use crate::store::{CertStore, Stamp, stamp};
use crate::trust;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard};

/// Which kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrustKind {
    /// `ca-file`, `ca-verify-file`
    Authorities,
    /// `crl-file`
    Revocations,
}

/// Held by the bind or server that checks with a file's content: such a file is in use.
pub(crate) type InUse = Arc<()>;

/// The files of both kinds, and what waits to be committed.
#[derive(Default)]
pub(crate) struct TrustFiles {
    files: BTreeMap<(TrustKind, PathBuf), TrustFile>,
    transactions: BTreeMap<TrustKind, (PathBuf, Vec<Vec<u8>>)>,
}

#[derive(Default)]
struct TrustFile {
    ders: Vec<Vec<u8>>,
    /// Brought in while the file on disk stood like this.
    edited: Option<Stamp>,
    /// Counts what was brought in.
    version: u64,
    in_use: InUse,
}

/// One file's content.
#[derive(Clone, Debug)]
pub struct TrustView {
    /// A bind or server checks with it.
    pub used: bool,
    /// Certificates or revocation lists in DER.
    pub ders: Vec<Vec<u8>>,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// No bind or server uses a file of this name, and none was made by `new`.
    Unknown,
    /// `new` of what is there.
    Exists,
    /// `del` of what is not there.
    Missing,
    /// `del` of what is in use.
    InUse,
    /// The payload holds nothing of this kind that can be used.
    Invalid,
    /// Nothing waits to be committed.
    NoTransaction,
    /// This one waits instead.
    Other(String),
}

impl CertStore {
    /// The content of a file: what an operator brought in, or what `read` finds.
    pub(crate) fn trusted(
        &self,
        kind: TrustKind,
        path: &Path,
        read: impl FnOnce() -> Option<Vec<Vec<u8>>>,
    ) -> Option<Vec<Vec<u8>>> {
        let now = stamp(path);
        let key = (kind, path.to_owned());
        if let Some(file) = self.trust().files.get(&key).filter(|file| file.edited == Some(now)) {
            return Some(file.ders.clone());
        }
        let ders = read()?;
        let mut trust = self.trust();
        let file = trust.files.entry(key).or_default();
        (file.ders, file.edited) = (ders.clone(), None);
        Some(ders)
    }

    /// Marks these files as used, for as long as the marks are kept. Those of a bind or server go with it, not with the
    /// connections that began under it.
    pub(crate) fn use_trust(&self, files: impl Iterator<Item = (PathBuf, TrustKind)>) -> Vec<InUse> {
        let trust = self.trust();
        let mark = |(path, kind)| trust.files.get(&(kind, path)).map(|file| Arc::clone(&file.in_use));
        files.filter_map(mark).collect()
    }

    /// Grows with everything brought in for a file.
    pub(crate) fn trust_version(&self, kind: TrustKind, path: &Path) -> u64 {
        self.trust().files.get(&(kind, path.to_owned())).map_or(0, |file| file.version)
    }

    /// Names of all files of a kind, sorted, and how much is in them.
    pub fn trust_files(&self, kind: TrustKind) -> Vec<(String, usize)> {
        let trust = self.trust();
        let files = trust.files.iter().filter(|((of, _), _)| *of == kind);
        files.map(|((_, path), file)| (path.display().to_string(), file.ders.len())).collect()
    }

    /// What waits to be committed.
    pub fn trust_transaction(&self, kind: TrustKind) -> Option<(String, TrustView)> {
        let trust = self.trust();
        let (path, ders) = trust.transactions.get(&kind)?;
        Some((path.display().to_string(), TrustView { used: false, ders: ders.clone() }))
    }

    /// Looks at a file by its name.
    pub fn trust_file(&self, kind: TrustKind, name: &str) -> Option<TrustView> {
        let key = (kind, self.trust_path(name));
        let trust = self.trust();
        trust.files.get(&key).map(|file| TrustView { used: file.is_used(), ders: file.ders.clone() })
    }

    /// Opens a transaction, or puts something else into the open one; `true` where it was opened.
    pub fn set_trust(&self, kind: TrustKind, name: &str, pem: &str) -> Result<bool, TrustError> {
        let path = self.trust_path(name);
        let mut trust = self.trust();
        if let Some((open, _)) = trust.transactions.get(&kind).filter(|(open, _)| *open != path) {
            return Err(TrustError::Other(open.display().to_string()));
        }
        if !trust.files.contains_key(&(kind, path.clone())) {
            return Err(TrustError::Unknown);
        }
        let ders = trust::from_payload(kind, pem).ok_or(TrustError::Invalid)?;
        Ok(trust.transactions.insert(kind, (path, ders)).is_none())
    }

    /// Makes what waits the content of its file. Servers check with it at once and are counted; binds do once they are
    /// scanned again.
    pub fn commit_trust(&self, kind: TrustKind, name: &str) -> Result<usize, TrustError> {
        let (path, ders) = self.take_trust_transaction(kind, name)?;
        {
            let mut trust = self.trust();
            let file = trust.files.entry((kind, path.clone())).or_default();
            (file.ders, file.edited) = (ders, Some(stamp(&path)));
            file.version += 1;
        }
        Ok(self.refresh_servers(&path))
    }

    /// Forgets what waits.
    pub fn abort_trust(&self, kind: TrustKind, name: &str) -> Result<(), TrustError> {
        self.take_trust_transaction(kind, name).map(drop)
    }

    fn take_trust_transaction(
        &self,
        kind: TrustKind,
        name: &str,
    ) -> Result<(PathBuf, Vec<Vec<u8>>), TrustError> {
        let mut trust = self.trust();
        let waiting = trust.transactions.get(&kind).ok_or(TrustError::NoTransaction)?;
        if waiting.0 != self.trust_path(name) {
            return Err(TrustError::Other(waiting.0.display().to_string()));
        }
        trust.transactions.remove(&kind).ok_or(TrustError::NoTransaction)
    }

    /// Makes room for what no file holds.
    pub fn new_trust(&self, kind: TrustKind, name: &str) -> Result<(), TrustError> {
        let key = (kind, self.trust_path(name));
        let mut trust = self.trust();
        if trust.files.contains_key(&key) {
            return Err(TrustError::Exists);
        }
        let file = TrustFile { edited: Some(stamp(&key.1)), ..TrustFile::default() };
        trust.files.insert(key, file);
        Ok(())
    }

    /// Forgets a file that nobody uses.
    pub fn del_trust(&self, kind: TrustKind, name: &str) -> Result<(), TrustError> {
        let key = (kind, self.trust_path(name));
        let mut trust = self.trust();
        if trust.files.get(&key).ok_or(TrustError::Missing)?.is_used() {
            return Err(TrustError::InUse);
        }
        trust.files.remove(&key);
        Ok(())
    }

    fn trust(&self) -> MutexGuard<'_, TrustFiles> {
        self.trust_lock()
    }
}

impl TrustFile {
    /// The store holds one, those who check with it hold the others.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.in_use) > 1
    }
}
