//! What the kernel has measured of a TCP connection (`TCP_INFO`). A meter is a way to ask, not a way to use the socket:
//! it neither keeps it open nor reads or writes it.

use crate::raw;
use crate::stream::Stream;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Asks about one connection. Whoever owns the connection drops its meter with it: later the answer would be about
/// whatever has got the same descriptor.
#[derive(Debug)]
pub struct Meter(RawFd);

/// The kernel's numbers at one moment. Counters are packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Round trip, smoothed, microseconds.
    pub rtt_us: u32,
    /// Its mean deviation, microseconds.
    pub rttvar_us: u32,
    /// Sent and not acknowledged.
    pub unacked: u32,
    /// Acknowledged out of order.
    pub sacked: u32,
    /// Taken for lost.
    pub lost: u32,
    /// Sent again and not acknowledged.
    pub retrans: u32,
    /// Forward acknowledgements; 0 with kernels that do not count them any more.
    pub fackets: u32,
    /// How far packets may be out of order before they are taken for lost.
    pub reordering: u32,
}

impl Stream {
    /// Its meter; a unix socket has none.
    pub fn meter(&self) -> Option<Meter> {
        match self {
            Stream::Tcp(tcp) => Some(Meter(tcp.as_raw_fd())),
            Stream::Unix(_) => None,
        }
    }
}

impl Meter {
    /// Reads all numbers. One system call that never waits.
    pub fn read(&self) -> io::Result<Measured> {
        let info = raw::tcp_info(self.0)?;
        Ok(Measured {
            rtt_us: info.tcpi_rtt,
            rttvar_us: info.tcpi_rttvar,
            unacked: info.tcpi_unacked,
            sacked: info.tcpi_sacked,
            lost: info.tcpi_lost,
            retrans: info.tcpi_retrans,
            fackets: info.tcpi_fackets,
            reordering: info.tcpi_reordering,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop")]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UnixStream};

    #[tokio::test]
    async fn a_connection_that_carried_something_has_a_round_trip() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        near.write_all(b"ping").await.unwrap();
        far.read_exact(&mut [0; 4]).await.unwrap();
        far.write_all(b"pong").await.unwrap();
        near.read_exact(&mut [0; 4]).await.unwrap();
        let stream = Stream::Tcp(near);
        let measured = stream.meter().unwrap().read().unwrap();
        assert!(measured.rtt_us > 0 && measured.reordering > 0, "{measured:?}");
        assert_eq!((measured.lost, measured.sacked), (0, 0));
    }

    #[tokio::test]
    async fn a_unix_socket_is_not_measured() {
        let (near, _far) = UnixStream::pair().unwrap();
        assert!(Stream::Unix(near).meter().is_none());
    }
}
