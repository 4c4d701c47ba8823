//! Listening sockets before any thread runs: every address of a configuration is bound here first, so that a taken
//! port or a missing right ends the start with nothing half-started.
//!
//! A TCP address is bound once for each worker thread (`SO_REUSEPORT`: the kernel spreads the connections); a unix
//! or inherited socket has one queue and is duplicated. What a predecessor hands over is taken first: its queues go on.

use crate::accept::Listener;
use crate::addr::Addr;
use crate::inherit::Inherited;
use crate::{raw, unix_path};
use base::addr::AbstractName;
use base::reason;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many connections may wait for `accept` where no `backlog` says otherwise: a burst of a second at 4,000
/// handshakes each; the kernel cuts it at `net.core.somaxconn`.
pub const DEFAULT_BACKLOG: u32 = 4096;

/// How long a connection may stay silent under `defer-accept` before it is handed over nevertheless, seconds.
const DEFER_ACCEPT_SECONDS: i32 = 1;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// TCP. Port 0 lets the system choose, the same for all threads.
    Inet(SocketAddr),
    /// A unix socket on a path.
    Unix(PathBuf),
    /// A unix socket in Linux' abstract namespace
    Abstract(AbstractName),
    /// `fd@N`: a listening socket that this process inherited.
    Fd(RawFd),
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddr::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            ListenAddr::Unix(path) => write!(f, "{}", path.display()),
            ListenAddr::Abstract(name) => name.fmt(f),
            ListenAddr::Fd(n) => write!(f, "fd@{n}"),
        }
    }
}

/// The socket options of a `bind` line.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// `backlog`; [`DEFAULT_BACKLOG`] where there is none.
    pub backlog: Option<u32>,
    /// `v6only` is `Some(true)`, `v4v6` is `Some(false)`, neither leaves it to the system (`net.ipv6.bindv6only`).
    pub v6only: Option<bool>,
    /// `interface`: only connections that arrive there.
    pub interface: Option<String>,
    /// `mss`, bytes; a negative one is subtracted from the system's by the kernel's rules and not supported there.
    pub mss: Option<u32>,
    /// `cc`: the congestion control, which accepted connections inherit.
    pub congestion: Option<String>,
    /// `tfo`
    pub tfo: bool,
    /// `defer-accept`
    pub defer_accept: bool,
    /// `option tcp-smart-accept`: a client's first bytes are acknowledged together with the response.
    pub late_ack: bool,
    /// `transparent`: accept for addresses that are not ours.
    pub transparent: bool,
    /// `tcp-ut`
    pub user_timeout: Option<Duration>,
    /// `tune.rcvbuf.client`, bytes; inherited by accepted connections.
    pub receive_buffer: Option<u32>,
    /// `tune.sndbuf.client`, bytes; inherited by accepted connections.
    pub send_buffer: Option<u32>,
    /// Take a unix socket's path over from a process that still listens there: it has been asked to leave (`-sf`).
    pub take_over: bool,
    /// `mode`, `uid`, `gid` of a unix socket's file.
    pub unix: UnixOwner,
}

/// Who may connect to a unix socket. Names are looked up by the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnixOwner {
    /// File mode, as for chmod(2); the umask decides where there is none.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// Why an address could not be bound. `Display` names the address, the cause and the remedy, in HAProxy's words as far
/// as it has any; the caller puts `Binding [file:line] for frontend NAME: ` before it.
#[derive(Debug)]
pub struct BindError {
    /// The address as the user wrote it.
    pub addr: ListenAddr,
    /// What went wrong.
    pub cause: BindCause,
}

