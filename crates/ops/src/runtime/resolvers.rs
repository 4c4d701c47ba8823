//! `show resolvers`: what was asked of name servers, and what they said.

use super::call::Call;
use super::table::Command;
use proxy::stats_socket::CliLevel::User;

pub(crate) const COMMANDS: &[Command] = &[Command::now(
    &["show", "resolvers"],
    "[id]",
    "dumps counters from all resolvers section and associated name servers",
    User,
    show,
)];

fn show(call: &mut Call<'_>) {
    let process = call.process.clone();
    let name = call.arg(0).to_owned();
    let sections = process.plan.process.resolvers.iter().filter(|s| name.is_empty() || *s.name == *name);
    let mut found = false;
    for section in sections {
        found = true;
        call.put(format_args!("Resolvers section {}\n", section.name));
        for server in &section.servers {
            call.put(format_args!(" nameserver {}:\n", server.name));
            for (counter, count) in server.counted() {
                call.put(format_args!("  {:<13}{count}\n", format!("{counter}:")));
            }
        }
    }
    if !found && !name.is_empty() {
        call.refuse("Can't find that resolvers section");
    }
}
