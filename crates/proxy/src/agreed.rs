//! What a TLS handshake agreed on, copied out of the session for rules and logs.

use tls::Info;

/// A snapshot of [`tls::Info`] that owns its texts.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    /// Name asked for.
    pub sni: Option<Box<str>>,
    /// Application protocol.
    pub alpn: Option<Box<[u8]>>,
    /// `TLSv1.3`
    pub version: &'static str,
    /// Cipher suite, as OpenSSL names it.
    pub cipher: &'static str,
    /// Bits of the symmetric key.
    pub key_bits: u16,
    /// An earlier session was taken up again.
    pub resumed: bool,
}

impl Agreed {
    /// Copies what is known.
    pub fn of(info: &Info<'_>) -> Agreed {
        Agreed {
            sni: info.sni().map(Into::into),
            alpn: info.alpn().map(Into::into),
            version: info.version().unwrap_or_default(),
            cipher: info.cipher().unwrap_or_default(),
            key_bits: info.key_bits().unwrap_or_default(),
            resumed: info.resumed(),
        }
    }
}
