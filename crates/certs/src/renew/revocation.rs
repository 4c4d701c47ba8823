//! Whether an authority has revoked a certificate, by its revocation list (RFC 5280 section 5), and the reasons there
//! are. Pure: lists are fetched elsewhere, from the addresses that the certificate names.

use super::{FactsError, UnixTime};
use std::fmt;
use std::str::FromStr;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

/// Why a certificate is revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// None is given.
    Unspecified,
    /// The key is known to others.
    KeyCompromise,
    /// The authority's key is known to others.
    CaCompromise,
    /// The names belong to somebody else now.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// It is held for a time.
    CertificateHold,
    /// It is held no more.
    RemoveFromCrl,
    /// The authority took a right back.
    PrivilegeWithdrawn,
    /// The attribute authority's key is known to others.
    AaCompromise,
}

const REASONS: [(Reason, u8, &str); 10] = [
    (Reason::Unspecified, 0, "unspecified"),
    (Reason::KeyCompromise, 1, "keycompromise"),
    (Reason::CaCompromise, 2, "cacompromise"),
    (Reason::AffiliationChanged, 3, "affiliationchanged"),
    (Reason::Superseded, 4, "superseded"),
    (Reason::CessationOfOperation, 5, "cessationofoperation"),
    (Reason::CertificateHold, 6, "certificatehold"),
    (Reason::RemoveFromCrl, 8, "removefromcrl"),
    (Reason::PrivilegeWithdrawn, 9, "privilegewithdrawn"),
    (Reason::AaCompromise, 10, "aacompromise"),
];

impl Reason {
    /// The number in lists and in ACME's `revokeCert` (RFC 8555 section 7.6).
    pub fn code(self) -> u8 {
        REASONS.iter().find(|(reason, ..)| *reason == self).map_or(0, |(_, code, _)| *code)
    }

    /// By the number; `None` for 7 and what comes after 10.
    pub fn from_code(code: u8) -> Option<Reason> {
        REASONS.iter().find(|(_, number, _)| *number == code).map(|(reason, ..)| *reason)
    }

    /// A subscriber may give it: the reasons that Certbot's `--reason` knows. The others are the authority's to state.
    pub fn is_ours_to_give(self) -> bool {
        match self {
            Reason::Unspecified
            | Reason::KeyCompromise
            | Reason::AffiliationChanged
            | Reason::Superseded
            | Reason::CessationOfOperation => true,
            Reason::CaCompromise
            | Reason::CertificateHold
            | Reason::RemoveFromCrl
            | Reason::PrivilegeWithdrawn
            | Reason::AaCompromise => false,
        }
    }
}

/// As Certbot's `--reason` words it.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REASONS.iter().find(|(reason, ..)| reason == self).map_or("", |(.., word)| word))
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(word: &str) -> Result<Reason, String> {
        let known = REASONS.iter().filter(|(reason, ..)| reason.is_ours_to_give());
        let found =
            known.clone().find(|(.., name)| name.eq_ignore_ascii_case(word)).map(|(reason, ..)| *reason);
        let words: Vec<&str> = known.map(|(.., name)| *name).collect();
        found.ok_or_else(|| {
            format!("'{word}' is no reason for a revocation: choose one of {}", words.join(", "))
        })
    }
}

/// Why a list tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlError {
    /// It is no revocation list.
    Unreadable(String),
    /// The certificate's issuer did not sign it.
    Forged,
    /// A newer one should have come by then.
    Stale(UnixTime),
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CrlError::Unreadable(why) => write!(f, "the revocation list cannot be read: {why}"),
            CrlError::Forged => f.write_str("the revocation list is not signed by the certificate's issuer"),
            CrlError::Stale(by) => write!(f, "the revocation list is old: a newer one was due {by}"),
        }
    }
}

impl std::error::Error for CrlError {}

/// A revocation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Since when.
    pub at: UnixTime,
    /// Why, if the list says.
    pub reason: Option<Reason>,
}

/// Where a certificate's revocation list is to be had: plain http addresses, as RFC 5280 wants them.
pub fn list_addresses(certificate: &[u8]) -> Result<Vec<String>, FactsError> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(FactsError::from_parser)?;
    let mut addresses = Vec::new();
    for extension in certificate.iter_extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else { continue };
        for point in points.iter() {
            let Some(DistributionPointName::FullName(names)) = &point.distribution_point else { continue };
            addresses.extend(names.iter().filter_map(|name| match name {
                GeneralName::URI(uri) if uri.starts_with("http://") => Some((*uri).to_owned()),
                _ => None,
            }));
        }
    }
    Ok(addresses)
}

