//! What the worker threads are doing: `show activity`, `show threads`, `show pools`. Only what is known is told: a line
//! of HAProxy's that has no counterpart here is left out.

use super::call::Call;
use super::table::{Command, PATIENCE};
use proxy::Worker;
use proxy::stats_socket::CliLevel::{Operator, User};
use proxy::tally::Count;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(
        &["show", "activity"],
        "",
        "show per-thread activity stats (for support/developers)",
        Operator,
        |call| Box::pin(activity(call)),
    ),
    Command::later(&["show", "threads"], "", "show some threads debugging information", Operator, |call| {
        Box::pin(threads(call))
    }),
    Command::later(&["show", "tasks"], "", "show running tasks", User, |call| Box::pin(tasks(call))),
    Command::later(
        &["show", "pools"],
        "",
        "report information about the memory pools usage",
        Operator,
        |call| Box::pin(pools(call)),
    ),
];

/// One thread at one moment.
struct Thread {
    index: usize,
    tasks: usize,
    waiting: usize,
    loops: u64,
    busy: Duration,
    accepted: u64,
    requests: u64,
    stopping: bool,
    pools: Vec<proxy::PoolUse>,
}

fn look(worker: &Worker) -> Thread {
    let metrics = tokio::runtime::Handle::current().metrics();
    let fronts = || worker.plan.frontends.iter();
    Thread {
        index: worker.index,
        tasks: metrics.num_alive_tasks(),
        waiting: metrics.global_queue_depth(),
        loops: metrics.worker_park_count(0),
        busy: metrics.worker_total_busy_duration(0),
        accepted: fronts().map(|f| f.tally.of_thread(worker.index, Count::Connections)).sum(),
        requests: fronts().map(|f| f.tally.of_thread(worker.index, Count::Requests)).sum(),
        stopping: worker.stopping(),
        pools: worker.pools(),
    }
}

async fn seen(call: &Call<'_>) -> Vec<Thread> {
    call.process.workers.visit(PATIENCE, look).await
}

/// `name: total [ of each thread ]`
fn line(name: &str, threads: &[Thread], of: impl Fn(&Thread) -> u64) -> String {
    let each: Vec<u64> = threads.iter().map(of).collect();
    let total = each.iter().fold(0, |sum: u64, n| sum.wrapping_add(*n));
    let list: String = each.iter().map(|n| format!("{n} ")).collect();
    format!("{name}: {total} [ {list}]\n")
}

async fn activity(call: &mut Call<'_>) {
    let threads = seen(call).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = threads.len();
    call.put(format!("thread_id: 1 (1..{count})\ndate_now: {}.{:06}\n", now.as_secs(), now.subsec_micros()));
    call.put(line("loops", &threads, |t| t.loops));
    call.put(line("poll_io", &threads, |t| t.loops));
    call.put(line("stream_calls", &threads, |t| t.requests));
    let busy = |t: &Thread| u64::try_from(t.busy.as_millis()).unwrap_or(u64::MAX);
    call.put(line("busy_ms_tot", &threads, busy));
    let mean = |t: &Thread| u64::try_from(t.busy.as_micros()).unwrap_or(u64::MAX) / t.loops.max(1);
    let each: Vec<u64> = threads.iter().map(mean).collect();
    let list: String = each.iter().map(|n| format!("{n} ")).collect();
    call.put(format!("avg_loop_us: {} [ {list}]\n", each.iter().sum::<u64>() / (count.max(1) as u64)));
    call.put(line("accepted", &threads, |t| t.accepted));
}

async fn threads(call: &mut Call<'_>) {
    for t in seen(call).await {
        let (busy, stopping) = (t.busy.as_nanos(), u8::from(t.stopping));
        call.put(format!(
            "  Thread {} : act={} glob=0 wq={} rq={} tl=0 tlsz=0 rqsz=0\n             \
             stopping={stopping} loops={}\n             cpu_ns: busy={busy}\n",
            t.index,
            u8::from(t.waiting > 0),
            t.tasks,
            t.waiting,
            t.loops
        ));
    }
}

/// Those that wait for their turn; which functions they run is not known.
async fn tasks(call: &mut Call<'_>) {
    let threads = seen(call).await;
    let waiting: usize = threads.iter().map(|t| t.waiting).sum();
    call.put(format!(
        "Running tasks: {waiting} ({} threads)\n  function                     places     %    lat_tot   lat_avg\n",
        threads.len()
    ));
}

async fn pools(call: &mut Call<'_>) {
    let threads = seen(call).await;
    call.put("Dumping pools usage.\n");
    let names: Vec<&str> =
        threads.first().map(|t| t.pools.iter().map(|p| p.name).collect()).unwrap_or_default();
    let (mut bytes, mut used_bytes) = (0, 0);
    for name in &names {
        let of = threads.iter().flat_map(|t| &t.pools).filter(|p| p.name == *name);
        let size = of.clone().map(|p| p.size).max().unwrap_or_default();
        let (kept, used) = of.fold((0, 0), |(kept, used), p| (kept + p.kept, used + p.used));
        bytes += (kept + used) * size;
        used_bytes += used * size;
        call.put(format!(
            "  - Pool {name} ({size} bytes) : {} allocated ({} bytes), {used} used\n",
            kept + used,
            (kept + used) * size
        ));
    }
    call.put(format!("Total: {} pools, {bytes} bytes allocated, {used_bytes} used.\n", names.len()));
}
