//! One TLS connection, either side, without a socket.
//!
//! ```text
//!  accept ─> Waiting (for a whole ClientHello) ─> Server ─┬─> Settled (`record` has it) ─┬─> ended (an error; what
//!  connect ────────────────────────────────────> Client ──┴──────────────────────────────┘    was learnt stays readable)
//! ```
//!
//! The caller reads ciphertext into a buffer of its own, calls `feed`, drops the bytes that were consumed, keeps the
//! rest *as they now stand* (they may be decrypted in place) and appends what arrives next. A session at rest holds no
//! buffer. Whatever lies in `out` after any call, also a failed one, is for the peer.

use crate::answers::ACME_TLS;
use crate::bind::BindTls;
use crate::certificate::Certificate;
use crate::client_auth::{Refused, take_refused};
use crate::demand::Wait;
use crate::drive::{self, Turn};
use crate::error::TlsError;
use crate::info::{Facts, Info};
use crate::record::{Ratchet, take_told};
use crate::server::ServerTls;
use crate::settle::Settled;
use crate::table::{Group, take_served};
use http::client_hello::{self, Hello, HelloLists, Parsed};
use rustls::ServerConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::server::{Acceptor, UnbufferedServerConnection};
use std::sync::Arc;
use std::task::{Context, Poll};

/// The most bytes `feed` may leave unconsumed: a handshake message of the largest size rustls takes, in records of
/// its own. A caller that holds more may close the connection.
pub const MAX_HELD: usize = 0xffff + 4 + 5 * 64;

/// The fatal alert for `strict-sni` (RFC 6066 section 3), in the clear: nothing was agreed on yet.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
/// The fatal alert for a message that cannot be read (RFC 8446 section 6.2), in the clear.
const DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];

/// Versions by their numbers (RFC 8446 section 4.1.2). What lies above is an invention of clients (RFC 8701).
const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// One connection's TLS.
pub struct Session {
    machine: Machine,
    sni: Option<Box<str>>,
    /// The highest version that a client offers.
    offered: Option<u16>,
    /// The client whose certificate ended the handshake.
    refused: Option<Box<Refused>>,
    session_id: SessionId,
    group: Option<Arc<Group>>,
    obtained: Obtained,
    served: Option<Arc<Certificate>>,
    /// What the keys were made of, until the session settles.
    ratchet: Option<Box<Ratchet>>,
    hello: Option<Box<HelloLists>>,
    peer_closed: bool,
    closed_by_us: bool,
    ended: bool,
    /// Data was sent, and nothing received since: rustls owes the peer nothing.
    spoken: bool,
}

/// How it stands with a certificate that is obtained on demand for the name that the client asks for.
enum Obtained {
    /// Nobody looked yet.
    Unknown,
    /// The handshake stands still until it is there.
    Awaited(Wait),
    /// It is there, or there is no use in waiting.
    Over,
}

/// A session's identifier: up to 32 octets (RFC 5246 section 7.4.1.3), zeros behind.
#[derive(Clone, Copy, Default)]
struct SessionId {
    length: u8,
    octets: [u8; 32],
}

impl SessionId {
    /// That of a ServerHello, which is the first thing a server sends unless it is an alert: record header 5, message
    /// header 4, version 2, random 32, then the length.
    fn of(records: &[u8]) -> SessionId {
        let mut id = SessionId::default();
        let is_hello = matches!(records.get(..6), Some([22, _, _, _, _, 2]));
        let rest = records.get(43..).and_then(<[u8]>::split_first);
        if let Some((&length, rest)) = rest.filter(|_| is_hello)
            && let Some(from) = rest.get(..length.into())
            && let Some(to) = id.octets.get_mut(..length.into())
        {
            to.copy_from_slice(from);
            id.length = length;
        }
        id
    }

    fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length.into()).unwrap_or_default()
    }
}

enum Machine {
    Waiting(Arc<BindTls>),
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
    Settled(Box<Settled>),
    /// It could not settle.
    Over,
}

