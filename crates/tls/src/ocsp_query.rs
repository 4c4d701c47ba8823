//! A question to an OCSP responder about one certificate, and what its answer is worth (RFC 6960): it is believed only
//! with the signature of the certificate's issuer, or of a responder whom that issuer certified for this. The question
//! carries no nonce (RFC 5019 section 2.1.1), as answers made in advance are taken. Asking is `certs`'.

use crate::der::{INTEGER, NULL, OCTETS, OID, SEQUENCE, written};
use crate::ocsp::{self, Answer, Responder, Signed, Status, trim};
use aws_lc_rs::digest;
use std::fmt;
use x509_parser::asn1_rs::BitString;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use x509_parser::verify::verify_signature;
use x509_parser::x509::AlgorithmIdentifier;

/// SHA-1, by which certificates are called in questions: every responder knows it, and nothing rests on its strength.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// `id-ad-ocsp` (RFC 6960 section 3.1).
const ACCESS_BY_OCSP: &str = "1.3.6.1.5.5.7.48.1";

/// A question about one certificate.
#[derive(Clone, Debug)]
pub struct OcspQuery {
    responder: String,
    /// `CertID`
    key: Vec<u8>,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
}

/// An answer that is to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// What it says.
    pub verdict: OcspVerdict,
    /// When it ends to be true, seconds since the epoch.
    pub next_update: Option<i64>,
}

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspVerdict {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked {
        /// Since when, seconds since the epoch.
        at: i64,
        /// `CRLReason`, where it is said.
        reason: Option<u8>,
    },
}

/// Why there is nothing to ask, or an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspError(&'static str);

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for OcspError {}

/// Where a certificate says that it can be asked about: a plain http address.
pub fn ocsp_responder(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    responder_of(&certificate)
}

fn responder_of(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        access.accessdescs.iter().find_map(|way| match &way.access_location {
            GeneralName::URI(uri)
                if way.access_method.to_id_string() == ACCESS_BY_OCSP && uri.starts_with("http://") =>
            {
                Some((*uri).to_owned())
            }
            _ => None,
        })
    })
}

