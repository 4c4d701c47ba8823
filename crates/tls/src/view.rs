//! What fetches read of a certificate (`ssl_c_*`, `ssl_f_*`), in the words OpenSSL and HAProxy print.

use aws_lc_rs::digest;
use std::net::IpAddr;
use x509_parser::asn1_rs::{Tag, ToDer};
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AttributeTypeAndValue;

/// A certificate, parsed for as long as one looks at it.
#[derive(Debug)]
pub struct CertView<'d> {
    der: &'d [u8],
    certificate: X509Certificate<'d>,
}

/// P-521 is no whole number of bytes, by which sizes are told.
const LARGEST_CURVE: usize = 521;

/// Names of a distinguished name's entries, as OpenSSL shortens them.
const ENTRIES: [(&str, &str); 24] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

const ALGORITHMS: [(&str, &str); 13] = [
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.4", "RSA-MD5"),
    ("1.2.840.113549.1.1.5", "RSA-SHA1"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "RSA-SHA256"),
    ("1.2.840.113549.1.1.12", "RSA-SHA384"),
    ("1.2.840.113549.1.1.13", "RSA-SHA512"),
    ("1.2.840.10045.2.1", "id-ecPublicKey"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];

/// The table's name, or the number itself.
fn named(table: &[(&str, &'static str)], oid: &Oid<'_>) -> String {
    let id = oid.to_id_string();
    table.iter().find(|row| row.0 == id).map_or(id, |row| row.1.to_owned())
}

/// OpenSSL's long names of signatures' algorithms, where they differ from the short ones.
const LONG_NAMES: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.4", "md5WithRSAEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "rsassaPss"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
];

/// A signature's algorithm, `sha256WithRSAEncryption`.
pub(crate) fn long_algorithm_name(oid: &Oid<'_>) -> String {
    let id = oid.to_id_string();
    LONG_NAMES.iter().find(|row| row.0 == id).map_or_else(|| named(&ALGORITHMS, oid), |row| row.1.to_owned())
}

impl<'d> CertView<'d> {
    /// `None` where it is no X.509.
    pub fn new(der: &'d [u8]) -> Option<CertView<'d>> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(CertView { der, certificate })
    }

    /// The whole of it.
    pub fn der(&self) -> &'d [u8] {
        self.der
    }

    /// SHA-1 of the whole.
    pub fn sha1(&self) -> Vec<u8> {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.der).as_ref().to_vec()
    }

    /// The serial number without a sign octet.
    pub fn serial(&self) -> &'d [u8] {
        let raw = self.certificate.raw_serial();
        raw.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(raw)
    }

    /// The subject in one line, `/C=FR/CN=client`.
    pub fn subject(&self) -> Vec<u8> {
        one_line(self.certificate.subject())
    }

    /// The issuer in one line.
    pub fn issuer(&self) -> Vec<u8> {
        one_line(self.certificate.issuer())
    }

    /// The subject as RFC 2253 has it, `CN=client,C=FR`.
    pub fn subject_rfc2253(&self) -> String {
        rfc2253(self.certificate.subject())
    }

    /// The issuer in that form.
    pub fn issuer_rfc2253(&self) -> String {
        rfc2253(self.certificate.issuer())
    }

    /// The value of the subject's entry of that name: the nth from the beginning, or from the end if negative; 0 is the
    /// first.
    pub fn subject_entry(&self, name: &str, occurrence: i32) -> Option<Vec<u8>> {
        entry(self.certificate.subject(), name, occurrence)
    }

    /// The same of the issuer.
    pub fn issuer_entry(&self, name: &str, occurrence: i32) -> Option<Vec<u8>> {
        entry(self.certificate.issuer(), name, occurrence)
    }

    /// Valid from, `YYMMDDhhmmssZ`.
    pub fn not_before(&self) -> String {
        utc(self.certificate.validity().not_before.timestamp())
    }

    /// Valid until, `YYMMDDhhmmssZ`.
    pub fn not_after(&self) -> String {
        utc(self.certificate.validity().not_after.timestamp())
    }

    /// From when and until when it is valid, `YYYYMMDDhhmmssZ`.
    pub fn validity(&self) -> (String, String) {
        let validity = self.certificate.validity();
        (whole_utc(validity.not_before.timestamp()), whole_utc(validity.not_after.timestamp()))
    }

    /// The key's algorithm, `rsaEncryption`.
    pub fn key_alg(&self) -> String {
        named(&ALGORITHMS, &self.certificate.public_key().algorithm.algorithm)
    }

    /// The signature's algorithm, `RSA-SHA256`.
    pub fn sig_alg(&self) -> String {
        named(&ALGORITHMS, &self.certificate.signature_algorithm.algorithm)
    }

    /// The alternative names as OpenSSL writes them, `DNS:a.example`.
    pub fn alternative_names(&self) -> Vec<String> {
        let found = self.certificate.subject_alternative_name().ok().flatten();
        let names = found.iter().flat_map(|ext| &ext.value.general_names);
        names
            .filter_map(|name| match name {
                GeneralName::DNSName(dns) => Some(format!("DNS:{dns}")),
                GeneralName::RFC822Name(mail) => Some(format!("email:{mail}")),
                GeneralName::URI(uri) => Some(format!("URI:{uri}")),
                GeneralName::IPAddress(bytes) => ip(bytes).map(|ip| format!("IP Address:{ip}")),
                _ => None,
            })
            .collect()
    }

    /// `rsa`, `ecdsa` or `dsa`; the algorithm's own name where it is another.
    pub fn key_kind(&self) -> String {
        match self.certificate.public_key().parsed() {
            Ok(PublicKey::RSA(_)) => "rsa".into(),
            Ok(PublicKey::EC(_)) => "ecdsa".into(),
            Ok(PublicKey::DSA(_)) => "dsa".into(),
            Ok(_) | Err(_) => self.key_alg(),
        }
    }

    /// Seconds since the epoch until which it is valid.
    pub fn not_after_seconds(&self) -> i64 {
        self.certificate.validity().not_after.timestamp()
    }

    /// The issuer's name in DER.
    pub(crate) fn issuer_der(&self) -> &[u8] {
        self.certificate.issuer().as_raw()
    }

    /// The key's kind and bits, `RSA2048` or `EC256`.
    pub fn key_name(&self) -> String {
        match self.certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => format!("RSA{}", key.key_size()),
            Ok(PublicKey::EC(key)) => format!("EC{}", key.key_size().min(LARGEST_CURVE)),
            Ok(_) | Err(_) => self.key_alg(),
        }
    }

    /// 1 or 3.
    pub fn version(&self) -> i64 {
        i64::from(self.certificate.version().0) + 1
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A name in DER as OpenSSL prints it of late, `C = FR, CN = client`.
pub(crate) fn spaced(der: &[u8]) -> Option<String> {
    let (_, name) = X509Name::from_der(der).ok()?;
    let entries = name.iter_attributes().map(|attribute| {
        let value = String::from_utf8_lossy(attribute.as_slice());
        format!("{} = {value}", named(&ENTRIES, attribute.attr_type()))
    });
    Some(entries.collect::<Vec<_>>().join(", "))
}

/// The last entry first, as OpenSSL prints it: entries without a known name by number and in DER.
fn rfc2253(name: &X509Name<'_>) -> String {
    let names: Vec<_> = name.iter().collect();
    let level = |parts: &&x509_parser::x509::RelativeDistinguishedName<'_>| {
        let mut entries: Vec<_> = parts.iter().map(rfc2253_entry).collect();
        entries.reverse();
        entries.join("+")
    };
    names.iter().rev().map(level).collect::<Vec<_>>().join(",")
}

