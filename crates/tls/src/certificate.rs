//! One certificate with its key, read from its files, checked, and kept small: many thousands may be loaded.

use crate::ocsp::{self, Answer};
use crate::problem::Problem;
use crate::source::Source;
use crate::staple::names_issuer;
use crate::store::Stamps;
use crate::view::CertView;
use aws_lc_rs::digest;
use base::reason;
use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A loaded certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Chain, key and stapled response, as rustls takes them.
    pub(crate) key: Arc<CertifiedKey>,
    /// Common name and alternative names, in lower case; wildcards as they stand.
    pub(crate) names: Box<[Box<str>]>,
    /// SHA-256 of the certificate itself: what sessions are bound to.
    pub(crate) fingerprint: [u8; 32],
    /// The last second of its life, since the epoch.
    pub(crate) not_after: i64,
    /// The same of what is stapled.
    pub(crate) staple_end: Option<i64>,
    /// Its issuer's certificate, where the chain lacks it.
    pub(crate) issuer: Option<CertificateDer<'static>>,
}

impl Certificate {
    /// RSA keys come after all others when a client takes both.
    pub(crate) fn is_rsa(&self) -> bool {
        self.key.key.algorithm() == SignatureAlgorithm::RSA
    }

    /// The same with this response to staple.
    pub(crate) fn stapled(&self, response: Option<Vec<u8>>) -> Certificate {
        let mut key = CertifiedKey::new(self.key.cert.clone(), Arc::clone(&self.key.key));
        key.ocsp = response;
        Certificate {
            staple_end: key.ocsp.as_deref().and_then(ocsp::end),
            key: Arc::new(key),
            names: self.names.clone(),
            fingerprint: self.fingerprint,
            not_after: self.not_after,
            issuer: self.issuer.clone(),
        }
    }

    /// The certificate of its issuer in DER, where that is known: its own file's, else the next of the chain, else itself.
    pub(crate) fn issuer(&self) -> Option<&[u8]> {
        let chain = &self.key.cert;
        self.issuer.as_ref().or_else(|| chain.get(1)).or_else(|| chain.first()).map(AsRef::as_ref)
    }

    /// Its chain leads nowhere and nobody brought the issuer.
    pub(crate) fn lacks_issuer(&self) -> bool {
        let leaf = self.key.cert.first().and_then(|der| X509Certificate::from_der(der).ok());
        let issuer = self.issuer().and_then(|der| X509Certificate::from_der(der).ok());
        let is_known =
            leaf.zip(issuer).is_some_and(|((_, leaf), (_, issuer))| leaf.issuer() == issuer.subject());
        self.issuer.is_none() && !is_known
    }

    /// What is stapled is true no more.
    pub(crate) fn staple_has_ended(&self, now: i64) -> bool {
        self.staple_end.is_some_and(|end| end < now)
    }
}

/// Files larger than this are no certificates; reading one by mistake must not fill the memory.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Reads and checks one certificate. Warnings are pushed too; `None` means a problem of severity `Alert` was.
pub(crate) fn load(
    source: &Source,
    stamps: &Stamps,
    now: SystemTime,
    problems: &mut Vec<Problem>,
) -> Option<Certificate> {
    let pem = Pem::read(&source.crt, problems)?;
    if pem.chain.is_empty() {
        problems.push(Problem::NoCertificate { file: source.crt.clone() });
        return None;
    }
    let (key, key_file) = find_key(source, &pem, problems)?;
    let Ok(key) = any_supported_type(&key) else {
        problems.push(Problem::BadKey { file: key_file });
        return None;
    };
    let found = join(&source.crt, &key_file, pem.chain, key, problems)?;
    check_dates(source, &found.1, now, problems);
    let (mut key, facts) = found;
    if stamps.ocsp.is_some() {
        key.ocsp = staple(source, &facts.serial, now, problems);
    }
    if stamps.sctl.is_some() {
        let what = source.sctl_file().display().to_string();
        problems.push(Problem::NoEffect { what, why: "timestamps are taken from the certificate itself" });
    }
    let issuer = if facts.lacks_issuer { issuer(source) } else { None };
    Some(Certificate { issuer, ..finish(key, facts) })
}

