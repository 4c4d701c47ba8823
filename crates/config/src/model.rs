//! The model: a configuration as its author wrote it, typed, every word with its place. Nothing here is resolved,
//! compiled or opened, and no default is filled in: `None` means "not written". Lowering to what runs, compiling
//! expressions and deciding defaults happens in `proxy::lower`, once.
//!
//! Times are milliseconds unless the name says otherwise; sizes are bytes.

use base::{Address, Span, Word};

/// A sample expression as written: `fetch(args),conv(args)` may be spread over several words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExprText {
    /// Its words; never empty.
    pub words: Vec<Word>,
}

/// A log-format string as written: one word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatText(pub Word);

/// The condition behind a rule: what follows `if` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CondText {
    /// `unless` rather than `if`.
    pub unless: bool,
    /// The words behind it: ACL names, `{ anonymous }`, `!`, `||`, `or`.
    pub words: Vec<Word>,
    /// The word `if` or `unless`.
    pub span: Span,
}

/// A rule: an action and its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<A> {
    /// What to do.
    pub action: A,
    /// When; always where there is none.
    pub cond: Option<CondText>,
    /// The line's first words.
    pub span: Span,
}

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Names of the files, by their number.
    pub files: Vec<String>,
    /// The `global` sections, merged.
    pub global: Global,
    /// Frontends, backends and listens in file order.
    pub proxies: Vec<Proxy>,
    /// `userlist` sections.
    pub userlists: Vec<Userlist>,
    /// `http-errors` sections.
    pub http_errors: Vec<HttpErrors>,
    /// `resolvers` sections; parsed, not yet used.
    pub resolvers: Vec<Resolvers>,
    /// `ring` sections.
    pub rings: Vec<Ring>,
    /// `crt-store` sections.
    pub crt_stores: Vec<CrtStore>,
    /// `acme` sections.
    pub acmes: Vec<Acme>,
}

/// The `global` section.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// `maxconnrate`
    pub max_connection_rate: Option<u32>,
    /// `maxsessrate`
    pub max_session_rate: Option<u32>,
    /// `maxsslrate`
    pub max_tls_rate: Option<u32>,
    /// `daemon`
    pub daemon: bool,
    /// `master-worker`
    pub master_worker: bool,
    /// `maxconn`
    pub maxconn: Option<u32>,
    /// `nbthread`
    pub nbthread: Option<u32>,
    /// `thread-groups`, `cpu-map`: the CPU sets by thread number counted from 1 (`auto:` expanded).
    pub cpu_map: Vec<CpuMap>,
    /// `pidfile`
    pub pidfile: Option<Word>,
    /// `user` / `uid`
    pub user: Option<Word>,
    /// `group` / `gid`
    pub group: Option<Word>,
    /// `uid`
    pub uid: Option<u32>,
    /// `gid`
    pub gid: Option<u32>,
    /// `chroot`
    pub chroot: Option<Word>,
    /// `ulimit-n`
    pub ulimit_n: Option<u32>,
    /// `hard-stop-after`
    pub hard_stop_after: Option<u64>,
    /// `mworker-max-reloads`
    pub mworker_max_reloads: Option<u32>,
    /// `grace`
    pub grace: Option<u64>,
    /// `log` targets
    pub logs: Vec<LogTarget>,
    /// `log-tag`
    pub log_tag: Option<Word>,
    /// `log-send-hostname`; the inner `None` asks for the machine's own name.
    pub log_send_hostname: Option<Option<Word>>,
    /// `node`
    pub node: Option<Word>,
    /// `description`
    pub description: Option<Word>,
    /// `ca-base`
    pub ca_base: Option<Word>,
    /// `crt-base`
    pub crt_base: Option<Word>,
    /// `key-base`
    pub key_base: Option<Word>,
    /// `ssl-default-bind-*`
    pub bind_tls: TlsDefaults,
    /// `ssl-default-server-*`
    pub server_tls: TlsDefaults,
    /// `ssl-server-verify`: `Some(true)` is `required`.
    pub ssl_server_verify: Option<bool>,
    /// `spread-checks`, percent
    pub spread_checks: Option<u32>,
    /// `max-spread-checks`
    pub max_spread_checks: Option<u64>,
    /// `nosplice`
    pub nosplice: bool,
    /// `maxpipes`
    pub maxpipes: Option<u32>,
    /// `tune.pipesize`, bytes
    pub pipesize: Option<u32>,
    /// `tune.bufsize`
    pub bufsize: Option<u32>,
    /// `tune.maxrewrite`
    pub maxrewrite: Option<u32>,
    /// `tune.http.maxhdr`
    pub maxhdr: Option<u32>,
    /// `tune.http.logurilen`
    pub logurilen: Option<u32>,
    /// `tune.pool-high-fd-ratio`, `tune.idle-pool.shared` and other accepted knobs are not kept.
    /// `tune.idletimer`, `tune.maxaccept`
    pub maxaccept: Option<u32>,
    /// `tune.rcvbuf.client`
    pub rcvbuf_client: Option<u32>,
    /// `tune.rcvbuf.server`
    pub rcvbuf_server: Option<u32>,
    /// `tune.sndbuf.client`
    pub sndbuf_client: Option<u32>,
    /// `tune.sndbuf.server`
    pub sndbuf_server: Option<u32>,
    /// `unix-bind`
    pub unix_bind: UnixOptions,
    /// `strict-limits` / `no strict-limits`
    pub strict_limits: Option<bool>,
    /// `zero-warning`
    pub zero_warning: bool,
    /// `set-var` and `set-var-fmt` on `proc.` variables, in order.
    pub set_vars: Vec<GlobalVar>,
    /// `stats socket`: where the runtime API is served.
    pub stats_sockets: Vec<Bind>,
    /// `stats timeout`, milliseconds
    pub stats_timeout: Option<u64>,
    /// `stats maxconn`
    pub stats_maxconn: Option<u32>,
    /// `default-path`
    pub default_path: Option<Word>,
    /// `h1-case-adjust FROM TO`
    pub h1_case_adjust: Vec<(Word, Word)>,
    /// `acme.scheduler off`
    pub acme_scheduler_off: bool,
    /// `server-state-file`
    pub server_state_file: Option<Word>,
    /// `server-state-base`
    pub server_state_base: Option<Word>,
    /// `set-dumpable`
    pub set_dumpable: bool,
    /// `setcap`
    pub setcap: Vec<Capability>,
}

