//! Moving bytes between two connections inside the kernel, by way of a pipe (splice(2)). For bodies that are long
//! and not looked at; a small exchange is cheaper by read and write.

use crate::stream::Stream;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

/// What a pipe is asked to hold, bytes: the fewer trips, the cheaper a long body. Unprivileged users have
/// `fs.pipe-user-pages-soft` (64 MiB) for all their pipes; beyond it the kernel gives less, which only costs trips.
pub const PIPE_BYTES: usize = 256 << 10;

/// Pipes of one thread, in use and at rest together. Each costs two descriptors and at most its size of memory.
pub const MAX_PIPES: usize = 256;

/// A pipe between two connections. It is filled only when empty, so that "would block" has one meaning.
#[derive(Debug)]
pub struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    held: usize,
    size: usize,
}

impl Pipe {
    fn open(size: usize) -> io::Result<Pipe> {
        let (out, into) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller pipe works as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&into, size);
        Ok(Pipe { out, into, held: 0, size })
    }

    /// Bytes taken from one side and not yet given to the other.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes up to `limit` bytes from `from`; 0 is the end of its data. Call it on an empty pipe: a pipe that holds
    /// something answers with what it holds.
    pub fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &Stream,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if self.held > 0 {
            return Poll::Ready(Ok(self.held));
        }
        loop {
            ready!(from.poll_read_ready(cx))?;
            match from.try_read_io(|| splice(from, &self.into, limit.min(self.size))) {
                Ok(n) => {
                    self.held = n;
                    return Poll::Ready(Ok(n));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Gives what is held, or a part of it, to `to` and says how much; 0 only when nothing is held.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, to: &Stream) -> Poll<io::Result<usize>> {
        while self.held > 0 {
            ready!(to.poll_write_ready(cx))?;
            match to.try_write_io(|| splice(&self.out, to, self.held)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(n) => {
                    self.held -= n.min(self.held);
                    return Poll::Ready(Ok(n));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        Poll::Ready(Ok(0))
    }
}

fn splice(from: impl AsFd, to: impl AsFd, limit: usize) -> io::Result<usize> {
    Ok(rustix::pipe::splice(from, None, to, None, limit, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)?)
}

/// The pipes of one thread. A pipe that still held bytes when its stream ended is closed, never passed on.
#[derive(Debug)]
pub struct Pipes {
    idle: Vec<Pipe>,
    open: usize,
    size: usize,
    most: usize,
    moved: u64,
}

/// What the pipes of a thread do.
#[derive(Clone, Copy, Debug, Default)]
pub struct PipesUse {
    /// Most there may be.
    pub most: usize,
    /// Those that hold bytes.
    pub used: usize,
    /// Those that wait.
    pub free: usize,
    /// Bytes that went through so far.
    pub moved: u64,
}

impl Default for Pipes {
    fn default() -> Self {
        Pipes::new(PIPE_BYTES, MAX_PIPES)
    }
}

impl Pipes {
    /// At most `most` pipes of `size` bytes each.
    pub fn new(size: usize, most: usize) -> Pipes {
        Pipes { idle: Vec::new(), open: 0, size, most, moved: 0 }
    }

    /// A pipe, or none where all are in use or the system has none: then read and write.
    pub fn take(&mut self) -> Option<Pipe> {
        if let Some(pipe) = self.idle.pop() {
            return Some(pipe);
        }
        if self.open >= self.most {
            return None;
        }
        let pipe = Pipe::open(self.size).ok()?;
        self.open += 1;
        Some(pipe)
    }

    /// So many bytes have gone through one of them.
    pub fn note(&mut self, bytes: usize) {
        self.moved += bytes as u64;
    }

    /// What they do.
    pub fn in_use(&self) -> PipesUse {
        let free = self.idle.len();
        PipesUse { most: self.most, used: self.open.saturating_sub(free), free, moved: self.moved }
    }

    /// Takes a pipe back. Every pipe taken must come back, or its place is lost.
    pub fn give_back(&mut self, pipe: Pipe) {
        if pipe.held == 0 {
            self.idle.push(pipe);
        } else {
            self.open = self.open.saturating_sub(1);
        }
    }
}
