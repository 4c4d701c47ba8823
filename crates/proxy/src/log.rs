//! Log lines: which line a stream writes, at which level, in which frame, to which sinks. Composes and hands over;
//! the sinks never block (see `net::LogSocket`).

mod frame;
mod sample;
pub(crate) mod size;

pub use frame::Frame;
pub(crate) use frame::iso_date;
pub use sample::Sample;

use crate::stream::Stream;
use crate::tally::Count;
use expr::Format;
use net::Addr;
use std::cell::RefCell;
use std::sync::Arc;

/// Severity of an ordinary line (RFC 5424 section 6.2.1).
const INFO: u8 = 6;
/// Severity of an error under `option log-separate-errors`.
const ERROR: u8 = 3;

/// A line longer than this is cut (`len` of a log line, whose default is 1024).
pub const DEFAULT_LEN: usize = 1024;

/// One `log` line, opened.
pub struct Target {
    /// Its sink.
    pub socket: Arc<net::LogSocket>,
    /// Its frame.
    pub frame: Frame,
    /// Facility, 0 to 23.
    pub facility: u8,
    /// Lines less severe than this are not written.
    pub level: u8,
    /// Lines more severe than this are written at this severity.
    pub minlevel: u8,
    /// Longest line.
    pub len: usize,
    /// Which of the lines it gets; all where there is none.
    pub sample: Option<Sample>,
}

/// The logging of one proxy.
#[derive(Default)]
pub struct LogPlan {
    /// Where to.
    pub targets: Vec<Arc<Target>>,
    /// The line of a stream; none is written without one.
    pub format: Option<Format>,
    /// The line of a connection that failed before a stream, or before a whole request (`error-log-format`).
    pub error_format: Option<Format>,
    /// Structured data of RFC 5424.
    pub structured: Option<Format>,
    /// `option logasap`
    pub asap: bool,
    /// `option dontlog-normal`
    pub dontlog_normal: bool,
    /// `option log-separate-errors`
    pub separate_errors: bool,
    /// What frames say about us.
    pub identity: Arc<Identity>,
}

/// What frames say about the process.
#[derive(Default)]
pub struct Identity {
    /// `log-tag`
    pub tag: Box<str>,
    /// The host name, where frames carry one.
    pub hostname: Box<str>,
    /// `log-send-hostname`: the default frame carries it too.
    pub send_hostname: bool,
    /// The process.
    pub pid: u32,
}

thread_local! {
    static LINE: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

impl LogPlan {
    /// The line of a stream that has ended.
    pub fn stream(&self, stream: &Stream<'_>) {
        if self.targets.is_empty() || stream.logged_asap {
            return;
        }
        let error = stream.is_error();
        if self.dontlog_normal && !error {
            return;
        }
        let usual = if self.separate_errors && error { ERROR } else { INFO };
        let level = match stream.log_level {
            Some(None) => return,
            Some(Some(level)) => level,
            None => usual,
        };
        self.write(self.format_of(stream), stream, level);
    }

    /// What never became a request is a matter of the connection.
    fn format_of(&self, stream: &Stream<'_>) -> Option<&Format> {
        let refused = stream.front.http && !stream.has_request;
        self.error_format.as_ref().filter(|_| refused).or(self.format.as_ref())
    }

    /// The line of a stream whose response has begun (`option logasap`).
    pub fn stream_begun(&self, stream: &Stream<'_>) {
        self.stream(stream);
    }

    /// A line that a rule asks for while the stream goes on (`do-log`).
    pub fn extra(&self, stream: &Stream<'_>) {
        if !self.targets.is_empty() {
            self.write(self.format.as_ref(), stream, stream.log_level.flatten().unwrap_or(INFO));
        }
    }

    /// The line of a connection that failed before it could carry a stream.
    pub fn connection_error(&self, stream: &Stream<'_>, text: &str) {
        let level = if self.separate_errors { ERROR } else { INFO };
        match &self.error_format {
            Some(format) => self.write(Some(format), stream, level),
            None => {
                let session = stream.session;
                let date = frame::log_date(session.accepted_us);
                let (front, listener) = (&session.front.name, &session.listener);
                let place = if listener.name.is_empty() {
                    listener.id.to_string()
                } else {
                    listener.name.to_string()
                };
                let client = match session.src {
                    Addr::Unix => format!("unix:{}", listener.id),
                    Addr::Inet(_) => session.src.to_string(),
                };
                let line = format!("{client} [{date}] {front}/{place}: {text}");
                self.send(line.as_bytes(), b"", level, stream.session.wall_us(tokio::time::Instant::now()));
            }
        }
    }

    /// A line about the proxy itself, such as a server's change of state.
    pub fn notice(&self, text: &str, level: u8, now_us: i64) {
        self.send(text.as_bytes(), b"", level, now_us);
    }

    fn write(&self, format: Option<&Format>, stream: &Stream<'_>, level: u8) {
        let Some(format) = format else { return };
        let now = stream.session.wall_us(tokio::time::Instant::now());
        let (mut line, mut structured) = LINE.take();
        line.clear();
        structured.clear();
        format.write(stream, &mut line);
        if let Some(format) = &self.structured {
            format.write(stream, &mut structured);
        }
        self.send(&line, &structured, level, now);
        stream.front.tally.add(stream.worker.index, Count::LogLines, 1);
        LINE.set((line, structured));
    }

    fn send(&self, line: &[u8], structured: &[u8], level: u8, now_us: i64) {
        let mut out = Vec::with_capacity(line.len() + 96);
        for target in &self.targets {
            if level > target.level || target.sample.as_ref().is_some_and(|sample| !sample.takes()) {
                continue;
            }
            out.clear();
            let level = level.max(target.minlevel);
            target.frame.write(target.facility, level, now_us, &self.identity, structured, &mut out);
            out.extend_from_slice(line);
            out.truncate(target.len.saturating_sub(1));
            out.push(b'\n');
            target.socket.send(&out);
        }
    }
}
