//! Policy: which names a certificate can have, and which it has.

use super::Wanted;
use crate::acme::IssueError;
use instant_acme::Identifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::IpAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Names on one certificate with the authorities in use.
const MOST: usize = 100;
const NO_DOT: &str = "it has no dot, so that nobody outside can look it up";

/// The names of an order, checked before anybody is asked.
pub(super) fn identifiers(wanted: &Wanted) -> Result<Vec<Identifier>, IssueError> {
    let bad = |name: &str, why| Err(IssueError::BadName { name: name.to_owned(), why });
    if wanted.names.is_empty() || wanted.names.len() > MOST {
        return bad(&wanted.name, "a certificate has from one to a hundred names");
    }
    let dns = wanted.challenges.iter().any(|kind| kind.is_by_record());
    let mut all = Vec::new();
    for name in &wanted.names {
        if let Ok(address) = name.parse::<IpAddr>() {
            all.push(Identifier::Ip(address));
            continue;
        }
        let host = name.strip_prefix("*.").unwrap_or(name);
        match check(host) {
            // An authority inside a house may know who "intranet" is.
            Err(NO_DOT) if !wanted.directory.is_production() => {}
            Err(why) => return bad(name, why),
            Ok(()) => {}
        }
        if host != name && !dns {
            return bad(name, "a wildcard is proven by dns-01 alone, and 'challenge' does not name it");
        }
        all.push(Identifier::Dns(name.to_ascii_lowercase()));
    }
    Ok(all)
}

/// Why no authority would sign a name, if so.
pub(crate) fn unfit(name: &str) -> Option<&'static str> {
    let is_address = name.parse::<IpAddr>().is_ok();
    if is_address { None } else { check(name.strip_prefix("*.").unwrap_or(name)).err() }
}

fn check(host: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match host {
        _ if host.len() > 253 => Err("it is too long"),
        _ if !host.split('.').all(label) => Err("it is no host name (letters of other scripts as xn--…)"),
        _ if !host.contains('.') => Err(NO_DOT),
        _ => Ok(()),
    }
}

/// Host names and addresses on a certificate in PEM, in lower case; none where it cannot be read.
pub fn names_of(cert_pem: &str) -> Vec<String> {
    let Ok(der) = CertificateDer::from_pem_slice(cert_pem.as_bytes()) else { return Vec::new() };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else { return Vec::new() };
    let names = certificate.subject_alternative_name().ok().flatten();
    let all = names.iter().flat_map(|extension| &extension.value.general_names);
    all.filter_map(general_name).collect()
}

/// A host name or an address, in lower case; other kinds of names are no concern of ours.
pub(super) fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}