impl Session {
    /// A client's connection to a bind. It waits for a ClientHello.
    pub fn accept(bind: Arc<BindTls>) -> Session {
        Session::new(Machine::Waiting(bind), None)
    }

    /// A connection to a server, asking for `sni` where given. `feed` with no input yields the ClientHello.
    pub fn connect(server: &ServerTls, sni: Option<&str>) -> Result<Session, TlsError> {
        Session::connect_with_alpn(server, sni, None)
    }

    /// As `connect`, offering `alpn` in place of the server's own list (checks do, `check-alpn`).
    pub fn connect_with_alpn(
        server: &ServerTls,
        sni: Option<&str>,
        alpn: Option<&[Vec<u8>]>,
    ) -> Result<Session, TlsError> {
        let connection = server.open(sni, alpn)?;
        Ok(Session::new(Machine::Client(Box::new(connection)), sni.map(Box::from)))
    }

    fn new(machine: Machine, sni: Option<Box<str>>) -> Session {
        Session {
            machine,
            sni,
            offered: None,
            refused: None,
            session_id: SessionId::default(),
            group: None,
            obtained: Obtained::Unknown,
            served: None,
            ratchet: None,
            hello: None,
            peer_closed: false,
            closed_by_us: false,
            ended: false,
            spoken: false,
        }
    }

