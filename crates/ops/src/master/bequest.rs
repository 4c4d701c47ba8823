//! What a master leaves to the program that is executed in its place: its children, what is listened on, who waits for
//! an answer. It travels as messages with descriptors through a channel of which the program inherits one end, so that
//! nothing has to be undone where the exec fails.

use super::child::Role;
use net::channel::{self, DESCRIPTORS_MAX, Message};
use rustix::io::FdFlags;
use rustix::process::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Set for the program that is executed in a master's place: the process's own number, and that of the descriptor.
pub(super) const ENV: &str = "LOCKGATE_MASTER_OF";

/// The kind of what is written here. A program that reads another kind is not executed (`upgrade`).
pub(crate) const KIND: u32 = 1;

/// What is left.
#[derive(Debug, Default)]
pub struct Bequest {
    /// How long the master has been running.
    pub(super) age: Duration,
    pub(super) reloads: u32,
    pub(super) failures: u32,
    /// Whether there are certificates to look after.
    pub(super) keeps: bool,
    /// What the current worker said at its start.
    pub(super) startup_log: String,
    /// What was read from standard input (`-f -`).
    pub(super) stdin: Option<String>,
    pub(super) children: Vec<Heir>,
    /// What is listened on for traffic.
    pub(super) sockets: Vec<OwnedFd>,
    /// And for commands to the master.
    pub(super) cli: Vec<OwnedFd>,
    /// Who waits to hear of the reload that brought the program.
    pub(super) waiting: Vec<OwnedFd>,
    /// Who waits for the next one; `Some` where there is to be one.
    pub(super) next: Option<Vec<OwnedFd>>,
}

/// A child.
#[derive(Debug)]
pub(super) struct Heir {
    pub(super) pid: Pid,
    pub(super) role: Role,
    pub(super) reloads: u32,
    pub(super) age: Duration,
    pub(super) version: String,
    pub(super) channel: OwnedFd,
}

/// What this process was left by the program that ran in it before; `None` for a process that was just started.
pub fn bequest() -> io::Result<Option<Bequest>> {
    let Ok(value) = std::env::var(ENV) else { return Ok(None) };
    let Some((pid, number)) = value.split_once(':') else { return Ok(None) };
    // Inherited by somebody whom it does not concern.
    if pid != std::process::id().to_string() {
        return Ok(None);
    }
    let number = number.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    Bequest::receive(net::inherit::by_number(number)?.as_fd()).map(Some)
}

