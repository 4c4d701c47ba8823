//! The record layer once a handshake is done. rustls hands over the keys, and a connection keeps two of them and their
//! counts, and little else: records are opened where they were read and sealed where they are written, and nothing is
//! allocated for one. All that may still come is answered here (RFC 8446 sections 4.6, 5 and 6, RFC 5246 section 7.2).
//!
//! An error ends the connection; the alert for the peer is then in `out`. Public for its fuzz target.

mod fault;
mod header;
mod keys;
mod ratchet;
mod renewal;
#[cfg(test)]
mod tests;

pub use header::Kind;
pub use keys::{Form, Key, Spent};
pub use ratchet::Ratchet;
pub(crate) use ratchet::{Confidant, take_told};
pub use renewal::Renewal;

use crate::error::TlsError;
use fault::{Fault, alert};
use rustls::AlertDescription::{
    self, CloseNotify, DecodeError, IllegalParameter, NoRenegotiation, UnexpectedMessage,
};
use rustls::{Error, HandshakeType, InvalidMessage, PeerMisbehaved};

/// Empty records in a row; more are a waste of our time, and nobody's need.
const EMPTY_MOST: u8 = 32;
/// Key updates with no data between them.
const UPDATES_MOST: u8 = 32;
/// Warnings of a connection.
const WARNINGS_MOST: u8 = 4;
/// Wishes for another handshake that are refused in words (TLS 1.2); the next ends the connection.
const REFUSALS_MOST: u8 = 1;

/// What a key update asks for (RFC 8446 section 4.6.3): its header, and the octet.
const KEY_UPDATE: [u8; 4] = [24, 0, 0, 1];
const NOT_REQUESTED: u8 = 0;
const REQUESTED: u8 = 1;

/// A connection's records, both ways.
pub struct Records {
    open: Key,
    seal: Key,
    renewal: Renewal,
    /// The peer has asked for other keys; they come before the next data, however often it has asked.
    update_owed: bool,
    empty: u8,
    updates: u8,
    warnings: u8,
    refusals: u8,
}

/// How far a reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are used up.
    pub used: usize,
    /// The peer has said that it will send no more; what follows is none of its words.
    pub closed: bool,
}

impl Records {
    /// Goes on where a handshake has ended.
    pub fn new(open: Key, seal: Key, renewal: Renewal) -> Records {
        Records { open, seal, renewal, update_owed: false, empty: 0, updates: 0, warnings: 0, refusals: 0 }
    }

