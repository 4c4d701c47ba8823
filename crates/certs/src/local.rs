//! A certificate authority of this machine's own: for `localhost`, private names and addresses, for the demonstration,
//! and for the temporary certificate of a bind that has none yet. Keys are ECDSA P-256 throughout; the clock is the
//! caller's; only `kept` writes to disk.

pub mod kept;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use std::fmt;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A root is put into trust stores by hand, so it should not have to be put there again soon.
const ROOT_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Longer lives are refused by Apple's platforms, also from private authorities (825 days), and by browsers from
/// public ones (398).
const LEAF_LIFE: Duration = Duration::from_secs(397 * 24 * 60 * 60);
/// A temporary certificate is trusted by nobody; it outlives any reasonable wait for the first real one.
const TEMPORARY_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Certificates start a day early, for clients whose clocks are slow.
const BACKDATE: Duration = DAY;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shown by a server.
    Server,
    /// Shown by a client.
    Client,
}

/// Why no certificate was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalError {
    /// A certificate needs at least one name.
    NoName,
    /// Not a host name (a wildcard is one) or an address.
    BadName(String),
    /// The stored authority cannot be read back.
    BadAuthority(String),
    /// The key or the signature could not be made.
    Crypto(String),
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LocalError::NoName => f.write_str("a certificate needs at least one name"),
            LocalError::BadName(name) => write!(f, "'{name}' is neither a host name nor an address"),
            LocalError::BadAuthority(why) => write!(f, "the local authority cannot be read: {why}"),
            LocalError::Crypto(why) => write!(f, "no certificate could be made: {why}"),
        }
    }
}

impl std::error::Error for LocalError {}

/// A certificate and its key, in PEM. `Debug` leaves the key out.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate.
    pub cert_pem: String,
    /// Its private key, PKCS#8.
    pub key_pem: String,
}

impl Leaf {
    /// Certificate and key in one text, as `crt FILE` reads it.
    pub fn bundle(&self) -> String {
        format!("{}{}", self.cert_pem, self.key_pem)
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// A root that signs leaves. `Debug` leaves the key out.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("root_pem", &self.root_pem).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a root called `name`.
    pub fn create(name: &str, now: SystemTime) -> Result<Authority, LocalError> {
        let key = KeyPair::generate().map_err(crypto)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = called(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, now, ROOT_LIFE);
        let root_pem = params.self_signed(&key).map_err(crypto)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), root_pem })
    }

    /// Takes up a root that was kept.
    pub fn from_pem(root_pem: &str, key_pem: &str) -> Result<Authority, LocalError> {
        let bad = |error: rcgen::Error| LocalError::BadAuthority(error.to_string());
        let key = KeyPair::from_pem(key_pem).map_err(bad)?;
        let issuer = Issuer::from_ca_cert_pem(root_pem, key).map_err(bad)?;
        Ok(Authority { issuer, root_pem: root_pem.to_owned() })
    }

    /// The root's certificate, to be trusted by clients (`curl --cacert`).
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root's private key, PKCS#8 in PEM; whoever has it can speak for every name.
    pub fn root_key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Signs a certificate for host names and addresses; the first is also the common name.
    pub fn issue(&self, names: &[&str], purpose: Purpose, now: SystemTime) -> Result<Leaf, LocalError> {
        let key = KeyPair::generate().map_err(crypto)?;
        let cert_pem = self.sign(names, purpose, LEAF_LIFE, now, &key)?;
        Ok(Leaf { cert_pem, key_pem: key.serialize_pem() })
    }

    /// Signs a certificate of the given life for a key; in PEM.
    pub(crate) fn sign(
        &self,
        names: &[&str],
        purpose: Purpose,
        life: Duration,
        now: SystemTime,
        key: &KeyPair,
    ) -> Result<String, LocalError> {
        let mut params = leaf(names, purpose)?;
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, now, life);
        Ok(params.signed_by(key, &self.issuer).map_err(crypto)?.pem())
    }
}

/// A self-signed certificate for a bind that has none yet.
pub fn temporary(names: &[&str], now: SystemTime) -> Result<Leaf, LocalError> {
    let key = KeyPair::generate().map_err(crypto)?;
    let mut params = leaf(names, Purpose::Server)?;
    valid(&mut params, now, TEMPORARY_LIFE);
    let cert = params.self_signed(&key).map_err(crypto)?;
    Ok(Leaf { cert_pem: cert.pem(), key_pem: key.serialize_pem() })
}

