//! What was asked for on the command line, in cli.ini, or in a certificate's own conf: one plain value. Nothing is done
//! here; every default that is not simply nothing is decided here and nowhere else.

use certs::acme::{Eab, LETS_ENCRYPT, MacAlgorithm, Reason};
use certs::hatch::Challenge;
use certs::tree::{Renewal, Tree};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// Let's Encrypt's staging directory: for `--test-cert` and rehearsals.
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// A way to prove control of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Authenticator {
    Standalone,
    Webroot,
    Manual,
    /// Certbot's plugin dns-rfc2136.
    Rfc2136,
    /// Certbot's plugin dns-cloudflare.
    Cloudflare,
    /// One that is named in a conf and that only a running proxy can stand in for.
    Other(String),
}

impl Authenticator {
    pub(super) fn of(name: &str) -> Authenticator {
        match name {
            "standalone" => Authenticator::Standalone,
            "webroot" => Authenticator::Webroot,
            "manual" => Authenticator::Manual,
            // Before Certbot 1.7 plugins of other packages had a prefix.
            "dns-rfc2136" | "certbot-dns-rfc2136:dns-rfc2136" => Authenticator::Rfc2136,
            "dns-cloudflare" | "certbot-dns-cloudflare:dns-cloudflare" => Authenticator::Cloudflare,
            other => Authenticator::Other(other.to_owned()),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Authenticator::Standalone => "standalone",
            Authenticator::Webroot => "webroot",
            Authenticator::Manual => "manual",
            Authenticator::Rfc2136 => "dns-rfc2136",
            Authenticator::Cloudflare => "dns-cloudflare",
            Authenticator::Other(name) => name,
        }
    }
}

/// What a plugin of Certbot's that makes records is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// The file that names the server and the secret.
    pub(super) credentials: Option<String>,
    /// How long a record is waited for; the plugin's own default where there is none.
    pub(super) seconds: Option<Duration>,
}

/// See the module's head.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// Keys of the rows that were written, wherever.
    pub(super) given: BTreeSet<&'static str>,
    pub(super) tree: Tree,
    pub(super) names: Vec<String>,
    /// Those of them that may be IP addresses: `--ip-address`.
    pub(super) addresses: Vec<String>,
    pub(super) cert_name: Option<String>,
    pub(super) authenticator: Option<Authenticator>,
    /// One that was asked for before and differs.
    pub(super) other_way: Option<Authenticator>,
    /// The first word that is well written and cannot be meant: a failure, no mistake of writing.
    pub(super) unfit: Option<String>,
    pub(super) rfc2136: Records,
    pub(super) cloudflare: Records,
    pub(super) debug_challenges: bool,
    /// In the order of the command line; the last one serves names that have none of their own.
    pub(super) webroot_paths: Vec<String>,
    /// Name and folder.
    pub(super) webroots: Vec<(String, String)>,
    pub(super) manual_auth_hook: Option<String>,
    pub(super) manual_cleanup_hook: Option<String>,
    pub(super) challenges: Vec<Challenge>,
    pub(super) http_port: u16,
    pub(super) http_address: String,
    pub(super) key_type: Option<String>,
    pub(super) rsa_key_size: Option<u32>,
    pub(super) curve: Option<String>,
    pub(super) reuse_key: bool,
    pub(super) new_key: bool,
    pub(super) email: Option<String>,
    pub(super) without_email: bool,
    pub(super) agree_tos: bool,
    pub(super) account: Option<String>,
    pub(super) eab_kid: Option<String>,
    pub(super) eab_key: Option<String>,
    pub(super) eab_algorithm: MacAlgorithm,
    pub(super) server: Option<String>,
    pub(super) staging: bool,
    pub(super) no_verify_ssl: bool,
    pub(super) dry_run: bool,
    pub(super) noninteractive: bool,
    pub(super) force_interactive: bool,
    pub(super) quiet: bool,
    pub(super) verbose: u32,
    pub(super) force_renewal: bool,
    pub(super) keep: bool,
    pub(super) expand: bool,
    pub(super) duplicate: bool,
    pub(super) new_names: bool,
    pub(super) subset: bool,
    pub(super) pre_hook: Option<String>,
    pub(super) post_hook: Option<String>,
    pub(super) deploy_hook: Option<String>,
    pub(super) run_deploy_hooks: bool,
    pub(super) validate_hooks: bool,
    pub(super) folder_hooks: bool,
    pub(super) autorenew: Option<bool>,
    pub(super) random_sleep: bool,
    pub(super) preferred_chain: Option<String>,
    pub(super) required_profile: Option<String>,
    pub(super) preferred_profile: Option<String>,
    pub(super) cert_path: Option<PathBuf>,
    pub(super) key_path: Option<PathBuf>,
    pub(super) csr: Option<PathBuf>,
    pub(super) chain_path: Option<PathBuf>,
    pub(super) fullchain_path: Option<PathBuf>,
    pub(super) must_staple: bool,
    pub(super) break_certs: bool,
    pub(super) as_json: bool,
    pub(super) reason: Reason,
    pub(super) delete_after_revoke: Option<bool>,
    pub(super) max_log_backups: u32,
    pub(super) preconfigured: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            given: BTreeSet::new(),
            tree: Tree::default(),
            names: Vec::new(),
            addresses: Vec::new(),
            cert_name: None,
            authenticator: None,
            other_way: None,
            unfit: None,
            rfc2136: Records::default(),
            cloudflare: Records::default(),
            debug_challenges: false,
            webroot_paths: Vec::new(),
            webroots: Vec::new(),
            manual_auth_hook: None,
            manual_cleanup_hook: None,
            challenges: Vec::new(),
            http_port: 80,
            http_address: String::new(),
            key_type: None,
            rsa_key_size: None,
            curve: None,
            reuse_key: false,
            new_key: false,
            email: None,
            without_email: false,
            agree_tos: false,
            account: None,
            eab_kid: None,
            eab_key: None,
            eab_algorithm: MacAlgorithm::default(),
            server: None,
            staging: false,
            no_verify_ssl: false,
            dry_run: false,
            noninteractive: false,
            force_interactive: false,
            quiet: false,
            verbose: 0,
            force_renewal: false,
            keep: false,
            expand: false,
            duplicate: false,
            new_names: false,
            subset: false,
            pre_hook: None,
            post_hook: None,
            deploy_hook: None,
            run_deploy_hooks: false,
            validate_hooks: true,
            folder_hooks: true,
            autorenew: None,
            random_sleep: true,
            preferred_chain: None,
            required_profile: None,
            preferred_profile: None,
            cert_path: None,
            key_path: None,
            csr: None,
            chain_path: None,
            fullchain_path: None,
            must_staple: false,
            break_certs: false,
            as_json: false,
            reason: Reason::Unspecified,
            delete_after_revoke: None,
            max_log_backups: 1000,
            preconfigured: false,
        }
    }
}

