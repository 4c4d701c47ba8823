//! Outgoing connections. Time-outs are the caller's: dropping the future closes the socket.

use crate::raw;
use crate::stream::Stream;
use base::addr::AbstractName;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::{TcpSocket, UnixStream};

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// TCP
    Inet(SocketAddr),
    /// A unix socket on a path
    Unix(PathBuf),
    /// A unix socket in Linux' abstract namespace
    Abstract(AbstractName),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            Target::Unix(path) => write!(f, "{}", path.display()),
            Target::Abstract(name) => name.fmt(f),
        }
    }
}

/// The socket options of a `server` line; they apply to TCP.
#[derive(Debug, Default)]
pub struct ConnectOptions {
    /// `source`
    pub source: Option<Source>,
    /// `interface`: leave through it. Needs `CAP_NET_RAW` on old kernels.
    pub interface: Option<String>,
    /// The packets' firewall mark. Needs `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
    /// `tfo`: the first write travels with the SYN.
    pub tfo: bool,
    /// `option tcp-smart-connect`: what the server sends first is acknowledged together with the request.
    pub late_ack: bool,
    /// `tcp-ut`
    pub user_timeout: Option<Duration>,
    /// `cc`: the congestion control; the system's own where it does not know this one.
    pub congestion: Option<String>,
    /// Largest segment, bytes.
    pub mss: Option<u32>,
    /// `tune.rcvbuf.server`, bytes
    pub receive_buffer: Option<u32>,
    /// `tune.sndbuf.server`, bytes
    pub send_buffer: Option<u32>,
}

/// How packets are marked for firewalls and routers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The firewall's mark. Needs `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
    /// Type of service, or traffic class on IPv6.
    pub tos: Option<u8>,
}

impl Marks {
    /// These, and where there is none those of `before`.
    #[must_use]
    pub fn or(self, before: Marks) -> Marks {
        Marks { mark: self.mark.or(before.mark), tos: self.tos.or(before.tos) }
    }

    /// Without the right to, packets go unmarked.
    pub(crate) fn apply(self, socket: &SockRef<'_>, v4: bool) {
        if let Some(mark) = self.mark {
            let _ = socket.set_mark(mark);
        }
        if let Some(tos) = self.tos {
            let tos = u32::from(tos);
            let _ = if v4 { socket.set_tos_v4(tos) } else { socket.set_tclass_v6(tos) };
        }
    }
}

/// Where outgoing connections come from.
#[derive(Debug)]
pub struct Source {
    /// The address; unspecified leaves it to the routes.
    pub ip: IpAddr,
    /// The port or ports, where they are given.
    pub ports: Option<SourcePorts>,
}

/// `source ADDR:LOW-HIGH`: the ports are taken in turn, by all threads together.
#[derive(Debug)]
pub struct SourcePorts {
    low: u16,
    count: u16,
    next: AtomicU16,
}

/// How many ports of a range are tried for one connection before it fails: enough to get past a run of ports in use,
/// few enough not to make a full range expensive.
const SOURCE_PORT_TRIES: u16 = 64;

impl SourcePorts {
    /// `low` to `high`, both included; taken the other way round where they are.
    pub fn new(low: u16, high: u16) -> SourcePorts {
        let (low, high) = (low.min(high), low.max(high));
        SourcePorts { low, count: (high - low).saturating_add(1), next: AtomicU16::new(0) }
    }

    fn tries(&self) -> u16 {
        self.count.min(SOURCE_PORT_TRIES)
    }

    fn next(&self) -> u16 {
        self.low.saturating_add(self.next.fetch_add(1, Ordering::Relaxed) % self.count)
    }
}

/// Connects; `TCP_NODELAY` is set. The error is the system's own.
pub async fn connect(target: &Target, options: &ConnectOptions) -> io::Result<Stream> {
    connect_marked(target, options, Marks::default()).await
}

