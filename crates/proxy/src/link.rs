//! A link: one connection to a client or to a server, its TLS if any, and what waits to be read or written. Reads go
//! through the thread's scratch bytes, so a link at rest owns no buffer. Writes collect until [`Link::poll_flush`],
//! so that a small message leaves in one system call and one TLS record. Knows no HTTP. The runtime API speaks over one
//! too.

use crate::agreed::Agreed;
use crate::buf::{Buf, with_scratch};
use net::{Addr, Stream};
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use tls::{Session, TlsError};

/// Bytes waiting to be written beyond which [`Link::poll_send`] asks its caller to wait: two TLS records.
const OUTPUT_HIGH: usize = 32 * 1024;
/// A piece up to this size is copied behind what waits instead of causing a write of its own.
const COALESCE: usize = 8 * 1024;

/// Bytes kept of a peer that is only watched: a usual pipelined request or two.
const WATCH_MAX: usize = 16 * 1024;

/// Why a link came to its end.
#[derive(Debug)]
pub enum LinkError {
    /// The operating system's word.
    Io(io::Error),
    /// The TLS layer's word.
    Tls(TlsError),
}

impl From<io::Error> for LinkError {
    fn from(e: io::Error) -> Self {
        LinkError::Io(e)
    }
}

impl From<TlsError> for LinkError {
    fn from(e: TlsError) -> Self {
        LinkError::Tls(e)
    }
}

impl From<LinkError> for io::Error {
    fn from(e: LinkError) -> Self {
        match e {
            LinkError::Io(e) => e,
            LinkError::Tls(e) => io::Error::other(e),
        }
    }
}

struct Tls {
    session: Session,
    /// Part of a record that is not complete yet.
    sealed_in: Buf,
    /// Records that wait to be written.
    sealed_out: Buf,
    /// What the handshake agreed on, once somebody asked.
    agreed: Option<Rc<Agreed>>,
}

/// See the module's head.
pub struct Link {
    /// Goes before the socket does.
    meter: Option<Rc<net::Meter>>,
    /// Both ends' addresses, once somebody asked.
    ends: Option<Box<(Addr, Addr)>>,
    stream: Stream,
    tls: Option<Box<Tls>>,
    /// Received and not consumed, in clear.
    pub input: Buf,
    output: Buf,
    ended: bool,
    /// The message that is written is the last one.
    last: bool,
}

impl Link {
    /// A plain link.
    pub fn new(stream: Stream) -> Link {
        let (input, output) = (Buf::default(), Buf::default());
        Link { meter: None, ends: None, stream, tls: None, input, output, ended: false, last: false }
    }

    /// Puts TLS on top. What was already read in clear is the session's first input.
    pub fn start_tls(&mut self, session: Session) {
        let sealed_in = std::mem::take(&mut self.input);
        self.tls = Some(Box::new(Tls { session, sealed_in, sealed_out: Buf::default(), agreed: None }));
    }

    /// The socket.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// A way to ask what the kernel measures of this connection, for as long as it lives. A unix socket has none.
    pub fn lend_meter(&mut self) -> Weak<net::Meter> {
        if self.meter.is_none() {
            self.meter = self.stream.meter().map(Rc::new);
        }
        self.meter.as_ref().map(Rc::downgrade).unwrap_or_default()
    }

    /// Our address and the peer's: asked of the kernel once, however many exchanges the connection carries.
    pub fn ends(&mut self) -> Option<(Addr, Addr)> {
        if self.ends.is_none() {
            let (local, peer) = (self.stream.local_addr().ok()?, self.stream.peer_addr().ok()?);
            self.ends = Some(Box::new((local, peer)));
        }
        self.ends.as_deref().copied()
    }

    /// The socket alone; what was read and not consumed is lost.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// What its handshake agreed on: found once, for a session that rests forgets the most of it.
    pub fn agreed(&mut self, find: impl FnOnce(&tls::Info<'_>) -> Agreed) -> Option<Rc<Agreed>> {
        let tls = self.tls.as_deref_mut()?;
        Some(tls.agreed.get_or_insert_with(|| Rc::new(find(&tls.session.info()))).clone())
    }

    /// The TLS session, if there is one.
    pub fn session(&self) -> Option<&Session> {
        self.tls.as_deref().map(|t| &t.session)
    }

    /// The handshake waits for a certificate that is being obtained.
    pub fn awaits_certificate(&self) -> bool {
        self.session().is_some_and(Session::awaits_certificate)
    }

    /// Waits for it no longer.
    pub fn go_on_without_certificate(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.session.go_on_without_certificate();
        }
    }

    /// Whether the peer has said that nothing more will come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether bytes wait to be written.
    pub fn has_output(&self) -> bool {
        self.waiting() > 0
    }