impl Bequest {
    /// The master socket's listening sockets, which are no longer part of it then.
    pub fn take_cli(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.cli)
    }

    /// What was read from standard input at the very beginning.
    pub fn stdin(&self) -> Option<Vec<u8>> {
        self.stdin.clone().map(String::into_bytes)
    }

    /// Writes it. The descriptor is the end that the program is to inherit.
    pub(super) fn send(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = channel::pair()?;
        // Nobody reads yet: what does not fit is an error and no wait.
        rustix::io::ioctl_fionbio(&ours, true)?;
        let to = ours.as_fd();
        for heir in &self.children {
            heir.send(to)?;
        }
        for (word, descriptors) in self.lists() {
            for some in descriptors.chunks(DESCRIPTORS_MAX) {
                let along: Vec<BorrowedFd<'_>> = some.iter().map(AsFd::as_fd).collect();
                channel::send(to, word.as_bytes(), &along)?;
            }
        }
        for (word, text) in [("log", Some(&self.startup_log)), ("stdin", self.stdin.as_ref())] {
            if let Some(text) = text {
                channel::send(to, word.as_bytes(), &[channel::file_of(text.as_bytes())?.as_fd()])?;
            }
        }
        channel::send(to, self.facts().as_bytes(), &[])?;
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        Ok(theirs)
    }

    fn lists(&self) -> [(&'static str, &[OwnedFd]); 4] {
        let next = self.next.as_deref().unwrap_or_default();
        [("socket", &self.sockets), ("cli", &self.cli), ("waiting", &self.waiting), ("next", next)]
    }

    /// The last message: without it, it is not whole.
    fn facts(&self) -> String {
        let Bequest { reloads, failures, keeps, .. } = self;
        let (age, next) = (self.age.as_millis(), self.next.is_some());
        format!("master {age} {reloads} {failures} {keeps} {next}")
    }

    fn receive(from: BorrowedFd<'_>) -> io::Result<Bequest> {
        let mut left = Bequest::default();
        while let Some(message) = channel::receive(from)? {
            if left.take(message).ok_or(io::ErrorKind::InvalidData)? {
                return Ok(left);
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Understands a message; whether it was the last.
    fn take(&mut self, message: Message) -> Option<bool> {
        let text = String::from_utf8(message.bytes).ok()?;
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let mut along = message.descriptors;
        match word {
            "child" => self.children.push(Heir::read(rest, along.pop()?)?),
            "socket" => self.sockets.append(&mut along),
            "cli" => self.cli.append(&mut along),
            "waiting" => self.waiting.append(&mut along),
            "next" => self.next.get_or_insert_default().append(&mut along),
            "log" => self.startup_log = channel::text_of(along.pop()?).ok()?,
            "stdin" => self.stdin = Some(channel::text_of(along.pop()?).ok()?),
            "master" => return self.know(rest).map(|()| true),
            _ => return None,
        }
        Some(false)
    }

    fn know(&mut self, facts: &str) -> Option<()> {
        let mut words = facts.split(' ');
        self.age = milliseconds(words.next()?)?;
        self.reloads = words.next()?.parse().ok()?;
        self.failures = words.next()?.parse().ok()?;
        self.keeps = words.next()?.parse().ok()?;
        if words.next()?.parse().ok()? {
            self.next.get_or_insert_default();
        }
        Some(())
    }
}

impl Heir {
    fn send(&self, to: BorrowedFd<'_>) -> io::Result<()> {
        let Heir { reloads, version, .. } = self;
        let (pid, role, age) = (self.pid.as_raw_nonzero(), self.role.word(), self.age.as_millis());
        let words = format!("child {pid} {role} {reloads} {age} {version}");
        channel::send(to, words.as_bytes(), &[self.channel.as_fd()])
    }

    fn read(words: &str, channel: OwnedFd) -> Option<Heir> {
        let mut words = words.splitn(5, ' ');
        Some(Heir {
            pid: Pid::from_raw(words.next()?.parse().ok()?)?,
            role: Role::of(words.next()?)?,
            reloads: words.next()?.parse().ok()?,
            age: milliseconds(words.next()?)?,
            version: words.next()?.to_owned(),
            channel,
        })
    }
}

fn milliseconds(word: &str) -> Option<Duration> {
    word.parse().ok().map(Duration::from_millis)
}

/// What the variable holds for the program that is to inherit `end`.
pub(super) fn variable(end: &OwnedFd) -> String {
    format!("{}:{}", std::process::id(), end.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize) -> Vec<OwnedFd> {
        (0..count).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect()
    }

    #[test]
    fn what_is_left_arrives() {
        let heir = Heir {
            pid: Pid::from_raw(4711).unwrap(),
            role: Role::Former,
            reloads: 3,
            age: Duration::from_millis(1234),
            version: "2.6 and a word".into(),
            channel: some(1).remove(0),
        };
        let left = Bequest {
            age: Duration::from_secs(9),
            reloads: 7,
            failures: 2,
            keeps: true,
            startup_log: "a\nb".repeat(10_000),
            stdin: Some("global\n".into()),
            children: vec![heir],
            sockets: some(300),
            cli: some(1),
            waiting: some(2),
            next: Some(Vec::new()),
        };
        let read = Bequest::receive(left.send().unwrap().as_fd()).unwrap();
        assert_eq!(read.facts(), left.facts());
        assert_eq!((&read.startup_log, &read.stdin), (&left.startup_log, &left.stdin));
        let counts: Vec<usize> = read.lists().iter().map(|(_, list)| list.len()).collect();
        assert_eq!(counts, [300, 1, 2, 0]);
        assert!(read.next.is_some());
        let heir = read.children.first().unwrap();
        assert_eq!((heir.pid.as_raw_nonzero().get(), heir.role, heir.reloads), (4711, Role::Former, 3));
        assert_eq!((heir.age.as_millis(), &*heir.version), (1234, "2.6 and a word"));
    }

    #[test]
    fn what_is_cut_off_is_not_believed() {
        let (ours, theirs) = channel::pair().unwrap();
        channel::send(ours.as_fd(), b"cli", &[]).unwrap();
        drop(ours);
        assert!(Bequest::receive(theirs.as_fd()).is_err());
    }
}
