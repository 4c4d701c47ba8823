//! `lockgate ctl COMMAND`: the runtime API for people. Finds the socket, says the command, and shows the answer as a
//! table where it is one. It knows no command: what the other side understands is its own affair.

mod frame;
mod json;
mod neighbours;
mod screen;
mod served;
mod socket;
mod table;
mod top;

use crate::Exit;
use crate::console;
use base::reason;
use clap::Args;
pub(crate) use neighbours::{Neighbours, neighbours};
pub(crate) use served::Served;
use socket::{Patience, Socket};
use std::io::Read;

/// What ends a payload taken from standard input; no certificate or map has such a line.
const PAYLOAD_END: &str = "%end%";

/// Send a command to a running lockgate or haproxy
#[derive(Debug, Args)]
pub(crate) struct CtlArgs {
    /// The socket: a path or ADDRESS:PORT; else $LOCKGATE_SOCKET, the 'stats socket' of the configuration, or a usual path
    #[arg(long, value_name = "SOCKET")]
    socket: Option<String>,
    /// The configuration whose 'stats socket' is meant
    #[arg(short = 'f', value_name = "FILE")]
    file: Option<String>,
    /// Answer in JSON: a table as an array of objects, lines 'name: value' as an object, others as an array of strings
    #[arg(long)]
    json: bool,
    /// The command, such as: show stat; 'help' lists all; 'top' is a live view. With a last word << its payload is standard input
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// Says the command and shows the answer.
pub(crate) fn run(arguments: &CtlArgs) -> Exit {
    if arguments.command == ["top"] {
        return watch(arguments);
    }
    match answer(arguments) {
        Ok(answer) if is_refusal(&answer) => {
            console::err(&without_severity(&answer));
            Exit::Failed
        }
        Ok(answer) if arguments.json => {
            console::out(&in_json(arguments, &answer));
            Exit::Ok
        }
        Ok(answer) => {
            console::out(&table::aligned(&without_severity(&answer)));
            Exit::Ok
        }
        Err(why) => {
            console::err(&format!("lockgate ctl: {why}\n"));
            Exit::Failed
        }
    }
}

fn watch(arguments: &CtlArgs) -> Exit {
    match Socket::find(arguments.socket.as_deref(), arguments.file.as_deref()) {
        Ok(socket) => top::run(socket),
        Err(why) => {
            console::err(&format!("lockgate ctl: {why}\n"));
            Exit::Failed
        }
    }
}

fn answer(arguments: &CtlArgs) -> Result<String, String> {
    let command = command_line(arguments)?;
    let socket = Socket::find(arguments.socket.as_deref(), arguments.file.as_deref())?;
    let said = socket.ask(&format!("set severity-output number;{command}\n"), Patience::Unbounded)?;
    // The first answer, an empty line, is to the setting.
    let answer = said.strip_prefix('\n').unwrap_or(&said);
    Ok(answer.strip_suffix('\n').unwrap_or(answer).to_owned())
}

fn command_line(arguments: &CtlArgs) -> Result<String, String> {
    let (last, words) = arguments.command.split_last().ok_or("a command is expected")?;
    if last == "<<" {
        let mut payload = String::new();
        std::io::stdin()
            .read_to_string(&mut payload)
            .map_err(|e| format!("standard input: {}", reason(&e)))?;
        let line = if payload.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{} <<{PAYLOAD_END}\n{payload}{line}{PAYLOAD_END}", words.join(" ")));
    }
    let command = arguments.command.join(" ");
    match arguments.json && answers_in_json(arguments) {
        true => Ok(format!("{command} json")),
        false => Ok(command),
    }
}

/// The commands that have a JSON form of their own.
fn answers_in_json(arguments: &CtlArgs) -> bool {
    matches!(arguments.command.as_slice(), [show, what, ..] if show == "show" && (what == "stat" || what == "info"))
}

fn in_json(arguments: &CtlArgs, answer: &str) -> String {
    match answers_in_json(arguments) {
        true => answer.to_owned(),
        false => json::json(&without_severity(answer)),
    }
}

/// Severity 3 is an error; an unknown command comes as a help text.
fn is_refusal(answer: &str) -> bool {
    let text = without_severity(answer);
    answer.starts_with("[3]: ")
        || text.starts_with("Unknown command")
        || text.starts_with("Permission denied")
}

fn without_severity(answer: &str) -> String {
    let number = answer.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    match number {
        Some((digits, text)) if digits.len() == 1 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            text.to_owned()
        }
        Some(_) | None => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_an_answer() {
        assert!(is_refusal("[3]: No such server.\n"));
        assert!(is_refusal("[6]: Unknown command, but maybe\n"));
        assert!(!is_refusal("[6]: 2.6.12\n"));
        assert_eq!(without_severity("[6]: 2.6.12\n"), "2.6.12\n");
        assert_eq!(without_severity("[::1]:80 x"), "[::1]:80 x");
    }
}
