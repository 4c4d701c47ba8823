//! OCSP responses of a running process: what is stapled, and one that operators bring in (management guide 9.3,
//! `show ssl ocsp-response`, `set ssl ocsp-response`). One brought in holds until its certificate's files change.

use crate::certificate::{Certificate, seconds};
use crate::ocsp::{self, Answer, Responder, Status};
use crate::store::CertStore;
use crate::view::{CertView, spaced};
use aws_lc_rs::digest;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A response that is stapled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Staple {
    der: Vec<u8>,
}

/// A response in the words of `openssl ocsp -text`. Digests and numbers are bytes, times `YYYYMMDDhhmmssZ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StapleView {
    /// The whole `CertID`: what the response is called by.
    pub key: Vec<u8>,
    /// `CN = responder`, or its key's digest.
    pub responder: String,
    /// When it was signed.
    pub produced_at: String,
    /// Of both digests.
    pub hash_algorithm: &'static str,
    /// Digest of the issuer's name.
    pub name_hash: Vec<u8>,
    /// Digest of the issuer's key.
    pub key_hash: Vec<u8>,
    /// Of the certificate.
    pub serial: Vec<u8>,
    /// `good`, `revoked` or `unknown`.
    pub status: &'static str,
    /// Known to be so at this time.
    pub this_update: String,
    /// Something newer will be known by then.
    pub next_update: Option<String>,
}

/// Why a response is not stapled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StapleError {
    /// It is none.
    Unreadable,
    /// No certificate in use is the one that it is about.
    NoCertificate,
    /// A client would not take it.
    Useless(&'static str),
}

impl fmt::Display for StapleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StapleError::Unreadable => f.write_str("Unable to parse OCSP response."),
            StapleError::NoCertificate => {
                f.write_str("OCSP single response: Certificate ID does not match any certificate or issuer.")
            }
            StapleError::Useless(why) => write!(f, "OCSP single response: {why}."),
        }
    }
}

/// Object identifiers of the digests, without tag and length.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

impl Staple {
    /// A response in DER.
    pub(crate) fn new(der: Vec<u8>) -> Staple {
        Staple { der }
    }

    /// What is stapled with a certificate.
    pub(crate) fn of(certificate: &Certificate) -> Option<Staple> {
        certificate.key.ocsp.clone().map(Staple::new)
    }

    /// The response in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When it ends to be true, seconds since the epoch; `None`: it does not say.
    pub fn end(&self) -> Option<i64> {
        ocsp::end(&self.der)
    }

    /// A look at it.
    pub fn view(&self) -> Option<StapleView> {
        let answer = Answer::read(&self.der).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
        let responder = match answer.responder {
            Some(Responder::Name(der)) => spaced(der).unwrap_or_default(),
            Some(Responder::Key(digest)) => hex(digest),
            None => String::new(),
        };
        let serial = answer.serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty());
        Some(StapleView {
            key: answer.id.to_vec(),
            responder,
            produced_at: text(answer.produced_at),
            hash_algorithm: algorithm(answer.hash).map_or("unknown", |(name, _)| name),
            name_hash: answer.name_hash.to_vec(),
            key_hash: answer.key_hash.to_vec(),
            serial: serial.unwrap_or(answer.serial).to_vec(),
            status: match answer.status {
                Status::Good => "good",
                Status::Revoked => "revoked",
                Status::Unknown => "unknown",
            },
            this_update: text(answer.this_update),
            next_update: answer.next_update.map(text),
        })
    }
}

