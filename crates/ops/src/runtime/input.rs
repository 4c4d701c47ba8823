//! What a client of the API or of the master socket says, line by line, payloads among them. Bounded in length and time;
//! what has no end of line was not finished and is not obeyed.

use super::call::send;
use proxy::link::Link;
use std::io;
use std::time::Duration;

/// The longest command line, bytes: HAProxy's is a buffer of 16 kB.
const LINE_MAX: usize = 16 * 1024;
/// The longest payload, bytes: a certificate with its chain, or ten thousand map entries at once.
const PAYLOAD_MAX: usize = 4 * 1024 * 1024;

/// How a session reads.
pub(crate) struct Reading {
    /// Longest silence.
    pub(crate) patience: Duration,
    /// Whether each line of a payload is asked for.
    pub(crate) prompt: bool,
}

/// What was read and belongs to no line yet.
#[derive(Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
}

impl Input {
    /// Whether a whole line is there already.
    pub(crate) fn has_line(&self) -> bool {
        self.bytes.contains(&b'\n')
    }

    /// The next line without its end; `None` at the client's end, after too long a silence, or for too long a line.
    pub(crate) async fn line(&mut self, link: &mut Link, how: &Reading) -> io::Result<Option<String>> {
        self.up_to(link, how, LINE_MAX).await
    }

    async fn up_to(&mut self, link: &mut Link, how: &Reading, most: usize) -> io::Result<Option<String>> {
        let mut searched = 0;
        loop {
            let found = self.bytes.get(searched..).and_then(|rest| rest.iter().position(|b| *b == b'\n'));
            if let Some(at) = found.map(|at| at + searched).filter(|at| *at <= most) {
                let mut line: Vec<u8> = self.bytes.drain(..=at).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(Some(base::raw::text(line)));
            }
            searched = self.bytes.len();
            if searched > most || !self.more(link, how.patience).await? {
                return Ok(None);
            }
        }
    }

    /// Reads once; `false` at the end or after too long a silence.
    async fn more(&mut self, link: &mut Link, patience: Duration) -> io::Result<bool> {
        match tokio::time::timeout(patience, link.read(&mut self.bytes)).await {
            Ok(Ok(count)) => Ok(count > 0),
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }

    /// The lines up to one that is `end`. `None` where it stays unfinished or grows too long: then nothing is done.
    pub(crate) async fn payload(
        &mut self,
        link: &mut Link,
        end: &str,
        how: &Reading,
    ) -> io::Result<Option<String>> {
        let mut payload = String::new();
        loop {
            if how.prompt {
                send(link, b"+ ", how.patience).await?;
            }
            match self.up_to(link, how, PAYLOAD_MAX).await? {
                Some(line) if line == end => return Ok(Some(payload)),
                Some(line) if payload.len() + line.len() <= PAYLOAD_MAX => {
                    payload.push_str(&line);
                    payload.push('\n');
                }
                Some(_) => {
                    send(link, b"The payload is too long.\n\n", how.patience).await?;
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
    }
}
