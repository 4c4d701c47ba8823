//! A conversation between two processes of ours, message by message, descriptors among them: a pair of unix
//! sequenced-packet sockets (unix(7)). Long texts travel as files without a name, for a message has its limit.

use crate::raw;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

/// The longest message, bytes.
pub const MESSAGE_MAX: usize = 4096;
/// Most descriptors in a message: the kernel takes 253.
pub const DESCRIPTORS_MAX: usize = 128;
/// The longest text that is read from a file of the other side.
const TEXT_MAX: u64 = 64 << 20;

/// A message with what came along.
#[derive(Debug, Default)]
pub struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its descriptors, in the order in which they were sent.
    pub descriptors: Vec<OwnedFd>,
}

/// One end.
#[derive(Debug)]
pub struct Channel {
    socket: AsyncFd<OwnedFd>,
}

/// Both ends, not yet tied to a runtime and closed by an exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

impl Channel {
    /// Ties an end to the runtime of the calling thread.
    pub fn new(end: OwnedFd) -> io::Result<Channel> {
        rustix::io::ioctl_fionbio(&end, true)?;
        Ok(Channel { socket: raw::watched(end)? })
    }

    /// The end's descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }

    /// Sends a message of at most [`MESSAGE_MAX`] bytes and [`DESCRIPTORS_MAX`] descriptors.
    pub async fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        loop {
            let mut guard = self.socket.ready(Interest::WRITABLE).await?;
            match send(self.as_fd(), bytes, descriptors) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    guard.clear_ready_matching(Ready::WRITABLE)
                }
                sent => return sent,
            }
        }
    }

    /// The next message; `None` when the other side is gone. May be dropped and called again without losing one.
    pub async fn receive(&self) -> io::Result<Option<Message>> {
        loop {
            let mut guard = self.socket.ready(Interest::READABLE).await?;
            match receive(self.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    guard.clear_ready_matching(Ready::READABLE)
                }
                received => return received,
            }
        }
    }
}

/// Sends a message at once; waits where the end is not tied to a runtime.
pub fn send(end: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !along.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(end, &[IoSlice::new(bytes)], &mut along, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a message; `None` when the other side is gone.
pub fn receive(end: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    let mut message = Message { bytes: vec![0; MESSAGE_MAX], descriptors: Vec::new() };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut along = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(&mut message.bytes)];
    let received = match recvmsg(end, into, &mut along, RecvFlags::CMSG_CLOEXEC) {
        Err(Errno::CONNRESET) => return Ok(None),
        received => received?,
    };
    for part in along.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = part {
            message.descriptors.extend(descriptors);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    message.bytes.truncate(received.bytes);
    Ok(Some(message))
}

/// A file without a name that holds `text`, to be sent along.
pub fn file_of(text: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"text", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file.into())
}

/// The text of such a file.
pub fn text_of(file: OwnedFd) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut file = File::from(file);
    file.rewind()?;
    file.take(TEXT_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_keep_their_bounds_and_their_descriptors() {
        let (ours, theirs) = pair().unwrap();
        let (ours, theirs) = (Channel::new(ours).unwrap(), Channel::new(theirs).unwrap());
        let long = "word ".repeat(100_000);
        let file = file_of(long.as_bytes()).unwrap();
        ours.send(b"one", &[]).await.unwrap();
        ours.send(b"two", &[file.as_fd(), file.as_fd()]).await.unwrap();
        let first = theirs.receive().await.unwrap().unwrap();
        assert_eq!((&*first.bytes, first.descriptors.len()), (&b"one"[..], 0));
        let mut second = theirs.receive().await.unwrap().unwrap();
        assert_eq!((&*second.bytes, second.descriptors.len()), (&b"two"[..], 2));
        assert_eq!(text_of(second.descriptors.remove(0)).unwrap(), long);
        drop(ours);
        assert!(theirs.receive().await.unwrap().is_none());
    }
}
