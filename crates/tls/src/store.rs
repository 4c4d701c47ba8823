//! What the binds and servers of one process share. Cheap to clone; every clone is the same store.

use std::path::PathBuf;
use std::sync::Arc;

/// Where certificates are looked for, and the bounds of what is kept.
#[derive(Clone, Debug, Default)]
pub struct StoreSpec {
    /// `crt-base`
    pub crt_base: Option<PathBuf>,
    /// `key-base`
    pub key_base: Option<PathBuf>,
    /// `ca-base`
    pub ca_base: Option<PathBuf>,
}

/// Certificate files and secrets of the process.
#[derive(Clone, Debug)]
pub struct CertStore {
    spec: Arc<StoreSpec>,
}

impl CertStore {
    /// An empty store.
    pub fn new(spec: StoreSpec) -> CertStore {
        CertStore { spec: Arc::new(spec) }
    }

    /// A path as the configuration means it: relative ones start at `crt-base`.
    pub(crate) fn crt_path(&self, word: &str) -> PathBuf {
        match &self.spec.crt_base {
            Some(base) => base.join(word),
            None => PathBuf::from(word),
        }
    }
}
