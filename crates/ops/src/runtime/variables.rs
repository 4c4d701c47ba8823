//! Process-wide variables: `get var` and `set var` (management guide 9.3).

use super::call::Call;
use super::table::{Command, Mode};
use base::Severity;
use expr::{Sample, VarNameError, VarScope, split_name};
use proxy::lower::{self, VarText};
use proxy::stats_socket::CliLevel::{Admin, Operator};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["get", "var"], "<name>", "retrieve contents of a process-wide variable", Operator, get),
    Command::now(
        &["set", "var"],
        "<name> [fmt|expr] {<fmt>|<expr>}",
        "set variable from an expression or a format",
        Admin,
        set,
    )
    .only_in(Mode::Experimental),
];

const NO_NAME: &str = "Missing process-wide variable identifier.";

fn get(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse(NO_NAME);
    }
    match call.process.plan.process_var(&name) {
        Some(value) => call.put(format_args!("{name}: type={} value=<{}>", kind(&value), shown(&value))),
        None => call.refuse("Variable not found."),
    }
}

/// HAProxy ends what is wrong with names and values without an end of line; so clients see it.
fn set(call: &mut Call<'_>) {
    let name = call.arg(0).to_owned();
    if name.is_empty() {
        return call.refuse(NO_NAME);
    }
    if call.arg(1).is_empty() {
        return call.refuse("Missing either 'expr', 'fmt' or expression.");
    }
    match value(call).and_then(|value| checked(&name).map(|()| value)) {
        Ok(value) => {
            let said = lower::set_process_var(&call.process.plan, &name, value);
            if let Some(alert) = said.iter().find(|diag| diag.severity == Severity::Alert) {
                call.put(&alert.message);
            }
        }
        Err(why) => call.put(why),
    }
}

fn value<'c>(call: &'c Call<'_>) -> Result<VarText<'c>, String> {
    match (call.arg(1), call.arg(2)) {
        (expr, "") => Ok(VarText::Expr(expr)),
        ("expr", expr) => Ok(VarText::Expr(expr)),
        ("fmt", format) => Ok(VarText::Format(format)),
        (other, _) => Err(format!("'set var': arg type must be either 'expr' or 'fmt' but got '{other}'.")),
    }
}

fn checked(name: &str) -> Result<(), String> {
    match split_name(name) {
        Ok((VarScope::Proc, _)) => Ok(()),
        Ok(_) => {
            Err(format!("'set var': cannot set variable '{name}', only scope 'proc' is permitted here."))
        }
        Err(VarNameError::NoScope | VarNameError::Empty) => Err(format!(
            "invalid variable name '{name}'. A variable name must be start by its scope. The scope can be 'proc', \
             'sess', 'txn', 'req', 'res' or 'check'"
        )),
        Err(why @ VarNameError::BadCharacter(_)) => Err(format!("invalid variable name '{name}': {why}")),
    }
}

fn kind(value: &Sample<'_>) -> &'static str {
    match value {
        Sample::Bool(_) => "bool",
        Sample::Int(_) => "sint",
        Sample::Ip(ip) if ip.is_ipv4() => "ipv4",
        Sample::Ip(_) => "ipv6",
        Sample::Str(_) => "str",
        Sample::Bin(_) => "bin",
        Sample::Method(_) => "meth",
    }
}

/// What cannot be printed is a dot.
fn shown(value: &Sample<'_>) -> String {
    match value {
        Sample::Bool(on) => u8::from(*on).to_string(),
        Sample::Int(number) => number.to_string(),
        Sample::Ip(ip) => ip.to_string(),
        Sample::Str(bytes) | Sample::Bin(bytes) | Sample::Method(bytes) => {
            bytes.iter().map(|b| if (b' '..=b'~').contains(b) { char::from(*b) } else { '.' }).collect()
        }
    }
}
