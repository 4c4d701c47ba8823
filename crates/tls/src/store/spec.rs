//! Where a store looks for certificates, and the bounds of what it keeps.

use crate::source::Source;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// `tune.ssl.cachesize` unless told: sessions remembered for clients that take no tickets.
pub(crate) const SESSIONS: usize = 20_000;

/// A certificate and its key in PEM. `Debug` leaves the key out.
#[derive(Clone)]
pub struct PemPair {
    /// The chain.
    pub cert: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for PemPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemPair").field("cert", &self.cert).finish_non_exhaustive()
    }
}

/// A `load` line of a `crt-store`, its paths made whole with `crt-base` and `key-base`.
#[derive(Clone, Debug, Default)]
pub struct StoreEntry {
    /// The store's name, empty for the unnamed one.
    pub store: String,
    /// `crt` as written: entries without alias are called by it.
    pub word: String,
    /// `alias`
    pub alias: Option<String>,
    /// `crt`
    pub crt: PathBuf,
    /// `key`
    pub key: Option<PathBuf>,
    /// `ocsp`
    pub ocsp: Option<PathBuf>,
    /// `sctl`
    pub sctl: Option<PathBuf>,
    /// `issuer`
    pub issuer: Option<PathBuf>,
    /// `ocsp-update`
    pub ocsp_update: Option<bool>,
}

impl StoreEntry {
    /// As files to read.
    pub(super) fn source(&self) -> Source {
        Source {
            crt: self.crt.clone(),
            key: self.key.clone(),
            ocsp: self.ocsp.clone(),
            sctl: self.sctl.clone(),
            issuer: self.issuer.clone(),
            ocsp_update: self.ocsp_update,
        }
    }
}

/// Files by host name, by the `acme` section that obtained their certificates on demand.
pub type OnDemandFiles = HashMap<String, BTreeMap<String, PathBuf>>;

/// Where certificates are looked for, and the bounds of what is kept.
#[derive(Clone, Debug, Default)]
pub struct StoreSpec {
    /// `crt-base`
    pub crt_base: Option<PathBuf>,
    /// `ca-base`
    pub ca_base: Option<PathBuf>,
    /// All `load` lines.
    pub entries: Vec<StoreEntry>,
    /// Files that somebody is about to make: until then their absence is no complaint.
    pub awaited: HashSet<PathBuf>,
    /// Files of certificates that were obtained on demand.
    pub on_demand: OnDemandFiles,
    /// Application protocols the data plane speaks; others are left out of `alpn` with a warning. Empty = any.
    pub spoken_alpn: Vec<Vec<u8>>,
    /// Shown by a bind that has no certificate yet; without it such a bind does not start.
    pub temporary: Option<PemPair>,
    /// `tune.ssl.cachesize`; `None` = `SESSIONS`, 0 = none are remembered.
    pub sessions: Option<usize>,
    /// `tune.ssl.lifetime`: how long sessions may be taken up again; `None` = 300 s.
    pub session_lifetime: Option<Duration>,
    /// `ocsp-update.mode`: whether OCSP responses are fetched for certificates of which no line says it. Unless it is
    /// written, they are for those that somebody looks after.
    pub ocsp_mode: Option<bool>,
}
