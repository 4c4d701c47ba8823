//! SOCKS4 towards servers (`socks4`): a proxy is connected to and asked for the server's address. Works on the bare
//! socket, before a PROXY header or TLS.

use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
/// The user that HAProxy is, too.
const USER: &[u8] = b"HAProxy\0";
const GRANTED: u8 = 0x5a;
const REPLY: usize = 8;

/// Asks for a connection to `to`; afterwards the socket is that connection. SOCKS4 knows IPv4 addresses only.
pub async fn ask(socket: &mut net::Stream, to: &net::Target) -> Result<()> {
    let request = request(to)?;
    let mut rest = &request[..];
    while !rest.is_empty() {
        let sent = poll_fn(|cx| socket.poll_write(cx, rest)).await?;
        if sent == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        rest = rest.get(sent..).unwrap_or_default();
    }
    let mut reply = [0; REPLY];
    let mut read = 0;
    while let Some(room) = reply.get_mut(read..).filter(|room| !room.is_empty()) {
        match poll_fn(|cx| socket.poll_read(cx, room)).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    if reply[1] == GRANTED {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::ConnectionRefused, "SOCKS4 refused it"))
    }
}

fn request(to: &net::Target) -> Result<Vec<u8>> {
    let net::Target::Inet(to) = to else { return Err(unreachable()) };
    let ip = match to.ip().to_canonical() {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => return Err(unreachable()),
    };
    Ok([&[VERSION, CONNECT][..], &to.port().to_be_bytes(), &ip.octets(), USER].concat())
}

fn unreachable() -> Error {
    Error::new(ErrorKind::AddrNotAvailable, "SOCKS4 reaches IPv4 addresses only")
}

/// The proxy's own address, resolved.
pub fn address(written: &base::Address) -> Option<SocketAddr> {
    let port = written.port()?;
    let base::Address::Inet { host, .. } = written else { return None };
    let ip = match host {
        base::Host::Ip(ip) => *ip,
        base::Host::Name(name) => net::resolve(name).ok()?.into_iter().next()?,
        base::Host::Any | base::Host::AnyV6 => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_as_haproxy_sends_it() {
        let to = |text: &str| request(&net::Target::Inet(text.parse().unwrap()));
        assert_eq!(to("192.0.2.7:8080").unwrap(), b"\x04\x01\x1f\x90\xc0\x00\x02\x07HAProxy\x00");
        assert!(to("[2001:db8::1]:80").is_err());
        assert!(request(&net::Target::Unix("/s".into())).is_err());
    }
}