/// Where the state of a backend's servers is read from at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSource {
    /// `none`
    None,
    /// `global`: `server-state-file`
    Global,
    /// `local`: `server-state-file-name`
    Local,
}

/// A right that is kept when the user changes (capabilities(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `cap_net_admin`: transparent binds and sources, marks.
    NetAdmin,
    /// `cap_net_bind_service`: ports below 1024.
    NetBindService,
    /// `cap_net_raw`: interfaces of sources.
    NetRaw,
    /// `cap_sys_admin`: network namespaces.
    SysAdmin,
}

/// One `set-var` in `global`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalVar {
    /// `proc.name`
    pub name: Word,
    /// Its value.
    pub value: VarValue,
}

/// The value of a `set-var` or `set-var-fmt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VarValue {
    /// `set-var`
    Expr(ExprText),
    /// `set-var-fmt`
    Format(FormatText),
}

/// A condition between the brackets of a `set-var`, on the variable's present value or on the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarCondition {
    /// `ifexists`: the variable was set before.
    IfExists,
    /// `ifnotexists`: it was not.
    IfNotExists,
    /// `ifempty`: the new value is empty.
    IfEmpty,
    /// `ifnotempty`: it is not.
    IfNotEmpty,
    /// `ifset`: the variable has a value.
    IfSet,
    /// `ifnotset`: it has none.
    IfNotSet,
    /// `ifgt`: its present value is greater than the new one.
    IfGreater,
    /// `iflt`: its present value is less than the new one.
    IfLess,
}

/// One `cpu-map` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuMap {
    /// Thread numbers, counted from 1.
    pub threads: Vec<u32>,
    /// CPU numbers, counted from 0.
    pub cpus: Vec<u32>,
    /// `auto:`: the n-th thread gets the n-th CPU alone.
    pub auto: bool,
}

/// `ssl-default-bind-*` and `ssl-default-server-*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsDefaults {
    /// `-ciphers`
    pub ciphers: Option<Word>,
    /// `-ciphersuites`
    pub ciphersuites: Option<Word>,
    /// `-curves`
    pub curves: Option<Word>,
    /// `-options`
    pub options: TlsVersionOptions,
    /// `no-tls-tickets`
    pub no_tls_tickets: Option<bool>,
}

/// Protocol versions of a bind, a server or the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsVersionOptions {
    /// `ssl-min-ver`, `force-*`
    pub min: Option<TlsVersion>,
    /// `ssl-max-ver`, `force-*`
    pub max: Option<TlsVersion>,
    /// `no-tlsv12`
    pub no_tls12: bool,
    /// `no-tlsv13`
    pub no_tls13: bool,
}

/// TLS versions by name. Those before 1.2 are never spoken; they are here so that a limit can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// SSLv3
    Ssl3,
    /// TLSv1.0
    Tls10,
    /// TLSv1.1
    Tls11,
    /// TLSv1.2
    Tls12,
    /// TLSv1.3
    Tls13,
}

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

