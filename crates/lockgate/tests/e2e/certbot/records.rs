//! Certbot's plugins dns-rfc2136, against Debian's BIND, and dns-cloudflare, against the API as it is documented.

use super::{By, Machine};
use crate::cloudflare::{Cloudflare, TOKEN};
use crate::named::{Named, SECRET};
use crate::pebble::Pebble;
use crate::place::free_address;
use std::os::unix::fs::PermissionsExt;

/// The plugin's file of secrets.
fn credentials(named: &Named, machine: &Machine, algorithm: &str) -> String {
    let text = format!(
        "dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_port = {}\ndns_rfc2136_name = lockgate.\n\
         dns_rfc2136_secret = {SECRET}\ndns_rfc2136_algorithm = {algorithm}\n",
        named.at.port()
    );
    secret(machine, text)
}

fn secret(machine: &Machine, text: String) -> String {
    let file = machine.folder.file("dns.ini", text);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

/// The conf of a certificate names the way, its file and its pause, as Certbot's plugin writes them.
fn plugin_is_saved(machine: &Machine, certificate: &str, plugin: &str, file: &str) {
    let conf = machine.text(&format!("renewal/{certificate}.conf"));
    for line in [
        format!("authenticator = dns-{plugin}\n"),
        format!("dns_{plugin}_credentials = {file}\n"),
        format!("dns_{plugin}_propagation_seconds = 0\n"),
    ] {
        assert!(conf.contains(&line), "{line}: {conf}");
    }
}

#[test]
fn a_wildcard_is_proven_by_records_in_bind_and_renewed() {
    let named = Named::start();
    let http = free_address();
    let machine =
        Machine::of(Pebble::asking(Some(named.at), http, free_address(), &[], None), http, "/none".into());
    let file = credentials(&named, &machine, "HMAC-SHA256");
    let flags = format!("--dns-rfc2136-credentials {file} --dns-rfc2136-propagation-seconds 0");
    let agreed = "-n --agree-tos -m me@example.com";
    let out =
        machine.run(By::Us, &format!("certonly --dns-rfc2136 {flags} {agreed} -d a.example -d *.a.example"));
    assert_eq!(out.code, 0, "{out:?}");
    assert!(!out.err.contains("Unsafe permissions"), "{out:?}");
    plugin_is_saved(&machine, "a.example", "rfc2136", &file);
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    machine.done(By::Us, "renew --dry-run --no-random-sleep-on-renew");
    assert!(machine.done(By::Debian, "certificates").contains("Domains: a.example *.a.example"));

    // What is wrong is told by the file's name, and no secret with it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    machine
        .folder
        .file("dns.ini", format!("dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_secret = {SECRET}\n"));
    let said = machine.run(By::Us, &format!("certonly -a dns-rfc2136 {flags} {agreed} -d x.a.example"));
    assert_eq!(said.code, 1);
    assert!(said.err.contains(&format!("{file}: dns_rfc2136_name is missing")), "{said:?}");
    assert!(!said.err.contains(SECRET), "{said:?}");
    let asked = machine.run(By::Us, &format!("certonly --dns-rfc2136 {agreed} -d x.a.example"));
    assert!(asked.code == 1 && asked.err.contains("--dns-rfc2136-credentials flag"), "{asked:?}");
}

#[test]
fn a_wildcard_is_proven_by_records_at_cloudflare_and_renewed_from_what_was_saved() {
    // Every order wants its records: Pebble would remember half of the proofs.
    let machine = Machine::with(free_address(), "/none".into(), &[("PEBBLE_AUTHZREUSE", "0")]);
    let server = Cloudflare::start("a.example", machine.pebble.steering());
    let file = secret(&machine, server.credentials());
    let flags = "--dns-cloudflare --dns-cloudflare-propagation-seconds 0 -n --agree-tos -m me@example.com";
    let order = format!("certonly {flags} --dns-cloudflare-credentials {file}");
    let out = machine.run(By::Us, &format!("{order} -d shop.a.example -d *.shop.a.example"));
    assert_eq!(out.code, 0, "{out:?}\n{}", machine.pebble.said());
    assert!(!out.err.contains("Unsafe permissions"), "{out:?}");
    assert!(server.made() == 2 && server.left().is_empty(), "{:?}", server.left());
    plugin_is_saved(&machine, "shop.a.example", "cloudflare", &file);
    machine.done(By::Us, "renew --dry-run --no-random-sleep-on-renew");
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    assert!(machine.linked("live/shop.a.example/cert.pem").ends_with("/cert2.pem"));
    assert!(server.left().is_empty(), "{:?}", server.left());
    let listed = machine.done(By::Debian, "certificates");
    assert!(listed.contains("Domains: shop.a.example *.shop.a.example"), "{listed}");

    // What is wrong is told by the file's name and by what Cloudflare says, and no secret with it.
    let strange = machine.run(By::Us, &format!("{order} -d b.example"));
    assert!(strange.code == 1 && strange.err.contains("no zone of this account holds"), "{strange:?}");
    let wrong = TOKEN.replace('a', "b");
    secret(&machine, server.credentials().replace(TOKEN, &wrong));
    let refused = machine.run(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    assert!(refused.code == 1 && refused.err.contains("Authentication error"), "{refused:?}");
    secret(
        &machine,
        format!("dns_cloudflare_api_token = {TOKEN}\ndns_cloudflare_api_url = http://b.example\n"),
    );
    let unsafe_url = machine.run(By::Us, &format!("{order} -d b.a.example"));
    assert!(unsafe_url.code == 1 && unsafe_url.err.contains("dns_cloudflare_api_url"), "{unsafe_url:?}");
    for said in [&out, &strange, &refused, &unsafe_url] {
        assert!(!said.err.contains(TOKEN) && !said.err.contains(&wrong), "{said:?}");
    }
    let mut logs = std::process::Command::new("grep");
    logs.args(["-rlE", &format!("{TOKEN}|{wrong}")]).arg(machine.folder.path().join("log"));
    assert!(logs.output().unwrap().stdout.is_empty());
    machine.done(By::Debian, "delete --cert-name shop.a.example -n");
}
