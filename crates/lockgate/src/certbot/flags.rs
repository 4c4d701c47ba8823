//! Certbot's flags: one row each, read by the parser, by cli.ini, by certificates' confs and by help. A row does what its
//! flag means, or says why not; none is taken and then ignored.

use super::options::{Authenticator, Options};
use certs::hatch::Challenge;
use std::path::Path;

/// A flag.
pub(super) struct Row {
    /// As they are typed; the first is the one that help shows.
    pub(super) names: &'static [&'static str],
    /// In a certificate's conf and in [`Options::given`].
    pub(super) key: &'static str,
    pub(super) does: Does,
    pub(super) doc: &'static str,
}

/// What a flag does.
pub(super) enum Does {
    /// Switches something on.
    Switch(fn(&mut Options)),
    /// Takes a word, named in help.
    Take(&'static str, Take),
    /// Has no effect here, for this reason; a warning says so.
    Idle(Arity, &'static str),
    /// Is not done, for this reason.
    Refuse(&'static str),
}

/// How a word is taken.
pub(super) type Take = fn(&mut Options, &str) -> Result<(), String>;

/// How many words follow a flag that has no effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arity {
    None,
    One,
}

const fn switch(
    names: &'static [&'static str],
    key: &'static str,
    set: fn(&mut Options),
    doc: &'static str,
) -> Row {
    Row { names, key, does: Does::Switch(set), doc }
}

const fn take(
    names: &'static [&'static str],
    key: &'static str,
    word: &'static str,
    set: Take,
    doc: &'static str,
) -> Row {
    Row { names, key, does: Does::Take(word, set), doc }
}

const fn idle(names: &'static [&'static str], arity: Arity, why: &'static str) -> Row {
    Row { names, key: "", does: Does::Idle(arity, why), doc: "" }
}

const fn refuse(names: &'static [&'static str], why: &'static str) -> Row {
    Row { names, key: "", does: Does::Refuse(why), doc: "" }
}

const NO_INSTALLER: &str = "no web server's configuration is edited here: name --standalone, --webroot or --manual, and \
                            let the server read the files in live/";
const NO_PLUGIN: &str = "this plugin is not part of lockgate: use --manual with --manual-auth-hook and \
                         --manual-cleanup-hook, or 'challenge dns-01' in an acme section of the proxy";
const NO_STAPLE: &str = "the large authorities have ended OCSP, and refuse certificates that demand it";
const NO_UPDATE: &str = "the program never replaces itself";
const NO_HEADER: &str = "requests carry no wish to be called otherwise";

