//! The master socket (`-S`; management guide 9.4): what the master itself answers, and the way through it to the workers.
//! A command for a worker is served by the worker, with the rights that the client has here.

use super::work::Work;
use crate::message::level_word;
use crate::runtime::call::send;
use crate::runtime::input::{Input, Reading};
use crate::runtime::line::Line;
use crate::runtime::{Bound, Client};
use certs::hatch::escaped;
use net::Stream;
use proxy::link::Link;
use proxy::stats_socket::CliLevel;
use std::fmt::Write;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Longest silence of a client, and of a worker.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `@` and `@master`
    Master,
    /// `@1`: there is one current worker.
    Relative(u32),
    /// `@!PID`
    Process(i32),
}

/// What a session asks of the master, and where the answer goes.
#[derive(Debug)]
pub(super) enum Ask {
    /// `show proc`
    Processes(oneshot::Sender<String>),
    /// `show startup-logs`
    StartupLog(oneshot::Sender<String>),
    /// `show version`
    Version(oneshot::Sender<String>),
    /// `reload`, and the client that waits for it: the answer may come from the next program.
    Reload(Stream),
    /// Whether the last reload failed.
    Stale(oneshot::Sender<bool>),
    /// A session with a worker, and its process number.
    Worker(Target, CliLevel, oneshot::Sender<Option<(i32, UnixStream)>>),
}

/// Serves the master socket until the process ends.
pub(super) fn serve(bound: Bound, asker: &mpsc::UnboundedSender<Ask>, work: &Work) -> io::Result<()> {
    let (asker, work) = (asker.clone(), work.clone());
    bound.accept_each(move |client: Client| {
        let session = Session {
            asker: asker.clone(),
            work: work.clone(),
            input: Input::default(),
            level: client.level,
            target: Target::Master,
            prompt: false,
            end: None,
        };
        async move {
            let mut link = Link::new(client.stream);
            let mut session = session;
            // A client that is gone ends its session; there is nobody to tell.
            let _ = session.run(&mut link).await;
            if session.end == Some(End::Reload) {
                let _ = session.asker.send(Ask::Reload(link.into_stream()));
            }
        }
    })
}

/// How a reload went, for the one who asked for it: what follows should talk to the new worker, so that the session ends.
pub(super) async fn tell_reloaded(client: Stream, how: super::Reloaded) {
    let text = format!("Success={}\n--\n{}\n", u8::from(how.good), how.log);
    // Whoever asked may be gone.
    let _ = say(&mut Link::new(client), &text).await;
}

struct Session {
    asker: mpsc::UnboundedSender<Ask>,
    input: Input,
    level: CliLevel,
    target: Target,
    prompt: bool,
    /// What ends it, once something does.
    end: Option<End>,
    work: Work,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// `quit`
    Quit,
    /// `reload`: its client has the answer from the master.
    Reload,
}

/// One command and what belongs to it.
struct Command<'a> {
    words: &'a [String],
    /// Payload and what ends it.
    payload: Option<(&'a str, &'a str)>,
}