impl Options {
    /// Goes a way to prove control. A second one is remembered: flags cannot name two.
    pub(super) fn go(&mut self, way: Authenticator) {
        let before = self.authenticator.replace(way);
        self.other_way = before.filter(|before| Some(before) != self.authenticator.as_ref());
    }

    /// Notes what a word asks for and cannot be had.
    pub(super) fn unfit(&mut self, why: String) {
        self.unfit.get_or_insert(why);
    }

    /// The directory of the authority. A rehearsal never uses Let's Encrypt's production.
    pub(super) fn directory(&self) -> String {
        let named = self.server.as_deref().unwrap_or(LETS_ENCRYPT);
        if named == LETS_ENCRYPT && (self.staging || self.dry_run) { STAGING } else { named }.to_owned()
    }

    /// The authority is Let's Encrypt's for tests.
    pub(super) fn is_staging(server: &str) -> bool {
        server.contains("//acme-staging")
    }

    /// A certificate that browsers trust is not replaced by one for tests, unless that is said in so many words.
    pub(super) fn keeps_real(&self, before: &Renewal) -> Result<(), String> {
        let was_real = before.param("server").is_some_and(|server| !Options::is_staging(&server));
        if self.dry_run || self.break_certs || !was_real || !Options::is_staging(&self.directory()) {
            return Ok(());
        }
        Err(format!(
            "You've asked to renew/replace a seemingly valid certificate with a test certificate (domains: {}). We will not \
             do that unless you use the --break-my-certs flag!",
            self.names.join(", ")
        ))
    }

    /// The folder that a name's challenge files go to.
    pub(super) fn webroot_of(&self, name: &str) -> Option<&str> {
        let own = self.webroots.iter().find(|(known, _)| known == name).map(|(_, folder)| folder.as_str());
        own.or_else(|| self.webroot_paths.last().map(String::as_str))
    }

    /// `--eab-kid` and `--eab-hmac-key`, which go together.
    pub(super) fn eab(&self) -> Result<Option<Eab>, String> {
        match (&self.eab_kid, &self.eab_key) {
            (None, None) => Ok(None),
            (Some(kid), Some(key)) => {
                let mac_key = certs::acme::decode_mac_key(key)
                    .ok_or("--eab-hmac-key is not what the authority handed out: base64url is expected")?;
                Ok(Some(Eab { key_id: kid.clone(), mac_key, algorithm: self.eab_algorithm }))
            }
            (Some(_), None) => Err("--eab-kid wants --eab-hmac-key beside it".to_owned()),
            (None, Some(_)) => Err("--eab-hmac-key wants --eab-kid beside it".to_owned()),
        }
    }

    /// Names, as they are shown: `a.example and www.a.example`.
    pub(super) fn shown(names: &[String]) -> String {
        match names {
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, rest @ ..] => format!("{one} and {} more domains", rest.len()),
            [] => String::new(),
        }
    }
}
