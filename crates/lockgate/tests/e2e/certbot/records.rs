//! Certbot's plugin dns-rfc2136, against Debian's BIND.

use super::{By, Machine};
use crate::pebble::Pebble;
use crate::place::{Folder, free_address, wait_for};
use crate::program::Program;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// BIND with the zone `a.example`.
struct Named {
    at: SocketAddr,
    _folder: Folder,
    _program: Program,
}

impl Named {
    fn start() -> Named {
        // A port may be taken by the other protocol: then the next one is tried.
        (0..5).find_map(|_| Named::once()).expect("named starts")
    }

    fn once() -> Option<Named> {
        let (at, folder) = (free_address(), Folder::new());
        let here = folder.path().display();
        folder.file(
            "zone",
            "$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n* A 127.0.0.1\n",
        );
        let port = at.port();
        let conf = format!(
            "options {{ directory \"{here}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;
               pid-file none; session-keyfile none; lock-file none; notify no; empty-zones-enable no; }};
             controls {{ }};
             key lockgate. {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};
             zone a.example {{ type primary; file \"zone\"; update-policy {{ grant lockgate. zonesub TXT; }}; }};"
        );
        let conf = folder.file("named.conf", conf);
        let mut command = Command::new("/usr/sbin/named");
        command.args(["-g", "-4", "-n", "1", "-c"]).arg(conf);
        let program = Program::start(command);
        let ready = wait_for(|| {
            let said = program.lines().join("\n");
            match (said.contains("address in use"), said.contains("running")) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                (false, false) => None,
            }
        });
        (ready == Some(true)).then_some(Named { at, _folder: folder, _program: program })
    }

    fn credentials(&self, machine: &Machine, algorithm: &str) -> String {
        let text = format!(
            "dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_port = {}\ndns_rfc2136_name = lockgate.\n\
             dns_rfc2136_secret = {SECRET}\ndns_rfc2136_algorithm = {algorithm}\n",
            self.at.port()
        );
        let file = machine.folder.file("dns.ini", text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    }
}

#[test]
fn a_wildcard_is_proven_by_records_in_bind_and_renewed() {
    let named = Named::start();
    let http = free_address();
    let machine =
        Machine::of(Pebble::asking(Some(named.at), http, free_address(), &[], None), http, "/none".into());
    let file = named.credentials(&machine, "HMAC-SHA256");
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
