//! Looking at streams and ending them on purpose: `show sess`, `shutdown session`, `shutdown sessions server`. A stream
//! sees the wish and ends by itself; here it is only made known.

use super::call::Call;
use super::servers;
use super::table::{Command, PATIENCE};
use super::value::{endpoint, time};
use expr::format::date;
use net::Addr;
use proxy::plan::{Backend, Plan};
use proxy::roster::{Seen, Stage};
use proxy::server::{Server, Shutdown};
use proxy::stats_socket::CliLevel::{Admin, Operator};
use std::sync::Arc;

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(
        &["show", "sess"],
        "[id]",
        "report the list of current sessions or dump this exact session",
        Operator,
        |call| Box::pin(show(call)),
    ),
    Command::later(&["shutdown", "session"], "[id]", "kill a specific session", Admin, |call| {
        Box::pin(shutdown(call))
    }),
    Command::now(
        &["shutdown", "sessions", "server"],
        "<bk>/<srv>",
        "kill sessions on a server",
        Admin,
        of_server,
    ),
];

/// Places of a thread's sessions that are looked through in one visit, so that no visit delays traffic.
const AT_ONCE: usize = 256;

fn of_server(call: &mut Call<'_>) {
    let Some((back, server)) = servers::place(call) else { return };
    let plan = &call.process.plan;
    let server = plan.backends.get(back).and_then(|b| b.balance.server(server));
    if let Some(server) = server {
        server.shutdown_sessions(Shutdown::Operator);
        call.process.workers.wake_all();
    }
}

/// The number behind `0x`, or a plain one; 0, which no session has, for anything else.
fn number(word: &str) -> u64 {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap_or(0),
        None => word.parse().unwrap_or(0),
    }
}

async fn shutdown(call: &mut Call<'_>) {
    let id = number(call.arg(0));
    if id == 0 {
        return call.refuse("Session pointer expected (use 'show sess').");
    }
    let killed = call.process.workers.visit(PATIENCE, move |worker| worker.kill(id)).await;
    if !killed.contains(&true) {
        call.refuse("No such session (use 'show sess').");
    }
}

async fn show(call: &mut Call<'_>) {
    let process = call.process.clone();
    let all = call.arg(0) == "all";
    // HAProxy takes what is no number for none
    let only = (!all).then(|| number(call.arg(0))).filter(|id| *id > 0);
    let mut found = false;
    for start in (0..).step_by(AT_ONCE) {
        let looks = process.workers.visit(PATIENCE, move |worker| worker.look(start..start + AT_ONCE));
        let looks: Vec<Vec<Seen>> = looks.await.into_iter().flatten().collect();
        if looks.is_empty() {
            break;
        }
        for seen in looks.iter().flatten().filter(|seen| only.is_none_or(|id| id == seen.id)) {
            found = true;
            let text =
                if all || only.is_some() { whole(&process.plan, seen) } else { line(&process.plan, seen) };
            call.put(text);
            // A client that is gone needs no more.
            if call.flush_if_long().await.is_err() {
                return;
            }
        }
    }
    if only.is_some() && !found {
        call.refuse("Session not found.");
    }
}

fn backend<'p>(plan: &'p Plan, seen: &Seen) -> Option<&'p Arc<Backend>> {
    plan.backends.get(seen.back?)
}

fn server(plan: &Plan, seen: &Seen) -> Option<Arc<Server>> {
    backend(plan, seen)?.balance.server(seen.server?)
}

fn protocol(addr: &Addr) -> &'static str {
    match addr.inet() {
        Some(addr) if addr.is_ipv4() => "tcpv4",
        Some(_) => "tcpv6",
        None => "unix_stream",
    }
}

/// A client's address; those behind a unix socket have none but their listener's.
fn address(addr: &Addr, listener: u32) -> String {
    addr.inet().map_or_else(|| format!("unix:{listener}"), |addr| addr.to_string())
}

