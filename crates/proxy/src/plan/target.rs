//! How a server is reached.

use crate::resolvers::Resolving;
use crate::tally::Tally;
use config::model::SendProxy;
use expr::{Expr, Format};
use net::ConnectOptions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How to reach a server.
pub struct Target {
    /// Its own among all servers that this process has ever had: what is kept for a server beside it goes by this.
    pub place: usize,
    /// What happened at this server.
    pub tally: Tally,
    /// Its address or port is the client's destination's (`0.0.0.0`, `:+1`).
    pub follows_client: bool,
    /// How its address follows its name (`resolvers`).
    pub resolving: Option<Resolving>,
    /// TLS to it; whether it is spoken now, see [`Server::tls`](crate::server::Server::tls).
    pub tls: Option<Arc<tls::ServerTls>>,
    /// What the configuration says: `ssl`, `no-ssl` or nothing. Without `ssl` it waits for an operator to switch it on.
    pub ssl: Option<bool>,
    /// `sni`
    pub sni: Option<Expr>,
    /// `pool-conn-name`
    pub pool_name: Option<Expr>,
    /// `strict-maxconn`: idle connections count for `maxconn` too.
    pub strict: bool,
    /// PROXY protocol to it.
    pub send_proxy: Option<SendProxy>,
    /// `proxy-v2-options`
    pub proxy_v2: ProxyV2,
    /// Fields of one's own in the PROXY header (`set-proxy-v2-tlv-fmt`).
    pub proxy_tlvs: Vec<(u8, Format)>,
    /// `socks4`: the proxy in between.
    pub socks4: Option<SocketAddr>,
    /// Socket options.
    pub options: ConnectOptions,
    /// Most idle connections kept, -1 unlimited, 0 none.
    pub pool_max: i32,
    /// After this long an idle connection is closed.
    pub pool_purge: Duration,
    /// Most requests on one connection, -1 unlimited.
    pub max_reuse: i32,
    /// `redir`
    pub redir: Option<Box<[u8]>>,
}

impl Target {
    /// In clear, without a header, keeping idle connections as long as they last; `threads` count what happens.
    pub fn plain(threads: usize) -> Target {
        static PLACES: AtomicUsize = AtomicUsize::new(0);
        Target {
            place: PLACES.fetch_add(1, Relaxed),
            tally: Tally::new(threads),
            follows_client: false,
            resolving: None,
            tls: None,
            ssl: None,
            sni: None,
            pool_name: None,
            strict: false,
            send_proxy: None,
            proxy_v2: ProxyV2::default(),
            proxy_tlvs: Vec::new(),
            socks4: None,
            options: ConnectOptions::default(),
            pool_max: -1,
            pool_purge: POOL_PURGE,
            max_reuse: -1,
            redir: None,
        }
    }
}

/// `pool-purge-delay`
pub const POOL_PURGE: Duration = Duration::from_secs(5);

/// TLVs of an outgoing PROXY v2 header.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // named after the option, each
pub struct ProxyV2 {
    pub ssl: bool,
    pub cert_cn: bool,
    pub authority: bool,
    pub crc32c: bool,
    pub unique_id: bool,
    pub cipher: bool,
    pub cert_sig: bool,
    pub cert_key: bool,
}

impl ProxyV2 {
    /// Whether anything is said of the client's TLS.
    pub fn says_tls(&self) -> bool {
        self.ssl || self.cert_cn || self.cipher || self.cert_sig || self.cert_key
    }
}
