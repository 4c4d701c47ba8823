//! Challenges and certificates over the runtime API: another process on the machine posts an authority's answers here
//! (`certs::hatch`), and operators look at certificates that renew themselves.

use super::Process;
use super::call::{Call, Severity};
use super::table::{Command, PATIENCE};
use crate::worker::{Elsewhere, session};
use base::reason;
use certs::hatch::escaped;
use certs::renew::UnixTime;
use certs::schedule::{Handle, Row, Standing, Verdict};
use proxy::certificates;
use proxy::stats_socket::CliLevel::Admin;
use std::io;
use std::time::{Duration, SystemTime};
use tls::PemPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest answer of the keeper that is passed on, bytes: ten thousand certificates' lines.
const MAX_SAID: u64 = 4 << 20;
/// An order on demand takes seconds; a keeper that says nothing for longer has lost it.
const ORDER_PATIENCE: Duration = Duration::from_secs(10 * 60);

pub(crate) const COMMANDS: &[Command] = &[
    Command::later(&["acme", "status"], "", "show certificates that renew themselves", Admin, |call| {
        Box::pin(here_or_elsewhere(call, "acme status", status))
    }),
    Command::later(&["acme", "renew"], "<certificate>", "renew a certificate now", Admin, |call| {
        Box::pin(here_or_elsewhere(call, "acme renew", renew))
    }),
    Command::later(
        &["acme", "revoked"],
        "<certificate>",
        "replace a certificate that was revoked, with a new key",
        Admin,
        |call| Box::pin(here_or_elsewhere(call, "acme revoked", revoked)),
    ),
    Command::later(
        &["acme", "challenge_ready"],
        "<certificate> domain <domain>",
        "say that the records of a domain are there",
        Admin,
        |call| Box::pin(challenge_ready(call)),
    ),
    Command::later(
        &["acme", "demand"],
        "<section> <name>",
        "have a certificate for a name, as a handshake on demand has; waits until it is served",
        Admin,
        |call| Box::pin(demand(call)),
    ),
    Command::now(
        &["acme", "on-demand"],
        "<section> <name> [<file>]",
        "serve what is published in a file to clients that ask for the name; no more without a file",
        Admin,
        on_demand,
    ),
    Command::now(
        &["acme", "answer", "http"],
        "<token> <content>",
        "answer an http-01 challenge",
        Admin,
        http,
    ),
    Command::now(
        &["acme", "answer", "tls"],
        "<name> <payload>",
        "answer a tls-alpn-01 challenge with a certificate and its key",
        Admin,
        tls,
    ),
    Command::now(&["acme", "withdraw", "http"], "<token>", "take an http-01 answer back", Admin, |call| {
        call.process.plan.certs.answers().withdraw_http(call.arg(0));
    }),
    Command::now(&["acme", "withdraw", "tls"], "<name>", "take a tls-alpn-01 answer back", Admin, |call| {
        call.process.plan.certs.answers().withdraw_tls(call.arg(0));
    }),
    Command::now(
        &["acme", "publish"],
        "[<file> <payload>]",
        "serve a new certificate of a file at once, or whatever is new in all files",
        Admin,
        publish,
    ),
];

/// Certificates are looked after by this process or, under a master, by the keeper: then that is asked.
async fn here_or_elsewhere(call: &mut Call<'_>, command: &str, here: fn(&mut Call<'_>)) {
    let Some(keeper) = call.process.elsewhere.clone() else { return here(call) };
    match asked(&keeper, &format!("{command} {}\n", words(call)), PATIENCE).await {
        // Every answer ends with an empty line, which is ours to add.
        Ok(said) => call.put(said.strip_suffix('\n').unwrap_or(&said)),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => here(call),
        Err(e) => call.refuse(format_args!("the keeper of the certificates does not answer: {}", reason(&e))),
    }
}

/// The words behind the command's own.
fn words(call: &Call<'_>) -> String {
    call.args.iter().map(|word| escaped(word)).collect::<Vec<_>>().join(" ")
}

async fn asked(keeper: &Elsewhere, line: &str, patience: Duration) -> io::Result<String> {
    let talk = async {
        let mut stream = tokio::net::UnixStream::from_std(session(keeper).await?)?;
        stream.write_all(line.as_bytes()).await?;
        stream.shutdown().await?;
        let mut said = String::new();
        stream.take(MAX_SAID).read_to_string(&mut said).await?;
        Ok(said)
    };
    tokio::time::timeout(patience, talk).await?
}

/// Has the keeper obtain a certificate for a name.
pub(crate) async fn demanded_of(keeper: &Elsewhere, section: &str, name: &str) -> Verdict {
    let line = format!("acme demand {} {}\n", escaped(section), escaped(name));
    match asked(keeper, &line, ORDER_PATIENCE).await {
        Ok(said) if said.trim().is_empty() => Verdict::Served,
        Ok(said) => Verdict::Refused(said.trim().to_owned()),
        Err(why) => Verdict::Refused(format!("the keeper of the certificates does not answer: {why}")),
    }
}

async fn challenge_ready(call: &mut Call<'_>) {
    if call.arg(0).is_empty() || call.arg(1) != "domain" || call.arg(2).is_empty() {
        return call.refuse("'acme challenge_ready' expects a certificate, 'domain' and a domain");
    }
    here_or_elsewhere(call, "acme challenge_ready", said_ready).await;
}

fn said_ready(call: &mut Call<'_>) {
    let left = call.process.scheduler.as_ref().and_then(|s| s.challenge_ready(call.arg(0), call.arg(2)));
    match left {
        Some(0) => call.say(Severity::Info, "All challenges ready, starting challenges validation!"),
        Some(left) => call.say(Severity::Info, format_args!("{left} remaining challenge(s) to deploy")),
        None => {
            let (certificate, domain) = (call.arg(0).to_owned(), call.arg(2).to_owned());
            call.refuse(format_args!("nobody waits for a record of '{domain}' for '{certificate}'"));
        }
    }
}

