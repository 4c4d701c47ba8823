//! The parts of a certificate that operators bring in one by one (management guide 9.3, `set ssl cert`): what waits in a
//! transaction. They need not fit each other until they are committed.

use crate::certificate::{self, Certificate, PayloadError};
use crate::edit::CertError;
use crate::ocsp::Answer;
use crate::staple::{Staple, names_issuer};
use crate::view::CertView;
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;
use std::fmt;
use std::sync::Arc;

/// Which part of a certificate a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Certificate, issuers and key in PEM: all there is, in the place of all there was, `.issuer` and `.ocsp` too.
    Certificate,
    /// `.key`, in PEM.
    Key,
    /// `.issuer`, in PEM. It is not shown to clients: its responder is asked about the certificate.
    Issuer,
    /// `.ocsp`, in DER.
    Ocsp,
    /// `.sctl`, which has no effect: timestamps are taken from the certificate itself.
    Sctl,
}

const SUFFIXES: [(&str, Part); 4] =
    [(".key", Part::Key), (".issuer", Part::Issuer), (".ocsp", Part::Ocsp), (".sctl", Part::Sctl)];

impl Part {
    /// What a file's name says it is, and the name of the certificate that it belongs to.
    pub(crate) fn of(name: &str) -> (&str, Part) {
        let found = SUFFIXES.iter().find_map(|(suffix, part)| Some((name.strip_suffix(suffix)?, *part)));
        found.unwrap_or((name, Part::Certificate))
    }
}

/// What waits to be committed.
#[derive(Clone, Default)]
pub struct Parts {
    chain: Vec<CertificateDer<'static>>,
    key: Option<Arc<dyn SigningKey>>,
    ocsp: Option<Vec<u8>>,
    issuer: Option<CertificateDer<'static>>,
}

impl Parts {
    /// Those of a certificate in use.
    pub(crate) fn of(certificate: &Certificate) -> Parts {
        let key = &certificate.key;
        Parts {
            chain: key.cert.clone(),
            key: Some(Arc::clone(&key.key)),
            ocsp: key.ocsp.clone(),
            issuer: certificate.issuer.clone(),
        }
    }

    /// Puts one part in the place of what was there.
    pub(crate) fn set(&mut self, name: &str, part: Part, payload: &[u8]) -> Result<(), CertError> {
        match part {
            Part::Certificate => *self = Parts::read(name, payload)?,
            Part::Key => {
                let key = certificate::key_of(payload).ok_or_else(|| CertError::BadKey(name.to_owned()))?;
                self.key = Some(key);
            }
            Part::Issuer => {
                let chain = certificate::chain_of(payload);
                if !is_sound(&chain) {
                    return Err(CertError::BadIssuer(name.to_owned()));
                }
                self.issuer = chain.into_iter().next();
                self.forget_what_another_issuer_said();
            }
            Part::Ocsp => {
                Answer::read(payload).map_err(CertError::BadOcsp)?;
                self.ocsp = Some(payload.to_vec());
            }
            Part::Sctl => {
                return Err(CertError::NoEffect("timestamps are taken from the certificate itself"));
            }
        }
        Ok(())
    }

    /// A response stays with the issuer that it names; HAProxy staples it no more either.
    fn forget_what_another_issuer_said(&mut self) {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let is_kept = |der: &Vec<u8>| Answer::read(der).is_ok_and(|answer| names_issuer(&answer, issuer));
        self.ocsp = self.ocsp.take().filter(is_kept);
    }

    fn read(name: &str, pem: &[u8]) -> Result<Parts, CertError> {
        let chain = certificate::chain_of(pem);
        if !is_sound(&chain) {
            return Err(CertError::Unloadable(name.to_owned()));
        }
        let key = certificate::key_of(pem);
        if key.is_none() && certificate::has_key(pem) {
            return Err(CertError::BadKey(name.to_owned()));
        }
        Ok(Parts { chain, key, ocsp: None, issuer: None })
    }

    /// The certificate that they make. A response that a client would not take is no part of it.
    pub(crate) fn join(&self, name: &str) -> Result<Certificate, CertError> {
        let key = self.key.clone().ok_or(CertError::Incomplete)?;
        let mut certificate = certificate::of_parts(self.chain.clone(), key).map_err(|why| match why {
            PayloadError::Unloadable | PayloadError::Mismatch => CertError::Mismatch(name.to_owned()),
            PayloadError::NoKey => CertError::Incomplete,
        })?;
        certificate.issuer.clone_from(&self.issuer);
        if let Some(der) = &self.ocsp {
            if certificate.lacks_issuer() {
                return Err(CertError::NoIssuer(name.to_owned()));
            }
            certificate::check_staple(&certificate, der).map_err(CertError::UselessOcsp)?;
            certificate = certificate.stapled(Some(der.clone()));
        }
        Ok(certificate)
    }

    /// The certificates in DER, their own first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    /// What would be stapled.
    pub fn staple(&self) -> Option<Staple> {
        self.ocsp.clone().map(Staple::new)
    }
}

/// The key is nobody's to see.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

fn is_sound(chain: &[CertificateDer<'_>]) -> bool {
    !chain.is_empty() && chain.iter().all(|der| CertView::new(der).is_some())
}
