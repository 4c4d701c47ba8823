//! Certificates that are obtained when a handshake first asks for their names.
#![allow(clippy::unwrap_used, clippy::panic)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{Folder, pem, served, server, shake};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tls::{BindSpec, BindTls, CertStore, OnDemand, PemPair, Session, Settled, StoreSpec, Wish};

fn temporary() -> PemPair {
    let both = pem(&["temporary.example"]);
    let (cert, key) = both.split_at(both.find("-----BEGIN PRIVATE").unwrap());
    PemPair { cert: cert.into(), key: key.into() }
}

fn bind(crts: Vec<String>) -> (CertStore, Arc<BindTls>) {
    let store = CertStore::new(StoreSpec { temporary: Some(temporary()), ..StoreSpec::default() });
    let on_demand = Some(OnDemand { section: "le".into(), patience: Duration::from_secs(1) });
    let built = BindTls::new(&store, &BindSpec { crts, on_demand, ..BindSpec::default() });
    assert!(built.problems.is_empty(), "{:?}", built.problems);
    (store, Arc::new(built.value.unwrap()))
}

fn wished(store: &CertStore) -> Option<Wish> {
    match store.demand().poll_wish(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(wish) => Some(wish),
        Poll::Pending => None,
    }
}

/// A server's end that was given a client's first message for this name.
fn begun(bind: &Arc<BindTls>, name: &str) -> (Session, Vec<u8>, Vec<u8>) {
    let (mut hello, mut plain, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut client = Session::connect(&server(), Some(name)).unwrap();
    client.feed(&mut [], &mut plain, &mut hello).unwrap();
    let mut session = Session::accept(bind.clone());
    let used = session.feed(&mut hello, &mut plain, &mut out).unwrap();
    hello.drain(..used);
    (session, hello, out)
}

#[test]
fn a_handshake_waits_for_its_certificate_and_gets_it() {
    let folder = Folder::new("on-demand");
    let (store, bind) = bind(Vec::new());
    let (mut session, mut hello, mut out) = begun(&bind, "Shop.Example");
    assert!(session.awaits_certificate() && out.is_empty());
    let wish = wished(&store).unwrap();
    assert_eq!(&*wish.name, "shop.example");
    let file = folder.put("shop.pem", &pem(&["shop.example"]));
    store.serve_on_demand("le", "shop.example", file.into());
    assert!(bind.rescan().changed);
    assert!(session.poll_certificate(&mut Context::from_waker(Waker::noop())).is_pending());
    store.demand().settle(&wish, Settled::Served);
    assert!(session.poll_certificate(&mut Context::from_waker(Waker::noop())).is_ready());
    session.feed(&mut hello, &mut Vec::new(), &mut out).unwrap();
    assert!(!session.awaits_certificate() && !out.is_empty());
    assert_eq!(served(&bind, &server(), Some("shop.example")), "shop.example");
    assert_eq!(served(&bind, &server(), None), "temporary.example", "not a stranger's");
    assert_eq!(wished(&store), None);
}

#[test]
fn a_refused_one_goes_on_with_what_there_is() {
    let folder = Folder::new("on-demand-refused");
    let (store, bind) = bind(vec![folder.put("own.pem", &pem(&["own.example"]))]);
    let (session, ..) = begun(&bind, "evil.example");
    store.demand().settle(&wished(&store).unwrap(), Settled::Refused);
    assert!(session.poll_certificate(&mut Context::from_waker(Waker::noop())).is_ready());
    for name in [Some("evil.example"), Some("own.example"), Some("192.0.2.1"), None] {
        assert_eq!(served(&bind, &server(), name), "own.example", "{name:?}");
    }
    let (mut session, mut hello, mut out) = begun(&bind, "slow.example");
    session.go_on_without_certificate();
    session.feed(&mut hello, &mut Vec::new(), &mut out).unwrap();
    assert!(!out.is_empty());
}

#[test]
fn an_authoritys_question_is_no_wish() {
    let (store, bind) = bind(Vec::new());
    let authority = pair::server_with(|spec| spec.alpn = vec![b"acme-tls/1".to_vec()]);
    let _ended = shake(&bind, &authority, Some("other.example"));
    assert_eq!(wished(&store), None);
}