async fn demand(call: &mut Call<'_>) {
    let (section, name) = (call.arg(0).to_owned(), call.arg(1).to_ascii_lowercase());
    if section.is_empty() || name.is_empty() {
        return call.refuse("'acme demand' expects an acme section with 'on-demand' and a name");
    }
    let process = call.process.clone();
    let verdict = match (&process.elsewhere, &process.scheduler) {
        (Some(keeper), _) => demanded_of(keeper, &section, &name).await,
        (None, Some(scheduler)) => scheduler.demand(&section, &name).await,
        (None, None) => Verdict::Refused("no acme section obtains certificates".to_owned()),
    };
    if let Verdict::Refused(why) = verdict {
        call.refuse(why);
    }
}

fn on_demand(call: &mut Call<'_>) {
    let (section, name, file) = (call.arg(0), call.arg(1), call.arg(2));
    if section.is_empty() || name.is_empty() {
        return call.refuse("'acme on-demand' expects an acme section, a name and a file");
    }
    let certs = &call.process.plan.certs;
    if file.is_empty() {
        if let Some(file) = certs.forget_on_demand(section, name) {
            certificates::refresh_file(&call.process.plan, &file);
        }
    } else {
        certs.serve_on_demand(section, name, file.into());
    }
}

/// How many certificates of `acme` sections are not obtained as they should be; of the keeper's where it looks after them.
pub(super) async fn failing(process: &Process) -> usize {
    let Some(keeper) = &process.elsewhere else {
        let rows = process.scheduler.as_ref().map(|scheduler| scheduler.rows()).unwrap_or_default();
        return rows.iter().filter(|row| row.standing == Standing::Failing).count();
    };
    // Without a keeper there is nothing to obtain.
    let table = asked(keeper, "acme status\n", PATIENCE).await.unwrap_or_default();
    table.lines().filter(|line| line.split('\t').nth(2) == Some(Standing::Failing.word())).count()
}

/// A table with tabs between its columns, as HAProxy's.
fn status(call: &mut Call<'_>) {
    call.put(
        "# certificate\tsection\tstate\texpiration date (UTC)\texpires in\tscheduled date (UTC)\tscheduled in\tfile\treason\n",
    );
    let rows = call.process.scheduler.as_ref().map(|scheduler| scheduler.rows()).unwrap_or_default();
    let now = UnixTime::from(SystemTime::now());
    rows.iter().for_each(|row| line(call, row, now));
}

fn line(call: &mut Call<'_>, row: &Row, now: UnixTime) {
    let date = |at: Option<UnixTime>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let wait = |at: Option<UnixTime>| at.map_or_else(|| "-".to_owned(), |at| span(at.since(now)));
    let (expires, next) = (date(row.not_after), date(row.next));
    let (left, wait) = (wait(row.not_after), wait(row.next));
    let (name, section, state) = (&row.name, &row.section, row.standing.word());
    let (file, why) = (row.file.display(), row.why.replace(['\t', '\n'], " "));
    call.put(format_args!("{name}\t{section}\t{state}\t{expires}\t{left}\t{next}\t{wait}\t{file}\t{why}\n"));
}

/// `89d 23h01m13s`
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
}

fn renew(call: &mut Call<'_>) {
    of_one(call, "acme renew", Handle::renew);
}

fn revoked(call: &mut Call<'_>) {
    of_one(call, "acme revoked", Handle::revoked);
}

fn of_one(call: &mut Call<'_>, command: &str, what: fn(&Handle, &str) -> bool) {
    let called = call.arg(0).to_owned();
    if called.is_empty() {
        return call.refuse(format_args!("'{command}' expects the name or the file of a certificate"));
    }
    let known = call.process.scheduler.as_ref().is_some_and(|scheduler| what(scheduler, &called));
    if !known {
        call.refuse(format_args!("no acme section obtains '{called}'; 'acme status' lists what is obtained"));
    }
}

fn publish(call: &mut Call<'_>) {
    let file = std::path::Path::new(call.arg(0));
    let installed = match (call.arg(0), call.payload) {
        ("", None) => Ok(()),
        ("", Some(_)) | (_, None) => {
            return call.refuse(
                "'acme publish' expects a file and a certificate with its key as payload, or nothing",
            );
        }
        (_, Some(pem)) => call.process.plan.certs.install(file, pem),
    };
    match installed {
        Ok(()) if call.payload.is_none() => {
            certificates::refresh(&call.process.plan);
        }
        Ok(()) => {
            certificates::refresh_file(&call.process.plan, file);
            call.process.plan.process.events.new_certificate(file);
        }
        Err(why) => call.refuse(why),
    }
}

fn http(call: &mut Call<'_>) {
    let (token, content) = (call.arg(0), call.arg(1));
    if token.is_empty() || content.is_empty() {
        return call.refuse("'acme answer http' expects a token and what is answered");
    }
    if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return call.refuse("a token has letters, digits, '-' and '_' only");
    }
    if let Err(why) = call.process.plan.certs.answers().post_http(token, content) {
        call.refuse(why);
    }
}

fn tls(call: &mut Call<'_>) {
    let (name, Some(pem)) = (call.arg(0), call.payload) else {
        return call.refuse("'acme answer tls' expects a name and a certificate with its key as payload");
    };
    if name.is_empty() {
        return call.refuse("'acme answer tls' expects a name");
    }
    let pair = PemPair { cert: pem.to_owned(), key: pem.to_owned() };
    if let Err(why) = call.process.plan.certs.answers().post_tls(name, &pair) {
        call.refuse(why);
    }
}
