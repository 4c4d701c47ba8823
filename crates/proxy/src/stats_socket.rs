//! Where the runtime API is to be served (`stats socket`), lowered with everything else so that all complaints come out
//! together. The data plane itself opens none of it.

pub use config::model::{CliLevel, SeverityOutput};
use net::{ListenAddr, ListenOptions};
use std::sync::Arc;
use std::time::Duration;
use tls::BindTls;

/// `stats timeout`
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// `stats maxconn`
pub const DEFAULT_MAXCONN: usize = 10;

/// All of them and what they share.
pub struct StatsSockets {
    /// In file order.
    pub sockets: Vec<StatsSocket>,
    /// Longest silence of a session.
    pub timeout: Duration,
    /// Most sessions at a time over all sockets.
    pub maxconn: usize,
}

impl StatsSockets {
    /// Their addresses, parted by semicolons.
    pub fn addresses(&self) -> String {
        self.sockets.iter().map(StatsSocket::address).collect::<Vec<_>>().join(";")
    }
}

/// One address of a `stats socket` line.
#[derive(Clone, Debug)]
pub struct StatsSocket {
    /// Where.
    pub addr: ListenAddr,
    /// Socket options, owner and mode.
    pub options: ListenOptions,
    /// What its sessions may do.
    pub level: CliLevel,
    /// How its messages tell their severity.
    pub severity: SeverityOutput,
    /// `expose-fd listeners`
    pub exposes: bool,
    /// `ssl`
    pub tls: Option<Arc<BindTls>>,
    /// Where the line stands, `FILE:LINE`.
    pub place: Box<str>,
}

impl StatsSocket {
    /// Its address with the family before it, as operators are told (`HAPROXY_CLI`, `show cli sockets`).
    pub fn address(&self) -> String {
        match &self.addr {
            ListenAddr::Unix(path) => format!("unix@{}", path.display()),
            ListenAddr::Inet(addr) if addr.is_ipv6() => format!("ipv6@{addr}"),
            ListenAddr::Inet(addr) => format!("ipv4@{addr}"),
            other @ (ListenAddr::Abstract(_) | ListenAddr::Fd(_)) => other.to_string(),
        }
    }
}
