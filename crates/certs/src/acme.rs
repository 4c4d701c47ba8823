//! Speaking with certificate authorities (RFC 8555) by way of `instant-acme`: who they are, how requests travel, our
//! account there, and what their refusals mean. What one issuance consists of is told by `issue`, not here.

mod account;
mod binding;
mod failure;
mod revocation;
mod signer;
mod transport;

pub use account::{Opened, open as open_account};
pub use failure::{IssueError, Unproven};
pub use instant_acme::RevocationReason as Reason;
pub use revocation::revoke_by_key;
pub use transport::{Transport, time_of};

pub(crate) use account::{NO_ACCOUNT, name as account_name, patient};
pub(crate) use failure::{kind_of, words_of};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use std::path::PathBuf;
use tls::Trust;

/// Let's Encrypt's production directory, the default.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Its hosts that issue what browsers trust: there `Trust::Anybody` is refused.
const LETS_ENCRYPT_HOST: &str = "acme-v02.api.letsencrypt.org";
/// In place of a directory's address: the local authority of the storage.
const INTERNAL: &str = "internal";

/// An authority and how to be known there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    /// Its directory's address (RFC 8555 section 7.1.1).
    pub url: String,
    /// Mail addresses, without `mailto:`.
    pub contact: Vec<String>,
    /// A PEM file with the account's key, in place of the one that the storage keeps.
    pub account_key: Option<PathBuf>,
    /// Binds a new account to one that exists outside ACME (section 7.3.4).
    pub eab: Option<Eab>,
    /// Whom we believe when it answers.
    pub trust: Trust,
}

impl Default for Directory {
    fn default() -> Directory {
        Directory {
            url: LETS_ENCRYPT.to_owned(),
            contact: Vec::new(),
            account_key: None,
            eab: None,
            trust: Trust::default(),
        }
    }
}

impl Directory {
    /// The local authority of the storage is meant, and no ACME is spoken.
    pub fn is_internal(&self) -> bool {
        self.url == INTERNAL
    }

    /// `host[:port]` of the directory.
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// It issues what browsers trust, so that a forged answer would matter.
    pub(crate) fn is_production(&self) -> bool {
        self.host().eq_ignore_ascii_case(LETS_ENCRYPT_HOST)
    }
}

/// The key of an external account as authorities hand it out: base64url, with or without padding.
pub fn decode_mac_key(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
    BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|key| !key.is_empty())
}

/// External account binding. `Debug` leaves the key out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Eab {
    /// The identifier that the authority gave out.
    pub key_id: String,
    /// The key that it gave out, decoded.
    pub mac_key: Vec<u8>,
    /// How it signs.
    pub algorithm: MacAlgorithm,
}

/// How an external account signs (RFC 7518 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256, which every authority takes.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl MacAlgorithm {
    /// Its name in requests, in `eab-mac-alg` and in Certbot's `--eab-hmac-alg`.
    pub fn name(self) -> &'static str {
        match self {
            MacAlgorithm::Hs256 => "HS256",
            MacAlgorithm::Hs384 => "HS384",
            MacAlgorithm::Hs512 => "HS512",
        }
    }

    /// By its name.
    pub fn of(name: &str) -> Option<MacAlgorithm> {
        [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

impl std::fmt::Debug for Eab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eab").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
