//! Frontends, backends and what `defaults` gives them. As written; `None` where nothing was.

use super::{
    Balance, Bind, CheckKind, CheckStep, CondText, Cookie, CrtLoad, ErrorReply, FormatText, HashAffinity,
    HashType, HttpAction, HttpReuse, LogFormat, LogTarget, Options, Redirect, RetryOn, Rule, Server,
    ServerParams, SourceAddress, StateSource, TcpAction,
};
use base::{Span, Word};

/// The statistics page of a proxy (manual 4.2, `stats ...`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// `stats uri`
    pub uri: Option<Word>,
    /// `stats auth`: `user:password`.
    pub users: Vec<Word>,
    /// `stats realm`
    pub realm: Option<Word>,
    /// `stats refresh`, seconds.
    pub refresh: Option<u64>,
    /// `stats hide-version`
    pub hide_version: bool,
    /// `stats show-legends`
    pub legends: bool,
    /// `stats show-node`: a name, or that of the machine.
    pub node: Option<Option<Word>>,
    /// `stats show-desc`: a text, or `description` of the process.
    pub description: Option<Option<Word>>,
    /// `stats scope`: proxies, `.` for the one that the page is in.
    pub scope: Vec<Word>,
    /// `stats admin`
    pub admin: Vec<CondText>,
    /// `stats http-request`
    pub rules: Vec<Rule<StatisticsAction>>,
}

/// What a `stats http-request` rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatisticsAction {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
    /// `auth`, with its realm.
    Auth(Option<Word>),
}

/// Which section a proxy came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// `frontend`
    Frontend,
    /// `backend`
    Backend,
    /// `listen`: both.
    Listen,
}

impl ProxyKind {
    /// Has binds and client-side rules.
    pub fn is_front(self) -> bool {
        matches!(self, ProxyKind::Frontend | ProxyKind::Listen)
    }

    /// Has servers and server-side settings.
    pub fn is_back(self) -> bool {
        matches!(self, ProxyKind::Backend | ProxyKind::Listen)
    }
}

/// `mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `tcp`, the default.
    Tcp,
    /// `http`
    Http,
}

/// A frontend, backend or listen.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its name.
    pub name: Word,
    /// Its section.
    pub kind: ProxyKind,
    /// The section line.
    pub span: Span,
    /// Everything that a `defaults` section could have given it too: inherited first, then its own lines.
    pub settings: Settings,
    /// `bind` lines, one entry an address.
    pub binds: Vec<Bind>,
    /// `server` lines, and `server-template` lines expanded.
    pub servers: Vec<Server>,
    /// `use_backend`
    pub use_backends: Vec<Rule<FormatText>>,
    /// `use-server`
    pub use_servers: Vec<Rule<FormatText>>,
    /// `ssl-f-use`: certificates of all its TLS binds
    pub ssl_f_use: Vec<CrtLoad>,
    /// `capture request|response header` and `declare capture`
    pub captures: Vec<Capture>,
    /// `capture cookie`
    pub capture_cookie: Option<CookieCapture>,
    /// `monitor fail`
    pub monitor_fail: Vec<CondText>,
    /// `force-persist`
    pub force_persist: Vec<CondText>,
    /// `ignore-persist`
    pub ignore_persist: Vec<CondText>,
    /// `disabled` / `enabled`
    pub disabled: bool,
    /// `id`
    pub id: Option<u32>,
    /// `guid`
    pub guid: Option<Word>,
}

impl Proxy {
    /// An empty proxy with what it inherits.
    pub fn new(name: Word, kind: ProxyKind, span: Span, settings: Settings) -> Proxy {
        Proxy {
            name,
            kind,
            span,
            settings,
            binds: Vec::new(),
            servers: Vec::new(),
            use_backends: Vec::new(),
            use_servers: Vec::new(),
            ssl_f_use: Vec::new(),
            captures: Vec::new(),
            capture_cookie: None,
            monitor_fail: Vec::new(),
            force_persist: Vec::new(),
            ignore_persist: Vec::new(),
            disabled: false,
            id: None,
            guid: None,
        }
    }
}

/// A header capture slot. Slots are numbered per direction in the order of their lines, those of rules among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Of the request rather than the response.
    pub request: bool,
    /// The header's name; `None` for `declare capture`.
    pub header: Option<Word>,
    /// `len`
    pub len: u32,
    /// Its line.
    pub span: Span,
}

/// `capture cookie NAME len N`: kept from requests and from responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieCapture {
    /// The cookie's name, or its first letters.
    pub name: Word,
    /// `len`
    pub len: u32,
}