impl Session {
    async fn run(&mut self, link: &mut Link) -> io::Result<()> {
        while let Some(text) = self.input.line(link, &self.reading()).await? {
            let _under_way = self.work.begin();
            let line = Line::parse(&text);
            let reading = self.reading();
            let payload = match &line.payload_end {
                Some(end) => match self.input.payload(link, end, &reading).await? {
                    Some(payload) => Some(payload),
                    None => return Ok(()),
                },
                None => None,
            };
            let with = payload.as_deref().zip(line.payload_end.as_deref());
            for (index, words) in line.commands.iter().enumerate() {
                let last = index + 1 == line.commands.len();
                self.command(link, &Command { words, payload: with.filter(|_| last) }).await?;
                if self.end.is_some() {
                    return Ok(());
                }
            }
            self.show_prompt(link).await?;
            // HAProxy takes further lines only while they are there already.
            if !self.prompt && !self.input.has_line() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn reading(&self) -> Reading {
        Reading { patience: PATIENCE, prompt: self.prompt }
    }

    async fn command(&mut self, link: &mut Link, command: &Command<'_>) -> io::Result<()> {
        let (prefix, rest) = match command.words.split_first() {
            Some((first, rest)) if first.starts_with('@') => (Some(first), rest),
            Some(_) | None => (None, command.words),
        };
        let Some(target) = prefix.map_or(Some(self.target), |word| target_of(word)) else {
            let word = prefix.map(String::as_str).unwrap_or_default();
            return say(link, &format!("Can't find the target PID matching the prefix '{word}'\n")).await;
        };
        if prefix.is_some() && rest.is_empty() {
            return self.turn_to(link, target, prefix.map(String::as_str).unwrap_or_default()).await;
        }
        match target {
            Target::Master => self.own(link, rest).await,
            Target::Relative(_) | Target::Process(_) => {
                let word = prefix.cloned().unwrap_or_else(|| word_of(target));
                self.pass_on(link, target, &word, &Command { words: rest, ..*command }).await
            }
        }
    }

    /// `@1` alone: what follows is for it.
    async fn turn_to(&mut self, link: &mut Link, target: Target, word: &str) -> io::Result<()> {
        if target != Target::Master && self.worker(target).await.is_none() {
            return say(link, &format!("Can't find the target PID matching the prefix '{word}'\n")).await;
        }
        self.target = target;
        Ok(())
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (to, answer) = oneshot::channel();
        self.asker.send(ask(to)).ok()?;
        answer.await.ok()
    }

    async fn worker(&self, target: Target) -> Option<(i32, UnixStream)> {
        self.ask(|to| Ask::Worker(target, self.level, to)).await.flatten()
    }

    /// Lets a worker carry a command out, and passes its answer on as it comes.
    async fn pass_on(
        &mut self,
        link: &mut Link,
        target: Target,
        word: &str,
        command: &Command<'_>,
    ) -> io::Result<()> {
        let Some((_, worker)) = self.worker(target).await else {
            return say(link, &format!("Can't find the target PID matching the prefix '{word}'\n")).await;
        };
        worker.set_nonblocking(true)?;
        let mut worker = Link::new(Stream::Unix(tokio::net::UnixStream::from_std(worker)?));
        send(&mut worker, written(command).as_bytes(), PATIENCE).await?;
        let mut piece = Vec::new();
        // 'wait' and a long list may take their time: the worker ends the session where it has to.
        while worker.read(&mut piece).await? > 0 {
            send(link, &piece, PATIENCE).await?;
            piece.clear();
        }
        Ok(())
    }

    /// A command for the master itself.
    async fn own(&mut self, link: &mut Link, words: &[String]) -> io::Result<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = match words.as_slice() {
            [] => String::new(),
            ["show", "proc", ..] => self.ask(Ask::Processes).await.unwrap_or_default(),
            ["show", "version"] => self.ask(Ask::Version).await.map(line).unwrap_or_default(),
            ["show", "startup-logs"] => self.ask(Ask::StartupLog).await.map(line).unwrap_or_default(),
            ["show", "cli", "level"] => line(level_word(self.level)),
            ["reload"] if self.level < CliLevel::Operator => line("Permission denied"),
            ["reload"] => self.end_by(End::Reload),
            ["operator"] => self.lower(CliLevel::Operator),
            ["user"] => self.lower(CliLevel::User),
            ["prompt", ..] => {
                self.prompt = !self.prompt;
                String::new()
            }
            ["quit"] => self.end_by(End::Quit),
            ["help", ..] => help("The following commands are valid at this level:"),
            _ => help("Unknown command. Please enter one of the following commands only:"),
        };
        say(link, &text).await
    }

    /// Only ever lowered.
    fn lower(&mut self, to: CliLevel) -> String {
        if self.level < to {
            return line("Permission denied");
        }
        self.level = to;
        String::new()
    }

    fn end_by(&mut self, end: End) -> String {
        self.end = Some(end);
        String::new()
    }

    async fn show_prompt(&self, link: &mut Link) -> io::Result<()> {
        if !self.prompt {
            return Ok(());
        }
        let text = match self.target {
            Target::Master if self.ask(Ask::Stale).await == Some(true) => "master[ReloadFailed]> ".to_owned(),
            Target::Master => "master> ".to_owned(),
            target => match self.worker(target).await {
                Some((pid, _)) => format!("{pid}> "),
                None => format!("{}> ", word_of(target).trim_start_matches(['@', '!'])),
            },
        };
        say(link, &text).await
    }
}

async fn say(link: &mut Link, text: &str) -> io::Result<()> {
    send(link, text.as_bytes(), PATIENCE).await
}

/// An answer of one line, and the empty line that ends it.
fn line(text: impl AsRef<str>) -> String {
    format!("{}\n\n", text.as_ref())
}

fn target_of(word: &str) -> Option<Target> {
    match word.strip_prefix('@')? {
        "" | "master" => Some(Target::Master),
        word => match word.strip_prefix('!') {
            Some(pid) => pid.parse().ok().map(Target::Process),
            None => word.parse().ok().map(|n| if n == 0 { Target::Master } else { Target::Relative(n) }),
        },
    }
}

fn word_of(target: Target) -> String {
    match target {
        Target::Master => "@".to_owned(),
        Target::Relative(number) => format!("@{number}"),
        Target::Process(pid) => format!("@!{pid}"),
    }
}

/// The command as it is written on a socket.
fn written(command: &Command<'_>) -> String {
    let mut text = String::new();
    for word in command.words {
        text.push_str(&escaped(word));
        text.push(' ');
    }
    match command.payload {
        // Writing into a text cannot fail.
        Some((payload, end)) => drop(write!(text, "<<{end}\n{payload}{end}\n")),
        None => text.push('\n'),
    }
    text
}

const COMMANDS: &[(&str, &str)] = &[
    ("@!<pid>", "send a command to the <pid> process"),
    ("@<relative pid>", "send a command to the <relative pid> process"),
    ("@master", "send a command to the master process"),
    ("operator", "lower the level of the current CLI session to operator"),
    ("reload", "load the configuration anew"),
    ("show cli level", "display the level of the current CLI session"),
    ("show proc", "show processes status"),
    ("show startup-logs", "what the current worker said at its start"),
    ("show version", "show version of the current process"),
    ("user", "lower the level of the current CLI session to user"),
    ("help [<command>]", "list matching or all commands"),
    ("prompt", "toggle interactive mode with prompt"),
    ("quit", "disconnect"),
];

fn help(title: &str) -> String {
    let mut text = format!("{title}\n");
    for (usage, doc) in COMMANDS {
        let _ = writeln!(text, "  {usage:<40}: {doc}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_name_processes() {
        let cases = [
            ("@", Some(Target::Master)),
            ("@master", Some(Target::Master)),
            ("@1", Some(Target::Relative(1))),
            ("@!1271", Some(Target::Process(1271))),
            ("@x", None),
            ("@!", None),
        ];
        for (word, expected) in cases {
            assert_eq!(target_of(word), expected, "{word}");
        }
    }

    #[test]
    fn a_command_is_written_as_it_was_read() {
        let text = r"set server b/s name\ with\;blank";
        let words = Line::parse(text).commands.remove(0);
        let plain = written(&Command { words: &words, payload: None });
        assert_eq!(Line::parse(plain.trim_end()).commands, std::slice::from_ref(&words));
        let with = written(&Command { words: &words, payload: Some(("a\nb\n", "END")) });
        assert!(with.ends_with(" <<END\na\nb\nEND\n"), "{with}");
    }
}
