//! What the process was started with: `show env`, `show startup-logs`, `show cli sockets`.

use super::call::{Call, Severity};
use super::table::Command;
use proxy::stats_socket::CliLevel::{Operator, User};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["show", "env"], "[var]", "dump environment variables known to the process", Operator, env),
    Command::now(
        &["show", "startup-logs"],
        "",
        "report logs emitted during HAProxy startup",
        Operator,
        startup_logs,
    ),
    Command::now(&["show", "cli", "sockets"], "", "dump list of cli sockets", User, sockets),
];

fn env(call: &mut Call<'_>) {
    let wanted = call.arg(0).to_owned();
    let mut found = false;
    let environment = call.process.plan.process.environment.clone();
    for (name, value) in environment.iter().filter(|(name, _)| wanted.is_empty() || wanted == *name) {
        found = true;
        call.put(format!("{name}={value}\n"));
    }
    if !found && !wanted.is_empty() {
        call.refuse("Variable not found");
    }
}

fn startup_logs(call: &mut Call<'_>) {
    let text = call.process.startup_log.clone();
    match text.is_empty() {
        true => call.say(Severity::Info, ""),
        false => call.put(text),
    }
}

fn sockets(call: &mut Call<'_>) {
    call.put("# socket lvl processes\n");
    let process = call.process.clone();
    for socket in &process.plan.process.stats.sockets {
        call.put(format!("{} {} all\n", socket.address(), socket.level.word()));
    }
}
