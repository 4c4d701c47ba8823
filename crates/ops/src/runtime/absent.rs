//! Commands about parts that this process does not have, answered as HAProxy answers where there are none: stick tables,
//! peers, caches, traces and profiles of functions. Nothing here makes up numbers.

use super::call::Call;
use super::table::Command;
use proxy::stats_socket::CliLevel::{Admin, Operator, User};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "table"],
        "<table> [<filter>]*",
        "report table usage stats or dump this table's contents (filter: data/key)",
        User,
        |call| named(call, "No such table"),
    ),
    Command::now(
        &["clear", "table"],
        "<table> [<filter>]*",
        "remove an entry from a table (filter: data/key)",
        User,
        |call| {
            let usage = "\"data.<store_data_type>\" <operator> <value> or <table> key <key>";
            edit(call, usage);
        },
    ),
    Command::now(
        &["set", "table"],
        "<table> key <k> [data.* <v>]*",
        "update or create a table entry's data",
        User,
        |call| edit(call, "key <key> [data.<store_data_type> <value>]*"),
    ),
    Command::now(
        &["show", "peers"],
        "[dict|-] [section]",
        "dump some information about all the peers or this peers section",
        User,
        |call| named(call, "No such peers"),
    ),
    Command::now(&["show", "cache"], "", "show cache status", Admin, |_| {}),
    Command::now(&["show", "trace"], "[<module>]", "show live tracing state", User, |call| {
        match call.arg(0) {
            "" => call.put("Supported trace sources and states (.=stopped, w=waiting, R=running) :\n"),
            _ => call.put("No such trace source"),
        }
    }),
    Command::now(
        &["trace"],
        "[<module>|0] [cmd [args...]]",
        "manage live tracing (empty to list, 0 to stop all)",
        Operator,
        trace,
    ),
    Command::now(
        &["show", "profiling"],
        "[<what>|<#lines>|byaddr]*",
        "show profiling state (all,status,tasks,memory)",
        Admin,
        profiling,
    ),
    Command::now(
        &["set", "profiling"],
        "<what> {auto|on|off}",
        "enable/disable resource profiling (tasks,memory)",
        Admin,
        set_profiling,
    ),
    Command::now(&["show", "ssl", "providers"], "", "show loaded SSL providers", User, |call| {
        call.put("Loaded providers : \n\t- aws-lc-rs\n");
    }),
];

/// There are none: all of them is nothing, one of them is unknown.
fn named(call: &mut Call<'_>, unknown: &str) {
    if !call.arg(0).is_empty() {
        call.refuse(unknown);
    }
}

fn edit(call: &mut Call<'_>, usage: &str) {
    match call.arg(0) {
        "" => call.refuse(format_args!("Required arguments: <table> {usage}")),
        _ => call.refuse("No such table"),
    }
}

fn trace(call: &mut Call<'_>) {
    match call.arg(0) {
        "" => call.put(
            "Supported trace sources and states (.=stopped, w=waiting, R=running) :\n \
             [.] 0          : not a source, will immediately stop all traces\n",
        ),
        "0" => call.put("All traces now stopped"),
        _ => call.put("No such trace source"),
    }
}

fn profiling(call: &mut Call<'_>) {
    let known = |word: &String| {
        matches!(word.as_str(), "all" | "status" | "tasks" | "memory" | "byaddr")
            || word.parse::<u32>().is_ok()
    };
    if !call.args.iter().all(known) {
        return call.refuse(
            "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr' or a max number of output lines.",
        );
    }
    call.put(
        "Per-task CPU profiling              : off           # set profiling tasks {on|auto|off}\n\
         Memory usage profiling              : off           # set profiling memory {on|off}\n",
    );
}

fn set_profiling(call: &mut Call<'_>) {
    let what = match call.arg(0) {
        "tasks" => "Tasks",
        "memory" => "Memory",
        _ => return call.refuse("Expects either 'tasks' or 'memory'."),
    };
    match call.arg(1) {
        "off" => {}
        "on" | "auto" => call.refuse(format_args!("{what} profiling not compiled in.")),
        _ => call.refuse("Expects 'on', 'auto', or 'off'."),
    }
}
