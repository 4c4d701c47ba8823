//! A record's header: five octets, what they promise, and how much may follow them (RFC 8446 section 5.1, RFC 5246
//! section 6.2). Opens nothing.

use super::fault::Fault;
use super::keys::Form;
use rustls::AlertDescription::{RecordOverflow, UnexpectedMessage};
use rustls::{Error, InvalidMessage};

/// Octets of a header.
pub(super) const LEN: usize = 5;
/// What a record may carry in clear, octets.
pub(super) const PLAIN_MAX: usize = 1 << 14;
/// What protection may add to it in TLS 1.3, octets (RFC 8446 section 5.2).
const ADDED_13: usize = 256;
/// The same in TLS 1.2 (RFC 5246 section 6.2.3).
const ADDED_12: usize = 2048;

/// What a record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing that may come once a handshake is done.
    ChangeCipherSpec,
    /// The end, or a complaint.
    Alert,
    /// Key updates, tickets.
    Handshake,
    /// What applications say.
    Data,
}

impl Kind {
    /// By its number.
    pub fn of(octet: u8) -> Option<Kind> {
        Some(match octet {
            20 => Kind::ChangeCipherSpec,
            21 => Kind::Alert,
            22 => Kind::Handshake,
            23 => Kind::Data,
            _ => return None,
        })
    }

    /// Its number.
    pub(super) fn octet(self) -> u8 {
        match self {
            Kind::ChangeCipherSpec => 20,
            Kind::Alert => 21,
            Kind::Handshake => 22,
            Kind::Data => 23,
        }
    }
}

/// A header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// As it stands: it is authenticated in TLS 1.3.
    pub(super) octets: [u8; LEN],
    /// What the record says it carries; in TLS 1.3 always data.
    pub(super) kind: Kind,
    /// Octets that follow.
    pub(super) body: usize,
}

/// The header of a record that is laid out so, and has `body` octets behind it: at most 2^14 + 2048.
pub(super) fn write(kind: Kind, body: usize) -> [u8; LEN] {
    let [high, low] = u16::try_from(body).unwrap_or(u16::MAX).to_be_bytes();
    [kind.octet(), 3, 3, high, low]
}

/// Reads the header at the front of `input`; `None` while it is not whole.
pub(super) fn read(input: &[u8], form: Form) -> Result<Option<Header>, Fault> {
    let Some(&octets) = input.first_chunk::<LEN>() else { return Ok(None) };
    let [kind, major, _, high, low] = octets;
    let (inner, most) = match form {
        Form::Inner => (true, PLAIN_MAX + ADDED_13),
        Form::ExplicitNonce | Form::Outer => (false, PLAIN_MAX + ADDED_12),
    };
    // What is protected says of itself that it is data (RFC 8446 section 5.2), and all is protected by now.
    let Some(kind) = Kind::of(kind).filter(|kind| !inner || *kind == Kind::Data) else {
        return Err(Fault::new(UnexpectedMessage, Error::InvalidMessage(InvalidMessage::InvalidContentType)));
    };
    if major != 3 {
        let error = Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion);
        return Err(Fault::new(UnexpectedMessage, error));
    }
    let body = usize::from(u16::from_be_bytes([high, low]));
    if body > most {
        return Err(Fault::new(RecordOverflow, Error::PeerSentOversizedRecord));
    }
    Ok(Some(Header { octets, kind, body }))
}
