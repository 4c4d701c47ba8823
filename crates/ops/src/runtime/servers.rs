//! Steering servers while traffic flows: `set server`, `enable` and `disable`, weights and `maxconn`. What happens to
//! a server is `proxy::health::Operator`'s; here are the words, HAProxy's to the letter.

use super::Process;
use super::call::{Call, Severity};
use super::table::Command;
use proxy::dynamic_servers;
use proxy::health::{AdminWish, Operator, Place, Refusal, Watcher};
use proxy::plan::{Backend, Plan};
use proxy::resolvers::is_host_name;
use proxy::server::{Health, Server};
use proxy::stats_socket::CliLevel::{Admin, User};
use std::sync::Arc;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["set", "server"],
        "<bk>/<srv> [opts]",
        "change a server's state, weight, address or ssl",
        Admin,
        set,
    ),
    Command::now(
        &["set", "weight"],
        "<bk>/<srv>  (DEPRECATED)",
        "change a server's weight (use 'set server' instead)",
        Admin,
        set_weight,
    ),
    Command::now(&["get", "weight"], "<bk>/<srv>", "report a server's current weight", User, get_weight),
    Command::now(
        &["set", "maxconn", "server"],
        "<bk>/<srv>",
        "change a server's maxconn setting",
        Admin,
        set_maxconn,
    ),
    Command::now(&["add", "server"], "<bk>/<srv>", "create a new server", Admin, add),
    Command::now(&["del", "server"], "<bk>/<srv>", "remove a dynamically added server", Admin, delete),
    Command::now(
        &["enable", "server"],
        " (DEPRECATED)",
        "enable a disabled server (use 'set server' instead)",
        Admin,
        |call| {
            admin(call, AdminWish::Ready);
        },
    ),
    Command::now(
        &["disable", "server"],
        "(DEPRECATED)",
        "disable a server for maintenance (use 'set server' instead)",
        Admin,
        |call| {
            admin(call, AdminWish::Maint);
        },
    ),
    Command::now(&["enable", "health"], "", "enable health checks", Admin, |call| check(call, true)),
    Command::now(&["disable", "health"], "", "disable health checks", Admin, |call| check(call, false)),
    Command::now(&["enable", "agent"], "", "enable agent checks", Admin, |call| agent(call, true)),
    Command::now(&["disable", "agent"], "", "disable agent checks", Admin, |call| agent(call, false)),
];

const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
                     check-addr | check-port | fqdn | health | ssl | state | weight";

/// A backend by its name, or by its number behind `#`.
pub(super) fn backend<'p>(plan: &'p Plan, word: &str) -> Option<&'p Arc<Backend>> {
    match word.strip_prefix('#').and_then(|n| n.parse::<u32>().ok()) {
        Some(id) => plan.backends.iter().find(|b| b.id == id),
        None => plan.backend(word),
    }
}

/// The server that the first argument names; says why there is none.
pub(super) fn place(call: &mut Call<'_>) -> Option<Place> {
    named(call, 0)
}

/// The server that an argument names.
pub(super) fn named(call: &mut Call<'_>, arg: usize) -> Option<Place> {
    let plan = call.process.plan.clone();
    match find(&plan, call.arg(arg)) {
        Ok((back, server)) => Some((back.index, server.facts.index)),
        Err(why) => {
            call.refuse(why);
            None
        }
    }
}

