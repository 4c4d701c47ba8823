//! Conversations with rustls' own record layer at the other end, in every suite, new keys and tickets included.

use super::*;
use crate::drive::{self, Turn};
use crate::record::Ratchet;
use crate::settle::Settled;
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::aws_lc_rs::{ALL_CIPHER_SUITES, default_provider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::UnbufferedServerConnection;
use rustls::{
    ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection, SupportedCipherSuite,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// Ours, and rustls at the other end.
struct Pair {
    ours: Records,
    peer: Connection,
    plain: Vec<u8>,
    out: Vec<u8>,
}

/// Suites for a certificate with an elliptic curve.
fn suites() -> impl Iterator<Item = SupportedCipherSuite> {
    ALL_CIPHER_SUITES.iter().copied().filter(|suite| !format!("{:?}", suite.suite()).contains("RSA"))
}

fn is_tls13(suite: SupportedCipherSuite) -> bool {
    suite.tls13().is_some()
}

fn configs(suite: SupportedCipherSuite) -> (ServerConfig, ClientConfig) {
    let provider =
        Arc::new(rustls::crypto::CryptoProvider { cipher_suites: vec![suite], ..default_provider() });
    let versions: &[_] =
        if is_tls13(suite) { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let verifier = Arc::new(crate::server_auth::AnyCertificate(provider.signature_verification_algorithms));
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    server.enable_secret_extraction = true;
    client.enable_secret_extraction = true;
    (server, client)
}

fn name() -> ServerName<'static> {
    "localhost".try_into().unwrap()
}

/// What the peer has to say.
fn written(peer: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while peer.wants_write() {
        peer.write_tls(&mut bytes).unwrap();
    }
    bytes
}

fn deliver(peer: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        peer.read_tls(&mut bytes).unwrap();
        peer.process_new_packets().unwrap();
    }
}

/// A handshake to its end.
macro_rules! shake {
    ($own:expr, $peer:expr) => {{
        let (mut held, mut plain) = (Vec::new(), Vec::new());
        loop {
            held.extend(written($peer));
            let mut out = Vec::new();
            let still = loop {
                let (discard, turn) = drive::turn($own.process_tls_records(&mut held), &mut plain, &mut out);
                held.drain(..discard);
                match turn.unwrap() {
                    Turn::Again => {}
                    turn => break turn == Turn::Handshaking,
                }
            };
            deliver($peer, &out);
            if !still && !$peer.is_handshaking() && !$peer.wants_write() {
                break;
            }
        }
        assert!(held.is_empty() && plain.is_empty());
    }};
}

/// We are the server.
fn towards_client(suite: SupportedCipherSuite) -> Pair {
    let pair = towards_client_with(suite, true);
    assert_eq!(matches!(pair.ours.renewal, Renewal::Own(_)), is_tls13(suite));
    pair
}

/// We are the server, and rustls makes the keys.
fn towards_early_client(suite: SupportedCipherSuite) -> Pair {
    let pair = towards_client_with(suite, false);
    assert_eq!(matches!(pair.ours.renewal, Renewal::Server(_)), is_tls13(suite));
    pair
}

/// We are the server, were told the keys and have not settled.
fn shaken_by_client(
    suite: SupportedCipherSuite,
) -> (UnbufferedServerConnection, Connection, Option<Box<Ratchet>>) {
    let (mut server, client) = configs(suite);
    server.key_log = Arc::new(crate::record::Confidant);
    let mut own = UnbufferedServerConnection::new(server.into()).unwrap();
    let mut peer = Connection::Client(ClientConnection::new(client.into(), name()).unwrap());
    shake!(own, &mut peer);
    let ratchet = crate::record::take_told();
    (own, peer, ratchet)
}

fn towards_client_with(suite: SupportedCipherSuite, told: bool) -> Pair {
    let (own, peer, ratchet) = shaken_by_client(suite);
    assert_eq!(ratchet.is_some(), is_tls13(suite));
    assert!(crate::record::take_told().is_none(), "told once");
    Pair::new(Settled::server(own, ratchet.filter(|_| told)).unwrap(), peer)
}

/// We are the client; the server's tickets are still to come.
fn towards_server(suite: SupportedCipherSuite) -> (Pair, Arc<ClientConfig>, Arc<ServerConfig>) {
    let (server, client) = configs(suite);
    let (server, client) = (Arc::new(server), Arc::new(client));
    let mut own = UnbufferedClientConnection::new(client.clone(), name()).unwrap();
    let mut peer = Connection::Server(ServerConnection::new(server.clone()).unwrap());
    let (mut held, mut plain) = (Vec::new(), Vec::new());
    while own.is_handshaking() {
        let mut out = Vec::new();
        loop {
            let (discard, turn) = drive::turn(own.process_tls_records(&mut held), &mut plain, &mut out);
            held.drain(..discard);
            if turn.unwrap() != Turn::Again {
                break;
            }
        }
        deliver(&mut peer, &out);
        if own.is_handshaking() {
            held.extend(written(&mut peer));
        }
    }
    (Pair::new(Settled::client(own).unwrap(), peer), client, server)
}

impl Pair {
    fn new(settled: Settled, mut peer: Connection) -> Pair {
        peer.set_buffer_limit(None);
        Pair { ours: settled.records, peer, plain: Vec::new(), out: Vec::new() }
    }

    /// The peer's bytes reach us; whether it has closed.
    fn hear(&mut self) -> bool {
        let mut bytes = written(&mut self.peer);
        let progress = self.ours.read(&mut bytes, &mut self.plain, &mut self.out).unwrap();
        assert_eq!(progress.used, bytes.len());
        progress.closed
    }

    fn tell(&mut self, data: &[u8]) {
        self.ours.write(data, &mut self.out).unwrap();
    }

    /// What we wrote reaches the peer, which answers with what it read.
    fn heard(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        // rustls holds back no more than this much that nobody has read.
        for piece in std::mem::take(&mut self.out).chunks(4096) {
            deliver(&mut self.peer, piece);
            let _ = self.peer.reader().read_to_end(&mut read);
        }
        read
    }

    fn both_ways(&mut self, what: &str) {
        let long = what.repeat(8000);
        for data in [what, &long] {
            self.peer.writer().write_all(data.as_bytes()).unwrap();
            assert!(!self.hear());
            assert!(std::mem::take(&mut self.plain) == data.as_bytes(), "{what}");
            self.tell(data.as_bytes());
            assert!(self.heard() == data.as_bytes(), "{what}");
        }
    }

    /// The peer takes new keys and asks for ours.
    fn peer_renews(&mut self) {
        self.peer.refresh_traffic_keys().unwrap();
    }
}

#[test]
fn every_suite_towards_clients_and_servers() {
    let mut seen = 0;
    for suite in suites() {
        for mut pair in [towards_client(suite), towards_early_client(suite), towards_server(suite).0] {
            pair.both_ways("words");
            pair.ours.close(&mut pair.out);
            let bytes = std::mem::take(&mut pair.out);
            pair.peer.read_tls(&mut bytes.as_slice()).unwrap();
            assert!(pair.peer.process_new_packets().unwrap().peer_has_closed(), "{suite:?}");
            pair.peer.send_close_notify();
            assert!(pair.hear(), "{suite:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

#[test]
fn new_keys_are_taken_and_given_as_often_as_the_peer_wants() {
    for suite in suites().filter(|suite| is_tls13(*suite)) {
        for mut pair in [towards_client(suite), towards_early_client(suite), towards_server(suite).0] {
            for _ in 0..40 {
                pair.peer_renews();
                pair.both_ways("renewed");
            }
            // Asked thrice before we say a word, we answer once.
            for _ in 0..3 {
                pair.peer_renews();
                pair.hear();
            }
            assert_eq!(pair.out, b"");
            pair.both_ways("renewed thrice");
            pair.peer_renews();
            pair.hear();
            pair.ours.close(&mut pair.out);
            assert_eq!(pair.heard(), b"");
        }
    }
}

#[test]
fn new_keys_without_a_word_between_try_our_patience() {
    let suite = suites().find(|suite| is_tls13(*suite)).unwrap();
    let mut pair = towards_client(suite);
    for _ in 0..32 {
        pair.peer_renews();
        pair.hear();
    }
    pair.peer_renews();
    let mut bytes = written(&mut pair.peer);
    let refused = pair.ours.read(&mut bytes, &mut pair.plain, &mut pair.out).unwrap_err();
    assert_eq!(
        refused,
        rustls::Error::PeerMisbehaved(rustls::PeerMisbehaved::TooManyKeyUpdateRequests).into()
    );
}

#[test]
fn a_key_that_has_sealed_its_share_is_replaced() {
    for suite in suites().filter(|suite| is_tls13(*suite)) {
        let mut pair = towards_client(suite);
        pair.both_ways("before");
        let Records { open, seal, renewal, .. } = pair.ours;
        pair.ours = Records::new(open, seal.worn(2), renewal);
        let data = vec![7; 5 * header::PLAIN_MAX];
        pair.tell(&data);
        assert!(pair.heard() == data);
        // The peer was asked for new keys of its own, and gives them.
        pair.both_ways("after");
    }
}

#[test]
fn secrets_of_before_make_no_keys_of_now() {
    let suite = suites().find(|suite| is_tls13(*suite)).unwrap();
    let (mut own, mut peer, ratchet) = shaken_by_client(suite);
    peer.refresh_traffic_keys().unwrap();
    let (mut held, mut plain, mut out) = (written(&mut peer), Vec::new(), Vec::new());
    let (discard, turn) = drive::turn(own.process_tls_records(&mut held), &mut plain, &mut out);
    assert_eq!((discard, turn.unwrap()), (held.len(), Turn::Established));
    let settled = Settled::server(own, ratchet).unwrap();
    assert!(matches!(settled.records.renewal, Renewal::Server(_)));
}

#[test]
fn tickets_that_come_late_are_kept() {
    let suite = suites().find(|suite| is_tls13(*suite)).unwrap();
    let (mut pair, client, server) = towards_server(suite);
    assert!(pair.peer.wants_write(), "tickets");
    pair.both_ways("words");
    let mut own = UnbufferedClientConnection::new(client, name()).unwrap();
    let mut peer = Connection::Server(ServerConnection::new(server).unwrap());
    shake!(own, &mut peer);
    assert_eq!(own.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn a_ticket_that_is_none_gets_an_alert() {
    let suite = suites().find(|suite| is_tls13(*suite)).unwrap();
    let (mut pair, ..) = towards_server(suite);
    let refused = pair.ours.renewal.ticket(b"nonsense").unwrap_err();
    assert_eq!(refused.alert, Some(AlertDescription::DecodeError));
    let (mut pair, ..) = towards_server(suites().find(|suite| !is_tls13(*suite)).unwrap());
    let Records { renewal, open, seal, .. } = &mut pair.ours;
    assert!(renewal.next_open(open).is_err() && renewal.next_seal(seal).is_err());
    pair.both_ways("words");
}
