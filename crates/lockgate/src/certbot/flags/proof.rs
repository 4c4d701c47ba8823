//! Flags about how control of names is proven, and the programs that run around it.

use super::super::options::Authenticator;
use super::super::verb::ORDERS;
use super::super::words::{authenticator, challenges, number, path, seconds, text, webroot, webroot_map};
use super::{Row, switch, take};

pub(super) static ROWS: &[Row] = &[
    switch(&["--standalone"], "authenticator", |o| o.go(Authenticator::Standalone))
        .of(ORDERS)
        .doc("prove control by a server of our own, or by the running proxy"),
    switch(&["--webroot"], "authenticator", |o| o.go(Authenticator::Webroot))
        .of(ORDERS)
        .doc("prove control by files in the folder of a web server"),
    switch(&["--manual"], "authenticator", |o| o.go(Authenticator::Manual))
        .of(ORDERS)
        .doc("prove control by programs of yours, or by hand"),
    switch(&["--dns-rfc2136"], "authenticator", |o| o.go(Authenticator::Rfc2136))
        .of(ORDERS)
        .doc("prove control by records in BIND, Knot or PowerDNS (RFC 2136)"),
    switch(&["--dns-cloudflare"], "authenticator", |o| o.go(Authenticator::Cloudflare))
        .of(ORDERS)
        .doc("prove control by records at Cloudflare"),
    take(&["-a", "--authenticator", "--configurator"], "authenticator", "WAY", authenticator)
        .of(ORDERS)
        .doc("standalone, webroot, manual, dns-rfc2136 or dns-cloudflare"),
    take(&["-w", "--webroot-path"], "webroot_path", "FOLDER", webroot)
        .of(ORDERS)
        .doc("the folder for the names that follow"),
    take(&["--webroot-map"], "webroot_map", "JSON", webroot_map).of(ORDERS).doc("names and their folders"),
    take(&["--manual-auth-hook"], "manual_auth_hook", "PROGRAM", |o, w| text(&mut o.manual_auth_hook, w))
        .of(ORDERS)
        .doc("puts the proof in place (CERTBOT_DOMAIN, CERTBOT_VALIDATION, CERTBOT_TOKEN)"),
    take(&["--manual-cleanup-hook"], "manual_cleanup_hook", "PROGRAM", |o, w| {
        text(&mut o.manual_cleanup_hook, w)
    })
    .of(ORDERS)
    .doc("takes it away again"),
    take(&["--dns-rfc2136-credentials"], "dns_rfc2136_credentials", "FILE", |o, w| {
        path(&mut o.rfc2136.credentials, w)
    })
    .of(ORDERS)
    .doc("names the server and the key: dns_rfc2136_server, _name, _secret, _algorithm"),
    take(&["--dns-rfc2136-propagation-seconds"], "dns_rfc2136_propagation_seconds", "SECONDS", |o, w| {
        seconds(&mut o.rfc2136.seconds, w)
    })
    .of(ORDERS)
    .doc("how long the record is waited for; 60"),
    take(&["--dns-cloudflare-credentials"], "dns_cloudflare_credentials", "FILE", |o, w| {
        path(&mut o.cloudflare.credentials, w)
    })
    .of(ORDERS)
    .doc("names the token, dns_cloudflare_api_token, or dns_cloudflare_email and _api_key; dns_cloudflare_api_url"),
    take(
        &["--dns-cloudflare-propagation-seconds"],
        "dns_cloudflare_propagation_seconds",
        "SECONDS",
        |o, w| seconds(&mut o.cloudflare.seconds, w),
    )
    .of(ORDERS)
    .doc("how long the record is waited for; 10"),
    take(&["--preferred-challenges"], "pref_challs", "KINDS", challenges)
        .of(ORDERS)
        .doc("http, dns, tls-alpn-01; the preferred one first"),
    take(&["--http-01-port"], "http01_port", "PORT", |o, w| number(&mut o.http_port, w))
        .of(ORDERS)
        .doc("where --standalone listens"),
    take(&["--http-01-address"], "http01_address", "ADDRESS", |o, w| {
        o.http_address = w.to_owned();
        Ok(())
    })
    .of(ORDERS)
    .doc("and on which address"),
    switch(&["--debug-challenges"], "debug_challenges", |o| o.debug_challenges = true)
        .of(ORDERS)
        .doc("wait for Enter before the authority looks"),
    // Programs around it.
    take(&["--pre-hook"], "pre_hook", "PROGRAM", |o, w| text(&mut o.pre_hook, w))
        .of(ORDERS)
        .doc("run before anything is ordered"),
    take(&["--post-hook"], "post_hook", "PROGRAM", |o, w| text(&mut o.post_hook, w))
        .of(ORDERS)
        .doc("run after all was ordered"),
    take(&["--deploy-hook", "--renew-hook"], "renew_hook", "PROGRAM", |o, w| text(&mut o.deploy_hook, w))
        .of(ORDERS)
        .doc("run for each new certificate (RENEWED_LINEAGE, RENEWED_DOMAINS)"),
    switch(&["--run-deploy-hooks"], "run_deploy_hooks", |o| o.run_deploy_hooks = true)
        .of(ORDERS)
        .doc("run deploy hooks in a rehearsal too"),
    switch(&["--disable-hook-validation"], "no_hook_validation", |o| o.validate_hooks = false)
        .of(ORDERS)
        .doc("do not look whether hooks can be run"),
    switch(&["--no-directory-hooks"], "no_folder_hooks", |o| o.folder_hooks = false)
        .of(ORDERS)
        .doc("leave the programs in renewal-hooks/ alone"),
    switch(&["--directory-hooks"], "folder_hooks", |o| o.folder_hooks = true)
        .of(ORDERS)
        .doc("run the programs in renewal-hooks/"),
];
