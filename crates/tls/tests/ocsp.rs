//! Questions to OCSP responders, and answers that OpenSSL signs: which are believed.
#![allow(clippy::unwrap_used, clippy::panic)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::Folder;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tls::{OcspAnswer, OcspQuery, OcspVerdict};

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

fn openssl(folder: &Folder, line: &str) -> String {
    let out = Command::new("openssl").current_dir(&folder.0).args(line.split_whitespace()).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn read(folder: &Folder, name: &str) -> Vec<u8> {
    std::fs::read(folder.0.join(name)).unwrap()
}

/// `ca` with `site` (number 0x81) and `other` (0x1002), three who may want to answer for it, and another `ca2` of the same name.
fn world(name: &str) -> Folder {
    let folder = Folder::new(name);
    for ca in ["ca", "ca2"] {
        openssl(&folder, &format!("req -x509 {EC} -subj /CN=authority -keyout {ca}.key -out {ca}.pem"));
    }
    folder.put("site.ext", "authorityInfoAccess=OCSP;URI:http://ocsp.example/a\n");
    folder.put("responder.ext", "extendedKeyUsage=OCSPSigning\n");
    folder.put("usual.ext", "extendedKeyUsage=serverAuth\n");
    for (name, ext, ca, serial) in [
        ("site", "site", "ca", "0x81"),
        ("other", "site", "ca", "0x1002"),
        ("responder", "responder", "ca", "0x1003"),
        ("usual", "usual", "ca", "0x1004"),
        ("foreign", "responder", "ca2", "0x1005"),
    ] {
        openssl(&folder, &format!("req {EC} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let sign = format!(
            "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -set_serial {serial} -days 9 -extfile {ext}.ext -out {name}.pem"
        );
        openssl(&folder, &sign);
        openssl(&folder, &format!("x509 -in {name}.pem -outform DER -out {name}.der"));
    }
    openssl(&folder, "x509 -in ca.pem -outform DER -out ca.der");
    let revoked = "R\t401231000000Z\t260102030405Z,keyCompromise\t1002\tunknown\t/CN=other";
    folder.put("index", &format!("V\t401231000000Z\t\t81\tunknown\t/CN=site\n{revoked}\n"));
    folder
}

fn query(folder: &Folder, name: &str) -> OcspQuery {
    OcspQuery::new(&read(folder, &format!("{name}.der")), &read(folder, "ca.der")).unwrap()
}

/// An answer to our own question about `name`, by this signer.
fn answered(folder: &Folder, name: &str, signer: &str) -> Vec<u8> {
    std::fs::write(folder.0.join("question"), query(folder, name).request()).unwrap();
    openssl(
        folder,
        &format!(
            "ocsp -index index -CA ca.pem -rsigner {signer}.pem -rkey {signer}.key -reqin question -ndays 7 -respout answer"
        ),
    );
    read(folder, "answer")
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn said(folder: &Folder, name: &str, answer: &[u8], at: i64) -> Result<OcspAnswer, String> {
    query(folder, name).accept(answer, at).map_err(|why| why.to_string())
}

#[test]
fn the_question_is_openssls_own() {
    let folder = world("ocsp-question");
    assert_eq!(query(&folder, "site").responder(), "http://ocsp.example/a");
    openssl(&folder, "ocsp -issuer ca.pem -cert site.pem -no_nonce -reqout theirs");
    assert_eq!(query(&folder, "site").request(), read(&folder, "theirs"));
}

#[test]
fn the_issuer_and_whom_it_certified_are_believed_and_nobody_else() {
    let folder = world("ocsp-signers");
    for signer in ["ca", "responder"] {
        let answer = said(&folder, "site", &answered(&folder, "site", signer), now()).unwrap();
        assert_eq!(answer.verdict, OcspVerdict::Good, "{signer}");
        let left = answer.next_update.unwrap() - now();
        assert!((7 * 86_400 - 60..=7 * 86_400).contains(&left), "{left}");
    }
    for (signer, why) in
        [("usual", "did not certify"), ("foreign", "did not certify"), ("ca2", "signature is wrong")]
    {
        let refused = said(&folder, "site", &answered(&folder, "site", signer), now()).unwrap_err();
        assert!(refused.contains(why), "{signer}: {refused}");
    }
}

#[test]
fn a_revocation_is_told_with_its_time_and_reason() {
    let folder = world("ocsp-revoked");
    let answer = answered(&folder, "other", "responder");
    let revoked = OcspVerdict::Revoked { at: 1_767_323_045, reason: Some(1) };
    assert_eq!(said(&folder, "other", &answer, now()).unwrap().verdict, revoked);
    // It proves it still when it is old, unlike one that says that all is well.
    let later = now() + 8 * 86_400;
    assert_eq!(said(&folder, "other", &answer, later).unwrap().verdict, revoked);
    let good = answered(&folder, "site", "ca");
    assert_eq!(said(&folder, "site", &good, later).unwrap_err(), "it is out of date");
    assert_eq!(said(&folder, "site", &good, now() - 3600).unwrap_err(), "it is of the future");
    assert!(said(&folder, "site", &good, now() - 200).is_ok(), "clocks differ");
    assert!(said(&folder, "other", &good, now()).unwrap_err().contains("another certificate"));
}

#[test]
fn what_was_changed_on_its_way_is_not_believed() {
    let folder = world("ocsp-changed");
    let answer = answered(&folder, "site", "responder");
    for at in 0..answer.len() {
        let mut changed = answer.clone();
        changed[at] ^= 1;
        // The certificates behind the signature are not covered by it, but the one that is used is by its own.
        if let Ok(believed) = said(&folder, "site", &changed, now()) {
            assert_eq!(believed.verdict, OcspVerdict::Good, "octet {at}");
        }
        let _ = said(&folder, "site", &answer[..at], now()).unwrap_err();
    }
}

#[test]
fn a_responder_without_an_answer_says_why() {
    let folder = world("ocsp-status");
    for (status, why) in
        [(1, "malformed"), (2, "of its own"), (3, "try later"), (5, "signed"), (6, "does not answer")]
    {
        let refused = said(&folder, "site", &[0x30, 3, 0x0a, 1, status], now()).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    // Not in the index: it is not known.
    folder.put("index", "");
    let answer = answered(&folder, "site", "ca");
    assert_eq!(
        said(&folder, "site", &answer, now()).unwrap_err(),
        "the responder does not know the certificate"
    );
    let no_address = OcspQuery::new(&read(&folder, "responder.der"), &read(&folder, "ca.der")).unwrap_err();
    assert_eq!(no_address.to_string(), "the certificate names no OCSP responder");
    let no_issuer = OcspQuery::new(&read(&folder, "site.der"), &read(&folder, "site.der")).unwrap_err();
    assert_eq!(no_issuer.to_string(), "the certificate's issuer is not known");
}
