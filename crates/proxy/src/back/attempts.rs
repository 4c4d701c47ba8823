//! Trying again: `retries`, `option redispatch`, `retry-on`, and connections that turned out to be stale.

use crate::assign::HasLeft;
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::plan::Backend;
use crate::stream::Stream;
use crate::tally::Count;
use config::model::RetryOn;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

/// Pause before the same server is tried again (manual, `retries`).
const TURN_AROUND: Duration = Duration::from_secs(1);

/// What went wrong, as far as trying again is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection came about: nothing was sent.
    Connect,
    /// It is not for the name that was asked for, and would not be the next time.
    WrongName,
    /// A kept connection died before a byte of the response: the server had closed it already.
    Stale,
    /// A new connection ended before a byte of the response.
    Empty,
    /// The response made no sense.
    Junk,
    /// The response did not come in time.
    ResponseTimeout,
    /// The response has a status that is to be tried again.
    Status(u16),
    /// Trying again is out of the question.
    Final,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// How the stream ends if it is not tried again.
    pub ending: Ending,
    /// What went wrong.
    pub kind: FailureKind,
}

impl Failure {
    /// One that ends the stream.
    #[cold]
    pub fn finally(ending: Ending) -> Failure {
        Failure { ending, kind: FailureKind::Final }
    }

    /// One of a kind, with the ending that goes with it.
    #[cold]
    pub fn new(kind: FailureKind, cause: Cause, phase: Phase) -> Failure {
        Failure { ending: Ending::new(cause, phase), kind }
    }

    fn condition(&self) -> Option<RetryOn> {
        match self.kind {
            FailureKind::Connect => Some(RetryOn::ConnFailure),
            FailureKind::Empty | FailureKind::Stale => Some(RetryOn::EmptyResponse),
            FailureKind::Junk => Some(RetryOn::JunkResponse),
            FailureKind::ResponseTimeout => Some(RetryOn::ResponseTimeout),
            FailureKind::Status(status) => Some(RetryOn::Status(status)),
            FailureKind::WrongName | FailureKind::Final => None,
        }
    }
}

/// What was tried and what is left.
pub struct Attempts<'s> {
    back: &'s Backend,
    left: u32,
    made: u32,
    avoid: Option<usize>,
    stick: Option<usize>,
    fresh: bool,
}

