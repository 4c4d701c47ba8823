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
    close_one_way(&mut client, &mut front);
    assert_eq!(client.plain, b"hellolast words");
}

/// The client closes, and says so once; the server's last words still reach it.
fn close_one_way(client: &mut End, front: &mut End) {
    client.session.close_notify(&mut client.out);
    client.session.close_notify(&mut client.out);
    talk(client, front, 5000).unwrap();
    assert!(front.session.peer_closed() && !client.session.peer_closed());
    assert_eq!(client.session.encrypt(b"more", &mut client.out), Err(TlsError::Ended));
    front.session.encrypt(b"last words", &mut front.out).unwrap();
    talk(client, front, 5000).unwrap();
}

/// Both ends have said a word and settle.
fn settled(name: &str) -> (End, End) {
    let (mut client, mut front) = pair(name, usize::MAX);
    for end in [&mut client, &mut front] {
        end.session.settle();
        assert!(!format!("{:?}", end.session).contains("settled"), "not before it has spoken");
        end.session.encrypt(b"word", &mut end.out).unwrap();
        end.session.settle();
        assert!(format!("{:?}", end.session).contains("settled"), "{end:?}");
    }
    talk(&mut client, &mut front, 7).unwrap();
    assert_eq!((client.plain.as_slice(), front.plain.as_slice()), (b"word".as_slice(), b"word".as_slice()));
    (client, front)
}

#[test]
fn settled_sessions_go_on_as_before() {
    let (mut client, mut front) = settled("settled");
    for end in [&client, &front] {
        let info = end.session.info();
        assert_eq!((info.sni(), info.version()), (Some("localhost"), Some("TLSv1.3")));
        assert_eq!(info.alpn(), Some(b"http/1.1".as_slice()));
        assert!(info.cipher().unwrap().starts_with("TLS_") && !info.resumed());
        assert!(info.peer_chain().is_empty() && !end.session.is_handshaking());
    }
    assert!(front.session.info().served().is_some());
    let data: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    client.session.encrypt(&data, &mut client.out).unwrap();
    front.session.encrypt(&data, &mut front.out).unwrap();
    talk(&mut client, &mut front, 5000).unwrap();
    assert!(front.plain[4..] == data && client.plain[4..] == data);
    close_one_way(&mut client, &mut front);
    assert!(client.plain.ends_with(b"last words"));
    front.held = b"ignored".to_vec();
    front.feed().unwrap();
    assert_eq!(front.held, b"");
}

#[test]
fn a_settled_session_ends_with_a_broken_record() {
    let (mut client, mut front) = settled("settled-broken");
    client.session.encrypt(b"hello", &mut client.out).unwrap();
    *client.out.last_mut().unwrap() ^= 1;
    front.held = std::mem::take(&mut client.out);
    assert!(front.feed().is_err());
    assert_eq!(front.feed(), Err(TlsError::Ended));
    assert_eq!(front.session.encrypt(b"x", &mut Vec::new()), Err(TlsError::Ended));
    client.held = front.out;
    let error = client.feed().unwrap_err();
    assert!(error.is_from_peer(), "{error}");
}