/// The numbers that HAProxy gives the states of a stream's server side.
fn server_side(stage: Stage) -> (u8, &'static str) {
    match stage {
        Stage::Request => (0, "INI"),
        Stage::Queue => (2, "QUE"),
        Stage::Connect => (5, "CON"),
        Stage::Headers | Stage::Data => (8, "EST"),
    }
}

fn line(plan: &Plan, seen: &Seen) -> String {
    let (back, server) = (backend(plan, seen), server(plan, seen));
    let expires = seen.expires.map(time).unwrap_or_default();
    let (of_client, of_server) = match seen.stage {
        Stage::Request => (expires.as_str(), ""),
        Stage::Queue | Stage::Connect => ("", ""),
        Stage::Headers | Stage::Data => ("", expires.as_str()),
    };
    let (state, _) = server_side(seen.stage);
    format!(
        "0x{:x}: proto={} src={} fe={} be={} srv={} ts=00 epoch=0 age={} calls={} rate=0 cpu=0 lat=0 \
         rq[f=00h,i={},an=00h,rx={of_client},wx=,ax=] rp[f=00h,i={},an=00h,rx={of_server},wx=,ax=] \
         scf=[8,0h,fd=-1] scb=[{state},0h,fd=-1] exp={expires} rc=0 c_exp=\n",
        seen.id,
        protocol(&seen.src),
        address(&seen.src, seen.listener.id),
        seen.front.name,
        back.map_or("<NONE>", |b| &b.name),
        server.as_ref().map_or("<none>", |s| &s.facts.name),
        time(seen.age),
        seen.requests.saturating_add(1),
        seen.moved.0,
        seen.moved.1,
    )
}

fn whole(plan: &Plan, seen: &Seen) -> String {
    let mode = |http: bool| if http { "http" } else { "tcp" };
    let expires = seen.expires.map_or_else(|| "<NEVER>".to_owned(), time);
    let (_, state) = server_side(seen.stage);
    let listener = if seen.listener.name.is_empty() { "?" } else { &seen.listener.name };
    let back = backend(plan, seen).map_or_else(
        || "<NONE> (id=-1 mode=-)".to_owned(),
        |b| format!("{} (id={} mode={})", b.name, b.id, mode(b.http)),
    );
    let server = server(plan, seen).map_or_else(
        || "<NONE> (id=-1)".to_owned(),
        |s| format!("{} (id={}) addr={}", s.facts.name, s.facts.id, endpoint(&s).unwrap_or_default()),
    );
    let xprt = seen.tls.as_deref().unwrap_or("RAW");
    format!(
        "0x{:x}: [{}] id={} proto={} source={}\n  \
         flags=0x0, conn_retries=0, waiting={} epoch=0\n  \
         frontend={} (id={} mode={}), listener={listener} (id={}) addr={}\n  \
         backend={back}\n  server={server}\n  \
         task=0x{:x} (state=0x00 nice=0 calls={} rate=0 exp={expires} tmask=0x{:x} age={})\n  \
         scf=0x{:x} state=EST ctrl={} xprt={xprt} target=LISTENER:{}\n  \
         scb=0x{:x} state={state}\n  \
         req=0x{:x} (total={})\n  res=0x{:x} (total={})\n",
        seen.id,
        date::with_micros(seen.began_us),
        seen.id & 0xff_ffff_ffff,
        protocol(&seen.src),
        address(&seen.src, seen.listener.id),
        u8::from(seen.stage == Stage::Queue),
        seen.front.name,
        seen.front.id,
        mode(seen.front.http),
        seen.listener.id,
        address(&seen.dst, seen.listener.id),
        seen.id,
        seen.requests.saturating_add(1),
        1u64 << (seen.thread.saturating_sub(1) & 63),
        time(seen.age),
        seen.id,
        protocol(&seen.src),
        seen.listener.id,
        seen.id,
        seen.id,
        seen.moved.0,
        seen.id,
        seen.moved.1,
    )
}
