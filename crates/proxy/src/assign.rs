//! Assigning a server: persistence first, then `use-server`, then balancing, then a free slot or a place in a queue.

use crate::back::{Attempts, Failure, FailureKind};
use crate::balance::hash::Hashing;
use crate::balance::key::{self, Key, UriPart};
use crate::balance::{Ask, Picked};
use crate::deadline::after;
use crate::ending::{Cause, Ending, Phase};
use crate::health::{Complaint, Observer};
use crate::persist::{self, Guidance, Presented, Settings};
use crate::plan::{Backend, UseServerTarget};
use crate::queue::{Called, Line, Slot};
use crate::roster::Stage;
use crate::server::{Server, Shutdown, ShutdownEpoch};
use crate::stream::Stream;
use crate::tally::{Count, Pace};
use expr::Expr;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// What balancing looks at in a request.
pub enum KeySource {
    /// Nothing: the algorithm counts.
    None,
    /// The client's address.
    Source,
    /// The request's target.
    Uri(UriPart),
    /// A query parameter, also of a POST body.
    UrlParam(Box<[u8]>, bool),
    /// A header, whole or its domain.
    Header(Box<[u8]>, bool),
    /// The RDP cookie.
    RdpCookie(Box<[u8]>),
    /// Any expression.
    Expr(Expr),
}

impl KeySource {
    fn hash(&self, stream: &Stream<'_>, hashing: Hashing) -> Option<u32> {
        let request = &stream.request;
        let key = match self {
            KeySource::None => None,
            KeySource::Source => stream.src().map(|a| key::source(a.ip())),
            KeySource::Uri(part) => key::uri(request, part),
            KeySource::UrlParam(name, check_post) => {
                let body: &[u8] = if *check_post { &stream.body.bytes } else { &[] };
                key::url_param(request, name, body)
            }
            KeySource::Header(name, domain_only) => key::header(request, name, *domain_only),
            KeySource::RdpCookie(name) => key::rdp_cookie(stream.payload.data(), name),
            // texts as they are, numbers and addresses in their binary form, as the oracle hashes them
            KeySource::Expr(expr) => return Some(hashing.hash(Key::Bytes(&expr.eval(stream)?.to_bin()?))),
        };
        key.map(|k| hashing.hash(k))
    }
}

/// The server for one attempt.
pub struct Assigned<'b> {
    /// The place at it, given on when dropped.
    slot: Slot<'b>,
    /// Tells when its sessions are to be shut down.
    pub watch: Watch,
}

/// Watches a server for `on-marked-down shutdown-sessions`.
#[derive(Clone)]
pub struct Watch {
    server: Arc<Server>,
    epoch: ShutdownEpoch,
}

impl Watch {
    /// Why the server's sessions are to be shut down, where they are.
    pub fn shut_down(&self) -> Option<Cause> {
        let epoch = self.server.shutdown_epoch();
        (epoch != self.epoch).then(|| match epoch.why() {
            Shutdown::Down => Cause::ServerDown,
            Shutdown::BetterUp => Cause::ServerUp,
            Shutdown::Operator => Cause::Killed,
        })
    }
}

impl Watch {
    /// The server, no longer watched.
    pub fn into_server(self) -> Arc<Server> {
        self.server
    }
}

impl Assigned<'_> {
    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        self.slot.server()
    }

    fn observer(&self) -> Option<&Observer> {
        self.server().checks.observer.as_deref()
    }

    /// Tells the server's observer how an attempt failed.
    pub fn report(&self, failure: &Failure) {
        let Some(observer) = self.observer() else { return };
        let server = self.server();
        match failure.kind {
            FailureKind::Connect => observer.failed(server, Complaint::NoConnection),
            FailureKind::Empty => observer.failed(server, Complaint::Closed),
            FailureKind::Junk => observer.failed(server, Complaint::Junk),
            FailureKind::ResponseTimeout => observer.failed(server, Complaint::Timeout),
            FailureKind::Status(status) => observer.answered(server, status),
            // a kept connection that the server had closed is no fault of its own
            FailureKind::Stale => {}
            // nor is a name that somebody else chose
            FailureKind::WrongName => {}
            FailureKind::Final if failure.ending.blames_server() => {
                observer.failed(server, Complaint::Closed);
            }
            FailureKind::Final => {}
        }
    }

    /// Tells it that a connection came about.
    pub fn connected(&self) {
        self.observer().into_iter().for_each(|o| o.connected(self.server()));
    }

    /// Tells it the status of a response.
    pub fn answered(&self, status: u16) {
        self.observer().into_iter().for_each(|o| o.answered(self.server(), status));
    }
}

/// No server can take it.
const NO_SERVER: Ending = Ending::new(Cause::ServerAbort, Phase::Connect);
/// It waited too long for a place.
const QUEUE_TIMEOUT: Ending = Ending::new(Cause::ServerTimeout, Phase::Queue);
/// So many wait for its server already that `maxqueue` lets no more in.
const QUEUE_FULL: Ending = Ending::new(Cause::ServerAbort, Phase::Queue);

