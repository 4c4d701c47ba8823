//! The runtime world: what was configured, compiled and resolved, never edited while it runs. A reload builds a new
//! one. Live numbers are the atomics inside `server::Server` and the tallies. Times are `Duration`s, `None` is infinite.

use crate::assign::KeySource;
use crate::balance::Balance;
use crate::balance::hash::Hashing;
use crate::gate::Gate;
use crate::invalid::{Events, LastInvalid};
use crate::limit::{Limit, RateLimits};
use crate::list_edits::ListEdits;
use crate::log::LogPlan;
use crate::reply::ErrorPages;
use crate::resolvers::{Resolving, Section};
use crate::rules::{HttpRule, RedirectRule, TcpRule};
use crate::splice::Splicing;
use crate::statistics::{Desk, Statistics};
use crate::stats_socket::StatsSockets;
use crate::tally::{Pace, Tally};
use crate::vars::ProcVars;
use config::Environment;
use config::model::{ConnectionMode, HttpReuse, ProxyKind, RestrictNames, RetryOn, SendProxy};
use expr::{Condition, Expr, Format};
use http::Spelling;
use net::{ConnectOptions, ListenAddr, ListenOptions};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Everything that runs.
pub struct Plan {
    /// Process-wide settings.
    pub process: Process,
    /// By index.
    pub frontends: Vec<Arc<Frontend>>,
    /// By index.
    pub backends: Vec<Arc<Backend>>,
    /// Certificates of the binds.
    pub certs: tls::CertStore,
    /// Files of ticket keys, in the order in which binds name them.
    pub ticket_files: Vec<Arc<tls::TicketFile>>,
    /// Maps and pattern lists, by their number.
    pub lists: Vec<Arc<expr::Reference>>,
    /// Servers that expressions name, as backend and server.
    pub named_servers: BTreeSet<(Box<str>, Box<str>)>,
    /// Certificates that `acme` sections are to obtain; somebody else does that.
    pub wanted: Vec<Wanted>,
    /// Sections that obtain certificates when handshakes ask for them.
    pub on_demand: Vec<OnDemand>,
    /// Where logs go, each once.
    pub log_sockets: Vec<Arc<net::LogSocket>>,
    /// What it was made from.
    pub(crate) origin: Origin,
}

/// What a plan was made from, for the servers that operators add to it.
pub(crate) struct Origin {
    pub(crate) model: config::Model,
    /// The variables' numbers.
    pub(crate) vars: Mutex<expr::VarNames>,
}

/// A `ring` section.
#[derive(Debug)]
pub struct RingSection {
    /// What it holds.
    pub ring: Arc<net::Ring>,
    /// `description`, else its name.
    pub description: Box<str>,
}

/// How OCSP responses are fetched; somebody else does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspUpdates {
    /// Not at all.
    pub disabled: bool,
    /// An HTTP proxy to ask through, `ADDRESS[:PORT]`.
    pub http_proxy: Option<Box<str>>,
    /// Between two fetches of one, at least.
    pub least: Duration,
    /// The same at most.
    pub most: Duration,
}

impl OcspUpdates {
    pub(crate) fn of(written: &config::model::OcspUpdates) -> OcspUpdates {
        OcspUpdates {
            disabled: written.disabled,
            http_proxy: written.http_proxy.as_ref().map(|word| word.text.as_str().into()),
            least: Duration::from_secs(written.least().into()),
            most: Duration::from_secs(written.most().into()),
        }
    }
}

/// A certificate that is to be obtained, and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The `acme` section.
    pub section: Box<str>,
    /// What it is called in the storage.
    pub name: Box<str>,
    /// The storage's folder.
    pub storage: PathBuf,
    /// Host names and addresses.
    pub names: Vec<String>,
    /// The file of a `load` or `ssl-f-use` line, with certificate and key; else it is served from the storage.
    pub copy: Option<PathBuf>,
}

/// The file that is served of what a storage keeps.
pub(crate) fn lineage(storage: &Path, name: &str) -> PathBuf {
    storage.join("live").join(name).join("fullchain.pem")
}

/// An `acme` section with `on-demand` that a bind names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDemand {
    /// The section.
    pub section: Box<str>,
    /// The storage's folder.
    pub storage: PathBuf,
}

