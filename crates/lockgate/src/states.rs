//! The state of the proxies and their servers in HAProxy's words: what SIGHUP prints, and what is said of each proxy
//! when it has stopped.

use config::model::ProxyKind;
use proxy::plan::{Backend, Frontend, Plan};
use proxy::server::Server;
use proxy::tally::Count;

/// A section that proxies: a frontend, a backend, or both halves of a `listen`.
struct Section<'p> {
    name: &'p str,
    front: Option<&'p Frontend>,
    back: Option<&'p Backend>,
}

fn sections(plan: &Plan) -> Vec<Section<'_>> {
    let fronts = plan.frontends.iter().map(|front| Section {
        name: &front.name,
        front: Some(front),
        back: plan.backend(&front.name).filter(|back| back.kind == ProxyKind::Listen).map(|back| &**back),
    });
    let alone =
        plan.backends.iter().filter(|b| b.kind != ProxyKind::Listen || plan.frontend(&b.name).is_none());
    let backs = alone.map(|back| Section { name: &back.name, front: None, back: Some(back) });
    fronts.chain(backs).collect()
}

/// The lines of a dump, server by server and proxy by proxy.
pub(crate) fn dump(plan: &Plan) -> Vec<String> {
    let mut lines = vec!["SIGHUP received, dumping servers states.".to_owned()];
    for section in sections(plan) {
        let servers = section.back.map(|back| back.balance.servers());
        let servers = servers.as_ref().map_or(&[][..], |servers| servers);
        lines.extend(servers.iter().map(|server| of_server(section.name, server)));
        lines.push(of_proxy(&section, servers));
    }
    lines
}

fn of_server(backend: &str, server: &Server) -> String {
    let state = if server.is_up() { "UP" } else { "DOWN" };
    format!(
        "SIGHUP: Server {backend}/{} is {state}. Conn: {} act, {} pend, {} tot.",
        server.facts.name,
        server.sessions(),
        server.queued(),
        server.sessions_total(),
    )
}

fn of_proxy(section: &Section<'_>, servers: &[std::sync::Arc<Server>]) -> String {
    let usable = |backup: bool| servers.iter().filter(|s| s.facts.backup == backup && s.is_usable()).count();
    let (active, backup) = (usable(false), usable(true));
    let state = match (servers.len(), active, backup) {
        (0, _, _) => "has no servers.".to_owned(),
        (_, 0, 0) => "has no server available !".to_owned(),
        (_, 0, _) => "is running on backup servers.".to_owned(),
        (_, active, backup) => format!("has {active} active servers and {backup} backup servers available."),
    };
    let unassigned = section.back.map_or(0, |b| b.balance.queued());
    let waiting = unassigned + servers.iter().map(|s| s.queued()).sum::<u32>();
    format!(
        "SIGHUP: Proxy {} {state} Conn: act(FE+BE): {}+{}, {waiting} pend ({unassigned} unass), tot(FE+BE): {}+{}.",
        section.name,
        section.front.map_or(0, |f| f.connections.now()),
        section.back.map_or(0, |b| b.balance.load().sessions()),
        section.connections(),
        section.streams(),
    )
}

impl Section<'_> {
    /// Client connections since the start.
    fn connections(&self) -> u64 {
        self.front.map_or(0, |f| f.tally.sum(Count::Connections))
    }

    /// Streams of the backend since the start.
    fn streams(&self) -> u64 {
        self.back.map_or(0, |b| b.tally.sum(Count::Sessions))
    }
}

/// What is said of each proxy once it has stopped.
pub(crate) fn farewell(plan: &Plan) -> Vec<String> {
    let line = |section: Section<'_>| {
        let (front, back) = (section.connections(), section.streams());
        format!("Proxy {} stopped (cumulated conns: FE: {front}, BE: {back}).", section.name)
    };
    sections(plan).into_iter().map(line).collect()
}
