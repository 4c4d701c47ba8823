//! Becoming a master (`-W`, `-Ws`, `master-worker`): what it is told at its start. The configuration was read once for
//! the words that concern it; each worker reads it anew.

use crate::check::Judgement;
use crate::console::Console;
use crate::flags::Flags;
use crate::start::Failed;
use crate::{Exit, hello, version};
use base::reason;
use config::Source;
use config::model::Global;
use net::Inherited;
use ops::daemon::Ready;
use ops::master::{self, Begin, Bequest, Household, Launch};
use ops::pidfile::Pidfile;
use ops::runtime;
use proxy::stats_socket::StatsSockets;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Supervises workers until all of them are to leave.
pub(crate) fn run(
    flags: &Flags,
    global: &Global,
    launch: Launch,
    ready: Option<Ready>,
    console: Console,
) -> Exit {
    ended(household(flags, global, launch, ready, console), console)
}

/// The same where another program was the master in this process before, and has left what it had. Whatever fails,
/// its workers stay.
pub(crate) fn go_on(flags: &Flags, launch: Launch, mut left: Bequest, console: Console) -> Exit {
    let mut inherited = Inherited::of(left.take_cli());
    let words = flags.master_socket.as_deref();
    let cli = words.and_then(|words| match cli(words, flags, &mut inherited, console) {
        Ok(cli) => Some(cli),
        Err(failed) => {
            failed.tell(console);
            None
        }
    });
    let (notify, version) = (flags.notify, version::product().version);
    ended(Ok(Household { launch, cli, notify, version, begin: Begin::After(left) }), console)
}

fn ended(household: Result<Household, Failed>, console: Console) -> Exit {
    let ended = household.and_then(|household| {
        master::run(household, console).map_err(|e| Failed::at("Cannot run the master")(&e))
    });
    match ended {
        Ok(0) => Exit::Ok,
        Ok(code) => Exit::Code(code),
        Err(failed) => {
            failed.tell(console);
            Exit::Failed
        }
    }
}

fn household(
    flags: &Flags,
    global: &Global,
    launch: Launch,
    ready: Option<Ready>,
    console: Console,
) -> Result<Household, Failed> {
    let sockets = predecessor_sockets(flags)?;
    let words = flags.master_socket.as_deref();
    let cli = words.map(|words| cli(words, flags, &mut Inherited::none(), console)).transpose()?;
    let pidfile = hello::pidfile(flags, global)?;
    let replaces = flags.replaces.clone();
    let hello = move || {
        let published = pidfile.map_or(Ok(()), Pidfile::publish);
        hello::dismiss_predecessors(replaces.as_ref(), console);
        ready.map_or(Ok(()), Ready::tell).map_err(|e| reason(&e))?;
        published.map_err(|e| format!("cannot write the pid file: {}", reason(&e)))
    };
    let (notify, version) = (flags.notify, version::product().version);
    let begin = Begin::Anew { sockets, hello: Box::new(hello) };
    Ok(Household { launch, cli, notify, version, begin })
}

/// `-x`
pub(crate) fn predecessor_sockets(flags: &Flags) -> Result<Vec<OwnedFd>, Failed> {
    let Some(path) = &flags.sockets_from else { return Ok(Vec::new()) };
    net::expose::ask(Path::new(path)).map_err(|e| {
        Failed(format!(
            "cannot get the listening sockets of the process behind '{path}' ({}): its line must be \
             'stats socket {path} expose-fd listeners'; without '-x' the ports are bound anew",
            reason(&e)
        ))
    })
}

/// The master socket has the parameters of a stats socket, so that it is read as one.
fn cli(
    words: &str,
    flags: &Flags,
    inherited: &mut Inherited,
    console: Console,
) -> Result<runtime::Bound, Failed> {
    let mut sockets = sockets(words, console)?;
    for socket in &mut sockets.sockets {
        socket.options.take_over |= flags.replaces.is_some();
    }
    runtime::bind(&sockets, inherited).map_err(|unbound| {
        let told = unbound.iter().map(|one| format!("master socket: {}", one.error));
        Failed(told.collect::<Vec<_>>().join("\n"))
    })
}

/// Where it is, as `HAPROXY_MASTER_CLI` tells; `None` where it cannot be understood, of which the master complains.
pub(crate) fn address(words: &str) -> Option<String> {
    let silent = Console { quiet: true, hints: false };
    sockets(words, silent).ok().map(|sockets| sockets.addresses())
}

fn sockets(words: &str, console: Console) -> Result<StatsSockets, Failed> {
    // Whoever may run commands on the host may steer what runs there: unlike a stats socket's, its level is admin.
    let level = if words.contains(",level,") { "" } else { "level admin" };
    let line = format!("global\n stats socket {} {level}\n", words.replace(',', " "));
    let judgement = Judgement::default();
    let prepared = judgement.prepare(vec![Source { name: "-S".to_owned(), text: line.into_bytes() }]);
    judgement.report(&prepared.loaded, &["-S".to_owned()], console);
    let plan = prepared.plan.filter(|_| judgement.accepts(&prepared.loaded));
    Ok(plan.ok_or_else(|| Failed(format!("cannot use '-S {words}'")))?.process.stats)
}