/// The same; packets are marked from the first one on.
pub async fn connect_marked(target: &Target, options: &ConnectOptions, marks: Marks) -> io::Result<Stream> {
    match target {
        Target::Inet(to) => connect_inet(*to, options, marks).await,
        Target::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Target::Abstract(name) => {
            Ok(Stream::Unix(UnixStream::connect(crate::unix_path::abstract_name(name)).await?))
        }
    }
}

async fn connect_inet(to: SocketAddr, options: &ConnectOptions, marks: Marks) -> io::Result<Stream> {
    let Some(Source { ip, ports: Some(ports) }) = &options.source else {
        return attempt(to, options, marks, None).await;
    };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ports.tries() {
        let from = SocketAddr::new(source_ip(*ip, to), ports.next());
        match attempt(to, options, marks, Some(from)).await {
            Err(e) if is_port_in_use(&e) => last = e,
            done => return done,
        }
    }
    Err(last)
}

/// `source *` and `source 0.0.0.0` mean no address in particular, whatever the server's family.
fn source_ip(written: IpAddr, to: SocketAddr) -> IpAddr {
    match to {
        SocketAddr::V4(_) if written.is_unspecified() => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) if written.is_unspecified() => Ipv6Addr::UNSPECIFIED.into(),
        SocketAddr::V4(_) | SocketAddr::V6(_) => written,
    }
}

/// The port is bound elsewhere (bind), or this pair of addresses is in use or in TIME-WAIT (connect).
fn is_port_in_use(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRINUSE | Errno::ADDRNOTAVAIL))
}

async fn attempt(
    to: SocketAddr,
    options: &ConnectOptions,
    marks: Marks,
    from: Option<SocketAddr>,
) -> io::Result<Stream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    set_options(&SockRef::from(&socket), options)?;
    marks.apply(&SockRef::from(&socket), to.is_ipv4());
    match (from, &options.source) {
        (Some(from), _) => {
            socket.set_reuseaddr(true)?;
            socket.bind(from)?;
        }
        (None, Some(source)) if !source.ip.is_unspecified() => {
            raw::set_bind_address_no_port(&socket)?;
            socket.bind(SocketAddr::new(source.ip, 0))?;
        }
        (None, Some(_) | None) => {}
    }
    Ok(Stream::Tcp(socket.connect(to).await?))
}

/// Whether this system has that congestion control and lets us use it.
pub fn has_congestion_control(name: &str) -> bool {
    Socket::new(Domain::IPV4, Type::STREAM, None)
        .is_ok_and(|socket| rustix::net::sockopt::set_tcp_congestion(&socket, name).is_ok())
}

fn set_options(socket: &SockRef<'_>, options: &ConnectOptions) -> io::Result<()> {
    if let Some(name) = &options.interface {
        socket.bind_device(Some(name.as_bytes()))?;
    }
    if let Some(mark) = options.mark {
        socket.set_mark(mark)?;
    }
    if options.late_ack {
        // Best effort: it saves a packet.
        let _ = rustix::net::sockopt::set_tcp_quickack(&**socket, false);
    }
    if options.tfo {
        raw::set_fast_open_connect(&**socket)?;
    }
    if options.user_timeout.is_some() {
        socket.set_tcp_user_timeout(options.user_timeout)?;
    }
    if let Some(name) = &options.congestion {
        // Best effort: a connection under another algorithm works too, and the start has told of it.
        let _ = rustix::net::sockopt::set_tcp_congestion(&**socket, name);
    }
    if let Some(mss) = options.mss {
        socket.set_tcp_mss(mss)?;
    }
    if let Some(size) = options.receive_buffer {
        socket.set_recv_buffer_size(size as usize)?;
    }
    if let Some(size) = options.send_buffer {
        socket.set_send_buffer_size(size as usize)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_the_congestion_control_that_is_written() {
        assert!(has_congestion_control("reno") && !has_congestion_control("nosuch"));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        for name in ["reno", "nosuch"] {
            let options = ConnectOptions { congestion: Some(name.into()), ..Default::default() };
            set_options(&SockRef::from(&socket), &options).unwrap();
            assert_eq!(rustix::net::sockopt::tcp_congestion(&socket).unwrap(), "reno");
        }
    }
}
