//! What the process was started with: `show env`, `show startup-logs`, `show cli sockets`.

use super::call::{Call, Severity};
use super::table::Command;
use net::ListenAddr;
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
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if wanted.is_empty() || wanted == name {
            found = true;
            call.put(format!("{name}={}\n", value.to_string_lossy()));
        }
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
        let address = match &socket.addr {
            ListenAddr::Unix(path) => format!("unix@{}", path.display()),
            ListenAddr::Inet(addr) if addr.is_ipv6() => format!("ipv6@{addr}"),
            ListenAddr::Inet(addr) => format!("ipv4@{addr}"),
            other @ (ListenAddr::Abstract(_) | ListenAddr::Fd(_)) => other.to_string(),
        };
        call.put(format!("{address} {} all\n", socket.level.word()));
    }
}
