//! What the fields say about body and connection (RFC 9112 sections 6 and 9). Collected while the field lines are
//! read, so nothing is looked up twice; judged once the head is whole. Two ways to read a message is no way:
//! several lengths, a length beside a coding, or a coding that is not one final `chunked` are refused.

use super::{Framing, Reject};
use crate::fields::{Kind, is_token_byte, split_list};
use crate::message::Version;
use memchr::memchr;

/// Most options of the `connection` fields together: each may cost a walk over all fields.
const MAX_CONNECTION_OPTIONS: u8 = 32;

/// Facts gathered from the field lines.
#[derive(Debug, Default)]
pub(super) struct Seen {
    length: Option<u64>,
    coding: Option<Coding>,
    /// What `proxy-connection` says counts too.
    for_proxy: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    connection_upgrade: bool,
    upgrade: bool,
    http2: bool,
    options: u8,
    pub(super) websocket: bool,
    pub(super) websocket_key: bool,
    pub(super) expect_continue: bool,
    /// Index of the `host` field.
    pub(super) host: Option<usize>,
}

/// The `transfer-encoding` fields, read as one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// `chunked` and nothing else.
    Chunked,
    /// Codings that we do not know, then `chunked`.
    OthersThenChunked,
    /// Codings that we do not know, so far without `chunked`.
    Others,
}

impl Seen {
    /// Nothing yet; `for_proxy` as in [`crate::Request::for_proxy`].
    pub(super) fn of_request(for_proxy: bool) -> Seen {
        Seen { for_proxy, ..Seen::default() }
    }

    /// Looks at one field; `index` is its place in the list. Offsets of faults count from the line's start.
    pub(super) fn field(&mut self, kind: Kind, value: &[u8], index: usize) -> Result<(), Reject> {
        match kind {
            Kind::Host => self.host_field(index)?,
            Kind::Expect => self.expect(value),
            Kind::Upgrade => self.upgrade_field(value),
            Kind::Connection => self.connection(value)?,
            Kind::ContentLength => self.content_length(value)?,
            Kind::TransferEncoding => self.transfer_encoding(value)?,
            Kind::WebSocketKey => self.websocket_key = is_websocket_key(value),
            Kind::ProxyConnection if self.for_proxy => self.proxy_connection(value),
            Kind::Other | Kind::KeepAlive | Kind::ProxyConnection | Kind::Te => {}
        }
        Ok(())
    }

    fn host_field(&mut self, index: usize) -> Result<(), Reject> {
        match self.host.replace(index) {
            None => Ok(()),
            Some(_) => Err(Reject::bad("several Host fields", 0)),
        }
    }

    fn expect(&mut self, value: &[u8]) {
        self.expect_continue |= split_list(value).any(|e| e.eq_ignore_ascii_case(b"100-continue"));
    }

    fn upgrade_field(&mut self, value: &[u8]) {
        for protocol in split_list(value) {
            self.upgrade = true;
            self.websocket |= protocol.eq_ignore_ascii_case(b"websocket");
            self.http2 |= protocol.get(..2).is_some_and(|p| p.eq_ignore_ascii_case(b"h2"));
        }
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), Reject> {
        if memchr(b',', value).is_none() {
            return self.connection_option(value);
        }
        split_list(value).try_for_each(|option| self.connection_option(option))
    }

    fn connection_option(&mut self, option: &[u8]) -> Result<(), Reject> {
        self.options += 1;
        if self.options > MAX_CONNECTION_OPTIONS {
            return Err(Reject::bad("too many connection options", 0));
        }
        self.close |= option.eq_ignore_ascii_case(b"close");
        self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        self.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        Ok(())
    }

    /// Of that field only persistence counts: it names no fields and switches no protocol. `close` in either field closes.
    fn proxy_connection(&mut self, value: &[u8]) {
        for option in split_list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Several fields are refused even when they agree; RFC 9112 section 6.3 permits that.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Reject> {
        let length = digits(value).ok_or(Reject::bad("malformed Content-Length", 0))?;
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Reject::bad("several Content-Length fields", 0)),
        }
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Reject> {
        for coding in value.split(|&b| b == b',').map(crate::fields::trim) {
            if coding.is_empty() || !coding.iter().all(|&b| is_token_byte(b)) {
                return Err(Reject::bad("malformed Transfer-Encoding", 0));
            }
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.coding = Some(match (self.coding, chunked) {
                (None, true) => Coding::Chunked,
                (Some(Coding::Others), true) => Coding::OthersThenChunked,
                (None | Some(Coding::Others), false) => Coding::Others,
                (Some(Coding::Chunked | Coding::OthersThenChunked), _) => {
                    return Err(Reject::bad("chunked is not the final transfer coding", 0));
                }
            });
        }
        Ok(())
    }

    /// The protocol switch counts only with its connection option (RFC 9110 section 7.8), and never in HTTP/1.0. A
    /// tunnel of HTTP/2 would carry requests past every rule, so a wish for it (h2c) is none.
    pub(super) fn wants_upgrade(&self, version: Version) -> bool {
        version == Version::H11 && self.upgrade && self.connection_upgrade && !self.http2
    }

    /// Whether the sender keeps the connection open after this message, as far as its fields say.
    pub(super) fn persists(&self, version: Version) -> bool {
        !self.close && (version != Version::H10 || self.keep_alive)
    }

    /// How the body is delimited by the fields; `None` when they say nothing.
    pub(super) fn framing(&self, version: Version) -> Result<Option<Framing>, Reject> {
        match (self.coding, self.length) {
            (None, None) => Ok(None),
            (None, Some(n)) => Ok(Some(Framing::Length(n))),
            (Some(_), Some(_)) => Err(Reject::bad("Content-Length beside Transfer-Encoding", 0)),
            (Some(_), None) if version == Version::H10 => {
                Err(Reject::bad("Transfer-Encoding in an HTTP/1.0 message", 0))
            }
            (Some(Coding::Chunked), None) => Ok(Some(Framing::Chunked)),
            (Some(Coding::OthersThenChunked), None) => {
                Err(Reject { status: 501, reason: "unknown transfer coding", at: 0 })
            }
            (Some(Coding::Others), None) => Err(Reject::bad("chunked is not the final transfer coding", 0)),
        }
    }
}

/// A decimal number without sign or blank, at least one digit, below 2^64.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// Sixteen bytes in base64 (RFC 6455 section 4.1): 22 characters and two of padding.
fn is_websocket_key(value: &[u8]) -> bool {
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    value.strip_suffix(b"==").is_some_and(|key| key.len() == 22 && key.iter().all(is_base64))
}
