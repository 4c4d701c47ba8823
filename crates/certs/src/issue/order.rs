//! The order itself: profile, and which certificate it replaces.

use super::Wanted;
use crate::acme::{IssueError, Opened, patient};
use crate::storage::Bundle;
use instant_acme::{CertificateIdentifier, Identifier, NewOrder, Order};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const STEP: &str = "an order";

/// The profile to ask for, if the authority has it.
pub(super) fn profile<'w>(
    wanted: &'w Wanted,
    account: &Opened,
    complaints: &mut Vec<String>,
) -> Result<Option<&'w str>, IssueError> {
    let Some(profile) = &wanted.profile else { return Ok(None) };
    let mut offered: Vec<String> = account.account.profiles().map(|p| p.name.to_owned()).collect();
    if offered.contains(&profile.name) {
        return Ok(Some(&profile.name));
    }
    offered.sort();
    let error = IssueError::NoProfile { wanted: profile.name.clone(), offered };
    if profile.required {
        return Err(error);
    }
    complaints.push(format!("{error}: its default is used"));
    Ok(None)
}

/// Places an order that says which certificate it replaces (RFC 9773 section 5): such are exempt from most limits. One
/// that is refused for that is placed again without.
pub(super) async fn place(
    account: &Opened,
    identifiers: &[Identifier],
    profile: Option<&str>,
    before: Option<&Bundle>,
) -> Result<Order, IssueError> {
    if let Some(replaced) = before.and_then(replaced) {
        match one(account, identifiers, profile, Some(replaced)).await {
            Err(IssueError::Refused { .. } | IssueError::Unreachable { .. }) => {}
            outcome => return outcome,
        }
    }
    one(account, identifiers, profile, None).await
}

async fn one(
    account: &Opened,
    identifiers: &[Identifier],
    profile: Option<&str>,
    replaced: Option<CertificateIdentifier<'static>>,
) -> Result<Order, IssueError> {
    let mut new = NewOrder::new(identifiers);
    if let Some(profile) = profile {
        new = new.profile(profile);
    }
    if let Some(replaced) = replaced {
        new = new.replaces(replaced);
    }
    patient(async || account.account.new_order(&new).await).await.map_err(account.failed(STEP))
}

fn replaced(before: &Bundle) -> Option<CertificateIdentifier<'static>> {
    let der = CertificateDer::from_pem_slice(before.cert_pem.as_bytes()).ok()?;
    CertificateIdentifier::try_from(&der).ok().map(CertificateIdentifier::into_owned)
}
