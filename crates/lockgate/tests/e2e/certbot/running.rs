//! `certbot -q renew` as cron and timers run it: what it says and where, hooks, locks, logs, and trees that were moved or
//! edited; with the newest ways of Debian's Certbot beside it.

use super::{By, Machine};
use crate::place::{free_address, wait_for};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[test]
fn failures_are_heard_and_successes_are_not() {
    // Proofs are given anew, all but one in a hundred: Pebble remembers those whatever it is told, so the one that is to
    // fail has several names.
    let machine = Machine::with(free_address(), "/none".into(), &[("PEBBLE_AUTHZREUSE", "0")]);
    for names in ["-d a.example", "-d b.example -d x.b.example -d y.b.example -d z.b.example"] {
        machine.obtain(By::Us, names, "");
    }
    let conf = machine.etc("renewal/b.example.conf");
    let broken = machine.text("renewal/b.example.conf").replace("http01_port = ", "http01_port = 1 # ");
    std::fs::write(&conf, broken).unwrap();
    let words = "renew --force-renewal --no-random-sleep-on-renew --pre-hook true --post-hook true";
    let said = machine.run(By::Us, words);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("The following renewals succeeded:\n"), "{said:?}");
    assert!(said.err.contains("The following renewals failed:\n"), "{said:?}");
    let quiet = machine.run(By::Us, &format!("{words} -q"));
    assert_eq!((quiet.code, quiet.out.as_str()), (1, ""), "{quiet:?}");
    assert!(
        quiet.err.contains("b.example/fullchain.pem (failure)") && !quiet.err.contains("succeeded"),
        "{quiet:?}"
    );
    machine.done(By::Us, "delete --cert-name b.example -n");
    let idle = machine.done(By::Us, "renew --post-hook true");
    assert!(idle.contains("No renewals were attempted.\nNo hooks were run.\n"), "{idle}");
}

