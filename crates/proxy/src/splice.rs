//! Moving a long body inside the kernel, from one plain TCP connection to the other by way of a pipe, so that its bytes
//! are never copied here. Decides when that pays; knows no framing.

use crate::link::Link;
use crate::transfer::TransferError;
use net::{Pipe, Pipes};
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// A body of known length is spliced from this size on: below it, taking a pipe costs more than a copy or two.
const LONG: u64 = 256 * 1024;
/// Where no length is known, one read or splice of at least this size tells a bulk transfer from a conversation.
const BULK: usize = 16 * 1024;
/// Moved in one turn at most, bytes, so that other connections of the thread get theirs.
const TURN: usize = 2 * 1024 * 1024;

/// Whether bytes go by splice (`option splice-auto`, `splice-request`, `splice-response`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Splicing {
    /// Never: `no option splice-auto`, `nosplice`.
    Off,
    /// Where it pays: nothing was written.
    #[default]
    Long,
    /// Wherever it can be done.
    Always,
}

impl Splicing {
    /// What an option and `splice-auto` say together.
    pub fn of(auto: Option<bool>, direction: Option<bool>) -> Splicing {
        match (auto, direction) {
            (_, Some(true)) => Splicing::Always,
            (Some(true), _) | (None, None) => Splicing::Long,
            (Some(false), _) | (None, Some(false)) => Splicing::Off,
        }
    }

    /// Whether a body of so many bytes at most (`u64::MAX`: unknown) may have a run that is spliced.
    pub fn may_pay(self, length: u64) -> bool {
        match self {
            Splicing::Off => false,
            Splicing::Long => length >= LONG,
            Splicing::Always => true,
        }
    }

    /// What two proxies want together: a wish for more wins over silence, a ban over both.
    pub fn and(self, other: Splicing) -> Splicing {
        match (self, other) {
            (Splicing::Off, _) | (_, Splicing::Off) => Splicing::Off,
            (Splicing::Always, _) | (_, Splicing::Always) => Splicing::Always,
            (Splicing::Long, Splicing::Long) => Splicing::Long,
        }
    }
}

/// One direction's means to splice: where pipes come from, and the one that holds bytes.
pub struct Splice {
    pipes: Rc<RefCell<Pipes>>,
    pipe: Option<Pipe>,
    always: bool,
    bulk: bool,
}

/// How a turn of splicing went.
pub enum Spliced {
    /// The run of bytes is through.
    Through,
    /// The source has ended.
    Ended,
    /// No pipe is to be had, or it does not pay: read and write.
    Copy,
}

impl Splice {
    /// Pipes come from, and go back to, `pipes`. `always`: wherever it can be done, not only where it pays.
    pub fn new(pipes: &Rc<RefCell<Pipes>>, always: bool) -> Splice {
        Splice { pipes: pipes.clone(), pipe: None, always, bulk: false }
    }

    /// A read brought so many bytes.
    pub fn note(&mut self, read: usize) {
        self.bulk = read >= BULK;
    }

    /// Whether bytes wait in the pipe.
    pub fn holds(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether a run of `run` bytes (`u64::MAX`: unknown) between these links is to be spliced.
    pub fn pays(&self, run: u64, from: &Link, to: &Link) -> bool {
        let worth = self.always || if run == u64::MAX { self.bulk } else { run >= LONG };
        self.holds() || worth && from.input.is_empty() && from.can_splice() && to.can_splice()
    }

    /// Moves up to `run` bytes; `taken` hears what has left the source, `moved` what the sink has got.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&mut Link, &mut Link),
        mut run: u64,
        mut taken: impl FnMut(usize),
        moved: &mut u64,
    ) -> Poll<Result<Spliced, TransferError>> {
        let mut turn = 0;
        loop {
            // What was written before, the head above all, goes first.
            ready!(to.poll_flush(cx)).map_err(|_| TransferError::Sink)?;
            if self.pipe.is_none() {
                if run == 0 {
                    return Poll::Ready(Ok(Spliced::Through));
                }
                if turn >= TURN {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let Some(n) = ready!(self.poll_fill(cx, from, run))? else {
                    return Poll::Ready(Ok(Spliced::Copy));
                };
                if n == 0 {
                    return Poll::Ready(Ok(Spliced::Ended));
                }
                self.bulk = n >= BULK;
                taken(n);
                turn += n;
                run = if run == u64::MAX { run } else { run.saturating_sub(n as u64) };
            }
            ready!(self.poll_drain(cx, to, moved))?;
            if !self.always && run == u64::MAX && !self.bulk {
                return Poll::Ready(Ok(Spliced::Copy));
            }
        }
    }

    /// Takes a pipe and fills it; `None` without a pipe. It goes back at once if nothing came.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        run: u64,
    ) -> Poll<Result<Option<usize>, TransferError>> {
        let Some(mut pipe) = self.pipes.borrow_mut().take() else { return Poll::Ready(Ok(None)) };
        let filled = from.poll_splice_in(cx, &mut pipe, usize::try_from(run).unwrap_or(usize::MAX));
        if pipe.held() > 0 {
            self.pipe = Some(pipe);
        } else {
            self.pipes.borrow_mut().give_back(pipe);
        }
        filled.map_ok(Some).map_err(|_| TransferError::Source)
    }

    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        to: &Link,
        moved: &mut u64,
    ) -> Poll<Result<(), TransferError>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(Ok(())) };
        while pipe.held() > 0 {
            let n = ready!(to.poll_splice_out(cx, pipe)).map_err(|_| TransferError::Sink)?;
            *moved += n as u64;
            self.pipes.borrow_mut().note(n);
        }
        self.put_away();
        Poll::Ready(Ok(()))
    }

    fn put_away(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            self.pipes.borrow_mut().give_back(pipe);
        }
    }
}

impl Drop for Splice {
    fn drop(&mut self) {
        self.put_away();
    }
}

#[cfg(test)]
mod tests {
    use super::Splicing;

    #[test]
    fn what_is_written_decides() {
        assert_eq!(Splicing::of(None, None), Splicing::Long);
        assert_eq!(Splicing::of(Some(true), None), Splicing::Long);
        assert_eq!(Splicing::of(None, Some(true)), Splicing::Always);
        assert_eq!(Splicing::of(Some(false), None), Splicing::Off);
        assert_eq!(Splicing::of(Some(false), Some(true)), Splicing::Always);
        assert_eq!(Splicing::Long.and(Splicing::Always), Splicing::Always);
        assert_eq!(Splicing::Always.and(Splicing::Off), Splicing::Off);
    }
}
