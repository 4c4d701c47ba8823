//! The `acme` sections. As written; `None` where nothing was.

use base::Word;

/// An `acme` section: an authority, and how certificates are obtained from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acme {
    /// Its name.
    pub name: Word,
    /// `directory`
    pub directory: Option<Word>,
    /// `account-key`
    pub account_key: Option<Word>,
    /// `contact`
    pub contact: Vec<Word>,
    /// `challenge`, the preferred first; empty = not written.
    pub challenges: Vec<AcmeChallenge>,
    /// `keytype`, `bits` and `curves`
    pub key: AcmeKey,
    /// `profile`
    pub profile: Option<Word>,
    /// `must-have-profile`
    pub must_have_profile: bool,
    /// `eab-key-id FILE`
    pub eab_key_id: Option<Word>,
    /// `eab-mac-key FILE`
    pub eab_mac_key: Option<Word>,
    /// `eab-mac-alg`; HS256 where it is not written
    pub eab_mac_alg: Option<Word>,
    /// `reuse-key`
    pub reuse_key: bool,
    /// `fallback`: the section that is asked where this one fails.
    pub fallback: Option<Word>,
    /// `preferred-chain`: the common name of a root
    pub preferred_chain: Option<Word>,
    /// `renew-hook`, in order
    pub renew_hooks: Vec<Word>,
    /// `alert-hook`, in order
    pub alert_hooks: Vec<Word>,
    /// `on-demand`
    pub on_demand: bool,
    /// `on-demand-wait`, milliseconds
    pub on_demand_wait: Option<u64>,
    /// `on-demand-rate`: so many orders in so many milliseconds
    pub on_demand_rate: Option<(u64, u64)>,
    /// `ask`: an address that approves names
    pub ask: Option<Word>,
    /// `storage`
    pub storage: Option<Word>,
    /// `dns-hook`
    pub dns_hook: Option<Word>,
    /// `dns-cleanup-hook`
    pub dns_cleanup_hook: Option<Word>,
    /// `dns-cloudflare FILE`
    pub dns_cloudflare: Option<Word>,
    /// `dns-update SERVER KEY ALGORITHM FILE`
    pub dns_update: Vec<Word>,
    /// `dns-acme-dns URL FILE`
    pub dns_acme_dns: Vec<Word>,
    /// `provider-name`
    pub provider_name: Option<Word>,
    /// `acme-vars`
    pub provider_vars: Option<Word>,
    /// `challenge-ready`; empty = not written.
    pub challenge_ready: Vec<ChallengeReady>,
    /// `dns-resolver ADDRESS:PORT`
    pub dns_resolvers: Vec<Word>,
    /// `dns-delay`, milliseconds
    pub dns_delay: Option<u64>,
    /// `dns-timeout`, milliseconds
    pub dns_timeout: Option<u64>,
}

/// What `provider-name` may say so that records are made here.
pub const PROVIDERS: [&str; 3] = ["acmedns", "cloudflare", "rfc2136"];

/// `challenge`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// `http-01`
    Http01,
    /// `tls-alpn-01`
    TlsAlpn01,
    /// `dns-01`
    Dns01,
    /// `dns-account-01`
    DnsAccount01,
    /// `dns-persist-01`
    DnsPersist01,
}

/// `challenge-ready`: when the authority may look for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeReady {
    /// `cli`: somebody says so over the runtime API.
    Cli,
    /// `dns`: its servers show it.
    Dns,
    /// `delay`: after `dns-delay`.
    Delay,
    /// `none`: at once.
    None,
}

/// Keys of certificates, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcmeKey {
    /// `keytype RSA` rather than `ECDSA`
    pub rsa: Option<bool>,
    /// `bits`: 2048, 3072 or 4096
    pub bits: Option<u32>,
    /// `curves`: P-256, P-384 or P-521
    pub curve: Option<Word>,
}
