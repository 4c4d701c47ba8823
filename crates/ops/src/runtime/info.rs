//! `show version` and `show info`: the process in numbers. Names, positions and kinds of the fields are HAProxy's.

use super::call::{Call, Severity};
use super::stat_fields::until;
use super::table::{Command, PATIENCE};
use super::value::{Field, Form, Value};
use super::{Process, acme};
use proxy::certificates::binds;
use proxy::stats_socket::CliLevel::User;
use proxy::tally::{Count, Pace};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(
        &["show", "info"],
        "[desc|json|typed|float]*",
        "report information about the running process",
        User,
        |call| Box::pin(info(call)),
    ),
    Command::now(&["show", "version"], "", "show version of the current process", User, version),
];

fn version(call: &mut Call<'_>) {
    call.say(Severity::Info, call.process.product.version.clone());
}

/// The process at one moment, with what its threads had to be asked for.
struct Moment {
    process: Arc<Process>,
    tasks: usize,
    waiting: usize,
    stopping: bool,
    /// Certificates of `acme` sections that are not obtained.
    failing: usize,
}

impl Moment {
    async fn of(process: &Arc<Process>) -> Moment {
        let threads = process.workers.visit(PATIENCE, |worker| {
            let metrics = tokio::runtime::Handle::current().metrics();
            (metrics.num_alive_tasks(), metrics.global_queue_depth(), worker.stopping())
        });
        let threads = threads.await;
        Moment {
            process: process.clone(),
            tasks: threads.iter().map(|(tasks, _, _)| tasks).sum(),
            waiting: threads.iter().map(|(_, waiting, _)| waiting).sum(),
            stopping: threads.iter().any(|(_, _, stopping)| *stopping),
            failing: acme::failing(process).await,
        }
    }
}

