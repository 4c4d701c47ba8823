//! Certbot's plugin dns-rfc2136, against Debian's BIND.

use super::{By, Machine};
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
    let file = machine.folder.file("dns.ini", text);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
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
    let conf = machine.text("renewal/a.example.conf");
    for line in [
        "authenticator = dns-rfc2136\n".to_owned(),
        format!("dns_rfc2136_credentials = {file}\n"),
        "dns_rfc2136_propagation_seconds = 0\n".to_owned(),
    ] {
        assert!(conf.contains(&line), "{line}: {conf}");
    }
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
