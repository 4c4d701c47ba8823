//! What a check found, in the words of the manual and of the logs.

/// Outcomes of a check (manual 9.3 of the management guide, `check_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as in the manual
pub enum Finding {
    L4Ok,
    L4Timeout,
    L4Con,
    L6Ok,
    L6Timeout,
    L6Response,
    L7Ok,
    L7OkConditionally,
    L7Timeout,
    L7Response,
    L7Status,
    ProcessOk,
    ProcessError,
    ProcessTimeout,
    SocketError,
    Analyze,
    /// An agent spoke, and not of health.
    Checked,
}

/// What a finding says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good.
    Passed,
    /// Good enough for those it has, not for newcomers.
    Conditional,
    /// Bad.
    Failed,
}

impl Finding {
    /// The sentence in logs.
    pub fn text(self) -> &'static str {
        match self {
            Finding::L4Ok => "Layer4 check passed",
            Finding::L4Timeout => "Layer4 timeout",
            Finding::L4Con => "Layer4 connection problem",
            Finding::L6Ok => "Layer6 check passed",
            Finding::L6Timeout => "Layer6 timeout",
            Finding::L6Response => "Layer6 invalid response",
            Finding::L7Ok => "Layer7 check passed",
            Finding::L7OkConditionally => "Layer7 check conditionally passed",
            Finding::L7Timeout => "Layer7 timeout",
            Finding::L7Response => "Layer7 invalid response",
            Finding::L7Status => "Layer7 wrong status",
            Finding::ProcessOk => "External check passed",
            Finding::ProcessError => "External check error",
            Finding::ProcessTimeout => "External check timeout",
            Finding::SocketError => "Socket error",
            Finding::Analyze => "Health analyze",
            Finding::Checked => "No status change",
        }
    }

    /// The number in `show servers state`.
    pub fn number(self) -> u8 {
        match self {
            Finding::Checked => 3,
            Finding::Analyze => 4,
            Finding::SocketError => 5,
            Finding::L4Ok => 6,
            Finding::L4Timeout => 7,
            Finding::L4Con => 8,
            Finding::L6Ok => 9,
            Finding::L6Timeout => 10,
            Finding::L6Response => 11,
            Finding::L7Timeout => 12,
            Finding::L7Response => 13,
            Finding::L7Ok => 15,
            Finding::L7OkConditionally => 16,
            Finding::L7Status => 17,
            Finding::ProcessError => 18,
            Finding::ProcessTimeout => 19,
            Finding::ProcessOk => 20,
        }
    }

    /// The short name of statistics (`check_status`).
    pub fn name(self) -> &'static str {
        match self {
            Finding::L4Ok => "L4OK",
            Finding::L4Timeout => "L4TOUT",
            Finding::L4Con => "L4CON",
            Finding::L6Ok => "L6OK",
            Finding::L6Timeout => "L6TOUT",
            Finding::L6Response => "L6RSP",
            Finding::L7Ok => "L7OK",
            Finding::L7OkConditionally => "L7OKC",
            Finding::L7Timeout => "L7TOUT",
            Finding::L7Response => "L7RSP",
            Finding::L7Status => "L7STS",
            Finding::ProcessOk => "PROCOK",
            Finding::ProcessError => "PROCERR",
            Finding::ProcessTimeout => "PROCTOUT",
            Finding::SocketError => "SOCKERR",
            Finding::Analyze => "HANA",
            Finding::Checked => "CHECKED",
        }
    }

    /// The short name that `ok-status` and friends use.
    pub fn parse(name: &str) -> Option<Finding> {
        Some(match name {
            "L4OK" => Finding::L4Ok,
            "L4TOUT" => Finding::L4Timeout,
            "L4CON" => Finding::L4Con,
            "L6OK" => Finding::L6Ok,
            "L6TOUT" => Finding::L6Timeout,
            "L6RSP" => Finding::L6Response,
            "L7OK" => Finding::L7Ok,
            "L7OKC" => Finding::L7OkConditionally,
            "L7TOUT" => Finding::L7Timeout,
            "L7RSP" => Finding::L7Response,
            "L7STS" => Finding::L7Status,
            _ => return None,
        })
    }

    /// Pass or fail.
    pub fn verdict(self) -> Verdict {
        match self {
            Finding::L4Ok | Finding::L6Ok | Finding::L7Ok | Finding::ProcessOk | Finding::Checked => {
                Verdict::Passed
            }
            Finding::L7OkConditionally => Verdict::Conditional,
            Finding::L4Timeout
            | Finding::L4Con
            | Finding::L6Timeout
            | Finding::L6Response
            | Finding::L7Timeout
            | Finding::L7Response
            | Finding::L7Status
            | Finding::ProcessError
            | Finding::ProcessTimeout
            | Finding::SocketError
            | Finding::Analyze => Verdict::Failed,
        }
    }

    /// Logs show the code that was received.
    pub fn has_code(self) -> bool {
        matches!(self, Finding::L7Ok | Finding::L7OkConditionally | Finding::L7Status) || self.is_of_program()
    }

    /// A program found it.
    pub fn is_of_program(self) -> bool {
        matches!(self, Finding::ProcessOk | Finding::ProcessError | Finding::ProcessTimeout)
    }
}

/// Longest details, bytes, as HAProxy keeps them.
pub(super) const INFO_MAX: usize = 127;

/// A finding with its details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The finding.
    pub finding: Finding,
    /// The code received, where there is one.
    pub code: i64,
    /// Details, at most 127 bytes; may be empty. Control characters are as the server sent them.
    pub info: String,
    /// How long the check took, milliseconds.
    pub duration: u64,
}

impl Report {
    pub(super) fn new(finding: Finding, info: impl Into<String>) -> Report {
        let mut info = info.into();
        info.truncate(info.floor_char_boundary(INFO_MAX));
        Report { finding, code: 0, info, duration: 0 }
    }

    pub(super) fn with_code(mut self, code: i64) -> Report {
        self.code = code;
        self
    }
}
