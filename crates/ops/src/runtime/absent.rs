//! Commands about parts that this process does not have, answered as HAProxy answers where there are none: event sinks
//! and running resolvers. Nothing here makes up numbers.

use super::call::Call;
use super::table::Command;
use proxy::stats_socket::CliLevel::{Operator, User};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["show", "events"], "[<sink>]", "event sinks; there are none", Operator, events),
    Command::now(&["show", "resolvers"], "[id]", "counters of resolvers; none are running", User, resolvers),
];

fn events(call: &mut Call<'_>) {
    match call.arg(0) {
        "" => call.put("Supported events sinks are listed below.\n"),
        _ => call.refuse("No such event sink"),
    }
}

fn resolvers(call: &mut Call<'_>) {
    if !call.arg(0).is_empty() {
        call.refuse("Can't find that resolvers section");
    }
}