/// Reads what the request says about persistence, once, and takes our cookie out of what the server sees.
pub fn persistence(stream: &mut Stream<'_>, back: &Backend) {
    let Some(settings) = &back.cookie else { return };
    let holds = |conds: &[expr::Condition]| conds.iter().any(|c| c.holds(stream));
    let guidance = if use_server(stream, back).is_some() {
        Guidance::Ruled
    } else if holds(&back.ignore_persist) {
        Guidance::Ignored
    } else if back.persist || holds(&back.force_persist) {
        Guidance::Forced
    } else {
        Guidance::Cookie
    };
    let servers = back.balance.servers();
    let find = |value: &[u8]| {
        let server = servers.iter().find(|s| s.cookie().as_deref().is_some_and(|c| **c == *value))?;
        Some((server.facts.index, server.is_up()))
    };
    let presented = persist::read(settings, &stream.request, guidance, find, now_seconds(stream));
    persist::edit(settings, &mut stream.request);
    stream.guidance = guidance;
    stream.presented = presented;
    note_letters(stream, settings, persist::Sent::None);
}

/// Adds the persistence cookie to the response, where one is due.
pub fn answer_cookie(stream: &mut Stream<'_>, back: &Backend) {
    let (Some(settings), Some(server)) = (&back.cookie, stream.server.clone()) else { return };
    let cookie = server.cookie();
    let offered = persist::Offered {
        server: server.facts.index,
        cookie: cookie.as_deref().map(|c| &c[..]),
        method: stream.request.method,
    };
    let now = now_seconds(stream);
    let presented: Presented = stream.presented;
    let sent = persist::answer(settings, &presented, stream.guidance, &offered, &mut stream.response, now);
    note_letters(stream, settings, sent);
}

/// The server could not be reached and another one is taken.
pub fn lose_server(stream: &mut Stream<'_>, back: &Backend) {
    stream.server = None;
    stream.presented.redispatched();
    if let Some(settings) = &back.cookie {
        note_letters(stream, settings, persist::Sent::None);
    }
}

fn note_letters(stream: &mut Stream<'_>, settings: &Settings, sent: persist::Sent) {
    let letters = persist::letters(Some(settings), stream.presented.seen, sent);
    stream.cookie_letters = letters.map(|c| u8::try_from(c).unwrap_or(b'-'));
}

fn now_seconds(stream: &Stream<'_>) -> u32 {
    u32::try_from(expr::Scope::now_us(stream) / 1_000_000).unwrap_or(u32::MAX)
}

/// Tells whether the client has left, so that nothing more is to be done for it.
pub type HasLeft<'a> = &'a mut dyn FnMut(&mut Context<'_>) -> bool;

/// Assigns a server to a stream. Who has left while it waited needs no server.
pub async fn server<'b>(
    stream: &mut Stream<'_>,
    has_left: HasLeft<'_>,
    back: &'b Backend,
    attempts: &Attempts<'_>,
) -> Result<Assigned<'b>, Ending> {
    let give_up = after(stream.worker.now(), stream.timeouts.queue);
    let mut avoid = attempts.avoid();
    let (slot, balanced) = loop {
        let choice = choose(stream, back, attempts, avoid)?;
        let balanced = !matches!(choice, Choice::Bound(_));
        let line = match choice {
            Choice::Bound(index) | Choice::Balanced(index) => match back.balance.admit(index) {
                Some(slot) => break (slot, balanced),
                None if queue_is_full(back, index) => {
                    leave_full_queue(stream, back, index, &mut avoid)?;
                    continue;
                }
                None => {
                    stream.server = back.balance.server(index);
                    Line::Server { index, loyal: back.redispatch == 0 && stream.presented.server.is_some() }
                }
            },
            Choice::AnyFree => Line::Backend,
        };
        if let Some(slot) = Box::pin(in_line(stream, has_left, back, line, give_up)).await? {
            break (slot, balanced);
        }
    };
    let server = slot.server().clone();
    stream.session.last_server.set(Some((back.index, server.facts.index)));
    stream.session.sight.turn(Stage::Connect);
    if stream.times.assigned.is_none() {
        stream.times.assigned = Some(stream.worker.now());
    }
    note_chosen(stream, back, &server, balanced);
    stream.server = Some(server.clone());
    let watch = Watch { epoch: server.shutdown_epoch(), server };
    Ok(Assigned { slot, watch })
}

/// `balanced`: it was neither what the request is bound to nor merely tried again.
fn note_chosen(stream: &Stream<'_>, back: &Backend, server: &Server, balanced: bool) {
    let (worker, now) = (stream.worker.index, stream.worker.now_ms());
    for tally in [&back.tally, &server.target.tally] {
        tally.add(worker, Count::Chosen, u64::from(balanced));
        tally.mark(worker, Count::LastSession, now);
    }
    server.target.tally.pace(worker, Pace::Sessions, now);
}

