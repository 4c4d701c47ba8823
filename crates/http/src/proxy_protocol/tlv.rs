//! Version 2's extensions: type, length in two bytes, value (specification section 2.2). Values are carried, not
//! judged: what a name may contain is for whoever uses it.

/// Protocol negotiated by ALPN.
pub const TLV_ALPN: u8 = 0x01;
/// Host name that the client asked for.
pub const TLV_AUTHORITY: u8 = 0x02;
/// Checksum of the header.
pub(super) const TLV_CRC32C: u8 = 0x03;
/// Identity of the connection.
pub const TLV_UNIQUE_ID: u8 = 0x05;
/// The client's TLS session, with extensions of its own.
pub const TLV_SSL: u8 = 0x20;

const SSL_VERSION: u8 = 0x21;
const SSL_CN: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;
const SSL_SIG_ALG: u8 = 0x24;
const SSL_KEY_ALG: u8 = 0x25;

/// In [`Ssl::client`]: the client connected over TLS.
pub const SSL_CONNECTION: u8 = 0x01;
/// In [`Ssl::client`]: it presented a certificate on this connection.
pub const SSL_CERT_ON_CONNECTION: u8 = 0x02;
/// In [`Ssl::client`]: it presented a certificate at least once in this TLS session.
pub const SSL_CERT_ON_SESSION: u8 = 0x04;

/// A client's TLS session, as the proxy in front knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ssl<'a> {
    /// `SSL_CONNECTION`, `SSL_CERT_ON_CONNECTION` and `SSL_CERT_ON_SESSION`, added up.
    pub client: u8,
    /// 0 when a certificate was presented and found good.
    pub verify: u32,
    /// Protocol version, such as `TLSv1.3`.
    pub version: Option<&'a [u8]>,
    /// Common name of the client certificate.
    pub cn: Option<&'a [u8]>,
    /// Cipher in use.
    pub cipher: Option<&'a [u8]>,
    /// Signature algorithm of the certificate that was served.
    pub sig_alg: Option<&'a [u8]>,
    /// Key algorithm of that certificate.
    pub key_alg: Option<&'a [u8]>,
}

impl<'a> Ssl<'a> {
    /// Reads the value of a `TLV_SSL`.
    pub(super) fn read(value: &'a [u8]) -> Option<Ssl<'a>> {
        let (&[client, a, b, c, d], inner) = value.split_first_chunk::<5>()?;
        Some(Ssl {
            client,
            verify: u32::from_be_bytes([a, b, c, d]),
            version: find(inner, SSL_VERSION),
            cn: find(inner, SSL_CN),
            cipher: find(inner, SSL_CIPHER),
            sig_alg: find(inner, SSL_SIG_ALG),
            key_alg: find(inner, SSL_KEY_ALG),
        })
    }

    /// The value of a `TLV_SSL`.
    pub(super) fn value(&self) -> Vec<u8> {
        let mut value = vec![self.client];
        value.extend_from_slice(&self.verify.to_be_bytes());
        let inner = [
            (SSL_VERSION, self.version),
            (SSL_CN, self.cn),
            (SSL_KEY_ALG, self.key_alg),
            (SSL_SIG_ALG, self.sig_alg),
            (SSL_CIPHER, self.cipher),
        ];
        for (kind, text) in inner {
            push(kind, text, &mut value);
        }
        value
    }
}

/// Most bytes of extensions that we send: receivers give up at 16 kB for the whole header.
const MAX_SENT: usize = 16000;

/// Appends one extension. What would make the header too long is left out: all are optional.
pub(super) fn push(kind: u8, value: Option<&[u8]>, out: &mut Vec<u8>) {
    let fits = |v: &&[u8]| out.len() + 3 + v.len() <= MAX_SENT;
    if let Some((value, len)) = value.filter(fits).and_then(|v| Some((v, u16::try_from(v.len()).ok()?))) {
        out.push(kind);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(value);
    }
}

/// The value of the first extension of that type.
pub(super) fn find(tlvs: &[u8], kind: u8) -> Option<&[u8]> {
    iter(tlvs).map_while(Result::ok).find(|(k, _)| *k == kind).map(|(_, value)| value)
}

/// An extension that is longer than what holds it.
pub(super) struct Overrun;

/// All extensions as `(type, value)`.
pub(super) fn iter(mut tlvs: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), Overrun>> {
    std::iter::from_fn(move || {
        if tlvs.is_empty() {
            return None;
        }
        let item = split(tlvs);
        tlvs = item.as_ref().map_or(&[], |(_, _, rest)| rest);
        Some(item.map(|(kind, value, _)| (kind, value)).ok_or(Overrun))
    })
}

fn split(tlvs: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, high, low], rest) = tlvs.split_first_chunk::<3>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((kind, value, rest))
}