impl OnDemand {
    /// The folder with an empty file for each name that was obtained.
    pub fn names(&self) -> PathBuf {
        self.storage.join("lockgate").join("on-demand").join(self.section.replace('/', "_"))
    }
}

impl Wanted {
    /// The file that is served.
    pub fn file(&self) -> PathBuf {
        match &self.copy {
            Some(copy) => copy.clone(),
            None => lineage(&self.storage, &self.name),
        }
    }
}

impl Plan {
    /// Whether there is anything to listen to.
    pub fn listens(&self) -> bool {
        !self.process.stats.sockets.is_empty() || self.frontends.iter().any(|f| !f.listeners.is_empty())
    }

    /// What a process-wide variable holds; the name has its scope, `proc.`.
    pub fn process_var(&self, name: &str) -> Option<expr::Sample<'static>> {
        let vars = self.origin.vars.lock().unwrap_or_else(PoisonError::into_inner);
        let id = vars.find(name).filter(|id| id.scope == expr::VarScope::Proc)?;
        self.process.vars.get(id.name)
    }

    /// Whether any proxy has a statistics page.
    pub fn has_statistics(&self) -> bool {
        let fronts = self.frontends.iter().map(|f| &f.rules);
        fronts.chain(self.backends.iter().map(|b| &b.rules)).any(|rules| rules.statistics.is_some())
    }

    /// Calls `f` with what is counted, of all frontends, listeners, backends and servers.
    pub fn each_tally(&self, mut f: impl FnMut(&Tally)) {
        for front in &self.frontends {
            f(&front.tally);
            front.listeners.iter().for_each(|listener| f(&listener.tally));
        }
        for back in &self.backends {
            f(&back.tally);
            back.balance.servers().iter().for_each(|server| f(&server.target.tally));
        }
    }

    /// Raises the highest rates; called about once a second.
    pub fn note_rates(&self, now_ms: u64) {
        self.each_tally(|tally| tally.note_rates(now_ms));
        for pace in Pace::ALL {
            self.process.rates.note(pace, self.busiest(pace, now_ms));
        }
    }

    /// Events of all frontends together in the last second.
    pub fn per_second(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.frontends.iter().map(|front| front.tally.per_second(which, now_ms));
        rates.fold(0, u32::saturating_add)
    }

    /// The highest rate of late of all frontends together; where they peaked at different moments, more.
    pub fn busiest(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.frontends.iter().map(|front| front.tally.busiest(which, now_ms));
        rates.fold(0, u32::saturating_add)
    }

    /// A frontend by its name.
    pub fn frontend(&self, name: &str) -> Option<&Arc<Frontend>> {
        self.frontends.iter().find(|f| &*f.name == name)
    }

    /// A backend by its name.
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|b| &*b.name == name)
    }
}

/// Settings of the process.
pub struct Process {
    /// Worker threads.
    pub threads: usize,
    /// CPUs of each thread, where asked for.
    pub cpus: Vec<Vec<u32>>,
    /// Most client connections at once.
    pub maxconn: Limit,
    /// `tune.pipesize`: bytes of a pipe.
    pub pipe_size: usize,
    /// `maxpipes`, of each thread.
    pub pipes: usize,
    /// `tune.bufsize`: what a rule may look at; bodies that are buffered are no longer than this.
    pub bufsize: usize,
    /// Rules look at bodies of requests: what of one has arrived is to be at hand.
    pub reads_request_bodies: bool,
    /// For `hostname`, logs and `fe_name` friends.
    pub hostname: Box<str>,
    /// `description` of `global`.
    pub description: Option<Box<str>>,
    /// `node`, else the host name.
    pub node: Box<str>,
    /// Bound of a soft stop.
    pub hard_stop_after: Option<Duration>,
    /// How OCSP responses are fetched.
    pub ocsp: OcspUpdates,
    /// Where the runtime API is served.
    pub stats: StatsSockets,
    /// `resolvers` sections.
    pub resolvers: Vec<Arc<Section>>,
    /// `ring` sections.
    pub rings: Vec<RingSection>,
    /// Environment variables as the configuration has left them.
    pub environment: Arc<Environment>,
    /// Where edits of lists by rules wait.
    pub list_edits: ListEdits,
    /// Servers that came and went at run time.
    pub farm_news: crate::farm_news::News,
    /// Where requests for statistics pages wait.
    pub desk: Desk,
    /// `proc.` variables.
    pub vars: ProcVars,
    /// Client connections now.
    pub connections: Connections,
    /// Most new connections, sessions and TLS handshakes a second.
    pub rates: RateLimits,
    /// `tune.http.logurilen`: bytes of a request line that logs and captures show.
    pub log_uri_len: usize,
    /// `tune.maxaccept`: connections that a thread takes in a row.
    pub accept_batch: usize,
    /// `max-spread-checks`
    pub max_spread_checks: Option<Duration>,
    /// Some expression asks for the certificates of servers.
    pub keeps_server_certificates: bool,
    /// Messages that were refused.
    pub invalid: Events,
}

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