fn rfc2253_entry(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    match ENTRIES.iter().find(|row| row.0 == id) {
        Some((_, name)) => format!("{name}={}", rfc2253_value(&text_of(attribute))),
        None => {
            let der = attribute.attr_value().to_der_vec().unwrap_or_default();
            let digits = der.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            format!("{id}=#{digits}")
        }
    }
}

/// A value as UTF-8; two old kinds of string are not.
fn text_of(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units =
                bytes.chunks_exact(2).map(|pair| u16::from_be_bytes(pair.try_into().unwrap_or_default()));
            String::from_utf16_lossy(&units.collect::<Vec<_>>()).into_bytes()
        }
        Tag::T61String => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes(),
        _ => bytes.to_vec(),
    }
}

/// Escapes of RFC 2253 section 2.4, and bytes that are not printable ASCII as two digits.
fn rfc2253_value(text: &[u8]) -> String {
    let last = text.len().saturating_sub(1);
    let escape = |(at, byte): (usize, &u8)| match byte {
        b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => format!("\\{}", char::from(*byte)),
        b'#' if at == 0 => "\\#".to_owned(),
        b' ' if at == 0 || at == last => "\\ ".to_owned(),
        0x20..=0x7e => char::from(*byte).to_string(),
        0..=0x1f | 0x7f.. => format!("\\{byte:02X}"),
    };
    text.iter().enumerate().map(escape).collect()
}

