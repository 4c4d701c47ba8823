//! The `global` section. As written; `None` where nothing was.

use super::{Bind, LogTarget, UnixOptions, VarValue};
use base::Word;

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
    /// `external-check`: checks may run programs, with this environment.
    pub external_check: Option<ProgramEnv>,
    /// `insecure-fork-wanted`
    pub fork_wanted: bool,
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
    /// `tune.http.logurilen`
    pub log_uri_len: Option<u32>,
    /// `tune.maxaccept`; -1 is no limit.
    pub max_accept: Option<i32>,
    /// `tune.ssl.cachesize`: sessions
    pub session_cache: Option<u32>,
    /// `tune.ssl.lifetime`, seconds
    pub session_lifetime: Option<u64>,
    /// `tune.ssl.capture-buffer-size`
    pub capture_buffer: Option<u32>,
    /// `h1-case-adjust FROM TO`
    pub h1_case_adjust: Vec<(Word, Word)>,
    /// `ocsp-update.*`
    pub ocsp: Option<OcspUpdates>,
    /// `h1-case-adjust-file FILE`
    pub h1_case_adjust_file: Option<Word>,
    /// `acme.scheduler off`
    pub acme_scheduler_off: bool,
    /// `server-state-file`
    pub server_state_file: Option<Word>,
    /// `server-state-base`
    pub server_state_base: Option<Word>,
    /// `stats-file`
    pub stats_file: Option<Word>,
    /// `set-dumpable`
    pub set_dumpable: bool,
    /// `setcap`
    pub setcap: Vec<Capability>,
}

/// `ocsp-update.*`: how OCSP responses are fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OcspUpdates {
    /// `disable`
    pub disabled: bool,
    /// `mode`
    pub mode: Option<bool>,
    /// `httpproxy`
    pub http_proxy: Option<Word>,
    /// `mindelay`, seconds
    pub min_delay: Option<u32>,
    /// `maxdelay`, seconds
    pub max_delay: Option<u32>,
}

impl OcspUpdates {
    /// Between two fetches of a response at least, seconds.
    pub fn least(&self) -> u32 {
        self.min_delay.unwrap_or(300)
    }

    /// The same at most.
    pub fn most(&self) -> u32 {
        self.max_delay.unwrap_or(3600)
    }
}

/// What a check's program finds in its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramEnv {
    /// What tells it whom to check, and nothing else.
    Bare,
    /// `preserve-env`: that, and what we were started with.
    Preserved,
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
    /// `-ciphers`, `-ciphersuites`, `-curves` and the versions of `-options`
    pub offer: TlsOffer,
    /// `no-tls-tickets`
    pub no_tls_tickets: Option<bool>,
}

/// What is offered in a handshake, by a bind, a server or the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOffer {
    /// `ciphers`
    pub ciphers: Option<Word>,
    /// `ciphersuites`
    pub ciphersuites: Option<Word>,
    /// `curves`, `ecdhe`
    pub curves: Option<Word>,
    /// `ssl-min-ver`, …
    pub versions: TlsVersionOptions,
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