async fn info(call: &mut Call<'_>) {
    let form = Form::of(call.args);
    let moment = Moment::of(call.process).await;
    let values = FIELDS.iter().filter_map(|field| Some((field, (field.value)(&moment)?)));
    if form.json {
        let objects: Vec<String> =
            values.map(|(field, value)| format!("{{{}}}", field.json(field.tags, &value))).collect();
        return call.put(format!("[{}]\n", objects.join(",")));
    }
    for (field, value) in values {
        if form.typed {
            call.put(format!("{}.{}.1{}", field.position, field.name, field.typed(field.tags, &value, form)));
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
    value: fn(&Moment) -> Option<Value>,
) -> Field<Moment> {
    Field { position, name, tags, doc, value }
}

/// What does not exist here counts nothing.
const NONE: fn(&Moment) -> Option<Value> = |_| Some(Value::U32(0));

const FIELDS: &[Field<Moment>] = &[
    field(0, "Name", "POS", "Name of the product", |p| Some(p.process.product.name.as_str().into())),
    field(1, "Version", "POS", "HAProxy version whose language is spoken", |p| {
        Some(p.process.product.version.as_str().into())
    }),
    field(2, "Release_date", "POS", "Date of the release", |p| {
        Some(p.process.product.release_date.as_str().into())
    }),
    field(3, "Nbthread", "CGS", "Worker threads", |p| Some(Value::count(p.process.plan.process.threads))),
    field(4, "Nbproc", "CGS", "Worker processes, always 1", |_| Some(Value::U32(1))),
    field(5, "Process_num", "KGP", "Number of this worker process, always 1", |_| Some(Value::U32(1))),
    field(6, "Pid", "SGP", "Number of the process to the system", |_| Some(Value::U32(std::process::id()))),
    field(7, "Uptime", "MDP", "Time since the start", |p| Some(Value::Text(uptime(&p.process)))),
    field(8, "Uptime_sec", "MDP", "Time since the start, seconds", |p| {
        Some(Value::count(p.process.started.elapsed().as_secs()))
    }),
    field(9, "Memmax_MB", "CLP", "Limit of memory, MB; 0 is none", NONE),
    field(13, "Ulimit-n", "CLP", "Most file descriptors", |_| Some(Value::count(descriptors()))),
    field(14, "Maxsock", "CLP", "Most sockets", |_| Some(Value::count(descriptors()))),
    field(15, "Maxconn", "CLP", "Most client connections", |p| {
        Some(Value::U32(p.process.plan.process.maxconn.now()))
    }),
    field(16, "Hard_maxconn", "CLP", "Most client connections that can be set", |p| {
        Some(Value::U32(p.process.plan.process.maxconn.configured))
    }),
    field(17, "CurrConns", "MGP", "Client connections now", |p| {
        Some(Value::U32(p.process.plan.process.connections.now()))
    }),
    field(18, "CumConns", "MCP", "Client connections since the start", |p| {
        Some(Value::count(fronts(p, Count::Connections)))
    }),
    field(19, "CumReq", "MCP", "Requests since the start", |p| {
        Some(Value::count(fronts(p, Count::Requests)))
    }),
    field(22, "CumSslConns", "MCP", "TLS connections of clients since the start", |p| {
        Some(Value::count(fronts(p, Count::TlsSessions) + fronts(p, Count::TlsFailed)))
    }),
    field(23, "Maxpipes", "CLP", "Most pipes; bytes do not go through pipes", NONE),
    field(24, "PipesUsed", "MGP", "Pipes in use", NONE),
    field(25, "PipesFree", "MGP", "Pipes that wait for use", NONE),
    field(26, "ConnRate", "MRP", "Client connections in the last second", |p| rate(p, Pace::Connections)),
    field(27, "ConnRateLimit", "CLP", "Limit of connections a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.connections.now()))
    }),
    field(28, "MaxConnRate", "MMP", "Most client connections in a second", |p| highest(p, Pace::Connections)),
    field(29, "SessRate", "MRP", "Sessions in the last second", |p| rate(p, Pace::Sessions)),
    field(30, "SessRateLimit", "CLP", "Limit of sessions a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.sessions.now()))
    }),
    field(31, "MaxSessRate", "MMP", "Most sessions in a second", |p| highest(p, Pace::Sessions)),
    field(32, "SslRate", "MRP", "TLS handshakes with clients in the last second", |p| rate(p, Pace::Tls)),
    field(33, "SslRateLimit", "CLP", "Limit of TLS handshakes a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.tls.now()))
    }),
    field(34, "MaxSslRate", "MMP", "Most TLS handshakes in a second", |p| highest(p, Pace::Tls)),
    field(42, "CompressBpsIn", "MRP", "Bytes a second that are compressed", NONE),
    field(43, "CompressBpsOut", "MRP", "Compressed bytes a second", NONE),
    field(44, "CompressBpsRateLim", "CLP", "Limit of compressed bytes a second, 0 is none", NONE),
    field(47, "Tasks", "MGP", "Tasks of the worker threads", |p| Some(Value::count(p.tasks))),
    field(48, "Run_queue", "MGP", "Tasks that were woken from outside and wait for their turn", |p| {
        Some(Value::count(p.waiting))
    }),
    field(50, "node", "COS", "Name of the node", |p| Some((&*p.process.plan.process.node).into())),
    field(52, "Stopping", "MGP", "1 during a soft stop", |p| Some(Value::U32(u32::from(p.stopping)))),
    field(53, "Jobs", "MGP", "Client connections and listeners", |p| {
        Some(Value::count(p.process.plan.process.connections.now() as usize + listeners(p)))
    }),
    field(55, "Listeners", "MGP", "Addresses listened on", |p| Some(Value::count(listeners(p)))),
    field(56, "ActivePeers", "MGP", "Peers that take part", NONE),
    field(57, "ConnectedPeers", "MGP", "Peers that are connected", NONE),
    field(59, "BusyPolling", "MGP", "1 where threads never sleep", NONE),
    field(61, "TotalBytesOut", "MGP", "Bytes sent to clients", |p| {
        Some(Value::U64(fronts(p, Count::BytesOut)))
    }),
    field(66, "Build info", "POS", "Name and version of the program", |p| {
        Some(p.process.product.build.as_str().into())
    }),
    field(67, "Memmax_bytes", "CLP", "Limit of memory, bytes; 0 is none", NONE),
    field(70, "Start_time_sec", "MDP", "When it started, seconds since the epoch", |p| {
        Some(Value::count(p.process.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()))
    }),
    field(71, "Tainted", "SGP", "Experimental features in use", |_| Some("0".into())),
    // HAProxy has none of these: their positions are far from its own.
    field(1000, "Lockgate_certificates", "MGP", "Certificates that binds serve", |p| {
        Some(Value::count(binds(&p.process.plan).iter().map(|bind| bind.tls.certificates()).sum::<usize>()))
    }),
    field(
        1001,
        "Lockgate_certificates_end_sec",
        "MGP",
        "Seconds until the first of them ends, negative once it has",
        |p| {
            let ends = binds(&p.process.plan).into_iter().filter_map(|bind| bind.tls.soonest_end());
            ends.min().map(|end| until(end, p.process.now_ms()))
        },
    ),
    field(1002, "Lockgate_certificates_failing", "MGP", "Certificates whose last attempt failed", |p| {
        Some(Value::count(p.failing))
    }),
];

/// Of all frontends together.
fn fronts(at: &Moment, what: Count) -> u64 {
    at.process.plan.frontends.iter().map(|front| front.tally.sum(what)).sum()
}

fn rate(at: &Moment, which: Pace) -> Option<Value> {
    Some(Value::U32(at.process.plan.per_second(which, at.process.now_ms())))
}

fn highest(at: &Moment, which: Pace) -> Option<Value> {
    let now = at.process.plan.per_second(which, at.process.now_ms());
    Some(Value::U32(at.process.plan.process.rates.highest(which).max(now)))
}

fn listeners(at: &Moment) -> usize {
    at.process.plan.frontends.iter().map(|f| f.listeners.len()).sum()
}

pub(super) fn descriptors() -> u64 {
    net::machine::fd_limit().soft
}

/// `0d 0h00m01s`
pub(super) fn uptime(process: &Process) -> String {
    let (days, hours, minutes, seconds) = process.uptime();
    format!("{days}d {hours}h{minutes:02}m{seconds:02}s")
}
