//! A session: reads lines, carries out their commands in order, answers, and ends after the line unless the client
//! asked for more (`prompt`). Every answer ends with an empty line, by which clients know that it is complete.

use super::Process;
use super::call::{Call, Severity, send};
use super::input::{Input, Reading};
use super::line::{Line, MAX_WORDS};
use super::table::{self, Mode, Run};
use proxy::link::Link;
use proxy::stats_socket::{CliLevel, SeverityOutput};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What a session may do, from the socket it came in by.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// `level`
    pub level: CliLevel,
    /// `severity-output`
    pub severity: SeverityOutput,
    /// Longest silence, and longest wait for a client that takes no answer.
    pub timeout: Duration,
    /// `expose-fd listeners`
    pub exposes: bool,
}

/// What a session knows of itself.
pub(crate) struct Session {
    /// What it may do; only ever lowered.
    pub(crate) level: CliLevel,
    /// How its messages tell their severity.
    pub(crate) severity: SeverityOutput,
    /// Longest silence.
    pub(crate) timeout: Duration,
    /// Stays after a line.
    pub(crate) interactive: bool,
    /// Shows that it waits for a line.
    pub(crate) prompt: bool,
    /// With the time since the start.
    pub(crate) timed: bool,
    /// `expert-mode on`
    pub(crate) expert: bool,
    /// `experimental-mode on`
    pub(crate) experimental: bool,
    /// `quit`
    pub(crate) over: bool,
}

/// Serves one client until it leaves, is silent for too long, or has had its answer.
pub async fn serve(mut link: Link, process: Arc<Process>, rights: Rights) {
    let (exposes, patience) = (rights.exposes, rights.timeout);
    // A client that is gone ends its session; there is nobody to tell. Nor is there for one that was no client: whoever
    // can reach the socket may try.
    let Ok(Ok(())) = tokio::time::timeout(patience, link.handshake()).await else { return };
    let mut client = Client { session: Session::new(rights), process, exposes, input: Input::default() };
    let _ = client.run(&mut link).await;
    let _ = tokio::time::timeout(patience, link.shutdown()).await;
}

impl Session {
    fn new(rights: Rights) -> Session {
        Session {
            level: rights.level,
            severity: rights.severity,
            timeout: rights.timeout,
            interactive: false,
            prompt: false,
            timed: false,
            expert: false,
            experimental: false,
            over: false,
        }
    }

    fn reading(&self) -> Reading {
        Reading { patience: self.timeout, prompt: self.prompt }
    }

    /// Whether it is in the mode that a command asks for.
    pub(crate) fn is_in(&self, mode: Mode) -> bool {
        match mode {
            Mode::Ordinary => true,
            Mode::Experimental => self.experimental,
        }
    }
}

struct Client {
    session: Session,
    process: Arc<Process>,
    /// Whether it may take the listening sockets.
    exposes: bool,
    input: Input,
}

impl Client {
    async fn run(&mut self, link: &mut Link) -> io::Result<()> {
        while let Some(text) = self.input.line(link, &self.session.reading()).await? {
            if self.exposes && link.session().is_none() && text == net::expose::QUESTION {
                return net::expose::answer(link.stream(), &self.process.exposed()?).await;
            }
            let line = Line::parse(&text);
            let payload = match &line.payload_end {
                Some(end) => match self.input.payload(link, end, &self.session.reading()).await? {
                    Some(payload) => Some(payload),
                    None => return Ok(()),
                },
                None => None,
            };
            self.carry_out(link, &line, payload.as_deref()).await?;
            // HAProxy takes further lines only while they are there already.
            if self.session.over || (!self.session.interactive && !self.input.has_line()) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, link: &mut Link, line: &Line, payload: Option<&str>) -> io::Result<()> {
        for (index, words) in line.commands.iter().enumerate() {
            let last = index + 1 == line.commands.len();
            self.command(link, words, payload.filter(|_| last)).await?;
            if self.session.over {
                break;
            }
            self.prompt(link).await?;
        }
        Ok(())
    }

    async fn command(&mut self, link: &mut Link, words: &[String], payload: Option<&str>) -> io::Result<()> {
        let command = table::find(words);
        let offered = command.is_none_or(|c| self.session.is_in(c.mode));
        let allowed = command.is_none_or(|c| c.level <= self.session.level);
        let args = command.and_then(|c| words.get(c.words.len()..)).unwrap_or_default();
        let mut call = Call::new(&self.process, &mut self.session, args, payload, link);
        match command {
            _ if words.len() > MAX_WORDS => call.refuse(format_args!("More than {MAX_WORDS} words.")),
            Some(_) if !offered => call.refuse("This command is restricted to experimental mode only."),
            Some(_) if !allowed => call.refuse("Permission denied"),
            Some(command) => match command.run {
                Run::Now(run) => run(&mut call),
                Run::Later(run) => run(&mut call).await,
            },
            None => unknown(&mut call, words),
        }
        call.flush().await
    }

    /// What stands behind each answer, also where no prompt is wanted.
    async fn prompt(&self, link: &mut Link) -> io::Result<()> {
        let text = match (self.session.prompt, self.session.timed) {
            (false, _) => "\n".to_owned(),
            (true, false) => "\n> ".to_owned(),
            (true, true) => format!("\n[{}]> ", clock(&self.process)),
        };
        send(link, text.as_bytes(), self.session.timeout).await
    }
}

fn unknown(call: &mut Call<'_>, words: &[String]) {
    let listing = table::listing(call.session, words);
    if listing.chosen {
        call.say(Severity::Info, "Unknown command, but maybe one of the following ones is a better match:");
    } else {
        call.say(Severity::Info, "Unknown command. Please enter one of the following commands only:");
    }
    call.put(listing.text);
}

/// `0:00:00:01`
fn clock(process: &Process) -> String {
    let (days, hours, minutes, seconds) = process.uptime();
    format!("{days}:{hours:02}:{minutes:02}:{seconds:02}")
}
