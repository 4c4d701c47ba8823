//! A certificate as it is shown to people and compared with what is asked for.

use crate::key::KeyKind;
use crate::renew::{CertificateFacts, FactsError, UnixTime};
use crate::tree::{Kind, Lineage};
use std::fmt;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// See the module's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// What renewal needs to know.
    pub facts: CertificateFacts,
    /// The names on it, its common name first.
    pub names: Vec<String>,
    /// The kind of its key, where it is one that we make.
    pub key: Option<KeyKind>,
    /// The end of its validity.
    pub not_after: UnixTime,
    /// The common name or organisation of who signed it.
    pub issuer: String,
}

/// Why a certificate cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineError(String);

impl fmt::Display for OutlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OutlineError {}

impl Outline {
    /// Of a lineage's newest version.
    pub fn of_lineage(lineage: &Lineage) -> Result<Outline, OutlineError> {
        let pem = lineage.text(Kind::Cert).map_err(|why| OutlineError(why.to_string()))?;
        let path = lineage.path(Kind::Cert);
        Outline::of_pem(&pem).map_err(|why| OutlineError(format!("{}: {why}", path.display())))
    }

    /// Of the first certificate in a PEM text.
    pub fn of_pem(pem: &str) -> Result<Outline, OutlineError> {
        let facts =
            CertificateFacts::from_pem(pem).map_err(|why: FactsError| OutlineError(why.to_string()))?;
        let unreadable =
            |why: &dyn fmt::Display| OutlineError(format!("the certificate cannot be read: {why}"));
        let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|why| unreadable(&why))?;
        let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|why| unreadable(&why))?;
        let common = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok());
        let common = common.map(str::to_lowercase);
        let mut names = facts.names.clone();
        names.sort_by_key(|name| Some(name) != common.as_ref());
        let issuer = certificate.issuer();
        let issuer =
            issuer.iter_common_name().chain(issuer.iter_organization()).find_map(|name| name.as_str().ok());
        Ok(Outline {
            names,
            key: key(&certificate),
            not_after: facts.not_after,
            issuer: issuer.unwrap_or_default().chars().filter(|c| !c.is_control()).collect(),
            facts,
        })
    }

    /// `2031-11-28 06:51:24+00:00`
    pub fn expiry(&self) -> String {
        match time::OffsetDateTime::from_unix_timestamp(self.not_after.0) {
            Ok(at) => {
                let ((hour, minute, second), date) = (at.to_hms(), at.date());
                let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
                format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}+00:00")
            }
            Err(_) => self.not_after.to_string(),
        }
    }
}

fn key(certificate: &X509Certificate<'_>) -> Option<KeyKind> {
    let key = certificate.public_key();
    match key.parsed().ok()? {
        PublicKey::RSA(rsa) => match rsa.key_size() {
            2048 => Some(KeyKind::Rsa2048),
            3072 => Some(KeyKind::Rsa3072),
            4096 => Some(KeyKind::Rsa4096),
            _ => None,
        },
        PublicKey::EC(point) => match point.key_size() {
            256 => Some(KeyKind::P256),
            384 => Some(KeyKind::P384),
            // A point's coordinates are whole bytes.
            521 | 528 => Some(KeyKind::P521),
            _ => None,
        },
        _ => None,
    }
}
