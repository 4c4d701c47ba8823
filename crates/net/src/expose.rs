//! Listening sockets asked of, and given to, a process that we do not supervise (`expose-fd listeners` and `-x`), as
//! HAProxy's processes do it among themselves, so that either program can succeed the other.
//!
//! ```text
//! successor                                   process that serves, on its stats socket
//! "_getsocks\n"                         ────►
//!                                       ◄──── number of sockets (32 bits, the machine's order)
//!                                       ◄──── for each: length and name of its namespace, length and name of its
//!                                             interface, 32 bits of options; the descriptors come along
//! 32 bits                               ────► after each batch
//! ```
//!
//! What is said of a socket beside its descriptor is not read: the socket knows it (`inherit`).

use crate::stream::Stream;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use socket2::SockRef;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What is asked.
pub const QUESTION: &str = "_getsocks";
/// Descriptors in a batch; HAProxy's are not larger than 252.
const BATCH: usize = 128;
/// The most that HAProxy can say of a batch, and then some: 252 sockets with names of 255 bytes.
const BATCH_BYTES: usize = 256 * 1024;
/// More sockets than a process of ours or HAProxy's would have: one for each thread and port.
const SOCKETS_MAX: usize = 1 << 20;
/// How long the other side may take for a step.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the process behind the unix socket `path` for its listening sockets. Waits.
pub fn ask(path: &Path) -> io::Result<Vec<OwnedFd>> {
    let mut socket = UnixStream::connect(path)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    writeln!(socket, "{QUESTION}")?;
    let mut number = [0; 4];
    socket.read_exact(&mut number)?;
    let number = usize::try_from(i32::from_ne_bytes(number)).ok().filter(|n| *n <= SOCKETS_MAX);
    let number = number.ok_or(io::ErrorKind::InvalidData)?;
    let mut all = Vec::new();
    while all.len() < number {
        let batch = batch(&socket)?;
        if batch.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        all.extend(batch);
        // The last batch may be the end of the conversation for the other side.
        let told = socket.write_all(&0_i32.to_ne_bytes());
        if all.len() < number {
            told?;
        }
    }
    Ok(all)
}

fn batch(socket: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut said = vec![0; BATCH_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut along = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut said)], &mut along, RecvFlags::CMSG_CLOEXEC)?;
    let mut all = Vec::new();
    for part in along.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = part {
            all.extend(descriptors);
        }
    }
    Ok(all)
}

/// Answers the question. The conversation is over with it.
pub async fn answer(stream: &Stream, sockets: &[OwnedFd]) -> io::Result<()> {
    if !matches!(stream, Stream::Unix(_)) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let number = i32::try_from(sockets.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let copy = stream.as_fd().try_clone_to_owned()?;
    // A successor reads as fast as it can; a thread that waits for it holds up nobody else.
    let told = stream_of(copy, number, sockets)?;
    tokio::task::spawn_blocking(told).await.map_err(io::Error::other)?
}

fn stream_of(
    socket: OwnedFd,
    number: i32,
    sockets: &[OwnedFd],
) -> io::Result<impl FnOnce() -> io::Result<()> + Send + 'static> {
    let sockets: Vec<OwnedFd> = sockets.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
    Ok(move || {
        let reference = SockRef::from(&socket);
        reference.set_nonblocking(false)?;
        reference.set_read_timeout(Some(PATIENCE))?;
        reference.set_write_timeout(Some(PATIENCE))?;
        let mut stream = File::from(socket.try_clone()?);
        stream.write_all(&number.to_ne_bytes())?;
        let mut left = sockets.chunks(BATCH).peekable();
        while let Some(batch) = left.next() {
            tell(socket.as_fd(), batch)?;
            if left.peek().is_some() {
                stream.read_exact(&mut [0; 4])?;
            }
        }
        Ok(())
    })
}

fn tell(to: BorrowedFd<'_>, sockets: &[OwnedFd]) -> io::Result<()> {
    let said: Vec<u8> = sockets.iter().flat_map(description).collect();
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    if !along.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(to, &[IoSlice::new(&said)], &mut along, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// No namespace, the interface, no options.
fn description(socket: &OwnedFd) -> Vec<u8> {
    let device = SockRef::from(socket).device().ok().flatten().unwrap_or_default();
    let name: Vec<u8> = device.into_iter().take_while(|b| *b != 0).collect();
    let length = u8::try_from(name.len()).unwrap_or_default();
    let mut said = vec![0, length];
    said.extend(name.iter().take(usize::from(length)));
    said.extend(0_i32.to_ne_bytes());
    said
}