/// All flags, by topic.
pub(super) static ROWS: &[Row] = &[
    take(
        &["-d", "--domain", "--domains"],
        "domains",
        "NAME",
        names,
        "a name, or several with commas between them",
    ),
    take(&["--ip-address"], "ip_addresses", "ADDRESS", names, "an IP address"),
    take(
        &["--cert-name"],
        "certname",
        "NAME",
        |o, w| text(&mut o.cert_name, w),
        "what the certificate is called on disk",
    ),
    switch(
        &["--standalone"],
        "standalone",
        |o| o.authenticator = Some(Authenticator::Standalone),
        "prove control by a server of our own, or by the running proxy",
    ),
    switch(
        &["--webroot"],
        "webroot",
        |o| o.authenticator = Some(Authenticator::Webroot),
        "prove control by files in the folder of a web server",
    ),
    switch(
        &["--manual"],
        "manual",
        |o| o.authenticator = Some(Authenticator::Manual),
        "prove control by programs of yours, or by hand",
    ),
    take(&["-a", "--authenticator"], "authenticator", "WAY", authenticator, "standalone, webroot or manual"),
    take(&["--configurator"], "configurator", "WAY", authenticator, "as --authenticator"),
    take(
        &["-w", "--webroot-path"],
        "webroot_path",
        "FOLDER",
        webroot,
        "the folder for the names that follow",
    ),
    take(&["--webroot-map"], "webroot_map", "JSON", webroot_map, "names and their folders"),
    take(
        &["--manual-auth-hook"],
        "manual_auth_hook",
        "PROGRAM",
        |o, w| text(&mut o.manual_auth_hook, w),
        "puts the proof in place (CERTBOT_DOMAIN, CERTBOT_VALIDATION, CERTBOT_TOKEN)",
    ),
    take(
        &["--manual-cleanup-hook"],
        "manual_cleanup_hook",
        "PROGRAM",
        |o, w| text(&mut o.manual_cleanup_hook, w),
        "takes it away again",
    ),
    take(
        &["--preferred-challenges"],
        "pref_challs",
        "KINDS",
        challenges,
        "http, dns, tls-alpn-01; the preferred one first",
    ),
    take(
        &["--http-01-port"],
        "http01_port",
        "PORT",
        |o, w| number(&mut o.http_port, w),
        "where --standalone listens",
    ),
    take(
        &["--http-01-address"],
        "http01_address",
        "ADDRESS",
        |o, w| {
            o.http_address = w.to_owned();
            Ok(())
        },
        "and on which address",
    ),
    take(&["--key-type"], "key_type", "TYPE", key_type, "rsa or ecdsa"),
    take(
        &["--rsa-key-size"],
        "rsa_key_size",
        "BITS",
        |o, w| {
            let mut bits = 0;
            number(&mut bits, w)?;
            o.rsa_key_size = Some(bits);
            Ok(())
        },
        "2048, 3072 or 4096",
    ),
    take(
        &["--elliptic-curve"],
        "elliptic_curve",
        "CURVE",
        |o, w| text(&mut o.curve, w),
        "secp256r1, secp384r1 or secp521r1",
    ),
    switch(&["--reuse-key"], "reuse_key", |o| o.reuse_key = true, "keep the key when renewing"),
    switch(&["--no-reuse-key"], "reuse_key", |o| o.reuse_key = false, "make a new key when renewing"),
    switch(&["--new-key"], "new_key", |o| o.new_key = true, "make a new key this once"),
    take(&["-m", "--email"], "email", "ADDRESS", |o, w| text(&mut o.email, w), "the account's mail address"),
    switch(
        &["--register-unsafely-without-email"],
        "without_email",
        |o| o.without_email = true,
        "an account without one",
    ),
    switch(&["--agree-tos"], "tos", |o| o.agree_tos = true, "agree to the authority's terms"),
    take(&["--account"], "account", "ID", |o, w| text(&mut o.account, w), "which account is used"),
    take(
        &["--eab-kid"],
        "eab_kid",
        "ID",
        |o, w| text(&mut o.eab_kid, w),
        "the external account that a new one is bound to",
    ),
    take(&["--eab-hmac-key"], "eab_hmac_key", "KEY", |o, w| text(&mut o.eab_key, w), "its key"),
    take(&["--server"], "server", "URL", |o, w| text(&mut o.server, w), "the authority's directory"),
    switch(
        &["--test-cert", "--staging"],
        "staging",
        |o| o.staging = true,
        "use Let's Encrypt's staging directory",
    ),
    switch(
        &["--no-verify-ssl"],
        "no_verify_ssl",
        |o| o.no_verify_ssl = true,
        "believe any authority; for tests",
    ),
    switch(&["--dry-run"], "dry_run", |o| o.dry_run = true, "rehearse: nothing is kept"),
    switch(
        &["-n", "--non-interactive", "--noninteractive"],
        "noninteractive",
        |o| o.interactive = Some(false),
        "ask nothing",
    ),
    switch(
        &["--force-interactive"],
        "force_interactive",
        |o| o.interactive = Some(true),
        "ask although this is no terminal",
    ),
    switch(&["-q", "--quiet"], "quiet", |o| o.quiet = true, "say errors only"),
    switch(&["-v", "--verbose"], "verbose", |o| o.verbose += 1, "say more"),
    switch(
        &["--force-renewal", "--renew-by-default"],
        "force_renewal",
        |o| o.force_renewal = true,
        "renew although it is not due",
    ),
    switch(
        &["--keep-until-expiring", "--keep", "--reinstall"],
        "keep",
        |o| o.keep = true,
        "keep what is not due",
    ),
    switch(&["--expand"], "expand", |o| o.expand = true, "replace a certificate by one with more names"),
    switch(&["--duplicate"], "duplicate", |o| o.duplicate = true, "one more certificate for the same names"),
    switch(
        &["--renew-with-new-domains"],
        "new_names",
        |o| o.new_names = true,
        "replace a certificate's names",
    ),
    switch(
        &["--allow-subset-of-names"],
        "allow_subset_of_names",
        |o| o.subset = true,
        "do without names that cannot be proven",
    ),
    take(
        &["--pre-hook"],
        "pre_hook",
        "PROGRAM",
        |o, w| text(&mut o.pre_hook, w),
        "run before anything is ordered",
    ),
    take(
        &["--post-hook"],
        "post_hook",
        "PROGRAM",
        |o, w| text(&mut o.post_hook, w),
        "run after all was ordered",
    ),
    take(
        &["--deploy-hook", "--renew-hook"],
        "renew_hook",
        "PROGRAM",
        |o, w| text(&mut o.deploy_hook, w),
        "run for each new certificate (RENEWED_LINEAGE, RENEWED_DOMAINS)",
    ),
    switch(
        &["--run-deploy-hooks"],
        "run_deploy_hooks",
        |o| o.run_deploy_hooks = true,
        "run deploy hooks in a rehearsal too",
    ),
    switch(
        &["--disable-hook-validation"],
        "no_hook_validation",
        |o| o.validate_hooks = false,
        "do not look whether hooks can be run",
    ),
    switch(
        &["--no-directory-hooks"],
        "no_folder_hooks",
        |o| o.folder_hooks = false,
        "leave the programs in renewal-hooks/ alone",
    ),
    switch(
        &["--directory-hooks"],
        "folder_hooks",
        |o| o.folder_hooks = true,
        "run the programs in renewal-hooks/",
    ),
    switch(&["--autorenew"], "autorenew", |o| o.autorenew = Some(true), "'renew' renews it"),
    switch(&["--no-autorenew"], "no_autorenew", |o| o.autorenew = Some(false), "'renew' leaves it alone"),
    switch(&["--no-random-sleep-on-renew"], "no_random_sleep", |o| o.random_sleep = false, "renew at once"),
    take(
        &["--preferred-chain"],
        "preferred_chain",
        "ISSUER",
        |o, w| text(&mut o.preferred_chain, w),
        "common name of the root that the chain should lead to",
    ),
    take(
        &["--required-profile"],
        "required_profile",
        "PROFILE",
        |o, w| text(&mut o.required_profile, w),
        "the authority's profile, or no certificate",
    ),
    take(
        &["--preferred-profile"],
        "preferred_profile",
        "PROFILE",
        |o, w| text(&mut o.preferred_profile, w),
        "the authority's profile, if it has it",
    ),
    take(
        &["--cert-path"],
        "cert_path",
        "FILE",
        |o, w| {
            o.cert_path = Some(w.into());
            Ok(())
        },
        "the certificate to revoke",
    ),
    take(
        &["--key-path"],
        "key_path",
        "FILE",
        |o, w| {
            o.key_path = Some(w.into());
            Ok(())
        },
        "its key, to revoke by it",
    ),
    take(&["--reason"], "reason", "REASON", |o, w| text(&mut o.reason, w), "why it is revoked"),
    switch(
        &["--delete-after-revoke"],
        "delete_after_revoke",
        |o| o.delete_after_revoke = Some(true),
        "delete it then",
    ),
    switch(
        &["--no-delete-after-revoke"],
        "delete_after_revoke",
        |o| o.delete_after_revoke = Some(false),
        "keep its files",
    ),
    take(
        &["--config-dir"],
        "config_dir",
        "FOLDER",
        |o, w| folder(&mut o.tree.config_dir, w),
        "accounts, certificates, confs",
    ),
    take(&["--work-dir"], "work_dir", "FOLDER", |o, w| folder(&mut o.tree.work_dir, w), "scratch"),
    take(&["--logs-dir"], "logs_dir", "FOLDER", |o, w| folder(&mut o.tree.logs_dir, w), "logs"),
    take(
        &["--max-log-backups"],
        "max_log_backups",
        "NUMBER",
        |o, w| number(&mut o.max_log_backups, w),
        "how many logs are kept",
    ),
    switch(
        &["--preconfigured-renewal"],
        "preconfigured_renewal",
        |o| o.preconfigured = true,
        "renewal is started by the machine already: say nothing of it",
    ),
    // Without effect.
    idle(&["--no-eff-email", "--eff-email"], Arity::None, "nobody's address is handed on"),
    idle(&["-t", "--text"], Arity::None, "there is no other than text"),
    idle(
        &["--no-self-upgrade", "--no-bootstrap", "--no-permissions-check", "--os-packages-only"],
        Arity::None,
        NO_UPDATE,
    ),
    idle(
        &["--tls-sni-01-port", "--tls-sni-01-address"],
        Arity::One,
        "this challenge is out of use since 2019",
    ),
    idle(&["--manual-public-ip-logging-ok"], Arity::None, "nobody logs the address any more"),
    idle(
        &["--no-redirect", "--no-hsts", "--no-uir", "--no-staple-ocsp"],
        Arity::None,
        "no web server's configuration is edited here",
    ),
    idle(&["--user-agent", "--user-agent-comment"], Arity::One, NO_HEADER),
    idle(&["--strict-permissions"], Arity::None, "permissions are always strict"),
    // Refused.
    refuse(&["--nginx", "--apache", "-i", "--installer"], NO_INSTALLER),
    refuse(&["--redirect", "--hsts", "--uir", "--staple-ocsp", "--auto-hsts"], NO_INSTALLER),
    refuse(&["--must-staple"], NO_STAPLE),
    refuse(
        &["--csr"],
        "a request made elsewhere is not sent on: let the key be made here, or give it with --reuse-key",
    ),
    refuse(
        &["--fullchain-path", "--chain-path"],
        "certificates are written to live/ and archive/ only; link or copy them in a --deploy-hook",
    ),
    refuse(
        &["--no-dry-run", "--break-my-certs", "--allow-downgrade"],
        "a test certificate replaces a real one only after that is deleted",
    ),
    refuse(&["--issuance-timeout"], "an order is given as long as authorities need, two minutes at most"),
    refuse(
        &["--debug", "--debug-challenges"],
        "the authority looks as soon as the proof is in place; use a --manual-auth-hook that waits",
    ),
    refuse(&["--update-registration"], "use 'update_account'"),
    refuse(
        &[
            "--dns-cloudflare",
            "--dns-cloudxns",
            "--dns-digitalocean",
            "--dns-dnsimple",
            "--dns-dnsmadeeasy",
            "--dns-gehirn",
            "--dns-google",
            "--dns-linode",
            "--dns-luadns",
            "--dns-nsone",
            "--dns-ovh",
            "--dns-rfc2136",
            "--dns-route53",
            "--dns-sakuracloud",
        ],
        NO_PLUGIN,
    ),
];

