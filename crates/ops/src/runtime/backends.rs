//! Looking at backends and their servers: `show backend`, `show servers state`, `show servers conn`.

use super::call::Call;
use super::servers::backend;
use super::table::{Command, PATIENCE, Waiting};
use proxy::plan::Backend;
use proxy::server::{Endpoint, Server, ServerPort};
use proxy::server_state;
use proxy::stats_socket::CliLevel::User;
use std::collections::BTreeMap;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["show", "backend"], "", "list backends in the current running config", User, names),
    Command::now(
        &["show", "servers", "state"],
        "[<backend>]",
        "dump volatile server information (all or for a single backend)",
        User,
        state,
    ),
    Command::later(
        &["show", "servers", "conn"],
        "[<backend>]",
        "dump server connections status (all or for a single backend)",
        User,
        connections,
    ),
];

fn names(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    call.put("# name\n");
    plan.backends.iter().for_each(|b| call.put(format_args!("{}\n", b.name)));
}

/// The backend that is asked for, `Ok(None)` for all; says where there is no such one.
fn wanted(call: &mut Call<'_>) -> Result<Option<usize>, ()> {
    if call.arg(0).is_empty() {
        return Ok(None);
    }
    match backend(&call.process.plan, call.arg(0)).map(|b| b.index) {
        Some(index) => Ok(Some(index)),
        None => {
            call.refuse("Can't find backend.");
            Err(())
        }
    }
}

fn state(call: &mut Call<'_>) {
    let Ok(only) = wanted(call) else { return };
    let process = call.process.clone();
    call.put(server_state::write(&process.plan, only, process.started_ms(), process.now_ms()));
}

fn connections<'a>(call: &'a mut Call<'_>) -> Waiting<'a> {
    Box::pin(async move {
        let Ok(only) = wanted(call) else { return };
        let process = call.process.clone();
        let idle = process.workers.visit(PATIENCE, |worker| worker.idle_by_place()).await;
        call.put(format_args!(
            "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb \
             idle_lim idle_cur idle_per_thr[{}]\n",
            idle.len()
        ));
        for back in process.plan.backends.iter().filter(|b| only.is_none_or(|i| b.index == i)) {
            for server in back.balance.servers().iter() {
                call.put(line(back, server, &idle));
            }
        }
    })
}

fn line(back: &Backend, server: &Server, idle: &[BTreeMap<usize, usize>]) -> String {
    let (facts, target) = (&server.facts, &server.target);
    let (addr, port) = match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => (ip.to_string(), *port),
        Some(Endpoint::Inet { ip, port: ServerPort::Offset(_) }) => (ip.to_string(), 0),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => ("-".to_owned(), 0),
    };
    let most = server.sessions_max();
    let per_thread: String =
        idle.iter().map(|places| format!(" {}", places.get(&target.place).copied().unwrap_or(0))).collect();
    format!(
        "{}/{} {}/{} {addr} {port} - {} {} {most} {most} 0 {} {} {}{per_thread}\n",
        back.name,
        facts.name,
        back.id,
        facts.id,
        target.pool_purge.as_millis(),
        server.sessions(),
        server.idle(),
        target.pool_max,
        server.idle(),
    )
}
