//! `show version` and `show info`: the process in numbers. Names, positions and kinds of the fields are HAProxy's.

use super::call::{Call, Severity};
use super::lately::{Lately, Sample};
use super::stat_fields::until;
use super::table::{Command, PATIENCE};
use super::value::{Field, Form, Value};
use super::{Process, acme};
use proxy::Worker;
use proxy::certificates::binds;
use proxy::stats_socket::CliLevel::User;
use proxy::tally::{Count, Pace, Tally};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

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
    threads: Vec<Thread>,
    /// Certificates of `acme` sections that are not obtained.
    failing: usize,
    /// What went on in the last second or more.
    lately: Lately,
    /// `float`
    float: bool,
}

/// What a worker thread tells.
struct Thread {
    tasks: usize,
    waiting: usize,
    stopping: bool,
    busy: Duration,
    pipes: net::PipesUse,
    /// Bytes of pools: all, and those in use.
    pools: (usize, usize),
}

impl Thread {
    fn of(worker: &Worker) -> Thread {
        let metrics = tokio::runtime::Handle::current().metrics();
        let pools = worker.pools();
        Thread {
            tasks: metrics.num_alive_tasks(),
            waiting: metrics.global_queue_depth(),
            stopping: worker.stopping(),
            busy: metrics.worker_total_busy_duration(0),
            pipes: worker.pipes_in_use(),
            pools: (
                pools.iter().map(|p| (p.kept + p.used) * p.size).sum(),
                pools.iter().map(|p| p.used * p.size).sum(),
            ),
        }
    }
}

impl Moment {
    async fn of(process: &Arc<Process>, float: bool) -> Moment {
        let threads = process.workers.visit(PATIENCE, Thread::of).await;
        let busy = threads.iter().map(|t| t.busy).sum();
        let bytes_out = process.plan.frontends.iter().map(|f| f.tally.sum(Count::BytesOut)).sum();
        let lately = process.lately.note(Sample { at: Instant::now(), busy, bytes_out }, threads.len());
        Moment { process: process.clone(), threads, failing: acme::failing(process).await, lately, float }
    }

    fn sum(&self, of: impl Fn(&Thread) -> usize) -> Option<Value> {
        Some(Value::U64(self.threads.iter().map(|t| of(t) as u64).sum()))
    }

    fn count(&self, of: impl Fn(&Thread) -> usize) -> Option<Value> {
        Some(Value::count(self.threads.iter().map(of).sum::<usize>()))
    }
}

