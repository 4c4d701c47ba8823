//! `bind` lines and the runtime sockets, which share their parameters. As written; `None` where nothing was.

use super::{TlsOffer, Verify};
use base::{Address, Span, Word};

/// Mode and owner of a unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixOptions {
    /// `mode`, octal
    pub mode: Option<u32>,
    /// `user`
    pub user: Option<Word>,
    /// `uid`
    pub uid: Option<u32>,
    /// `group`
    pub group: Option<Word>,
    /// `gid`
    pub gid: Option<u32>,
    /// `prefix` (`unix-bind` only)
    pub prefix: Option<Word>,
}

/// A `bind` address with the parameters of its line.
#[derive(Clone, Debug)]
pub struct Bind {
    /// Where to listen.
    pub address: Address,
    /// The address word.
    pub span: Span,
    /// The line's parameters, shared by its addresses.
    pub params: BindParams,
}

/// Parameters of a `bind` line.
#[derive(Clone, Debug, Default)]
pub struct BindParams {
    /// `name`
    pub name: Option<Word>,
    /// `id`
    pub id: Option<u32>,
    /// `ssl`
    pub ssl: bool,
    /// `crt`, `default-crt` first; file, folder or `@store/alias`
    pub crts: Vec<Word>,
    /// How many of `crts` are a `default-crt`.
    pub default_crts: usize,
    /// `crt-list`
    pub crt_lists: Vec<Word>,
    /// `ocsp-update`, for those of its certificates whose own lines do not say it
    pub ocsp_update: Option<bool>,
    /// `acme`: the section that obtains the bind's certificate
    pub acme: Option<Word>,
    /// `domains` of that certificate; empty = those of the frontend's host rules.
    pub domains: Vec<Word>,
    /// `ips` of that certificate
    pub ips: Vec<Word>,
    /// `strict-sni`
    pub strict_sni: bool,
    /// `alpn`: the list as written, which may name protocols that are not served.
    pub alpn: Option<Word>,
    /// `no-alpn`
    pub no_alpn: bool,
    /// Suites, key exchange and versions.
    pub tls: TlsOffer,
    /// `no-tls-tickets`
    pub no_tls_tickets: bool,
    /// `prefer-client-ciphers`
    pub prefer_client_ciphers: bool,
    /// `verify`
    pub verify: Option<Verify>,
    /// `ca-file`
    pub ca_file: Option<Word>,
    /// `ca-verify-file`
    pub ca_verify_file: Option<Word>,
    /// `crl-file`
    pub crl_file: Option<Word>,
    /// `no-ca-names`
    pub no_ca_names: bool,
    /// `crt-ignore-err`: `all` or a list of numbers
    pub crt_ignore_err: Option<Word>,
    /// `ca-ignore-err`
    pub ca_ignore_err: Option<Word>,
    /// `tls-ticket-keys FILE`
    pub tls_ticket_keys: Option<Word>,
    /// `accept-proxy`
    pub accept_proxy: bool,
    /// `accept-netscaler-cip`
    pub accept_netscaler_cip: Option<u32>,
    /// `maxconn`
    pub maxconn: Option<u32>,
    /// `backlog`
    pub backlog: Option<u32>,
    /// `interface`
    pub interface: Option<Word>,
    /// `mss`, never negative.
    pub mss: Option<i32>,
    /// `tfo`
    pub tfo: bool,
    /// `transparent`
    pub transparent: bool,
    /// `v4v6`
    pub v4v6: bool,
    /// `v6only`
    pub v6only: bool,
    /// `defer-accept`
    pub defer_accept: bool,
    /// `tcp-ut`
    pub tcp_ut: Option<u64>,
    /// `cc`
    pub congestion: Option<Word>,
    /// `nice`
    pub nice: Option<i32>,
    /// `thread`, as written
    pub thread: Option<Word>,
    /// `unix` owner and mode
    pub unix: UnixOptions,
    /// `level`, of `stats socket` lines as the next two.
    pub level: Option<CliLevel>,
    /// `severity-output`
    pub severity_output: Option<SeverityOutput>,
    /// `expose-fd listeners`
    pub expose_listeners: bool,
}

/// What a session of the runtime API may do; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CliLevel {
    /// Look at what is not sensitive.
    User,
    /// Look at everything, change counters.
    #[default]
    Operator,
    /// Change what runs.
    Admin,
}

impl CliLevel {
    /// The configuration's word for it.
    pub fn word(self) -> &'static str {
        match self {
            CliLevel::User => "user",
            CliLevel::Operator => "operator",
            CliLevel::Admin => "admin",
        }
    }
}

/// How a message of the runtime API tells its severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeverityOutput {
    /// Not at all.
    #[default]
    None,
    /// `[6]: ` before the message, as syslog counts.
    Number,
    /// `[info]: ` before it.
    Text,
}
