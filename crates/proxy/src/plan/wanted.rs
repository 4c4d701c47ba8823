//! What others are to fetch for this plan while it runs: certificates, by name or when a handshake asks, and OCSP
//! responses.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A certificate that is to be obtained, and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The `acme` section.
    pub section: Box<str>,
    /// What it is called in the storage.
    pub name: Box<str>,
    /// The storage's folder.
    pub storage: PathBuf,
    /// Host names and addresses.
    pub names: Vec<String>,
    /// The file of a `load` or `ssl-f-use` line, with certificate and key; else it is served from the storage.
    pub copy: Option<PathBuf>,
}

impl Wanted {
    /// The file that is served.
    pub fn file(&self) -> PathBuf {
        match &self.copy {
            Some(copy) => copy.clone(),
            None => lineage(&self.storage, &self.name),
        }
    }
}

/// The file that is served of what a storage keeps.
pub(crate) fn lineage(storage: &Path, name: &str) -> PathBuf {
    storage.join("live").join(name).join("fullchain.pem")
}

/// An `acme` section with `on-demand` that a bind names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDemand {
    /// The section.
    pub section: Box<str>,
    /// The storage's folder.
    pub storage: PathBuf,
}

impl OnDemand {
    /// The folder with an empty file for each name that was obtained.
    pub fn names(&self) -> PathBuf {
        self.storage.join("lockgate").join("on-demand").join(self.section.replace('/', "_"))
    }
}

/// How OCSP responses are fetched; somebody else does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspUpdates {
    /// Not at all.
    pub disabled: bool,
    /// An HTTP proxy to ask through, `ADDRESS[:PORT]`.
    pub http_proxy: Option<Box<str>>,
    /// Between two fetches of one, at least.
    pub least: Duration,
    /// The same at most.
    pub most: Duration,
}

impl OcspUpdates {
    pub(crate) fn of(written: &config::model::OcspUpdates) -> OcspUpdates {
        OcspUpdates {
            disabled: written.disabled,
            http_proxy: written.http_proxy.as_ref().map(|word| word.text.as_str().into()),
            least: Duration::from_secs(written.least().into()),
            most: Duration::from_secs(written.most().into()),
        }
    }
}