/// Waits in a line; `None` asks to choose again.
async fn in_line<'b>(
    stream: &mut Stream<'_>,
    has_left: HasLeft<'_>,
    back: &'b Backend,
    line: Line,
    give_up: Option<Instant>,
) -> Result<Option<Slot<'b>>, Ending> {
    let mut waiting = back.balance.wait(line, stream.priority);
    let session = stream.session;
    session.sight.turn(Stage::Queue);
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(called) = Pin::new(&mut waiting).poll(cx) {
            return Poll::Ready(Ok(called));
        }
        if has_left(cx) {
            return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Queue)));
        }
        session.poll_end(cx, give_up, QUEUE_TIMEOUT).map(Err)
    })
    .await;
    let position = waiting.leave();
    match line {
        Line::Backend => stream.queue_positions.1 = position,
        Line::Server { .. } => stream.queue_positions.0 = position,
    }
    if outcome.is_err() {
        stream.times.assigned = stream.times.assigned.or_else(|| Some(Instant::now()));
    }
    match outcome? {
        Called::Slot(slot) => Ok(Some(slot)),
        Called::Again => Ok(None),
    }
}

/// `maxqueue` is reached.
fn queue_is_full(back: &Backend, index: usize) -> bool {
    back.balance.servers().get(index).is_some_and(|s| s.queue_is_full())
}

/// Where a server's queue is full, `option redispatch` lets another server take the request, once.
fn leave_full_queue(
    stream: &mut Stream<'_>,
    back: &Backend,
    index: usize,
    avoid: &mut Option<usize>,
) -> Result<(), Ending> {
    if back.redispatch == 0 || avoid.is_some() {
        stream.server = back.balance.server(index);
        return Err(QUEUE_FULL);
    }
    *avoid = Some(index);
    stream.redispatched = true;
    stream.presented.redispatched();
    Ok(())
}

/// What the choice came to.
enum Choice {
    /// The one that this request goes to whatever balancing says, even if it must be waited for.
    Bound(usize),
    /// The one that balancing names.
    Balanced(usize),
    /// The first that has room.
    AnyFree,
}

fn choose(
    stream: &Stream<'_>,
    back: &Backend,
    attempts: &Attempts<'_>,
    avoid: Option<usize>,
) -> Result<Choice, Ending> {
    let up = |index: &usize| back.balance.servers().get(*index).is_some_and(|s| s.is_up());
    if let Some(again) = attempts.stick().filter(up) {
        return Ok(Choice::Bound(again));
    }
    if avoid.is_none() {
        let forced = |index: &usize| stream.guidance == Guidance::Forced || up(index);
        let rdp = rdp_server(stream, back).filter(|i| back.persist || up(i));
        if let Some(index) = rdp {
            return Ok(Choice::Bound(index));
        }
        if let Some(index) =
            stream.presented.server.filter(forced).or_else(|| use_server(stream, back).filter(up))
        {
            return Ok(Choice::Bound(index));
        }
        let last =
            stream.session.last_server.get().filter(|(b, _)| *b == back.index && back.prefer_last_server);
        if let Some((_, index)) = last.filter(|(_, i)| takes_again(back, *i)) {
            return Ok(Choice::Bound(index));
        }
    }
    let ask = Ask { hash: back.key.hash(stream, back.hashing), avoid, rand: stream.worker.random() };
    match back.balance.pick(&ask) {
        Picked::Server(index) => Ok(Choice::Balanced(index)),
        Picked::Full => Ok(Choice::AnyFree),
        Picked::None => Err(NO_SERVER),
    }
}

/// Whether a client should go on with the server it had last: one without room only as long as its queue is no longer
/// than `max-keep-alive-queue`.
fn takes_again(back: &Backend, index: usize) -> bool {
    back.balance.servers().get(index).is_some_and(|s| {
        let short = back.max_keep_alive_queue.is_none_or(|most| s.queued() < most);
        s.is_usable() && (short || !s.saturated(back.balance.load()))
    })
}

/// The server whose address the RDP cookie holds.
fn rdp_server(stream: &Stream<'_>, back: &Backend) -> Option<usize> {
    let cookie = back.rdp_persist.as_ref()?.eval(stream)?;
    let address = persist::rdp_address(&cookie.to_str()?)?;
    let servers = back.balance.servers();
    servers.iter().find(|s| s.is_at(address)).map(|s| s.facts.index)
}

fn use_server(stream: &Stream<'_>, back: &Backend) -> Option<usize> {
    let rule = back.use_servers.iter().find(|r| r.cond.as_ref().is_none_or(|c| c.holds(stream)))?;
    match &rule.target {
        UseServerTarget::Server(index) => Some(*index),
        UseServerTarget::Dynamic(format) => {
            let mut name = Vec::new();
            format.write(stream, &mut name);
            let servers = back.balance.servers();
            servers.iter().find(|s| s.facts.name.as_bytes() == name).map(|s| s.facts.index)
        }
    }
}
