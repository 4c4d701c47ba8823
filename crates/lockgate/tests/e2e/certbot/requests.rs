//! Keys that lie elsewhere: `--csr`, and revocation by a certificate's own key.

use super::{By, Machine};
use std::process::Command;

fn openssl(machine: &Machine, words: &str) -> String {
    let mut command = Command::new("openssl");
    let output = command.args(words.split_whitespace()).current_dir(machine.folder.path()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_request_made_elsewhere_is_sent_on_and_its_certificate_laid_down() {
    let machine = Machine::new();
    let port = machine.http.port();
    openssl(
        &machine,
        "req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj /CN=a.example -addext \
         subjectAltName=DNS:www.a.example,DNS:a.example",
    );
    openssl(&machine, "req -in own.csr -outform der -out own.der");
    let agreed = "-n --agree-tos -m me@example.com";
    let standalone = format!("certonly --standalone --http-01-port {port} {agreed}");
    let out = machine.done(By::Us, &format!("{standalone} --csr own.csr"));
    let here = machine.folder.path().display().to_string();
    assert!(out.contains(&format!("Certificate is saved at:            {here}/0000_cert.pem")), "{out}");
    assert!(out.contains("Certificates created using --csr will not be renewed"), "{out}");
    let names = openssl(&machine, "x509 -in 0000_cert.pem -noout -ext subjectAltName");
    assert!(names.contains("DNS:a.example") && names.contains("DNS:www.a.example"), "{names}");
    let key = openssl(&machine, "pkey -in own.key -pubout");
    assert_eq!(openssl(&machine, "x509 -in 0000_cert.pem -noout -pubkey"), key);
    let read = |name: &str| std::fs::read_to_string(machine.folder.path().join(name)).unwrap();
    assert_eq!(read("0001_chain.pem"), read("0000_cert.pem") + &read("0000_chain.pem"));

    let paths = "--cert-path c.pem --chain-path i.pem --fullchain-path f.pem";
    machine.done(By::Us, &format!("{standalone} --csr own.der {paths}"));
    assert_eq!(read("f.pem"), read("c.pem") + &read("i.pem"));
    let again = machine.run(By::Us, &format!("{standalone} --csr own.der {paths}"));
    assert!(again.code == 1 && again.err.contains("File exists: '"), "{again:?}");
    let other = machine.run(By::Us, &format!("{standalone} --csr own.csr -d b.example"));
    assert!(other.code == 1 && other.err.contains("Inconsistent domain requests:"), "{other:?}");
    let none = machine.run(By::Us, &format!("{standalone} --csr own.key"));
    assert!(none.code == 1 && none.err.contains("Failed to parse CSR file: "), "{none:?}");
    machine.done(By::Us, &format!("{standalone} --csr own.csr --dry-run"));
    assert!(!machine.etc("live").exists() && !machine.folder.path().join("0001_cert.pem").exists());

    // Whoever has the key may revoke, without any account.
    std::fs::remove_dir_all(machine.etc("accounts")).unwrap();
    let wrong = machine.run(By::Us, "revoke -n --cert-path 0000_cert.pem");
    assert!(wrong.code == 1 && wrong.err.contains("Could not find an existing account"), "{wrong:?}");
    let said =
        machine.done(By::Us, "revoke -n --cert-path 0000_cert.pem --key-path own.key --reason keycompromise");
    assert!(said.contains("Congratulations! You have successfully revoked the certificate"), "{said}");
    let twice = machine.run(By::Us, "revoke -n --cert-path 0000_cert.pem --key-path own.key");
    assert!(twice.code == 1 && twice.err.contains("alreadyRevoked"), "{twice:?}");
}

#[test]
fn keys_of_all_curves_revoke_and_a_foreign_one_does_not() {
    let machine = Machine::new();
    machine.obtain(By::Us, "-d a.example", "--elliptic-curve secp384r1 --must-staple");
    machine.obtain(By::Us, "-d b.example", "");
    let conf = machine.text("renewal/a.example.conf");
    assert!(conf.contains("must_staple = True\n"), "{conf}");
    let live = |file: &str| machine.etc(&format!("live/{file}")).display().to_string();
    let (cert, other) = (live("a.example/cert.pem"), live("b.example/privkey.pem"));
    let said = machine.run(By::Us, &format!("revoke -n --cert-path {cert} --key-path {other}"));
    assert!(said.code == 1 && said.err.contains("the key is not that of this certificate"), "{said:?}");
    for name in ["a.example", "b.example"] {
        let (cert, key) = (live(&format!("{name}/cert.pem")), live(&format!("{name}/privkey.pem")));
        let more = "--no-delete-after-revoke";
        machine.done(By::Us, &format!("revoke -n --cert-path {cert} --key-path {key} {more}"));
        assert!(machine.etc(&format!("live/{name}")).exists());
    }
}

#[test]
fn what_was_revoked_and_kept_is_due() {
    let machine = Machine::new();
    machine.obtain(By::Us, "-d a.example", "");
    let renew = || machine.done(By::Us, "renew -n --no-random-sleep-on-renew");
    assert!(renew().contains("not due for renewal yet"));
    let serial = || {
        let file = machine.etc("live/a.example/cert.pem").display().to_string();
        openssl(&machine, &format!("x509 -in {file} -noout -serial"))
    };
    let revoked = serial();
    machine.done(By::Us, "revoke -n --cert-name a.example --no-delete-after-revoke");
    assert!(renew().contains("all renewals succeeded"));
    assert_ne!(serial(), revoked);
    assert!(renew().contains("not due for renewal yet"), "the new one is not");
}

/// The command may have been cut off between the two, or the authority told elsewhere.
#[test]
fn what_is_revoked_already_is_deleted_or_due_still() {
    let machine = Machine::new();
    for name in ["a.example", "b.example"] {
        machine.obtain(By::Us, &format!("-d {name}"), "");
        // A tree that knows nothing of it.
        let live = machine.etc(&format!("live/{name}")).display().to_string();
        let of = format!("--cert-path {live}/cert.pem --key-path {live}/privkey.pem");
        machine.done(By::Us, &format!("revoke -n {of} --config-dir {name}"));
    }
    let said = machine.done(By::Us, "revoke -n --cert-name a.example");
    assert!(said.contains("has revoked this certificate already"), "{said}");
    assert!(!machine.etc("live/a.example").exists() && !machine.etc("renewal/a.example.conf").exists());
    machine.done(By::Us, "revoke -n --cert-name b.example --no-delete-after-revoke");
    let again = machine.run(By::Us, "revoke -n --cert-name b.example --no-delete-after-revoke");
    assert!(again.code == 1 && again.err.contains("alreadyRevoked"), "nothing is left to do: {again:?}");
    assert!(machine.done(By::Us, "renew -n --no-random-sleep-on-renew").contains("all renewals succeeded"));
}