impl OcspQuery {
    /// About a certificate and its issuer, both in DER.
    pub fn new(certificate: &[u8], issuer: &[u8]) -> Result<OcspQuery, OcspError> {
        let unreadable = OcspError("the certificate or its issuer cannot be read");
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| unreadable)?;
        let (_, parsed) = X509Certificate::from_der(issuer).map_err(|_| unreadable)?;
        let responder =
            responder_of(&certificate).ok_or(OcspError("the certificate names no OCSP responder"))?;
        if certificate.issuer() != parsed.subject() {
            return Err(OcspError("the certificate's issuer is not known"));
        }
        let name_hash = sha1(parsed.subject().as_raw());
        let key_hash = sha1(&parsed.public_key().subject_public_key.data);
        let serial = certificate.raw_serial().to_vec();
        let algorithm = written(SEQUENCE, &[&written(OID, &[SHA1]), &written(NULL, &[])]);
        let hashes = [written(OCTETS, &[&name_hash]), written(OCTETS, &[&key_hash])];
        let [name, of_key] = &hashes;
        let key = written(SEQUENCE, &[&algorithm, name, of_key, &written(INTEGER, &[&serial])]);
        Ok(OcspQuery { responder, key, name_hash, key_hash, serial, issuer: issuer.to_vec() })
    }

    /// Where to ask.
    pub fn responder(&self) -> &str {
        &self.responder
    }

    /// What the answer is called by: the whole `CertID`.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The question, an `OCSPRequest` in DER (RFC 6960 section 4.1.1).
    pub fn request(&self) -> Vec<u8> {
        let list = written(SEQUENCE, &[&written(SEQUENCE, &[&self.key])]);
        written(SEQUENCE, &[&written(SEQUENCE, &[&list])])
    }

    /// What an answer in DER says of the certificate at this time, seconds since the epoch.
    pub fn accept(&self, response: &[u8], now: i64) -> Result<OcspAnswer, OcspError> {
        self.read(response, now).map_err(OcspError)
    }

    fn read(&self, response: &[u8], now: i64) -> Result<OcspAnswer, &'static str> {
        let (answer, signed) = (Answer::read(response)?, Signed::read(response)?);
        if !self.is_about(&answer) {
            return Err("the answer is about another certificate");
        }
        self.check_signature(&answer, &signed, now)?;
        let next_update = answer.next_update()?;
        match (answer.status, answer.revoked) {
            (Status::Good, _) => {
                ocsp::check_dates(&answer, now)?;
                Ok(OcspAnswer { verdict: OcspVerdict::Good, next_update })
            }
            // What is revoked stays so: an old answer proves it still.
            (Status::Revoked, Some((at, reason))) => {
                let verdict = OcspVerdict::Revoked { at: ocsp::time(at)?, reason };
                Ok(OcspAnswer { verdict, next_update })
            }
            (Status::Revoked, None) | (Status::Unknown, _) => {
                Err("the responder does not know the certificate")
            }
        }
    }

    fn is_about(&self, answer: &Answer<'_>) -> bool {
        answer.hash == SHA1
            && answer.name_hash == self.name_hash
            && answer.key_hash == self.key_hash
            && trim(answer.serial) == trim(&self.serial)
    }

    /// RFC 6960 section 4.2.2.2: the issuer signed, or somebody whom it certified for signing answers.
    fn check_signature(
        &self,
        answer: &Answer<'_>,
        signed: &Signed<'_>,
        now: i64,
    ) -> Result<(), &'static str> {
        const NOBODY: &str =
            "the answer is signed neither by the certificate's issuer nor by a responder of its";
        let (_, issuer) = X509Certificate::from_der(&self.issuer).map_err(|_| NOBODY)?;
        if is_by(answer, &issuer) {
            return check(signed, &issuer);
        }
        let certificates = signed.certificates.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        let responder = certificates.map(|(_, certificate)| certificate).find(|c| is_by(answer, c));
        let responder = responder.ok_or(NOBODY)?;
        if !may_answer(&responder, &issuer, now) {
            return Err("the issuer did not certify the responder for OCSP, or not for today");
        }
        check(signed, &responder)
    }
}

/// The response names this certificate as its signer's.
fn is_by(answer: &Answer<'_>, signer: &X509Certificate<'_>) -> bool {
    match answer.responder {
        Some(Responder::Name(name)) => name == signer.subject().as_raw(),
        Some(Responder::Key(hash)) => hash == sha1(&signer.public_key().subject_public_key.data),
        None => false,
    }
}

/// The issuer itself certified it, for signing answers (`id-kp-OCSPSigning`), and it is in date.
fn may_answer(responder: &X509Certificate<'_>, issuer: &X509Certificate<'_>, now: i64) -> bool {
    let usage = responder.extended_key_usage().ok().flatten();
    let date = ASN1Time::from_timestamp(now);
    responder.issuer() == issuer.subject()
        && usage.is_some_and(|usage| usage.value.ocsp_signing)
        && date.is_ok_and(|date| responder.validity().is_valid_at(date))
        && responder.verify_signature(Some(issuer.public_key())).is_ok()
}

fn check(signed: &Signed<'_>, signer: &X509Certificate<'_>) -> Result<(), &'static str> {
    const UNREADABLE: &str = "the answer's signature cannot be read";
    let (_, algorithm) = AlgorithmIdentifier::from_der(signed.algorithm).map_err(|_| UNREADABLE)?;
    let (_, signature) = BitString::from_der(signed.signature).map_err(|_| UNREADABLE)?;
    verify_signature(signer.public_key(), &algorithm, &signature, signed.data)
        .map_err(|_| "the answer's signature is wrong, or of a kind that is not known here")
}

fn sha1(text: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text).as_ref().to_vec()
}
