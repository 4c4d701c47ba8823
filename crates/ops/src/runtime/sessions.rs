//! Ending sessions on purpose: `shutdown sessions server`. The streams themselves see the wish and end; here it is only
//! made known.

use super::call::Call;
use super::servers;
use super::table::Command;
use proxy::stats_socket::CliLevel::Admin;

pub(crate) const COMMANDS: &[Command] = &[Command::now(
    &["shutdown", "sessions", "server"],
    "<bk>/<srv>",
    "kill sessions on a server",
    Admin,
    of_server,
)];

fn of_server(call: &mut Call<'_>) {
    let Some((back, server)) = servers::place(call) else { return };
    let plan = &call.process.plan;
    let server = plan.backends.get(back).and_then(|b| b.balance.servers().get(server));
    if let Some(server) = server {
        server.shutdown_sessions();
        call.process.workers.wake_all();
    }
}
