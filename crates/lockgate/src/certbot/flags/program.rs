//! Flags about the program itself, whatever it does: its account and authority, what it says and asks, its folders.

use super::super::verb::ACCOUNT;
use super::super::words::{folder, hmac, number, text};
use super::{Row, switch, take};

pub(super) static ROWS: &[Row] = &[
    // The account. What agrees to terms stands in lines for every verb.
    take(&["-m", "--email"], "email", "ADDRESS", |o, w| text(&mut o.email, w))
        .doc("the account's mail address"),
    switch(&["--register-unsafely-without-email"], "without_email", |o| o.without_email = true)
        .doc("an account without one"),
    switch(&["--agree-tos"], "tos", |o| o.agree_tos = true).doc("agree to the authority's terms"),
    take(&["--account"], "account", "ID", |o, w| text(&mut o.account, w))
        .of(ACCOUNT)
        .doc("which account is used"),
    take(&["--eab-kid"], "eab_kid", "ID", |o, w| text(&mut o.eab_kid, w))
        .of(ACCOUNT)
        .doc("the external account that a new one is bound to"),
    take(&["--eab-hmac-key"], "eab_hmac_key", "KEY", |o, w| text(&mut o.eab_key, w))
        .of(ACCOUNT)
        .doc("its key"),
    take(&["--eab-hmac-alg"], "eab_hmac_alg", "NAME", hmac)
        .of(ACCOUNT)
        .doc("how it signs: HS256, HS384 or HS512"),
    // The authority.
    take(&["--server"], "server", "URL", |o, w| text(&mut o.server, w)).doc("the authority's directory"),
    switch(&["--test-cert", "--staging"], "staging", |o| o.staging = true)
        .doc("use Let's Encrypt's staging directory"),
    switch(&["--no-verify-ssl"], "no_verify_ssl", |o| o.no_verify_ssl = true)
        .doc("believe any authority; for tests"),
    // What is said and asked.
    switch(&["-n", "--non-interactive", "--noninteractive"], "noninteractive", |o| o.noninteractive = true)
        .doc("ask nothing"),
    switch(&["--force-interactive"], "force_interactive", |o| o.force_interactive = true)
        .doc("ask although this is no terminal"),
    switch(&["-q", "--quiet"], "quiet", |o| o.quiet = true).doc("say errors only"),
    switch(&["-v", "--verbose", "--debug"], "verbose", |o| o.verbose += 1).doc("say more"),
    switch(&["--preconfigured-renewal"], "preconfigured_renewal", |o| o.preconfigured = true)
        .doc("renewal is started by the machine already: say nothing of it"),
    // Its folders.
    take(&["--config-dir"], "config_dir", "FOLDER", |o, w| folder(&mut o.tree.config_dir, w))
        .doc("accounts, certificates, confs"),
    take(&["--work-dir"], "work_dir", "FOLDER", |o, w| folder(&mut o.tree.work_dir, w)).doc("scratch"),
    take(&["--logs-dir"], "logs_dir", "FOLDER", |o, w| folder(&mut o.tree.logs_dir, w)).doc("logs"),
    take(&["--max-log-backups"], "max_log_backups", "NUMBER", |o, w| number(&mut o.max_log_backups, w))
        .doc("how many logs are kept"),
];