pub(crate) fn one_line(name: &X509Name<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    for attribute in name.iter_attributes() {
        line.push(b'/');
        line.extend_from_slice(named(&ENTRIES, attribute.attr_type()).as_bytes());
        line.push(b'=');
        line.extend_from_slice(attribute.as_slice());
    }
    line
}

fn entry(name: &X509Name<'_>, wanted: &str, occurrence: i32) -> Option<Vec<u8>> {
    let is = |attribute: &&AttributeTypeAndValue<'_>| {
        named(&ENTRIES, attribute.attr_type()).eq_ignore_ascii_case(wanted)
            || attribute.attr_type().to_id_string() == wanted
    };
    let found: Vec<_> = name.iter_attributes().filter(is).collect();
    let nth = usize::try_from(occurrence.unsigned_abs()).ok()?.max(1);
    let index = if occurrence < 0 { found.len().checked_sub(nth)? } else { nth - 1 };
    found.get(index).map(|attribute| attribute.as_slice().to_vec())
}

/// `YYMMDDhhmmssZ` of seconds since the epoch; the century is left out, as HAProxy does.
pub(crate) fn utc(seconds: i64) -> String {
    let whole = whole_utc(seconds);
    whole.get(whole.len().saturating_sub("YYMMDDhhmmssZ".len())..).unwrap_or_default().to_owned()
}

/// `YYYYMMDDhhmmssZ` of seconds since the epoch.
pub(crate) fn whole_utc(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March, so that the leap day is the last of one.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era_year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let march = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
    let year = era * 400 + of_era_year + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As haproxy 2.6 prints such a name.
    #[test]
    fn names_stand_as_rfc_2253_has_them() {
        use rcgen::{CertificateParams, DnType, KeyPair};
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, "FR"),
            (DnType::OrganizationName, "Acme, Inc. + Co <x>;y"),
            (DnType::OrganizationalUnitName, " a\"\\b "),
            (DnType::CommonName, "#J\u{f6}e=1"),
            (DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99, 1]), "pv"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let view = CertView::new(certificate.der()).unwrap();
        let expected =
            r#"1.3.6.1.4.1.99.1=#0C027076,CN=\#J\C3\B6e=1,OU=\ a\"\\b\ ,O=Acme\, Inc. \+ Co \<x\>\;y,C=FR"#;
        assert_eq!(view.subject_rfc2253(), expected);
        assert_eq!(view.issuer_rfc2253(), expected);
    }

    #[test]
    fn times_leave_the_century_out() {
        for (seconds, text) in [
            (0, "700101000000Z"),
            (951_825_600, "000229120000Z"),
            (1_795_197_038, "261120175038Z"),
            (3_523_197_038, "810823175038Z"),
        ] {
            assert_eq!(utc(seconds), text, "{seconds}");
            let century = if seconds < 951_782_400 { "19" } else { "20" };
            assert_eq!(whole_utc(seconds), format!("{century}{text}"));
        }
    }
}
