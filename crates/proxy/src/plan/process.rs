//! What concerns the process as a whole: threads, limits, and what all proxies share.

use super::{Connections, OcspUpdates};
use crate::event_sink::EventSink;
use crate::invalid::Events;
use crate::limit::{Limit, RateLimits};
use crate::list_edits::ListEdits;
use crate::resolvers::Section;
use crate::statistics::Desk;
use crate::stats_socket::StatsSockets;
use crate::terminal::Terminal;
use crate::vars::ProcVars;
use config::Environment;
use std::sync::Arc;
use std::time::Duration;

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
    /// What programs beside us are told.
    pub events: EventSink,
    /// Environment variables as the configuration has left them.
    pub environment: Arc<Environment>,
    /// Where edits of lists by rules wait.
    pub list_edits: ListEdits,
    /// Servers that came and went at run time.
    pub farm_news: crate::farm_news::News,
    /// What is said on standard error.
    pub terminal: Arc<Terminal>,
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
    /// What clients show above their certificates is kept, for something asks for it.
    pub keeps_client_chains: bool,
    /// Messages that were refused.
    pub invalid: Events,
}

/// A `ring` section.
#[derive(Clone, Debug)]
pub struct RingSection {
    /// What it holds.
    pub ring: Arc<net::Ring>,
    /// `description`, else its name.
    pub description: Box<str>,
}
