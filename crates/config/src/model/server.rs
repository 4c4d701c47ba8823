//! `server` lines. As written; `None` where nothing was.

use super::{ExprText, FormatText, TlsOffer};
use base::{Address, Span, Word};

/// `verify`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// `none`
    None,
    /// `optional`
    Optional,
    /// `required`
    Required,
}

/// A `server` line. `params` already holds the `default-server` settings that stood above it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: Word,
    /// Its address.
    pub address: Address,
    /// The address word.
    pub span: Span,
    /// Its parameters.
    pub params: ServerParams,
}

/// Parameters of `server` and `default-server`; `None` = not written.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after the keyword, each
pub struct ServerParams {
    pub weight: Option<u32>,
    pub maxconn: Option<u32>,
    pub minconn: Option<u32>,
    pub maxqueue: Option<u32>,
    pub backup: Option<bool>,
    pub disabled: Option<bool>,
    pub cookie: Option<Word>,
    pub id: Option<u32>,
    pub guid: Option<Word>,
    pub redir: Option<Word>,
    pub slowstart: Option<u64>,
    pub track: Option<Word>,
    pub check: Option<bool>,
    pub check_ssl: Option<bool>,
    pub check_send_proxy: Option<bool>,
    pub check_via_socks4: Option<bool>,
    pub check_sni: Option<Word>,
    pub check_alpn: Option<Word>,
    pub check_proto: Option<Word>,
    pub port: Option<u16>,
    pub addr: Option<Word>,
    pub inter: Option<u64>,
    pub fastinter: Option<u64>,
    pub downinter: Option<u64>,
    pub rise: Option<u32>,
    pub fall: Option<u32>,
    pub observe: Option<Observe>,
    pub error_limit: Option<u32>,
    pub on_error: Option<OnError>,
    pub on_marked_down: Option<OnMarkedDown>,
    pub on_marked_up: Option<OnMarkedUp>,
    pub agent_check: Option<bool>,
    pub agent_addr: Option<Word>,
    pub agent_port: Option<u16>,
    pub agent_inter: Option<u64>,
    pub agent_send: Option<Word>,
    pub init_addr: Option<Vec<InitAddr>>,
    pub resolvers: Option<Word>,
    pub resolve_prefer: Option<Word>,
    /// `resolve-opts allow-dup-ip`
    pub resolve_shares: Option<bool>,
    pub ssl: Option<bool>,
    /// `no-ssl` takes the `ssl` of 'default-server' back: what belongs to it is ready for an operator to switch it on.
    pub ssl_ready: bool,
    pub verify: Option<Verify>,
    pub verifyhost: Option<Word>,
    pub sni: Option<ExprText>,
    pub alpn: Option<Word>,
    pub ca_file: Option<Word>,
    pub crl_file: Option<Word>,
    pub crt: Option<Word>,
    pub tls: TlsOffer,
    pub no_ssl_reuse: Option<bool>,
    pub no_tls_tickets: Option<bool>,
    pub send_proxy: Option<SendProxy>,
    pub proxy_v2_options: Vec<ProxyV2Option>,
    pub source: Option<SourceAddress>,
    pub tfo: Option<bool>,
    pub tcp_ut: Option<u64>,
    pub congestion: Option<Word>,
    pub pool_max_conn: Option<i32>,
    pub pool_purge_delay: Option<u64>,
    pub pool_low_conn: Option<u32>,
    pub max_reuse: Option<i32>,
    pub proto: Option<Word>,
    pub namespace: Option<Word>,
    pub socks4: Option<Word>,
    pub hash_key: Option<HashKey>,
    pub init_state: Option<InitState>,
    pub sni_auto: Option<bool>,
    pub check_sni_auto: Option<bool>,
    pub pool_conn_name: Option<ExprText>,
    pub strict_maxconn: Option<bool>,
    /// `set-proxy-v2-tlv-fmt(TYPE) FORMAT`
    pub proxy_tlvs: Vec<(u8, FormatText)>,
}

/// `hash-key`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum HashKey {
    #[default]
    Id,
    Addr,
    AddrPort,
}

/// `init-state`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum InitState {
    FullyUp,
    #[default]
    Up,
    Down,
    FullyDown,
}

/// `observe`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum Observe {
    None,
    Layer4,
    Layer7,
}

/// `on-error`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum OnError {
    Fastinter,
    FailCheck,
    SuddenDeath,
    MarkDown,
}

/// `on-marked-down`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum OnMarkedDown {
    None,
    ShutdownSessions,
}

/// `on-marked-up`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum OnMarkedUp {
    None,
    ShutdownBackupSessions,
}

/// `init-addr` methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitAddr {
    /// `last`
    Last,
    /// `libc`
    Libc,
    /// `none`
    None,
    /// A literal address.
    Ip(std::net::IpAddr),
}

/// `send-proxy`, `send-proxy-v2`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProxy {
    /// `no-send-proxy*`
    Off,
    /// `send-proxy`
    V1,
    /// `send-proxy-v2`
    V2,
    /// `send-proxy-v2-ssl`
    V2Ssl,
    /// `send-proxy-v2-ssl-cn`
    V2SslCn,
}

/// `proxy-v2-options`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub enum ProxyV2Option {
    Ssl,
    CertCn,
    SslCipher,
    CertSig,
    CertKey,
    Authority,
    Crc32c,
    UniqueId,
}

/// `source ADDR[:PORT[-PORT]] [usesrc …] [interface …]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAddress {
    /// The address to connect from.
    pub address: Address,
    /// `usesrc …`, as written: needs rights that we refuse to need.
    pub usesrc: Option<Word>,
    /// `interface`
    pub interface: Option<Word>,
}
