//! The session's own commands: help, prompt, its level, its modes, its time-out.

use super::call::{Call, Severity};
use super::servers;
use super::session::Session;
use super::table::{self, Command};
use base::units;
use proxy::dynamic_servers::removable;
use proxy::stats_socket::CliLevel::{self, Admin, Operator, User};
use proxy::stats_socket::SeverityOutput;
use std::time::{Duration, Instant};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["help"], "[<command>]", "list matching or all commands", User, help),
    Command::now(&["prompt"], "", "toggle interactive mode with prompt", User, prompt),
    Command::now(&["quit"], "", "disconnect", User, |call| call.session.over = true),
    Command::now(&["echo"], "<text>", "write this text", User, echo),
    Command::later(
        &["wait"],
        "{-h|<delay>} [cond [args]]",
        "wait the specified delay or condition",
        User,
        |call| Box::pin(wait(call)),
    ),
    Command::now(
        &["operator"],
        "",
        "lower the level of the current CLI session to operator",
        Operator,
        |c| lower(c.session, Operator),
    ),
    Command::now(&["user"], "", "lower the level of the current CLI session to user", User, |c| {
        lower(c.session, User)
    }),
    Command::now(&["show", "cli", "level"], "", "display the level of the current CLI session", User, level),
    Command::now(&["set", "timeout"], "[cli] <delay>", "change a timeout setting", User, set_timeout),
    Command::now(
        &["set", "severity-output"],
        "[none|number|string]",
        "set presence of severity level in feedback information",
        User,
        set_severity,
    ),
    Command::now(&["expert-mode"], "[on|off]", "allow what only experts need", Admin, |call| {
        mode(call, "expert-mode", |session| &mut session.expert);
    }),
    Command::now(&["experimental-mode"], "[on|off]", "allow what may still change", Admin, |call| {
        mode(call, "experimental-mode", |session| &mut session.experimental);
    }),
];

fn help(call: &mut Call<'_>) {
    call.say(Severity::Info, "The following commands are valid at this level:");
    call.put(table::listing(call.session, call.args).text);
}

/// Without a word it goes back and forth between leaving after a line and staying with a prompt.
fn prompt(call: &mut Call<'_>) {
    let session = &mut *call.session;
    let mut modes = call.args.iter().map(String::as_str).filter(|w| matches!(*w, "n" | "i" | "p" | "timed"));
    let Some(first) = modes.next() else {
        session.interactive = !session.prompt;
        session.prompt = session.interactive;
        return;
    };
    for mode in std::iter::once(first).chain(modes) {
        match mode {
            "timed" => {
                session.timed = !session.timed;
                (session.interactive, session.prompt) = (true, true);
            }
            mode => (session.interactive, session.prompt) = (mode != "n", mode == "p"),
        }
    }
}

fn echo(call: &mut Call<'_>) {
    let text = call.args.join(" ");
    call.say(Severity::Info, text);
}

/// Longest wait: whoever wants more asks again.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const WAIT_USAGE: &str = "Usage: wait {-h|<duration>} [srv-removable <proxy>/<server>]\n  \
    srv-removable <proxy>/<server>: until 'del server' can remove it, or at most <duration> (default unit: seconds)";

async fn wait(call: &mut Call<'_>) {
    if call.arg(0) == "-h" {
        return call.say(Severity::Info, WAIT_USAGE);
    }
    let Ok(micros) = units::micros(call.arg(0), 1_000_000) else {
        return call.refuse("Expects a duration in seconds.");
    };
    let longest = Duration::from_micros(micros).min(WAIT_MAX);
    match call.arg(1) {
        "" => {
            tokio::time::sleep(longest).await;
            call.say(Severity::Info, "Done.");
        }
        "srv-removable" => until_removable(call, longest).await,
        other => {
            let text = format!("Unknown condition '{other}'.\n{WAIT_USAGE}");
            call.refuse(text);
        }
    }
}

/// Until a server can be deleted: drained servers take their time. One that never can be is told at once.
async fn until_removable(call: &mut Call<'_>, longest: Duration) {
    let Some((back, index)) = servers::named(call, 2) else { return };
    let plan = call.process.plan.clone();
    let Some(back) = plan.backends.get(back) else { return };
    let give_up = Instant::now() + longest;
    loop {
        let Some(server) = back.balance.server(index) else { return call.refuse("No such server.") };
        match removable(&plan, back, &server) {
            Ok(()) => return call.say(Severity::Info, "Done."),
            Err(why) if why.may_pass() && Instant::now() < give_up => tokio::time::sleep(LOOK_EVERY).await,
            Err(why) if why.may_pass() => return call.refuse("Wait delay expired."),
            Err(why) => return call.refuse(why),
        }
    }
}

fn lower(session: &mut Session, level: CliLevel) {
    session.level = level;
    (session.expert, session.experimental) = (false, false);
}

fn level(call: &mut Call<'_>) {
    call.say(Severity::Info, call.session.level.word());
}

fn set_timeout(call: &mut Call<'_>) {
    if call.arg(0) != "cli" {
        return call.refuse("'set timeout' only supports 'cli'.");
    }
    if call.arg(1).is_empty() {
        return call.refuse("Expects an integer value.");
    }
    match units::seconds(call.arg(1)) {
        Ok(seconds) if seconds > 0 => call.session.timeout = Duration::from_secs(seconds),
        Ok(_) | Err(_) => call.refuse("Invalid timeout value."),
    }
}

fn set_severity(call: &mut Call<'_>) {
    call.session.severity = match call.arg(0) {
        "none" => SeverityOutput::None,
        "number" => SeverityOutput::Number,
        "string" => SeverityOutput::Text,
        _ => return call.refuse("one of 'none', 'number', 'string' is a required argument"),
    };
}

fn mode(call: &mut Call<'_>, name: &str, of: fn(&mut Session) -> &mut bool) {
    match call.arg(0) {
        "on" => *of(call.session) = true,
        "off" => *of(call.session) = false,
        "" => {
            let state = if *of(call.session) { "ON" } else { "OFF" };
            call.say(Severity::Info, format!("{name} is {state}"));
        }
        _ => {}
    }
}
