//! From a ready order to a certificate that is what was asked for: key, request, chain, checks.

use super::answers::WAIT;
use super::{Wanted, names_of};
use crate::acme::{IssueError, Opened, patient};
use crate::storage::{Bundle, split};
use instant_acme::Order;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

const STEP: &str = "the certificate";
/// Other chains that are looked at; Let's Encrypt offers one or two.
const MAX_ALTERNATES: usize = 8;

/// The key of the certificate: a new one, or that of the one before. A key that is damaged is served by nobody, and
/// nothing is gained by holding on to it.
pub(super) fn key(
    wanted: &Wanted,
    before: Option<&Bundle>,
    complaints: &mut Vec<String>,
) -> Result<KeyPair, IssueError> {
    let Some(before) = before.filter(|_| wanted.reuse_key) else { return wanted.key.generate() };
    KeyPair::from_pem(&before.key_pem).or_else(|why| {
        complaints.push(format!("the key before cannot be used again ({why}): a new one was made"));
        wanted.key.generate()
    })
}

/// Sends the request and waits for the chain, in PEM.
pub(super) async fn order(
    order: &mut Order,
    wanted: &Wanted,
    key: &KeyPair,
    account: &Opened,
    complaints: &mut Vec<String>,
) -> Result<String, IssueError> {
    let request = request(wanted, key).map_err(|why| IssueError::Key { why: why.to_string() })?;
    patient(async || order.finalize_csr(&request).await).await.map_err(account.failed(STEP))?;
    let chain = patient(async || order.poll_certificate(&WAIT).await).await.map_err(account.failed(STEP))?;
    match &wanted.preferred_chain {
        None => Ok(chain),
        Some(root) => Ok(preferred(chain, root, account, complaints).await),
    }
}

fn request(wanted: &Wanted, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new(wanted.names.clone())?;
    // Common names are out of use: a name longer than 64 letters would not fit, and authorities drop them.
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// The chain whose topmost certificate was issued by `root`, as Certbot understands `--preferred-chain`.
async fn preferred(chain: String, root: &str, account: &Opened, complaints: &mut Vec<String>) -> String {
    if top_issuer(&chain).as_deref() == Some(root) {
        return chain;
    }
    for address in account.transport.take_alternates().into_iter().take(MAX_ALTERNATES) {
        // RULE ZERO: the library fetches orders only. A chain is no order, so this always ends in an error; what came
        // was signed for and fetched in the right way, and the transport has kept it.
        let _ = account.account.order(address).await;
        if let Some(other) = account.transport.take_chain()
            && top_issuer(&other).as_deref() == Some(root)
        {
            return other;
        }
    }
    complaints.push(format!("no chain leads to '{root}': the authority's default is used"));
    chain
}

fn top_issuer(chain: &str) -> Option<String> {
    let ders = ders(chain).ok()?;
    let (_, top) = X509Certificate::from_der(ders.last()?).ok()?;
    top.issuer().iter_common_name().next()?.as_str().ok().map(ToOwned::to_owned)
}

fn ders(chain: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
    all.map_err(|why| why.to_string())
}

/// Checks what came and takes it apart.
pub(super) fn bundle(full: &str, key: &KeyPair, wanted: &Wanted) -> Result<Bundle, IssueError> {
    check(full, key, wanted).map_err(|why| IssueError::BadCertificate { why })?;
    let (cert_pem, chain_pem) = split(full);
    Ok(Bundle { key_pem: key.serialize_pem(), cert_pem, chain_pem })
}

fn check(full: &str, key: &KeyPair, wanted: &Wanted) -> Result<(), String> {
    let ders = ders(full)?;
    let mut parsed = Vec::new();
    for der in &ders {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|why| why.to_string())?;
        parsed.push(certificate);
    }
    let leaf = parsed.first().ok_or("there is no certificate in it")?;
    if leaf.public_key().raw != key.subject_public_key_info() {
        return Err("it is for another key".to_owned());
    }
    let has = names_of(full);
    if let Some(name) = wanted.names.iter().find(|name| !has.contains(&name.to_ascii_lowercase())) {
        return Err(format!("'{name}' is not on it"));
    }
    let broken = parsed.windows(2).any(|two| match two {
        [lower, upper] => lower.issuer().as_raw() != upper.subject().as_raw(),
        _ => false,
    });
    if broken { Err("its chain has a gap".to_owned()) } else { Ok(()) }
}