    fn waiting(&self) -> usize {
        self.output.len() + self.tls.as_ref().map_or(0, |t| t.sealed_out.len())
    }

    /// Where messages are written to; [`Link::poll_flush`] sends it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        self.output.tail()
    }

    /// Forgets what was not sent yet. Only for messages that were never begun.
    pub fn discard_output(&mut self) {
        self.output.reset();
    }

    /// Reads once and appends to `input`. `Ok(0)` is the peer's end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, LinkError>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let before = self.input.len();
        loop {
            if let Some(tls) = &mut self.tls
                && !tls.sealed_in.is_empty()
                && tls.open_waiting(&mut self.input)?
            {
                self.ended = true;
            }
            if self.input.len() > before || self.ended {
                return Poll::Ready(Ok(self.input.len() - before));
            }
            let Poll::Ready(read) = self.poll_read_once(cx) else {
                self.rest();
                return Poll::Pending;
            };
            if read? == 0 {
                self.ended = true;
            }
        }
    }

    /// Nothing comes just now: a session that has no handshake before it any more can do with less.
    fn rest(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.session.settle();
        }
    }

    /// Whether its bytes may pass by unseen: TCP without TLS.
    pub fn can_splice(&self) -> bool {
        self.tls.is_none() && matches!(self.stream, Stream::Tcp(_))
    }

    /// Takes up to `limit` bytes into the pipe instead of `input`. `Ok(0)` is the peer's end.
    pub fn poll_splice_in(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut net::Pipe,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let n = ready!(pipe.poll_fill(cx, &self.stream, limit))?;
        self.ended = n == 0;
        Poll::Ready(Ok(n))
    }

    /// Sends from the pipe; the output must have been flushed.
    pub fn poll_splice_out(&self, cx: &mut Context<'_>, pipe: &mut net::Pipe) -> Poll<io::Result<usize>> {
        debug_assert!(self.output.is_empty());
        pipe.poll_drain(cx, &self.stream)
    }

    /// Watches for the peer's end while nothing is expected of it: an orderly one, or an error. What it sends meanwhile is
    /// kept, up to a buffer; a peer that sends more is plainly not gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        while !self.ended && self.input.len() < WATCH_MAX {
            ready!(self.poll_fill(cx))?;
        }
        if self.ended { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_read_once(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, LinkError>> {
        with_scratch(|scratch| {
            let n = ready!(self.stream.poll_read(cx, scratch))?;
            let bytes = scratch.get_mut(..n).unwrap_or_default();
            match &mut self.tls {
                None => self.input.push(bytes),
                Some(tls) => {
                    if tls.open(bytes, &mut self.input)? {
                        self.ended = true;
                    }
                }
            }
            Poll::Ready(Ok(n))
        })
    }

    /// Drives the handshake to its end.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            let Some(tls) = &mut self.tls else { return Poll::Ready(Ok(())) };
            if !tls.sealed_in.is_empty() || !tls.session.is_handshaking() || !tls.started() {
                let opened = tls.open_waiting(&mut self.input);
                if opened.is_err() {
                    // The alert says why; if it cannot be sent the peer learns it from the close.
                    let _ = self.poll_flush(cx);
                }
                opened?;
            }
            if let Some(session) = self.session().filter(|s| s.awaits_certificate()) {
                ready!(session.poll_certificate(cx));
                continue;
            }
            // Tickets too leave at once: they acknowledge what a client that waits for that has sent (Nagle), and a
            // handshake without them was measured to be the slower one.
            ready!(self.poll_flush(cx))?;
            if self.session().is_none_or(|s| !s.is_handshaking()) {
                return Poll::Ready(Ok(()));
            }
            let read = ready!(self.poll_read_once(cx));
            if read.is_err() {
                let _ = self.poll_flush(cx);
            }
            if read? == 0 {
                return Poll::Ready(Err(LinkError::Io(io::ErrorKind::UnexpectedEof.into())));
            }
        }
    }

    /// Takes up to all of `data`: copied behind the output when small, written at once when large. `Pending` while
    /// too much waits already.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, LinkError>> {
        if self.waiting() >= OUTPUT_HIGH {
            ready!(self.poll_flush(cx))?;
        }
        if data.len() <= COALESCE {
            self.output.push(data);
            return Poll::Ready(Ok(data.len()));
        }
        if let Some(tls) = &mut self.tls {
            tls.seal(&mut self.output)?;
            tls.session.encrypt(data, tls.sealed_out.tail())?;
            return match self.poll_flush(cx) {
                Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(data.len())),
            };
        }
        let mut sent = 0;
        while sent < data.len() {
            let rest = data.get(sent..).unwrap_or_default();
            let written = if self.output.is_empty() {
                self.stream.poll_write(cx, rest)
            } else {
                let slices = [io::IoSlice::new(self.output.data()), io::IoSlice::new(rest)];
                self.stream.poll_write_vectored(cx, &slices)
            };
            match written? {
                Poll::Ready(n) => {
                    let from_output = n.min(self.output.len());
                    self.output.consume(from_output);
                    sent += n - from_output;
                }
                Poll::Pending if sent == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(sent))
    }

    /// Sends what waits.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let output = match &mut self.tls {
            None => &mut self.output,
            Some(tls) => {
                tls.seal(&mut self.output)?;
                &mut tls.sealed_out
            }
        };
        while !output.is_empty() {
            let n = ready!(self.stream.poll_write(cx, output.data()))?;
            if n == 0 {
                return Poll::Ready(Err(LinkError::Io(io::ErrorKind::WriteZero.into())));
            }
            output.consume(n);
        }
        Poll::Ready(Ok(()))
    }

    /// The message that is being written is the last one.
    pub fn write_last(&mut self) {
        self.last = true;
    }

    /// A message is written, to its end. Under TLS, the last one takes the goodbye along, which else costs a write.
    pub fn end_message(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|_| self.last)
            // what cannot be sealed now cannot be when it is flushed, which tells of it
            && tls.seal(&mut self.output).is_ok()
        {
            tls.session.close_notify(tls.sealed_out.tail());
        }
    }

    /// Says that nothing more will be sent: close_notify under TLS, then a half-close of the socket.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if let Some(tls) = &mut self.tls {
            tls.seal(&mut self.output)?;
            tls.session.close_notify(tls.sealed_out.tail());
        }
        ready!(self.poll_flush(cx))?;
        self.stream.shutdown_write()?;
        Poll::Ready(Ok(()))
    }

    /// [`poll_handshake`](Link::poll_handshake) as a future.
    pub async fn handshake(&mut self) -> io::Result<()> {
        Ok(poll_fn(|cx| self.poll_handshake(cx)).await?)
    }

    /// Reads once and moves what there is to the end of `into`; 0 is the peer's end.
    pub async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        if self.input.is_empty() {
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
        let count = self.input.len();
        into.extend_from_slice(self.input.data());
        self.input.consume(count);
        Ok(count)
    }

    /// Writes all of `data`.
    pub async fn send(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let sent = poll_fn(|cx| self.poll_send(cx, data)).await?;
            data = data.get(sent..).unwrap_or_default();
        }
        Ok(poll_fn(|cx| self.poll_flush(cx)).await?)
    }

    /// [`poll_shutdown`](Link::poll_shutdown) as a future.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        Ok(poll_fn(|cx| self.poll_shutdown(cx)).await?)
    }

    /// Whether the peer has closed or sent something while nobody was reading; asks no system call.
    pub fn is_stale(&self) -> bool {
        self.ended || !self.input.is_empty() || self.stream.idle() != net::Idle::Quiet
    }

    /// Closes so that the peer cannot take what it has for the whole: a reset instead of an end.
    pub fn abort(self) {
        self.stream.abort();
    }

    /// Forgets the connection without a word, as far as the system lets us.
    pub fn silent_drop(self, rst_ttl: Option<u32>) {
        self.stream.silent_drop(rst_ttl);
    }
}

