//! Certificates that operators bring in while the process runs (management guide 9.3, `set ssl cert` and friends). The
//! parts of a new certificate wait in a transaction until they are committed; the binds that use it are then scanned
//! again and serve it from the next handshake on. It holds as long as its file on disk does not change; a changed file wins.

use crate::certificate::{self, PayloadError};
use crate::info::Served;
use crate::parts::{Part, Parts};
use crate::source::Source;
use crate::store::{CertStore, Loose};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one transaction that may be open.
pub(crate) struct Transaction {
    path: PathBuf,
    parts: Parts,
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
    /// `del` of what a bind or server uses.
    InUse(String),
    /// The payload holds no usable certificate.
    Unloadable(String),
    /// The payload holds no usable key.
    BadKey(String),
    /// The payload holds no certificate of an issuer.
    BadIssuer(String),
    /// The payload is no OCSP response.
    BadOcsp(&'static str),
    /// The payload would change nothing, and why.
    NoEffect(&'static str),
    /// Key and certificate do not belong together.
    Mismatch(String),
    /// A certificate to be installed comes without its key.
    NoKey(String),
    /// What is to be committed has no key.
    Incomplete,
    /// A client would not take the OCSP response, and why. The transaction is over.
    UselessOcsp(&'static str),
    /// There is an OCSP response and nobody knows the certificate's issuer. The transaction is over.
    NoIssuer(String),
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
            CertError::BadKey(name) => {
                write!(f, "unable to load private key from file '{name}'.\nCan't load the payload")
            }
            CertError::BadIssuer(name) => {
                write!(f, "'{name}' cannot be read or parsed'.\nCan't load the payload")
            }
            CertError::BadOcsp(why) | CertError::NoEffect(why) => write!(f, "{why}.\nCan't load the payload"),
            CertError::Mismatch(name) => {
                write!(f, "inconsistencies between private key and certificate loaded '{name}'.")
            }
            CertError::NoKey(name) => write!(f, "No Private Key found in '{name}'."),
            CertError::Incomplete => {
                f.write_str("The transaction must contain at least a certificate and a private key!")
            }
            CertError::UselessOcsp(why) => write!(f, "the OCSP response cannot be stapled: {why}"),
            CertError::NoIssuer(name) => write!(
                f,
                "'{name}.ocsp' is present and activates OCSP but it is impossible to compute the OCSP certificate ID \
                 (maybe the issuer could not be found)'."
            ),
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
    /// A bind or server uses it.
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

    /// Looks at what waits.
    pub fn pending(&self) -> Option<Parts> {
        self.edits().transaction.as_ref().map(|t| t.parts.clone())
    }

    /// Which part of which certificate a name stands for: `site.crt.key` and `site.key` of `site.crt`. The name of a
    /// certificate is no other's part.
    pub fn part_of(&self, name: &str) -> (String, Part) {
        let (of, part) = Part::of(name);
        let candidates = [of.to_owned(), format!("{of}.crt")];
        let owner = candidates.into_iter().find(|owner| self.known(owner).is_some());
        match owner.filter(|_| self.known(name).is_none()) {
            Some(owner) => (owner, part),
            None => (name.to_owned(), Part::Certificate),
        }
    }

    /// Looks at one by its name.
    pub fn known(&self, name: &str) -> Option<Known> {
        let path = self.crt_path(name);
        let used = self.is_used(&path);
        if let Some(loose) = self.edits().loose.get(&path) {
            return Some(Known { used, certificate: loose.certificate.as_ref().map(Served::new) });
        }
        let certificate = self.serving(&path).filter(|_| used)?;
        Some(Known { used, certificate: Some(Served::new(&certificate)) })
    }

    /// Opens a transaction with a part of a certificate, or puts it into the open one; `true` where it was opened. `part`
    /// and `name` are those of [`CertStore::part_of`]. An OCSP response comes as DER.
    pub fn set_cert(&self, name: &str, part: Part, payload: &[u8]) -> Result<bool, CertError> {
        let path = self.crt_path(name);
        let old = match self.edits().loose.get(&path) {
            Some(loose) => loose.certificate.clone(),
            None => Some(self.serving(&path).ok_or(CertError::Unknown)?),
        };
        let mut edits = self.edits();
        // HAProxy 2.6 puts it into the other one's transaction, whatever was asked for
        if let Some(open) = edits.transaction.as_ref().filter(|t| t.path != path) {
            return Err(CertError::Other { open: shown(&open.path), asked: name.to_owned() });
        }
        let open = edits.transaction.as_ref().map(|t| t.parts.clone());
        let opened = open.is_none();
        let mut parts = open.or_else(|| old.as_deref().map(Parts::of)).unwrap_or_default();
        parts.set(name, part, payload)?;
        edits.transaction = Some(Transaction { path, parts });
        Ok(opened)
    }

    /// Makes the waiting certificate the one of its name. Servers show it at once and are counted; binds serve it once they
    /// are scanned again: keep what is returned until then. Where its parts do not fit, the transaction stays open for others.
    pub fn commit_cert(&self, name: &str) -> Result<(Served, usize), CertError> {
        let path = self.crt_path(name);
        let transaction = self.take_transaction(name, &path)?;
        let certificate = match transaction.parts.join(name) {
            Ok(certificate) => Arc::new(certificate),
            Err(why @ (CertError::Incomplete | CertError::Mismatch(_))) => {
                self.edits().transaction = Some(transaction);
                return Err(why);
            }
            Err(why) => return Err(why),
        };
        if let Some(loose) = self.edits().loose.get_mut(&path) {
            loose.certificate = Some(certificate.clone());
        }
        let mut sources: Vec<Source> = self.live_sources().into_iter().filter(|s| s.crt == path).collect();
        if sources.is_empty() {
            sources.push(Source { crt: path.clone(), ..Source::default() });
        }
        sources.iter().for_each(|source| self.replace(source, &certificate));
        Ok((Served::new(&certificate), self.show_to_servers(&path, &certificate)))
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

    /// Forgets a certificate that no bind or server uses.
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
        let certificate = certificate::from_payload(pem).map_err(|why| match why {
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
