//! HTTP/1.0 and HTTP/1.1 (RFC 9112): bytes to heads and bodies, and back. Callers own all buffers and all timing;
//! nothing here waits, and nothing here repairs: a message that two programs could read in two ways is refused with
//! a [`Reject`], so that what reaches a server is only what was understood, framed anew.
//!
//! Files: `head` (end of head, field lines), `target` (request targets and hosts), `framing` (what the fields say
//! about body and connection), `request` and `response` (start lines, and the whole), `body`, `chunk` and `trailer`
//! (what follows a head), `hop` (what does not travel on), `write` (the way back).

mod body;
mod chunk;
mod default_port;
mod framing;
mod head;
mod hop;
mod request;
mod response;
mod target;
mod trailer;
mod write;

pub use body::{BodyDecoder, Step, check_chunks};
pub use hop::{
    drop_named_by_connection, strip_hop_by_hop_request, strip_hop_by_hop_response, take_persistence,
};
pub use request::parse_request;
pub use response::parse_response;
pub use write::{write_chunk_end, write_chunk_start, write_last_chunk, write_request, write_response};

/// What a head may cost and how strictly it is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a head, from its first byte to the empty line's end. HAProxy's default: `tune.bufsize` less
    /// `tune.maxrewrite`.
    pub max_head: usize,
    /// Lines of a head, the start line included (`tune.http.maxhdr`).
    pub max_fields: usize,
    /// `option accept-unsafe-violations-in-http-request`; for a response, the same option for responses.
    pub unsafe_request: bool,
    /// `option http-use-proxy-header`
    pub proxy_header: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_head: 15360, max_fields: 101, unsafe_request: false, proxy_header: false }
    }
}

/// Outcome of looking at the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head has not arrived whole.
    Partial,
    /// The head is whole and valid.
    Complete(Complete),
}

/// What a whole head says about the rest of the message and of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Bytes of input that the head took, skipped empty lines before it included.
    pub head_len: usize,
    /// How the body is delimited.
    pub body: Framing,
    /// The peer wants, or needs, the connection to close after this message.
    pub close: bool,
    /// An HTTP/1.0 peer asked for keep-alive, and must be told that it got it.
    pub keep_alive_10: bool,
    /// A request asks for, or a 101 response grants, another protocol.
    pub upgrade: bool,
    /// A request waits for 100 (Continue) before it sends its body.
    pub expect_continue: bool,
}

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body by the message's kind: nothing says so on the wire.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Everything until the peer closes; responses only.
    UntilClose,
}

/// A message that is refused, and why. The connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// What to answer: 400, 413, 414, 431, 501 or 505 for a request, 502 for a response.
    pub status: u16,
    /// For logs.
    pub reason: &'static str,
    /// Offset in the input of the byte, or of the line, that is wrong.
    pub at: usize,
}

impl std::fmt::Display for Reject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl std::error::Error for Reject {}

impl Reject {
    #[cold]
    fn bad(reason: &'static str, at: usize) -> Reject {
        Reject { status: 400, reason, at }
    }

    /// The same fault `by` bytes further on: from an offset in the head to one in the input.
    #[cold]
    fn moved(self, by: usize) -> Reject {
        Reject { at: self.at + by, ..self }
    }

    /// A fault in what a server sent is answered to the client with 502.
    #[cold]
    fn of_server(self) -> Reject {
        Reject { status: 502, ..self }
    }
}
