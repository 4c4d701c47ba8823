//! Counters as text that outlives a process (`stats-file`, management guide 9.3 `dump stats-file`): written over the
//! runtime API, read at start. A line belongs to whatever has its `guid`, whatever it is called by then. Writes and
//! reads text; touches no file.

use crate::plan::Plan;
use crate::server::Server;
use crate::tally::{Count, Tally};
use std::collections::HashMap;

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
struct Counted<'p> {
    guid: &'p str,
    tally: &'p Tally,
    /// A server counts its sessions elsewhere.
    server: Option<&'p Server>,
}

fn fronts(plan: &Plan) -> impl Iterator<Item = Counted<'_>> {
    plan.frontends
        .iter()
        .filter_map(|f| Some(Counted { guid: f.guid.as_deref()?, tally: &f.tally, server: None }))
}

fn backs(plan: &Plan) -> impl Iterator<Item = Counted<'_>> {
    plan.backends.iter().flat_map(|back| {
        let own = back.guid.as_deref().map(|guid| Counted { guid, tally: &back.tally, server: None });
        let servers = back.balance.servers().iter().zip(&back.targets);
        let servers = servers.filter_map(|(server, target)| {
            let guid = server.facts.guid.as_deref()?;
            Some(Counted { guid, tally: &target.tally, server: Some(server) })
        });
        own.into_iter().chain(servers)
    })
}

/// The counters of all that has a `guid`.
pub fn write(plan: &Plan) -> String {
    let mut out = String::new();
    section(&mut out, "#fe guid", FRONT, fronts(plan));
    section(&mut out, "#be guid", BACK, backs(plan));
    out
}

fn section<'p>(
    out: &mut String,
    title: &str,
    columns: &[(&str, Count)],
    all: impl Iterator<Item = Counted<'p>>,
) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    out.push_str(&format!("{title},{},\n", names.join(",")));
    for counted in all {
        out.push_str(counted.guid);
        for (_, what) in columns {
            let value = match (what, counted.server) {
                (Count::Sessions, Some(server)) => server.sessions_total(),
                (what, _) => counted.tally.sum(*what),
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
    let front: HashMap<&str, Counted<'_>> = fronts(plan).map(|c| (c.guid, c)).collect();
    let back: HashMap<&str, Counted<'_>> = backs(plan).map(|c| (c.guid, c)).collect();
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

impl Counted<'_> {
    fn begin_with<'c>(&self, values: impl Iterator<Item = (&'c Option<Count>, &'c str)>) {
        for (what, value) in values {
            let (Some(what), Ok(value)) = (what, value.parse::<u64>()) else { continue };
            match (what, self.server) {
                (Count::Sessions, Some(server)) => server.begin_sessions_with(value),
                // No worker runs yet: the first one's cells are nobody's.
                (what, _) => self.tally.add(1, *what, value),
            }
        }
    }
}
