//! What a connection knows about itself and its peer, in the words OpenSSL and HAProxy print.

use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};

/// A view of one session; fields are `None` until the handshake has settled them.
#[derive(Clone, Copy)]
pub struct Info<'s> {
    sni: Option<&'s str>,
    state: Option<&'s CommonState>,
}

impl<'s> Info<'s> {
    pub(crate) fn new(sni: Option<&'s str>, state: &'s CommonState) -> Info<'s> {
        Info { sni, state: Some(state) }
    }

    pub(crate) fn unknown(sni: Option<&'s str>) -> Info<'s> {
        Info { sni, state: None }
    }

    /// The name the client asked for, or the one we asked a server for.
    pub fn sni(&self) -> Option<&'s str> {
        self.sni
    }

    /// The application protocol agreed on.
    pub fn alpn(&self) -> Option<&'s [u8]> {
        self.state?.alpn_protocol()
    }

    /// `TLSv1.3` or `TLSv1.2`.
    pub fn version(&self) -> Option<&'static str> {
        match self.state?.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            _ => None,
        }
    }

    /// The cipher's name, as OpenSSL prints it.
    pub fn cipher(&self) -> Option<&'static str> {
        cipher_name(self.state?.negotiated_cipher_suite()?.suite())
    }

    /// Bits of the symmetric key.
    pub fn key_bits(&self) -> Option<u16> {
        self.cipher().map(|name| if name.contains("128") { 128 } else { 256 })
    }

    /// An earlier session was taken up again, without certificates being shown.
    pub fn resumed(&self) -> bool {
        self.state.and_then(CommonState::handshake_kind) == Some(HandshakeKind::Resumed)
    }
}

/// OpenSSL's name of a suite we speak. RFC 5246 names and OpenSSL's differ below TLS 1.3.
fn cipher_name(suite: CipherSuite) -> Option<&'static str> {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => Some("TLS_AES_128_GCM_SHA256"),
        CipherSuite::TLS13_AES_256_GCM_SHA384 => Some("TLS_AES_256_GCM_SHA384"),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => Some("TLS_CHACHA20_POLY1305_SHA256"),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => Some("ECDHE-ECDSA-AES128-GCM-SHA256"),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => Some("ECDHE-ECDSA-AES256-GCM-SHA384"),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => Some("ECDHE-ECDSA-CHACHA20-POLY1305"),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => Some("ECDHE-RSA-AES128-GCM-SHA256"),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Some("ECDHE-RSA-AES256-GCM-SHA384"),
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => Some("ECDHE-RSA-CHACHA20-POLY1305"),
        _ => None,
    }
}
