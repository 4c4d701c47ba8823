//! How files stand, to tell whether they have changed since they were read.

use crate::source::Source;
use std::path::Path;
use std::time::SystemTime;

/// How the files that make a certificate stand. Taken once a load: with many thousands of certificates asking the
/// system for files that are not there is a good part of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    crt: Stamp,
    pub(crate) ocsp: Stamp,
    pub(crate) sctl: Stamp,
    keys: Vec<Stamp>,
}

/// A file's last change and length; `None` where there is none.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

impl Stamps {
    pub(crate) fn of(source: &Source) -> Stamps {
        Stamps {
            crt: stamp(&source.crt),
            ocsp: stamp(&source.ocsp_file()),
            sctl: stamp(&source.sctl_file()),
            keys: source.key_files().iter().map(|file| stamp(file)).collect(),
        }
    }
}

pub(crate) fn stamp(file: &Path) -> Stamp {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
