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
    Command::now(&["set", "rate-limit"], "<setting> <value>", "change a rate limiting value", Admin, rate),
];

const RATES: &str = "'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s";

/// A limit of the whole process, 0 for none. What is no number is refused where HAProxy takes it for 0.
fn rate(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    let rates = &plan.process.rates;
    let limit = match (call.arg(0), call.arg(1)) {
        ("connections", "global") => &rates.connections,
        ("sessions", "global") => &rates.sessions,
        ("ssl-sessions", "global") => &rates.tls,
        ("http-compression", "global") => {
            return call.refuse("Responses are not compressed: there is nothing to limit.");
        }
        _ => return call.refuse(RATES),
    };
    match call.arg(2).parse::<u32>() {
        Ok(most) => limit.set(most),
        Err(_) if call.arg(2).starts_with('-') => call.refuse("Value out of range."),
        Err(_) => call.refuse("Expects an integer value."),
    }
}

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
