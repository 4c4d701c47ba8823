//! What loading certificates has to complain about. Each names the file and the remedy; none stops the others, so
//! that one start shows them all. The caller adds the configuration line they belong to.

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
    /// No PEM certificate in it.
    NoCertificate { file: PathBuf },
    /// No private key in it, nor in the files tried beside it.
    NoKey { file: PathBuf, tried: Vec<PathBuf> },
    /// The key's kind or form is not supported.
    BadKey { file: PathBuf },
    /// The certificate is not what X.509 says.
    BadCertificate { file: PathBuf, why: String },
    /// Key and certificate do not belong together.
    Mismatch { file: PathBuf, key: PathBuf },
    /// The bind has no certificate, and no temporary one is at hand.
    NothingToServe,
    /// The bind has no certificate; a temporary self-signed one is served until the first arrives.
    Temporary { looked_in: Vec<PathBuf> },
    /// rustls refuses the combination.
    Refused { why: String },
}

impl Problem {
    /// Whether the configuration can be used nevertheless.
    pub fn severity(&self) -> Severity {
        match self {
            Problem::Unreadable { .. }
            | Problem::NoCertificate { .. }
            | Problem::NoKey { .. }
            | Problem::BadKey { .. }
            | Problem::BadCertificate { .. }
            | Problem::Mismatch { .. }
            | Problem::NothingToServe
            | Problem::Refused { .. } => Severity::Alert,
            Problem::Temporary { .. } => Severity::Warning,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Problem::Unreadable { .. } => {
                Some("check the path and the rights of the user that starts the process")
            }
            Problem::NoCertificate { .. } => {
                Some("give a PEM file with '-----BEGIN CERTIFICATE-----' blocks")
            }
            Problem::NoKey { .. } => {
                Some("append the PEM private key to the file, or put it beside it with the suffix .key")
            }
            Problem::BadKey { .. } => Some(
                "use an unencrypted PEM key: RSA of 2048 bits and more, ECDSA P-256, P-384 or P-521, Ed25519",
            ),
            Problem::BadCertificate { .. } => Some("have the certificate issued again"),
            Problem::Mismatch { .. } => Some("give the key the certificate was issued for"),
            Problem::NothingToServe => Some("add 'crt FILE' or 'crt-list FILE' to the bind line"),
            Problem::Temporary { .. } => Some("put a certificate and its key there; it goes live by itself"),
            Problem::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unreadable { file, why } => write!(f, "unable to read '{}': {why}", file.display()),
            Problem::NoCertificate { file } => write!(f, "no certificate in '{}'", file.display()),
            Problem::NoKey { file, .. } => write!(f, "no private key for '{}'", file.display()),
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
            Problem::NothingToServe => f.write_str("'ssl' without a certificate"),
            Problem::Temporary { .. } => f.write_str(
                "no certificate yet: a temporary self-signed one is served until the first arrives",
            ),
            Problem::Refused { why } => write!(f, "the TLS settings cannot be used: {why}"),
        }
    }
}
