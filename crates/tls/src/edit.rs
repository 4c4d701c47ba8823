//! Certificates that operators bring in while the process runs (management guide 9.3, `set ssl cert` and friends). A
//! new certificate waits in a transaction until it is committed; the binds that use it are then scanned again and serve
//! it from the next handshake on. It holds as long as its file on disk does not change; a changed file wins.

use crate::certificate::{self, Certificate, PayloadError};
use crate::info::Served;
use crate::source::Source;
use crate::store::{CertStore, Loose};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one transaction that may be open.
pub(crate) struct Transaction {
    path: PathBuf,
    certificate: Arc<Certificate>,
}

/// Why nothing was changed, in HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertError {
    /// No bind uses a file of this name, and none was made by `new`.
    Unknown,
    /// `new` of what is there.
    Exists(String),
    /// `del` of what is not there.
    Missing(String),
    /// `del` of what a bind uses.
    InUse(String),
    /// The payload holds no usable certificate.
    Unloadable(String),
    /// Key and certificate do not belong together.
    Mismatch(String),
    /// The certificate comes without a key, and there is none from before.
    NoKey(String),
    /// Nothing waits to be committed.
    NoTransaction,
    /// Another certificate waits.
    Other {
        /// The one that waits.
        open: String,
        /// The one asked for.
        asked: String,
    },
}

impl fmt::Display for CertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertError::Unknown => {
                f.write_str("Can't replace a certificate which is not referenced by the configuration!")
            }
            CertError::Exists(name) => write!(f, "Certificate '{name}' already exists!"),
            CertError::Missing(name) => {
                writeln!(f, "Can't remove the certificate: certificate '{name}' doesn't exist!")
            }
            CertError::InUse(name) => {
                writeln!(f, "Can't remove the certificate: certificate '{name}' in use, can't be deleted!")
            }
            CertError::Unloadable(name) => {
                write!(f, "unable to load certificate from file '{name}'.\nCan't load the payload")
            }
            CertError::Mismatch(name) => write!(
                f,
                "inconsistencies between private key and certificate loaded '{name}'.\nCan't load the payload"
            ),
            CertError::NoKey(name) => write!(f, "No Private Key found in '{name}'.\nCan't load the payload"),
            CertError::NoTransaction => f.write_str("No ongoing transaction!"),
            CertError::Other { open, asked } => {
                write!(f, "The ongoing transaction is about '{open}' but you are trying to set '{asked}'")
            }
        }
    }
}

/// What is known of a certificate by its name.
#[derive(Clone, Debug)]
pub struct Known {
    /// A bind uses it.
    pub used: bool,
    /// It; `None` while it is empty.
    pub certificate: Option<Served>,
}