    /// Takes ciphertext from the front of `input`; appends plaintext to `plain` and records for the peer to `out`.
    /// Returns how many bytes of `input` are used up. After an error the session is over; `out` may hold an alert.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<usize, TlsError> {
        if self.ended {
            return Err(TlsError::Ended);
        }
        // "Any data received after a closure alert MUST be ignored" (RFC 8446 section 6.1).
        if self.peer_closed {
            return Ok(input.len());
        }
        if let Machine::Settled(settled) = &mut self.machine {
            let read = settled.records.read(input, plain, out);
            self.ended = read.is_err();
            let progress = read?;
            self.peer_closed = progress.closed;
            return Ok(if progress.closed { input.len() } else { progress.used });
        }
        self.spoken = false;
        if let Machine::Waiting(bind) = &self.machine {
            let bind = Arc::clone(bind);
            match self.choose(&bind, input, out) {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        let (start, handshaking) = (out.len(), self.is_handshaking());
        let used = self.turn(input, plain, out);
        if handshaking {
            self.learn(out.get(start..).unwrap_or_default());
        }
        match used {
            Ok(used) => {
                let rest = input.get_mut(used..).unwrap_or_default();
                if !self.is_handshaking() && is_whole_record(rest) {
                    self.turn_away(rest, out);
                    return Err(TlsError::Fragmented);
                }
                Ok(used)
            }
            Err(error) => {
                self.alert(out);
                Err(error)
            }
        }
    }

    /// Says goodbye over a handshake message that is not whole; rustls must see the place it remembers.
    fn turn_away(&mut self, rest: &mut [u8], out: &mut Vec<u8>) {
        let _told = match &mut self.machine {
            Machine::Server(server) => ready(server.process_tls_records(rest), out, drive::close),
            Machine::Client(client) => ready(client.process_tls_records(rest), out, drive::close),
            Machine::Waiting(_) | Machine::Settled(_) | Machine::Over => None,
        };
        self.ended = true;
    }

    /// Turns the machine until it waits for the peer.
    fn turn(&mut self, input: &mut [u8], plain: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<usize, TlsError> {
        let mut used = 0;
        loop {
            let rest = input.get_mut(used..).unwrap_or_default();
            let (discard, turn) = match &mut self.machine {
                Machine::Server(server) => drive::turn(server.process_tls_records(rest), plain, out),
                Machine::Client(client) => drive::turn(client.process_tls_records(rest), plain, out),
                Machine::Waiting(_) | Machine::Settled(_) | Machine::Over => return Ok(used),
            };
            used += discard;
            match turn? {
                Turn::Again => {}
                Turn::PeerClosed => {
                    self.peer_closed = true;
                    return Ok(input.len());
                }
                Turn::Handshaking | Turn::Established | Turn::Closed => return Ok(used),
            }
        }
    }

    /// Keeps what only this moment of the handshake shows.
    fn learn(&mut self, sent: &[u8]) {
        if matches!(self.machine, Machine::Server(_)) {
            self.served = take_served().or(self.served.take());
            self.refused = take_refused().map(Box::new);
            self.ratchet = take_told().or(self.ratchet.take());
            if self.session_id.length == 0 {
                self.session_id = SessionId::of(sent);
            }
        }
    }

    /// Reads the ClientHello, without taking it, and starts the handshake with the configuration it asks for.
    fn choose(&mut self, bind: &BindTls, input: &[u8], out: &mut Vec<u8>) -> Result<bool, TlsError> {
        let hello = match client_hello::parse(input) {
            Parsed::Partial => return Ok(false),
            Parsed::NotTls => return Err(refuse(input, out)),
            Parsed::Hello(hello) => hello,
        };
        let name = hello.sni().and_then(|name| std::str::from_utf8(name).ok());
        self.sni = name.map(Box::from);
        self.offered = hello.supported_versions().filter(|version| *version <= TLS13).max().or(Some(TLS12));
        if bind.capture() > 0 {
            self.hello = Some(Box::new(hello.lists(bind.capture())));
        }
        let config = match challenge(bind, &hello, name) {
            Some(config) => config,
            None => {
                if !self.may_go_on(bind, &hello, name) {
                    return Ok(false);
                }
                let Some(group) = bind.choose(name) else {
                    out.extend_from_slice(&UNRECOGNIZED_NAME);
                    return Err(TlsError::UnknownName(self.sni.clone()));
                };
                let config = group.config(group.policy.shares_alpn(hello.alpn()));
                self.group = Some(group);
                config
            }
        };
        self.machine = Machine::Server(Box::new(UnbufferedServerConnection::new(config)?));
        Ok(true)
    }

    /// Whether there is nothing to wait for. An authority's question never waits, and asks for no certificate.
    fn may_go_on(&mut self, bind: &BindTls, hello: &Hello<'_>, name: Option<&str>) -> bool {
        if matches!(self.obtained, Obtained::Unknown) {
            let asks = hello.alpn().any(|alpn| alpn == ACME_TLS);
            let wait = if asks { None } else { bind.wish(name) };
            self.obtained = wait.map_or(Obtained::Over, Obtained::Awaited);
        }
        match &self.obtained {
            Obtained::Awaited(wait) if !wait.is_over() => false,
            Obtained::Unknown | Obtained::Awaited(_) | Obtained::Over => {
                self.obtained = Obtained::Over;
                true
            }
        }
    }

    /// The handshake waits for a certificate that is being obtained; the peer has nothing to say meanwhile.
    pub fn awaits_certificate(&self) -> bool {
        matches!(&self.obtained, Obtained::Awaited(_))
    }

    /// Ready once the certificate is there, or will not come: then `feed` goes on with what it was given before.
    pub fn poll_certificate(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.obtained {
            Obtained::Awaited(wait) => wait.poll(cx),
            Obtained::Unknown | Obtained::Over => Poll::Ready(()),
        }
    }

    /// Waits no longer: the handshake goes on with the certificates that there are.
    pub fn go_on_without_certificate(&mut self) {
        self.obtained = Obtained::Over;
    }

    /// After an error rustls has queued the alert; fetch it, then the machine is worth nothing more. As long as
    /// something is queued rustls does not look at its input.
    fn alert(&mut self, out: &mut Vec<u8>) {
        let mut nothing = Vec::new();
        loop {
            let (_, turn) = match &mut self.machine {
                Machine::Server(server) if server.wants_write() => {
                    drive::turn(server.process_tls_records(&mut []), &mut nothing, out)
                }
                Machine::Client(client) if client.wants_write() => {
                    drive::turn(client.process_tls_records(&mut []), &mut nothing, out)
                }
                Machine::Server(_)
                | Machine::Client(_)
                | Machine::Waiting(_)
                | Machine::Settled(_)
                | Machine::Over => break,
            };
            if turn != Ok(Turn::Again) {
                break;
            }
        }
        self.ended = true;
    }

    /// Appends `plain`, encrypted, to `out`. Only once the handshake is done.
    pub fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.closed_by_us || self.ended {
            return Err(TlsError::Ended);
        }
        if let Machine::Settled(settled) = &mut self.machine {
            let written = settled.records.write(plain, out);
            self.ended = written.is_err();
            return written;
        }
        if self.is_handshaking() {
            return Err(TlsError::NotReady);
        }
        let written = self.write(out, |machine, out| match machine {
            Machine::Server(server) => {
                ready(server.process_tls_records(&mut []), out, |t, out| drive::encrypt(t, plain, out))
            }
            Machine::Client(client) => {
                ready(client.process_tls_records(&mut []), out, |t, out| drive::encrypt(t, plain, out))
            }
            Machine::Waiting(_) | Machine::Settled(_) | Machine::Over => Some(Err(TlsError::NotReady)),
        });
        self.spoken = written.is_ok();
        written
    }

    /// Lets go of what only a handshake needs, if it is done and the last thing that happened is that data was sent:
    /// from then on records are our own work. For a moment of rest; does nothing where it cannot be, or was done
    /// before. `info` then knows no more what the peer has shown.
    pub fn settle(&mut self) {
        let spoken = std::mem::take(&mut self.spoken);
        if !spoken || self.closed_by_us || self.peer_closed || self.ended {
            return;
        }
        let settled = match std::mem::replace(&mut self.machine, Machine::Over) {
            Machine::Server(server) if !server.wants_write() => Settled::server(*server, self.ratchet.take()),
            Machine::Client(client) if !client.wants_write() => Settled::client(*client),
            busy => {
                self.machine = busy;
                return;
            }
        };
        self.ended = settled.is_none();
        self.machine = settled.map_or(Machine::Over, |settled| Machine::Settled(Box::new(settled)));
    }

    /// Appends the closing alert to `out`, once; nothing may be encrypted afterwards. Before the end of the handshake
    /// it does nothing.
    pub fn close_notify(&mut self, out: &mut Vec<u8>) {
        if self.closed_by_us || self.ended || self.is_handshaking() {
            return;
        }
        if let Machine::Settled(settled) = &mut self.machine {
            settled.records.close(out);
            self.closed_by_us = true;
            return;
        }
        let told = self.write(out, |machine, out| match machine {
            Machine::Server(server) => ready(server.process_tls_records(&mut []), out, drive::close),
            Machine::Client(client) => ready(client.process_tls_records(&mut []), out, drive::close),
            Machine::Waiting(_) | Machine::Settled(_) | Machine::Over => Some(Err(TlsError::NotReady)),
        });
        self.closed_by_us = told.is_ok();
    }

    /// Turns the machine until it can write; `step` answers `None` to be called again.
    fn write(
        &mut self,
        out: &mut Vec<u8>,
        mut step: impl FnMut(&mut Machine, &mut Vec<u8>) -> Option<Result<(), TlsError>>,
    ) -> Result<(), TlsError> {
        loop {
            if let Some(outcome) = step(&mut self.machine, out) {
                return outcome;
            }
        }
    }

    /// The handshake is not done yet.
    pub fn is_handshaking(&self) -> bool {
        if self.ended {
            return false;
        }
        match &self.machine {
            Machine::Waiting(_) => true,
            Machine::Server(server) => server.is_handshaking(),
            Machine::Client(client) => client.is_handshaking(),
            Machine::Settled(_) | Machine::Over => false,
        }
    }

    /// The peer has sent close_notify: what was read is all there will be.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// What is known of the connection and its peer. Complete once the handshake is done; until the session settles.
    pub fn info(&self) -> Info<'_> {
        let facts = match &self.machine {
            Machine::Server(server) => Facts::of(server),
            Machine::Client(client) => Facts::of(client),
            Machine::Settled(settled) => settled.facts(),
            Machine::Waiting(_) | Machine::Over => Facts::default(),
        };
        Info {
            sni: self.sni.as_deref(),
            facts,
            offered: self.offered,
            refused: self.refused.as_deref(),
            session_id: self.session_id.as_slice(),
            served: self.served.as_ref(),
            client_auth: self.group.as_ref().and_then(|group| group.policy.client_auth.as_deref()),
            hello: self.hello.as_deref(),
        }
    }
}

