//! The peer's proof that it holds the key of the certificate it showed. Every verifier here checks it, whatever else it
//! overlooks.

use crate::version1;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::CertificateDer;
use rustls::{DigitallySignedStruct, Error};

pub(crate) fn check_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    match version1::read(certificate) {
        Some(old) => version1::check_tls12(&old, message, dss, algorithms),
        None => verify_tls12_signature(message, certificate, dss, algorithms),
    }
}

pub(crate) fn check_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    match version1::read(certificate) {
        Some(old) => version1::check_tls13(&old, message, dss, algorithms),
        None => verify_tls13_signature(message, certificate, dss, algorithms),
    }
}