/// The row of a flag; long ones may be cut short as long as only one begins so.
pub(super) fn find(written: &str) -> Result<&'static Row, String> {
    if let Some(row) = ROWS.iter().find(|row| row.names.contains(&written)) {
        return Ok(row);
    }
    let begins = |row: &&Row| row.names.iter().any(|name| name.starts_with(written));
    let mut fitting = ROWS.iter().filter(|_| written.len() > 2 && written.starts_with("--")).filter(begins);
    match (fitting.next(), fitting.next()) {
        (Some(row), None) => Ok(row),
        (Some(_), Some(_)) => Err(format!("ambiguous option: {written}")),
        (None, _) => Err(format!("unrecognized arguments: {written}{}", nearest(written))),
    }
}

fn nearest(written: &str) -> String {
    let names = ROWS.iter().flat_map(|row| row.names).copied().filter(|name| name.starts_with("--"));
    base::suggest::nearest(written, names).map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// The row that a key of a certificate's conf belongs to.
pub(super) fn of_key(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| !row.key.is_empty() && row.key == key)
}

fn text(place: &mut Option<String>, word: &str) -> Result<(), String> {
    *place = Some(word.to_owned());
    Ok(())
}

fn number<N: std::str::FromStr>(place: &mut N, word: &str) -> Result<(), String> {
    *place = word.parse().map_err(|_| format!("'{word}' is no number that fits here"))?;
    Ok(())
}