/// `BACKEND/SERVER`, both by name or by number behind `#`.
fn find<'p>(plan: &'p Plan, word: &str) -> Result<(&'p Arc<Backend>, Arc<Server>), &'static str> {
    let (back, server) =
        word.split_once('/').filter(|(_, server)| !server.is_empty()).ok_or("Require 'backend/server'.")?;
    let back = backend(plan, back).ok_or("No such backend.")?;
    let id = server.strip_prefix('#').and_then(|n| n.parse::<u32>().ok());
    let named = |s: &&Arc<Server>| match id {
        Some(id) => s.facts.id == id,
        None => *s.facts.name == *server,
    };
    let server = back.balance.servers().iter().find(named).cloned().ok_or("No such server.")?;
    Ok((back, server))
}

fn add(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    let named = call.arg(0).split_once('/').filter(|(back, server)| !back.is_empty() && !server.is_empty());
    let Some((back, server)) = named else { return call.put("Require 'backend/server'.") };
    let Some(back) = backend(&plan, back) else { return call.put("No such backend.") };
    if !dynamic_servers::takes_servers(back) {
        return call.put("Backend must use a dynamic load balancing to support dynamic servers.");
    }
    let words = std::iter::once(server.to_owned()).chain(call.args.iter().skip(1).cloned());
    match dynamic_servers::add(&plan, back, &words.collect::<Vec<_>>()) {
        Ok(warnings) => {
            warnings.iter().for_each(|text| call.say(Severity::Warning, text));
            call.say(Severity::Info, "New server registered.");
        }
        Err(why) => call.refuse(why),
    }
}

fn delete(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    match find(&plan, call.arg(0)) {
        Ok((back, server)) => match dynamic_servers::delete(&plan, back, server.facts.index) {
            Ok(()) => call.put("Server deleted."),
            Err(why) => call.put(why),
        },
        Err(why) => call.put(why),
    }
}

fn operator(call: &Call<'_>) -> Operator {
    operator_of(call.process)
}

/// Who steers servers.
pub(super) fn operator_of(process: &Process) -> Operator {
    let workers = process.workers.clone();
    Operator::new(process.plan.clone(), move || workers.wake_all())
}

/// HAProxy ends some of its refusals without an end of line; so clients see them.
fn answer(call: &mut Call<'_>, done: Result<(), Refusal>) {
    let Err(refusal) = done else { return };
    let text = refusal.to_string();
    match text.strip_suffix('\n') {
        Some(line) => call.refuse(line),
        None => call.put(text),
    }
}

fn admin(call: &mut Call<'_>, wish: AdminWish) {
    let Some(at) = place(call) else { return };
    operator(call).set_admin(at, wish);
}

fn check(call: &mut Call<'_>, on: bool) {
    let Some(at) = place(call) else { return };
    let done = operator(call).switch_check(at, on);
    answer(call, done);
}

fn agent(call: &mut Call<'_>, on: bool) {
    let Some(at) = place(call) else { return };
    let done = operator(call).switch_agent(at, on);
    answer(call, done);
}

fn set_maxconn(call: &mut Call<'_>) {
    let Some(at) = place(call) else { return };
    if call.arg(1).is_empty() {
        return call.refuse("Require <maxconn>.");
    }
    let done = operator(call).set_maxconn(at, call.arg(1));
    answer(call, done);
}

fn set_weight(call: &mut Call<'_>) {
    let Some(at) = place(call) else { return };
    weigh(call, at, 1);
}

fn weigh(call: &mut Call<'_>, at: Place, arg: usize) {
    if call.arg(arg).is_empty() {
        return call.refuse("Require <weight> or <weight%>.");
    }
    let done = operator(call).set_weight(at, call.arg(arg));
    answer(call, done);
}

fn get_weight(call: &mut Call<'_>) {
    let Some((back, index)) = place(call) else { return };
    let plan = call.process.plan.clone();
    let Some(server) = plan.backends.get(back).and_then(|b| b.balance.server(index)) else { return };
    call.put(format_args!("{} (initial {})\n", server.weight(), server.facts.weight));
}

fn set(call: &mut Call<'_>) {
    let Some(at) = place(call) else { return };
    match call.arg(1) {
        "weight" => weigh(call, at, 2),
        "state" => state(call, at),
        "health" => health(call, at),
        "agent" => set_agent(call, at),
        "agent-send" => {
            let done = operator(call).set_agent_send(at, call.arg(2));
            match done {
                Err(Refusal::NoAgent) => call.refuse(AGENT_OFF),
                Err(_) | Ok(()) => answer(call, done),
            }
        }
        "addr" => addr(call, at),
        "check-addr" => watch_addr(call, at, Watcher::Check),
        "agent-addr" => watch_addr(call, at, Watcher::Agent),
        "check-port" => watch_port(call, at, Watcher::Check),
        "agent-port" => watch_port(call, at, Watcher::Agent),
        "fqdn" => fqdn(call, at),
        "ssl" => ssl(call, at),
        _ => call.refuse(USAGE),
    }
}

const AGENT_OFF: &str = "agent checks are not enabled on this server.";

fn state(call: &mut Call<'_>, at: Place) {
    let wish = match call.arg(2) {
        "ready" => AdminWish::Ready,
        "drain" => AdminWish::Drain,
        "maint" => AdminWish::Maint,
        _ => return call.refuse("'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
    };
    operator(call).set_admin(at, wish);
}

fn health(call: &mut Call<'_>, at: Place) {
    let operator = operator(call);
    let done = match call.arg(2) {
        "up" => operator.set_health(at, Health::Up),
        "stopping" => operator.set_health(at, Health::Stopping),
        "down" => operator.set_health(at, Health::Down),
        _ if operator.is_tracking(at) => Err(Refusal::Tracking),
        _ => return call.refuse("'set server <srv> health' expects 'up', 'stopping', or 'down'."),
    };
    answer(call, done);
}

fn set_agent(call: &mut Call<'_>, at: Place) {
    let operator = operator(call);
    if !operator.has_agent(at) {
        return call.refuse(AGENT_OFF);
    }
    let done = match call.arg(2) {
        "up" => operator.set_agent(at, true),
        "down" => operator.set_agent(at, false),
        _ => return call.refuse("'set server <srv> agent' expects 'up' or 'down'."),
    };
    answer(call, done);
}

/// The port behind `addr IP port`.
fn port<'c>(call: &'c Call<'_>) -> Option<&'c str> {
    (call.arg(3) == "port").then(|| call.arg(4))
}

fn addr(call: &mut Call<'_>, at: Place) {
    if call.arg(2).is_empty() {
        return call.refuse("set server <b>/<s> addr requires an address and optionally a port.");
    }
    match operator(call).move_to(at, call.arg(2), port(call)) {
        Ok(words) => call.say(Severity::Warning, format_args!("{words} by 'stats socket command'")),
        Err(refusal) => answer(call, Err(refusal)),
    }
}

fn watch_addr(call: &mut Call<'_>, at: Place, which: Watcher) {
    if call.arg(2).is_empty() {
        let what = call.arg(1).to_owned();
        return call
            .refuse(format_args!("set server <b>/<s> {what} requires an address and optionally a port."));
    }
    let done = operator(call).set_watch_addr(at, which, call.arg(2), port(call));
    answer(call, done);
}

fn watch_port(call: &mut Call<'_>, at: Place, which: Watcher) {
    if call.arg(2).is_empty() {
        let what = call.arg(1).to_owned();
        return call.refuse(format_args!("set server <b>/<s> {what} requires a port."));
    }
    let done = operator(call).set_watch_port(at, which, call.arg(2));
    answer(call, done);
}

fn fqdn(call: &mut Call<'_>, (back, index): Place) {
    let name = call.arg(2).to_owned();
    if name.is_empty() {
        return call.refuse("set server <b>/<s> fqdn requires a FQDN.");
    }
    let plan = call.process.plan.clone();
    let found = plan.backends.get(back).and_then(|b| Some((b, b.balance.server(index)?)));
    let Some((back, server)) = found else { return call.refuse("No such server.") };
    let Some(resolving) = &server.target.resolving else {
        return call.refuse("set server <b>/<s> fqdn failed because no resolution is configured.");
    };
    let (place, by) = (format!("{}/{}", back.name, server.facts.name), "by 'stats socket command'");
    let before = resolving.name();
    if before.eq_ignore_ascii_case(&name) {
        return call.say(Severity::Warning, format_args!("no need to change the FDQN {by}"));
    }
    if !is_host_name(&name) {
        return call.refuse(format_args!("could not update {place} FQDN {by}"));
    }
    resolving.rename(&name);
    let before = if before.is_empty() { "(null)" } else { before.as_str() };
    call.say(Severity::Warning, format_args!("{place} changed its FQDN from {before} to {name} {by}"));
}

fn ssl(call: &mut Call<'_>, (back, index): Place) {
    let server = call.process.plan.backends.get(back).and_then(|b| b.balance.server(index));
    let Some(server) = server else { return call.refuse("No such server.") };
    if server.facts.dynamic {
        return call.refuse("'set server <srv> ssl' not supported on dynamic servers");
    }
    if server.target.tls.is_none() {
        return call
            .refuse("'set server <srv> ssl' cannot be set.  default-server should define ssl settings");
    }
    let on = match call.arg(2) {
        "on" => true,
        "off" => false,
        _ => return call.refuse("'set server <srv> ssl' expects 'on' or 'off'."),
    };
    server.switch_tls(on);
    call.say(Severity::Info, "server ssl setting updated.");
}