#[test]
fn hooks_of_the_folders_run_in_order_and_editors_copies_do_not() {
    let machine = Machine::new();
    machine.obtain(By::Us, "-d a.example -d b.example", "");
    let called = machine.folder.path().join("called");
    for kind in ["pre", "deploy", "post"] {
        for name in ["2", "1", "1~", "0"] {
            let file = machine.etc(&format!("renewal-hooks/{kind}/{name}"));
            let line = format!(
                "#!/bin/sh\necho \"{kind}{name} [$RENEWED_DOMAINS] [$FAILED_DOMAINS]\" >> {}\n",
                called.display()
            );
            std::fs::write(&file, line).unwrap();
            let mode = if name == "0" { 0o644 } else { 0o755 };
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    let lines = |words: &str| {
        let _ = std::fs::remove_file(&called);
        machine.done(By::Us, words);
        std::fs::read_to_string(&called).unwrap_or_default()
    };
    let renewed = "[a.example b.example] []";
    assert_eq!(
        lines("renew --force-renewal --no-random-sleep-on-renew"),
        format!(
            "pre1 [] []\npre2 [] []\ndeploy1 {renewed}\ndeploy2 {renewed}\npost1 {renewed}\npost2 {renewed}\n"
        )
    );
    assert_eq!(lines("renew --dry-run"), "pre1 [] []\npre2 [] []\npost1 [] []\npost2 [] []\n");
    assert!(lines("renew --dry-run --run-deploy-hooks").contains("deploy2 [a.example b.example] []\n"));
    assert_eq!(lines("renew --force-renewal --no-random-sleep-on-renew --no-directory-hooks"), "");
    assert_eq!(lines("renew"), "", "nothing was due");
}

#[test]
fn what_a_certificate_is_renewed_by_is_changed_only_when_it_is_meant() {
    let machine = Machine::new();
    let port = machine.http.port();
    let standalone = format!("certonly --standalone --http-01-port {port} -n");
    machine.obtain(By::Us, "-d a.example", "--no-autorenew --deploy-hook true");
    let conf = || machine.text("renewal/a.example.conf");
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    assert!(conf().contains("autorenew = False\n") && conf().contains("renew_hook = true\n"), "{}", conf());
    let by_accident = machine.run(By::Us, &format!("{standalone} -d a.example --key-type rsa"));
    assert!(by_accident.code == 1 && by_accident.err.contains("from ECDSA to RSA?"), "{by_accident:?}");
    machine.done(By::Us, &format!("{standalone} --cert-name a.example --key-type rsa"));
    assert!(conf().contains("key_type = rsa\n") && !conf().contains("renew_hook"), "{}", conf());
    machine.done(By::Us, &format!("{standalone} --cert-name a.example -d a.example,b.example"));
    assert!(
        machine.done(By::Debian, "certificates").contains("Key Type: RSA\n    Domains: a.example b.example")
    );
    // A test certificate does not take a real one's place.
    let mut real = machine.text("renewal/a.example.conf");
    real = real.replace(&machine.pebble.directory(), "https://acme-v02.api.letsencrypt.org/directory");
    std::fs::write(machine.etc("renewal/a.example.conf"), real).unwrap();
    let here = machine.folder.path().display();
    let mut command = std::process::Command::new(machine.folder.path().join("certbot"));
    for (flag, folder) in [("--config-dir", "etc"), ("--work-dir", "lib"), ("--logs-dir", "log")] {
        command.args([flag, &format!("{here}/{folder}")]);
    }
    command.args([
        "certonly",
        "--standalone",
        "-n",
        "--staging",
        "-d",
        "a.example,b.example",
        "--force-renewal",
    ]);
    let output = command.env("LOCKGATE_SOCKET", "/nonexistent").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("--break-my-certs"), "{err}");
}

#[test]
fn a_moved_archive_and_lost_links_are_mended_on_demand() {
    let machine = Machine::new();
    machine.obtain(By::Debian, "-d a.example", "");
    machine.done(By::Us, "renew --force-renewal --no-random-sleep-on-renew");
    let live = machine.etc("live/a.example");
    std::fs::remove_file(live.join("cert.pem")).unwrap();
    assert!(machine.run(By::Us, "renew").err.contains("live/a.example/cert.pem: it cannot be found"));
    machine.done(By::Us, "update_symlinks");
    assert_eq!(machine.linked("live/a.example/cert.pem"), "../../archive/a.example/cert2.pem");
    // The whole tree is moved, and its confs edited with it.
    let (etc, moved) = (machine.etc(""), machine.folder.path().join("moved"));
    let etc = etc.display().to_string().trim_end_matches('/').to_owned();
    std::fs::rename(&etc, &moved).unwrap();
    let conf = moved.join("renewal/a.example.conf");
    let text = std::fs::read_to_string(&conf).unwrap().replace(&etc, &moved.display().to_string());
    std::fs::write(&conf, text).unwrap();
    let words = format!("renew --config-dir {} --force-renewal --no-random-sleep-on-renew", moved.display());
    machine.done(By::Us, &words);
    assert!(moved.join("archive/a.example/cert3.pem").exists());
    machine.done(By::Debian, &words);
}

#[test]
fn of_two_at_once_the_second_gives_up_and_says_why() {
    let machine = Machine::new();
    let here = machine.folder.path().display().to_string();
    let slow = format!("touch {here}/begun; while [ ! -e {here}/go ]; do sleep 0.05; done; false");
    let words =
        ["certonly", "--manual", "--manual-auth-hook", &slow, "-d", "a.example", "-n", "--agree-tos", "-m"];
    let words = [words.as_slice(), &["me@example.com"]].concat();
    let mut first =
        machine.command(By::Us, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = wait_for(|| machine.folder.path().join("begun").exists().then_some(()));
    let ours = machine.run(By::Us, "renew");
    let theirs = machine.run(By::Debian, "renew");
    // It reads without a lock.
    let shown = machine.run(By::Us, "certificates");
    machine.folder.file("go", "");
    first.wait().unwrap();
    assert!(begun.is_some());
    for said in [ours, theirs] {
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("Another instance of Certbot is already running."), "{said:?}");
    }
    assert_eq!(shown.code, 0, "{shown:?}");
    for folder in ["etc", "lib", "log"] {
        assert!(!machine.folder.path().join(folder).join(".certbot.lock").exists(), "{folder}");
    }
}

#[test]
fn logs_are_numbered_up_to_the_limit() {
    let machine = Machine::new();
    for _ in 0..4 {
        machine.done(By::Us, "certificates --max-log-backups 2");
    }
    let log = machine.folder.path().join("log");
    let mut names: Vec<String> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["letsencrypt.log", "letsencrypt.log.1", "letsencrypt.log.2"]);
}
