//! One connection. The target is one read and one write for each exchange and side: reads go through tokio's own
//! `AsyncRead`, which forgets readiness after a partial read and thereby saves the extra read that would only say
//! EAGAIN; a `try_read` loop would make that read every time. For the same reason a buffer should be larger than
//! what is expected to arrive.
//!
//! Both directions of a relay may be polled in one task: the reader's and the writer's waker are kept apart.

use crate::addr::Addr;
use crate::connect::Marks;
use crate::raw;
use rustix::net::Shutdown;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A message of this size, bytes, fits into any socket buffer that is not full already.
const SMALL: usize = 4096;

/// A connected stream socket, tied to the runtime of its thread. Dropping it closes it in the ordinary way.
#[derive(Debug)]
pub enum Stream {
    /// TCP
    Tcp(TcpStream),
    /// A unix stream socket
    Unix(UnixStream),
}

/// What a connection that should be silent has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing: it can be used.
    Quiet,
    /// The peer closed it, or it failed.
    Closed,
    /// Data that nobody asked for: it must not be used for another exchange.
    Data,
}

/// Keep-alive probes. What is `None` is left to the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepAlive {
    /// Silence before the first probe (`clitcpka-idle`).
    pub idle: Option<Duration>,
    /// Between probes (`clitcpka-intvl`).
    pub interval: Option<Duration>,
    /// Unanswered probes before the connection is given up (`clitcpka-cnt`).
    pub count: Option<u32>,
}

