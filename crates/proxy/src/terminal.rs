//! What is said on standard error while it runs: servers and backends that come and go, as HAProxy says it there beside
//! the logs, so that `docker logs` and the journal show it where nothing else was configured. Never waits: what a
//! terminal cannot take at once is lost. Silent until it is opened.

use net::{LogAddr, LogSink, LogSocket};
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

/// The number of standard error.
const STDERR: i32 = 2;

/// The way there.
#[derive(Debug, Default)]
pub struct Terminal(OnceLock<LogSocket>);

impl Terminal {
    /// From now on it speaks. Starts a thread that writes; fails where there can be no more threads.
    pub fn open(&self) -> io::Result<()> {
        let socket = LogSink::open(&LogAddr::Fd(STDERR))?.socket()?;
        // A second opening finds it open, which is as well.
        let _ = self.0.set(socket);
        Ok(())
    }

    /// `[WARNING]  (pid) : text`
    pub(crate) fn warning(&self, text: &str) {
        self.say("[WARNING] ", text);
    }

    /// `[ALERT]    (pid) : text`
    pub(crate) fn alert(&self, text: &str) {
        self.say("[ALERT]   ", text);
    }

    /// Waits until what was said has been written, at most `limit`; for the end of the process.
    pub(crate) fn flush(&self, limit: Duration) {
        if let Some(socket) = self.0.get() {
            socket.flush(limit);
        }
    }

    fn say(&self, label: &str, text: &str) {
        if let Some(socket) = self.0.get() {
            socket.send(format!("{label} ({}) : {text}\n", std::process::id()).as_bytes());
        }
    }
}
