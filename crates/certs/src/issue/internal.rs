//! `directory internal`: the local authority of this storage signs, for names that no public one would; nothing is
//! proven, since the operator who configures the names also trusts the root.

use super::Wanted;
use crate::acme::IssueError;
use crate::local::{Authority, Purpose, kept};
use crate::storage::{Bundle, Storage};
use rcgen::KeyPair;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Short, as renewal costs nothing here: a stolen key is of no use after a week.
const LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where the authority of a storage lives.
pub fn authority_folder(storage: &Path) -> PathBuf {
    storage.join("lockgate").join("ca")
}

/// A certificate for all names, valid from now.
pub(super) fn sign(wanted: &Wanted, storage: &Storage, key: &KeyPair) -> Result<Bundle, IssueError> {
    let now = SystemTime::now();
    let authority: Authority = kept::open(&authority_folder(storage.folder()), now)?;
    let names: Vec<&str> = wanted.names.iter().map(String::as_str).collect();
    let signed = authority.sign(&names, Purpose::Server, LIFE, now, key);
    let cert_pem = signed.map_err(|why| IssueError::BadCertificate { why: why.to_string() })?;
    Ok(Bundle { key_pem: key.serialize_pem(), cert_pem, chain_pem: String::new() })
}