    /// Opens the whole records at the front of `input`, which is overwritten; appends their data to `plain`.
    pub fn read(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, TlsError> {
        self.read_all(input, plain, out).map_err(|fault| {
            if let Some(description) = fault.alert {
                self.say(description, out);
            }
            fault.error
        })
    }

    fn read_all(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Fault> {
        let mut used = 0;
        loop {
            let rest = input.get_mut(used..).unwrap_or_default();
            let Some(header) = header::read(rest, self.open.form())? else { break };
            let Some(body) = rest.get_mut(header::LEN..header::LEN + header.body) else { break };
            used += header::LEN + header.body;
            let (kind, content) = self.open.open(&header, body)?;
            self.bear_empty(content)?;
            let closed = match kind {
                Kind::Data => {
                    plain.extend_from_slice(content);
                    self.updates = 0;
                    false
                }
                Kind::Alert => self.alerted(content)?,
                Kind::Handshake => {
                    self.messages(content, out)?;
                    false
                }
                Kind::ChangeCipherSpec => {
                    return Err(Fault::new(
                        UnexpectedMessage,
                        misbehaved(PeerMisbehaved::IllegalMiddleboxChangeCipherSpec),
                    ));
                }
            };
            if closed {
                return Ok(Progress { used, closed });
            }
        }
        Ok(Progress { used, closed: false })
    }

    fn bear_empty(&mut self, content: &[u8]) -> Result<(), Fault> {
        if !content.is_empty() {
            self.empty = 0;
            return Ok(());
        }
        count(&mut self.empty, EMPTY_MOST, PeerMisbehaved::TooManyEmptyFragments)
    }

    /// Whether the peer's alert is its goodbye.
    fn alerted(&mut self, content: &[u8]) -> Result<bool, Fault> {
        let &[level, description] = content else {
            return Err(Fault::new(DecodeError, Error::InvalidMessage(InvalidMessage::MissingData("alert"))));
        };
        let description = AlertDescription::from(description);
        let passes = match self.open.form() {
            // The level counts for nothing any more (RFC 8446 section 6).
            Form::Inner => description == AlertDescription::UserCanceled,
            Form::ExplicitNonce | Form::Outer => level == 1,
        };
        match (description, level) {
            (CloseNotify, 1 | 2) => Ok(true),
            (_, 1 | 2) if passes => {
                count(&mut self.warnings, WARNINGS_MOST, PeerMisbehaved::TooManyWarningAlertsReceived)?;
                Ok(false)
            }
            (_, 1 | 2) => Err(Fault::told(description)),
            (_, _) => Err(Fault::new(IllegalParameter, Error::AlertReceived(description))),
        }
    }

    /// Handshake messages, whole: nobody has a reason to split one of those that may still come, or to send none.
    fn messages(&mut self, mut content: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        loop {
            let &[kind, high, middle, low, ref rest @ ..] = content else { return Err(fragmented()) };
            let length = usize::from(u16::from_be_bytes([middle, low])) | usize::from(high) << 16;
            let (body, rest) = rest.split_at_checked(length).ok_or_else(fragmented)?;
            self.message(HandshakeType::from(kind), body, rest.is_empty(), out)?;
            if rest.is_empty() {
                return Ok(());
            }
            content = rest;
        }
    }

    fn message(
        &mut self,
        kind: HandshakeType,
        body: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let again =
            if self.renewal.is_server() { HandshakeType::ClientHello } else { HandshakeType::HelloRequest };
        match (self.open.form(), kind) {
            (Form::Inner, HandshakeType::KeyUpdate) => self.key_update(body, last),
            (Form::Inner, HandshakeType::NewSessionTicket) => self.renewal.ticket(body),
            (Form::ExplicitNonce | Form::Outer, kind) if kind == again => {
                count(&mut self.refusals, REFUSALS_MOST, PeerMisbehaved::TooManyRenegotiationRequests)?;
                self.say(NoRenegotiation, out);
                Ok(())
            }
            (Form::Inner | Form::ExplicitNonce | Form::Outer, kind) => Err(renewal::unexpected(kind)),
        }
    }

    /// The peer seals with other keys from the next record on, which therefore must be the next thing.
    fn key_update(&mut self, body: &[u8], last: bool) -> Result<(), Fault> {
        if !last {
            return Err(Fault::new(
                UnexpectedMessage,
                misbehaved(PeerMisbehaved::KeyEpochWithPendingFragment),
            ));
        }
        let invalid = |alert| Fault::new(alert, Error::InvalidMessage(InvalidMessage::InvalidKeyUpdate));
        match body {
            [NOT_REQUESTED] => {}
            [REQUESTED] => self.update_owed = true,
            [_] => return Err(invalid(IllegalParameter)),
            _ => return Err(invalid(DecodeError)),
        }
        count(&mut self.updates, UPDATES_MOST, PeerMisbehaved::TooManyKeyUpdateRequests)?;
        self.open = self.renewal.next_open(&self.open)?;
        Ok(())
    }

    /// Appends `plain`, sealed, to `out`. An error may leave a goodbye there; nothing can be written afterwards.
    pub fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.update_owed {
            self.update(NOT_REQUESTED, out)?;
        }
        for piece in plain.chunks(header::PLAIN_MAX) {
            if self.seal.is_spent() {
                self.replace_spent(out)?;
            }
            self.seal.seal(Kind::Data, piece, out).map_err(|Spent| TlsError::KeyExhausted)?;
        }
        Ok(())
    }

    /// Appends our goodbye.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.say(CloseNotify, out);
    }

    fn say(&mut self, description: AlertDescription, out: &mut Vec<u8>) {
        // A key that cannot say even this leaves the peer with the end of the connection.
        let _ = self.seal.seal(Kind::Alert, &alert(description), out);
    }

    /// A key has sealed what it may (RFC 8446 section 5.5): another one, or where there can be none, the end.
    fn replace_spent(&mut self, out: &mut Vec<u8>) -> Result<(), TlsError> {
        match self.seal.form() {
            Form::Inner => self.update(REQUESTED, out),
            Form::ExplicitNonce | Form::Outer => {
                self.close(out);
                Err(TlsError::KeyExhausted)
            }
        }
    }

    /// Tells the peer of other keys, by the old ones, and takes them.
    fn update(&mut self, request: u8, out: &mut Vec<u8>) -> Result<(), TlsError> {
        let [kind, a, b, c] = KEY_UPDATE;
        let told = self.seal.seal(Kind::Handshake, &[kind, a, b, c, request], out);
        told.map_err(|Spent| TlsError::KeyExhausted)?;
        self.seal = self.renewal.next_seal(&self.seal).map_err(|fault| fault.error)?;
        self.update_owed = false;
        Ok(())
    }
}

/// Counts one more of what a peer may do a few times.
fn count(so_far: &mut u8, most: u8, too_many: PeerMisbehaved) -> Result<(), Fault> {
    if *so_far >= most {
        return Err(Fault::new(UnexpectedMessage, misbehaved(too_many)));
    }
    *so_far += 1;
    Ok(())
}

fn misbehaved(how: PeerMisbehaved) -> Error {
    Error::PeerMisbehaved(how)
}

fn fragmented() -> Fault {
    Fault::new(CloseNotify, TlsError::Fragmented)
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("open", &self.open).field("seal", &self.seal).finish_non_exhaustive()
    }
}
