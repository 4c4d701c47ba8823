//! What operators can do about a certificate that they do not get: a remedy for each cause.

use super::{ACCOUNT, IssueError};
use crate::tree::TreeError;

impl IssueError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            IssueError::BadName { .. } => "take the name off the certificate",
            IssueError::Busy { .. } => "nothing: it is tried again",
            IssueError::Storage { .. } => {
                "the process must be able to write there: 'storage DIR' in the acme section names another place"
            }
            IssueError::Tree(TreeError::Conf { .. }) => {
                "correct the file; what is served stays as it is, and it is tried again"
            }
            IssueError::Tree(_) => "the others are not concerned",
            IssueError::Unverified => "leave --no-verify-ssl away",
            IssueError::Trust { .. } => {
                "SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE can name other roots"
            }
            IssueError::Unreachable { .. } => "check the way out: name servers, firewall, and 'directory'",
            IssueError::RateLimited { .. } => "nothing: it is tried again when the authority allows it",
            // Only where names are looked at does it concern what answers there.
            IssueError::Refused { step: ACCOUNT, kind, .. } if kind == "unauthorized" => {
                "check 'eab-key-id' and 'eab-mac-key' against what the authority's website shows, and 'account-key'"
            }
            IssueError::Refused { kind, .. } if kind == "unauthorized" => {
                "the authority does not take this from our account: its website or its words say why"
            }
            IssueError::Refused { kind, .. } => refusal(kind),
            IssueError::AccountKey { .. } => {
                "the file must hold an ECDSA P-256 key in PKCS#8; without 'account-key' one is made and kept"
            }
            IssueError::NoChallenge { .. } => {
                "name others with 'challenge'; a wildcard needs dns-01, http-01 a frontend on port 80, tls-alpn-01 \
                 one on port 443"
            }
            IssueError::Unproven(all) => all.first().map_or("", |first| refusal(&first.kind)),
            IssueError::Answer { .. } => "look at what answers there, then 'acme renew' tries at once",
            IssueError::NoProfile { .. } => "name one of these with 'profile', or none",
            IssueError::TooSlow { .. } => "nothing: it is tried again",
            IssueError::Key { .. } => "check 'keytype', 'bits' and 'curves'",
            IssueError::Given { .. } => "hand in the certificate and its own key, in PEM",
            IssueError::BadCertificate { .. } => {
                "nothing: it is tried again; tell the authority if it stays so"
            }
        }
    }
}

/// What to do about a kind of problem (RFC 8555 section 6.7).
fn refusal(kind: &str) -> &'static str {
    match kind {
        "caa" => "the name's CAA record does not allow this authority: change the record or 'directory'",
        "connection" => {
            "let the authority reach this machine: the name's A and AAAA records, the firewall, ports 80 and 443"
        }
        "dns" => "the name does not resolve for the authority: create its A or AAAA record",
        "incorrectResponse" | "unauthorized" => {
            "something else answers for this name: check its A and AAAA records and what listens there"
        }
        "tls" => "the authority met a TLS server that is not this one: check the name's addresses",
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "this authority does not sign such names: take it off or use another 'directory'"
        }
        "externalAccountRequired" => {
            "give 'eab-key-id' and 'eab-mac-key' as the authority's website shows them"
        }
        "invalidContact" | "unsupportedContact" => {
            "correct 'contact': a plain mail address that can get mail"
        }
        "userActionRequired" => "the authority has new terms: read and agree on its website",
        "accountDoesNotExist" => {
            "the account's key is unknown there: remove the kept account to make a new one"
        }
        "invalidProfile" => "name another 'profile', or none",
        "badPublicKey" | "badCSR" => "choose another 'keytype', 'bits' or 'curves'",
        "alreadyReplaced" => "nothing: the next try orders anew",
        "serverInternal" | "badNonce" => "nothing: it is tried again",
        _ => "the authority's words say why; 'acme renew' tries again at once",
    }
}