/// Causes of a [`BindError`].
#[derive(Debug)]
pub enum BindCause {
    /// Another program listens there.
    Taken,
    /// The process lacks a right.
    Rights,
    /// The address is not one of this machine's.
    NotOurs,
    /// IPv6 is switched off, or the family is unknown to the kernel.
    NoFamily,
    /// No interface of that name, or no right to use it.
    Interface(String, io::Error),
    /// `transparent` without `CAP_NET_ADMIN` or `CAP_NET_RAW`.
    TransparentRefused(io::Error),
    /// The path holds something that is no socket.
    NotASocket,
    /// The path, with what is appended while the socket is made, exceeds what a unix socket can have.
    PathTooLong,
    /// `fd@N` is not open or not a listening stream socket.
    NotListening,
    /// A socket option was refused.
    Option(&'static str, io::Error),
    /// Anything else the system said.
    Io(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot bind socket ({}) for [{}]", self.cause.text(), self.addr)?;
        match (&self.cause, &self.addr) {
            (BindCause::Taken, ListenAddr::Inet(a)) => {
                write!(f, ": port {} is taken by another program: stop it or choose another port", a.port())
            }
            (BindCause::Rights, ListenAddr::Inet(a)) if a.port() < 1024 => {
                write!(f, ": ports below 1024 need root or CAP_NET_BIND_SERVICE")
            }
            (cause, _) => match cause.remedy() {
                Some(remedy) => write!(f, ": {remedy}"),
                None => Ok(()),
            },
        }
    }
}

impl std::error::Error for BindError {}

impl BindCause {
    fn text(&self) -> String {
        match self {
            BindCause::Taken => "Address already in use".into(),
            BindCause::Rights => "Permission denied".into(),
            BindCause::NotOurs => "Cannot assign requested address".into(),
            BindCause::NoFamily => "Address family not supported by protocol".into(),
            BindCause::Interface(name, e) => format!("cannot bind to interface '{name}': {}", reason(e)),
            BindCause::TransparentRefused(e) => {
                format!("cannot make listening socket transparent: {}", reason(e))
            }
            BindCause::NotASocket => "the path is not a socket".into(),
            BindCause::PathTooLong => "the path is too long for a unix socket".into(),
            BindCause::NotListening => "not a listening stream socket".into(),
            BindCause::Option(name, e) => format!("cannot set {name}: {}", reason(e)),
            BindCause::Io(e) => reason(e),
        }
    }

    fn remedy(&self) -> Option<&'static str> {
        match self {
            BindCause::Taken => Some("another program listens there: stop it or choose another path"),
            BindCause::Rights => Some("this user may not create the socket there"),
            BindCause::NotOurs => Some("no interface of this machine has that address"),
            BindCause::NoFamily => Some("IPv6 is switched off on this machine: use an IPv4 address"),
            BindCause::TransparentRefused(_) => {
                Some("'transparent' needs root, CAP_NET_ADMIN or CAP_NET_RAW")
            }
            BindCause::NotASocket => Some("remove the file or choose another path"),
            BindCause::PathTooLong => Some("use a path of less than 95 bytes"),
            BindCause::NotListening => {
                Some("the program that starts this one must pass it on open and listening")
            }
            BindCause::Interface(..) | BindCause::Option(..) | BindCause::Io(_) => None,
        }
    }
}

impl From<io::Error> for BindCause {
    fn from(error: io::Error) -> BindCause {
        match Errno::from_io_error(&error) {
            Some(Errno::ADDRINUSE) => BindCause::Taken,
            Some(Errno::ACCESS | Errno::PERM) => BindCause::Rights,
            Some(Errno::ADDRNOTAVAIL) => BindCause::NotOurs,
            Some(Errno::AFNOSUPPORT) => BindCause::NoFamily,
            Some(_) | None => BindCause::Io(error),
        }
    }
}

/// A socket that listens already, not yet tied to a thread's runtime. Connections that come meanwhile wait in the
/// kernel. Closing it gives the address back.
#[derive(Debug)]
pub struct BoundListener {
    socket: Socket,
    local: Addr,
}

impl BoundListener {
    /// Where it listens; with port 0 asked for, the port that was given.
    pub fn local_addr(&self) -> Addr {
        self.local
    }