/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// `log global`
    Global(Span),
    /// `log ADDRESS …`
    To(LogTo),
}

/// Where and how one log target is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTo {
    /// The destination.
    pub sink: LogSink,
    /// `len`
    pub len: Option<u32>,
    /// `format`
    pub format: Option<LogFrame>,
    /// `sample RANGES:SIZE`
    pub sample: Option<(Vec<(u32, u32)>, u32)>,
    /// The facility's number, 0 to 23.
    pub facility: u8,
    /// The least severity written, 0 (emerg) to 7 (debug); all where there is none.
    pub level: Option<u8>,
    /// More severe lines are written at this severity.
    pub minlevel: Option<u8>,
    /// The address word.
    pub span: Span,
}

/// A log destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSink {
    /// UDP or a unix datagram socket.
    Address(Address),
    /// `stdout`, `stderr` or `fd@N`
    Fd(i32),
    /// `ring@NAME`
    Ring(Word),
}

/// The framing of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFrame {
    /// `local`
    Local,
    /// `rfc3164`
    Rfc3164,
    /// `rfc5424`
    Rfc5424,
    /// `priority`
    Priority,
    /// `short`
    Short,
    /// `timed`
    Timed,
    /// `iso`
    Iso,
    /// `raw`
    Raw,
}

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
        }
    }
}

/// A header capture slot. Slots are numbered per direction in order of declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Of the request rather than the response.
    pub request: bool,
    /// The header's name; `None` for `declare capture`.
    pub header: Option<Word>,
    /// `len`
    pub len: u32,
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
    /// `redirect` lines: evaluated after all `http-request` rules.
    pub redirects: Vec<Rule<Redirect>>,
    /// `option httpchk`, `option tcp-check`, `option mysql-check`, …: the last one written.
    pub check: Option<CheckKind>,
    /// `http-check` steps
    pub http_check: Vec<CheckStep>,
    /// `tcp-check` steps
    pub tcp_check: Vec<CheckStep>,
    /// `http-check disable-on-404`
    pub disable_on_404: bool,
    /// `http-check send-state`
    pub send_state: bool,
    /// `disabled` / `enabled`; [`Proxy::disabled`] holds the outcome.
    pub disabled: bool,
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
    pub server_fin: Option<u64>,
}

/// How connections are kept (the last of these options wins).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionMode {
    /// `option http-keep-alive`
    KeepAlive,
    /// `option http-server-close`
    ServerClose,
    /// `option httpclose`, `option forceclose`
    Close,
}

/// `option …` switches; `None` = not written, `Some(false)` = `no option …`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after the keyword, each
pub struct Options {
    pub connection_mode: Option<ConnectionMode>,
    pub http_pretend_keepalive: Option<bool>,
    pub forwardfor: Option<ForwardFor>,
    pub originalto: Option<ForwardFor>,
    pub forwarded: Option<Forwarded>,
    pub dontlognull: Option<bool>,
    pub dontlog_normal: Option<bool>,
    pub log_separate_errors: Option<bool>,
    pub log_health_checks: Option<bool>,
    pub logasap: Option<bool>,
    pub redispatch: Option<Redispatch>,
    pub persist: Option<bool>,
    pub allbackups: Option<bool>,
    pub abortonclose: Option<bool>,
    pub tcpka: Option<bool>,
    pub clitcpka: Option<bool>,
    pub srvtcpka: Option<bool>,
    pub prefer_last_server: Option<bool>,
    pub http_ignore_probes: Option<bool>,
    pub http_no_delay: Option<bool>,
    pub http_buffer_request: Option<bool>,
    pub http_use_htx: Option<bool>,
    pub accept_unsafe_request: Option<bool>,
    pub accept_unsafe_response: Option<bool>,
    pub independent_streams: Option<bool>,
    pub splice_auto: Option<bool>,
    pub splice_request: Option<bool>,
    pub splice_response: Option<bool>,
    pub tcp_smart_accept: Option<bool>,
    pub tcp_smart_connect: Option<bool>,
    pub nolinger: Option<bool>,
    pub transparent: Option<bool>,
    pub socket_stats: Option<bool>,
    pub contstats: Option<bool>,
    pub http_use_proxy_header: Option<bool>,
    pub restrict_req_hdr_names: Option<RestrictNames>,
    pub h1_case_adjust_client: Option<bool>,
    pub h1_case_adjust_server: Option<bool>,
    pub idle_close_on_response: Option<bool>,
}

