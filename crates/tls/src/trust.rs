//! Whom we believe: authorities and revocation lists from files, for clients and servers alike.

use crate::certificate::read_bounded;
use crate::chain;
use crate::crl_view::CrlView;
use crate::problem::Problem;
use crate::revocation::Revocations;
use crate::store::CertStore;
use crate::trust_edit::TrustKind;
use crate::view::CertView;
use aws_lc_rs::digest;
use base::reason;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::{CertificateError, Error, RootCertStore};
use std::path::{Path, PathBuf};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Where distributions keep the certificates of public authorities, in one file.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// In a folder, files with these endings are read (`ca-file`).
const ENDINGS: [&str; 4] = ["pem", "crt", "cer", "crl"];

/// The certificates of a `ca-file`. As with OpenSSL, a chain has to end in one that signed itself; the others only lead
/// there, like those that a peer sends.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    /// Trusted as they stand.
    pub(crate) anchors: Vec<CertificateDer<'static>>,
    /// Issuers between them and what is checked.
    pub(crate) others: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Reads a file, a folder, or `@system-ca`.
    pub(crate) fn load(store: &CertStore, word: &str, problems: &mut Vec<Problem>) -> Option<Authorities> {
        let path = if word == "@system-ca" { system() } else { store.ca_path(word) };
        let read = || {
            let mut ders = Vec::new();
            for file in files(&path, problems)? {
                ders.extend(sections::<CertificateDer<'static>>(&file, problems)?);
            }
            Some(ders.iter().map(|der| der.to_vec()).collect())
        };
        let ders = store.trusted(TrustKind::Authorities, &store.trust_path(word), read)?;
        if ders.is_empty() {
            problems.push(Problem::NoAuthority { file: path });
            return None;
        }
        let ders = ders.into_iter().map(CertificateDer::from);
        let (anchors, others) = ders.partition(|der| is_self_signed(der));
        Some(Authorities { anchors, others })
    }

    /// Joins two sets.
    pub(crate) fn and(mut self, other: Authorities) -> Authorities {
        self.anchors.extend(other.anchors);
        self.others.extend(other.others);
        self
    }

    fn all(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.anchors.iter().chain(&self.others)
    }

    /// What a peer sent, and what may lead from there to the anchors.
    pub(crate) fn issuers<'i>(&'i self, sent: &'i [CertificateDer<'_>]) -> Vec<CertificateDer<'i>> {
        sent.iter()
            .map(AsRef::as_ref)
            .chain(self.others.iter().map(AsRef::as_ref))
            .map(CertificateDer::from)
            .collect()
    }

    /// All of them, for names that are told to clients, and for peers of our own choice.
    pub(crate) fn all_as_roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.all().cloned());
        roots
    }

    /// This very certificate is here, but no anchor.
    pub(crate) fn leads_on(&self, certificate: &[u8]) -> bool {
        self.others.iter().any(|der| der.as_ref() == certificate)
    }

    /// For rustls, which wants at least one: without an anchor all stand here, and [`Authorities::believe_nobody()`] has to be
    /// asked. Ones that it cannot read trust nobody, so they are passed over.
    pub(crate) fn roots(&self) -> RootCertStore {
        if self.anchors.is_empty() {
            return self.all_as_roots();
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.anchors.iter().cloned());
        roots
    }

    /// Refuses every chain where there is no anchor.
    pub(crate) fn believe_nobody(&self) -> Result<(), Error> {
        match self.anchors.is_empty() {
            true => Err(CertificateError::UnknownIssuer.into()),
            false => Ok(()),
        }
    }

    /// This very certificate is trusted. OpenSSL then asks no further.
    pub(crate) fn is_anchor(&self, certificate: &[u8]) -> bool {
        self.anchors.iter().any(|der| der.as_ref() == certificate)
    }

    pub(crate) fn digest(&self, context: &mut digest::Context) {
        self.all().for_each(|der| context.update(der));
    }
}

/// What cannot be read is left to rustls, which leaves it out.
fn is_self_signed(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| chain::is_self_signed(&certificate))
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR` first, as OpenSSL does.
fn system() -> PathBuf {
    let mut told =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    told.find(|path| path.exists()).unwrap_or_else(system_bundle)
}

/// The distribution's own.
pub(crate) fn system_bundle() -> PathBuf {
    let mut usual = SYSTEM_BUNDLES.into_iter().map(PathBuf::from);
    usual.find(|path| path.exists()).unwrap_or_else(|| PathBuf::from("/etc/ssl/certs"))
}

fn files(path: &Path, problems: &mut Vec<Problem>) -> Option<Vec<PathBuf>> {
    if !path.is_dir() {
        return Some(vec![path.to_owned()]);
    }
    match std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => {
            let mut files: Vec<PathBuf> =
                entries.iter().map(std::fs::DirEntry::path).filter(|f| is_pem(f)).collect();
            files.sort();
            Some(files)
        }
        Err(error) => {
            problems.push(Problem::Unreadable { file: path.to_owned(), why: reason(&error) });
            None
        }
    }
}

fn is_pem(file: &Path) -> bool {
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && file.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

fn sections<T: PemObject>(file: &Path, problems: &mut Vec<Problem>) -> Option<Vec<T>> {
    match read_bounded(file) {
        Ok(text) => Some(T::pem_slice_iter(&text).filter_map(Result::ok).collect()),
        Err(error) => {
            problems.push(Problem::Unreadable { file: file.to_owned(), why: reason(&error) });
            None
        }
    }
}

/// What a payload holds of this kind; `None` unless all of it can be used.
pub(crate) fn from_payload(kind: TrustKind, pem: &str) -> Option<Vec<Vec<u8>>> {
    let text = pem.as_bytes();
    let ders: Vec<Vec<u8>> = match kind {
        TrustKind::Authorities => {
            let found = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().ok()?;
            found.iter().map(|der| der.to_vec()).collect()
        }
        TrustKind::Revocations => {
            let found =
                CertificateRevocationListDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>().ok()?;
            found.iter().map(|der| der.to_vec()).collect()
        }
    };
    let usable = |der: &Vec<u8>| match kind {
        TrustKind::Authorities => CertView::new(der).is_some(),
        TrustKind::Revocations => CrlView::new(der).is_some(),
    };
    let together = kind == TrustKind::Authorities || Revocations::new(ders.clone()).is_ok();
    (!ders.is_empty() && ders.iter().all(usable) && together).then_some(ders)
}

/// Reads `crl-file`, a file or a folder, where there is one.
pub(crate) fn revocations(
    store: &CertStore,
    word: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Revocations> {
    let Some(word) = word else { return Some(Revocations::default()) };
    let path = store.ca_path(word);
    let read = || {
        let mut lists = Vec::new();
        for file in files(&path, problems)? {
            lists.extend(sections::<CertificateRevocationListDer<'static>>(&file, problems)?);
        }
        Some(lists.iter().map(|list| list.to_vec()).collect())
    };
    let lists = store.trusted(TrustKind::Revocations, &store.trust_path(word), read)?;
    if lists.is_empty() {
        problems.push(Problem::BadCrl { file: path, why: "no 'X509 CRL' block in it".into() });
        return None;
    }
    let unusable = |why: &str| Problem::BadCrl { file: path, why: why.into() };
    Revocations::new(lists).map_err(|why| problems.push(unusable(why))).ok()
}