    /// Ties it to the runtime of the calling thread.
    pub fn into_tokio(self) -> io::Result<Listener> {
        match self.local {
            Addr::Inet(_) => Ok(Listener::Tcp(tokio::net::TcpListener::from_std(
                std::net::TcpListener::from(self.socket),
            )?)),
            Addr::Unix => {
                let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(self.socket));
                Ok(Listener::Unix(tokio::net::UnixListener::from_std(listener)?))
            }
        }
    }

    /// A descriptor of the same socket, for a process that is to go on with it.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone().map(OwnedFd::from)
    }

    fn new(socket: Socket) -> io::Result<BoundListener> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?.as_socket().map_or(Addr::Unix, Addr::from);
        Ok(BoundListener { socket, local })
    }
}

/// Listens on `addr` for `threads` worker threads with the sockets of `inherited` that fit, and new ones for the rest.
/// The result has at least one listener for each thread; more where a predecessor had more threads, for closing one
/// would lose connections that wait in it, and a few even under `net.ipv4.tcp_migrate_req`.
pub fn bind(
    addr: &ListenAddr,
    options: &ListenOptions,
    threads: usize,
    inherited: &mut Inherited,
) -> Result<Vec<BoundListener>, BindError> {
    let (threads, taken) = (threads.max(1), inherited.take(addr, options));
    let bound = match addr {
        ListenAddr::Inet(at) => inet_for_each(*at, options, threads, taken),
        ListenAddr::Unix(path) => one_of(taken, |s| unix_path::own(path, &options.unix).map(|()| s))
            .unwrap_or_else(|| unix(path, options))
            .and_then(|s| shared(s, threads)),
        ListenAddr::Abstract(name) => {
            let socket = one_of(taken, Ok).unwrap_or_else(|| abstract_socket(name, options));
            socket.and_then(|s| shared(s, threads))
        }
        ListenAddr::Fd(number) => inherited_by_number(*number).and_then(|s| shared(s, threads)),
    };
    bound.map_err(|cause| BindError { addr: addr.clone(), cause })
}

/// Whether somebody listens on `at` already. Where that is a process of the same user which shares its ports as we do,
/// [`bind()`] succeeds all the same, and the system deals connections out between both.
pub fn is_listened_on(at: SocketAddr) -> bool {
    let alone = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP)).and_then(|socket| {
        // Connections that have ended are no obstacle, listeners are.
        socket.set_reuse_address(true)?;
        socket.bind(&SockAddr::from(at))
    });
    at.port() != 0 && alone.is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse)
}

/// The copies of one queue need only one descriptor.
fn one_of(
    taken: Vec<Socket>,
    set: impl FnOnce(Socket) -> io::Result<Socket>,
) -> Option<Result<Socket, BindCause>> {
    taken.into_iter().next().map(|socket| set(socket).map_err(BindCause::Io))
}

fn backlog(options: &ListenOptions) -> i32 {
    i32::try_from(options.backlog.unwrap_or(DEFAULT_BACKLOG)).unwrap_or(i32::MAX)
}

/// The first socket settles the port where 0 was asked for; the others join it.
fn inet_for_each(
    at: SocketAddr,
    options: &ListenOptions,
    threads: usize,
    taken: Vec<Socket>,
) -> Result<Vec<BoundListener>, BindCause> {
    let mut all = taken.into_iter().map(|s| again(s, options)).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() {
        all.push(inet(at, options)?);
    }
    let port = all.first().and_then(|first| first.local.port()).unwrap_or(at.port());
    while all.len() < threads {
        all.push(inet(SocketAddr::new(at.ip(), port), options)?);
    }
    Ok(all)
}

/// What can be changed on a socket that listens already.
fn again(socket: Socket, options: &ListenOptions) -> Result<BoundListener, BindCause> {
    socket.set_tcp_nodelay(true)?;
    set_tcp_options(&socket, options)?;
    socket.listen(backlog(options))?;
    Ok(BoundListener::new(socket)?)
}

fn inet(at: SocketAddr, options: &ListenOptions) -> Result<BoundListener, BindCause> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    set_options(&socket, at, options)?;
    socket.bind(&SockAddr::from(at))?;
    if options.tfo {
        raw::set_fast_open_queue(&socket, backlog(options)).map_err(|e| BindCause::Option("tfo", e))?;
    }
    socket.listen(backlog(options))?;
    Ok(BoundListener::new(socket)?)
}