impl<'s> Attempts<'s> {
    /// Before the first attempt.
    pub fn new(stream: &Stream<'_>, back: &'s Backend) -> Attempts<'s> {
        Attempts { back, left: retries(stream, back), made: 0, avoid: None, stick: None, fresh: false }
    }

    /// Kept connections are not to be used.
    pub fn fresh_only(&self) -> bool {
        self.fresh
    }

    /// The server that failed and should not be chosen again.
    pub fn avoid(&self) -> Option<usize> {
        self.avoid
    }

    /// The server that is tried again.
    pub fn stick(&self) -> Option<usize> {
        self.stick
    }

    /// Whether a response with this status is to be tried again.
    pub fn retries_status(&self, status: u16, stream: &Stream<'_>) -> bool {
        stream.l7_retry && self.left > 0 && self.back.retry_on.contains(&RetryOn::Status(status))
    }

    /// Whether a failure after sending may be tried again, so that the request must be kept.
    pub fn keeps_request(stream: &Stream<'_>, back: &Backend) -> bool {
        retries(stream, back) > 0
            && back.retry_on.iter().any(|c| *c != RetryOn::ConnFailure && *c != RetryOn::None)
    }

    /// Prepares the next attempt, or ends the stream.
    pub async fn again(
        &mut self,
        stream: &mut Stream<'_>,
        exchange: &mut Exchange<'_>,
        failure: Failure,
    ) -> Result<(), Ending> {
        if !self.allowed(stream, exchange, &failure) {
            return Err(self.given_up(stream, &failure));
        }
        stream.back_addrs = None;
        stream.back_tls = None;
        if failure.kind == FailureKind::Stale {
            self.fresh = true;
            if !self.asked_to_retry(stream, &failure) {
                self.stick = index_of(stream);
                return Ok(());
            }
        }
        let abortonclose = self.back.abortonclose;
        self.next(stream, failure, &mut |cx| exchange.poll_left(cx, abortonclose).is_ready()).await
    }

    /// Counts a retry and chooses between the same server, after a pause, and another one.
    async fn next(
        &mut self,
        stream: &mut Stream<'_>,
        failure: Failure,
        has_left: HasLeft<'_>,
    ) -> Result<(), Ending> {
        self.left -= 1;
        self.made += 1;
        stream.retries += 1;
        if self.redispatches(stream) {
            self.note(stream, Count::Redispatches);
            self.avoid = index_of(stream);
            self.stick = None;
            stream.redispatched = true;
            crate::assign::lose_server(stream, self.back);
            return Ok(());
        }
        self.note(stream, Count::Retries);
        self.stick = index_of(stream);
        if failure.kind == FailureKind::Connect {
            pause(self.back.timeouts.connect.map_or(TURN_AROUND, |t| t.min(TURN_AROUND)), has_left).await?;
        }
        Ok(())
    }

    /// Counts it for the backend, and for the server that failed.
    fn note(&self, stream: &Stream<'_>, what: Count) {
        let worker = stream.worker.index;
        self.back.tally.add(worker, what, 1);
        stream.server.iter().for_each(|server| server.target.tally.add(worker, what, 1));
    }

    /// The same for a TCP connection, of which nothing was sent yet.
    pub async fn again_tcp(
        &mut self,
        stream: &mut Stream<'_>,
        failure: Failure,
        has_left: HasLeft<'_>,
    ) -> Result<(), Ending> {
        if self.left == 0 || failure.kind != FailureKind::Connect {
            return Err(self.given_up(stream, &failure));
        }
        self.next(stream, failure, has_left).await
    }

    fn allowed(&self, stream: &Stream<'_>, exchange: &Exchange<'_>, failure: &Failure) -> bool {
        let replayable = !exchange.body_spent && !exchange.responded;
        match failure.kind {
            FailureKind::Final | FailureKind::WrongName => false,
            // RFC 9110 section 9.2.2: only what does no harm twice is sent again without being asked.
            FailureKind::Stale => {
                let harmless = !self.fresh && stream.request.method.is_idempotent();
                replayable && (harmless || self.asked_to_retry(stream, failure))
            }
            FailureKind::Connect => self.left > 0 && replayable && self.wants(failure),
            FailureKind::Empty
            | FailureKind::Junk
            | FailureKind::ResponseTimeout
            | FailureKind::Status(_) => replayable && self.asked_to_retry(stream, failure),
        }
    }

    /// `retry-on` asks for another attempt after such a failure, and there is one left.
    fn asked_to_retry(&self, stream: &Stream<'_>, failure: &Failure) -> bool {
        self.left > 0 && stream.l7_retry && self.wants(failure)
    }

    /// Log lines show retries that make no sense as used up, as HAProxy's do.
    fn given_up(&self, stream: &mut Stream<'_>, failure: &Failure) -> Ending {
        if failure.kind == FailureKind::WrongName {
            stream.retries += self.left;
        }
        failure.ending
    }

    fn wants(&self, failure: &Failure) -> bool {
        failure.condition().is_some_and(|c| self.back.retry_on.contains(&c))
    }

    /// `option redispatch N`: at every N-th retry, or for a negative N at the N-th before the last. At once where nothing
    /// ties the request to its server: waiting for this one helps nobody. Never where there is no other.
    fn redispatches(&self, stream: &Stream<'_>) -> bool {
        match self.back.redispatch {
            0 => false,
            _ if !self.has_others(stream) => false,
            _ if self.is_free(stream) => true,
            n if n > 0 => self.made.is_multiple_of(n.unsigned_abs()),
            n => self.left == n.unsigned_abs() - 1,
        }
    }
}

/// Waits, unless the client has left.
async fn pause(time: Duration, has_left: HasLeft<'_>) -> Result<(), Ending> {
    let mut over = Box::pin(tokio::time::sleep(time));
    poll_fn(|cx| match over.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending if has_left(cx) => Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Connect))),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// `retries`, or what a rule made of it.
fn retries(stream: &Stream<'_>, back: &Backend) -> u32 {
    stream.retries_allowed.unwrap_or(back.retries)
}

impl Attempts<'_> {
    /// Neither the request nor the algorithm asks for a certain server.
    fn is_free(&self, stream: &Stream<'_>) -> bool {
        let balance = &self.back.balance;
        stream.presented.server.is_none() && self.back.use_servers.is_empty() && !balance.policy().is_hashed()
    }

    /// Balancing could choose another server than the one that failed.
    fn has_others(&self, stream: &Stream<'_>) -> bool {
        let failed = stream.server.as_ref().is_some_and(|server| server.is_usable());
        self.back.balance.usable() > usize::from(failed)
    }
}

fn index_of(stream: &Stream<'_>) -> Option<usize> {
    stream.server.as_ref().map(|s| s.facts.index)
}
