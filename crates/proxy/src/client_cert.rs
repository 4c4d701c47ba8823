//! Facts about the certificates of a client's connection, the client's and ours, out of what the handshake kept.

use crate::agreed::Agreed;
use expr::{CertField, Fact, Sample};
use tls::{CertView, VerifyReport};

/// Answers `ssl_c_*`, `ssl_f_*` and `ssl_fc_session_id`.
pub fn fact<'a>(tls: Option<&'a Agreed>, fact: &Fact) -> Option<Sample<'a>> {
    let tls = tls?;
    let report = tls.client.as_ref().map_or_else(VerifyReport::default, |client| client.report);
    let number = |n: u16| Some(Sample::Int(n.into()));
    match fact {
        Fact::SslFcSessionId => Some(Sample::Bin(tls.session_id.as_ref().into())),
        Fact::SslClientUsed => Some(Sample::Bool(tls.client.is_some())),
        Fact::SslClientVerify => number(report.verify),
        Fact::SslClientErr => number(report.err),
        Fact::SslClientCaErr => number(report.ca_err),
        Fact::SslClientCaErrDepth => number(report.ca_err_depth),
        Fact::SslClient(which) => field(&CertView::new(&tls.client.as_ref()?.der)?, which),
        Fact::SslServed(which) => field(&tls.served.as_ref()?.view()?, which),
        _ => None,
    }
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
        CertField::NotBefore => Sample::owned(certificate.not_before()),
        CertField::NotAfter => Sample::owned(certificate.not_after()),
        CertField::SigAlg => Sample::owned(certificate.sig_alg()),
        CertField::KeyAlg => Sample::owned(certificate.key_alg()),
        CertField::Version => Sample::Int(certificate.version()),
    })
}
