//! What is wrong with a chain that was refused, in OpenSSL's numbers (`man 3 X509_STORE_CTX_get_error`) and in the
//! order in which OpenSSL meets it: trust, purpose, revocation, then dates from the top down.
//!
//! OpenSSL accepts one thing that rustls does not: a self-signed certificate that is itself among the trusted ones,
//! even one made for an authority. That is decided here too, by an empty list.

use crate::trust::Authorities;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What the certificate was shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Client,
    Server,
}

/// One fault; depth 0 is the certificate itself, 1 its issuer, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) depth: u16,
    pub(crate) number: u16,
}

impl Fault {
    /// The error that makes rustls send the alert OpenSSL would; `told` where there is none of its own.
    pub(crate) fn error(&self, told: Error) -> Error {
        match self.number {
            NO_ISSUER | SELF_SIGNED | SELF_SIGNED_IN_CHAIN | NO_ISSUER_LOCALLY | LEAF_UNVERIFIABLE => {
                CertificateError::UnknownIssuer.into()
            }
            NOT_YET_VALID => CertificateError::NotValidYet.into(),
            EXPIRED => CertificateError::Expired.into(),
            BAD_SIGNATURE => CertificateError::BadSignature.into(),
            REVOKED => CertificateError::Revoked.into(),
            NO_CRL | CRL_NOT_YET_VALID | CRL_SIGNATURE => CertificateError::UnknownRevocationStatus.into(),
            CRL_EXPIRED => CertificateError::ExpiredRevocationList.into(),
            BAD_PURPOSE => CertificateError::InvalidPurpose.into(),
            _ => told,
        }
    }
}

pub(crate) const UNSPECIFIED: u16 = 1;
const NO_ISSUER: u16 = 2;
pub(crate) const NO_CRL: u16 = 3;
const BAD_SIGNATURE: u16 = 7;
pub(crate) const CRL_SIGNATURE: u16 = 8;
const NOT_YET_VALID: u16 = 9;
const EXPIRED: u16 = 10;
pub(crate) const CRL_NOT_YET_VALID: u16 = 11;
pub(crate) const CRL_EXPIRED: u16 = 12;
const SELF_SIGNED: u16 = 18;
const SELF_SIGNED_IN_CHAIN: u16 = 19;
const NO_ISSUER_LOCALLY: u16 = 20;
const LEAF_UNVERIFIABLE: u16 = 21;
pub(crate) const REVOKED: u16 = 23;
const BAD_PURPOSE: u16 = 26;
const CRITICAL_EXTENSION: u16 = 34;

/// The names newer versions take in `crt-ignore-err`.
const NAMES: [(&str, u16); 18] = [
    ("X509_V_ERR_UNSPECIFIED", UNSPECIFIED),
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", NO_ISSUER),
    ("X509_V_ERR_UNABLE_TO_GET_CRL", NO_CRL),
    ("X509_V_ERR_CERT_SIGNATURE_FAILURE", BAD_SIGNATURE),
    ("X509_V_ERR_CRL_SIGNATURE_FAILURE", CRL_SIGNATURE),
    ("X509_V_ERR_CERT_NOT_YET_VALID", NOT_YET_VALID),
    ("X509_V_ERR_CERT_HAS_EXPIRED", EXPIRED),
    ("X509_V_ERR_CRL_NOT_YET_VALID", CRL_NOT_YET_VALID),
    ("X509_V_ERR_CRL_HAS_EXPIRED", CRL_EXPIRED),
    ("X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", SELF_SIGNED),
    ("X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", SELF_SIGNED_IN_CHAIN),
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", NO_ISSUER_LOCALLY),
    ("X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", LEAF_UNVERIFIABLE),
    ("X509_V_ERR_CERT_CHAIN_TOO_LONG", 22),
    ("X509_V_ERR_CERT_REVOKED", REVOKED),
    ("X509_V_ERR_INVALID_CA", 24),
    ("X509_V_ERR_PATH_LENGTH_EXCEEDED", 25),
    ("X509_V_ERR_INVALID_PURPOSE", BAD_PURPOSE),
];