impl CertStore {
    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.live_sources().iter().map(|s| shown(&s.crt)).collect();
        names.extend(self.edits().loose.keys().map(|path| shown(path)));
        names.sort();
        names.dedup();
        names
    }

    /// The certificate that waits to be committed.
    pub fn transaction(&self) -> Option<String> {
        self.edits().transaction.as_ref().map(|t| shown(&t.path))
    }

    /// Looks at the one that waits.
    pub fn pending(&self) -> Option<Served> {
        self.edits().transaction.as_ref().map(|t| Served::new(&t.certificate))
    }

    /// Looks at one by its name.
    pub fn known(&self, name: &str) -> Option<Known> {
        let path = self.crt_path(name);
        if let Some(loose) = self.edits().loose.get(&path) {
            let certificate = loose.certificate.as_ref();
            // the store holds one, the binds hold the others
            let used = certificate.is_some_and(|c| Arc::strong_count(c) > 1);
            return Some(Known { used, certificate: certificate.map(Served::new) });
        }
        let certificate = self.serving(&path)?;
        Some(Known { used: true, certificate: Some(Served::new(&certificate)) })
    }

    /// Opens a transaction, or puts another certificate into the open one; `true` where it was opened.
    pub fn set_cert(&self, name: &str, pem: &str) -> Result<bool, CertError> {
        let path = self.crt_path(name);
        let old = match self.edits().loose.get(&path) {
            Some(loose) => loose.certificate.clone(),
            None => Some(self.serving(&path).ok_or(CertError::Unknown)?),
        };
        let mut edits = self.edits();
        if let Some(open) = edits.transaction.as_ref().filter(|t| t.path != path) {
            return Err(CertError::Other { open: shown(&open.path), asked: name.to_owned() });
        }
        let text = name.to_owned();
        let certificate = certificate::from_payload(pem, old.as_deref()).map_err(|why| match why {
            PayloadError::Unloadable => CertError::Unloadable(text),
            PayloadError::Mismatch => CertError::Mismatch(text),
            PayloadError::NoKey => CertError::NoKey(text),
        })?;
        let opened = edits.transaction.is_none();
        edits.transaction = Some(Transaction { path, certificate: Arc::new(certificate) });
        Ok(opened)
    }

    /// Makes the waiting certificate the one of its name. The binds serve it once they are scanned again: keep what is
    /// returned until then.
    pub fn commit_cert(&self, name: &str) -> Result<Served, CertError> {
        let path = self.crt_path(name);
        let transaction = self.take_transaction(name, &path)?;
        let certificate = transaction.certificate;
        if let Some(loose) = self.edits().loose.get_mut(&path) {
            loose.certificate = Some(certificate.clone());
        }
        let mut sources: Vec<Source> = self.live_sources().into_iter().filter(|s| s.crt == path).collect();
        if sources.is_empty() {
            sources.push(Source { crt: path, ..Source::default() });
        }
        sources.iter().for_each(|source| self.replace(source, &certificate));
        Ok(Served::new(&certificate))
    }

    /// Forgets the waiting certificate.
    pub fn abort_cert(&self, name: &str) -> Result<(), CertError> {
        self.take_transaction(name, &self.crt_path(name)).map(drop)
    }

    fn take_transaction(&self, name: &str, path: &Path) -> Result<Transaction, CertError> {
        let mut edits = self.edits();
        match edits.transaction.take() {
            None => Err(CertError::NoTransaction),
            Some(open) if open.path != path => {
                let error = CertError::Other { open: shown(&open.path), asked: name.to_owned() };
                edits.transaction = Some(open);
                Err(error)
            }
            Some(open) => Ok(open),
        }
    }

    /// Makes room for a certificate that no file holds.
    pub fn new_cert(&self, name: &str) -> Result<(), CertError> {
        if self.known(name).is_some() {
            return Err(CertError::Exists(name.to_owned()));
        }
        self.edits().loose.insert(self.crt_path(name), Loose::default());
        Ok(())
    }

    /// Forgets a certificate that no bind uses.
    pub fn del_cert(&self, name: &str) -> Result<(), CertError> {
        let known = self.known(name).ok_or_else(|| CertError::Missing(name.to_owned()))?;
        if known.used {
            return Err(CertError::InUse(name.to_owned()));
        }
        self.edits().loose.remove(&self.crt_path(name));
        Ok(())
    }

    /// Puts a new certificate with its key in the place of a file's, which this process may not be able to read itself.
    /// The binds serve it once they are scanned again.
    pub fn install(&self, file: &Path, pem: &str) -> Result<(), CertError> {
        let name = || shown(file);
        let certificate = certificate::from_payload(pem, None).map_err(|why| match why {
            PayloadError::Unloadable => CertError::Unloadable(name()),
            PayloadError::Mismatch => CertError::Mismatch(name()),
            PayloadError::NoKey => CertError::NoKey(name()),
        })?;
        let certificate = Arc::new(certificate);
        self.sources_of(file).iter().for_each(|source| self.replace(source, &certificate));
        self.edits().loose.insert(file.to_owned(), Loose { certificate: Some(certificate) });
        Ok(())
    }

    /// A certificate of this name was made by `new` and filled.
    pub(crate) fn is_loose(&self, path: &Path) -> bool {
        self.edits().loose.get(path).is_some_and(|l| l.certificate.is_some())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