impl Tls {
    /// Whether the session has had a first chance to speak (a client begins).
    fn started(&self) -> bool {
        !self.sealed_out.is_empty() || !self.sealed_in.is_empty()
    }

    /// Opens records in fresh bytes; keeps what is not complete. Says whether the peer has closed.
    fn open(&mut self, bytes: &mut [u8], plain: &mut Buf) -> Result<bool, TlsError> {
        if !self.sealed_in.is_empty() {
            self.sealed_in.push(bytes);
            return self.open_waiting(plain);
        }
        let used = self.session.feed(bytes, plain.tail(), self.sealed_out.tail())?;
        self.sealed_in.push(bytes.get(used..).unwrap_or_default());
        self.settle(plain);
        Ok(self.session.peer_closed())
    }

    fn open_waiting(&mut self, plain: &mut Buf) -> Result<bool, TlsError> {
        let fed = self.session.feed(self.sealed_in.data_mut(), plain.tail(), self.sealed_out.tail());
        if let Ok(used) = fed {
            self.sealed_in.consume(used);
        }
        self.settle(plain);
        fed?;
        Ok(self.session.peer_closed())
    }

    /// Buffers that were offered and not used go back.
    fn settle(&mut self, plain: &mut Buf) {
        plain.consume(0);
        self.sealed_out.consume(0);
    }

    fn seal(&mut self, output: &mut Buf) -> Result<(), TlsError> {
        if !output.is_empty() {
            self.session.encrypt(output.data(), self.sealed_out.tail())?;
            output.reset();
        }
        Ok(())
    }
}
