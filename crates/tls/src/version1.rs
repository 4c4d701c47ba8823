//! Certificates of X.509 version 1, as `openssl x509 -req` makes them where nobody asks for extensions. Home-made
//! authorities are full of them and OpenSSL takes them, but rustls refuses to read them. What is accepted here is the
//! plain case: a certificate signed directly by a trusted authority, in date, without revocation lists in play.

use crate::der::{BITS, Der, SEQUENCE};
use crate::trust::Authorities;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

/// The certificate, if it is of that version.
pub(crate) fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    (certificate.version() == X509Version::V1).then_some(certificate)
}

/// Signed by one of the trusted authorities, or by one beside them that they signed, and in date.
pub(crate) fn is_trusted(certificate: &X509Certificate<'_>, trusted: &Authorities, now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let in_date = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
    let leads_on = |der: &[u8]| {
        X509Certificate::from_der(der).is_ok_and(|(_, one)| {
            is_signed(certificate, &one) && trusted.anchors.iter().any(|der| signed(&one, der))
        })
    };
    in_date
        && (trusted.anchors.iter().any(|der| signed(certificate, der))
            || trusted.others.iter().any(|der| leads_on(der)))
}

fn signed(certificate: &X509Certificate<'_>, by: &[u8]) -> bool {
    X509Certificate::from_der(by).is_ok_and(|(_, authority)| is_signed(certificate, &authority))
}

fn is_signed(certificate: &X509Certificate<'_>, by: &X509Certificate<'_>) -> bool {
    by.subject().as_raw() == certificate.issuer().as_raw()
        && certificate.verify_signature(Some(by.public_key())).is_ok()
}

/// The peer's signature over the handshake, with the key of a certificate that rustls does not read. TLS 1.3.
pub(crate) fn check_tls13(
    certificate: &X509Certificate<'_>,
    message: &[u8],
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = SubjectPublicKeyInfoDer::from(certificate.public_key().raw);
    verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
}

/// The same for TLS 1.2.
pub(crate) fn check_tls12(
    certificate: &X509Certificate<'_>,
    message: &[u8],
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let bad = Error::InvalidCertificate(CertificateError::BadSignature);
    let (kind, key) = key_parts(certificate.public_key().raw).ok_or(bad.clone())?;
    let of_scheme = algorithms.mapping.iter().filter(|(scheme, _)| *scheme == dss.scheme);
    let mut candidates =
        of_scheme.flat_map(|(_, list)| list.iter()).filter(|alg| alg.public_key_alg_id().as_ref() == kind);
    match candidates.any(|alg| alg.verify_signature(key, message, dss.signature()).is_ok()) {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(bad),
    }
}

/// Algorithm and key of a SubjectPublicKeyInfo (RFC 5280 section 4.1).
fn key_parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Der(Der(spki).take(SEQUENCE).ok()?);
    let kind = parts.take(SEQUENCE).ok()?;
    let (unused_bits, key) = parts.take(BITS).ok()?.split_first()?;
    (*unused_bits == 0).then_some((kind, key))
}
