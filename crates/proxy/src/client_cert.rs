//! Facts about the certificates of a stream's connections, the client's, ours and the server's, out of what the handshake kept.

use crate::agreed::Agreed;
use expr::{CertField, Sample};
use tls::CertView;

/// A piece of the client's certificate (`ssl_c_*`).
pub fn presented(tls: &Agreed, which: &CertField) -> Option<Sample<'static>> {
    field(&CertView::new(&tls.client.as_ref()?.der)?, which)
}

/// A piece of the certificate that we presented (`ssl_f_*`).
pub fn served(tls: &Agreed, which: &CertField) -> Option<Sample<'static>> {
    field(&tls.served.as_ref()?.view()?, which)
}

/// A piece of the server's certificate (`ssl_s_*`).
pub fn of_server(tls: &Agreed, which: &CertField) -> Option<Sample<'static>> {
    field(&CertView::new(tls.server.first()?)?, which)
}

/// One piece of a certificate.
fn field(certificate: &CertView<'_>, which: &CertField) -> Option<Sample<'static>> {
    let bytes = |b: &[u8]| Sample::Bin(b.to_vec().into());
    Some(match which {
        CertField::Der => bytes(certificate.der()),
        CertField::Sha1 => bytes(&certificate.sha1()),
        CertField::Serial => bytes(certificate.serial()),
        CertField::Subject(None) => Sample::owned(certificate.subject()),
        CertField::Subject(Some((entry, nth))) => Sample::owned(certificate.subject_entry(entry, *nth)?),
        CertField::Issuer(None) => Sample::owned(certificate.issuer()),
        CertField::Issuer(Some((entry, nth))) => Sample::owned(certificate.issuer_entry(entry, *nth)?),
        CertField::SubjectRfc2253 => Sample::owned(certificate.subject_rfc2253()),
        CertField::IssuerRfc2253 => Sample::owned(certificate.issuer_rfc2253()),
        CertField::NotBefore => Sample::owned(certificate.not_before()),
        CertField::NotAfter => Sample::owned(certificate.not_after()),
        CertField::SigAlg => Sample::owned(certificate.sig_alg()),
        CertField::KeyAlg => Sample::owned(certificate.key_alg()),
        CertField::Version => Sample::Int(certificate.version()),
    })
}
