//! Why a connection's TLS ended. The alert for the peer is already in the caller's `out` when one of these returns.

use std::fmt;

/// What went wrong on one connection.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsError {
    /// `strict-sni`: the client named no host, or one that no certificate of the bind is for.
    UnknownName(Option<Box<str>>),
    /// A client spoke HTTP where TLS was expected.
    ClearRequest,
    /// The first bytes are no TLS.
    NotTls,
    /// The peer, or our own side of the protocol, failed; rustls says how.
    Protocol(rustls::Error),
    /// Application data before the handshake was done.
    NotReady,
    /// The session had ended (an error, or our close_notify) before this call.
    Ended,
    /// A handshake message in pieces after the handshake.
    Fragmented,
    /// No more records can be encrypted under this key.
    KeyExhausted,
    /// The name to ask a server for is no host name.
    BadServerName(Box<str>),
}

impl TlsError {
    /// The peer said it with an alert, rather than we.
    pub fn is_from_peer(&self) -> bool {
        matches!(self, TlsError::Protocol(rustls::Error::AlertReceived(_)))
    }

    /// The certificate that the server showed is for somebody else, or no certificate could be for whom we asked.
    pub fn is_wrong_name(&self) -> bool {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        use rustls::Error::InvalidCertificate;
        matches!(
            self,
            TlsError::BadServerName(_)
                | TlsError::Protocol(InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
        )
    }

    /// We do not trust the certificate that the peer showed.
    pub fn distrusts(&self) -> bool {
        matches!(self, TlsError::Protocol(rustls::Error::InvalidCertificate(_)))
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> TlsError {
        TlsError::Protocol(error)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::UnknownName(Some(name)) => write!(f, "no certificate for '{name}' (strict-sni)"),
            TlsError::UnknownName(None) => f.write_str("the client named no host (strict-sni)"),
            TlsError::ClearRequest => f.write_str("an HTTP request in the clear"),
            TlsError::NotTls => f.write_str("the first bytes are no TLS"),
            TlsError::Protocol(error) => error.fmt(f),
            TlsError::NotReady => f.write_str("data before the handshake was done"),
            TlsError::Ended => f.write_str("the session had ended"),
            TlsError::Fragmented => f.write_str("a handshake message in pieces after the handshake"),
            TlsError::KeyExhausted => f.write_str("the key has encrypted all it may"),
            TlsError::BadServerName(name) => write!(f, "'{name}' is no host name to ask a server for"),
        }
    }
}

impl std::error::Error for TlsError {}
