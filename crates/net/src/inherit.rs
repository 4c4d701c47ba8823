//! Listening sockets that another process hands over: a bind takes those of its address instead of making new ones,
//! so that a connection which waits in their queue is served by whoever comes next. Which address a socket belongs to
//! is asked of the socket itself, whoever made it.
//!
//! A socket that no bind takes is closed with the whole: its address is given up.

use crate::listen::{ListenAddr, ListenOptions};
use crate::{raw, unix_path};
use base::addr::AbstractName;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};

/// Sockets that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(Place, Socket)>,
}

/// What must be the same for a bind to take a socket: the rest can be set again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    addr: ListenAddr,
    /// Only known, and only of importance, for the IPv6 wildcard.
    v6only: Option<bool>,
    interface: Option<String>,
    transparent: bool,
}

impl Inherited {
    /// Nothing: every address is bound anew.
    pub fn none() -> Inherited {
        Inherited::default()
    }

    /// Of these descriptors those that listen for streams; the others are closed.
    pub fn of(descriptors: impl IntoIterator<Item = OwnedFd>) -> Inherited {
        let placed = |fd: OwnedFd| {
            let socket = Socket::from(fd);
            Some((place(&socket)?, socket))
        };
        Inherited { sockets: descriptors.into_iter().filter_map(placed).collect() }
    }

    /// Whether nobody has left anything.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Takes all sockets that listen on `addr`; none where a new one has to be made.
    pub(crate) fn take(&mut self, addr: &ListenAddr, options: &ListenOptions) -> Vec<Socket> {
        let wanted = Wanted { addr, options };
        let (taken, left) = std::mem::take(&mut self.sockets).into_iter().partition(|(p, _)| wanted.is(p));
        self.sockets = left;
        taken.into_iter().map(|(_, socket)| socket).collect()
    }
}

/// A descriptor that this process was started with, by its number; none of its children gets it.
pub fn by_number(number: RawFd) -> io::Result<OwnedFd> {
    raw::take_inherited(number)
}

struct Wanted<'a> {
    addr: &'a ListenAddr,
    options: &'a ListenOptions,
}

impl Wanted<'_> {
    fn is(&self, place: &Place) -> bool {
        match self.addr {
            // A port that the system chooses is another one each time; a number names what its owner shares itself.
            ListenAddr::Inet(at) if at.port() == 0 => return false,
            ListenAddr::Fd(_) => return false,
            // Somebody has removed the file: nobody reaches the socket any more.
            ListenAddr::Unix(path) if !path.exists() => return false,
            ListenAddr::Inet(_) | ListenAddr::Unix(_) | ListenAddr::Abstract(_) => {}
        }
        let v6only =
            self.options.v6only.is_none() || place.v6only.is_none() || self.options.v6only == place.v6only;
        *self.addr == place.addr
            && v6only
            && self.options.interface == place.interface
            && self.options.transparent == place.transparent
    }
}

/// `None` for what does not listen for streams.
fn place(socket: &Socket) -> Option<Place> {
    let listens = socket.is_listener().ok()? && socket.r#type().ok()? == Type::STREAM;
    let addr = address(socket).filter(|_| listens)?;
    let (v6only, transparent) = match &addr {
        ListenAddr::Inet(SocketAddr::V6(at)) => {
            let only = socket.only_v6().ok().filter(|_| *at.ip() == Ipv6Addr::UNSPECIFIED);
            (only, socket.ip_transparent_v6().unwrap_or(false))
        }
        ListenAddr::Inet(SocketAddr::V4(_)) => (None, socket.ip_transparent_v4().unwrap_or(false)),
        ListenAddr::Unix(_) | ListenAddr::Abstract(_) | ListenAddr::Fd(_) => (None, false),
    };
    let device = socket.device().ok().flatten().filter(|name| !name.is_empty());
    let interface = device.map(|name| String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned());
    Some(Place { addr, v6only, interface, transparent })
}

fn address(socket: &Socket) -> Option<ListenAddr> {
    let local = socket.local_addr().ok()?;
    if socket.domain().ok()? != Domain::UNIX {
        return local.as_socket().map(ListenAddr::Inet);
    }
    match (local.as_pathname(), local.as_abstract_namespace()) {
        (Some(path), _) => Some(ListenAddr::Unix(unix_path::published(path))),
        (None, Some(name)) => Some(ListenAddr::Abstract(AbstractName::of_bytes(name))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::path::PathBuf;

    #[test]
    fn a_socket_is_taken_by_its_address_alone() {
        let first = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let second = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wanted = ListenAddr::Inet(second.local_addr().unwrap());
        let connected = std::net::TcpStream::connect(first.local_addr().unwrap()).unwrap();
        let mut all = Inherited::of([first.into(), second.into(), OwnedFd::from(connected)]);
        assert_eq!(all.sockets.len(), 2, "what does not listen is left out");
        let options = ListenOptions::default();
        assert!(all.take(&wanted, &ListenOptions { transparent: true, ..options.clone() }).is_empty());
        assert_eq!(all.take(&wanted, &options).len(), 1);
        assert!(all.take(&wanted, &options).is_empty(), "once");
        assert!(all.take(&ListenAddr::Unix(PathBuf::from("/no/such/socket")), &options).is_empty());
        assert_eq!(all.sockets.len(), 1);
    }
}
