//! What a connection knows about itself and its peer, in the words OpenSSL and HAProxy print.

use crate::certificate::Certificate;
use crate::client_auth::{ClientAuth, Refused, VerifyReport};
use crate::staple::Staple;
use crate::suites;
use crate::view::CertView;
use http::client_hello::HelloLists;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CommonState, HandshakeKind, NamedGroup, ProtocolVersion, SupportedCipherSuite};
use std::fmt;
use std::sync::Arc;

/// A certificate of ours that was shown, shared with all who know of it.
#[derive(Clone)]
pub struct Served(Arc<Certificate>);

impl Served {
    pub(crate) fn new(certificate: &Arc<Certificate>) -> Served {
        Served(Arc::clone(certificate))
    }

    /// The certificates that are shown, in DER, its own first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.key.cert.iter().map(AsRef::as_ref)
    }

    /// Whether it is this very one.
    pub(crate) fn is(&self, certificate: &Arc<Certificate>) -> bool {
        Arc::ptr_eq(&self.0, certificate)
    }

    pub(crate) fn shared(&self) -> &Arc<Certificate> {
        &self.0
    }

    /// The certificate of its issuer, where that is known.
    pub fn issuer(&self) -> Option<&[u8]> {
        self.0.issuer()
    }

    /// The certificate's own fingerprint, SHA-256.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// What is stapled with it.
    pub fn staple(&self) -> Option<Staple> {
        Staple::of(&self.0)
    }

    /// The names a client may ask for, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names.iter().map(AsRef::as_ref)
    }

    /// A look at it.
    pub fn view(&self) -> Option<CertView<'_>> {
        CertView::new(self.0.key.cert.first()?)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Served").field(&self.0.names).finish()
    }
}

/// What a handshake has settled so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Facts<'s> {
    pub(crate) alpn: Option<&'s [u8]>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) suite: Option<SupportedCipherSuite>,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) resumed: bool,
    pub(crate) chain: &'s [CertificateDer<'static>],
}

impl<'s> Facts<'s> {
    pub(crate) fn of(state: &'s CommonState) -> Facts<'s> {
        Facts {
            alpn: state.alpn_protocol(),
            version: state.protocol_version(),
            suite: state.negotiated_cipher_suite(),
            group: state.negotiated_key_exchange_group().map(|group| group.name()),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
            chain: state.peer_certificates().unwrap_or_default(),
        }
    }
}

/// A view of one session; fields are `None` until the handshake has settled them.
#[derive(Clone, Copy, Default)]
pub struct Info<'s> {
    pub(crate) sni: Option<&'s str>,
    pub(crate) facts: Facts<'s>,
    pub(crate) offered: Option<u16>,
    pub(crate) refused: Option<&'s Refused>,
    pub(crate) session_id: &'s [u8],
    pub(crate) served: Option<&'s Arc<Certificate>>,
    pub(crate) client_auth: Option<&'s ClientAuth>,
    pub(crate) hello: Option<&'s HelloLists>,
}

impl<'s> Info<'s> {
    /// The name the client asked for, or the one we asked a server for.
    pub fn sni(&self) -> Option<&'s str> {
        self.sni
    }

    /// The application protocol agreed on.
    pub fn alpn(&self) -> Option<&'s [u8]> {
        self.facts.alpn
    }

    /// `TLSv1.3` or `TLSv1.2`.
    pub fn version(&self) -> Option<&'static str> {
        match self.facts.version? {
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            _ => None,
        }
    }

    /// The highest version that the client offered, for handshakes that failed before one was agreed on.
    pub fn offered(&self) -> Option<&'static str> {
        match self.offered?.to_be_bytes() {
            [3, 4] => Some("TLSv1.3"),
            [3, 3] => Some("TLSv1.2"),
            [3, 2] => Some("TLSv1.1"),
            [3, 1] => Some("TLSv1"),
            [3, 0] => Some("SSLv3"),
            _ => None,
        }
    }

    /// The cipher's name, as OpenSSL prints it.
    pub fn cipher(&self) -> Option<&'static str> {
        suites::name_of(self.facts.suite?.suite())
    }

    /// Bits of the symmetric key (`ssl_fc_alg_keysize`, `ssl_fc_use_keysize`).
    pub fn key_bits(&self) -> Option<u16> {
        self.cipher().map(|name| if name.contains("128") { 128 } else { 256 })
    }

    /// The session's identifier as the server stated it; empty for TLS 1.2 with tickets.
    pub fn session_id(&self) -> &'s [u8] {
        self.session_id
    }

    /// An earlier session was taken up again, without certificates being shown.
    pub fn resumed(&self) -> bool {
        self.facts.resumed
    }

    /// The group of the key agreement, as OpenSSL names it.
    pub fn group(&self) -> Option<&'static str> {
        suites::group_name(self.facts.group?)
    }

    /// What was kept of the ClientHello, where that was asked for.
    pub fn hello(&self) -> Option<&'s HelloLists> {
        self.hello
    }

    /// The certificates the peer has shown, its own first; on a session taken up again, those it had shown before.
    /// None once the session has settled. Also those for which a client was refused.
    pub fn peer_chain(&self) -> &'s [CertificateDer<'static>] {
        self.refused.map_or(self.facts.chain, |refused| &refused.chain)
    }

    /// The peer's own certificate.
    pub fn peer(&self) -> Option<CertView<'s>> {
        CertView::new(self.peer_chain().first()?)
    }

    /// The certificate we have shown to the client.
    pub fn served(&self) -> Option<CertView<'s>> {
        CertView::new(self.served?.key.cert.first()?)
    }

    /// The same, to be kept; costs no copy.
    pub fn served_shared(&self) -> Option<Served> {
        self.served.map(|certificate| Served(Arc::clone(certificate)))
    }

    /// What OpenSSL would say of the client's certificate; nothing where none was asked for or shown. Where faults may
    /// be overlooked this verifies the chain once more: keep the answer.
    pub fn client_verify(&self) -> VerifyReport {
        if let Some(refused) = self.refused {
            return refused.report;
        }
        let report = |auth: &ClientAuth| auth.report(self.peer_chain(), UnixTime::now());
        self.client_auth.map(report).unwrap_or_default()
    }
}