/// Connections now, shared by the threads because a limit is held against them, and the most there were.
#[derive(Default)]
pub struct Connections {
    current: AtomicU32,
    most: AtomicU32,
}

impl Connections {
    /// One more.
    pub fn enter(&self) {
        let now = self.current.fetch_add(1, Relaxed).saturating_add(1);
        if self.most.load(Relaxed) < now {
            self.most.fetch_max(now, Relaxed);
        }
    }

    /// One less.
    pub fn leave(&self) {
        self.current.fetch_sub(1, Relaxed);
    }

    /// Now.
    pub fn now(&self) -> u32 {
        self.current.load(Relaxed)
    }

    /// The most at once.
    pub fn most(&self) -> u32 {
        self.most.load(Relaxed)
    }
}

/// A frontend, or the front half of a `listen`.
pub struct Frontend {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// `id`, or its position, see `Lower::id`.
    pub id: u32,
    /// Index into [`Plan::frontends`].
    pub index: usize,
    /// HTTP rather than TCP.
    pub http: bool,
    /// Its listeners.
    pub listeners: Vec<Arc<Listener>>,
    /// Most client connections at once.
    pub maxconn: Limit,
    /// `rate-limit sessions`
    pub rate_limit: Option<u32>,
    /// Timeouts.
    pub timeouts: FrontTimeouts,
    /// `tcp-request connection`
    pub tcp_connection: Vec<TcpRule>,
    /// `tcp-request session`
    pub tcp_session: Vec<TcpRule>,
    /// `tcp-request content`
    pub tcp_content: Vec<TcpRule>,
    /// `tcp-request inspect-delay`
    pub inspect_delay: Option<Duration>,
    /// HTTP rules.
    pub rules: HttpRules,
    /// `use_backend`, in order.
    pub routes: Vec<Route>,
    /// `default_backend`, or itself for a `listen`.
    pub default_backend: Option<usize>,
    /// Its name, for `fe_defbe`.
    pub default_backend_name: Option<Box<str>>,
    /// How connections are kept.
    pub connection_mode: ConnectionMode,
    /// Headers that are added.
    pub headers: HeaderOptions,
    /// `unique-id-format`
    pub unique_id: Option<Format>,
    /// `unique-id-header`
    pub unique_id_header: Option<Box<[u8]>>,
    /// `monitor-uri`
    pub monitor_uri: Option<Box<[u8]>>,
    /// `monitor fail`
    pub monitor_fail: Vec<Condition>,
    /// Header captures of the request: name (none for `declare capture`) and length.
    pub request_captures: Vec<CaptureSlot>,
    /// The same for the response.
    pub response_captures: Vec<CaptureSlot>,
    /// `capture cookie`: the beginning of its name, and the longest text kept.
    pub cookie_capture: Option<(Box<[u8]>, usize)>,
    /// Error replies.
    pub errors: ErrorPages,
    /// Logging.
    pub log: LogPlan,
    /// Limits of the HTTP parser.
    pub limits: http::h1::Limits,
    /// `option http-restrict-req-hdr-names`
    pub restrict_names: RestrictNames,
    /// `option http-ignore-probes`
    pub ignore_probes: bool,
    /// `option idle-close-on-response`
    pub idle_close_on_response: bool,
    /// `option dontlognull`
    pub dontlognull: bool,
    /// How bodies of its requests leave.
    pub splice_request: Splicing,
    /// How bodies of its responses arrive.
    pub splice_response: Splicing,
    /// `option tcpka` / `clitcpka`, and when it probes.
    pub keepalive: Option<net::KeepAlive>,
    /// Header names as its clients need them (`option h1-case-adjust-bogus-client`).
    pub spelling: Option<Arc<Spelling>>,
    /// `max-session-srv-conns` allows a session a server connection of its own.
    pub keeps_private: bool,
    /// `option nolinger`
    pub nolinger: bool,
    /// `option http-buffer-request`
    pub buffer_request: bool,
    /// `option independent-streams`
    pub independent: bool,
    /// `option http-drop-response-trailers`
    pub drop_trailers: bool,
    /// `option contstats`
    pub contstats: bool,
    /// `option socket-stats`: its listeners are shown apart.
    pub socket_stats: bool,
    /// Whether it takes connections.
    pub gate: Gate,
    /// The last request that was refused as such.
    pub invalid: LastInvalid,
    /// Connections now.
    pub connections: Connections,
    /// What happened here.
    pub tally: Tally,
}

