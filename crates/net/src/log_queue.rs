//! A bounded queue to a thread that may wait: descriptors such as a terminal or a pipe cannot be made non-blocking
//! without doing so to every program that shares them, so another thread does the waiting.

use crate::log::Counts;
use crate::raw;
use crate::ring::Ring;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Lines that may wait for one sink. At 10,000 lines a second this is a stall of nearly half a second.
pub const QUEUE_LINES: usize = 4096;

/// Bytes that may wait for one sink, so that long lines do not turn the queue into a memory hole.
pub const QUEUE_BYTES: usize = 4 << 20;

/// Lines written with one system call, bytes; about what a pipe takes at once.
const BATCH_BYTES: usize = 64 << 10;

/// The sending side; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    items: SyncSender<Item>,
    waiting: Arc<AtomicUsize>,
}

/// What travels through the queue.
enum Item {
    Line(Vec<u8>),
    /// Everything before this is written: say so.
    Flushed(SyncSender<()>),
}

/// Takes lines on the writing thread. `Err` carries how many lines of the batch were lost.
pub(crate) trait Writer: Send + 'static {
    /// Writes a batch of whole lines.
    fn write(&mut self, batch: &[Vec<u8>]) -> Result<(), usize>;
}

impl Queue {
    pub(crate) fn to_fd(number: RawFd, counts: Arc<Counts>) -> io::Result<Queue> {
        let out = match number {
            1 => Out::Stdout(io::stdout()),
            2 => Out::Stderr(io::stderr()),
            number => Out::Inherited(raw::duplicate_inherited(number)?),
        };
        Queue::to_writer(FdWriter { out, bytes: Vec::with_capacity(BATCH_BYTES) }, counts)
    }

    pub(crate) fn to_ring(ring: Arc<Ring>, counts: Arc<Counts>) -> io::Result<Queue> {
        Queue::to_writer(ring.writer()?, counts)
    }

    /// Starts the thread. It ends when the last sender is gone and all is written.
    pub(crate) fn to_writer(writer: impl Writer, counts: Arc<Counts>) -> io::Result<Queue> {
        let (items, received) = sync_channel(QUEUE_LINES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let thread_waiting = waiting.clone();
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&received, writer, &thread_waiting, &counts))?;
        Ok(Queue { items, waiting })
    }

    /// False when the queue is full.
    pub(crate) fn offer(&self, line: &[u8]) -> bool {
        let before = self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let taken =
            before + line.len() <= QUEUE_BYTES && self.items.try_send(Item::Line(line.to_vec())).is_ok();
        if !taken {
            self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
        }
        taken
    }

    /// Waits until everything offered before has been written, at most `limit`.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let deadline = std::time::Instant::now() + limit;
        let (done, told) = sync_channel(1);
        let mut item = Item::Flushed(done);
        loop {
            match self.items.try_send(item) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) if std::time::Instant::now() < deadline => item = back,
                Err(TrySendError::Full(_)) => return false,
            }
            std::thread::sleep(FLUSH_RETRY);
        }
        told.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())).is_ok()
    }
}

/// Between attempts to place the flush mark in a full queue; only at the end of the process.
const FLUSH_RETRY: Duration = Duration::from_millis(5);

fn run(received: &Receiver<Item>, mut writer: impl Writer, waiting: &AtomicUsize, counts: &Counts) {
    let mut batch = Vec::new();
    while let Ok(first) = received.recv() {
        let mark = collect(first, received, &mut batch);
        let bytes = batch.iter().map(Vec::len).sum();
        if let Err(lost) = writer.write(&batch) {
            let lost = lost as u64;
            counts.sent.fetch_sub(lost, Ordering::Relaxed);
            counts.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        waiting.fetch_sub(bytes, Ordering::Relaxed);
        batch.clear();
        if let Some(done) = mark {
            // Whoever asked may have run out of patience.
            let _ = done.try_send(());
        }
    }
}

/// Takes what waits already, up to a batch or a flush mark.
fn collect(first: Item, received: &Receiver<Item>, batch: &mut Vec<Vec<u8>>) -> Option<SyncSender<()>> {
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(item) = next {
        match item {
            Item::Line(line) => {
                bytes += line.len();
                batch.push(line);
            }
            Item::Flushed(done) => return Some(done),
        }
        next = if bytes < BATCH_BYTES { received.try_recv().ok() } else { None };
    }
    None
}

/// Writes to a descriptor and waits for room where it must.
struct FdWriter {
    out: Out,
    bytes: Vec<u8>,
}

/// The standard streams are written where they lead at that moment: a daemon points them at `/dev/null` once it runs,
/// and must not hold on to the terminal of whoever started it.
enum Out {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    Inherited(OwnedFd),
}

impl AsFd for Out {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Out::Stdout(s) => s.as_fd(),
            Out::Stderr(s) => s.as_fd(),
            Out::Inherited(fd) => fd.as_fd(),
        }
    }
}

impl Writer for FdWriter {
    fn write(&mut self, batch: &[Vec<u8>]) -> Result<(), usize> {
        self.bytes.clear();
        batch.iter().for_each(|line| self.bytes.extend_from_slice(line));
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(&self.out, rest) {
                Ok(0) => return Err(lines_left(rest)),
                Ok(n) => rest = &rest[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait_for_room(&self.out).map_err(|_| lines_left(rest))?,
                Err(_) => return Err(lines_left(rest)),
            }
        }
        Ok(())
    }
}

/// The descriptor was made non-blocking by whoever gave it to us.
fn wait_for_room(out: &Out) -> rustix::io::Result<()> {
    match rustix::event::poll(&mut [PollFd::new(out, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e),
    }
}

fn lines_left(rest: &[u8]) -> usize {
    rest.iter().filter(|b| **b == b'\n').count().max(1)
}
