//! What goes to the terminal, and nothing else that prints. A reader that went away (`lockgate keywords | head`) is no
//! error: there is nobody left to tell.

use base::Severity;
use ops::master::Voice;
use std::io::Write;

/// To standard output, as it is.
pub(crate) fn out(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// To standard error, as it is.
pub(crate) fn err(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Says things in HAProxy's shape, or keeps quiet (`-q`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// `-q`: neither complaints nor results.
    pub(crate) quiet: bool,
    /// `-dD`: hints as well.
    pub(crate) hints: bool,
}

impl Console {
    /// `[ALERT]    (pid) : text`
    pub(crate) fn alert(self, text: &str) {
        self.complaint("[ALERT]   ", text);
    }

    /// `[WARNING]  (pid) : text`
    pub(crate) fn warning(self, text: &str) {
        self.complaint("[WARNING] ", text);
    }

    /// `[NOTICE]   (pid) : text`
    pub(crate) fn notice(self, text: &str) {
        self.complaint("[NOTICE]  ", text);
    }

    /// A result, on standard output.
    pub(crate) fn result(self, text: &str) {
        if !self.quiet {
            out(&format!("{text}\n"));
        }
    }

    /// Complaints that were rendered elsewhere.
    pub(crate) fn complaints(self, text: &str) {
        if !self.quiet {
            err(text);
        }
    }

    /// The least severity that is shown.
    pub(crate) fn least(self) -> Severity {
        if self.hints { Severity::Diag } else { Severity::Notice }
    }

    fn complaint(self, label: &str, text: &str) {
        self.complaints(&format!("{label} ({}) : {text}\n", std::process::id()));
    }
}

impl Voice for Console {
    fn notice(&self, text: &str) {
        Console::notice(*self, text);
    }

    fn warning(&self, text: &str) {
        Console::warning(*self, text);
    }

    fn alert(&self, text: &str) {
        Console::alert(*self, text);
    }
}
