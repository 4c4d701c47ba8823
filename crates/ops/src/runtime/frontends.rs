//! Closing and opening frontends: `disable`, `enable` and `shutdown frontend`. Connections that are open go on.

use super::call::Call;
use super::table::{Command, PATIENCE, Waiting};
use proxy::clock::now_us;
use proxy::gate::GateState;
use proxy::plan::{Frontend, Plan};
use proxy::stats_socket::CliLevel::Admin;
use proxy::tally::Count;
use std::sync::Arc;

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(
        &["disable", "frontend"],
        "<frontend>",
        "temporarily disable specific frontend",
        Admin,
        |c| turn(c, GateState::Paused),
    ),
    Command::later(&["enable", "frontend"], "<frontend>", "re-enable specific frontend", Admin, |c| {
        turn(c, GateState::Open)
    }),
    Command::later(&["shutdown", "frontend"], "<frontend>", "stop a specific frontend", Admin, |c| {
        turn(c, GateState::Stopped)
    }),
];

/// How grave syslog takes it: a warning.
const WARNING: u8 = 4;

/// The frontend that the first argument names, or numbers behind `#`; says why there is none.
pub(super) fn frontend<'p>(call: &mut Call<'_>, plan: &'p Plan) -> Option<&'p Arc<Frontend>> {
    let word = call.arg(0).to_owned();
    if word.is_empty() {
        call.refuse("A frontend name is expected.");
        return None;
    }
    let found = match word.strip_prefix('#').and_then(|n| n.parse::<u32>().ok()) {
        Some(id) => plan.frontends.iter().find(|f| f.id == id),
        None => plan.frontend(&word),
    };
    if found.is_none() {
        call.refuse("No such frontend.");
    }
    found
}

fn turn<'a>(call: &'a mut Call<'_>, wish: GateState) -> Waiting<'a> {
    Box::pin(async move {
        let plan = call.process.plan.clone();
        let Some(front) = frontend(call, &plan) else { return };
        let before = front.gate.state();
        if let Some(why) = refused(before, wish) {
            return call.refuse(why);
        }
        front.gate.set(wish);
        if call.process.workers.follow_gates(PATIENCE).await {
            return front.log.notice(&report(front, wish), WARNING, now_us());
        }
        let verb = match wish {
            GateState::Open => "resume",
            GateState::Paused => "pause",
            GateState::Stopped => "stop",
        };
        call.refuse(format_args!("Failed to {verb} frontend, check logs for precise cause."));
    })
}

/// HAProxy's words for what makes no sense now.
fn refused(state: GateState, wish: GateState) -> Option<&'static str> {
    match (state, wish) {
        (GateState::Stopped, GateState::Open) => Some("Frontend was previously shut down, cannot enable."),
        (GateState::Stopped, GateState::Paused) => Some("Frontend was previously shut down, cannot disable."),
        (GateState::Stopped, GateState::Stopped) => Some("Frontend was already shut down."),
        (GateState::Open, GateState::Open) => Some("All sockets are already enabled."),
        (GateState::Paused, GateState::Paused) => Some("All sockets are already disabled."),
        (GateState::Open | GateState::Paused, _) => None,
    }
}

fn report(front: &Frontend, state: GateState) -> String {
    match state {
        GateState::Open => format!("Resumed frontend {}.", front.name),
        GateState::Paused => format!("Paused frontend {}.", front.name),
        GateState::Stopped => format!(
            "Proxy {} stopped (cumulated conns: FE: {}, BE: 0).",
            front.name,
            front.tally.sum(Count::Connections)
        ),
    }
}
