//! Where and how a frontend listens.

use super::Connections;
use crate::tally::Tally;
use net::{ListenAddr, ListenOptions};
use std::sync::Arc;

/// Where and how a frontend listens: one socket address.
pub struct Listener {
    /// `name` of the bind line.
    pub name: Box<str>,
    /// `id`, or the order of appearance counted from 1.
    pub id: u32,
    /// Where it was written, `haproxy.cfg:12`.
    pub place: Box<str>,
    /// The address.
    pub addr: ListenAddr,
    /// Socket options.
    pub options: ListenOptions,
    /// TLS, where the bind says `ssl`.
    pub tls: Option<Arc<tls::BindTls>>,
    /// A PROXY protocol header comes first.
    pub accept_proxy: bool,
    /// `maxconn` of the bind line.
    pub maxconn: Option<u32>,
    /// Connections now.
    pub connections: Connections,
    /// What happened on it.
    pub tally: Tally,
}