impl Stream {
    /// A connected socket that was handed over, tied to the runtime of the calling thread.
    pub fn adopt(socket: OwnedFd) -> io::Result<Stream> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        if SockRef::from(&socket).domain()? == socket2::Domain::UNIX {
            return Ok(Stream::Unix(UnixStream::from_std(socket.into())?));
        }
        Ok(Stream::Tcp(TcpStream::from_std(socket.into())?))
    }

    /// Reads what is there into `into`; 0 is the end of the peer's data. An empty `into` reads 0 as well.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        let polled = match self {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, &mut buffer),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, &mut buffer),
        };
        polled.map_ok(|()| buffer.filled().len())
    }

    /// Writes a part of `from` and says how much. What is small is tried without asking first: it nearly always fits.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        if from.len() <= SMALL {
            match self.try_write(from) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                tried => return Poll::Ready(tried),
            }
        }
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, from),
            Stream::Unix(s) => Pin::new(s).poll_write(cx, from),
        }
    }

    fn try_write(&self, from: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.try_write(from),
            Stream::Unix(s) => s.try_write(from),
        }
    }

    /// Writes a part of several pieces in one system call and says how much.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, from),
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, from),
        }
    }

    /// Ready when there is something to read or the peer is gone. Costs no system call; may be wrong once after a
    /// read that filled its buffer to the last byte.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_read_ready(cx),
            Stream::Unix(s) => s.poll_read_ready(cx),
        }
    }

    /// Ready when something can be written. Costs no system call.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(s) => s.poll_write_ready(cx),
            Stream::Unix(s) => s.poll_write_ready(cx),
        }
    }

    /// [`poll_read`](Stream::poll_read) as a future.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, into)).await
    }

    /// Writes all of `from`.
    pub async fn write_all(&mut self, mut from: &[u8]) -> io::Result<()> {
        while !from.is_empty() {
            let written = std::future::poll_fn(|cx| self.poll_write(cx, from)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            from = &from[written..];
        }
        Ok(())
    }

    /// Waits until there is something to read, without reading it.
    pub async fn readable(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_read_ready(cx)).await
    }

    /// Whether a pooled connection has been closed or spoken to since it was put away. As long as nothing happened
    /// this costs no system call: it asks what the runtime has heard from the kernel. A waker registered by
    /// [`poll_read_ready`](Stream::poll_read_ready) is lost.
    pub fn idle(&self) -> Idle {
        let mut nobody = Context::from_waker(Waker::noop());
        match self.poll_read_ready(&mut nobody) {
            Poll::Pending => Idle::Quiet,
            Poll::Ready(Ok(())) => self.peek(),
            Poll::Ready(Err(_)) => Idle::Closed,
        }
    }

    fn peek(&self) -> Idle {
        let mut byte = [MaybeUninit::uninit()];
        match self.try_read_io(|| SockRef::from(self).peek(&mut byte)) {
            Ok(0) => Idle::Closed,
            Ok(_) => Idle::Data,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            Err(_) => Idle::Closed,
        }
    }

    /// Runs a read of another kind on a connection that is ready; a "would block" out of it forgets the readiness.
    pub(crate) fn try_read_io<R>(&self, read: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Stream::Tcp(s) => s.try_io(Interest::READABLE, read),
            Stream::Unix(s) => s.try_io(Interest::READABLE, read),
        }
    }

    /// The same for a write.
    pub(crate) fn try_write_io<R>(&self, write: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Stream::Tcp(s) => s.try_io(Interest::WRITABLE, write),
            Stream::Unix(s) => s.try_io(Interest::WRITABLE, write),
        }
    }

    /// Tells the peer that nothing more comes; it may go on sending.
    pub fn shutdown_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self, Shutdown::Write)?)
    }

    /// Closes at once, discarding what was not sent. On TCP the peer gets a reset, so that it can tell a broken
    /// answer from a complete one.
    pub fn abort(self) {
        if let Stream::Tcp(s) = &self {
            // Refused only on a socket that is dead already, which the drop then closes.
            let _ = SockRef::from(s).set_linger(Some(Duration::ZERO));
        }
    }

    /// `option nolinger`: what was not sent when the connection is dropped is thrown away, and no state is kept.
    pub fn set_nolinger(&self) -> io::Result<()> {
        SockRef::from(self).set_linger(Some(Duration::ZERO))
    }

    /// `silent-drop`: closes so that the client learns nothing. With `CAP_NET_ADMIN` the kernel forgets the
    /// connection (`TCP_REPAIR`); without it, the reset is sent with a time to live of `rst_ttl` hops (1 where none
    /// is given), so that it reaches the nearest router and not the client; a client on this machine does see it.
    pub fn silent_drop(self, rst_ttl: Option<u32>) {
        let Stream::Tcp(s) = &self else { return };
        let socket = SockRef::from(s);
        if rst_ttl.is_none() && raw::set_repair(s).is_ok() {
            return;
        }
        let ttl = rst_ttl.unwrap_or(1);
        // Which of the two applies depends on the family; the other is refused, and there is nobody to tell.
        let _ = socket.set_ttl_v4(ttl);
        let _ = socket.set_unicast_hops_v6(ttl);
        let _ = socket.set_linger(Some(Duration::ZERO));
    }

    /// `TCP_NODELAY`; accepted connections and those of [`connect`](crate::connect()) have it already.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.set_nodelay(on),
            Stream::Unix(_) => Ok(()),
        }
    }

    /// Keep-alive probes (`option clitcpka`, `option srvtcpka`).
    pub fn set_keepalive(&self, options: &KeepAlive) -> io::Result<()> {
        let Stream::Tcp(s) = self else { return Ok(()) };
        let socket = SockRef::from(s);
        let mut params = TcpKeepalive::new();
        params = options.idle.map_or(params.clone(), |d| params.with_time(d));
        params = options.interval.map_or(params.clone(), |d| params.with_interval(d));
        params = options.count.map_or(params.clone(), |n| params.with_retries(n));
        socket.set_keepalive(true)?;
        if options.idle.is_some() || options.interval.is_some() || options.count.is_some() {
            socket.set_tcp_keepalive(&params)?;
        }
        Ok(())
    }

    /// Marks packets. Without the right to (`CAP_NET_ADMIN`) they go unmarked (manual, `set-fc-mark`).
    pub fn mark(&self, marks: Marks) {
        if let (Stream::Tcp(s), Ok(local)) = (self, self.local_addr())
            && let Addr::Inet(local) = local
        {
            marks.apply(&SockRef::from(s), local.is_ipv4());
        }
    }

    /// Our end. One system call: keep the answer.
    pub fn local_addr(&self) -> io::Result<Addr> {
        match self {
            Stream::Tcp(s) => s.local_addr().map(Addr::from),
            Stream::Unix(_) => Ok(Addr::Unix),
        }
    }

    /// The peer's end. One system call: keep the answer.
    pub fn peer_addr(&self) -> io::Result<Addr> {
        match self {
            Stream::Tcp(s) => s.peer_addr().map(Addr::from),
            Stream::Unix(_) => Ok(Addr::Unix),
        }
    }

    /// Where the client meant to connect: what the firewall redirected (`SO_ORIGINAL_DST`), else our own end.
    pub fn original_destination(&self) -> io::Result<Addr> {
        let Stream::Tcp(s) = self else { return Ok(Addr::Unix) };
        let local = s.local_addr()?;
        let socket = SockRef::from(s);
        let original = match local {
            std::net::SocketAddr::V4(_) => socket.original_dst_v4(),
            std::net::SocketAddr::V6(_) => socket.original_dst_v6(),
        };
        let redirected = original.ok().and_then(|a| a.as_socket());
        Ok(Addr::from(redirected.unwrap_or(local)))
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(s) => s.as_fd(),
            Stream::Unix(s) => s.as_fd(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Stream::poll_write(self.get_mut(), cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_write())
    }
}
