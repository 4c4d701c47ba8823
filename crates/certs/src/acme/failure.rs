//! Why there is no certificate: a cause in words. What to do about it is told by `remedy`, what follows from it by
//! `consequence`.

mod consequence;
mod remedy;

use crate::renew::UnixTime;
use crate::tree::TreeError;
use instant_acme::{Error, Problem};
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

/// Names of RFC 8555 section 6.7 and its successors begin so.
const URN: &str = "urn:ietf:params:acme:error:";
/// What [`crate::acme::open_account`] asks for.
pub(super) const ACCOUNT: &str = "an account";

impl From<TreeError> for IssueError {
    fn from(error: TreeError) -> IssueError {
        match error {
            TreeError::Locked { lock } => IssueError::Busy { lock },
            TreeError::Io { doing, path, why } => {
                IssueError::Storage { file: path, why: format!("cannot {doing} it: {why}") }
            }
            error @ (TreeError::BadName { .. }
            | TreeError::Missing { .. }
            | TreeError::Exists { .. }
            | TreeError::Conf { .. }
            | TreeError::Broken { .. }
            | TreeError::Account { .. }) => IssueError::Tree(error),
        }
    }
}

/// Why an issuance failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// A name that no authority could sign.
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another process is at work on the same certificate.
    Busy {
        /// Its lock.
        lock: PathBuf,
    },
    /// The storage cannot be read or written.
    Storage {
        /// Which file.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// What the storage holds is not what it should be.
    Tree(TreeError),
    /// `--no-verify-ssl` against an authority whose certificates browsers trust.
    Unverified,
    /// The trusted roots cannot be read.
    Trust {
        /// Why not.
        why: String,
    },
    /// The authority did not answer, or something else did.
    Unreachable {
        /// Its host.
        host: String,
        /// What happened.
        why: String,
        /// When it wants to be asked again.
        until: Option<SystemTime>,
    },
    /// Its limits are reached.
    RateLimited {
        /// In its words.
        why: String,
        /// When it wants to be asked again.
        until: Option<SystemTime>,
    },
    /// It said no.
    Refused {
        /// To what.
        step: &'static str,
        /// RFC 8555's word for the kind of problem, without the URN.
        kind: String,
        /// In its words.
        why: String,
    },
    /// The account's key file cannot be used.
    AccountKey {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// None of the challenges offered for a name is one that we may or can answer.
    NoChallenge {
        /// The name.
        name: String,
        /// What the authority offers.
        offered: Vec<String>,
        /// What we would have answered.
        wanted: Vec<&'static str>,
    },
    /// The authority looked at names and was not convinced.
    Unproven(Vec<Unproven>),
    /// An answer could not be put where the authority would look for it.
    Answer {
        /// For which name.
        name: String,
        /// Why not.
        why: String,
    },
    /// The profile asked for is not offered.
    NoProfile {
        /// The one asked for.
        wanted: String,
        /// Those there are.
        offered: Vec<String>,
    },
    /// It took longer than we wait.
    TooSlow {
        /// What did.
        step: &'static str,
    },
    /// A key or a request could not be made.
    Key {
        /// Why not.
        why: String,
    },
    /// A certificate or key that was handed in cannot be used.
    Given {
        /// Why not.
        why: String,
    },
    /// What came is not the certificate that was asked for.
    BadCertificate {
        /// What is wrong with it.
        why: String,
    },
}

/// A name whose control was not proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproven {
    /// The name.
    pub name: String,
    /// The kind of challenge, where one was tried.
    pub challenge: Option<&'static str>,
    /// RFC 8555's word for the kind of problem.
    pub kind: String,
    /// In the authority's words.
    pub why: String,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueError::BadName { name, why } => write!(f, "no authority would sign '{name}': {why}"),
            IssueError::Busy { lock } => {
                write!(f, "another process works on this certificate (it holds {})", lock.display())
            }
            IssueError::Storage { file, why } => write!(f, "{}: {why}", file.display()),
            IssueError::Tree(error) => write!(f, "{error}"),
            IssueError::Unverified => f.write_str("the authority's own certificate would not be checked"),
            IssueError::Trust { why } => write!(f, "the trusted roots cannot be used: {why}"),
            IssueError::Unreachable { host, why, .. } => write!(f, "{host} cannot be reached: {why}"),
            IssueError::RateLimited { why, until } => {
                write!(f, "the authority's limits are reached: {why}")?;
                until.map_or(Ok(()), |until| write!(f, " (not before {})", UnixTime::from(until)))
            }
            IssueError::Refused { step, kind, why } => {
                write!(f, "the authority refused {step}: {why} ({kind})")
            }
            IssueError::AccountKey { file, why } => {
                write!(f, "the account key in {} cannot be used: {why}", file.display())
            }
            IssueError::NoChallenge { name, offered, wanted } => write!(
                f,
                "no way to prove control of '{name}': the authority offers {}, we may answer {}",
                list(offered),
                list(wanted)
            ),
            IssueError::Unproven(all) => {
                let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
                write!(f, "{}", texts.join("; "))
            }
            IssueError::Answer { name, why } => {
                write!(f, "the challenge for '{name}' cannot be answered: {why}")
            }
            IssueError::NoProfile { wanted, offered } => {
                write!(f, "the authority has no profile '{wanted}', only {}", list(offered))
            }
            IssueError::TooSlow { step } => write!(f, "the authority took too long for {step}"),
            IssueError::Key { why } => write!(f, "no key could be made: {why}"),
            IssueError::Given { why } => f.write_str(why),
            IssueError::BadCertificate { why } => write!(f, "what the authority sent is not usable: {why}"),
        }
    }
}