/// A whole record that was read but not used up: the beginning of a handshake message.
///
/// rustls remembers where it lies in the caller's buffer and panics if it is then turned with another, as `encrypt`
/// must. After the handshake such messages are key updates of five octets and tickets, which nobody has a reason to
/// split; a peer that does is turned away.
fn is_whole_record(rest: &[u8]) -> bool {
    match rest {
        [_, _, _, high, low, body @ ..] => body.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

/// What an authority's question gets, where it is open.
fn challenge(bind: &BindTls, hello: &Hello<'_>, name: Option<&str>) -> Option<Arc<ServerConfig>> {
    hello.alpn().find(|alpn| *alpn == ACME_TLS).and_then(|_| bind.answers().tls(name?))
}

/// What requests begin with, as far as anybody opens a connection with one.
const METHODS: [&[u8]; 4] = [b"GET ", b"POST ", b"HEAD ", b"PUT "];
/// The type of the record that begins a handshake.
const HANDSHAKE: u8 = 22;

/// The alert and the reason for bytes that are no ClientHello.
fn refuse(input: &[u8], out: &mut Vec<u8>) -> TlsError {
    let told = alert_for(input, out);
    match input.first() {
        _ if METHODS.iter().any(|method| input.starts_with(method)) => TlsError::ClearRequest,
        Some(&HANDSHAKE) => told,
        Some(_) | None => TlsError::NotTls,
    }
}

/// rustls knows both alert and reason.
fn alert_for(input: &[u8], out: &mut Vec<u8>) -> TlsError {
    let mut acceptor = Acceptor::default();
    let mut unread = input;
    while !unread.is_empty() && acceptor.read_tls(&mut unread).is_ok_and(|taken| taken > 0) {}
    match acceptor.accept() {
        Err((error, mut alert)) => {
            // Writing to a Vec cannot fail.
            let _ = alert.write_all(out);
            error.into()
        }
        Ok(_) => {
            out.extend_from_slice(&DECODE_ERROR);
            TlsError::Protocol(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType))
        }
    }
}

/// Uses the state if it can write; `None` where another turn is due first.
fn ready<D>(
    status: rustls::unbuffered::UnbufferedStatus<'_, '_, D>,
    out: &mut Vec<u8>,
    write: impl FnOnce(rustls::unbuffered::WriteTraffic<'_, D>, &mut Vec<u8>) -> Result<(), TlsError>,
) -> Option<Result<(), TlsError>> {
    use rustls::unbuffered::ConnectionState;
    match status.state {
        Ok(ConnectionState::WriteTraffic(traffic)) => Some(write(traffic, out)),
        state => {
            let status = rustls::unbuffered::UnbufferedStatus { discard: 0, state };
            match drive::turn(status, &mut Vec::new(), out).1 {
                Ok(Turn::Again | Turn::PeerClosed) => None,
                Ok(Turn::Handshaking | Turn::Established) => Some(Err(TlsError::NotReady)),
                Ok(Turn::Closed) => Some(Err(TlsError::Ended)),
                Err(error) => Some(Err(error.into())),
            }
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.machine {
            Machine::Waiting(_) => "waiting",
            Machine::Server(_) => "server",
            Machine::Client(_) => "client",
            Machine::Settled(_) => "settled",
            Machine::Over => "over",
        };
        f.debug_struct("Session").field("state", &state).field("sni", &self.sni).finish_non_exhaustive()
    }
}