async fn info(call: &mut Call<'_>) {
    let form = Form::of(call.args);
    let moment = Moment::of(call.process, form.float).await;
    let values = FIELDS.iter().filter_map(|field| Some((field, (field.value)(&moment)?)));
    if form.json {
        let objects: Vec<String> =
            values.map(|(field, value)| format!("{{{}}}", field.json(tags(field, &value), &value))).collect();
        return call.put(format!("[{}]\n", objects.join(",")));
    }
    for (field, value) in values {
        if form.typed {
            call.put(format!(
                "{}.{}.1{}",
                field.position,
                field.name,
                field.typed(tags(field, &value), &value, form)
            ));
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
        let uptime = p.process.started.elapsed();
        Some(if p.float { Value::Float(uptime.as_secs_f64()) } else { Value::count(uptime.as_secs()) })
    }),
    field(9, "Memmax_MB", "CLP", "Limit of memory, MB; 0 is none", NONE),
    field(10, "PoolAlloc_MB", "MGP", "Memory of the pools, MB", |p| p.count(|t| t.pools.0 >> 20)),
    field(11, "PoolUsed_MB", "MGP", "Memory of the pools in use, MB", |p| p.count(|t| t.pools.1 >> 20)),
    field(12, "PoolFailed", "MCP", "Allocations of pools that failed; without memory the process ends", NONE),
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
    field(20, "MaxSslConns", "MMP", "Most TLS connections; they count as others do", NONE),
    field(21, "CurrSslConns", "MGP", "TLS connections now, of clients and to servers", |p| {
        Some(Value::count(tls_connections(p)))
    }),
    field(22, "CumSslConns", "MCP", "TLS connections of clients since the start", |p| {
        Some(Value::count(fronts(p, Count::TlsSessions) + fronts(p, Count::TlsFailed)))
    }),
    field(23, "Maxpipes", "CLP", "Most pipes", |p| p.count(|t| t.pipes.most)),
    field(24, "PipesUsed", "MGP", "Pipes in use", |p| p.count(|t| t.pipes.used)),
    field(25, "PipesFree", "MGP", "Pipes that wait for use", |p| p.count(|t| t.pipes.free)),
    field(26, "ConnRate", "MRP", "Client connections in the last second", |p| rate(p, Pace::Connections)),
    field(27, "ConnRateLimit", "CLP", "Limit of connections a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.connections.now()))
    }),
    field(28, "MaxConnRate", "MMP", "Most client connections in a second", |p| highest(p, Pace::Connections)),
    field(29, "SessRate", "MRP", "Sessions in the last second", |p| rate(p, Pace::Sessions)),
    field(30, "SessRateLimit", "CLP", "Limit of sessions a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.sessions.now()))
    }),
    field(31, "MaxSessRate", "MRP", "Most sessions in a second", |p| highest(p, Pace::Sessions)),
    field(32, "SslRate", "MRP", "TLS handshakes with clients in the last second", |p| rate(p, Pace::Tls)),
    field(33, "SslRateLimit", "CLP", "Limit of TLS handshakes a second, 0 is none", |p| {
        Some(Value::U32(p.process.plan.process.rates.tls.now()))
    }),
    field(34, "MaxSslRate", "MMP", "Most TLS handshakes in a second", |p| highest(p, Pace::Tls)),
    field(35, "SslFrontendKeyRate", "MGP", "Keys agreed on with clients in the last second", |p| {
        told(p, keys(p, fronts_tallies(p)))
    }),
    field(36, "SslFrontendMaxKeyRate", "MMP", "Most keys agreed on with clients in a second", |p| {
        Some(Value::U32(most_keys(p, fronts_tallies(p))))
    }),
    field(
        37,
        "SslFrontendSessionReuse_pct",
        "MGP",
        "Share of TLS sessions that were resumed, percent",
        |p| {
            let (all, resumed) = (fronts(p, Count::TlsSessions), fronts(p, Count::TlsResumed));
            told(p, (resumed * 100).checked_div(all).map_or(0, |percent| percent as u32))
        },
    ),
    field(38, "SslBackendKeyRate", "MRP", "Keys agreed on with servers in the last second", |p| {
        told(p, keys(p, backs_tallies(p)))
    }),
    field(39, "SslBackendMaxKeyRate", "MMP", "Most keys agreed on with servers in a second", |p| {
        Some(Value::U32(most_keys(p, backs_tallies(p))))
    }),
    field(40, "SslCacheLookups", "MCP", "Sessions looked up; they are resumed by tickets", NONE),
    field(41, "SslCacheMisses", "MCP", "Sessions looked up and not found", NONE),
    field(42, "CompressBpsIn", "MRP", "Bytes a second that are compressed", |p| told(p, 0)),
    field(43, "CompressBpsOut", "MRP", "Compressed bytes a second", |p| told(p, 0)),
    field(44, "CompressBpsRateLim", "CLP", "Limit of compressed bytes a second, 0 is none", NONE),
    field(47, "Tasks", "MGP", "Tasks of the worker threads", |p| p.count(|t| t.tasks)),
    field(48, "Run_queue", "MGP", "Tasks that were woken from outside and wait for their turn", |p| {
        p.count(|t| t.waiting)
    }),
    field(49, "Idle_pct", "MaP", "Share of time that worker threads waited lately, percent", |p| {
        Some(Value::U32(p.lately.idle_percent))
    }),
    field(50, "node", "COS", "Name of the node", |p| Some((&*p.process.plan.process.node).into())),
    field(51, "description", "COS", "What the operator calls it", |p| {
        Some(p.process.plan.process.description.as_deref()?.into())
    }),
    field(52, "Stopping", "MGP", "1 during a soft stop", |p| {
        Some(Value::U32(u32::from(p.threads.iter().any(|t| t.stopping))))
    }),
    field(53, "Jobs", "MGP", "Client connections and listeners", |p| {
        Some(Value::count(p.process.plan.process.connections.now() as usize + listeners(p)))
    }),
    field(54, "Unstoppable Jobs", "MGP", "Jobs that a soft stop does not wait for", NONE),
    field(55, "Listeners", "MGP", "Addresses listened on", |p| Some(Value::count(listeners(p)))),
    field(56, "ActivePeers", "MGP", "Peers that take part", NONE),
    field(57, "ConnectedPeers", "MGP", "Peers that are connected", NONE),
    field(58, "DroppedLogs", "MGP", "Log lines that were dropped", |p| Some(Value::count(dropped_logs(p)))),
    field(59, "BusyPolling", "MGP", "1 where threads never sleep", NONE),
    field(60, "FailedResolutions", "MGP", "Names that could not be looked up", NONE),
    field(61, "TotalBytesOut", "MGP", "Bytes sent to clients", |p| {
        Some(Value::U64(fronts(p, Count::BytesOut)))
    }),
    field(62, "TotalSplicdedBytesOut", "MGP", "Bytes that passed inside the kernel", |p| {
        Some(Value::U64(p.threads.iter().map(|t| t.pipes.moved).sum()))
    }),
    field(63, "BytesOutRate", "MRP", "Bytes sent to clients in the last second", |p| {
        Some(Value::U64(p.lately.bytes_out))
    }),
    field(64, "DebugCommandsIssued", "MGP", "Debug commands; there are none", |_| Some(Value::U32(0))),
    field(65, "CumRecvLogs", "MCP", "Log lines received; none are taken", NONE),
    field(66, "Build info", "POS", "Name and version of the program", |p| {
        Some(p.process.product.build.as_str().into())
    }),
    field(67, "Memmax_bytes", "CLP", "Limit of memory, bytes; 0 is none", NONE),
    field(68, "PoolAlloc_bytes", "MGP", "Memory of the pools, bytes", |p| p.sum(|t| t.pools.0)),
    field(69, "PoolUsed_bytes", "MGP", "Memory of the pools in use, bytes", |p| p.sum(|t| t.pools.1)),
    field(70, "Start_time_sec", "MDP", "When it started, seconds since the epoch", |p| {
        let since = p.process.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(if p.float { Value::Float(since.as_secs_f64()) } else { Value::count(since.as_secs()) })
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

/// A rate, with the width that is asked for.
fn told(at: &Moment, rate: u32) -> Option<Value> {
    Some(if at.float { Value::Float(rate.into()) } else { Value::U32(rate) })
}

/// HAProxy calls two of its shares rates where they are told with their fractions.
fn tags(field: &Field<Moment>, value: &Value) -> &'static str {
    match (field.position, value) {
        (35 | 37, Value::Float(_)) => "MRP",
        _ => field.tags,
    }
}

fn rate(at: &Moment, which: Pace) -> Option<Value> {
    told(at, at.process.plan.per_second(which, at.process.now_ms()))
}

fn highest(at: &Moment, which: Pace) -> Option<Value> {
    let now = at.process.plan.busiest(which, at.process.now_ms());
    Some(Value::U32(at.process.plan.process.rates.highest(which).max(now)))
}

fn listeners(at: &Moment) -> usize {
    let plan = &at.process.plan;
    plan.frontends.iter().map(|f| f.listeners.len()).sum::<usize>() + plan.process.stats.sockets.len()
}

fn fronts_tallies(at: &Moment) -> impl Iterator<Item = &Tally> {
    at.process.plan.frontends.iter().map(|front| &front.tally)
}

fn backs_tallies(at: &Moment) -> impl Iterator<Item = &Tally> {
    at.process.plan.backends.iter().map(|back| &back.tally)
}

fn keys<'t>(at: &Moment, tallies: impl Iterator<Item = &'t Tally>) -> u32 {
    tallies.map(|tally| tally.per_second(Pace::TlsKeys, at.process.now_ms())).sum()
}

