//! From an address as written to addresses that sockets understand: names are looked up here, once, at start
//! (it waits: see [`resolve`](crate::resolve())), ranges of ports become ports.

use crate::connect::{Source, SourcePorts};
use crate::listen::ListenAddr;
use crate::log::LogAddr;
use crate::resolve::resolve;
use base::addr::{Address, Family, Host, PortSpec};
use base::reason;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Where syslog daemons listen (RFC 5426 section 3.3), for a log line without a port.
const SYSLOG_PORT: u16 = 514;

/// Why an address cannot be used in its place. `Display` completes "'bind' : …".
#[derive(Debug)]
pub enum UseError {
    /// A listener needs one.
    NoPort,
    /// `+n` and `-n` stand for servers only.
    OffsetPort,
    /// A range where one port is wanted.
    RangePort,
    /// Known, not served.
    Unserved(String),
    /// A descriptor where none makes sense.
    Descriptor,
    /// A path where an internet address is wanted.
    NotInet,
    /// The name has no address.
    Unresolved(String, io::Error),
    /// The name has no address of the family that its prefix asks for.
    NoneOfFamily(String),
}

impl fmt::Display for UseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UseError::NoPort => write!(f, "missing port number"),
            UseError::OffsetPort => write!(f, "a port offset is for servers only: write the port itself"),
            UseError::RangePort => write!(f, "port ranges are not permitted here: write one port"),
            UseError::Unserved(text) => write!(f, "the address type of '{text}' is not supported"),
            UseError::Descriptor => write!(f, "a file descriptor is not permitted here"),
            UseError::NotInet => write!(f, "an internet address is wanted here"),
            UseError::Unresolved(name, e) => write!(f, "could not resolve address '{name}': {}", reason(e)),
            UseError::NoneOfFamily(name) => write!(f, "'{name}' has no address of the family asked for"),
        }
    }
}

impl std::error::Error for UseError {}

/// The addresses that one `bind` address stands for: one for each port of a range.
pub fn listen_addrs(address: &Address) -> Result<Vec<ListenAddr>, UseError> {
    match address {
        Address::Unix(path) => Ok(vec![ListenAddr::Unix(PathBuf::from(path))]),
        Address::Abstract(name) => Ok(vec![ListenAddr::Abstract(name.clone())]),
        Address::Fd(number) => Ok(vec![ListenAddr::Fd(*number)]),
        Address::Unserved(text) => Err(UseError::Unserved(text.clone())),
        Address::Inet { host, port, family, transport: _ } => {
            let (low, high) = match port {
                PortSpec::One(port) => (*port, *port),
                PortSpec::Range(low, high) => (*low, *high),
                PortSpec::None => return Err(UseError::NoPort),
                PortSpec::Offset(_) => return Err(UseError::OffsetPort),
            };
            let ip = first_ip(host, *family)?;
            Ok((low..=high).map(|port| ListenAddr::Inet(SocketAddr::new(ip, port))).collect())
        }
    }
}

/// Where a `log` line's address sends to; UDP without a port is syslog's.
pub fn log_addr(address: &Address) -> Result<LogAddr, UseError> {
    match address {
        Address::Unix(path) => Ok(LogAddr::Unix(PathBuf::from(path))),
        Address::Abstract(name) => Ok(LogAddr::Abstract(name.clone())),
        Address::Fd(number) => Ok(LogAddr::Fd(*number)),
        Address::Unserved(text) => Err(UseError::Unserved(text.clone())),
        Address::Inet { host, port, family, transport: _ } => {
            let ip = first_ip(host, *family)?;
            Ok(LogAddr::Udp(SocketAddr::new(ip, single_port(port)?.unwrap_or(SYSLOG_PORT))))
        }
    }
}

/// Where `source` makes connections come from.
pub fn source(address: &Address) -> Result<Source, UseError> {
    match address {
        Address::Inet { host, port, family, transport: _ } => {
            let ports = match port {
                PortSpec::None | PortSpec::One(0) => None,
                PortSpec::One(port) => Some(SourcePorts::new(*port, *port)),
                PortSpec::Range(low, high) => Some(SourcePorts::new(*low, *high)),
                PortSpec::Offset(_) => return Err(UseError::OffsetPort),
            };
            Ok(Source { ip: first_ip(host, *family)?, ports })
        }
        Address::Fd(_) => Err(UseError::Descriptor),
        Address::Unix(_) | Address::Abstract(_) => Err(UseError::NotInet),
        Address::Unserved(text) => Err(UseError::Unserved(text.clone())),
    }
}

/// All addresses of a host, those of the family alone where one is asked for.
pub fn ips(host: &Host, family: Family) -> Result<Vec<IpAddr>, UseError> {
    let name = match host {
        Host::Any => return Ok(vec![Ipv4Addr::UNSPECIFIED.into()]),
        Host::AnyV6 => return Ok(vec![Ipv6Addr::UNSPECIFIED.into()]),
        Host::Ip(ip) => return Ok(vec![*ip]),
        Host::Name(name) => name,
    };
    let mut found = resolve(name).map_err(|e| UseError::Unresolved(name.clone(), e))?;
    found.retain(|ip| match family {
        Family::Any => true,
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
    });
    if found.is_empty() { Err(UseError::NoneOfFamily(name.clone())) } else { Ok(found) }
}

/// HAProxy takes the first address of a name.
fn first_ip(host: &Host, family: Family) -> Result<IpAddr, UseError> {
    ips(host, family).map(|all| all.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
}

fn single_port(port: &PortSpec) -> Result<Option<u16>, UseError> {
    match port {
        PortSpec::None => Ok(None),
        PortSpec::One(port) => Ok(Some(*port)),
        PortSpec::Range(..) => Err(UseError::RangePort),
        PortSpec::Offset(_) => Err(UseError::OffsetPort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> String {
        match listen_addrs(&Address::parse(text).unwrap()) {
            Ok(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(wrong) => wrong.to_string(),
        }
    }

    #[test]
    fn what_a_bind_address_stands_for() {
        let cases = [
            ("*:80", "0.0.0.0:80"),
            (":::443", ":::443"),
            ("127.0.0.1:8000-8002", "127.0.0.1:8000 127.0.0.1:8001 127.0.0.1:8002"),
            ("ipv4@localhost:81", "127.0.0.1:81"),
            ("/run/x.sock", "/run/x.sock"),
            ("abns@x", "abns@x"),
            ("fd@4", "fd@4"),
            ("127.0.0.1", "missing port number"),
            ("127.0.0.1:+5", "a port offset is for servers only: write the port itself"),
            ("quic4@:443", "the address type of 'quic4@:443' is not supported"),
        ];
        for (text, expected) in cases {
            assert_eq!(listen(text), expected, "{text}");
        }
    }

    #[test]
    fn a_log_address_without_port_is_syslogs() {
        let to = |text| format!("{:?}", log_addr(&Address::parse(text).unwrap()).unwrap());
        assert_eq!(to("127.0.0.1"), "Udp(127.0.0.1:514)");
        assert_eq!(to("127.0.0.1:1514"), "Udp(127.0.0.1:1514)");
        assert_eq!(to("/dev/log"), "Unix(\"/dev/log\")");
    }

    #[test]
    fn a_source_is_an_internet_address() {
        let from = |text| source(&Address::parse(text).unwrap());
        assert!(from("10.0.0.1:1000-2000").unwrap().ports.is_some());
        assert!(from("10.0.0.1").unwrap().ports.is_none());
        assert!(matches!(from("/run/x"), Err(UseError::NotInet)));
    }
}
