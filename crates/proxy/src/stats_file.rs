//! Counters as text that outlives a process (`stats-file`, management guide 9.3 `dump stats-file`): written over the
//! runtime API, read at start. A line belongs to whatever has its `guid`, whatever it is called by then. Writes and
//! reads text; touches no file.

use crate::plan::{Backend, Frontend, Plan};
use crate::server::Server;
use crate::tally::{Count, Tally};
use std::collections::HashMap;
use std::sync::Arc;

/// Columns of frontends.
const FRONT: &[(&str, Count)] = &[
    ("stot", Count::Sessions),
    ("bin", Count::BytesIn),
    ("bout", Count::BytesOut),
    ("dreq", Count::DeniedRequests),
    ("dresp", Count::DeniedResponses),
    ("ereq", Count::RequestErrors),
    ("hrsp_1xx", Count::Responses1xx),
    ("hrsp_2xx", Count::Responses2xx),
    ("hrsp_3xx", Count::Responses3xx),
    ("hrsp_4xx", Count::Responses4xx),
    ("hrsp_5xx", Count::Responses5xx),
    ("hrsp_other", Count::ResponsesOther),
    ("req_tot", Count::Requests),
    ("conn_tot", Count::Connections),
    ("intercepted", Count::Intercepted),
    ("dcon", Count::DeniedConnections),
    ("dses", Count::DeniedSessions),
];

/// Columns of backends and servers.
const BACK: &[(&str, Count)] = &[
    ("stot", Count::Sessions),
    ("bin", Count::BytesIn),
    ("bout", Count::BytesOut),
    ("dreq", Count::DeniedRequests),
    ("dresp", Count::DeniedResponses),
    ("econ", Count::ConnectErrors),
    ("eresp", Count::ResponseErrors),
    ("wretr", Count::Retries),
    ("wredis", Count::Redispatches),
    ("lbtot", Count::Chosen),
    ("hrsp_1xx", Count::Responses1xx),
    ("hrsp_2xx", Count::Responses2xx),
    ("hrsp_3xx", Count::Responses3xx),
    ("hrsp_4xx", Count::Responses4xx),
    ("hrsp_5xx", Count::Responses5xx),
    ("hrsp_other", Count::ResponsesOther),
    ("req_tot", Count::Requests),
    ("cli_abrt", Count::ClientAborts),
    ("srv_abrt", Count::ServerAborts),
    ("connect", Count::Connects),
    ("reuse", Count::Reuses),
];

/// Something that is counted and has a `guid`.
enum Counted {
    Front(Arc<Frontend>),
    Back(Arc<Backend>),
    Server(Arc<Server>),
}

impl Counted {
    fn guid(&self) -> Option<&str> {
        match self {
            Counted::Front(front) => front.guid.as_deref(),
            Counted::Back(back) => back.guid.as_deref(),
            Counted::Server(server) => server.facts.guid.as_deref(),
        }
    }

    fn tally(&self) -> &Tally {
        match self {
            Counted::Front(front) => &front.tally,
            Counted::Back(back) => &back.tally,
            Counted::Server(server) => &server.target.tally,
        }
    }

    /// A server counts its sessions elsewhere.
    fn server(&self) -> Option<&Server> {
        if let Counted::Server(server) = self { Some(server) } else { None }
    }
}

fn fronts(plan: &Plan) -> impl Iterator<Item = Counted> {
    let all = plan.frontends.iter().map(|f| Counted::Front(f.clone()));
    all.filter(|counted| counted.guid().is_some())
}

fn backs(plan: &Plan) -> impl Iterator<Item = Counted> {
    let all = plan.backends.iter().flat_map(|back| {
        let servers: Vec<_> = back.balance.servers().iter().cloned().map(Counted::Server).collect();
        std::iter::once(Counted::Back(back.clone())).chain(servers)
    });
    all.filter(|counted| counted.guid().is_some())
}

/// The counters of all that has a `guid`.
pub fn write(plan: &Plan) -> String {
    let mut out = String::new();
    section(&mut out, "#fe guid", FRONT, fronts(plan));
    section(&mut out, "#be guid", BACK, backs(plan));
    out
}

fn section(out: &mut String, title: &str, columns: &[(&str, Count)], all: impl Iterator<Item = Counted>) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    out.push_str(&format!("{title},{},\n", names.join(",")));
    for counted in all {
        out.push_str(counted.guid().unwrap_or_default());
        for (_, what) in columns {
            let value = match (what, counted.server()) {
                (Count::Sessions, Some(server)) => server.sessions_total(),
                (what, _) => counted.tally().sum(*what),
            };
            out.push_str(&format!(",{value}"));
        }
        out.push_str(",\n");
    }
    out.push('\n');
}

/// Begins the counters of a plan that does not serve yet with what was written. Unknown columns, objects and lines are
/// passed over: they are of another configuration or program. How many objects have taken something.
pub fn load(plan: &Plan, text: &str) -> usize {
    let named = |c: Counted| Some((c.guid()?.to_owned(), c));
    let front: HashMap<String, Counted> = fronts(plan).filter_map(named).collect();
    let back: HashMap<String, Counted> = backs(plan).filter_map(named).collect();
    let mut columns: Vec<Option<Count>> = Vec::new();
    let mut objects = &front;
    let mut taken = 0;
    for line in text.lines() {
        let mut fields = line.split(',');
        let first = fields.next().unwrap_or_default().trim();
        if first.starts_with('#') {
            let known = if first == "#be guid" { BACK } else { FRONT };
            objects = if first == "#be guid" { &back } else { &front };
            let known = |name: &str| known.iter().find(|(n, _)| *n == name).map(|(_, what)| *what);
            columns = if first.ends_with(" guid") { fields.map(known).collect() } else { Vec::new() };
        } else if let Some(counted) = objects.get(first) {
            counted.begin_with(columns.iter().zip(fields));
            taken += 1;
        }
    }
    taken
}

impl Counted {
    fn begin_with<'c>(&self, values: impl Iterator<Item = (&'c Option<Count>, &'c str)>) {
        for (what, value) in values {
            let (Some(what), Ok(value)) = (what, value.parse::<u64>()) else { continue };
            match (what, self.server()) {
                (Count::Sessions, Some(server)) => server.begin_sessions_with(value),
                // No worker runs yet: the first one's cells are nobody's.
                (what, _) => self.tally().add(1, *what, value),
            }
        }
    }
}