/// The sum of the maxima of each, which is no less than the maximum of their sum.
fn most_keys<'t>(at: &Moment, tallies: impl Iterator<Item = &'t Tally>) -> u32 {
    tallies.map(|tally| tally.highest(Pace::TlsKeys, at.process.now_ms())).sum()
}

fn tls_connections(at: &Moment) -> u32 {
    let plan = &at.process.plan;
    let listeners = plan.frontends.iter().flat_map(|f| &f.listeners).filter(|l| l.tls.is_some());
    let of_clients: u32 = listeners.map(|listener| listener.connections.now()).sum();
    let servers = plan.backends.iter().flat_map(|b| b.balance.servers().iter().cloned().collect::<Vec<_>>());
    let to_servers = servers.filter(|s| s.tls().is_some()).map(|s| s.idle() + s.sessions());
    of_clients + to_servers.sum::<u32>()
}

fn dropped_logs(at: &Moment) -> u64 {
    at.process.plan.log_sockets.iter().map(|socket| socket.dropped()).sum()
}

pub(super) fn descriptors() -> u64 {
    net::machine::fd_limit().soft
}

/// `0d 0h00m01s`
pub(super) fn uptime(process: &Process) -> String {
    let (days, hours, minutes, seconds) = process.uptime();
    format!("{days}d {hours}h{minutes:02}m{seconds:02}s")
}