fn folder(place: &mut std::path::PathBuf, word: &str) -> Result<(), String> {
    *place = std::path::absolute(Path::new(word)).map_err(|why| format!("'{word}': {why}"))?;
    Ok(())
}

fn names(options: &mut Options, word: &str) -> Result<(), String> {
    for name in word.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let name = name.trim_end_matches('.').to_lowercase();
        if let Some(folder) = options.webroot_paths.last() {
            options.webroots.push((name.clone(), folder.clone()));
        }
        if !options.names.contains(&name) {
            options.names.push(name);
        }
    }
    Ok(())
}

fn authenticator(options: &mut Options, word: &str) -> Result<(), String> {
    match Authenticator::of(word) {
        Authenticator::Other(name) if name == "nginx" || name == "apache" => Err(NO_INSTALLER.to_owned()),
        Authenticator::Other(name) => Err(format!("'{name}' is no way to prove control here; {NO_PLUGIN}")),
        known => {
            options.authenticator = Some(known);
            Ok(())
        }
    }
}

fn webroot(options: &mut Options, word: &str) -> Result<(), String> {
    for folder in word.split(',').map(str::trim).filter(|folder| !folder.is_empty()) {
        if !Path::new(folder).is_dir() {
            return Err(format!("'{folder}' is no folder"));
        }
        let folder = std::path::absolute(folder).map_err(|why| format!("'{folder}': {why}"))?;
        options.webroot_paths.push(folder.display().to_string());
    }
    Ok(())
}

