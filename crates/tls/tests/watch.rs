//! Files that change under a running bind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{Folder, load, pem, served, server, shake};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use tls::{BindSpec, BindTls, CertStore, Look, PemPair, Problem, StoreSpec};

#[test]
fn new_renewed_and_removed_certificates_go_live_and_connections_stay() {
    let folder = Folder::new("watch");
    folder.put("a.pem", &pem(&["a.example"]));
    let bind = load(&BindSpec { crts: vec![folder.0.display().to_string()], ..BindSpec::default() });
    assert!(!bind.rescan().changed, "nothing has changed");
    let (mut client, mut front) = shake(&bind, &server(), None).map_err(|(error, ..)| error).unwrap();

    folder.put("b.pem", &pem(&["b.example"]));
    assert!(bind.rescan().changed);
    assert_eq!(served(&bind, &server(), Some("b.example")), "b.example");

    folder.put("a.pem", &pem(&["renewed.example", "a.example", "and-longer.example"]));
    assert!(bind.rescan().changed);
    assert_eq!(served(&bind, &server(), Some("a.example")), "renewed.example");

    std::fs::remove_file(folder.0.join("b.pem")).unwrap();
    assert!(bind.rescan().changed);
    assert_eq!(served(&bind, &server(), Some("b.example")), "renewed.example");

    front.session.encrypt(b"still here", &mut front.out).unwrap();
    pair::talk(&mut client, &mut front, usize::MAX).unwrap();
    assert_eq!(client.plain, b"still here");
}

#[test]
fn what_breaks_is_told_once_and_served_as_it_was() {
    let folder = Folder::new("breaks");
    let file = folder.put("a.pem", &pem(&["a.example"]));
    let bind = load(&BindSpec { crts: vec![file], ..BindSpec::default() });
    folder.put("a.pem", "half a fi");
    let rescan = bind.rescan();
    assert!(matches!(rescan.problems[..], [Problem::NoCertificate { .. }]), "{:?}", rescan.problems);
    assert!(!rescan.changed);
    assert_eq!(served(&bind, &server(), None), "a.example");
    assert!(bind.rescan().problems.is_empty(), "told once");
    folder.put("a.pem", &pem(&["whole-again.example"]));
    assert!(bind.rescan().changed);
    assert_eq!(served(&bind, &server(), None), "whole-again.example");
}

/// Other certificates are not even looked at when one is renewed: that they have gone or broken would be told.
#[test]
fn a_look_into_one_folder_leaves_the_others_alone() {
    let folders: Vec<Folder> = (0..3).map(|n| Folder::new(&format!("folders{n}"))).collect();
    let names = ["a.example", "b.example", "c.example"];
    let files: Vec<String> =
        folders.iter().zip(names).map(|(folder, name)| folder.put("site.pem", &pem(&[name]))).collect();
    let bind = load(&BindSpec { crts: files, ..BindSpec::default() });
    assert_eq!(bind.folders(), folders.iter().map(|folder| folder.0.clone()).collect());
    folders[0].put("site.pem", "broken");
    std::fs::remove_file(folders[1].0.join("site.pem")).unwrap();
    folders[2].put("site.pem", &pem(&["renewed.example", "c.example"]));
    let changed = HashSet::from([folders[2].0.clone()]);
    let rescan = bind.look(Look::In(&changed));
    assert!(rescan.changed && rescan.problems.is_empty(), "{:?}", rescan.problems);
    assert_eq!(served(&bind, &server(), Some("c.example")), "renewed.example");
    assert_eq!(served(&bind, &server(), Some("b.example")), "b.example");
    // What is wrong is told by a look that goes there, and not again by others.
    let broken = HashSet::from([folders[0].0.clone()]);
    assert_eq!(bind.look(Look::In(&broken)).problems.len(), 1);
    assert_eq!(bind.look(Look::In(&broken)).problems, []);
    assert_eq!(bind.look(Look::In(&changed)).problems, []);
    assert_eq!(bind.rescan().problems.len(), 1, "the one that is gone");
    folders[0].put("site.pem", &pem(&["whole.example", "a.example"]));
    assert!(bind.look(Look::In(&broken)).changed);
    assert_eq!(served(&bind, &server(), Some("a.example")), "whole.example");
}