/// `TCP_NODELAY`, buffer sizes and time-outs are inherited by the connections that are accepted: set once here, they
/// cost no system call for each connection.
fn set_options(socket: &Socket, at: SocketAddr, options: &ListenOptions) -> Result<(), BindCause> {
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    if at.is_ipv6() {
        set_v6only(socket, at, options)?;
    }
    if let Some(name) = &options.interface {
        let bound = socket.bind_device(Some(name.as_bytes()));
        bound.map_err(|e| BindCause::Interface(name.clone(), e))?;
    }
    if options.transparent {
        let v6 = at.is_ipv6();
        let set = if v6 { socket.set_ip_transparent_v6(true) } else { socket.set_ip_transparent_v4(true) };
        set.map_err(BindCause::TransparentRefused)?;
    }
    set_tcp_options(socket, options)
}

fn set_v6only(socket: &Socket, at: SocketAddr, options: &ListenOptions) -> Result<(), BindCause> {
    let wildcard = at.ip() == Ipv6Addr::UNSPECIFIED;
    match options.v6only {
        Some(only) if wildcard => socket.set_only_v6(only).map_err(|e| BindCause::Option("v6only", e)),
        Some(_) | None => Ok(()),
    }
}

fn set_tcp_options(socket: &Socket, options: &ListenOptions) -> Result<(), BindCause> {
    let named = |name| move |e| BindCause::Option(name, e);
    if let Some(mss) = options.mss {
        socket.set_tcp_mss(mss).map_err(named("mss"))?;
    }
    if let Some(name) = &options.congestion {
        rustix::net::sockopt::set_tcp_congestion(socket, name)
            .map_err(|e| BindCause::Option("cc", e.into()))?;
    }
    if options.defer_accept {
        raw::set_defer_accept(socket, DEFER_ACCEPT_SECONDS).map_err(named("defer-accept"))?;
    }
    if options.late_ack {
        // Inherited by what is accepted. Best effort: it saves a packet.
        let _ = rustix::net::sockopt::set_tcp_quickack(socket, false);
    }
    if options.user_timeout.is_some() {
        socket.set_tcp_user_timeout(options.user_timeout).map_err(named("tcp-ut"))?;
    }
    if let Some(size) = options.receive_buffer {
        socket.set_recv_buffer_size(size as usize).map_err(named("tune.rcvbuf.client"))?;
    }
    if let Some(size) = options.send_buffer {
        socket.set_send_buffer_size(size as usize).map_err(named("tune.sndbuf.client"))?;
    }
    Ok(())
}

fn unix(path: &Path, options: &ListenOptions) -> Result<Socket, BindCause> {
    unix_path::refuse_if_taken(path, options.take_over)?;
    unix_path::listen(path, &options.unix, backlog(options))
}

fn abstract_socket(name: &AbstractName, options: &ListenOptions) -> Result<Socket, BindCause> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name.bytes())
        .map_err(|_| BindCause::PathTooLong)?;
    let listener = std::os::unix::net::UnixListener::bind_addr(&address)?;
    let socket = Socket::from(OwnedFd::from(listener));
    socket.listen(backlog(options))?;
    Ok(socket)
}

fn inherited_by_number(number: RawFd) -> Result<Socket, BindCause> {
    let socket = Socket::from(raw::duplicate_inherited(number).map_err(|_| BindCause::NotListening)?);
    let listening = socket.r#type().is_ok_and(|t| t == Type::STREAM) && socket.is_listener().unwrap_or(false);
    if !listening {
        return Err(BindCause::NotListening);
    }
    if socket.domain().is_ok_and(|d| d != Domain::UNIX) {
        socket.set_tcp_nodelay(true)?;
    }
    Ok(socket)
}

/// One queue, several threads: each gets its own descriptor of the same socket.
fn shared(socket: Socket, threads: usize) -> Result<Vec<BoundListener>, BindCause> {
    let mut all = Vec::with_capacity(threads);
    for _ in 1..threads {
        all.push(BoundListener::new(socket.try_clone()?)?);
    }
    all.push(BoundListener::new(socket)?);
    Ok(all)
}
