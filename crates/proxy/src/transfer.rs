//! Moving a body, or a tunnel's bytes, from one link to the other: decode the framing it came with, encode the framing
//! it leaves with, and never hold more than a little. One direction each; `stream` polls both in one task.

use crate::link::{Link, LinkError};
use crate::splice::{Splice, Spliced, Splicing};
use http::h1::{self, BodyDecoder, Framing, Reject};
use net::Pipes;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Why a transfer did not reach its end.
#[derive(Debug)]
pub enum TransferError {
    /// The side that sends the body failed or ended too early.
    Source,
    /// The side that sends it broke the framing.
    Framing(Reject),
    /// The side that receives it failed.
    Sink,
}

/// One direction. `Raw` has no framing on either side: a tunnel, or TCP mode.
pub struct Transfer {
    decoder: Option<BodyDecoder>,
    /// Decoded bytes at the front of the source's input that were not passed on yet.
    pending: usize,
    /// Nothing comes after `pending`.
    last: bool,
    chunked: bool,
    /// Bytes of the chunk that was announced to the sink and are still owed.
    owed: usize,
    finished: bool,
    /// Body bytes that were passed on.
    pub moved: u64,
    /// Those of them that passed inside the kernel.
    pub spliced: u64,
    drops_trailers: bool,
    /// The sink gets none of it.
    discards: bool,
    splice: Option<Box<Splice>>,
}

impl Transfer {
    /// A body that arrives as `from` says and leaves as `to` says.
    pub fn body(from: Framing, to: Framing) -> Transfer {
        let last = matches!(from, Framing::None | Framing::Length(0));
        Transfer {
            decoder: (!last).then(|| BodyDecoder::new(from)),
            last,
            chunked: to == Framing::Chunked,
            ..Transfer::raw()
        }
    }

    /// Nothing at all.
    pub fn none() -> Transfer {
        Transfer::body(Framing::None, Framing::None)
    }

    /// The framing that the sink gets from now on.
    pub fn leave_as(&mut self, framing: Framing) {
        self.chunked = framing == Framing::Chunked;
    }

    /// What stands behind the last chunk stays here (`option http-drop-…-trailers`).
    pub fn drop_trailers(&mut self, drop: bool) {
        self.drops_trailers = drop;
    }

    /// All of it is read, and nothing passed on.
    pub fn discard(&mut self) {
        self.chunked = false;
        self.discards = true;
    }

    /// Long runs of bytes go by splice from now on, where that is possible. Most bodies have none.
    pub fn splice_by(&mut self, splicing: Splicing, pipes: &Rc<RefCell<Pipes>>) {
        let length = self.decoder.as_ref().map_or(u64::MAX, BodyDecoder::rest_at_most);
        let copied = self.last || self.chunked || self.discards;
        if !copied && splicing.may_pay(length) {
            self.splice = Some(Box::new(Splice::new(pipes, splicing == Splicing::Always)));
        }
    }

    /// Whether it is the sink that everything waits for.
    pub fn waits_for_sink(&self, to: &Link) -> bool {
        self.pending > 0 || to.has_output() || self.splice.as_ref().is_some_and(|splice| splice.holds())
    }

    /// Takes decoded bytes out for a caller that wants to look at them, up to `most`.
    pub fn take(&mut self, from: &mut Link, into: &mut Vec<u8>, most: usize) -> Result<(), TransferError> {
        while into.len() < most {
            self.decode(from)?;
            let n = self.pending.min(most - into.len());
            if n == 0 {
                break;
            }
            into.extend_from_slice(from.input.data().get(..n).unwrap_or_default());
            from.input.consume(n);
            self.pending -= n;
        }
        Ok(())
    }

