//! Sessions taken up again, and those that must not be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{Folder, load, pem, server_with, shake, talk};
use std::sync::Arc;
use tls::{BindSpec, BindTls, CertStore, ServerTls, StoreSpec, TlsVersion, Verify, Versions};

fn client(version: TlsVersion) -> ServerTls {
    server_with(|spec| spec.versions = Versions { max: Some(version), ..Versions::default() })
}

/// Whether a handshake was a resumption; reads what follows it, so that tickets arrive.
fn resumed(bind: &Arc<BindTls>, client: &ServerTls, sni: &str) -> bool {
    let (mut client, mut front) = shake(bind, client, Some(sni)).map_err(|(error, ..)| error).unwrap();
    front.session.encrypt(b"hello", &mut front.out).unwrap();
    talk(&mut client, &mut front, usize::MAX).unwrap();
    assert_eq!(client.plain, b"hello");
    assert_eq!(client.session.info().resumed(), front.session.info().resumed());
    front.session.info().resumed()
}

const BOTH: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

#[test]
fn a_second_connection_resumes_with_and_without_tickets() {
    let folder = Folder::new("second");
    let crts = vec![folder.put("a.pem", &pem(&["a.example"]))];
    for no_tls_tickets in [false, true] {
        let bind = load(&BindSpec { crts: crts.clone(), no_tls_tickets, ..BindSpec::default() });
        for version in BOTH {
            let client = client(version);
            assert!(!resumed(&bind, &client, "a.example"));
            assert!(resumed(&bind, &client, "a.example"), "{version:?} {no_tls_tickets}");
            assert!(resumed(&bind, &client, "a.example"), "a third time, {version:?} {no_tls_tickets}");
        }
    }
}

#[test]
fn a_server_line_may_forbid_it() {
    let folder = Folder::new("forbid");
    let crts = vec![folder.put("a.pem", &pem(&["a.example"]))];
    let bind = load(&BindSpec { crts, ..BindSpec::default() });
    let client = server_with(|spec| spec.no_ssl_reuse = true);
    assert!(!resumed(&bind, &client, "a.example") && !resumed(&bind, &client, "a.example"));
}

#[test]
fn binds_of_one_process_share_sessions_only_under_the_same_policy_and_certificate() {
    let folder = Folder::new("bound");
    let both = pem(&["a.example"]);
    let crts = vec![folder.put("a.pem", &both)];
    let ca = folder.put("ca.pem", &pem(&["some authority"]));
    let other_certificate = vec![folder.put("b.pem", &pem(&["a.example"]))];
    let plain = BindSpec { crts: crts.clone(), ..BindSpec::default() };
    let checked = BindSpec { verify: Verify::Optional, ca_file: Some(ca), ..plain.clone() };
    let other = BindSpec { crts: other_certificate, ..plain.clone() };
    let store = CertStore::new(StoreSpec::default());
    let bind = |spec: &BindSpec| Arc::new(BindTls::new(&store, spec).value.unwrap());
    for no_tls_tickets in [false, true] {
        for version in BOTH {
            let with = |spec: &BindSpec| bind(&BindSpec { no_tls_tickets, ..spec.clone() });
            for (what, elsewhere, shared) in [
                ("the same", with(&plain), true),
                ("client verification", with(&checked), false),
                ("another certificate", with(&other), false),
            ] {
                let client = client(version);
                assert!(!resumed(&with(&plain), &client, "a.example"));
                assert_eq!(
                    resumed(&elsewhere, &client, "a.example"),
                    shared,
                    "{what} {version:?} {no_tls_tickets}"
                );
            }
        }
    }
}

#[test]
fn entries_of_a_list_with_other_policies_do_not_share_sessions() {
    let folder = Folder::new("entries");
    folder.put("a.pem", &pem(&["a.example"]));
    folder.put("ca.pem", &pem(&["some authority"]));
    let path = folder.0.display();
    let list = |options: &str| folder.put("list", &format!("{path}/a.pem {options} a.example\n"));
    let store = CertStore::new(StoreSpec::default());
    let bind = |options: &str| {
        let spec = BindSpec { crt_lists: vec![list(options)], ..BindSpec::default() };
        Arc::new(BindTls::new(&store, &spec).value.unwrap())
    };
    let (open, closed) = (bind(""), bind(&format!("[verify optional ca-file {path}/ca.pem]")));
    for version in BOTH {
        let client = client(version);
        assert!(!resumed(&open, &client, "a.example"));
        assert!(!resumed(&closed, &client, "a.example"), "{version:?}");
    }
}