/// `option http-restrict-req-hdr-names`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictNames {
    /// `preserve`
    Preserve,
    /// `delete`
    Delete,
    /// `reject`
    Reject,
}

/// `option redispatch [N]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redispatch {
    /// 0: switched off. Positive: at every N-th retry. Negative: at the N-th retry before the last (-1 = the last).
    pub interval: i32,
}

/// `option forwardfor` and `option originalto`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardFor {
    /// `no option …`
    pub off: bool,
    /// `except NETWORK`
    pub except: Option<Word>,
    /// `header NAME`
    pub header: Option<Word>,
    /// `if-none`
    pub if_none: bool,
}

/// `option forwarded` (RFC 7239)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// `no option forwarded`
    pub off: bool,
    /// `proto`
    pub proto: bool,
    /// `host` (`Some(None)`) or `host-expr EXPR`
    pub host: Option<Option<ExprText>>,
    /// `by` or `by-expr EXPR`
    pub by: Option<Option<ExprText>>,
    /// `by_port` or `by_port-expr EXPR`
    pub by_port: Option<Option<ExprText>>,
    /// `for` or `for-expr EXPR`
    pub for_: Option<Option<ExprText>>,
    /// `for_port` or `for_port-expr EXPR`
    pub for_port: Option<Option<ExprText>>,
}

/// `http-reuse`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpReuse {
    /// `never`
    Never,
    /// `safe`, the default.
    Safe,
    /// `aggressive`
    Aggressive,
    /// `always`
    Always,
}

/// `retry-on` conditions, groups expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryOn {
    /// `none`
    None,
    /// `conn-failure`
    ConnFailure,
    /// `empty-response`
    EmptyResponse,
    /// `junk-response`
    JunkResponse,
    /// `response-timeout`
    ResponseTimeout,
    /// `0rtt-rejected`
    EarlyDataRejected,
    /// A status: 401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504
    Status(u16),
}

/// Which log line a proxy writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `option httplog`
    Http,
    /// `option httplog clf`
    HttpClf,
    /// `option httpslog`
    Https,
    /// `option tcplog`
    Tcp,
    /// `log-format`
    Custom(FormatText),
}

/// `acl NAME CRITERION …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Its name; several of one name are or-ed.
    pub name: Word,
    /// Criterion, flags and patterns.
    pub words: Vec<Word>,
}

/// `balance …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The algorithm's word.
    pub span: Span,
}

/// Balancing algorithms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `roundrobin`, the default.
    RoundRobin,
    /// `static-rr`
    StaticRr,
    /// `leastconn`
    LeastConn,
    /// `first`
    First,
    /// `source`
    Source,
    /// `uri`
    Uri {
        /// `len N`
        len: Option<u32>,
        /// `depth N`
        depth: Option<u32>,
        /// `whole`
        whole: bool,
        /// `path-only`
        path_only: bool,
    },
    /// `url_param NAME [check_post]`
    UrlParam {
        /// The parameter.
        name: Word,
        /// `check_post`
        check_post: bool,
    },
    /// `hdr(NAME) [use_domain_only]`
    Header {
        /// The header.
        name: Word,
        /// `use_domain_only`
        domain_only: bool,
    },
    /// `random[(DRAWS)]`
    Random(Option<u32>),
    /// `rdp-cookie[(NAME)]`
    RdpCookie(Option<Word>),
    /// `hash EXPR`
    Hash(ExprText),
}

/// `hash-type METHOD FUNCTION MODIFIER`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashType {
    /// `consistent` rather than `map-based`
    pub consistent: bool,
    /// The function; `sdbm` where none is written.
    pub function: Option<HashFunction>,
    /// `avalanche`
    pub avalanche: bool,
}

/// Hash functions by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// `sdbm`
    Sdbm,
    /// `djb2`
    Djb2,
    /// `crc32`
    Crc32,
    /// `none`
    None,
}

/// `cookie NAME …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: Word,
    /// `insert`, `rewrite`, `prefix`, or none of them (passive).
    pub mode: CookieMode,
    /// `indirect`
    pub indirect: bool,
    /// `nocache`
    pub nocache: bool,
    /// `postonly`
    pub postonly: bool,
    /// `preserve`
    pub preserve: bool,
    /// `httponly`
    pub httponly: bool,
    /// `secure`
    pub secure: bool,
    /// `domain`, several allowed
    pub domains: Vec<Word>,
    /// `maxidle`, seconds
    pub maxidle: Option<u64>,
    /// `maxlife`, seconds
    pub maxlife: Option<u64>,
    /// `dynamic`
    pub dynamic: bool,
    /// `attr`, several allowed
    pub attrs: Vec<Word>,
}

