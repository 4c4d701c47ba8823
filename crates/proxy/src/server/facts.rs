//! What a server's line says, and where it is reached.

use config::model::HashKey;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Inet {
        /// The host; unspecified means the client's own destination.
        ip: IpAddr,
        /// The port.
        port: ServerPort,
    },
    /// A stream socket in the file system.
    Unix(PathBuf),
    /// A stream socket in Linux' abstract namespace.
    Abstract(base::addr::AbstractName),
}

/// A server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPort {
    /// This one.
    Fixed(u16),
    /// The client's destination port, moved by this much (0 where no port is written).
    Offset(i32),
}

impl ServerPort {
    /// The port to connect to, given the port the client connected to.
    pub fn resolve(self, client_destination: u16) -> u16 {
        match self {
            ServerPort::Fixed(port) => port,
            // Wraps in 16 bits like the port it is written into; the configuration checks the sign, not the sum.
            ServerPort::Offset(by) => (i32::from(client_destination).wrapping_add(by) & 0xffff) as u16,
        }
    }
}

/// What a server's line says; never changes while it runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// `id`, or its place counted from 1.
    pub id: u32,
    /// Its own in the backend, counted from 0: never another's, even after it was deleted.
    pub index: usize,
    /// `weight`, 0 to 256.
    pub weight: u16,
    /// `cookie`
    pub cookie: Option<Box<[u8]>>,
    /// `backup`
    pub backup: bool,
    /// `disabled`
    pub disabled: bool,
    /// `maxconn`; 0 is no limit.
    pub maxconn: u32,
    /// `minconn`; 0 is none.
    pub minconn: u32,
    /// `maxqueue`; 0 is no limit.
    pub maxqueue: u32,
    /// `slowstart`, milliseconds; 0 is none.
    pub slowstart: u64,
    /// `id` is written.
    pub forced_id: bool,
    /// An operator added it while the process runs.
    pub dynamic: bool,
    /// What places it on the ring of `hash-type consistent`.
    pub hash_key: HashKey,
    /// The name in its address, where there is one.
    pub fqdn: Option<Box<str>>,
}
