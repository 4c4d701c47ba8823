//! One turn of rustls' unbuffered machine, the same for both sides: records in, plaintext and records out, until it
//! has used all it can. Only `session` calls it.

use crate::error::TlsError;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};

/// Where the machine stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Something moved; turn again.
    Again,
    /// The handshake waits for the peer.
    Handshaking,
    /// Ready for application data; all whole records were read.
    Established,
    /// The peer has sent its last byte. Seen once.
    PeerClosed,
    /// Both sides have closed.
    Closed,
}

/// Handles one state. The number is how many bytes at the front of the input are used up.
pub(crate) fn turn<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plain: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> (usize, Result<Turn, rustls::Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let turn = match state {
        Err(error) => return (discard, Err(error)),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            while let Some(record) = traffic.next_record() {
                match record {
                    Ok(record) => {
                        plain.extend_from_slice(record.payload);
                        discard += record.discard;
                    }
                    Err(error) => return (discard, Err(error)),
                }
            }
            Turn::Again
        }
        Ok(ConnectionState::EncodeTlsData(data)) => {
            encode(data, out);
            Turn::Again
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Turn::Again
        }
        Ok(ConnectionState::PeerClosed) => Turn::PeerClosed,
        Ok(ConnectionState::Closed) => Turn::Closed,
        Ok(ConnectionState::BlockedHandshake) => Turn::Handshaking,
        Ok(ConnectionState::WriteTraffic(_)) => Turn::Established,
        // 0-RTT is never enabled, so ReadEarlyData cannot be; the enum is foreign and may grow.
        Ok(_) => return (discard, Err(rustls::Error::General("unexpected TLS state".into()))),
    };
    (discard, Ok(turn))
}

fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) {
    let start = out.len();
    let needed = match data.encode(&mut []) {
        Ok(written) => written,
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        Err(EncodeError::AlreadyEncoded) => 0,
    };
    out.resize(start + needed, 0);
    let written = data.encode(out.get_mut(start..).unwrap_or_default()).unwrap_or(0);
    out.truncate(start + written);
}

/// What one record may carry (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;
/// The most that one record adds: header 5, TLS 1.2 nonce 8, tag 16, TLS 1.3 content type 1, and some air.
const OVERHEAD: usize = 40;

/// Encrypts all of `plain` onto the end of `out`.
pub(crate) fn encrypt<D>(
    mut traffic: WriteTraffic<'_, D>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), TlsError> {
    append(out, plain.len() + OVERHEAD * (plain.len() / RECORD + 2), |room| traffic.encrypt(plain, room))
}

/// The closing alert.
pub(crate) fn close<D>(mut traffic: WriteTraffic<'_, D>, out: &mut Vec<u8>) -> Result<(), TlsError> {
    append(out, 2 + OVERHEAD, |room| traffic.queue_close_notify(room))
}

/// Calls `write` with room for `guess` bytes behind `out`, once more with what it asked for if that was too little.
fn append(
    out: &mut Vec<u8>,
    guess: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), TlsError> {
    let start = out.len();
    out.resize(start + guess, 0);
    let mut outcome = write(out.get_mut(start..).unwrap_or_default());
    if let Err(EncryptError::InsufficientSize(size)) = &outcome {
        out.resize(start + size.required_size, 0);
        outcome = write(out.get_mut(start..).unwrap_or_default());
    }
    out.truncate(start + *outcome.as_ref().unwrap_or(&0));
    match outcome {
        Ok(_) => Ok(()),
        Err(_) => Err(TlsError::KeyExhausted),
    }
}