/// What a `defaults` section can hold.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `mode`
    pub mode: Option<Mode>,
    /// `timeout …`
    pub timeouts: Timeouts,
    /// `maxconn`
    pub maxconn: Option<u32>,
    /// `backlog`
    pub backlog: Option<u32>,
    /// `fullconn`
    pub fullconn: Option<u32>,
    /// `retries`
    pub retries: Option<u32>,
    /// `max-session-srv-conns`
    pub max_session_srv_conns: Option<u32>,
    /// `max-keep-alive-queue`; -1 is no limit.
    pub max_keep_alive_queue: Option<i32>,
    /// `clitcpka-*`
    pub client_keepalive: TcpKeepAlive,
    /// `srvtcpka-*`
    pub server_keepalive: TcpKeepAlive,
    /// `http-send-name-header`
    pub send_name_header: Option<Word>,
    /// `persist rdp-cookie`: the cookie's name.
    pub rdp_persist: Option<Word>,
    /// `rate-limit sessions`
    pub rate_limit_sessions: Option<u32>,
    /// `default_backend`
    pub default_backend: Option<Word>,
    /// `description`
    pub description: Option<Word>,
    /// `balance`
    pub balance: Option<Balance>,
    /// `hash-type`
    pub hash_type: Option<HashType>,
    /// `hash-balance-factor`
    pub hash_balance_factor: Option<u32>,
    /// `hash-preserve-affinity`
    pub hash_affinity: Option<HashAffinity>,
    /// `load-server-state-from-file`
    pub load_server_state: Option<StateSource>,
    /// `server-state-file-name`; `None` within is the backend's name.
    pub server_state_file_name: Option<Option<Word>>,
    /// `cookie`
    pub cookie: Option<Cookie>,
    /// `dynamic-cookie-key`
    pub dynamic_cookie_key: Option<Word>,
    /// `option …`
    pub options: Options,
    /// `http-reuse`
    pub http_reuse: Option<HttpReuse>,
    /// `retry-on`
    pub retry_on: Option<Vec<RetryOn>>,
    /// `log` lines; `no log` empties the list.
    pub logs: Vec<LogTarget>,
    /// `log-tag`
    pub log_tag: Option<Word>,
    /// `log-format`, `option httplog`, `option tcplog`, `option httpslog`: the last one written.
    pub log_format: Option<LogFormat>,
    /// `log-format-sd`
    pub log_format_sd: Option<FormatText>,
    /// `error-log-format`
    pub error_log_format: Option<FormatText>,
    /// `unique-id-format`
    pub unique_id_format: Option<FormatText>,
    /// `unique-id-header`
    pub unique_id_header: Option<Word>,
    /// `default-server` lines, in order.
    pub default_server: ServerParams,
    /// `source` (backend-wide)
    pub source: Option<SourceAddress>,
    /// `monitor-uri`
    pub monitor_uri: Option<Word>,
    /// `stats enable` and whatever else begins with `stats`.
    pub statistics: Option<Box<Statistics>>,
    /// `errorfile CODE FILE`, `errorloc*`, `errorfiles`, `http-error`: later ones win.
    pub errors: Vec<ErrorReply>,
    /// `acl`
    pub acls: Vec<Acl>,
    /// `tcp-request inspect-delay`
    pub tcp_request_inspect_delay: Option<u64>,
    /// `tcp-response inspect-delay`
    pub tcp_response_inspect_delay: Option<u64>,
    /// `tcp-request connection`
    pub tcp_request_connection: Vec<Rule<TcpAction>>,
    /// `tcp-request session`
    pub tcp_request_session: Vec<Rule<TcpAction>>,
    /// `tcp-request content`
    pub tcp_request_content: Vec<Rule<TcpAction>>,
    /// `tcp-response content`
    pub tcp_response_content: Vec<Rule<TcpAction>>,
    /// `http-request`
    pub http_request: Vec<Rule<HttpAction>>,
    /// `http-response`
    pub http_response: Vec<Rule<HttpAction>>,
    /// `http-after-response`
    pub http_after_response: Vec<Rule<HttpAction>>,
    /// `reqrep`, `reqadd` and their kin: evaluated after all `http-request` rules, `reqadd` last.
    pub request_lines: Vec<Rule<HttpAction>>,
    /// `rsprep`, `rspadd` and their kin: evaluated after all `http-response` rules, `rspadd` last.
    pub response_lines: Vec<Rule<HttpAction>>,
    /// `redirect` lines: evaluated after all `http-request` rules.
    pub redirects: Vec<Rule<Redirect>>,
    /// `option httpchk`, `option tcp-check`, `option mysql-check`, …: the last one written.
    pub check: Option<CheckKind>,
    /// `http-check` steps
    pub http_check: Vec<CheckStep>,
    /// `tcp-check` steps
    pub tcp_check: Vec<CheckStep>,
    /// `external-check command`
    pub external_command: Option<Word>,
    /// `external-check path`
    pub external_path: Option<Word>,
    /// `http-check disable-on-404`
    pub disable_on_404: bool,
    /// `http-check send-state`
    pub send_state: bool,
    /// `disabled` / `enabled`; [`Proxy::disabled`] holds the outcome.
    pub disabled: bool,
}

/// When TCP probes a connection that is silent; `None` is the system's choice. Times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepAlive {
    /// Unanswered probes before the connection is given up.
    pub count: Option<u32>,
    /// Silence before the first probe.
    pub idle: Option<u64>,
    /// Between probes.
    pub interval: Option<u64>,
}

/// `timeout …`, milliseconds; `Some(0)` is infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub struct Timeouts {
    pub client: Option<u64>,
    pub server: Option<u64>,
    pub connect: Option<u64>,
    pub queue: Option<u64>,
    pub http_request: Option<u64>,
    pub http_keep_alive: Option<u64>,
    pub tunnel: Option<u64>,
    pub tarpit: Option<u64>,
    pub check: Option<u64>,
    pub client_fin: Option<u64>,
    pub client_hs: Option<u64>,
    pub server_fin: Option<u64>,
}

/// `acl NAME CRITERION …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Its name; several of one name are or-ed.
    pub name: Word,
    /// Criterion, flags and patterns.
    pub words: Vec<Word>,
}