/// Whether a list (DER) of the certificate's issuer names the certificate. All three as they came; the list is believed
/// only with the issuer's signature.
pub fn find_revoked(
    list: &[u8],
    certificate: &[u8],
    issuer: &[u8],
    now: UnixTime,
) -> Result<Option<Revoked>, CrlError> {
    let unreadable = |e: &dyn fmt::Display| CrlError::Unreadable(e.to_string());
    let (_, list) = CertificateRevocationList::from_der(list).map_err(|e| unreadable(&e))?;
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|e| unreadable(&e))?;
    let (_, issuer) = X509Certificate::from_der(issuer).map_err(|e| unreadable(&e))?;
    if list.issuer() != certificate.issuer() || list.verify_signature(issuer.public_key()).is_err() {
        return Err(CrlError::Forged);
    }
    let entry = list.iter_revoked_certificates().find(|entry| entry.raw_serial() == certificate.raw_serial());
    let reason = |code| Reason::from_code(code);
    if let Some(entry) = entry {
        let reason = entry.reason_code().and_then(|(_, code)| reason(code.0));
        let at = UnixTime(entry.revocation_date.timestamp());
        return Ok((reason != Some(Reason::RemoveFromCrl)).then_some(Revoked { at, reason }));
    }
    // An old list that names the certificate still proves it; one that does not proves nothing.
    match list.next_update().map(|by| UnixTime(by.timestamp())).filter(|by| *by < now) {
        Some(by) => Err(CrlError::Stale(by)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType,
        IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
        SerialNumber,
    };

    struct Ca {
        issuer: Issuer<'static, KeyPair>,
        root: Vec<u8>,
    }

    fn ca() -> Ca {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Revoking CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Ca { issuer: Issuer::new(params, key), root }
    }

    impl Ca {
        fn certificate(&self, serial: u64) -> Vec<u8> {
            let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.serial_number = Some(SerialNumber::from(serial));
            let uris = ["http://ca.example/1.crl", "ldap://x"].map(str::to_owned).to_vec();
            params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
            params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec()
        }

        fn list(&self, serial: u64) -> Vec<u8> {
            let date = |year| rcgen::date_time_ymd(year, 1, 1);
            let revoked = RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date(2026),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            };
            let params = CertificateRevocationListParams {
                this_update: date(2026),
                next_update: date(2027),
                crl_number: SerialNumber::from(1),
                issuing_distribution_point: None,
                revoked_certs: vec![revoked],
                key_identifier_method: KeyIdMethod::Sha256,
            };
            params.signed_by(&self.issuer).unwrap().der().to_vec()
        }
    }

    const IN_2026: UnixTime = UnixTime(1_780_000_000);
    const IN_2028: UnixTime = UnixTime(1_850_000_000);

    #[test]
    fn a_list_tells_who_is_revoked_and_why() {
        let ca = ca();
        let (list, one, other) = (ca.list(200), ca.certificate(200), ca.certificate(201));
        let found = find_revoked(&list, &one, &ca.root, IN_2026).unwrap();
        assert_eq!(found, Some(Revoked { at: UnixTime(1_767_225_600), reason: Some(Reason::KeyCompromise) }));
        assert_eq!(find_revoked(&list, &other, &ca.root, IN_2026), Ok(None));
        assert_eq!(list_addresses(&one).unwrap(), ["http://ca.example/1.crl"]);
    }

    #[test]
    fn old_and_foreign_lists_prove_nothing() {
        let (ca, stranger) = (ca(), ca());
        let other = ca.certificate(201);
        let stale = find_revoked(&ca.list(200), &other, &ca.root, IN_2028).unwrap_err();
        assert!(stale.to_string().contains("due 2027-01-01"), "{stale}");
        assert_eq!(find_revoked(&stranger.list(201), &other, &ca.root, IN_2026), Err(CrlError::Forged));
        assert!(matches!(find_revoked(b"no", &other, &ca.root, IN_2026), Err(CrlError::Unreadable(_))));
        assert!(find_revoked(&ca.list(201), &other, &ca.root, IN_2028).unwrap().is_some());
    }

    #[test]
    fn reasons_have_certbots_words_and_the_rfcs_numbers() {
        assert_eq!("KeyCompromise".parse(), Ok(Reason::KeyCompromise));
        assert!("cacompromise".parse::<Reason>().unwrap_err().contains("superseded"));
        for code in [0, 1, 2, 3, 4, 5, 6, 8, 9, 10] {
            assert_eq!(Reason::from_code(code).map(Reason::code), Some(code));
        }
        assert_eq!(Reason::from_code(7), None);
    }
}