/// A header capture slot.
pub struct CaptureSlot {
    /// The header, lower case; filled by rules alone where there is none.
    pub header: Option<Box<[u8]>>,
    /// Longest text kept.
    pub len: usize,
}

/// Timeouts towards the client.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // named after the keyword, each
pub struct FrontTimeouts {
    pub client: Option<Duration>,
    pub client_fin: Option<Duration>,
    pub client_hs: Option<Duration>,
    pub http_request: Option<Duration>,
    pub http_keep_alive: Option<Duration>,
    pub tarpit: Option<Duration>,
}

/// Timeouts towards the servers.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // named after the keyword, each
pub struct BackTimeouts {
    pub connect: Option<Duration>,
    pub server: Option<Duration>,
    pub server_fin: Option<Duration>,
    pub queue: Option<Duration>,
    pub tunnel: Option<Duration>,
    pub tarpit: Option<Duration>,
}

/// The HTTP rules of one proxy.
#[derive(Default)]
pub struct HttpRules {
    /// `http-request`
    pub request: Vec<HttpRule>,
    /// `stats ...`
    pub statistics: Option<Box<Statistics>>,
    /// `redirect`
    pub redirects: Vec<RedirectRule>,
    /// `http-response`
    pub response: Vec<HttpRule>,
    /// `http-after-response`
    pub after_response: Vec<HttpRule>,
}

/// A `use_backend` line.
pub struct Route {
    /// Where to.
    pub target: RouteTarget,
    /// When.
    pub cond: Option<Condition>,
}

/// The target of a route.
pub enum RouteTarget {
    /// Index into [`Plan::backends`].
    Backend(usize),
    /// A name computed per request; an unknown one falls through to the next line.
    Dynamic(Format),
}

/// Headers added to requests.
#[derive(Default)]
pub struct HeaderOptions {
    /// `option forwardfor`
    pub forwardfor: Option<AddressHeader>,
    /// `option originalto`
    pub originalto: Option<AddressHeader>,
    /// `option forwarded`
    pub forwarded: Option<Forwarded>,
}

/// `forwardfor` and `originalto`
pub struct AddressHeader {
    /// Lower case.
    pub name: Box<[u8]>,
    /// Only where the request has none yet.
    pub if_none: bool,
    /// Not for clients of this network: address and prefix length.
    pub except: Option<(IpAddr, u8)>,
}

/// `option forwarded` (RFC 7239): which parameters are written, and from what.
#[derive(Default)]
pub struct Forwarded {
    /// `proto`
    pub proto: bool,
    /// `host`: `Some(None)` is the request's own.
    pub host: Option<Option<Expr>>,
    /// `by`
    pub by: Option<Option<Expr>>,
    /// `by_port`
    pub by_port: Option<Option<Expr>>,
    /// `for`
    pub for_: Option<Option<Expr>>,
    /// `for_port`
    pub for_port: Option<Option<Expr>>,
}

