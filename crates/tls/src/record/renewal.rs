//! Who makes the keys that follow, and who keeps the tickets that a server sends: rustls goes on doing both towards
//! servers (its kernel-connection interface); towards clients, who send none, we make the keys. TLS 1.2 has neither.

use super::fault::Fault;
use super::keys::Key;
use super::ratchet::Ratchet;
use rustls::AlertDescription::{DecodeError, InternalError, UnexpectedMessage};
use rustls::client::ClientConnectionData;
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;
use rustls::{ConnectionTrafficSecrets, Error, HandshakeType};

/// Which side of a connection we are, and who makes its keys.
pub enum Renewal {
    /// TLS 1.2, towards a client.
    NeverServer,
    /// TLS 1.2, towards a server.
    NeverClient,
    /// Towards a client: we do.
    Own(Box<Ratchet>),
    /// Towards a client that had new keys before we had the first: rustls does.
    Server(Box<KernelConnection<ServerConnectionData>>),
    /// Towards a server: rustls does.
    Client(Box<KernelConnection<ClientConnectionData>>),
}

impl Renewal {
    /// Whether the peer is a client.
    pub(super) fn is_server(&self) -> bool {
        match self {
            Renewal::NeverServer | Renewal::Own(_) | Renewal::Server(_) => true,
            Renewal::NeverClient | Renewal::Client(_) => false,
        }
    }

    /// The key to seal with after this one.
    pub(super) fn next_seal(&mut self, before: &Key) -> Result<Key, Fault> {
        match self {
            Renewal::NeverServer | Renewal::NeverClient => Err(never()),
            Renewal::Own(ratchet) => ratchet.next_server(before).ok_or_else(none),
            Renewal::Server(kernel) => key(kernel.update_tx_secret()),
            Renewal::Client(kernel) => key(kernel.update_tx_secret()),
        }
    }

    /// The key to open with after this one.
    pub(super) fn next_open(&mut self, before: &Key) -> Result<Key, Fault> {
        match self {
            Renewal::NeverServer | Renewal::NeverClient => Err(never()),
            Renewal::Own(ratchet) => ratchet.next_client(before).ok_or_else(none),
            Renewal::Server(kernel) => key(kernel.update_rx_secret()),
            Renewal::Client(kernel) => key(kernel.update_rx_secret()),
        }
    }

    /// Keeps a ticket, if it is ours to keep.
    pub(super) fn ticket(&mut self, body: &[u8]) -> Result<(), Fault> {
        match self {
            Renewal::Client(kernel) => kernel.handle_new_session_ticket(body).map_err(|error| match error {
                error @ Error::InvalidMessage(_) => Fault::new(DecodeError, error),
                error => Fault::new(InternalError, error),
            }),
            Renewal::NeverServer | Renewal::NeverClient | Renewal::Own(_) | Renewal::Server(_) => {
                Err(unexpected(HandshakeType::NewSessionTicket))
            }
        }
    }
}

/// A handshake message that has no place after the handshake.
pub(super) fn unexpected(message: HandshakeType) -> Fault {
    let error = Error::InappropriateHandshakeMessage { expect_types: Vec::new(), got_type: message };
    Fault::new(UnexpectedMessage, error)
}

fn never() -> Fault {
    unexpected(HandshakeType::KeyUpdate)
}

fn key(next: Result<(u64, ConnectionTrafficSecrets), Error>) -> Result<Key, Fault> {
    let (number, secrets) = next.map_err(|error| Fault::new(InternalError, error))?;
    Key::new(true, number, &secrets).ok_or_else(none)
}

fn none() -> Fault {
    Fault::new(InternalError, Error::EncryptError)
}
