//! A certificate that is revoked by the command line is replaced at once by the proxy that serves it.

use crate::place::wait_for;
use crate::site::{Around, Site, shortest};
use std::os::unix::fs::symlink;
use std::process::Command;

/// Revokes by Certbot's words; what was said.
fn revoke(site: &Site, words: &str) -> String {
    let here = site.folder.path();
    let mut command = Command::new(here.join("certbot"));
    command.args(["revoke", "-n", "--server", &site.pebble.directory(), "--config-dir"]).arg(site.stored(""));
    for flag in ["--work-dir", "--logs-dir"] {
        command.arg(flag).arg(here.join("other"));
    }
    command.args(words.split_whitespace()).env("SSL_CERT_FILE", site.pebble.roots());
    command.env("LOCKGATE_SOCKET", here.join("api.sock"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn replaced(flags: &[&str]) {
    let environment = &[("PEBBLE_WFE_NONCEREJECT", "0")];
    let site = Site::amid(&shortest(" reuse-key on\n"), Around { flags, environment, ..Around::default() });
    symlink(env!("CARGO_BIN_EXE_lockgate"), site.folder.path().join("certbot")).unwrap();
    site.is_served("shop.example");
    let live = |file: &str| site.stored(&format!("live/shop.example/{file}.pem"));
    let by_key = format!(
        "--cert-path {} --key-path {} --reason superseded --no-delete-after-revoke",
        live("cert").display(),
        live("privkey").display()
    );
    for words in [
        "--cert-name shop.example --reason keycompromise --no-delete-after-revoke",
        &by_key,
        "--cert-name shop.example --reason cessationofoperation",
    ] {
        site.stands("\tScheduled\t");
        let (before, key) = (site.serial(), std::fs::read(live("privkey")).unwrap());
        let said = revoke(&site, words);
        assert!(said.contains("You have successfully revoked"), "{said}");
        assert!(said.contains("obtains and serves another in its place now"), "{said}");
        let other = || Some(site.serial()).filter(|now| !now.is_empty() && *now != before);
        wait_for(other).unwrap_or_else(|| panic!("{words}: {}\n{}", site.tell("acme status"), site.said()));
        assert_ne!(std::fs::read(live("privkey")).unwrap(), key, "{words}: the key may be known to others");
    }
    assert_eq!(site.pebble.said().matches("POST /revoke-cert ").count(), 3);
}

#[test]
fn what_the_command_revokes_the_proxy_replaces_with_a_new_key() {
    replaced(&["-db"]);
}

#[test]
fn and_so_does_the_keeper_of_a_master() {
    replaced(&["-W", "-db"]);
}