/// The first certificate of the issuer's own file. That there is none is no complaint: nobody may need it.
fn issuer(source: &Source) -> Option<CertificateDer<'static>> {
    let text = read_bounded(&source.issuer_file()).ok()?;
    Pem::parse(&text).chain.into_iter().next()
}

/// The sections of a PEM file that matter here.
struct Pem {
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    encrypted: bool,
}

impl Pem {
    fn read(file: &Path, problems: &mut Vec<Problem>) -> Option<Pem> {
        match read_bounded(file) {
            Ok(text) => Some(Pem::parse(&text)),
            Err(error) => {
                problems.push(Problem::Unreadable { file: file.to_owned(), why: reason(&error) });
                None
            }
        }
    }

    /// Sections that are broken or unknown are passed over, as OpenSSL does.
    fn parse(text: &[u8]) -> Pem {
        let mut pem = Pem { chain: Vec::new(), key: None, encrypted: is_encrypted(text) };
        for (kind, der) in <(SectionKind, Vec<u8>)>::pem_slice_iter(text).filter_map(Result::ok) {
            let key: Option<PrivateKeyDer<'static>> = match kind {
                SectionKind::Certificate => {
                    pem.chain.push(der.into());
                    None
                }
                SectionKind::PrivateKey => Some(PrivatePkcs8KeyDer::from(der).into()),
                SectionKind::RsaPrivateKey => Some(PrivatePkcs1KeyDer::from(der).into()),
                SectionKind::EcPrivateKey => Some(PrivateSec1KeyDer::from(der).into()),
                _ => None,
            };
            pem.key = pem.key.or(key);
        }
        pem
    }
}

/// Reads a whole file of a plausible size.
pub(crate) fn read_bounded(file: &Path) -> std::io::Result<Vec<u8>> {
    let meta = std::fs::metadata(file)?;
    if meta.len() > MAX_FILE || !meta.is_file() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "not a regular file of a plausible size",
        ));
    }
    std::fs::read(file)
}

