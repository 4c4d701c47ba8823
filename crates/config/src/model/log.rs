//! Where log lines go and what they look like. As written; `None` where nothing was.

use super::FormatText;
use base::{Address, Span, Word};

/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// `log global`
    Global(Span),
    /// `log ADDRESS …`
    To(LogTo),
}

/// Where and how one log target is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTo {
    /// The destination.
    pub sink: LogSink,
    /// `len`
    pub len: Option<u32>,
    /// `format`
    pub format: Option<LogFrame>,
    /// `sample RANGES:SIZE`
    pub sample: Option<(Vec<(u32, u32)>, u32)>,
    /// The facility's number, 0 to 23.
    pub facility: u8,
    /// The least severity written, 0 (emerg) to 7 (debug); all where there is none.
    pub level: Option<u8>,
    /// More severe lines are written at this severity.
    pub minlevel: Option<u8>,
    /// The address word.
    pub span: Span,
}

/// A log destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSink {
    /// UDP or a unix datagram socket.
    Address(Address),
    /// `stdout`, `stderr` or `fd@N`
    Fd(i32),
    /// `ring@NAME`
    Ring(Word),
}

/// The framing of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFrame {
    /// `local`
    Local,
    /// `rfc3164`
    Rfc3164,
    /// `rfc5424`
    Rfc5424,
    /// `priority`
    Priority,
    /// `short`
    Short,
    /// `timed`
    Timed,
    /// `iso`
    Iso,
    /// `raw`
    Raw,
}

/// Which log line a proxy writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `option httplog`
    Http,
    /// `option httplog clf`
    HttpClf,
    /// `option httpslog`
    Https,
    /// `option tcplog`
    Tcp,
    /// `log-format`
    Custom(FormatText),
}
