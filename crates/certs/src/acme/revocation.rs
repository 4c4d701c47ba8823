//! Revoking by a certificate's own key (RFC 8555 section 7.6): for whoever has that key and not the account.

use super::account::{builder, patient};
use super::signer::Signer;
use super::transport::Transport;
use super::{Directory, IssueError, Reason};
use instant_acme::RevocationRequest;
use rcgen::{KeyPair, PublicKeyData};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

const STEP: &str = "the revocation";

/// Has the first certificate of a PEM text revoked by its key, in PEM.
pub async fn revoke_by_key(
    directory: &Directory,
    cert_pem: &str,
    key_pem: &str,
    reason: Reason,
) -> Result<(), IssueError> {
    let certificate = CertificateDer::from_pem_slice(cert_pem.as_bytes());
    let certificate = certificate.map_err(|why| given(format!("the certificate cannot be read: {why}")))?;
    let signer = signer(&certificate, key_pem)?;
    let transport = Transport::new(directory)?.signing_by(signer);
    let host = directory.host().to_owned();
    let failed = |error| IssueError::of(error, STEP, &host, transport.take_retry_after());
    // The library wants an account: this one is nobody's, and all that it signs is signed anew on its way.
    let nobody = KeyPair::generate().map_err(|why| IssueError::Key { why: why.to_string() })?;
    let nobody = PrivatePkcs8KeyDer::from(nobody.serialize_der());
    let account = builder(&transport).from_parts(String::new(), nobody, directory.url.clone()).await;
    let account = account.map_err(failed)?;
    let request = RevocationRequest { certificate: &certificate, reason: Some(reason) };
    patient(async || account.revoke(&request).await).await.map_err(failed)
}

fn signer(certificate: &CertificateDer<'_>, key_pem: &str) -> Result<Signer, IssueError> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|why| given(format!("the certificate cannot be read: {why}")))?;
    let public = parsed.public_key().raw;
    let key = KeyPair::from_pem(key_pem).map_err(|why| given(format!("the key cannot be read: {why}")))?;
    if key.subject_public_key_info() != public {
        return Err(given("the key is not that of this certificate".to_owned()));
    }
    let signer = Signer::of_certificate(&key.serialize_der(), public);
    signer.map_err(|why| given(format!("the key cannot be used: {why}")))
}

fn given(why: String) -> IssueError {
    IssueError::Given { why }
}