fn webroot_map(options: &mut Options, word: &str) -> Result<(), String> {
    let map: std::collections::BTreeMap<String, String> = serde_json::from_str(word)
        .map_err(|why| format!("a JSON object of names and folders is expected ({why})"))?;
    for (list, folder) in map {
        for name in list.split(',').map(str::trim) {
            names(options, name)?;
            options.webroots.retain(|(known, _)| known != name);
            options.webroots.push((name.to_lowercase(), folder.clone()));
        }
    }
    Ok(())
}

fn challenges(options: &mut Options, word: &str) -> Result<(), String> {
    let mut all = Vec::new();
    for kind in word.split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
        all.push(match kind {
            "http" | "http-01" => Challenge::Http01,
            "dns" | "dns-01" => Challenge::Dns01,
            "tls-alpn" | "tls-alpn-01" => Challenge::TlsAlpn01,
            other => return Err(format!("'{other}' is no kind of challenge: http, dns or tls-alpn-01")),
        });
    }
    options.challenges = all;
    Ok(())
}

fn key_type(options: &mut Options, word: &str) -> Result<(), String> {
    if !matches!(word.to_lowercase().as_str(), "rsa" | "ecdsa") {
        return Err(format!("'{word}' is no type of key: rsa or ecdsa"));
    }
    options.key_type = Some(word.to_lowercase());
    Ok(())
}
