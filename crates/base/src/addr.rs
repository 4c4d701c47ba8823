//! Addresses as HAProxy's manual writes them (section 11 "Address formats"): text to value, no name is looked up here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host part of an internet address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*`, or nothing before the port: all IPv4 addresses (a listener), or the client's destination (a server).
    Any,
    /// All IPv6 addresses, `::` or `[::]`.
    AnyV6,
    /// A literal address.
    Ip(IpAddr),
    /// A name to look up at start.
    Name(String),
}

/// The port part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortSpec {
    /// None written: the client's own destination port (a server), an error (a listener).
    None,
    /// One port.
    One(u16),
    /// `low-high`, both included.
    Range(u16, u16),
    /// `+n` or `-n`: the client's destination port moved by that much (servers only).
    Offset(i32),
}

/// Which family an `ipv4@` or `ipv6@` prefix forces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// None written.
    Any,
    /// `ipv4@`
    V4,
    /// `ipv6@`
    V6,
}

/// Stream or datagram (`udp@`, `stream+`, `dgram+`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// None written: what the place expects.
    Any,
    /// TCP or a stream socket.
    Stream,
    /// UDP or a datagram socket.
    Datagram,
}

/// An address as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host and port.
    Inet {
        /// The host.
        host: Host,
        /// The port.
        port: PortSpec,
        /// A forced family.
        family: Family,
        /// A forced transport.
        transport: Transport,
    },
    /// A path in the file system.
    Unix(String),
    /// A name in Linux' abstract namespace.
    Abstract(AbstractName),
    /// An inherited file descriptor.
    Fd(i32),
    /// A prefix that is known but not served, such as `quic4@` or `sockpair@`; the whole text.
    Unserved(String),
}

/// Why a text is no address. `Display` gives the sentence for the complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing there.
    Empty,
    /// A port that is no number, or outside 0..=65535.
    BadPort(String),
    /// A range whose end lies before its start.
    BadRange(String),
    /// `fd@` without a number.
    BadFd(String),
    /// `ipv4@` before an IPv6 address, or the other way round.
    WrongFamily(String),
    /// The path or name of a unix socket that no socket address can hold.
    TooLong(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::Empty => write!(f, "an address is missing"),
            AddressError::BadPort(p) => {
                write!(f, "invalid port '{p}': a number between 0 and 65535 is expected")
            }
            AddressError::BadRange(p) => write!(f, "invalid port range '{p}': its end lies before its start"),
            AddressError::BadFd(p) => write!(f, "invalid descriptor '{p}': 'fd@' wants a number"),
            AddressError::WrongFamily(p) => write!(f, "'{p}' is not of the family that its prefix asks for"),
            AddressError::TooLong(path) => {
                write!(
                    f,
                    "socket path '{path}' too long (max {SOCKET_PATH_LENGTH} bytes): choose a shorter one"
                )
            }
        }
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// Reads one address. An IPv6 address without brackets needs its port behind the last colon, as in `:::443`.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (transport, text) = match text.split_once('+') {
            Some(("stream", rest)) => (Transport::Stream, rest),
            Some(("dgram", rest)) => (Transport::Datagram, rest),
            _ => (Transport::Any, text),
        };
        if text.starts_with('/') {
            return Ok(Address::Unix(socket_path(text)?.to_owned()));
        }
        let Some((prefix, rest)) = text.split_once('@') else {
            return inet(text, Family::Any, transport);
        };
        match prefix {
            "ipv4" => inet(rest, Family::V4, transport),
            "ipv6" => inet(rest, Family::V6, transport),
            "tcp" => inet(rest, Family::Any, Transport::Stream),
            "tcp4" => inet(rest, Family::V4, Transport::Stream),
            "tcp6" => inet(rest, Family::V6, Transport::Stream),
            "udp" => inet(rest, Family::Any, Transport::Datagram),
            "udp4" => inet(rest, Family::V4, Transport::Datagram),
            "udp6" => inet(rest, Family::V6, Transport::Datagram),
            "unix" | "uxst" | "uxdg" => Ok(Address::Unix(socket_path(rest)?.to_owned())),
            "abns" => Ok(Address::Abstract(AbstractName::padded(socket_path(rest)?))),
            "abnsz" => Ok(Address::Abstract(AbstractName::exact(socket_path(rest)?))),
            "fd" => rest.parse().map(Address::Fd).map_err(|_| AddressError::BadFd(text.to_owned())),
            _ => Ok(Address::Unserved(text.to_owned())),
        }
    }

    /// The single port written, if any.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Inet { port: PortSpec::One(p), .. } => Some(*p),
            Address::Inet { .. }
            | Address::Unix(_)
            | Address::Abstract(_)
            | Address::Fd(_)
            | Address::Unserved(_) => None,
        }
    }
}

/// Longest path or abstract name of a unix socket, in bytes: `sun_path` without the NUL behind the one, before the other
/// (unix(7)).
const SOCKET_PATH_LENGTH: usize = 107;

fn socket_path(text: &str) -> Result<&str, AddressError> {
    match text.len() > SOCKET_PATH_LENGTH {
        true => Err(AddressError::TooLong(text.to_owned())),
        false => Ok(text),
    }
}

