//! Whether a server is who we mean: `verify required` with `ca-file`, `crl-file`, and the name of `sni` or `verifyhost`.
//!
//! Names follow HAProxy rather than the Web: without a name to look for none is looked for, and the common name counts
//! where there are no alternative ones.

use crate::chain::{self, Purpose};
use crate::revocation::Revocations;
use crate::server::no_name;
use crate::signature;
use crate::trust::Authorities;
use crate::version1;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::net::IpAddr;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The verifier of a server.
#[derive(Debug)]
pub(crate) struct ServerAuth {
    verifier: Arc<WebPkiServerVerifier>,
    authorities: Authorities,
    verifyhost: Option<String>,
    revocations: Revocations,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerAuth {
    pub(crate) fn new(
        authorities: Authorities,
        revocations: Revocations,
        verifyhost: Option<String>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<ServerAuth, String> {
        let roots = Arc::new(authorities.roots());
        let algorithms = provider.signature_verification_algorithms;
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
        let builder = builder.with_crls(revocations.current.iter().cloned()).enforce_revocation_expiration();
        let verifier = builder.build().map_err(|error| error.to_string())?;
        Ok(ServerAuth { verifier, authorities, verifyhost, revocations, algorithms })
    }

    fn trusts_version1(&self, leaf: &[u8], now: UnixTime) -> bool {
        let old = version1::read(leaf).filter(|_| self.revocations.current.is_empty());
        old.is_some_and(|old| version1::is_trusted(&old, &self.authorities, now))
    }

    fn check_name(&self, certificate: &CertificateDer<'_>, asked: &ServerName<'_>) -> Result<(), Error> {
        let sni = (*asked != no_name()).then(|| asked.to_str().into_owned());
        match sni.or_else(|| self.verifyhost.clone()) {
            Some(name) if !is_for(certificate, &name) => Err(CertificateError::NotValidForName.into()),
            Some(_) | None => Ok(()),
        }
    }
}

/// The certificate carries the name, or a wildcard for it.
fn is_for(certificate: &[u8], name: &str) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let address = name.parse::<IpAddr>().ok();
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = || alternative.iter().flat_map(|ext| &ext.value.general_names);
    let by_alternative = names().any(|own| match own {
        GeneralName::DNSName(own) => matches(own, name),
        GeneralName::IPAddress(octets) => address.is_some_and(|address| is_address(octets, address)),
        _ => false,
    });
    let by_common_name =
        || certificate.subject().iter_common_name().any(|cn| cn.as_str().is_ok_and(|own| matches(own, name)));
    // RFC 6125 section 6.4.4, which HAProxy heeds by now
    let counts = !names().any(|own| matches!(own, GeneralName::DNSName(_)));
    by_alternative || counts && by_common_name()
}

fn is_address(octets: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => octets == v4.octets(),
        IpAddr::V6(v6) => octets == v6.octets(),
    }
}

/// A star stands for one whole label at the front, and only before at least two others.
fn matches(own: &str, name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    match own.strip_prefix("*.") {
        Some(domain) if domain.contains('.') => name
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain)),
        Some(_) | None => own.eq_ignore_ascii_case(name),
    }
}

impl ServerCertVerifier for ServerAuth {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let intermediates = &self.authorities.issuers(intermediates);
        // rustls looks at the name last, so a complaint about it says that all else was in order.
        let verify =
            |()| self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let outcome = self.authorities.believe_nobody().and_then(verify);
        let revocation = self.revocations.faults(&self.authorities, end_entity, intermediates, now);
        let (faults, error) = match outcome {
            Ok(_) => (revocation, CertificateError::UnknownRevocationStatus.into()),
            Err(
                error @ Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                ),
            ) => (revocation, error),
            Err(error) if self.trusts_version1(end_entity, now) => (revocation, error),
            Err(error) => {
                let (trusted, purpose) = (&self.authorities, Purpose::Server);
                let faults =
                    chain::faults(trusted, end_entity, intermediates, now, purpose, &error, revocation);
                (faults, error)
            }
        };
        if let Some(fault) = faults.first() {
            return Err(fault.error(error));
        }
        self.check_name(end_entity, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// `verify none`: any certificate will do, but its owner must hold the key.
#[derive(Debug)]
pub(crate) struct AnyCertificate(pub(crate) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        signature::check_tls12(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        signature::check_tls13(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_label() {
        for (own, name, is) in [
            ("a.example", "A.Example", true),
            ("a.example", "a.example.", true),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "WWW.EXAMPLE.ORG", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", ".example.org", false),
            ("*.org", "example.org", false),
            ("*", "example", false),
            ("w*.example.org", "www.example.org", false),
        ] {
            assert_eq!(matches(own, name), is, "{own} {name}");
        }
    }
}
