//! The PROXY protocol, versions 1 and 2: a header before the first byte of a connection that says who the client
//! of the proxy in front is. `read` is for what arrives (`accept-proxy`), `write` for what is sent (`send-proxy`,
//! `send-proxy-v2`); `tlv` is what both know of version 2's extensions. A header that is not exactly right closes
//! the connection: an address taken from half a header would be a forged one.

mod read;
mod tlv;
mod write;

pub use read::{Parsed, parse};
pub use tlv::{
    SSL_CERT_ON_CONNECTION, SSL_CERT_ON_SESSION, SSL_CONNECTION, Ssl, TLV_ALPN, TLV_AUTHORITY, TLV_SSL,
    TLV_UNIQUE_ID,
};
pub use write::{V2, write_v1, write_v2};

use std::net::SocketAddr;

/// Whom a header speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// The sender itself, as in health checks: the connection's own addresses hold.
    Local,
    /// Not said, or not of TCP over IPv4 or IPv6: the connection's own addresses hold.
    Unknown,
    /// A TCP client and the address it connected to.
    Inet {
        /// The client.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
    },
}

/// A header that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whom it speaks for.
    pub addresses: Addresses,
    /// The extensions, checked, as they came.
    tlvs: Vec<u8>,
}

impl Header {
    /// The first extension of that type (`fc_pp_tlv`).
    pub fn tlv(&self, kind: u8) -> Option<&[u8]> {
        tlv::find(&self.tlvs, kind)
    }

    /// The host name that the client asked for, usually its SNI (`fc_pp_authority`).
    pub fn authority(&self) -> Option<&[u8]> {
        self.tlv(TLV_AUTHORITY)
    }

    /// The connection's identity, opaque (`fc_pp_unique_id`).
    pub fn unique_id(&self) -> Option<&[u8]> {
        self.tlv(TLV_UNIQUE_ID)
    }

    /// What the sender says of the client's TLS session.
    pub fn ssl(&self) -> Option<Ssl<'_>> {
        self.tlv(TLV_SSL).and_then(Ssl::read)
    }
}

/// Why a header is refused; for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// The bytes are no header of either version.
pub const NO_SIGNATURE: Malformed = Malformed("no signature");

/// A version 1 line that names no protocol of ours, or lacks words.
pub const BAD_PROTOCOL: Malformed = Malformed("bad protocol");

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed PROXY protocol header: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// What a version 2 header starts with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a version 1 header starts with.
const WORD: &[u8; 6] = b"PROXY ";