/// What is done to a persistence cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// Only read.
    Passive,
    /// `insert`
    Insert,
    /// `rewrite`
    Rewrite,
    /// `prefix`
    Prefix,
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
    /// `ciphers`
    pub ciphers: Option<Word>,
    /// `ciphersuites`
    pub ciphersuites: Option<Word>,
    /// `curves`, `ecdhe`
    pub curves: Option<Word>,
    /// `ssl-min-ver`, …
    pub versions: TlsVersionOptions,
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

impl Algorithm {
    /// The configuration's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Algorithm::RoundRobin => "roundrobin",
            Algorithm::StaticRr => "static-rr",
            Algorithm::LeastConn => "leastconn",
            Algorithm::First => "first",
            Algorithm::Source => "source",
            Algorithm::Uri { .. } => "uri",
            Algorithm::UrlParam { .. } => "url_param",
            Algorithm::Header { .. } => "hdr",
            Algorithm::Random(_) => "random",
            Algorithm::RdpCookie(_) => "rdp-cookie",
            Algorithm::Hash(_) => "hash",
        }
    }
}

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
    pub ssl: Option<bool>,
    pub verify: Option<Verify>,
    pub verifyhost: Option<Word>,
    pub sni: Option<ExprText>,
    pub alpn: Option<Word>,
    pub ca_file: Option<Word>,
    pub crl_file: Option<Word>,
    pub crt: Option<Word>,
    pub ciphers: Option<Word>,
    pub ciphersuites: Option<Word>,
    pub curves: Option<Word>,
    pub versions: TlsVersionOptions,
    pub no_ssl_reuse: Option<bool>,
    pub no_tls_tickets: Option<bool>,
    pub send_proxy: Option<SendProxy>,
    pub proxy_v2_options: Vec<ProxyV2Option>,
    pub source: Option<SourceAddress>,
    pub tfo: Option<bool>,
    pub tcp_ut: Option<u64>,
    pub pool_max_conn: Option<i32>,
    pub pool_purge_delay: Option<u64>,
    pub pool_low_conn: Option<u32>,
    pub max_reuse: Option<i32>,
    pub proto: Option<Word>,
    pub namespace: Option<Word>,
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

/// What is sent instead of an error's own page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// The statuses it stands for.
    pub statuses: Vec<u16>,
    /// What is sent.
    pub kind: ErrorReplyKind,
    /// The line's first word.
    pub span: Span,
}

/// Kinds of error replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorReplyKind {
    /// `errorfile CODE FILE`: a raw HTTP response.
    File(Word),
    /// `errorloc302`, `errorloc`: `Location` and status 302.
    Location302(Word),
    /// `errorloc303`
    Location303(Word),
    /// `errorfiles NAME`: from an `http-errors` section.
    Section(Word),
    /// `http-error status …`
    Reply(Reply),
}

/// A reply described in a rule: `return`, `deny`, `tarpit`, `http-error`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// `status`, `deny_status`
    pub status: Option<u16>,
    /// `content-type`
    pub content_type: Option<Word>,
    /// The body.
    pub body: ReplyBody,
    /// `hdr NAME FORMAT`, in order
    pub headers: Vec<(Word, FormatText)>,
}

/// A reply's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReplyBody {
    /// Not written: the proxy's error page for the status (`deny`), or none (`return`).
    #[default]
    Default,
    /// `default-errorfiles`
    DefaultErrorfiles,
    /// `errorfile FILE`
    Errorfile(Word),
    /// `errorfiles NAME`
    Errorfiles(Word),
    /// `file FILE`
    File(Word),
    /// `lf-file FILE`
    LfFile(Word),
    /// `string TEXT`
    String(Word),
    /// `lf-string FORMAT`
    LfString(FormatText),
}

/// `redirect …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The kind and its argument.
    pub to: RedirectTo,
    /// `code`; 302 where none is written.
    pub code: Option<u16>,
    /// `drop-query`
    pub drop_query: bool,
    /// `append-slash`
    pub append_slash: bool,
    /// `ignore-empty`
    pub ignore_empty: bool,
    /// `keep-query`
    pub keep_query: bool,
    /// `set-cookie NAME[=VALUE]`
    pub set_cookie: Option<Word>,
    /// `clear-cookie NAME[=]`
    pub clear_cookie: Option<Word>,
}

/// Redirect kinds. The text of a `redirect` line is literal (only rules take formats); it arrives here as the format
/// that yields it, `%` doubled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// `location`
    Location(FormatText),
    /// `prefix`
    Prefix(FormatText),
    /// `scheme`
    Scheme(FormatText),
}