#[test]
fn who_owes_the_peer_new_keys_does_not_settle_before_they_are_told() {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let folder = pair::Folder::new("owed");
    let made = pair::pem(&["localhost"]);
    let (_, der) = x509_parser::pem::parse_x509_pem(made.as_bytes()).unwrap();
    roots.add(der.contents.into()).unwrap();
    let bind = pair::load(&tls::BindSpec { crts: vec![folder.put("site.pem", &made)], ..Default::default() });
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    let mut peer =
        rustls::ClientConnection::new(std::sync::Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut front = End::new(Session::accept(bind));
    let exchange = |peer: &mut rustls::ClientConnection, front: &mut End| {
        while peer.wants_write() {
            peer.write_tls(&mut front.held).unwrap();
        }
        front.feed().unwrap();
        let out = std::mem::take(&mut front.out);
        let mut out = out.as_slice();
        while !out.is_empty() {
            peer.read_tls(&mut out).unwrap();
            peer.process_new_packets().unwrap();
        }
    };
    while peer.is_handshaking() || front.session.is_handshaking() {
        exchange(&mut peer, &mut front);
    }
    front.session.encrypt(b"one ", &mut front.out).unwrap();
    peer.refresh_traffic_keys().unwrap();
    exchange(&mut peer, &mut front);
    front.session.settle();
    assert!(format!("{:?}", front.session).contains("server"), "an answer is owed");
    front.session.encrypt(b"two ", &mut front.out).unwrap();
    front.session.settle();
    assert!(format!("{:?}", front.session).contains("settled"));
    front.session.encrypt(b"three", &mut front.out).unwrap();
    exchange(&mut peer, &mut front);
    let mut read = [0; 64];
    let n = std::io::Read::read(&mut peer.reader(), &mut read).unwrap();
    assert_eq!(&read[..n], b"one two three");
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

/// A generator of numbers that looks random and is the same on every run.
fn numbers(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    }
}

/// Feeds a session spoilt bytes in pieces, using it in between as a relay would; only its answers count, not which.
fn maltreat(mut session: Session, stream: &[u8], random: &mut impl FnMut() -> usize) {
    let mut spoilt = stream.to_vec();
    for _ in 0..random() % 4 {
        let at = random() % spoilt.len().max(1);
        if spoilt.is_empty() {
            break;
        }
        match random() % 3 {
            0 => spoilt[at] ^= 1 << (random() % 8),
            1 => drop(spoilt.remove(at)),
            _ => spoilt.truncate(at.max(1)),
        }
    }
    let (mut held, mut plain, mut out) = (Vec::new(), Vec::new(), Vec::new());
    while !spoilt.is_empty() {
        let some = (random() % 400 + 1).min(spoilt.len());
        held.extend(spoilt.drain(..some));
        match session.feed(&mut held, &mut plain, &mut out) {
            Ok(used) => drop(held.drain(..used)),
            Err(_) => held.clear(),
        }
        let _ = session.encrypt(b"data", &mut out);
        if random().is_multiple_of(2) {
            session.settle();
        }
        if random().is_multiple_of(8) {
            session.close_notify(&mut out);
        }
        assert!(session.info().sni().is_none_or(|name| name.len() < 70_000));
    }
}

#[test]
fn no_bytes_can_make_either_side_panic() {
    let (bind, server) = (bind("maltreat"), server());
    let mut random = numbers(2026);
    for _ in 0..300 {
        let mut client = End::new(Session::connect(&server, Some("localhost")).unwrap());
        client.feed().unwrap();
        maltreat(Session::accept(bind.clone()), &client.out, &mut random);
        let mut front = End::new(Session::accept(bind.clone()));
        front.held = std::mem::take(&mut client.out);
        front.feed().unwrap();
        maltreat(client.session, &front.out, &mut random);
    }
}

#[test]
fn a_ticket_in_pieces_ends_the_session_and_does_not_panic() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    config.max_fragment_size = Some(40);
    let mut peer = rustls::ServerConnection::new(config.into()).unwrap();
    let mut client = End::new(Session::connect(&server(), Some("localhost")).unwrap());
    client.feed().unwrap();
    while client.session.is_handshaking() {
        peer.read_tls(&mut client.out.as_slice()).unwrap();
        peer.process_new_packets().unwrap();
        client.out.clear();
        while peer.wants_write() {
            peer.write_tls(&mut client.held).unwrap();
        }
        client.feed().unwrap();
    }
    let mut tickets = Vec::new();
    peer.read_tls(&mut client.out.as_slice()).unwrap();
    peer.process_new_packets().unwrap();
    while peer.wants_write() {
        peer.write_tls(&mut tickets).unwrap();
    }
    client.held.extend_from_slice(&tickets[..100]);
    assert_eq!(client.feed(), Err(TlsError::Fragmented));
    assert_eq!(client.session.encrypt(b"x", &mut client.out), Err(TlsError::Ended));
}
