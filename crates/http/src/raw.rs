//! Stored responses: the files behind `errorfile` and `http-errors`, whole HTTP messages that an operator wrote. They
//! are read at load by the same parser as a server's answers, with line ends forgiven, and sent later with framing
//! and connection fields of our own. Not for anything that comes from the network.

use crate::h1::{Framing, Limits, Parsed, Reject, parse_response};
use crate::message::{Method, Response};
use memchr::memmem;

/// A stored response, ready to be sent as often as needed.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The head, without hop-by-hop and framing fields.
    pub head: Response,
    /// The body; its length is its framing.
    pub body: Vec<u8>,
}

/// Why a file is no response. `Display` gives the words for the complaint, behind the file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawError {
    /// The head does not parse.
    Head(Reject),
    /// No empty line ends the head.
    NoEnd,
    /// 1xx, which is never a final answer.
    Interim(u16),
    /// A body where the status allows none.
    Payload(u16),
    /// `content-length` and the body disagree.
    Length {
        /// What the field says.
        announced: u64,
        /// Bytes behind the head.
        found: usize,
    },
    /// A chunked body.
    Chunked,
}

impl std::fmt::Display for RawError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RawError::Head(why) => write!(f, "unable to parse headers ({why})"),
            RawError::NoEnd => write!(f, "unable to parse headers (no empty line ends them)"),
            RawError::Interim(status) => {
                write!(f, "invalid http status code for an error message ({status})")
            }
            RawError::Payload(_) => write!(f, "message payload not expected"),
            RawError::Length { announced, found } => {
                write!(f, "payload size does not match the announced content-length ({found} != {announced})")
            }
            RawError::Chunked => write!(f, "chunk-encoded payload not supported"),
        }
    }
}

impl std::error::Error for RawError {}

/// Reads a stored response. An empty file, such as `/dev/null`, gives `None`: nothing is to be sent at all.
pub fn parse(file: &[u8]) -> Result<Option<Stored>, RawError> {
    let file = file.trim_ascii_start();
    if file.is_empty() {
        return Ok(None);
    }
    let (head_text, body) = split(file).ok_or(RawError::NoEnd)?;
    let mut head = Response::default();
    let limits = Limits { max_head: head_text.len(), ..Limits::default() };
    let framing = match parse_response(&head_text, &mut 0, &limits, Method::Get, &mut head) {
        Ok(Parsed::Complete(complete)) => complete.body,
        Ok(Parsed::Partial) => return Err(RawError::NoEnd),
        Err(why) => return Err(RawError::Head(why)),
    };
    check_body(&head, framing, body)?;
    Ok(Some(Stored { head, body: body.to_vec() }))
}

fn check_body(head: &Response, framing: Framing, body: &[u8]) -> Result<(), RawError> {
    let found = body.len();
    match (head.status, framing) {
        (100..=199, _) => Err(RawError::Interim(head.status)),
        (_, Framing::None) if found > 0 => Err(RawError::Payload(head.status)),
        (_, Framing::Length(announced)) if announced != found as u64 => {
            Err(RawError::Length { announced, found })
        }
        (_, Framing::Chunked) => Err(RawError::Chunked),
        (_, Framing::None | Framing::Length(_) | Framing::UntilClose) => Ok(()),
    }
}

/// The head with proper line ends, and the body.
fn split(file: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let ends = [(&b"\n\r\n"[..], 3), (&b"\n\n"[..], 2)];
    let end = ends.iter().filter_map(|(mark, len)| memmem::find(file, mark).map(|at| at + len)).min()?;
    let (head, body) = file.split_at_checked(end)?;
    let mut text = Vec::with_capacity(head.len() + 32);
    for line in head.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        text.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        text.extend_from_slice(b"\r\n");
    }
    Some((text, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "HTTP/1.0 503 Service Unavailable\nCache-Control: no-cache\nConnection: close\nContent-Type: text/html\n\n<html>\nx</html>\n";

    #[test]
    fn line_ends_do_not_matter() {
        let (head, body) = PAGE.split_once("\n\n").unwrap();
        for head in [head.to_string(), head.replace('\n', "\r\n")] {
            for gap in ["\n\n", "\r\n\r\n"] {
                let stored = parse(format!("{head}{gap}{body}").as_bytes()).unwrap().unwrap();
                assert_eq!((stored.head.status, stored.head.reason()), (503, &b"Service Unavailable"[..]));
                let names: Vec<&[u8]> = stored.head.fields.iter().map(|(n, _)| n).collect();
                assert_eq!(names, [&b"cache-control"[..], b"connection", b"content-type"]);
                assert_eq!(stored.body, b"<html>\nx</html>\n");
            }
        }
    }

    #[test]
    fn an_empty_file_is_silence() {
        assert!(parse(b"").unwrap().is_none());
        assert!(parse(b"\r\n").unwrap().is_none());
    }

    #[test]
    fn complaints_say_what_is_wrong() {
        let cases = [
            (
                "HTTP/1.1 503 X\r\nContent-Length: 3\r\n\r\nabcd",
                "payload size does not match the announced content-length (4 != 3)",
            ),
            (
                "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "chunk-encoded payload not supported",
            ),
            ("HTTP/1.1 204 X\r\n\r\nabc", "message payload not expected"),
            ("HTTP/1.1 100 X\r\n\r\n", "invalid http status code for an error message (100)"),
            ("HTTP/1.1 503 X\r\nA: b\r\n", "unable to parse headers (no empty line ends them)"),
            ("<html>\n\n", "unable to parse headers (malformed HTTP version at byte 0)"),
            ("HTTP/1.1 503 X\nA : b\n\n", "unable to parse headers (space in field name at byte 17)"),
        ];
        for (file, words) in cases {
            assert_eq!(
                parse(file.as_bytes()).map_err(|e| e.to_string()).err().as_deref(),
                Some(words),
                "{file}"
            );
        }
    }
}
