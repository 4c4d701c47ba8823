//! `show tls-keys` and `set ssl tls-key`: the keys of `tls-ticket-keys` files, so that a farm of processes can be given new
//! ones together. Who has a `stats socket` of the usual level may see which there are and bring in new ones. Only
//! administrators see the keys themselves, where HAProxy shows them to everybody: who has them reads recorded traffic of
//! TLS 1.2.

use super::call::{Call, Severity};
use super::table::Command;
use proxy::plan::Plan;
use proxy::stats_socket::CliLevel::{Admin, Operator, User};
use std::sync::Arc;
use tls::TicketFile;

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(
        &["show", "tls-keys"],
        "[id|*]",
        "show tls keys references or dump tls ticket keys when id specified",
        User,
        show,
    ),
    Command::now(
        &["set", "ssl", "tls-key"],
        "[id|file] <key>",
        "set the next TLS key for the <id> or <file> listener to <key>",
        Operator,
        set,
    ),
];

/// With their numbers. HAProxy gives the first one to the file that is named last.
fn numbered(plan: &Plan) -> impl Iterator<Item = (usize, &Arc<TicketFile>)> {
    plan.ticket_files.iter().rev().enumerate()
}

/// By its path, or by its number behind `#`.
fn find<'p>(plan: &'p Plan, word: &str) -> Option<(usize, &'p Arc<TicketFile>)> {
    match word.strip_prefix('#') {
        Some(number) => numbered(plan).find(|(n, _)| number.parse() == Ok(*n)),
        None => numbered(plan).find(|(_, keys)| keys.file().as_os_str() == word),
    }
}

fn show(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    match call.arg(0) {
        word if !word.is_empty() && call.session.level < Admin => call.refuse("Permission denied"),
        "" => {
            call.put("# id (file)\n");
            numbered(&plan).for_each(|(n, keys)| call.put(format_args!("{n} ({})\n", keys.file().display())));
        }
        "*" => {
            call.put("# id secret\n");
            numbered(&plan).for_each(|(n, keys)| secrets(call, n, keys));
        }
        word => match find(&plan, word) {
            Some((n, keys)) => {
                call.put("# id secret\n");
                secrets(call, n, keys);
            }
            None => call.refuse("'show tls-keys' unable to locate referenced filename"),
        },
    }
}

fn secrets(call: &mut Call<'_>, n: usize, keys: &TicketFile) {
    call.put(format_args!("# {n} ({})\n", keys.file().display()));
    for (i, secret) in keys.secrets().iter().enumerate() {
        call.put(format_args!("{n}.{i} {}\n", expr::base64_encode(secret)));
    }
}

fn set(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    if call.arg(0).is_empty() || call.arg(1).is_empty() {
        return call.refuse("'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.");
    }
    let Some((_, keys)) = find(&plan, call.arg(0)) else {
        return call.refuse("'set ssl tls-key' unable to locate referenced filename");
    };
    let Some(secret) = expr::base64_decode(call.arg(1).as_bytes()) else {
        return call.refuse("'set ssl tls-key' received invalid base64 encoded TLS key.");
    };
    match keys.push(&secret) {
        Ok(()) => call.say(Severity::Info, "TLS ticket key updated!"),
        Err(_) => call.refuse("'set ssl tls-key' received a key of wrong size."),
    }
}