/// Actions of `tcp-request` and `tcp-response` rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpAction {
    /// `accept`
    Accept,
    /// `reject`
    Reject,
    /// `silent-drop [rst-ttl N]`
    SilentDrop(Option<u32>),
    /// `close` (tcp-response)
    Close,
    /// `expect-proxy layer4`
    ExpectProxy,
    /// `set-src EXPR`
    SetSrc(ExprText),
    /// `set-src-port EXPR`
    SetSrcPort(ExprText),
    /// `set-dst EXPR`
    SetDst(ExprText),
    /// `set-dst-port EXPR`
    SetDstPort(ExprText),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
    /// `set-log-level`; `None` is `silent`
    SetLogLevel(Option<u8>),
    /// `set-nice N`
    SetNice(i32),
    /// `set-mark`
    SetMark(u32),
    /// `set-tos`
    SetTos(u8),
    /// `capture EXPR len N`
    Capture(ExprText, u32),
    /// A known action without effect here; a warning was given.
    Ignored,
}

/// Actions of `http-request`, `http-response` and `http-after-response` rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAction {
    /// `allow`
    Allow,
    /// `deny …`
    Deny(Reply),
    /// `tarpit …`
    Tarpit(Reply),
    /// `return …`
    Return(Reply),
    /// `reject`
    Reject,
    /// `silent-drop`
    SilentDrop(Option<u32>),
    /// `auth [realm R]`
    Auth(Option<FormatText>),
    /// `redirect …`
    Redirect(Redirect),
    /// `set-header NAME FORMAT`
    SetHeader(Word, FormatText),
    /// `add-header NAME FORMAT`
    AddHeader(Word, FormatText),
    /// `del-header NAME [-m METHOD]`
    DelHeader(Word, NameMatch),
    /// `replace-header NAME REGEX FORMAT`
    ReplaceHeader(Word, Word, FormatText),
    /// `replace-value NAME REGEX FORMAT`
    ReplaceValue(Word, Word, FormatText),
    /// `replace-path REGEX FORMAT`
    ReplacePath(Word, FormatText),
    /// `replace-pathq REGEX FORMAT`
    ReplacePathq(Word, FormatText),
    /// `replace-uri REGEX FORMAT`
    ReplaceUri(Word, FormatText),
    /// `set-method FORMAT`
    SetMethod(FormatText),
    /// `set-path FORMAT`
    SetPath(FormatText),
    /// `set-pathq FORMAT`
    SetPathq(FormatText),
    /// `set-query FORMAT`
    SetQuery(FormatText),
    /// `set-uri FORMAT`
    SetUri(FormatText),
    /// `set-status N [reason R]`
    SetStatus(u16, Option<Word>),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
    /// `capture EXPR len N`
    Capture(ExprText, u32),
    /// `capture EXPR id N`
    CaptureId(ExprText, u32),
    /// `set-log-level`; `None` is `silent`
    SetLogLevel(Option<u8>),
    /// `set-src EXPR`
    SetSrc(ExprText),
    /// `set-src-port EXPR`
    SetSrcPort(ExprText),
    /// `set-dst EXPR`
    SetDst(ExprText),
    /// `set-dst-port EXPR`
    SetDstPort(ExprText),
    /// `set-timeout server|tunnel|client EXPR-or-time`
    SetTimeout(Word, ExprText),
    /// `set-nice N`
    SetNice(i32),
    /// `set-mark`
    SetMark(u32),
    /// `set-tos`
    SetTos(u8),
    /// `early-hint NAME FORMAT`
    EarlyHint(Word, FormatText),
    /// `wait-for-body time T [at-least N]`
    WaitForBody(u64, Option<u64>),
    /// `normalize-uri NORMALIZER`
    NormalizeUri(Normalizer),
    /// `strict-mode on|off`
    StrictMode(bool),
    /// `cache-use`, `track-sc*` and others that have no effect here; a warning was given.
    Ignored,
    /// `disable-l7-retry`
    DisableL7Retry,
    /// The legacy `reqrep REGEX FORMAT` on a whole header line or the request line; see the manual of 1.8.
    ReplaceLine {
        /// Without case (`reqirep`).
        insensitive: bool,
        /// The regex.
        regex: Word,
        /// What replaces the line.
        with: Word,
    },
}

/// How `del-header` compares names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// `str`, the default.
    Str,
    /// `beg`
    Beg,
    /// `end`
    End,
    /// `sub`
    Sub,
    /// `reg`
    Reg,
}

