//! From a ready order to a certificate that is what was asked for: key, request, chain, checks.

use super::answers::WAIT;
use super::{Request, Wanted, names_of};
use crate::acme::{IssueError, Opened, patient};
use crate::storage::{Bundle, split};
use instant_acme::Order;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PublicKeyData};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The extension that names features of TLS (RFC 7633 section 4.1), and the one feature that is `status_request`.
const TLS_FEATURE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 24];
const STATUS_REQUEST: [u8; 5] = [0x30, 3, 2, 1, 5];
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

/// Whose key is signed.
pub(super) enum Applicant<'w> {
    /// One of ours.
    Key(KeyPair),
    /// One that lies elsewhere.
    Request(&'w Request),
}

impl<'w> Applicant<'w> {
    pub(super) fn of(
        wanted: &'w Wanted,
        before: Option<&Bundle>,
        complaints: &mut Vec<String>,
    ) -> Result<Applicant<'w>, IssueError> {
        match &wanted.request {
            Some(request) => Ok(Applicant::Request(request)),
            None => key(wanted, before, complaints).map(Applicant::Key),
        }
    }

    /// What the authority is sent, in DER.
    fn request(&self, wanted: &Wanted) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Applicant::Key(key) => request(wanted, key),
            Applicant::Request(request) => Ok(request.der.clone()),
        }
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Applicant::Key(key) => key.subject_public_key_info(),
            Applicant::Request(request) => request.public.clone(),
        }
    }

    /// Empty where it lies elsewhere.
    fn key_pem(&self) -> String {
        match self {
            Applicant::Key(key) => key.serialize_pem(),
            Applicant::Request(_) => String::new(),
        }
    }
}

/// Sends the request and waits for the chain, in PEM.
pub(super) async fn order(
    order: &mut Order,
    wanted: &Wanted,
    applicant: &Applicant<'_>,
    account: &Opened,
    complaints: &mut Vec<String>,
) -> Result<String, IssueError> {
    let request = applicant.request(wanted).map_err(|why| IssueError::Key { why: why.to_string() })?;
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
    if wanted.must_staple {
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(TLS_FEATURE, STATUS_REQUEST.to_vec()));
    }
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
pub(super) fn bundle(
    full: &str,
    applicant: &Applicant<'_>,
    wanted: &Wanted,
    complaints: &mut Vec<String>,
) -> Result<Bundle, IssueError> {
    check(full, &applicant.public(), wanted).map_err(|why| IssueError::BadCertificate { why })?;
    if is_alone(full) {
        complaints.push(
            "its chain came without an issuer: clients that do not know the issuer will refuse it".to_owned(),
        );
    }
    let (cert_pem, chain_pem) = split(full);
    Ok(Bundle { key_pem: applicant.key_pem(), cert_pem, chain_pem })
}

/// No issuer came with it, and it is not its own.
fn is_alone(full: &str) -> bool {
    let all = ders(full).unwrap_or_default();
    let [only] = all.as_slice() else { return false };
    X509Certificate::from_der(only).is_ok_and(|(_, leaf)| leaf.issuer() != leaf.subject())
}

fn check(full: &str, public: &[u8], wanted: &Wanted) -> Result<(), String> {
    let ders = ders(full)?;
    let mut parsed = Vec::new();
    for der in &ders {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|why| why.to_string())?;
        parsed.push(certificate);
    }
    let leaf = parsed.first().ok_or("there is no certificate in it")?;
    if leaf.public_key().raw != public {
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