/// A name in Linux' abstract namespace, without the leading NUL, as the kernel compares it. HAProxy's `abns@` fills the whole
/// field with NULs, its `abnsz@` ends with the name as most other programs do: the same word is two addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbstractName(Vec<u8>);

impl AbstractName {
    /// `abns@`: followed by NULs up to the end of the field, and cut off there.
    pub fn padded(name: &str) -> AbstractName {
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(SOCKET_PATH_LENGTH, 0);
        AbstractName(bytes)
    }

    /// `abnsz@`: nothing behind the name.
    pub fn exact(name: &str) -> AbstractName {
        AbstractName(name.as_bytes().to_vec())
    }

    /// What a socket address holds behind its leading NUL.
    pub fn of_bytes(bytes: &[u8]) -> AbstractName {
        AbstractName(bytes.to_vec())
    }

    /// What follows the leading NUL.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As it is written in a configuration; the prefix tells whether NULs follow.
impl fmt::Display for AbstractName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        let (text, rest) = self.0.split_at(end);
        let prefix = if rest.is_empty() { "abnsz" } else { "abns" };
        write!(f, "{prefix}@{}", String::from_utf8_lossy(text))
    }
}

fn inet(text: &str, family: Family, transport: Transport) -> Result<Address, AddressError> {
    let (host, port) = split_port(text);
    let host = host_of(host, family)?;
    let port = port_of(port)?;
    Ok(Address::Inet { host, port, family, transport })
}

/// Host and port text. The last colon parts them unless it stands inside brackets.
fn split_port(text: &str) -> (&str, &str) {
    match (text.rfind(':'), text.rfind(']')) {
        (Some(colon), Some(bracket)) if colon < bracket => (text, ""),
        (Some(colon), _) => (&text[..colon], &text[colon + 1..]),
        (None, _) => (text, ""),
    }
}

fn host_of(text: &str, family: Family) -> Result<Host, AddressError> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let host = match bare {
        "" | "*" if family == Family::V6 => Host::AnyV6,
        "" | "*" => Host::Any,
        _ => match bare.parse::<IpAddr>() {
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Host::Any,
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Host::AnyV6,
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(bare.to_owned()),
        },
    };
    let fits = match (&host, family) {
        (Host::Ip(ip), Family::V4) => ip.is_ipv4(),
        (Host::Ip(ip), Family::V6) => ip.is_ipv6(),
        (Host::AnyV6, Family::V4) => false,
        (Host::Any | Host::AnyV6 | Host::Ip(_) | Host::Name(_), _) => true,
    };
    if fits { Ok(host) } else { Err(AddressError::WrongFamily(text.to_owned())) }
}

fn port_of(text: &str) -> Result<PortSpec, AddressError> {
    let bad = || AddressError::BadPort(text.to_owned());
    if text.is_empty() {
        return Ok(PortSpec::None);
    }
    if text.starts_with(['+', '-']) {
        return text.parse().map(PortSpec::Offset).map_err(|_| bad());
    }
    let Some((low, high)) = text.split_once('-') else {
        return text.parse().map(PortSpec::One).map_err(|_| bad());
    };
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) if low <= high => Ok(PortSpec::Range(low, high)),
        (Ok(_), Ok(_)) => Err(AddressError::BadRange(text.to_owned())),
        (Err(_), _) | (_, Err(_)) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(host: Host, port: PortSpec) -> Address {
        Address::Inet { host, port, family: Family::Any, transport: Transport::Any }
    }

    #[test]
    fn the_ways_to_write_an_address() {
        let cases = [
            ("*:80", inet(Host::Any, PortSpec::One(80))),
            (":80", inet(Host::Any, PortSpec::One(80))),
            (":::443", inet(Host::AnyV6, PortSpec::One(443))),
            ("[::]:443", inet(Host::AnyV6, PortSpec::One(443))),
            ("[::1]:8443", inet(Host::Ip("::1".parse().unwrap()), PortSpec::One(8443))),
            ("127.0.0.1:1-9", inet(Host::Ip("127.0.0.1".parse().unwrap()), PortSpec::Range(1, 9))),
            ("web.example:8080", inet(Host::Name("web.example".into()), PortSpec::One(8080))),
            ("10.0.0.1", inet(Host::Ip("10.0.0.1".parse().unwrap()), PortSpec::None)),
            ("10.0.0.1:+1000", inet(Host::Ip("10.0.0.1".parse().unwrap()), PortSpec::Offset(1000))),
            ("/run/a.sock", Address::Unix("/run/a.sock".into())),
            ("unix@a.sock", Address::Unix("a.sock".into())),
            ("abns@x", Address::Abstract(AbstractName::padded("x"))),
            ("abnsz@x", Address::Abstract(AbstractName::exact("x"))),
            ("fd@5", Address::Fd(5)),
            ("quic4@:443", Address::Unserved("quic4@:443".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(Address::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in ["", "1.2.3.4:99999", "1.2.3.4:x", ":9-1", "fd@x", "ipv4@[::1]:80"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
