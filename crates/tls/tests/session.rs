//! Two sessions talk to each other in memory, in whole buffers and byte by byte.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a failing test says so by panicking

#[path = "support/pair.rs"]
mod pair;

use pair::{End, bind, pair, server, talk};
use tls::{Session, TlsError};

#[test]
fn a_handshake_works_in_steps_of_any_size() {
    for step in [1, 7, 1000, usize::MAX] {
        let (client, front) = pair(&format!("steps{step}"), step);
        assert!(!client.session.is_handshaking() && !front.session.is_handshaking(), "step {step}");
        assert_eq!(front.session.info().sni(), Some("localhost"));
        assert_eq!(front.session.info().version(), Some("TLSv1.3"));
        assert_eq!(front.session.info().alpn(), Some(b"http/1.1".as_slice()));
        assert!(front.session.info().cipher().unwrap().starts_with("TLS_"));
        assert!(!front.session.info().resumed());
    }
}

#[test]
fn large_data_crosses_both_ways_and_the_close_is_seen() {
    let (mut client, mut front) = pair("data", usize::MAX);
    let data: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    client.session.encrypt(&data, &mut client.out).unwrap();
    front.session.encrypt(b"hello", &mut front.out).unwrap();
    talk(&mut client, &mut front, 5000).unwrap();
    assert_eq!(front.plain, data);
    assert_eq!(client.plain, b"hello");
    client.session.close_notify(&mut client.out);
    client.session.close_notify(&mut client.out);
    talk(&mut client, &mut front, 5000).unwrap();
    assert!(front.session.peer_closed() && !client.session.peer_closed());
    assert_eq!(client.session.encrypt(b"more", &mut client.out), Err(TlsError::Ended));
    front.session.encrypt(b"last words", &mut front.out).unwrap();
    talk(&mut client, &mut front, 5000).unwrap();
    assert_eq!(client.plain, b"hellolast words");
}

#[test]
fn nonsense_gets_an_alert_and_ends_the_session() {
    let mut front = End::new(Session::accept(bind("nonsense")));
    front.held = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    assert!(front.feed().is_err());
    assert_eq!(front.out.first(), Some(&21), "an alert record: {:?}", front.out);
    assert_eq!(front.feed(), Err(TlsError::Ended));
}

#[test]
fn a_broken_record_gets_an_alert() {
    let (mut client, mut front) = pair("broken", usize::MAX);
    client.session.encrypt(b"hello", &mut client.out).unwrap();
    *client.out.last_mut().unwrap() ^= 1;
    front.held = std::mem::take(&mut client.out);
    assert!(front.feed().is_err());
    assert!(!front.out.is_empty());
    client.held = front.out;
    let error = client.feed().unwrap_err();
    assert!(error.is_from_peer(), "{error}");
    assert_eq!(front.session.info().sni(), Some("localhost"), "what was learnt stays readable");
}

#[test]
fn data_before_the_handshake_is_refused() {
    let mut front = Session::accept(bind("early"));
    assert_eq!(front.encrypt(b"x", &mut Vec::new()), Err(TlsError::NotReady));
    let mut client = Session::connect(&server(), None).unwrap();
    assert_eq!(client.encrypt(b"x", &mut Vec::new()), Err(TlsError::NotReady));
}
