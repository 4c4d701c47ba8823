//! What a client of the API or of the master socket says, line by line, payloads among them. Bounded in length and time;
//! what has no end of line was not finished and is not obeyed.

use super::call::send;
use net::Stream;
use std::io;
use std::time::Duration;

/// The longest command line, bytes: HAProxy's is a buffer of 16 kB.
const LINE_MAX: usize = 16 * 1024;
/// The longest payload, bytes: a certificate with its chain, or ten thousand map entries at once.
const PAYLOAD_MAX: usize = 4 * 1024 * 1024;
/// What is read at a time.
const READ: usize = 16 * 1024;

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
    pub(crate) async fn line(&mut self, stream: &mut Stream, how: &Reading) -> io::Result<Option<String>> {
        self.up_to(stream, how, LINE_MAX).await
    }

    async fn up_to(&mut self, stream: &mut Stream, how: &Reading, most: usize) -> io::Result<Option<String>> {
        let mut searched = 0;
        loop {
            let found = self.bytes.get(searched..).and_then(|rest| rest.iter().position(|b| *b == b'\n'));
            if let Some(at) = found.map(|at| at + searched) {
                let mut line: Vec<u8> = self.bytes.drain(..=at).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            searched = self.bytes.len();
            if searched > most || !self.more(stream, how.patience).await? {
                return Ok(None);
            }
        }
    }

    /// Reads once; `false` at the end or after too long a silence.
    async fn more(&mut self, stream: &mut Stream, patience: Duration) -> io::Result<bool> {
        let before = self.bytes.len();
        self.bytes.resize(before + READ, 0);
        let place = self.bytes.get_mut(before..).unwrap_or_default();
        let read = tokio::time::timeout(patience, stream.read(place)).await;
        let count = match read {
            Ok(Ok(count)) => count,
            Ok(Err(_)) | Err(_) => 0,
        };
        self.bytes.truncate(before + count);
        Ok(count > 0)
    }

    /// The lines up to one that is `end`. `None` where it stays unfinished or grows too long: then nothing is done.
    pub(crate) async fn payload(
        &mut self,
        stream: &mut Stream,
        end: &str,
        how: &Reading,
    ) -> io::Result<Option<String>> {
        let mut payload = String::new();
        loop {
            if how.prompt {
                send(stream, b"+ ", how.patience).await?;
            }
            match self.up_to(stream, how, PAYLOAD_MAX).await? {
                Some(line) if line == end => return Ok(Some(payload)),
                Some(line) if payload.len() + line.len() <= PAYLOAD_MAX => {
                    payload.push_str(&line);
                    payload.push('\n');
                }
                Some(_) => {
                    send(stream, b"The payload is too long.\n\n", how.patience).await?;
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
    }
}