#[test]
fn the_first_certificate_takes_the_temporary_ones_place() {
    let folder = Folder::new("first");
    let both = pem(&["temporary.example"]);
    let (cert, key) = both.split_at(both.find("-----BEGIN PRIVATE").unwrap());
    let temporary = Some(PemPair { cert: cert.into(), key: key.into() });
    let store = CertStore::new(StoreSpec { temporary, ..StoreSpec::default() });
    let spec = BindSpec { crts: vec![folder.0.display().to_string()], ..BindSpec::default() };
    let bind = Arc::new(BindTls::new(&store, &spec).value.unwrap());
    assert_eq!(served(&bind, &server(), None), "temporary.example");
    folder.put("site.pem", &pem(&["site.example"]));
    assert!(bind.rescan().changed);
    assert_eq!(served(&bind, &server(), None), "site.example");
}

#[test]
fn a_challenge_is_answered_before_anything_else() {
    let folder = Folder::new("challenge");
    let spec = BindSpec {
        crts: vec![folder.put("a.pem", &pem(&["a.example"]))],
        strict_sni: true,
        ..BindSpec::default()
    };
    let store = CertStore::new(StoreSpec::default());
    let bind = Arc::new(BindTls::new(&store, &spec).value.unwrap());
    let both = pem(&["challenge.example"]);
    let (cert, key) = both.split_at(both.find("-----BEGIN PRIVATE").unwrap());
    let answer = PemPair { cert: cert.into(), key: key.into() };
    store.answers().post_tls("New.Example", &answer).unwrap();
    let authority = pair::server_with(|spec| spec.alpn = vec![b"acme-tls/1".to_vec()]);
    let (client, _) = shake(&bind, &authority, Some("new.example")).map_err(|(error, ..)| error).unwrap();
    let info = client.session.info();
    assert_eq!(info.alpn(), Some(b"acme-tls/1".as_slice()));
    assert_eq!(info.peer().unwrap().subject(), b"/CN=challenge.example");
    store.answers().withdraw_tls("new.example");
    assert!(shake(&bind, &authority, Some("new.example")).is_err());

    store.answers().post_http("token", "token.thumbprint").unwrap();
    assert_eq!(store.answers().http("token").as_deref(), Some("token.thumbprint"));
    store.answers().withdraw_http("token");
    assert_eq!(store.answers().http("token"), None);
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Milliseconds of processor time of this process, which other work on the machine does not inflate.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, in hundredths of a second.
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

#[test]
fn many_certificates_load_quickly_and_lightly() {
    let many = std::env::var("MANY_CERTIFICATES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000usize);
    let folder = Folder::new("many");
    for n in 0..many {
        folder
            .put(&format!("{n}.pem"), &pem(&[&format!("site{n}.example"), &format!("www.site{n}.example")]));
    }
    let spec = BindSpec { crts: vec![folder.0.display().to_string()], ..BindSpec::default() };
    let (before, cpu, start) = (resident(), cpu_ms(), Instant::now());
    let bind = load(&spec);
    let (took, cpu, each) = (start.elapsed(), cpu_ms() - cpu, (resident() - before) / many);
    let again = Instant::now();
    assert!(!bind.rescan().changed);
    println!(
        "{many} certificates: {took:?}, {cpu} ms of CPU, {each} bytes each, rescan {:?}",
        again.elapsed()
    );
    let (one, other) = (HashSet::from([folder.0.join("elsewhere")]), Instant::now());
    assert!(!bind.look(Look::In(&one)).changed);
    println!("a look elsewhere {:?}", other.elapsed());
    assert_eq!(served(&bind, &server(), Some("www.site1234.example")), "site1234.example");
    assert!(each < 8 * 1024, "{each} bytes each");
    // Other tests of this binary may run meanwhile; optimised it is a fraction.
    assert!(cpu < 5 * many as u64, "{cpu} ms of CPU");
}
