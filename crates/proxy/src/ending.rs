//! How a stream ended: one value, cause x phase. It yields the log's termination code, the status that is sent and
//! whether trying again could help. Nothing else computes any of these. (Manual section 8.5.)

/// Who or what ended it: the first letter of the termination code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// `-`: it came to its natural end.
    #[default]
    Normal,
    /// `C`: the client closed.
    ClientAbort,
    /// `c`: the client was silent for too long.
    ClientTimeout,
    /// `S`: the server closed or refused.
    ServerAbort,
    /// `s`: the server was silent for too long, or a queue or connection took too long.
    ServerTimeout,
    /// `P`: a rule or a protocol violation made us end it.
    Proxy,
    /// `L`: answered by us, on purpose.
    Local,
    /// `R`: something ran out: sockets, memory, ports.
    Resource,
    /// `I`: our own mistake.
    Internal,
    /// `D`: the server was marked down.
    ServerDown,
    /// `U`: a better server came up.
    ServerUp,
    /// `K`: an administrator.
    Killed,
}

/// What it was waiting for: the second letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// `R`: the request.
    Request,
    /// `Q`: a place at a server.
    Queue,
    /// `C`: the connection to the server.
    Connect,
    /// `H`: the response's head.
    Headers,
    /// `D`: data.
    Data,
    /// `L`: the last bytes to the client; the server is done.
    Last,
    /// `T`: the end of a tarpit.
    Tarpit,
    /// `-`: all was done.
    #[default]
    Done,
}

/// See the module's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Who.
    pub cause: Cause,
    /// When.
    pub phase: Phase,
    /// A status that the cause and the phase do not tell by themselves, as a parser's 431.
    pub status: Option<u16>,
}

impl Ending {
    /// An ending whose status follows from its cause and phase.
    pub const fn new(cause: Cause, phase: Phase) -> Ending {
        Ending { cause, phase, status: None }
    }

    /// The same ending told with another status.
    pub const fn with_status(self, status: u16) -> Ending {
        Ending { status: Some(status), ..self }
    }

    /// The request was refused by the parser.
    pub const fn bad_request(status: u16) -> Ending {
        Ending { cause: Cause::Proxy, phase: Phase::Request, status: Some(status) }
    }

    /// The first two letters of the termination code.
    pub fn letters(self) -> [u8; 2] {
        let cause = match self.cause {
            Cause::Normal => b'-',
            Cause::ClientAbort => b'C',
            Cause::ClientTimeout => b'c',
            Cause::ServerAbort => b'S',
            Cause::ServerTimeout => b's',
            Cause::Proxy => b'P',
            Cause::Local => b'L',
            Cause::Resource => b'R',
            Cause::Internal => b'I',
            Cause::ServerDown => b'D',
            Cause::ServerUp => b'U',
            Cause::Killed => b'K',
        };
        let phase = match self.phase {
            Phase::Request => b'R',
            Phase::Queue => b'Q',
            Phase::Connect => b'C',
            Phase::Headers => b'H',
            Phase::Data => b'D',
            Phase::Last => b'L',
            Phase::Tarpit => b'T',
            Phase::Done => b'-',
        };
        [cause, phase]
    }

    /// The status of the error page that tells the client; `None` where there is nobody to tell or it is too late.
    pub fn status(self) -> Option<u16> {
        if self.status.is_some() {
            return self.status;
        }
        match (self.cause, self.phase) {
            (Cause::Normal | Cause::Local, _) => None,
            (_, Phase::Data | Phase::Last | Phase::Done) => None,
            (Cause::ClientTimeout, Phase::Request | Phase::Headers) => Some(408),
            // Who left in the middle of its body, or would not wait, is told nothing.
            (Cause::ClientAbort, Phase::Request | Phase::Queue | Phase::Connect) => None,
            (Cause::ClientAbort, Phase::Headers) => Some(400),
            (Cause::ClientTimeout, Phase::Queue)
            | (Cause::ClientTimeout, Phase::Connect | Phase::Tarpit)
            | (Cause::ClientAbort, Phase::Tarpit) => Some(503),
            (Cause::ServerTimeout, Phase::Headers) => Some(504),
            (
                Cause::ServerAbort | Cause::Proxy | Cause::ServerDown | Cause::ServerUp | Cause::Killed,
                Phase::Headers,
            ) => Some(502),
            (Cause::Proxy, Phase::Request) => Some(403),
            (Cause::Proxy, Phase::Tarpit) => Some(500),
            (Cause::Internal | Cause::Resource, Phase::Request | Phase::Headers | Phase::Tarpit)
            | (Cause::Killed, Phase::Request | Phase::Tarpit) => Some(500),
            (
                Cause::ServerAbort
                | Cause::ServerTimeout
                | Cause::ServerDown
                | Cause::ServerUp
                | Cause::Proxy
                | Cause::Resource
                | Cause::Internal
                | Cause::Killed,
                Phase::Queue | Phase::Connect | Phase::Request | Phase::Tarpit,
            ) => Some(503),
        }
    }

    /// Whether it counts as a server's failure for `observe` and the error counters.
    pub fn blames_server(self) -> bool {
        matches!(
            (self.cause, self.phase),
            (Cause::ServerAbort | Cause::ServerTimeout, Phase::Connect | Phase::Headers | Phase::Data)
        )
    }

    /// Whether the line is an error in the sense of `option dontlog-normal` and `log-separate-errors`.
    pub fn is_error(self) -> bool {
        !matches!(self.cause, Cause::Normal | Cause::Local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes that the manual explains, with the status that a client sees.
    #[test]
    fn codes_and_statuses() {
        let cases = [
            ("--", Cause::Normal, Phase::Done, None),
            ("cR", Cause::ClientTimeout, Phase::Request, Some(408)),
            ("CR", Cause::ClientAbort, Phase::Request, None),
            ("PR", Cause::Proxy, Phase::Request, Some(403)),
            ("LR", Cause::Local, Phase::Request, None),
            ("CQ", Cause::ClientAbort, Phase::Queue, None),
            ("CC", Cause::ClientAbort, Phase::Connect, None),
            ("sQ", Cause::ServerTimeout, Phase::Queue, Some(503)),
            ("SC", Cause::ServerAbort, Phase::Connect, Some(503)),
            ("sC", Cause::ServerTimeout, Phase::Connect, Some(503)),
            ("SH", Cause::ServerAbort, Phase::Headers, Some(502)),
            ("sH", Cause::ServerTimeout, Phase::Headers, Some(504)),
            ("PH", Cause::Proxy, Phase::Headers, Some(502)),
            ("SD", Cause::ServerAbort, Phase::Data, None),
            ("sD", Cause::ServerTimeout, Phase::Data, None),
            ("CD", Cause::ClientAbort, Phase::Data, None),
            ("cD", Cause::ClientTimeout, Phase::Data, None),
            ("KH", Cause::Killed, Phase::Headers, Some(502)),
            ("PT", Cause::Proxy, Phase::Tarpit, Some(500)),
        ];
        for (code, cause, phase, status) in cases {
            let ending = Ending::new(cause, phase);
            assert_eq!(ending.letters(), code.as_bytes(), "{code}");
            assert_eq!(ending.status(), status, "{code}");
        }
    }
}
