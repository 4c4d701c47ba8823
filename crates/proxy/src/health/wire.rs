//! A check's connection: a socket, TLS where asked for, bounded reads. Deadlines are the caller's: dropping closes.

use super::plan::{CheckTls, ProxyHeader};
use net::{ConnectOptions, Stream, Target};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use tls::Session;

/// Most bytes a check reads before it decides on what it has (`tune.bufsize`'s default).
pub(super) const INPUT_MAX: usize = 16 * 1024;

/// An open connection.
pub(super) struct Wire {
    stream: Option<Stream>,
    session: Option<Session>,
    /// Ciphertext that makes no whole record yet.
    sealed: Vec<u8>,
    /// It asks for the name of `check-sni`.
    asked: bool,
    /// Close with FIN: asked for, or bytes have gone through it.
    linger: bool,
    /// The reset that ended what came.
    pub(super) broken: Option<io::Error>,
}

/// Which layer failed.
#[derive(Debug)]
pub(super) enum WireError {
    /// The socket.
    Socket(io::Error),
    /// TLS.
    Tls(String),
    /// The peer left during the handshake.
    HandshakeCut,
    /// The certificate is for somebody else than the check asks for, or than `verifyhost` says.
    WrongName { asked: bool },
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> WireError {
        WireError::Socket(error)
    }
}

impl Wire {
    /// Connects, through a SOCKS4 proxy where there is one, and sends a PROXY header first where that is wanted.
    pub(super) async fn open(
        target: &Target,
        options: &ConnectOptions,
        socks4: Option<SocketAddr>,
        proxy_header: Option<ProxyHeader>,
        linger: bool,
    ) -> Result<Wire, WireError> {
        let (stream, broken) = match connected(target, options, socks4).await {
            Ok(stream) => (Some(stream), None),
            // It was there to reset the connection: what follows meets the reset, as with HAProxy.
            Err(WireError::Socket(e)) if e.kind() == io::ErrorKind::ConnectionReset => (None, Some(e)),
            Err(error) => return Err(error),
        };
        let mut wire = Wire { stream, session: None, sealed: Vec::new(), asked: false, linger, broken };
        if let Some(version) = proxy_header {
            let header = wire.header(version);
            wire.send_raw(&header).await?;
        }
        Ok(wire)
    }

    /// A check speaks for itself: version 1 with both ends of this connection, version 2 with LOCAL.
    fn header(&self, version: ProxyHeader) -> Vec<u8> {
        use http::proxy_protocol::{Addresses, V2, write_v1, write_v2};
        let mut out = Vec::new();
        if version == ProxyHeader::V2 {
            write_v2(Addresses::Local, &V2::default(), &mut out);
            return out;
        }
        let ends = self
            .stream
            .as_ref()
            .and_then(|s| Some((s.local_addr().ok()?.inet()?, s.peer_addr().ok()?.inet()?)));
        let addresses = match ends {
            Some((source, destination)) => Addresses::Inet { source, destination },
            None => Addresses::Unknown,
        };
        write_v1(addresses, &mut out);
        out
    }

    /// The handshake. Which way a peer leaves it, with FIN or RST, is a matter of chance and not told apart.
    pub(super) async fn secure(&mut self, tls: &CheckTls) -> Result<(), WireError> {
        self.shake_hands(tls).await.map_err(|error| match error {
            WireError::Socket(_) => WireError::HandshakeCut,
            WireError::Tls(_) | WireError::HandshakeCut | WireError::WrongName { .. } => error,
        })
    }

    async fn shake_hands(&mut self, tls: &CheckTls) -> Result<(), WireError> {
        let alpn = tls.alpn.as_deref();
        let session = Session::connect_with_alpn(&tls.server, tls.sni.as_deref(), alpn);
        self.session = Some(session.map_err(|e| WireError::Tls(e.to_string()))?);
        self.asked = tls.sni.is_some();
        let mut plain = Vec::new();
        self.turn(&mut plain).await?;
        while self.session.as_ref().is_some_and(Session::is_handshaking) {
            if self.fill().await? == 0 {
                return Err(WireError::HandshakeCut);
            }
            self.turn(&mut plain).await?;
        }
        Ok(())
    }

    /// Lets TLS work on what has arrived.
    async fn turn(&mut self, plain: &mut Vec<u8>) -> Result<(), WireError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let mut out = Vec::new();
        let used = session.feed(&mut self.sealed, plain, &mut out);
        let sent = self.send_raw(&out).await;
        let asked = self.asked;
        let used = used.map_err(|error| match error.is_wrong_name() {
            true => WireError::WrongName { asked },
            false => WireError::Tls(error.to_string()),
        })?;
        self.sealed.drain(..used.min(self.sealed.len()));
        sent
    }

    async fn fill(&mut self) -> Result<usize, WireError> {
        let Some(stream) = &mut self.stream else {
            return self.broken.take().map_or(Ok(0), |error| Err(error.into()));
        };
        let mut chunk = [0; 4096];
        let n = poll_fn(|cx| stream.poll_read(cx, &mut chunk)).await?;
        self.sealed.extend_from_slice(chunk.get(..n).unwrap_or_default());
        Ok(n)
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let Some(session) = &mut self.session else { return self.send_raw(bytes).await };
        let mut out = Vec::new();
        session.encrypt(bytes, &mut out).map_err(|e| WireError::Tls(e.to_string()))?;
        self.send_raw(&out).await
    }

    async fn send_raw(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        self.linger |= !bytes.is_empty();
        while !bytes.is_empty() {
            let n = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
            if n == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            bytes = bytes.get(n..).unwrap_or_default();
        }
        Ok(())
    }

    /// Appends what comes next; `false` when nothing more will.
    pub(super) async fn receive(&mut self, into: &mut Vec<u8>) -> Result<bool, WireError> {
        let before = into.len();
        while into.len() == before {
            if before >= INPUT_MAX || self.session.as_ref().is_some_and(Session::peer_closed) {
                return Ok(false);
            }
            let n = match self.fill().await {
                Ok(n) => n,
                // what came before a reset still counts
                Err(WireError::Socket(e)) if e.kind() == io::ErrorKind::ConnectionReset && before > 0 => {
                    self.broken = Some(e);
                    0
                }
                Err(e) => return Err(e),
            };
            if n == 0 {
                return Ok(false);
            }
            if self.session.is_some() {
                self.turn(into).await?;
            } else {
                into.append(&mut self.sealed);
            }
        }
        Ok(true)
    }
}

async fn connected(
    target: &Target,
    options: &ConnectOptions,
    socks4: Option<SocketAddr>,
) -> Result<Stream, WireError> {
    let Some(proxy) = socks4 else { return Ok(net::connect(target, options).await?) };
    let mut stream = net::connect(&Target::Inet(proxy), options).await?;
    crate::socks4::ask(&mut stream, target).await?;
    Ok(stream)
}

impl Drop for Wire {
    /// A check that only connected leaves no TIME-WAIT behind: a reset, unless `linger` asks for a clean close.
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take()
            && !self.linger
        {
            stream.abort();
        }
    }
}
