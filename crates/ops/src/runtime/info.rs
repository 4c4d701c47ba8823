//! `show version` and `show info`: the process in numbers. Names, positions and kinds of the fields are HAProxy's.

use super::Process;
use super::call::{Call, Severity};
use super::table::Command;
use super::value::{Field, Form, Value};
use proxy::stats_socket::CliLevel::User;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["show", "info"], "[desc|json|typed]*", "the process in numbers", User, info),
    Command::now(&["show", "version"], "", "the version whose commands are understood", User, version),
];

fn version(call: &mut Call<'_>) {
    call.say(Severity::Info, call.process.product.version.clone());
}

fn info(call: &mut Call<'_>) {
    let form = Form::of(call.args);
    let process = call.process.clone();
    let values = FIELDS.iter().filter_map(|field| Some((field, (field.value)(&process)?)));
    if form.json {
        let objects: Vec<String> =
            values.map(|(field, value)| format!("{{{}}}", field.json(&value))).collect();
        return call.put(format!("[{}]\n", objects.join(",")));
    }
    for (field, value) in values {
        if form.typed {
            call.put(format!("{}.{}.1{}", field.position, field.name, field.typed(&value, form)));
        } else {
            call.put(format!("{}: {value}{}\n", field.name, field.description(form)));
        }
    }
}

const fn field(
    position: u32,
    name: &'static str,
    tags: &'static str,
    doc: &'static str,
    value: fn(&Process) -> Option<Value>,
) -> Field<Process> {
    Field { position, name, tags, doc, value }
}

/// What does not exist here counts nothing.
const NONE: fn(&Process) -> Option<Value> = |_| Some(Value::U32(0));

const FIELDS: &[Field<Process>] = &[
    field(0, "Name", "POS", "Name of the product", |p| Some(p.product.name.as_str().into())),
    field(1, "Version", "POS", "HAProxy version whose language is spoken", |p| {
        Some(p.product.version.as_str().into())
    }),
    field(2, "Release_date", "POS", "Date of the release", |p| Some(p.product.release_date.as_str().into())),
    field(3, "Nbthread", "CGS", "Worker threads", |p| Some(Value::count(p.plan.process.threads))),
    field(4, "Nbproc", "CGS", "Worker processes, always 1", |_| Some(Value::U32(1))),
    field(5, "Process_num", "KGP", "Number of this worker process, always 1", |_| Some(Value::U32(1))),
    field(6, "Pid", "SGP", "Number of the process to the system", |_| Some(Value::U32(std::process::id()))),
    field(7, "Uptime", "MDP", "Time since the start", |p| Some(Value::Text(uptime(p.started.elapsed())))),
    field(8, "Uptime_sec", "MDP", "Time since the start, seconds", |p| {
        Some(Value::count(p.started.elapsed().as_secs()))
    }),
    field(9, "Memmax_MB", "CLP", "Limit of memory, MB; 0 is none", NONE),
    field(13, "Ulimit-n", "CLP", "Most file descriptors", |_| Some(Value::count(descriptors()))),
    field(14, "Maxsock", "CLP", "Most sockets", |_| Some(Value::count(descriptors()))),
    field(15, "Maxconn", "CLP", "Most client connections", |p| Some(Value::U32(p.plan.process.maxconn))),
    field(16, "Hard_maxconn", "CLP", "Most client connections that can be set", |p| {
        Some(Value::U32(p.plan.process.maxconn))
    }),
    field(17, "CurrConns", "MGP", "Client connections now", |p| {
        Some(Value::U32(p.plan.process.connections.load(Relaxed)))
    }),
    field(18, "CumConns", "MCP", "Client connections since the start", |p| {
        Some(Value::count(p.plan.frontends.iter().map(|f| f.counters.total.load(Relaxed)).sum::<u64>()))
    }),
    field(19, "CumReq", "MCP", "Requests since the start", |p| {
        Some(Value::count(p.plan.frontends.iter().map(|f| f.counters.requests.load(Relaxed)).sum::<u64>()))
    }),
    field(30, "SessRateLimit", "CLP", "Limit of sessions a second, 0 is none", NONE),
    field(33, "SslRateLimit", "CLP", "Limit of TLS sessions a second, 0 is none", NONE),
    field(42, "CompressBpsIn", "MRP", "Bytes a second that are compressed", NONE),
    field(43, "CompressBpsOut", "MRP", "Compressed bytes a second", NONE),
    field(44, "CompressBpsRateLim", "CLP", "Limit of compressed bytes a second, 0 is none", NONE),
    field(50, "node", "COS", "Name of the node", |p| Some((&*p.plan.process.node).into())),
    field(55, "Listeners", "MGP", "Addresses listened on", |p| {
        Some(Value::count(p.plan.frontends.iter().map(|f| f.listeners.len()).sum::<usize>()))
    }),
    field(56, "ActivePeers", "MGP", "Peers that take part", NONE),
    field(57, "ConnectedPeers", "MGP", "Peers that are connected", NONE),
    field(59, "BusyPolling", "MGP", "1 where threads never sleep", NONE),
    field(66, "Build info", "POS", "Name and version of the program", |p| {
        Some(p.product.build.as_str().into())
    }),
    field(67, "Memmax_bytes", "CLP", "Limit of memory, bytes; 0 is none", NONE),
    field(70, "Start_time_sec", "MDP", "When it started, seconds since the epoch", |p| {
        Some(Value::count(p.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()))
    }),
    field(71, "Tainted", "SGP", "Experimental features in use", |_| Some("0".into())),
];

fn descriptors() -> u64 {
    net::machine::fd_limit().soft
}

/// `0d 0h00m01s`
fn uptime(since: Duration) -> String {
    let seconds = since.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    format!("{days}d {}h{:02}m{:02}s", hours % 24, minutes % 60, seconds % 60)
}
