//! A frontend as it runs.

use super::{Connections, HeaderOptions, HttpRules, Listener};
use crate::gate::Gate;
use crate::invalid::LastInvalid;
use crate::limit::Limit;
use crate::log::LogPlan;
use crate::reply::ErrorPages;
use crate::rules::TcpRule;
use crate::splice::Splicing;
use crate::tally::Tally;
use config::model::ConnectionMode;
use expr::{Condition, Format};
use http::Spelling;
use std::sync::Arc;
use std::time::Duration;

/// A frontend, or the front half of a `listen`.
pub struct Frontend {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// `id`, or a free number, see `lower::ids`.
    pub id: u32,
    /// Its place among the proxies of the configuration.
    pub place: usize,
    /// Index into [`Plan::frontends`](super::Plan::frontends).
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
    pub tcp_content: Arc<[TcpRule]>,
    /// `tcp-request inspect-delay`
    pub inspect_delay: Option<Duration>,
    /// HTTP rules.
    pub rules: Arc<HttpRules>,
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
    /// `option abortonclose`, as far as it is about requests that no backend has yet.
    pub abortonclose: bool,
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

/// A `use_backend` line.
pub struct Route {
    /// Where to.
    pub target: RouteTarget,
    /// When.
    pub cond: Option<Condition>,
}

/// The target of a route.
pub enum RouteTarget {
    /// Index into [`Plan::backends`](super::Plan::backends).
    Backend(usize),
    /// A name computed per request; an unknown one falls through to the next line.
    Dynamic(Format),
}
