//! Byte buffers that cost nothing at rest. A connection that waits owns no memory here: an emptied buffer goes back
//! to its thread's pool at once and is taken out again when bytes arrive.

use std::cell::RefCell;

/// What a pooled buffer starts with: one read of a usual message, one TLS record.
const START: usize = 16 * 1024 + 256;
/// Larger ones are given back to the allocator rather than kept.
const KEEP_MAX: usize = 128 * 1024;
/// Free buffers a thread keeps; more are needed only in bursts.
const POOL_MAX: usize = 128;
/// Their bytes together: what large messages grew does not stay for good.
const POOL_BYTES: usize = 4 * 1024 * 1024;
/// One read from a socket. Large enough that bulk transfers are not bound by the number of system calls.
pub const SCRATCH: usize = 64 * 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { free: Vec::new(), bytes: 0 }) };
    static SCRATCH_BYTES: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Lends the thread's scratch bytes. Must not be nested.
pub fn with_scratch<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    SCRATCH_BYTES.with(|s| match s.try_borrow_mut() {
        Ok(mut bytes) => f(&mut bytes),
        // A nested use is a mistake of ours; it costs an allocation, not the connection.
        Err(_) => f(&mut vec![0; SCRATCH]),
    })
}

/// A thread's free buffers.
struct Pool {
    free: Vec<Vec<u8>>,
    /// Their capacities together.
    bytes: usize,
}

impl Pool {
    fn take(&mut self) -> Vec<u8> {
        let Some(buffer) = self.free.pop() else { return Vec::with_capacity(START) };
        self.bytes -= buffer.capacity();
        buffer
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let has_room = self.free.len() < POOL_MAX && self.bytes + capacity <= POOL_BYTES;
        if has_room && (START..=KEEP_MAX).contains(&capacity) {
            buffer.clear();
            self.bytes += capacity;
            self.free.push(buffer);
        }
    }
}

/// A queue of bytes: appended at the back, consumed at the front.
#[derive(Default)]
pub struct Buf {
    bytes: Vec<u8>,
    at: usize,
}

impl Buf {
    /// What was not consumed yet.
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The same, for decrypting in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.at..).unwrap_or_default()
    }

    /// Number of bytes not consumed.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all is consumed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops `n` bytes at the front. An emptied buffer returns its memory.
    pub fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.bytes.len());
        if self.at == self.bytes.len() {
            self.reset();
        }
    }

    /// Empties it and returns its memory.
    pub fn reset(&mut self) {
        self.at = 0;
        if self.bytes.capacity() > 0 {
            let bytes = std::mem::take(&mut self.bytes);
            POOL.with_borrow_mut(|pool| pool.give(bytes));
        }
    }

    /// For appending: whatever was consumed is closed up first when it is worth it.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = POOL.with_borrow_mut(Pool::take);
        } else if self.at > 0 && self.at >= self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        &mut self.bytes
    }

    /// Appends a copy.
    pub fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.tail().extend_from_slice(bytes);
        }
    }
}

impl Drop for Buf {
    fn drop(&mut self) {
        // The pool is gone while a thread ends; then the allocator takes the memory as usual.
        if self.bytes.capacity() > 0 {
            let bytes = std::mem::take(&mut self.bytes);
            let _ = POOL.try_with(|pool| pool.try_borrow_mut().map(|mut pool| pool.give(bytes)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_buffer_owns_nothing() {
        let mut buf = Buf::default();
        buf.push(b"hello");
        buf.consume(2);
        assert_eq!(buf.data(), b"llo");
        buf.push(b"!");
        assert_eq!(buf.data(), b"llo!");
        buf.consume(9);
        assert_eq!(buf.bytes.capacity(), 0);
    }

    #[test]
    fn what_large_messages_grew_does_not_stay() {
        let message = vec![0; KEEP_MAX - START];
        let mut bufs: Vec<Buf> = (0..POOL_MAX).map(|_| Buf::default()).collect();
        for buf in &mut bufs {
            buf.push(&message);
        }
        drop(bufs);
        let kept = POOL.with_borrow(|pool| (pool.bytes, pool.free.iter().map(Vec::capacity).sum::<usize>()));
        assert_eq!(kept.0, kept.1);
        assert!((1..=POOL_BYTES).contains(&kept.0), "{kept:?}");
        drop((0..POOL_MAX).map(|_| POOL.with_borrow_mut(Pool::take)).collect::<Vec<_>>());
        assert_eq!(POOL.with_borrow(|pool| pool.bytes), 0);
    }
}
