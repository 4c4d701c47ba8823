//! What loading certificates and settings has to complain about. Each names the file and the remedy; none stops the
//! others, so that one start shows them all. The caller adds the configuration line they belong to.

use base::diag::Severity;
use std::fmt;
use std::path::PathBuf;

/// The outcome of building something from files: a value unless a problem of severity `Alert` stands in the list.
#[derive(Debug)]
pub struct Built<T> {
    /// What was built.
    pub value: Option<T>,
    /// Complaints, in the order they were found.
    pub problems: Vec<Problem>,
}

impl<T> Built<T> {
    /// `value`, unless a problem forbids its use.
    pub(crate) fn of(value: Option<T>, problems: Vec<Problem>) -> Built<T> {
        let fatal = problems.iter().any(|p| p.severity() == Severity::Alert);
        Built { value: value.filter(|_| !fatal), problems }
    }
}

/// One complaint about a file or a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `file` is the file complained about, everywhere
pub enum Problem {
    /// The system refused to read it; the text is the system's.
    Unreadable { file: PathBuf, why: String },
    /// No such entry in a `crt-store`.
    NotInStore { word: String },
    /// No PEM certificate in it.
    NoCertificate { file: PathBuf },
    /// No private key in it, nor in the files tried beside it.
    NoKey { file: PathBuf, tried: Vec<PathBuf> },
    /// The private key asks for a passphrase.
    EncryptedKey { file: PathBuf },
    /// The key's kind or form is not supported.
    BadKey { file: PathBuf },
    /// The certificate is not what X.509 says.
    BadCertificate { file: PathBuf, why: String },
    /// Key and certificate do not belong together.
    Mismatch { file: PathBuf, key: PathBuf },
    /// Its time is over, or has not come.
    OutOfDate { file: PathBuf, over: bool },
    /// The stapled response cannot be used and is left out.
    BadOcsp { file: PathBuf, why: &'static str },
    /// A line of a `crt-list`.
    BadListLine { file: PathBuf, line: usize, why: String },
    /// A file of authorities without a usable one.
    NoAuthority { file: PathBuf },
    /// A revocation list that cannot be read.
    BadCrl { file: PathBuf, why: String },
    /// A file of authorities or revocations that would have to be read while the process runs.
    NotLoaded { what: &'static str, file: PathBuf },
    /// A setting that needs another one.
    Needs { what: &'static str, needs: &'static str },
    /// Names in a list that nothing here answers to; the others are used.
    UnknownNames { what: &'static str, names: Vec<String> },
    /// Nothing usable remains of a list.
    NothingLeft { what: &'static str },
    /// The limits leave neither TLS 1.2 nor TLS 1.3.
    NoVersion,
    /// A setting that is understood but changes nothing here.
    NoEffect { what: String, why: &'static str },
    /// The bind has no certificate, and no temporary one is at hand.
    NothingToServe,
    /// The bind has no certificate; a temporary self-signed one is served until the first arrives.
    Temporary,
    /// What somebody looks after and had put there cannot be used; the text says why.
    Unusable { why: String },
    /// The library refuses the combination.
    Refused { why: String },
}

impl Problem {
    /// Whether the configuration can be used nevertheless.
    pub fn severity(&self) -> Severity {
        match self {
            Problem::Unreadable { .. }
            | Problem::NotInStore { .. }
            | Problem::NoCertificate { .. }
            | Problem::NoKey { .. }
            | Problem::EncryptedKey { .. }
            | Problem::BadKey { .. }
            | Problem::BadCertificate { .. }
            | Problem::Mismatch { .. }
            | Problem::BadListLine { .. }
            | Problem::NoAuthority { .. }
            | Problem::BadCrl { .. }
            | Problem::NotLoaded { .. }
            | Problem::Needs { .. }
            | Problem::NoVersion
            | Problem::NothingToServe
            | Problem::Refused { .. } => Severity::Alert,
            Problem::OutOfDate { .. }
            | Problem::BadOcsp { .. }
            | Problem::UnknownNames { .. }
            | Problem::NothingLeft { .. }
            | Problem::NoEffect { .. }
            | Problem::Unusable { .. }
            | Problem::Temporary => Severity::Warning,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Problem::Unreadable { .. } => {
                Some("check the path and the rights of the user that starts the process")
            }
            Problem::NotInStore { .. } => Some("declare it with 'load crt FILE alias NAME' in the crt-store"),
            Problem::NoCertificate { .. } => {
                Some("give a PEM file with '-----BEGIN CERTIFICATE-----' blocks")
            }
            Problem::NoKey { .. } => {
                Some("append the PEM private key to the file, or put it beside it with the suffix .key")
            }
            Problem::EncryptedKey { .. } => {
                Some("remove the passphrase: openssl pkey -in KEY -out KEY.plain")
            }
            Problem::BadKey { .. } => {
                Some("use a PEM key: RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519")
            }
            Problem::BadCertificate { .. } => Some("have the certificate issued again"),
            Problem::Mismatch { .. } => Some("give the key that the certificate was issued for"),
            Problem::OutOfDate { over: true, .. } => Some("renew it; clients will refuse it"),
            Problem::OutOfDate { over: false, .. } => {
                Some("check this machine's clock; clients will refuse it")
            }
            Problem::BadOcsp { .. } => Some("fetch a fresh response, or remove the file"),
            Problem::NoAuthority { .. } => Some("give a PEM file with the certificates of authorities"),
            Problem::BadCrl { .. } => Some("give PEM revocation lists, one of each authority"),
            Problem::NotLoaded { .. } => Some("make it with 'new ssl' and 'set ssl' first"),
            Problem::Needs { needs: "ca-file", .. } => Some(
                "name the authorities with 'ca-file', or write 'verify none' where nobody needs to be checked",
            ),
            Problem::Needs { .. } => None,
            Problem::NoVersion => Some("allow TLSv1.2 or TLSv1.3; older versions are not spoken"),
            Problem::NothingToServe => Some("add 'crt FILE' or 'crt-list FILE' to the bind line"),
            Problem::Unusable { .. } => Some("nothing: another one is obtained and goes live by itself"),
            Problem::Temporary => Some("put a certificate and its key there; it goes live by itself"),
            Problem::BadListLine { .. }
            | Problem::UnknownNames { .. }
            | Problem::NothingLeft { .. }
            | Problem::NoEffect { .. }
            | Problem::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unreadable { file, why } => write!(f, "unable to read '{}': {why}", file.display()),
            Problem::NotInStore { word } => write!(f, "no certificate '{word}' in the certificate stores"),
            Problem::NoCertificate { file } => write!(f, "no certificate in '{}'", file.display()),
            Problem::NoKey { file, tried } => {
                write!(f, "no private key for '{}'", file.display())?;
                tried.iter().try_for_each(|other| write!(f, ", nor in '{}'", other.display()))
            }
            Problem::EncryptedKey { file } => {
                write!(f, "the private key in '{}' is encrypted", file.display())
            }
            Problem::BadKey { file } => write!(f, "the private key in '{}' cannot be used", file.display()),
            Problem::BadCertificate { file, why } => {
                write!(f, "the certificate in '{}' cannot be used: {why}", file.display())
            }
            Problem::Mismatch { file, key } => {
                write!(
                    f,
                    "the key in '{}' is not that of the certificate in '{}'",
                    key.display(),
                    file.display()
                )
            }
            Problem::OutOfDate { file, over: true } => {
                write!(f, "the certificate in '{}' has expired", file.display())
            }
            Problem::OutOfDate { file, over: false } => {
                write!(f, "the certificate in '{}' is not valid yet", file.display())
            }
            Problem::BadOcsp { file, why } => {
                write!(f, "the OCSP response in '{}' is left out: {why}", file.display())
            }
            Problem::BadListLine { file, line, why } => write!(f, "[{}:{line}] {why}", file.display()),
            Problem::NoAuthority { file } => write!(f, "no certificate authority in '{}'", file.display()),
            Problem::BadCrl { file, why } => {
                write!(f, "the revocation lists in '{}' cannot be used: {why}", file.display())
            }
            Problem::NotLoaded { what, file } => write!(f, "'{what}' : unable to load {}", file.display()),
            Problem::Needs { what, needs } => write!(f, "'{what}' needs '{needs}'"),
            Problem::UnknownNames { what, names } => write!(f, "{what}: not available: {}", names.join(", ")),
            Problem::NothingLeft { what } => {
                write!(f, "{what}: none of the list is available, the version that needs one is not spoken")
            }
            Problem::NoVersion => {
                f.write_str("no TLS version is left by 'ssl-min-ver', 'ssl-max-ver' and 'no-tlsv*'")
            }
            Problem::NoEffect { what, why } => write!(f, "'{what}' has no effect: {why}"),
            Problem::NothingToServe => f.write_str("'ssl' without a certificate"),
            Problem::Temporary => f.write_str(
                "no certificate yet: a temporary self-signed one is served until the first arrives",
            ),
            Problem::Unusable { why } => write!(f, "what was obtained before is damaged: {why}"),
            Problem::Refused { why } => write!(f, "the TLS settings cannot be used: {why}"),
        }
    }
}