fn algorithm(oid: &[u8]) -> Option<(&'static str, &'static digest::Algorithm)> {
    match oid {
        SHA1 => Some(("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY)),
        SHA256 => Some(("sha256", &digest::SHA256)),
        _ => None,
    }
}

/// The answer is about this certificate: its issuer's name and its number are.
fn is_about(answer: &Answer<'_>, certificate: &Certificate) -> bool {
    let view = certificate.key.cert.first().and_then(|der| CertView::new(der));
    let (Some(view), Some((_, algorithm))) = (view, algorithm(answer.hash)) else { return false };
    let serial = answer.serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(answer.serial);
    serial == view.serial() && digest::digest(algorithm, view.issuer_der()).as_ref() == answer.name_hash
}

/// The answer names this issuer, a certificate in DER: by its name and by its key.
pub(crate) fn names_issuer(answer: &Answer<'_>, issuer: &[u8]) -> bool {
    let (Ok((_, issuer)), Some((_, algorithm))) = (X509Certificate::from_der(issuer), algorithm(answer.hash))
    else {
        return false;
    };
    let key = &issuer.public_key().subject_public_key.data;
    digest::digest(algorithm, issuer.subject().as_raw()).as_ref() == answer.name_hash
        && digest::digest(algorithm, key).as_ref() == answer.key_hash
}

impl CertStore {
    /// All that is stapled.
    pub fn staples(&self) -> Vec<Staple> {
        let mut staples: Vec<Staple> = self.live().iter().filter_map(|c| Staple::of(c)).collect();
        staples.sort();
        staples.dedup();
        staples
    }

    /// Staples a response in DER, or none, with this certificate from the next scan of the binds on: keep what is
    /// returned until then.
    pub fn staple(&self, served: &crate::Served, response: Option<Vec<u8>>) -> crate::Served {
        let old = served.shared();
        let new = Arc::new(old.stapled(response));
        self.exchange(old, &new);
        crate::Served::new(&new)
    }

    /// Takes a response in DER for the certificate that it is about. The binds staple it once they are scanned again:
    /// keep what is returned until then.
    pub fn set_staple(&self, der: &[u8]) -> Result<Vec<crate::Served>, StapleError> {
        let answer = Answer::read(der).map_err(|_| StapleError::Unreadable)?;
        let mut kept = Vec::new();
        for old in self.live().into_iter().filter(|c| is_about(&answer, c)) {
            ocsp::check_answer(&answer, answer.serial, seconds(SystemTime::now()))
                .map_err(StapleError::Useless)?;
            let new = Arc::new(old.stapled(Some(der.to_vec())));
            self.exchange(&old, &new);
            kept.push(crate::Served::new(&new));
        }
        if kept.is_empty() { Err(StapleError::NoCertificate) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::{ENUMERATED, EXPLICIT_0, INTEGER, OCTETS, OID, SEQUENCE, TIME, written};
    use crate::source::Source;
    use crate::store::StoreSpec;
    use std::time::{Duration, UNIX_EPOCH};

    /// As much of a response as is looked at, good until the end of 2029.
    fn response() -> Vec<u8> {
        let time = |text: &str| written(TIME, &[text.as_bytes()]);
        let algorithm = written(SEQUENCE, &[&written(OID, &[SHA1])]);
        let hash = written(OCTETS, &[&[0; 20]]);
        let id = written(SEQUENCE, &[&algorithm, &hash, &hash, &written(INTEGER, &[&[1]])]);
        let next = written(EXPLICIT_0, &[&time("20291231235959Z")]);
        let single = written(SEQUENCE, &[&id, &[0x80, 0], &time("20260101000000Z"), &next]);
        let data = written(SEQUENCE, &[&time("20260101000000Z"), &written(SEQUENCE, &[&single])]);
        let basic = written(OCTETS, &[&written(SEQUENCE, &[&data])]);
        let bytes = written(SEQUENCE, &[&written(OID, &[&[1]]), &basic]);
        written(SEQUENCE, &[&written(ENUMERATED, &[&[0]]), &written(EXPLICIT_0, &[&bytes])])
    }

    #[test]
    fn what_has_ended_is_stapled_no_more() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        let file = std::env::temp_dir().join(format!("lockgate-staple-{}.pem", std::process::id()));
        std::fs::write(&file, pem).unwrap();
        let store = CertStore::new(StoreSpec::default());
        let source = Source { crt: file.clone(), ..Source::default() };
        let loaded = |year: u64| {
            let now = UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600);
            store.load_all(std::slice::from_ref(&source), |_| true, now).remove(0).certificate.unwrap()
        };
        let bare = crate::Served::new(&loaded(2028));
        let stapled = store.staple(&bare, Some(response()));
        assert_eq!(stapled.staple().unwrap().end(), Some(1_893_455_999));
        assert!(loaded(2029).key.ocsp.is_some());
        assert!(loaded(2031).key.ocsp.is_none());
        std::fs::remove_file(file).unwrap();
    }
}