/// `normalize-uri`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `fragment-encode`
    FragmentEncode,
    /// `fragment-strip`
    FragmentStrip,
    /// `path-merge-slashes`
    PathMergeSlashes,
    /// `path-strip-dot`
    PathStripDot,
    /// `path-strip-dotdot [full]`
    PathStripDotdot {
        /// `full`
        full: bool,
    },
    /// `percent-decode-unreserved [strict]`
    PercentDecodeUnreserved {
        /// `strict`
        strict: bool,
    },
    /// `percent-to-uppercase [strict]`
    PercentToUppercase {
        /// `strict`
        strict: bool,
    },
    /// `query-sort-by-name`
    QuerySortByName,
}

/// Which check `option …` chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// `option httpchk [METHOD] [URI] [VERSION]`; headers behind the version are split off into `headers`.
    Http {
        /// The method.
        method: Option<Word>,
        /// The URI.
        uri: Option<Word>,
        /// The version.
        version: Option<Word>,
        /// Legacy headers, name and value.
        headers: Vec<(Word, Word)>,
    },
    /// `option tcp-check`
    Tcp,
    /// `option ssl-hello-chk`
    SslHello,
    /// `option mysql-check [user U] [post-41|pre-41]`
    Mysql {
        /// `user`
        user: Option<Word>,
        /// `pre-41`
        pre41: bool,
    },
    /// `option pgsql-check [user U]`
    Pgsql {
        /// `user`
        user: Option<Word>,
    },
    /// `option redis-check`
    Redis,
    /// `option smtpchk [HELO] [DOMAIN]`
    Smtp {
        /// `HELO` or `EHLO`
        hello: Option<Word>,
        /// The domain.
        domain: Option<Word>,
    },
    /// `option ldap-check`
    Ldap,
    /// `option spop-check`
    Spop,
    /// `option external-check`
    External,
}

/// A step of an `http-check` or `tcp-check` sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStep {
    /// `connect …`
    Connect(CheckConnect),
    /// `http-check send …`
    HttpSend {
        /// `meth`
        method: Option<Word>,
        /// `uri` (a word) or `uri-lf` (a format)
        uri: Option<CheckText>,
        /// `ver`
        version: Option<Word>,
        /// `hdr NAME FORMAT`
        headers: Vec<(Word, FormatText)>,
        /// `body` or `body-lf`
        body: Option<CheckText>,
        /// `comment`
        comment: Option<Word>,
    },
    /// `tcp-check send DATA`, `send-lf FORMAT`
    Send(CheckText, Option<Word>),
    /// `tcp-check send-binary HEX`, `send-binary-lf FORMAT`
    SendBinary(CheckText, Option<Word>),
    /// `expect …`
    Expect(CheckExpect),
    /// `comment`
    Comment(Word),
    /// `set-var`, `set-var-fmt`
    SetVar(Word, VarValue),
    /// `set-var(NAME,CONDITIONS)`: only where all of them hold.
    SetVarIf(Word, Vec<VarCondition>, VarValue),
    /// `unset-var`
    UnsetVar(Word),
}

/// A literal or a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckText {
    /// As it is.
    Plain(Word),
    /// A log-format string.
    Format(FormatText),
}

/// `http-check connect` / `tcp-check connect`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckConnect {
    /// `default`
    pub default: bool,
    /// `port` number or expression
    pub port: Option<ExprText>,
    /// `addr`
    pub addr: Option<Word>,
    /// `send-proxy`
    pub send_proxy: bool,
    /// `via-socks4`
    pub via_socks4: bool,
    /// `ssl`
    pub ssl: bool,
    /// `sni`
    pub sni: Option<Word>,
    /// `alpn`
    pub alpn: Option<Word>,
    /// `proto`
    pub proto: Option<Word>,
    /// `linger`
    pub linger: bool,
    /// `comment`
    pub comment: Option<Word>,
}

/// `http-check expect` / `tcp-check expect`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckExpect {
    /// `!`
    pub negate: bool,
    /// What to look for.
    pub matcher: CheckMatch,
    /// `min-recv`
    pub min_recv: Option<i32>,
    /// `ok-status`, `error-status`, `tout-status`, `on-success`, `on-error`, `status-code`, as written: keyword and value
    pub extras: Vec<(Word, Word)>,
    /// `comment`
    pub comment: Option<Word>,
    /// The matcher's word.
    pub span: Span,
}

/// Matchers of an `expect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckMatch {
    /// `string TEXT`, `string-lf FORMAT`
    String(CheckText),
    /// `rstring REGEX`
    Rstring(Word),
    /// `binary HEX`, `binary-lf`
    Binary(CheckText),
    /// `rbinary REGEX`
    Rbinary(Word),
    /// `status CODES`: ranges, both ends included
    Status(Vec<(u16, u16)>),
    /// `rstatus REGEX`
    Rstatus(Word),
    /// `hdr { name[-lf|-m ..] … } [ { value … } ]`
    Header {
        /// The name and how to compare it.
        name: CheckPattern,
        /// The value, where one is asked for, and how to compare it.
        value: Option<CheckPattern>,
        /// `full`: compare the whole value, not its list elements.
        full: bool,
    },
}

