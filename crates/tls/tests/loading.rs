//! What files may be like, and what is said of those that cannot be used.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use base::diag::Severity;
use pair::{Folder, pem, served, server, store};
use std::sync::Arc;
use tls::{BindSpec, BindTls, CertStore, PemPair, Problem, StoreEntry, StoreSpec, Verify};

/// Where the key begins.
fn split(both: &str) -> (&str, &str) {
    both.split_at(both.find("-----BEGIN PRIVATE").unwrap())
}

fn problems(folder: &Folder, crt: &str) -> Vec<Problem> {
    let spec = BindSpec { crts: vec![folder.0.join(crt).display().to_string()], ..BindSpec::default() };
    let built = BindTls::new(&store(), &spec);
    assert_eq!(built.value.is_none(), built.problems.iter().any(|p| p.severity() == Severity::Alert));
    built.problems
}

/// Runs `openssl`, which must succeed.
fn openssl(folder: &Folder, line: &str) {
    let out =
        std::process::Command::new("openssl").current_dir(&folder.0).args(line.split(' ')).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn each_fault_names_the_file_and_the_remedy() {
    let folder = Folder::new("faults");
    let (one, other) = (pem(&["one.example"]), pem(&["other.example"]));
    folder.put("no-key.pem", split(&one).0);
    folder.put("mismatch.pem", &format!("{}{}", split(&one).0, split(&other).1));
    folder.put("garbage.pem", "not PEM at all");
    folder.put("only-key.pem", split(&one).1);
    folder.put("empty.pem", "");
    let body = split(&one).0.replace('M', "N");
    folder.put("broken.pem", &format!("{body}{}", split(&one).1));
    let bad = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    folder.put("bad-key.pem", &format!("{}{bad}", split(&one).0));
    openssl(
        &folder,
        "req -x509 -newkey rsa:2048 -passout pass:x -subj /CN=e -keyout e.key -out encrypted.pem",
    );
    let encrypted = std::fs::read_to_string(folder.0.join("e.key")).unwrap();
    folder.put("encrypted.pem.key", &encrypted);
    for (file, words) in [
        ("missing.pem", "unable to read"),
        ("no-key.pem", "no private key"),
        ("mismatch.pem", "is not that of the certificate"),
        ("garbage.pem", "no certificate in"),
        ("only-key.pem", "no certificate in"),
        ("empty.pem", "no certificate in"),
        ("broken.pem", "cannot be used"),
        ("bad-key.pem", "private key in"),
        ("encrypted.pem", "is encrypted"),
    ] {
        let found = problems(&folder, file);
        assert_eq!(found.len(), 1, "{file}: {found:?}");
        let text = found[0].to_string();
        assert!(text.contains(words) && text.contains(file), "{file}: {text}");
        assert!(found[0].help().is_some(), "{file}");
    }
}

#[test]
fn the_key_of_a_crt_file_may_lie_beside_it_under_either_name() {
    let folder = Folder::new("beside");
    let both = pem(&["beside.example"]);
    let (crt, key) = split(&both);
    folder.put("with.crt", crt);
    folder.put("with.crt.key", key);
    folder.put("without.crt", crt);
    folder.put("without.key", key);
    folder.put("no.pem", crt);
    folder.put("no.key", key);
    assert_eq!((problems(&folder, "with.crt"), problems(&folder, "without.crt")), (Vec::new(), Vec::new()));
    assert_eq!(problems(&folder, "no.pem").len(), 1);
}

#[test]
fn one_bad_file_does_not_hide_the_others() {
    let folder = Folder::new("others");
    folder.put("a.pem", "nothing");
    folder.put("b.pem", &pem(&["b.example"]));
    folder.put("c.pem", split(&pem(&["c.example"])).0);
    assert_eq!(problems(&folder, "").len(), 2);
}

#[test]
fn a_bundle_may_stand_in_any_order_and_the_chain_is_sent_in_the_right_one() {
    let folder = Folder::new("order");
    openssl(
        &folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=root -keyout root.key -out root.crt",
    );
    openssl(
        &folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mid -keyout mid.key -out mid.csr",
    );
    folder.put("ca.cnf", "basicConstraints=critical,CA:TRUE\n");
    openssl(
        &folder,
        "x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile ca.cnf -out mid.crt",
    );
    folder.put("leaf.cnf", "basicConstraints=CA:FALSE\n");
    openssl(&folder, "req -newkey rsa:2048 -nodes -subj /CN=leaf -keyout leaf.key -out leaf.csr");
    openssl(
        &folder,
        "x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -CAcreateserial -extfile leaf.cnf -out leaf.crt",
    );
    openssl(&folder, "rsa -in leaf.key -traditional -out leaf1.key");
    let text = |name: &str| std::fs::read_to_string(folder.0.join(name)).unwrap();
    let bundle = format!(
        "text around\n{}{}{}{}",
        text("root.crt"),
        text("mid.crt"),
        text("leaf1.key"),
        text("leaf.crt")
    );
    let crts = vec![folder.put("bundle.pem", &bundle)];
    let bind = Arc::new(BindTls::new(&store(), &BindSpec { crts, ..BindSpec::default() }).value.unwrap());
    let (client, _) = pair::shake(&bind, &server(), None).map_err(|(error, ..)| error).unwrap();
    let chain = client.session.info().peer_chain();
    let names: Vec<_> =
        chain.iter().map(|der| tls::CertView::new(der).unwrap().subject_entry("CN", 1).unwrap()).collect();
    assert_eq!(names, [b"leaf".to_vec(), b"mid".to_vec(), b"root".to_vec()]);
}

#[test]
fn an_expired_certificate_is_served_with_a_warning() {
    let folder = Folder::new("expired");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["old.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    folder.put("old.pem", &(params.self_signed(&key).unwrap().pem() + &key.serialize_pem()));
    let found = problems(&folder, "old.pem");
    assert!(matches!(found[..], [Problem::OutOfDate { over: true, .. }]), "{found:?}");
    assert_eq!(found[0].severity(), Severity::Warning);
}

#[test]
fn a_bad_ocsp_response_is_left_out_with_a_warning() {
    let folder = Folder::new("ocsp");
    folder.put("a.pem", &pem(&["a.example"]));
    folder.put("a.pem.ocsp", "junk");
    assert!(matches!(problems(&folder, "a.pem")[..], [Problem::BadOcsp { .. }]));
    folder.put("a.pem.ocsp", "");
    assert!(problems(&folder, "a.pem").is_empty());
}

#[test]
fn a_store_is_asked_by_alias_or_by_file() {
    let folder = Folder::new("store");
    let both = pem(&["stored.example"]);
    let crt = folder.put("s.crt", split(&both).0);
    let key = folder.put("elsewhere.txt", split(&both).1);
    let entry = |store: &str, alias: Option<&str>| StoreEntry {
        store: store.into(),
        word: "s.crt".into(),
        alias: alias.map(str::to_owned),
        crt: crt.clone().into(),
        key: Some(key.clone().into()),
        ..StoreEntry::default()
    };
    let entries = vec![entry("web", Some("site")), entry("", None)];
    let store = CertStore::new(StoreSpec { entries, ..StoreSpec::default() });
    for (word, known) in
        [("@web/site", true), ("@/s.crt", true), ("@web/s.crt", false), ("@other/site", false)]
    {
        let built = BindTls::new(&store, &BindSpec { crts: vec![word.into()], ..BindSpec::default() });
        assert_eq!(built.problems.is_empty(), known, "{word}: {:?}", built.problems);
    }
}

#[test]
fn a_line_without_certificates_starts_only_where_there_is_somewhere_to_look() {
    let folder = Folder::new("empty");
    let (cert, key) = {
        let both = pem(&["temporary.example"]);
        let (cert, key) = split(&both);
        (cert.to_owned(), key.to_owned())
    };
    let temporary =
        CertStore::new(StoreSpec { temporary: Some(PemPair { cert, key }), ..StoreSpec::default() });
    let looking = BindSpec { crts: vec![folder.0.display().to_string()], ..BindSpec::default() };
    let built = BindTls::new(&temporary, &looking);
    assert_eq!(built.problems, [Problem::Temporary]);
    let bind = Arc::new(built.value.unwrap());
    assert_eq!(served(&bind, &server(), Some("site.example")), "temporary.example");
    assert_eq!(bind.certificates(), 0);

    assert_eq!(BindTls::new(&store(), &looking).problems, [Problem::NothingToServe]);
    assert_eq!(BindTls::new(&temporary, &BindSpec::default()).problems, [Problem::NothingToServe]);
    let strict = BindSpec { strict_sni: true, ..BindSpec::default() };
    assert!(BindTls::new(&store(), &strict).value.is_some(), "nobody is served, as asked");
}

#[test]
fn settings_that_cannot_be_are_refused_and_those_that_do_nothing_say_so() {
    let folder = Folder::new("settings");
    let crts = vec![folder.put("a.pem", &pem(&["a.example"]))];
    let spec = |change: fn(&mut BindSpec)| {
        let mut spec = BindSpec { crts: crts.clone(), ..BindSpec::default() };
        change(&mut spec);
        BindTls::new(&store(), &spec).problems
    };
    let needs = Problem::Needs { what: "verify", needs: "ca-file" };
    assert_eq!(spec(|spec| spec.verify = Verify::Required), [needs]);
    assert_eq!(
        spec(|spec| (spec.versions.no_tls12, spec.versions.no_tls13) = (true, true)),
        [Problem::NoVersion]
    );
    let missing = spec(|spec| (spec.verify, spec.ca_file) = (Verify::Optional, Some("/nowhere".into())));
    assert!(matches!(missing[..], [Problem::Unreadable { .. }]), "{missing:?}");
}

#[test]
fn protocols_the_data_plane_does_not_speak_are_left_out() {
    let folder = Folder::new("spoken");
    let crts = vec![folder.put("a.pem", &pem(&["a.example"]))];
    let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let store = CertStore::new(StoreSpec { spoken_alpn: vec![b"http/1.1".to_vec()], ..StoreSpec::default() });
    let built = BindTls::new(&store, &BindSpec { crts, alpn: alpn.clone(), ..BindSpec::default() });
    assert_eq!(built.problems, [Problem::UnknownNames { what: "alpn", names: vec!["h2".into()] }]);
    let client = pair::server_with(|spec| spec.alpn = alpn);
    let (client, _) =
        pair::shake(&Arc::new(built.value.unwrap()), &client, None).map_err(|(e, ..)| e).unwrap();
    assert_eq!(client.session.info().alpn(), Some(b"http/1.1".as_slice()));
}
