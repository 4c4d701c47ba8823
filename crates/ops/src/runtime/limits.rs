//! Limits that move while traffic flows: `set maxconn frontend` and `set maxconn global`. Connections beyond a lowered
//! limit are left to finish; new ones wait in the system's backlog.

use super::call::Call;
use super::frontends;
use super::table::Command;
use proxy::stats_socket::CliLevel::Admin;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["set", "maxconn", "frontend"],
        "<frontend> <value>",
        "change a frontend's maxconn setting",
        Admin,
        frontend,
    ),
    Command::now(
        &["set", "maxconn", "global"],
        "<value>",
        "change the per-process maxconn setting",
        Admin,
        global,
    ),
];

fn frontend(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    let Some(front) = frontends::frontend(call, &plan) else { return };
    // HAProxy takes what is no number for 0, which would shut everybody out
    match call.arg(1).parse::<u32>() {
        Ok(limit) => front.maxconn.set(limit),
        Err(_) if call.arg(1).starts_with('-') => call.refuse("Value out of range."),
        Err(_) => call.refuse("Integer value expected."),
    }
}

/// 0 goes back to what was configured, which is also the most: descriptors were reckoned for that many.
fn global(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    let limit = &plan.process.maxconn;
    match call.arg(0).parse::<u32>() {
        Ok(0) => limit.set(limit.configured),
        Ok(most) if most <= limit.configured => limit.set(most),
        Ok(_) => call.refuse("Value out of range."),
        Err(_) => call.refuse("Expects an integer value."),
    }
}