/// A backend, or the back half of a `listen`.
pub struct Backend {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// The last response that was refused as such.
    pub invalid: LastInvalid,
    /// `id`, or its position, see `Lower::id`.
    pub id: u32,
    /// `id` is written.
    pub forced_id: bool,
    /// Index into [`Plan::backends`].
    pub index: usize,
    /// Its section.
    pub kind: ProxyKind,
    /// HTTP rather than TCP.
    pub http: bool,
    /// Timeouts.
    pub timeouts: BackTimeouts,
    /// `tcp-request content`
    pub tcp_content: Vec<TcpRule>,
    /// `tcp-request inspect-delay`
    pub inspect_delay: Option<Duration>,
    /// `tcp-response content`
    pub tcp_response: Vec<TcpRule>,
    /// `tcp-response inspect-delay`
    pub response_inspect_delay: Option<Duration>,
    /// HTTP rules; empty for a `listen`, whose rules its frontend has.
    pub rules: HttpRules,
    /// The servers, and how one of them is chosen.
    pub balance: Balance,
    /// The word of its `balance` line.
    pub algorithm: &'static str,
    /// What balancing looks at.
    pub key: KeySource,
    /// `cookie`
    pub cookie: Option<crate::persist::Settings>,
    /// `cookie … dynamic` and `dynamic-cookie-key`
    pub dynamic_cookies: crate::persist::DynamicCookies,
    /// How its key is hashed.
    pub hashing: Hashing,
    /// `use-server`
    pub use_servers: Vec<UseServer>,
    /// Where its servers' state was saved (`load-server-state-from-file`).
    pub state_file: Option<PathBuf>,
    /// `option persist`
    pub persist: bool,
    /// `force-persist`
    pub force_persist: Vec<Condition>,
    /// `ignore-persist`
    pub ignore_persist: Vec<Condition>,
    /// `retries`
    pub retries: u32,
    /// `option redispatch`; 0 is off.
    pub redispatch: i32,
    /// `retry-on`
    pub retry_on: Vec<RetryOn>,
    /// `http-reuse`
    pub reuse: HttpReuse,
    /// How connections are kept; the stricter of front and back wins.
    pub connection_mode: ConnectionMode,
    /// `option http-pretend-keepalive`
    pub pretend_keepalive: bool,
    /// `option abortonclose`
    pub abortonclose: bool,
    /// `option prefer-last-server`
    pub prefer_last_server: bool,
    /// `max-keep-alive-queue`; without one the last server is waited for however many do.
    pub max_keep_alive_queue: Option<u32>,
    /// `persist rdp-cookie`: the cookie.
    pub rdp_persist: Option<Expr>,
    /// `fullconn`
    pub fullconn: u32,
    /// Headers that are added.
    pub headers: HeaderOptions,
    /// `http-check send-state` and friends live in the check; this is `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option independent-streams`
    pub independent: bool,
    /// `option http-drop-request-trailers`
    pub drop_trailers: bool,
    /// Error replies.
    pub errors: ErrorPages,
    /// Where changes of its servers' states are written.
    pub log: LogPlan,
    /// Limits of the response parser.
    pub limits: http::h1::Limits,
    /// `option tcpka` / `srvtcpka`, and when it probes.
    pub keepalive: Option<net::KeepAlive>,
    /// Header names as its servers need them (`option h1-case-adjust-bogus-server`).
    pub spelling: Option<Arc<Spelling>>,
    /// `http-send-name-header`
    pub name_header: Option<Box<[u8]>>,
    /// `option checkcache`
    pub checkcache: bool,
    /// `option nolinger`
    pub nolinger: bool,
    /// How bodies of requests go to the servers.
    pub splice_request: Splicing,
    /// How bodies of responses come from them.
    pub splice_response: Splicing,
    /// Checks, agents, and what follows from them.
    pub health: crate::health::plan::BackendHealth,
    /// What happened here.
    pub tally: Tally,
}

/// A `use-server` line.
pub struct UseServer {
    /// Index of the server, or its name computed per request.
    pub target: UseServerTarget,
    /// When.
    pub cond: Option<Condition>,
}

/// The target of a `use-server` line.
pub enum UseServerTarget {
    /// Index of the server.
    Server(usize),
    /// A computed name.
    Dynamic(Format),
}

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
    /// It is not spoken until an operator switches it on.
    pub tls_waits: bool,
    /// `sni`
    pub sni: Option<Expr>,
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
            tls_waits: false,
            sni: None,
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
