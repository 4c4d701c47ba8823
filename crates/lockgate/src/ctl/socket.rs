//! Which socket is meant, and one question over it.

use crate::sources;
use base::addr::{AbstractName, Address, Host, PortSpec};
use base::reason;
use config::LoadOptions;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Names the socket where no argument does.
const VARIABLE: &str = "LOCKGATE_SOCKET";
/// Debian's configuration.
const CONFIGURATION: &str = "/etc/haproxy/haproxy.cfg";
/// Where packages put it.
const USUAL: [&str; 5] = [
    "/run/haproxy/admin.sock",
    "/run/haproxy.sock",
    "/run/lockgate/admin.sock",
    "/var/lib/haproxy/stats",
    "/run/haproxy-master.sock",
];
/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// As long as the command takes, which may be a `wait` of minutes: whoever asked can interrupt.
    Unbounded,
    /// Half a minute for each piece, where nobody watches.
    Bounded,
}

impl Patience {
    fn timeout(self) -> Option<Duration> {
        match self {
            Patience::Unbounded => None,
            Patience::Bounded => Some(Duration::from_secs(30)),
        }
    }
}

/// Where the runtime API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Socket {
    Unix(String),
    Abstract(AbstractName),
    Tcp(String),
}

impl Socket {
    /// The one asked for, else that of the environment, the configuration, or a usual path.
    pub(super) fn find(asked: Option<&str>, file: Option<&str>) -> Result<Socket, String> {
        if let Some(asked) = asked {
            return Ok(Socket::parse(asked));
        }
        if let Some(file) = file {
            return Socket::of_file(file)?
                .ok_or_else(|| format!("{file} has no 'stats socket' to connect to"));
        }
        Socket::candidates().into_iter().next().ok_or_else(|| {
            format!("no socket found: name it with --socket, -f FILE or {VARIABLE}; the running program needs a 'stats socket'")
        })
    }

    /// All that may be meant where nobody names one: that of the environment alone, else those of the configuration and
    /// what lies at the usual paths.
    pub(super) fn candidates() -> Vec<Socket> {
        if let Some(named) = std::env::var(VARIABLE).ok().filter(|name| !name.is_empty()) {
            return vec![Socket::parse(&named)];
        }
        // A configuration that cannot be read is no reason not to look further.
        let mut all = Socket::all_of_file(CONFIGURATION).unwrap_or_default();
        for path in USUAL.iter().filter(|path| Path::new(path).exists()) {
            let usual = Socket::Unix((*path).to_owned());
            if !all.contains(&usual) {
                all.push(usual);
            }
        }
        all
    }

    fn parse(text: &str) -> Socket {
        match Address::parse(text) {
            Ok(address @ (Address::Unix(_) | Address::Abstract(_))) => Socket::of(&address),
            Ok(Address::Inet { .. } | Address::Fd(_) | Address::Unserved(_)) | Err(_) => None,
        }
        .unwrap_or_else(|| match text.contains('/') {
            true => Socket::Unix(text.to_owned()),
            false => Socket::Tcp(text.to_owned()),
        })
    }

    fn of_file(file: &str) -> Result<Option<Socket>, String> {
        Ok(Socket::all_of_file(file)?.into_iter().next())
    }

    fn all_of_file(file: &str) -> Result<Vec<Socket>, String> {
        let sources = sources::read(&[file.to_owned()]).map_err(|e| e.to_string())?;
        let loaded = config::load(sources, &LoadOptions::default());
        Ok(loaded.model.global.stats_sockets.iter().filter_map(|bind| Socket::of(&bind.address)).collect())
    }

    fn of(address: &Address) -> Option<Socket> {
        match address {
            Address::Unix(path) => Some(Socket::Unix(path.clone())),
            Address::Abstract(name) => Some(Socket::Abstract(name.clone())),
            Address::Inet { host, port: PortSpec::One(port), .. } => Some(Socket::Tcp(match host {
                Host::Any => format!("127.0.0.1:{port}"),
                Host::AnyV6 => format!("[::1]:{port}"),
                Host::Ip(ip) => std::net::SocketAddr::new(*ip, *port).to_string(),
                Host::Name(name) => format!("{name}:{port}"),
            })),
            Address::Inet { .. } | Address::Fd(_) | Address::Unserved(_) => None,
        }
    }

    /// Says `text` and returns the whole answer.
    pub(super) fn ask(&self, text: &str, patience: Patience) -> Result<String, String> {
        self.converse(text, patience).map_err(|e| match e.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                format!(
                    "{self}: {}; is the program running? Another socket is named with --socket or -f FILE",
                    reason(&e)
                )
            }
            _ => format!("{self}: {}", reason(&e)),
        })
    }

    /// The same, with the system's own error.
    pub(super) fn converse(&self, text: &str, patience: Patience) -> std::io::Result<String> {
        match self {
            Socket::Unix(path) => over_unix(&SocketAddr::from_pathname(path)?, text, patience),
            Socket::Abstract(name) => {
                over_unix(&SocketAddr::from_abstract_name(name.bytes())?, text, patience)
            }
            Socket::Tcp(address) => over_tcp(address, text, patience),
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Socket::Unix(place) | Socket::Tcp(place) => f.write_str(place),
            Socket::Abstract(name) => name.fmt(f),
        }
    }
}

fn over_unix(address: &SocketAddr, text: &str, patience: Patience) -> std::io::Result<String> {
    let stream = UnixStream::connect_addr(address)?;
    stream.set_read_timeout(patience.timeout())?;
    (&stream).write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    whole(&stream)
}

fn over_tcp(address: &str, text: &str, patience: Patience) -> std::io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(patience.timeout())?;
    (&stream).write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    whole(&stream)
}

fn whole(mut stream: impl Read) -> std::io::Result<String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_an_address() {
        assert_eq!(Socket::parse("/run/x.sock"), Socket::Unix("/run/x.sock".into()));
        assert_eq!(Socket::parse("unix@x"), Socket::Unix("x".into()));
        assert_eq!(Socket::parse("127.0.0.1:9"), Socket::Tcp("127.0.0.1:9".into()));
        assert_eq!(Socket::parse("abns@x"), Socket::Abstract(AbstractName::padded("x")));
    }
}
