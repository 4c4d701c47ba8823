//! The proxies of ours that run on this machine, found by their sockets, and why others that may be meant are of no use.

use super::socket::{Patience, Socket};
use certs::hatch::{OverSocket, Wire};
use std::io::{self, ErrorKind};
use std::net::{ToSocketAddrs, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use tokio::net::{TcpStream, UnixStream};

/// See the module's head.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    /// They take challenge answers and new certificates.
    pub(crate) proxies: Vec<OverSocket>,
    /// Why somebody who listens there cannot be used, a sentence each.
    pub(crate) closed: Vec<String>,
}

/// What is behind a socket.
enum Found {
    Proxy,
    /// A master, which passes on what is for its worker.
    Master,
    Closed(String),
    /// Nobody, or another program.
    Another,
}

/// Looks at all sockets that may be meant.
pub(crate) fn neighbours() -> Neighbours {
    let mut found = Neighbours::default();
    for socket in Socket::candidates() {
        match look(&socket) {
            Found::Proxy => found.proxies.push(over(socket)),
            Found::Master => found.proxies.push(over(socket).behind_master()),
            Found::Closed(why) => found.closed.push(why),
            Found::Another => {}
        }
    }
    found
}

fn look(socket: &Socket) -> Found {
    const OURS: &str = "# certificate";
    if let Socket::Tcp(address) = socket
        && !is_local(address)
    {
        return Found::Closed(format!("{socket} is not on this machine, and keys are not sent to another"));
    }
    match socket.converse("acme status\n", Patience::Bounded) {
        Ok(said) if said.starts_with(OURS) => Found::Proxy,
        Ok(said) if said.contains("Permission denied") => Found::Closed(format!(
            "the proxy at {socket} does not let challenges be answered: its 'stats socket' needs 'level admin'"
        )),
        Ok(_) => match socket.converse("@1 acme status\n", Patience::Bounded) {
            Ok(said) if said.starts_with(OURS) => Found::Master,
            Ok(_) | Err(_) => Found::Another,
        },
        Err(why) if why.kind() == ErrorKind::PermissionDenied => Found::Closed(format!(
            "the socket {socket} is closed to this user: run as one to whom it is open"
        )),
        Err(_) => Found::Another,
    }
}

/// Whoever can bind to an address has it.
fn is_local(address: &str) -> bool {
    let addresses = address.to_socket_addrs().into_iter().flatten();
    let mut addresses = addresses.map(|address| address.ip()).peekable();
    addresses.peek().is_some() && addresses.all(|ip| UdpSocket::bind((ip, 0)).is_ok())
}

fn over(socket: Socket) -> OverSocket {
    OverSocket::by(format!("the proxy at {socket}"), move || {
        let socket = socket.clone();
        Box::pin(async move { connect(&socket).await })
    })
}

async fn connect(socket: &Socket) -> io::Result<Box<dyn Wire>> {
    Ok(match socket {
        Socket::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Socket::Abstract(name) => {
            let stream =
                std::os::unix::net::UnixStream::connect_addr(&SocketAddr::from_abstract_name(name.bytes())?)?;
            stream.set_nonblocking(true)?;
            Box::new(UnixStream::from_std(stream)?)
        }
        Socket::Tcp(address) => Box::new(TcpStream::connect(address).await?),
    })
}