/// The number of a fault called by OpenSSL's name.
pub(crate) fn number_of(name: &str) -> Option<u16> {
    NAMES.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Issuers followed at most, whatever the peer sent.
const MAX_PATH: usize = 10;

/// The faults of a chain that rustls refused with `error`, those found by `revocation` among them. Empty: it is
/// acceptable after all.
pub(crate) fn faults(
    trusted: &Authorities,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    now: UnixTime,
    purpose: Purpose,
    error: &Error,
    revocation: Vec<Fault>,
) -> Vec<Fault> {
    let Some(path) = Path::follow(trusted, leaf, issuers) else {
        return vec![Fault { depth: 0, number: UNSPECIFIED }];
    };
    let mut faults = path.trust_faults();
    let told = told_by(error).or_else(|| path.purpose_fault(purpose));
    faults.extend(told.map(|number| Fault { depth: 0, number }));
    faults.extend(revocation);
    faults.extend(path.date_faults(now));
    // Refused for a reason that is not worked out here: only the one exception passes.
    if faults.is_empty() && !path.direct {
        faults.push(Fault { depth: 0, number: UNSPECIFIED });
    }
    faults
}

/// What only rustls can have seen, as it looked at keys, lists and extensions.
fn told_by(error: &Error) -> Option<u16> {
    let Error::InvalidCertificate(error) = error else { return None };
    match error {
        CertificateError::BadSignature => Some(BAD_SIGNATURE),
        CertificateError::Revoked => Some(REVOKED),
        CertificateError::UnknownRevocationStatus => Some(NO_CRL),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            Some(CRL_EXPIRED)
        }
        CertificateError::UnhandledCriticalExtension => Some(CRITICAL_EXTENSION),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Some(BAD_PURPOSE)
        }
        _ => None,
    }
}

/// From the leaf upwards, by names, as far as it leads.
struct Path<'p> {
    certificates: Vec<X509Certificate<'p>>,
    /// The last one's issuer is trusted, or the last one itself.
    trusted: bool,
    /// The leaf itself is trusted, and self-signed.
    direct: bool,
    /// The last one stands in the `ca-file`, but its issuer is not there.
    cut_short: bool,
}

impl<'p> Path<'p> {
    /// `None` where the leaf cannot be read.
    fn follow(trusted: &Authorities, leaf: &'p [u8], issuers: &'p [CertificateDer<'p>]) -> Option<Path<'p>> {
        let (_, first) = X509Certificate::from_der(leaf).ok()?;
        let direct = trusted.is_anchor(leaf);
        let mut path = Path { certificates: vec![first], trusted: direct, direct, cut_short: false };
        let sent: Vec<_> =
            issuers.iter().take(MAX_PATH).filter_map(|der| X509Certificate::from_der(der).ok()).collect();
        let roots: Vec<_> =
            trusted.anchors.iter().filter_map(|der| X509Certificate::from_der(der).ok()).collect();
        while !path.trusted && path.certificates.len() <= MAX_PATH {
            let Some(top) = path.certificates.last() else { break };
            let issuer = top.issuer().as_raw().to_vec();
            path.trusted = roots.iter().any(|root| root.1.subject().as_raw() == issuer.as_slice());
            let next = sent
                .iter()
                .find(|(_, cert)| cert.subject().as_raw() == issuer.as_slice() && !is_self_signed(top));
            match next {
                Some((_, cert)) if !path.trusted => path.certificates.push(cert.clone()),
                Some(_) | None => break,
            }
        }
        path.cut_short = path.certificates.last().is_some_and(|top| trusted.leads_on(top.as_raw()));
        Some(path)
    }

    /// rustls refuses an authority's certificate before it looks at its purposes.
    fn purpose_fault(&self, purpose: Purpose) -> Option<u16> {
        let usage = self.certificates.first()?.extended_key_usage().ok()??.value;
        let fits = match purpose {
            Purpose::Client => usage.client_auth,
            Purpose::Server => usage.server_auth,
        };
        (!fits && !usage.any).then_some(BAD_PURPOSE)
    }

    fn trust_faults(&self) -> Vec<Fault> {
        let depth = u16::try_from(self.certificates.len().saturating_sub(1)).unwrap_or(u16::MAX);
        let own = self.certificates.last().is_some_and(is_self_signed);
        let fault = |number| Fault { depth, number };
        match (self.trusted, own, depth) {
            (true, _, _) => Vec::new(),
            (false, true, 0) => vec![fault(SELF_SIGNED)],
            (false, true, _) => vec![fault(SELF_SIGNED_IN_CHAIN)],
            (false, false, 0) => vec![fault(NO_ISSUER_LOCALLY), fault(LEAF_UNVERIFIABLE)],
            (false, false, _) if self.cut_short => vec![fault(NO_ISSUER)],
            (false, false, _) => vec![fault(NO_ISSUER_LOCALLY)],
        }
    }

    fn date_faults(&self, now: UnixTime) -> Vec<Fault> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let fault = |(depth, cert): (u16, &X509Certificate<'_>)| {
            let validity = cert.validity();
            let number = match () {
                () if now < validity.not_before.timestamp() => NOT_YET_VALID,
                () if now > validity.not_after.timestamp() => EXPIRED,
                () => return None,
            };
            Some(Fault { depth, number })
        };
        let mut faults: Vec<Fault> = (0..).zip(&self.certificates).filter_map(fault).collect();
        faults.reverse();
        faults
    }
}

pub(crate) fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}
