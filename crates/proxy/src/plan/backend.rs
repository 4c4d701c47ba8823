//! A backend as it runs. Its servers are `balance`'s.

use super::{HeaderOptions, HttpRules};
use crate::assign::KeySource;
use crate::balance::Balance;
use crate::balance::hash::Hashing;
use crate::invalid::LastInvalid;
use crate::log::LogPlan;
use crate::reply::ErrorPages;
use crate::rules::TcpRule;
use crate::splice::Splicing;
use crate::tally::Tally;
use config::model::{ConnectionMode, HttpReuse, ProxyKind, RetryOn};
use expr::{Condition, Expr, Format};
use http::Spelling;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A backend, or the back half of a `listen`.
pub struct Backend {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// The last response that was refused as such.
    pub invalid: LastInvalid,
    /// `id`, or a free number, see `lower::ids`.
    pub id: u32,
    /// Its place among the proxies of the configuration.
    pub place: usize,
    /// `id` is written.
    pub forced_id: bool,
    /// Index into [`Plan::backends`](super::Plan::backends).
    pub index: usize,
    /// Its section.
    pub kind: ProxyKind,
    /// HTTP rather than TCP.
    pub http: bool,
    /// Timeouts.
    pub timeouts: BackTimeouts,
    /// `tcp-request content`
    pub tcp_content: Arc<[TcpRule]>,
    /// `tcp-request inspect-delay`
    pub inspect_delay: Option<Duration>,
    /// `tcp-response content`
    pub tcp_response: Vec<TcpRule>,
    /// `tcp-response inspect-delay`
    pub response_inspect_delay: Option<Duration>,
    /// HTTP rules; a `listen` has them in common with its frontend.
    pub rules: Arc<HttpRules>,
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
