//! A session: reads lines, carries out their commands in order, answers, and ends after the line unless the client
//! asked for more (`prompt`). Every answer ends with an empty line, by which clients know that it is complete.

use super::Process;
use super::call::{Call, Severity, send};
use super::line::{Line, MAX_WORDS};
use super::table::{self, Mode, Run};
use net::Stream;
use proxy::stats_socket::{CliLevel, SeverityOutput};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The longest command line, bytes: HAProxy's is a buffer of 16 kB.
const LINE_MAX: usize = 16 * 1024;
/// The longest payload, bytes: a certificate with its chain, or ten thousand map entries at once.
const PAYLOAD_MAX: usize = 4 * 1024 * 1024;
/// What is read at a time.
const READ: usize = 16 * 1024;

/// What a session may do, from the socket it came in by.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// `level`
    pub level: CliLevel,
    /// `severity-output`
    pub severity: SeverityOutput,
    /// Longest silence, and longest wait for a client that takes no answer.
    pub timeout: Duration,
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
pub async fn serve(mut stream: Stream, process: Arc<Process>, rights: Rights) {
    let mut client = Client { session: Session::new(rights), process, input: Vec::new() };
    // A client that is gone ends its session; there is nobody to tell.
    let _ = client.run(&mut stream).await;
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

    fn is_in(&self, mode: Mode) -> bool {
        match mode {
            Mode::Ordinary => true,
            Mode::Expert => self.expert,
            Mode::Experimental => self.experimental,
        }
    }
}

struct Client {
    session: Session,
    process: Arc<Process>,
    /// What was read and belongs to no line yet.
    input: Vec<u8>,
}

impl Client {
    async fn run(&mut self, stream: &mut Stream) -> io::Result<()> {
        while let Some(text) = self.line(stream, LINE_MAX).await? {
            let line = Line::parse(&text);
            let payload = match &line.payload_end {
                Some(end) => match self.payload(stream, end).await? {
                    Some(payload) => Some(payload),
                    None => return Ok(()),
                },
                None => None,
            };
            self.carry_out(stream, &line, payload.as_deref()).await?;
            // HAProxy takes further lines only while they are there already.
            if self.session.over || (!self.session.interactive && !self.input.contains(&b'\n')) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, stream: &mut Stream, line: &Line, payload: Option<&str>) -> io::Result<()> {
        for (index, words) in line.commands.iter().enumerate() {
            let last = index + 1 == line.commands.len();
            self.command(stream, words, payload.filter(|_| last)).await?;
            if self.session.over {
                break;
            }
            self.prompt(stream).await?;
        }
        Ok(())
    }

    async fn command(
        &mut self,
        stream: &mut Stream,
        words: &[String],
        payload: Option<&str>,
    ) -> io::Result<()> {
        let command = table::find(words).filter(|c| self.session.is_in(c.mode));
        let allowed = command.is_none_or(|c| c.level <= self.session.level);
        let args = command.and_then(|c| words.get(c.words.len()..)).unwrap_or_default();
        let mut call = Call::new(&self.process, &mut self.session, args, payload, stream);
        match command {
            _ if words.len() > MAX_WORDS => call.refuse(format_args!("More than {MAX_WORDS} words.")),
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
    async fn prompt(&self, stream: &mut Stream) -> io::Result<()> {
        let text = match (self.session.prompt, self.session.timed) {
            (false, _) => "\n".to_owned(),
            (true, false) => "\n> ".to_owned(),
            (true, true) => format!("\n[{}]> ", clock(&self.process)),
        };
        send(stream, text.as_bytes(), self.session.timeout).await
    }

    /// The next line without its end; `None` at the client's end, after too long a silence, or for a line of more than
    /// `most` bytes. What has no end of line was not finished and is not obeyed.
    async fn line(&mut self, stream: &mut Stream, most: usize) -> io::Result<Option<String>> {
        let mut searched = 0;
        loop {
            let found = self.input.get(searched..).and_then(|rest| rest.iter().position(|b| *b == b'\n'));
            if let Some(at) = found.map(|at| at + searched) {
                let mut line: Vec<u8> = self.input.drain(..=at).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            searched = self.input.len();
            if searched > most || !self.more(stream).await? {
                return Ok(None);
            }
        }
    }

    /// Reads once; `false` at the end or after too long a silence.
    async fn more(&mut self, stream: &mut Stream) -> io::Result<bool> {
        let before = self.input.len();
        self.input.resize(before + READ, 0);
        let place = self.input.get_mut(before..).unwrap_or_default();
        let read = tokio::time::timeout(self.session.timeout, stream.read(place)).await;
        let count = match read {
            Ok(Ok(count)) => count,
            Ok(Err(_)) | Err(_) => 0,
        };
        self.input.truncate(before + count);
        Ok(count > 0)
    }

    /// The lines up to one that is `end`. `None` where it stays unfinished or grows too long: then nothing is done.
    async fn payload(&mut self, stream: &mut Stream, end: &str) -> io::Result<Option<String>> {
        let mut payload = String::new();
        loop {
            if self.session.prompt {
                send(stream, b"+ ", self.session.timeout).await?;
            }
            match self.line(stream, PAYLOAD_MAX).await? {
                Some(line) if line == end => return Ok(Some(payload)),
                Some(line) if payload.len() + line.len() <= PAYLOAD_MAX => {
                    payload.push_str(&line);
                    payload.push('\n');
                }
                Some(_) => {
                    send(stream, b"The payload is too long.\n\n", self.session.timeout).await?;
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
    }
}

fn unknown(call: &mut Call<'_>, words: &[String]) {
    let listing = table::listing(words);
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