fn is_encrypted(text: &[u8]) -> bool {
    [b"BEGIN ENCRYPTED PRIVATE KEY".as_slice(), b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
}

/// The key in the certificate's own file, unless a `crt-store` names another; else in the files beside it.
fn find_key(
    source: &Source,
    own: &Pem,
    problems: &mut Vec<Problem>,
) -> Option<(PrivateKeyDer<'static>, PathBuf)> {
    if let (None, Some(key)) = (&source.key, &own.key) {
        if own.encrypted {
            problems.push(Problem::EncryptedKey { file: source.crt.clone() });
            return None;
        }
        return Some((key.clone_key(), source.crt.clone()));
    }
    let tried = source.key_files();
    let mut encrypted = own.encrypted.then(|| source.crt.clone());
    for file in tried.iter().filter(|file| source.key.is_some() || file.exists()) {
        let pem = Pem::read(file, problems)?;
        match pem.key {
            Some(key) if !pem.encrypted => return Some((key, file.clone())),
            Some(_) | None if pem.encrypted => encrypted = Some(file.clone()),
            Some(_) | None => {}
        }
    }
    problems.push(match encrypted {
        Some(file) => Problem::EncryptedKey { file },
        None => Problem::NoKey { file: source.crt.clone(), tried },
    });
    None
}

/// What is read from the certificate itself.
struct Facts {
    names: Box<[Box<str>]>,
    serial: Vec<u8>,
    not_before: i64,
    not_after: i64,
    /// Its issuer is neither itself nor the next of the chain.
    lacks_issuer: bool,
}

type SigningKey = Arc<dyn rustls::sign::SigningKey>;

/// Finds the key's certificate among those of the file and puts it first, its issuers behind it.
fn join(
    file: &Path,
    key_file: &Path,
    chain: Vec<CertificateDer<'static>>,
    key: SigningKey,
    problems: &mut Vec<Problem>,
) -> Option<(CertifiedKey, Facts)> {
    let spki = key.public_key();
    let mut parsed = Vec::with_capacity(chain.len());
    for der in &chain {
        match X509Certificate::from_der(der) {
            Ok((_, certificate)) => parsed.push(certificate),
            Err(error) => {
                problems.push(Problem::BadCertificate { file: file.to_owned(), why: error.to_string() });
                return None;
            }
        }
    }
    let leaf = match &spki {
        Some(spki) => parsed.iter().position(|cert| cert.public_key().raw == spki.as_ref()),
        None => Some(0),
    };
    let Some(leaf) = leaf else {
        problems.push(Problem::Mismatch { file: file.to_owned(), key: key_file.to_owned() });
        return None;
    };
    let order = chain_order(&parsed, leaf);
    let next = order.get(1).and_then(|index| parsed.get(*index));
    let facts = parsed.get(leaf).map(|leaf| facts(leaf, next))?;
    let chain = order.into_iter().filter_map(|index| chain.get(index).map(compact)).collect();
    Some((CertifiedKey::new(chain, key), facts))
}

/// Without the spare room that decoding left behind.
fn compact(der: &CertificateDer<'static>) -> CertificateDer<'static> {
    CertificateDer::from(der.as_ref().to_vec())
}

/// The leaf, then the issuer of each, then what belongs to neither, in the file's order. TLS 1.2 asks for this order
/// (RFC 5246 section 7.4.2) and some clients insist.
fn chain_order(parsed: &[X509Certificate<'_>], leaf: usize) -> Vec<usize> {
    let mut order = vec![leaf];
    let mut rest: Vec<usize> = (0..parsed.len()).filter(|index| *index != leaf).collect();
    while let Some(last) = order.last().and_then(|index| parsed.get(*index)) {
        let issuer = last.issuer().as_raw();
        let next =
            rest.iter().position(|index| parsed.get(*index).is_some_and(|c| c.subject().as_raw() == issuer));
        match next {
            Some(at) => order.push(rest.remove(at)),
            None => break,
        }
    }
    order.extend(rest);
    order
}

fn facts(cert: &X509Certificate<'_>, next: Option<&X509Certificate<'_>>) -> Facts {
    let issuers = [Some(cert), next];
    Facts {
        names: names(cert),
        serial: cert.raw_serial().to_vec(),
        not_before: cert.validity().not_before.timestamp(),
        not_after: cert.validity().not_after.timestamp(),
        lacks_issuer: !issuers.into_iter().flatten().any(|known| known.subject() == cert.issuer()),
    }
}

/// Names a client may ask for. HAProxy takes the common name as well as the alternative ones.
fn names(cert: &X509Certificate<'_>) -> Box<[Box<str>]> {
    let common = cert.subject().iter_common_name().filter_map(|cn| cn.as_str().ok());
    let alternative = cert.subject_alternative_name().ok().flatten();
    let dns = alternative.iter().flat_map(|ext| &ext.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(dns) => Some(*dns),
        _ => None,
    });
    let mut names: Vec<Box<str>> = common.chain(dns).map(|name| name.to_ascii_lowercase().into()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn check_dates(source: &Source, facts: &Facts, now: SystemTime, problems: &mut Vec<Problem>) {
    let now = seconds(now);
    if now > facts.not_after {
        problems.push(Problem::OutOfDate { file: source.crt.clone(), over: true });
    } else if now < facts.not_before {
        problems.push(Problem::OutOfDate { file: source.crt.clone(), over: false });
    }
}

fn finish(key: CertifiedKey, facts: Facts) -> Certificate {
    let mut fingerprint = [0; 32];
    if let Some(leaf) = key.cert.first() {
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, leaf).as_ref());
    }
    Certificate {
        staple_end: key.ocsp.as_deref().and_then(ocsp::end),
        key: Arc::new(key),
        names: facts.names,
        fingerprint,
        not_after: facts.not_after,
        issuer: None,
    }
}

fn staple(source: &Source, serial: &[u8], now: SystemTime, problems: &mut Vec<Problem>) -> Option<Vec<u8>> {
    let file = source.ocsp_file();
    // An empty file only asks for stapling once there is something to staple.
    let response = read_bounded(&file).ok().filter(|der| !der.is_empty())?;
    match ocsp::check(&response, serial, seconds(now)) {
        Ok(()) => Some(response),
        Err(why) => {
            problems.push(Problem::BadOcsp { file, why });
            None
        }
    }
}

/// Why a payload is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadError {
    Unloadable,
    Mismatch,
    NoKey,
}

/// A certificate of one PEM text with its key.
pub(crate) fn from_payload(pem: &str) -> Result<Certificate, PayloadError> {
    let pem = Pem::parse(pem.as_bytes());
    if (pem.chain.is_empty() && pem.key.is_none()) || pem.encrypted {
        return Err(PayloadError::Unloadable);
    }
    let key = pem.key.ok_or(PayloadError::NoKey)?;
    of_parts(pem.chain, any_supported_type(&key).map_err(|_| PayloadError::Unloadable)?)
}

/// A certificate of a chain and a key that may or may not belong together.
pub(crate) fn of_parts(
    chain: Vec<CertificateDer<'static>>,
    key: SigningKey,
) -> Result<Certificate, PayloadError> {
    if chain.is_empty() {
        return Err(PayloadError::Unloadable);
    }
    let (nowhere, mut problems) = (Path::new(""), Vec::new());
    let Some((key, facts)) = join(nowhere, nowhere, chain, key, &mut problems) else {
        let mismatch = problems.iter().any(|p| matches!(p, Problem::Mismatch { .. }));
        return Err(if mismatch { PayloadError::Mismatch } else { PayloadError::Unloadable });
    };
    Ok(finish(key, facts))
}

/// The certificates in a PEM text.
pub(crate) fn chain_of(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    Pem::parse(pem).chain
}

/// Whether a PEM text holds a key, of whatever kind.
pub(crate) fn has_key(pem: &[u8]) -> bool {
    let pem = Pem::parse(pem);
    pem.key.is_some() || pem.encrypted
}

/// The key in a PEM text, of a kind that can be used.
pub(crate) fn key_of(pem: &[u8]) -> Option<SigningKey> {
    let pem = Pem::parse(pem);
    any_supported_type(&pem.key.filter(|_| !pem.encrypted)?).ok()
}

/// Whether a client would take this response for this certificate now.
pub(crate) fn check_staple(certificate: &Certificate, der: &[u8]) -> Result<(), &'static str> {
    let leaf = certificate.key.cert.first().and_then(|der| CertView::new(der));
    let leaf = leaf.ok_or("there is no certificate")?;
    let answer = Answer::read(der)?;
    if !certificate.issuer().is_some_and(|issuer| names_issuer(&answer, issuer)) {
        return Err("it is about a certificate of another issuer");
    }
    ocsp::check_answer(&answer, leaf.serial(), seconds(SystemTime::now()))
}

/// A certificate of PEM texts at hand, for the temporary one.
pub(crate) fn from_pem(cert: &str, key: &str) -> Option<Certificate> {
    let (cert, key) = (Pem::parse(cert.as_bytes()), Pem::parse(key.as_bytes()));
    let key = any_supported_type(&key.key?).ok()?;
    let nowhere = Path::new("");
    let (key, facts) = join(nowhere, nowhere, cert.chain, key, &mut Vec::new())?;
    Some(finish(key, facts))
}