fn leaf(names: &[&str], purpose: Purpose) -> Result<CertificateParams, LocalError> {
    let first = names.first().ok_or(LocalError::NoName)?;
    if let Some(bad) = names.iter().find(|name| !is_name(name)) {
        return Err(LocalError::BadName((*bad).to_owned()));
    }
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(crypto)?;
    params.distinguished_name = called(first);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match purpose {
        Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    Ok(params)
}

/// A host name in letters, digits, hyphens, underscores and dots, perhaps with a wildcard in front; or an address.
fn is_name(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
    };
    name.parse::<std::net::IpAddr>().is_ok() || (host.len() <= 253 && host.split('.').all(label))
}

fn called(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    // X.520 bounds a common name at 64 characters.
    let short: String = name.chars().take(64).collect();
    dn.push(DnType::CommonName, short);
    dn
}

fn valid(params: &mut CertificateParams, now: SystemTime, life: Duration) {
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + life).into();
}

fn crypto(error: rcgen::Error) -> LocalError {
    LocalError::Crypto(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What `openssl` prints of a certificate.
    fn openssl(pem: &str, what: &[&str]) -> String {
        let file = std::env::temp_dir().join(format!("lockgate-local-{}-{:p}.pem", std::process::id(), pem));
        std::fs::write(&file, pem).unwrap();
        let out = Command::new("openssl").arg("x509").args(["-noout", "-in"]).arg(&file).args(what).output();
        std::fs::remove_file(&file).unwrap();
        String::from_utf8(out.unwrap().stdout).unwrap()
    }

    #[test]
    fn a_leaf_carries_its_names_and_is_signed_by_the_root() {
        let now = SystemTime::now();
        let authority = Authority::create("Lockgate local authority", now).unwrap();
        let names = ["localhost", "*.site.internal", "127.0.0.1", "::1"];
        let leaf = authority.issue(&names, Purpose::Server, now).unwrap();
        let shown =
            openssl(&leaf.cert_pem, &["-ext", "subjectAltName,extendedKeyUsage", "-subject", "-issuer"]);
        for part in [
            "DNS:localhost",
            "DNS:*.site.internal",
            "IP Address:127.0.0.1",
            "IP Address:0:0:0:0:0:0:0:1",
            "TLS Web Server Authentication",
            "subject=CN = localhost",
            "issuer=CN = Lockgate local authority",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(verifies(authority.root_pem(), &leaf.cert_pem));
    }

    fn verifies(root: &str, leaf: &str) -> bool {
        let folder = std::env::temp_dir().join(format!("lockgate-verify-{}-{:p}", std::process::id(), leaf));
        std::fs::create_dir_all(&folder).unwrap();
        let (ca, crt) = (folder.join("ca.pem"), folder.join("crt.pem"));
        std::fs::write(&ca, root).unwrap();
        std::fs::write(&crt, leaf).unwrap();
        let out =
            Command::new("openssl").args(["verify", "-x509_strict", "-CAfile"]).arg(&ca).arg(&crt).output();
        std::fs::remove_dir_all(&folder).unwrap();
        out.unwrap().status.success()
    }

    #[test]
    fn an_authority_can_be_kept_and_taken_up_again() {
        let now = SystemTime::now();
        let first = Authority::create("kept", now).unwrap();
        let again = Authority::from_pem(first.root_pem(), &first.root_key_pem()).unwrap();
        let leaf = again.issue(&["client"], Purpose::Client, now).unwrap();
        assert!(verifies(first.root_pem(), &leaf.cert_pem));
        assert!(matches!(Authority::from_pem("no", "no"), Err(LocalError::BadAuthority(_))));
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let now = SystemTime::now();
        for bad in ["", "a b", "*", "*.*.example", "-x", "a..b", "ex\u{e4}mple"] {
            assert_eq!(temporary(&[bad], now).unwrap_err(), LocalError::BadName(bad.into()));
        }
        assert_eq!(temporary(&[], now).unwrap_err(), LocalError::NoName);
        let long = format!("{}.example", "a".repeat(63));
        assert!(temporary(&[&long], now).is_ok(), "a long name still fits, the common name is cut");
    }

    #[test]
    fn keys_do_not_show_in_debug() {
        let now = SystemTime::now();
        let authority = Authority::create("quiet", now).unwrap();
        let leaf = authority.issue(&["x"], Purpose::Server, now).unwrap();
        assert!(!format!("{authority:?} {leaf:?}").contains("PRIVATE"));
        assert!(leaf.bundle().contains("PRIVATE"));
    }
}
