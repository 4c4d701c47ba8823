//! One command on its way: what was asked, by whom, and the answer as it grows. A long answer is to be sent piece by
//! piece ([`Call::flush_if_long`]), so that a large configuration never stands in memory twice.

use super::Process;
use super::session::Session;
use proxy::link::Link;
use proxy::stats_socket::SeverityOutput;
use std::fmt::{self, Write};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// An answer longer than this is sent before it grows on.
const PIECE: usize = 64 * 1024;

/// How grave a message is, as syslog counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// It was not done.
    Error,
    /// It was done, and something is to be known.
    Warning,
    /// Done, or what was asked for.
    Info,
}

impl Severity {
    fn number(self) -> u8 {
        match self {
            Severity::Error => 3,
            Severity::Warning => 4,
            Severity::Info => 6,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Severity::Error => "err",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// A command being carried out.
pub(crate) struct Call<'c> {
    /// What runs.
    pub(crate) process: &'c Arc<Process>,
    /// Who asks: level and modes.
    pub(crate) session: &'c mut Session,
    /// The words behind the command's own.
    pub(crate) args: &'c [String],
    /// The payload, without the line that ended it.
    pub(crate) payload: Option<&'c str>,
    link: &'c mut Link,
    answer: String,
}

impl<'c> Call<'c> {
    pub(crate) fn new(
        process: &'c Arc<Process>,
        session: &'c mut Session,
        args: &'c [String],
        payload: Option<&'c str>,
        link: &'c mut Link,
    ) -> Call<'c> {
        Call { process, session, args, payload, link, answer: String::new() }
    }

    /// The argument at `index`, empty where there is none, which HAProxy's parsers do not tell apart either.
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// Adds a line that is a message, with its severity where the session wants that.
    pub(crate) fn say(&mut self, severity: Severity, text: impl fmt::Display) {
        // Writing into a text cannot fail, here and below.
        let _ = match self.session.severity {
            SeverityOutput::None => writeln!(self.answer, "{text}"),
            SeverityOutput::Number => writeln!(self.answer, "[{}]: {text}", severity.number()),
            SeverityOutput::Text => writeln!(self.answer, "[{}]: {text}", severity.word()),
        };
    }

    /// The command was not carried out, and why.
    pub(crate) fn refuse(&mut self, why: impl fmt::Display) {
        self.say(Severity::Error, why);
    }

    /// Adds text as it is.
    pub(crate) fn put(&mut self, text: impl fmt::Display) {
        let _ = write!(self.answer, "{text}");
    }

    /// Sends what there is once it is long. An error is the client's end: the handler need not go on.
    pub(crate) async fn flush_if_long(&mut self) -> io::Result<()> {
        if self.answer.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    /// Waits for the client to say something, which is kept, or to be gone; for no longer than `longest`.
    pub(crate) async fn client_stirs(&mut self, longest: Duration) -> bool {
        tokio::time::timeout(longest, poll_fn(|cx| self.link.poll_fill(cx))).await.is_ok()
    }

    /// Sends what there is.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let sent = send(self.link, &base::raw::bytes(&self.answer), self.session.timeout).await;
        self.answer.clear();
        sent
    }
}

/// What is sent before the client's patience is measured anew.
const CHUNK: usize = 16 * 1024;

/// Writes all of `bytes`. A client that takes nothing for `patience` is given up: its place is another's, who may need it
/// more.
pub(crate) async fn send(link: &mut Link, bytes: &[u8], patience: Duration) -> io::Result<()> {
    for chunk in bytes.chunks(CHUNK) {
        tokio::time::timeout(patience, link.send(chunk)).await??;
    }
    Ok(())
}