    /// Whether the end of the body is at hand, or a fault in it, decoded or not.
    pub fn has_end(&self, from: &Link) -> bool {
        let Some(mut decoder) = self.decoder.clone().filter(|_| !self.last) else { return self.last };
        let mut rest = from.input.data().get(self.pending..).unwrap_or_default();
        loop {
            match decoder.step(rest) {
                Ok(step) if step.done => return true,
                Ok(step) if step.consumed + step.data > 0 => {
                    rest = rest.get(step.consumed + step.data..).unwrap_or_default();
                }
                Ok(_) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Whether the source has nothing left to give.
    pub fn is_drained(&self) -> bool {
        self.last && self.pending == 0
    }

    /// Bytes as they come, until the source ends.
    pub fn raw() -> Transfer {
        Transfer {
            decoder: None,
            pending: 0,
            last: false,
            chunked: false,
            owed: 0,
            finished: false,
            moved: 0,
            spliced: 0,
            drops_trailers: false,
            discards: false,
            splice: None,
        }
    }

    /// Whether all of it was passed on.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Moves what can be moved. Ready when the last byte has been handed to the sink's socket.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        to: &mut Link,
    ) -> Poll<Result<(), TransferError>> {
        loop {
            self.decode(from)?;
            if self.pending > 0 {
                ready!(self.poll_pass(cx, from, to))?;
                continue;
            }
            if self.last {
                self.finish(to);
                return to.poll_flush(cx).map_err(|_| TransferError::Sink);
            }
            match ready!(self.poll_splice(cx, from, to))? {
                Spliced::Through => continue,
                Spliced::Ended => {
                    self.source_ended()?;
                    continue;
                }
                Spliced::Copy => {}
            }
            match from.poll_fill(cx) {
                Poll::Ready(Ok(0)) => self.source_ended()?,
                Poll::Ready(Ok(n)) => {
                    if let Some(splice) = &mut self.splice {
                        splice.note(n);
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(TransferError::Source)),
                Poll::Pending => {
                    // What is ready leaves now: the next bytes may take long.
                    if let Poll::Ready(Err(_)) = to.poll_flush(cx) {
                        return Poll::Ready(Err(TransferError::Sink));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Decodes once from what is buffered, for a caller that must not read: whether all of the body is at hand.
    pub fn decode(&mut self, from: &mut Link) -> Result<(), TransferError> {
        if self.pending > 0 || self.last {
            return Ok(());
        }
        let Some(decoder) = &mut self.decoder else {
            self.pending = from.input.len();
            return Ok(());
        };
        while !from.input.is_empty() && self.pending == 0 && !self.last {
            let step = decoder.step(from.input.data()).map_err(TransferError::Framing)?;
            from.input.consume(step.consumed);
            self.pending = step.data;
            self.last = step.done;
            if step.consumed == 0 && step.data == 0 && !step.done {
                break;
            }
        }
        Ok(())
    }

    /// Moves a run of bytes inside the kernel, where there is one that is worth it.
    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        to: &mut Link,
    ) -> Poll<Result<Spliced, TransferError>> {
        let Some(splice) = &mut self.splice else { return Poll::Ready(Ok(Spliced::Copy)) };
        let run = self.decoder.as_ref().map_or(u64::MAX, BodyDecoder::run);
        if self.chunked || !splice.pays(run, from, to) {
            return Poll::Ready(Ok(Spliced::Copy));
        }
        let decoder = &mut self.decoder;
        let taken = |n: usize| {
            if let Some(decoder) = decoder {
                decoder.skip(n as u64);
            }
        };
        let before = self.moved;
        let polled = splice.poll(cx, (from, to), run, taken, &mut self.moved);
        self.spliced += self.moved - before;
        let spliced = ready!(polled)?;
        self.last = self.decoder.as_ref().is_some_and(BodyDecoder::is_done);
        Poll::Ready(Ok(spliced))
    }

    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Link,
        to: &mut Link,
    ) -> Poll<Result<(), TransferError>> {
        if self.discards {
            from.input.consume(std::mem::take(&mut self.pending));
            return Poll::Ready(Ok(()));
        }
        if self.chunked && self.owed == 0 {
            h1::write_chunk_start(self.pending, to.output());
            self.owed = self.pending;
        }
        let most = if self.chunked { self.owed.min(self.pending) } else { self.pending };
        let data = from.input.data().get(..most).unwrap_or_default();
        let sent = match ready!(to.poll_send(cx, data)) {
            Ok(sent) => sent,
            Err(LinkError::Io(_) | LinkError::Tls(_)) => return Poll::Ready(Err(TransferError::Sink)),
        };
        from.input.consume(sent);
        self.pending -= sent;
        self.moved += sent as u64;
        if self.chunked {
            self.owed -= sent;
            if self.owed == 0 {
                h1::write_chunk_end(to.output());
            }
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self, to: &mut Link) {
        if self.finished {
            return;
        }
        self.finished = true;
        if self.chunked {
            let trailers = self.decoder.as_ref().and_then(BodyDecoder::trailers);
            h1::write_last_chunk(trailers.filter(|_| !self.drops_trailers), to.output());
        }
        to.end_message();
    }

    /// The source has no more to give: the end of a body that lasts until then, or a body broken off.
    pub fn source_ended(&mut self) -> Result<(), TransferError> {
        match &mut self.decoder {
            None => self.last = true,
            Some(decoder) => {
                decoder.finish_at_close().map_err(|_| TransferError::Source)?;
                self.last = true;
            }
        }
        Ok(())
    }
}
