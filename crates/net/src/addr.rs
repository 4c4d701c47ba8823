//! The address of one end of a connection, as the rest of the program sees it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One end of a connection. IPv4 addresses that arrive on an IPv6 socket (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2)
/// are shown as IPv4, as HAProxy does: an ACL on `src` must not depend on how the listener was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// An internet address and port.
    Inet(SocketAddr),
    /// A unix socket. Its path is the listener's or the server's and is known there.
    Unix,
}

impl Addr {
    /// The IP address; none on a unix socket.
    pub fn ip(&self) -> Option<IpAddr> {
        self.inet().map(|a| a.ip())
    }

    /// The port; none on a unix socket.
    pub fn port(&self) -> Option<u16> {
        self.inet().map(|a| a.port())
    }

    /// Address and port; none on a unix socket.
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Addr::Inet(a) => Some(*a),
            Addr::Unix => None,
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Addr {
        Addr::Inet(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            Addr::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_shown_as_ipv4() {
        let cases = [
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("[2001:db8::1]:443", "2001:db8::1:443"),
        ];
        for (from, shown) in cases {
            assert_eq!(Addr::from(from.parse::<SocketAddr>().unwrap()).to_string(), shown);
        }
    }
}