/// A text and how it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPattern {
    /// `-m METHOD`
    pub method: NameMatch,
    /// `-lf`: a format
    pub text: CheckText,
}

/// A `userlist`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Userlist {
    /// Its name.
    pub name: Word,
    /// `user`
    pub users: Vec<User>,
    /// `group NAME [users a,b]`
    pub groups: Vec<(Word, Vec<Word>)>,
}

/// A `user` of a userlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: Word,
    /// `password` (crypt(3)) or `insecure-password` (clear text).
    pub password: Option<Password>,
    /// `groups a,b`
    pub groups: Vec<Word>,
}

/// A password as written. `Debug` hides it: secrets never reach a log.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// `insecure-password`
    Clear(Word),
    /// `password`
    Crypt(Word),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// An `http-errors` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpErrors {
    /// Its name.
    pub name: Word,
    /// `errorfile CODE FILE`
    pub files: Vec<(u16, Word)>,
}

/// A `resolvers` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolvers {
    /// Its name.
    pub name: Word,
    /// `nameserver NAME ADDRESS`
    pub nameservers: Vec<(Word, Word)>,
    /// `parse-resolv-conf`
    pub parse_resolv_conf: bool,
    /// `hold WHAT TIME`
    pub hold: Vec<(Word, u64)>,
    /// `timeout resolve`
    pub timeout_resolve: Option<u64>,
    /// `timeout retry`
    pub timeout_retry: Option<u64>,
    /// `resolve_retries`
    pub resolve_retries: Option<u32>,
    /// `accepted_payload_size`
    pub accepted_payload_size: Option<u32>,
}

/// A `ring` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// Its name.
    pub name: Word,
    /// `description`
    pub description: Option<Word>,
    /// `format`
    pub format: Option<LogFrame>,
    /// `maxlen`
    pub maxlen: Option<u32>,
    /// `size`
    pub size: Option<u64>,
    /// `server` lines: name and address
    pub servers: Vec<(Word, Address)>,
}

/// A `crt-store` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrtStore {
    /// Its name; empty for the unnamed one.
    pub name: Word,
    /// `crt-base`
    pub crt_base: Option<Word>,
    /// `key-base`
    pub key_base: Option<Word>,
    /// `load`
    pub loads: Vec<CrtLoad>,
}

/// A `load` line of a `crt-store`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the keyword, each
pub struct CrtLoad {
    pub crt: Word,
    pub key: Option<Word>,
    pub ocsp: Option<Word>,
    pub issuer: Option<Word>,
    pub sctl: Option<Word>,
    pub alias: Option<Word>,
    pub acme: Option<Word>,
    pub domains: Vec<Word>,
    pub ips: Vec<Word>,
}

/// An `acme` section: an authority, and how certificates are obtained from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acme {
    /// Its name.
    pub name: Word,
    /// `directory`
    pub directory: Option<Word>,
    /// `account-key`
    pub account_key: Option<Word>,
    /// `contact`
    pub contact: Vec<Word>,
    /// `challenge`, the preferred first; empty = not written.
    pub challenges: Vec<AcmeChallenge>,
    /// `keytype`, `bits` and `curves`
    pub key: AcmeKey,
    /// `profile`
    pub profile: Option<Word>,
    /// `must-have-profile`
    pub must_have_profile: bool,
    /// `eab-key-id FILE`
    pub eab_key_id: Option<Word>,
    /// `eab-mac-key FILE`
    pub eab_mac_key: Option<Word>,
    /// `reuse-key`
    pub reuse_key: bool,
    /// `fallback`: the section that is asked where this one fails.
    pub fallback: Option<Word>,
    /// `preferred-chain`: the common name of a root
    pub preferred_chain: Option<Word>,
    /// `renew-hook`, in order
    pub renew_hooks: Vec<Word>,
    /// `storage`
    pub storage: Option<Word>,
}

/// `challenge`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// `http-01`
    Http01,
    /// `tls-alpn-01`
    TlsAlpn01,
    /// `dns-01`
    Dns01,
}

/// Keys of certificates, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcmeKey {
    /// `keytype RSA` rather than `ECDSA`
    pub rsa: Option<bool>,
    /// `bits`: 2048, 3072 or 4096
    pub bits: Option<u32>,
    /// `curves`: P-256, P-384 or P-521
    pub curve: Option<Word>,
}
