//! What the log hears of health, in HAProxy's words. Composes only.

use super::finding::{Finding, Report, Verdict};
use crate::plan::Backend;
use crate::server::Server;

/// Syslog severities (RFC 5424 section 6.2.1).
pub(super) const EMERGENCY: u8 = 0;
pub(super) const ALERT: u8 = 1;
pub(super) const NOTICE: u8 = 5;

/// `Health check for server b/a failed, reason: …, status: 0/2 DOWN.`
pub(super) fn check_line(
    who: &str,
    back: &Backend,
    server: &Server,
    report: &Report,
    status: &str,
) -> String {
    let backup = if server.facts.backup { "backup " } else { "" };
    let ended = match report.finding.verdict() {
        Verdict::Passed => "succeeded",
        Verdict::Conditional => "conditionally succeeded",
        Verdict::Failed => "failed",
    };
    let (b, s) = (&back.name, &server.facts.name);
    format!("{who} check for {backup}server {b}/{s} {ended}{}, status: {status}.", reason(report))
}

/// `, reason: Layer7 wrong status, code: 500, info: "Bad", check duration: 2ms`
fn reason(report: &Report) -> String {
    let mut out = format!(", reason: {}", report.finding.text());
    if report.finding.has_code() {
        out += &format!(", code: {}", report.code);
    }
    if !report.info.is_empty() {
        out += &format!(", info: \"{}\"", plain(&report.info));
    }
    if report.finding != Finding::Analyze {
        out += &format!(", check duration: {}ms", report.duration);
    }
    out
}

/// What a server said can neither end the quotes nor reach a terminal: `foo <22>bar<22>`.
fn plain(info: &str) -> String {
    let mut out = String::with_capacity(info.len());
    for byte in info.bytes() {
        match byte {
            b'"' | b'<' | b'>' | ..=0x1f | 0x7f.. => out += &format!("<{byte:02X}>"),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Why a state changed.
pub(super) enum Cause<'a> {
    /// A check or agent said so. Not repeated where checks are logged anyway.
    Report(Option<&'a Report>),
    /// An operator said so.
    Cli,
    /// The tracked server changed.
    Via(&'a str),
}

/// Counts that follow a change.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Usable servers and backups.
    pub active: usize,
    pub backup: usize,
    /// Sessions, those sent to choose again, those still waiting.
    pub sessions: u32,
    pub requeued: u32,
    pub queued: u32,
}

/// How a server's name begins a sentence.
pub(super) fn subject(back: &Backend, server: &Server) -> String {
    let backup = if server.facts.backup { "Backup " } else { "" };
    format!("{backup}Server {}/{}", back.name, server.facts.name)
}

/// `Server b/a is DOWN, reason: …. 0 active and 0 backup servers left. …`
pub(super) fn down_line(subject: &str, verb: &str, cause: &Cause<'_>, counts: Counts) -> String {
    let Counts { active, backup, sessions, requeued, queued } = counts;
    let spare = running_on(counts);
    format!(
        "{subject} {verb}{}. {active} active and {backup} backup servers left.{spare} {sessions} sessions active, \
         {requeued} requeued, {queued} remaining in queue.",
        cause.text()
    )
}

/// `Server b/a is UP, reason: …. 1 active and 0 backup servers online. …`
pub(super) fn up_line(subject: &str, verb: &str, cause: &Cause<'_>, counts: Counts) -> String {
    let Counts { active, backup, requeued, queued, .. } = counts;
    let spare = running_on(counts);
    format!(
        "{subject} {verb}{}. {active} active and {backup} backup servers online.{spare} {requeued} sessions requeued, \
         {queued} total in queue.",
        cause.text()
    )
}

fn running_on(counts: Counts) -> &'static str {
    if counts.active == 0 && counts.backup > 0 { " Running on backup." } else { "" }
}

impl Cause<'_> {
    pub(super) fn text(&self) -> String {
        match self {
            Cause::Report(report) => report.map_or_else(String::new, reason),
            Cause::Cli => ", changed from CLI".to_owned(),
            Cause::Via(other) => format!(" via {other}"),
        }
    }
}

/// `backend b has no server available!`, the name between quotes or not.
pub(super) fn empty_line(back: &Backend, quote: &str) -> String {
    format!("{} {quote}{}{quote} has no server available!", back.health.kind, back.name)
}