impl std::error::Error for IssueError {}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unproven { name, challenge, kind, why } = self;
        let how = challenge.map(|c| format!(" by {c}")).unwrap_or_default();
        write!(f, "control of '{name}' was not proven{how}: {why} ({kind})")
    }
}

fn list(words: &[impl AsRef<str>]) -> String {
    if words.is_empty() {
        return "nothing".to_owned();
    }
    words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

impl IssueError {
    /// What an ACME library's error means at this step.
    pub(crate) fn of(error: Error, step: &'static str, host: &str, until: Option<SystemTime>) -> IssueError {
        match error {
            Error::Api(problem) => refused(&problem, step, until),
            Error::Timeout(_) => IssueError::TooSlow { step },
            Error::Json(why) => unreachable_host(host, format!("its answer is not ACME's ({why})"), until),
            Error::Crypto | Error::KeyRejected => {
                IssueError::Key { why: "the account's key was rejected".into() }
            }
            Error::Unsupported(what) => IssueError::Refused {
                step,
                kind: "unsupported".into(),
                why: format!("the authority does not support {what}"),
            },
            // The library may grow variants; its text says what happened.
            other => unreachable_host(host, other.to_string(), until),
        }
    }
}

fn unreachable_host(host: &str, why: String, until: Option<SystemTime>) -> IssueError {
    IssueError::Unreachable { host: host.to_owned(), why, until }
}

fn refused(problem: &Problem, step: &'static str, until: Option<SystemTime>) -> IssueError {
    let (kind, why) = (kind_of(problem), words_of(problem));
    match kind.as_str() {
        "rateLimited" => IssueError::RateLimited { why, until },
        _ => IssueError::Refused { step, kind, why },
    }
}

/// The kind of a problem, without the URN.
pub(crate) fn kind_of(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or("about:blank");
    printable(kind.strip_prefix(URN).unwrap_or(kind))
}

/// What it says, with what it says of single names.
pub(crate) fn words_of(problem: &Problem) -> String {
    let own = problem.detail.clone().unwrap_or_else(|| "it gave no reason".to_owned());
    let parts = problem.subproblems.iter().map(ToString::to_string);
    printable(&std::iter::once(own).chain(parts).collect::<Vec<_>>().join("; "))
}

/// An authority's text for logs and terminals: one line of a bounded length without control characters.
fn printable(text: &str) -> String {
    const MOST: usize = 1_000;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect()
}
