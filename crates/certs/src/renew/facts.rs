//! What renewal needs to know of a certificate, read from the certificate itself.

use super::UnixTime;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate as the renewal policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity, the last second included.
    pub not_after: UnixTime,
    /// Host names and addresses, as in the certificate, lower case.
    pub names: Vec<String>,
    /// The serial number as hexadecimal digits.
    pub serial: String,
    /// How an authority with renewal information knows it (RFC 9773 section 4.1); `None` without an authority key
    /// identifier.
    pub ari_id: Option<String>,
}

/// Why a certificate's facts cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactsError(String);

impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate cannot be read: {}", self.0)
    }
}

impl std::error::Error for FactsError {}

impl FactsError {
    pub(super) fn from_parser(error: impl fmt::Display) -> FactsError {
        FactsError(error.to_string())
    }
}

impl CertificateFacts {
    /// Reads the facts of a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<CertificateFacts, FactsError> {
        let (_, cert) = X509Certificate::from_der(der).map_err(|e| FactsError(e.to_string()))?;
        let serial = cert.raw_serial();
        Ok(CertificateFacts {
            not_before: UnixTime(cert.validity().not_before.timestamp()),
            not_after: UnixTime(cert.validity().not_after.timestamp()),
            names: names(&cert),
            serial: serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            ari_id: authority_key(&cert).map(|key| ari_id(key, serial)),
        })
    }

    /// Reads the facts of the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<CertificateFacts, FactsError> {
        let (_, block) =
            x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|e| FactsError(e.to_string()))?;
        if block.label != "CERTIFICATE" {
            return Err(FactsError(format!("a CERTIFICATE was expected, this is a {}", block.label)));
        }
        CertificateFacts::from_der(&block.contents)
    }

    /// How long it is valid in all.
    pub fn lifetime(&self) -> Duration {
        self.not_after.since(self.not_before)
    }
}

fn names(cert: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = cert.subject_alternative_name() else { return Vec::new() };
    alternative.value.general_names.iter().filter_map(name).collect()
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(host) => Some(host.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        // Mail addresses, URIs and the like are nothing an ACME authority issues for.
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn authority_key<'a>(cert: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    cert.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    })
}

/// RFC 9773 section 4.1: both parts in base64url without padding, a period between; the serial with the leading zero
/// byte that DER puts before a high bit.
fn ari_id(authority_key: &[u8], serial: &[u8]) -> String {
    format!("{}.{}", base64url(authority_key), base64url(serial))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digits = (0..=group.len()).map(|i| usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0));
        text.extend(digits.filter_map(|d| ALPHABET.get(d)).map(|b| char::from(*b)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Purpose};
    use std::time::SystemTime;

    /// The example of RFC 9773, Appendix A.
    const EXAMPLE: &str = "-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
";

    #[test]
    fn the_identifier_is_that_of_the_rfc() {
        let facts = CertificateFacts::from_pem(EXAMPLE).unwrap();
        assert_eq!(facts.ari_id.as_deref(), Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"));
    }

    #[test]
    fn names_and_validity_are_read() {
        let now = SystemTime::now();
        let authority = Authority::create("facts", now).unwrap();
        let names = ["A.example", "*.b.example", "192.0.2.7", "2001:db8::1"];
        let leaf = authority.issue(&names, Purpose::Server, now).unwrap();
        let facts = CertificateFacts::from_pem(&leaf.cert_pem).unwrap();
        assert_eq!(facts.names, ["a.example", "*.b.example", "192.0.2.7", "2001:db8::1"]);
        assert_eq!(facts.lifetime().as_secs(), 398 * 86_400);
        assert!(facts.not_before < UnixTime::from(now) && !facts.serial.is_empty());
    }

    #[test]
    fn other_pem_is_refused() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(CertificateFacts::from_pem(key).unwrap_err().to_string().contains("PRIVATE KEY"));
        assert!(CertificateFacts::from_pem("").is_err());
    }

    #[test]
    fn base64url_has_no_padding() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }
}
