//! HTTP/1 towards the client: waits for requests, reads their heads, lends `stream` an [`Exchange`] for each, and
//! decides whether the connection lives on.

use super::room;
use crate::deadline::{after, earliest};
use crate::ending::{Cause, Ending, Phase};
use crate::link::Link;
use crate::log::size;
use crate::session::Session;
use crate::stream::{self, After, Stream};
use crate::transfer::Transfer;
use config::model::ConnectionMode;
use http::h1::{self, Complete, Framing, Parsed};
use http::message::is_bodyless;
use http::{Method, Request, Response, Spelling, Version};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection at rest stays once a soft stop is on, in case that its client sends another request.
const LAST_REQUEST: Duration = Duration::from_secs(3);
/// After a response that ends the connection while the client still sends, this much is read and thrown away so that
/// the response is not lost to a reset (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 256 * 1024;
/// And for no longer than this.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// One request and where its response goes.
pub struct Exchange<'a> {
    /// The client's connection.
    pub link: &'a mut Link,
    /// How the request's body is delimited.
    pub body: Framing,
    /// The request's body on its way to the server.
    pub upload: Transfer,
    /// Body bytes have left; sending the request again would need them once more.
    pub body_spent: bool,
    /// The request waits for 100 (Continue).
    pub expect_continue: bool,
    /// The request asks for another protocol.
    pub upgrade: bool,
    /// The connection ends after this exchange.
    pub close: bool,
    /// A response's head has been written.
    pub responded: bool,
    version: Version,
    keep_alive_10: bool,
    for_proxy: bool,
    /// The client's own, whatever rules made of it.
    method: Method,
    /// How this client needs header names.
    spelling: Option<&'a Spelling>,
}

impl Exchange<'_> {
    /// Whether 1xx responses may be sent: HTTP/1.0 does not know them (RFC 9110 section 15.2).
    pub fn takes_interim(&self) -> bool {
        self.version != Version::H10
    }

    /// Writes a 1xx response.
    pub fn send_interim(&mut self, head: &Response) {
        if self.takes_interim() {
            h1::write_response(head, Framing::None, self.spelling, self.link.output());
        }
    }

    /// Rules say by `connection: close` that this response is the connection's last.
    pub fn heed(&mut self, head: &mut Response) {
        self.close |= h1::take_persistence(head);
    }

    /// Writes the response's head with the framing that this client gets for a body that comes as `body` says.
    /// Returns that framing.
    pub fn send_head(&mut self, head: &mut Response, body: Framing) -> Framing {
        let framing = self.framing(body);
        if framing == Framing::UntilClose {
            self.close = true;
        }
        if self.close {
            self.link.write_last();
            self.say(head, b"close");
        } else if self.version == Version::H10 && self.keep_alive_10 {
            self.say(head, b"keep-alive");
        }
        self.responded = true;
        h1::write_response(head, framing, self.spelling, self.link.output());
        framing
    }

    /// Tells the client what becomes of its connection.
    fn say(&self, head: &mut Response, option: &[u8]) {
        head.fields.push(b"connection", option);
        if self.for_proxy {
            head.fields.push(b"proxy-connection", option);
        }
    }

    /// Whether a body goes to this client behind a head with `status`. Where it asked for HEAD there is none, and none
    /// follows some statuses, whatever rules made of either: the bytes would pass for the next response.
    pub fn takes_body(&self, status: u16) -> bool {
        self.method != Method::Head && !is_bodyless(status)
    }

    /// Whether a tunnel begins behind a response that grants it: only for who asked for one. Anybody else's next bytes are
    /// a request, which meets rules.
    pub fn asks_tunnel(&self) -> bool {
        self.method == Method::Connect
    }

    fn framing(&self, body: Framing) -> Framing {
        match body {
            Framing::Chunked | Framing::UntilClose if self.method == Method::Head => Framing::None,
            Framing::Chunked | Framing::UntilClose if self.version == Version::H10 => Framing::UntilClose,
            Framing::UntilClose => Framing::Chunked,
            Framing::None | Framing::Length(_) | Framing::Chunked => body,
        }
    }

    /// Writes the head behind which a tunnel begins, as it stands.
    pub fn send_switch(&mut self, head: &Response) {
        self.responded = true;
        self.close = true;
        h1::write_response(head, Framing::None, self.spelling, self.link.output());
    }

    /// Writes a whole reply of our own.
    pub fn send_reply(&mut self, head: &mut Response, body: &[u8]) {
        self.heed(head);
        let bodyless = is_bodyless(head.status);
        let framing = if bodyless { Framing::None } else { Framing::Length(body.len() as u64) };
        self.send_head(head, framing);
        if self.takes_body(head.status) {
            self.link.output().extend_from_slice(body);
        }
    }

    /// Whether the client left before its request was whole, or, where that counts too (`option abortonclose`), behind
    /// it. An error: it reset the connection, so that nobody is there to be told anything.
    pub fn poll_left(
        &mut self,
        cx: &mut Context<'_>,
        abortonclose: bool,
    ) -> Poll<Result<(), crate::link::LinkError>> {
        let whole = self.upload.is_drained() || self.upload.is_finished();
        if whole && !abortonclose {
            return Poll::Pending;
        }
        let gone = ready!(self.link.poll_gone(cx));
        if abortonclose || !self.upload.has_end(self.link) { Poll::Ready(gone) } else { Poll::Pending }
    }

    /// Sends what waits.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), crate::link::LinkError>> {
        self.link.poll_flush(cx)
    }
}

/// Serves requests until the connection ends.
pub async fn run(session: &Rc<Session>, mut link: Box<Link>) {
    let mut idle_from = session.worker.now();
    loop {
        match wait_for_request(session, &mut link, idle_from).await {
            Waited::Bytes => {}
            Waited::Silence => {
                if session.requests.get() == 0 {
                    Box::pin(first_request_missing(session, &mut link, Cause::ClientTimeout, idle_from))
                        .await;
                }
                return Box::pin(close(&mut link, false)).await;
            }
            Waited::Closed => {
                if session.requests.get() == 0 {
                    Box::pin(first_request_missing(session, &mut link, Cause::ClientAbort, idle_from)).await;
                }
                return;
            }
            Waited::Stopping => return Box::pin(close(&mut link, false)).await,
        }
        let after;
        (after, link) = room::run(session, link, idle_from).await;
        session.requests.set(session.requests.get().saturating_add(1));
        match after {
            After::KeepAlive => {}
            After::Close => return Box::pin(close(&mut link, false)).await,
            After::Linger => return Box::pin(close(&mut link, true)).await,
            After::Abort => return link.abort(),
            After::SilentDrop(ttl) => return link.silent_drop(ttl),
        }
        idle_from = session.worker.now();
    }
}

enum Waited {
    Bytes,
    Silence,
    Closed,
    Stopping,
}

/// Waits for the first byte of the next request.
async fn wait_for_request(session: &Session, link: &mut Link, idle_from: Instant) -> Waited {
    let timeouts = &session.front.timeouts;
    let timeout = if session.requests.get() == 0 {
        timeouts.http_request.or(timeouts.client)
    } else {
        timeouts.http_keep_alive.or(timeouts.http_request).or(timeouts.client)
    };
    let give_up = after(idle_from, timeout);
    poll_fn(|cx| {
        // Pipelined bytes are already here; the response before them leaves together with theirs.
        if !link.input.is_empty() {
            return Poll::Ready(Waited::Bytes);
        }
        if let Poll::Ready(Err(_)) = link.poll_flush(cx) {
            return Poll::Ready(Waited::Closed);
        }
        match link.poll_fill(cx) {
            Poll::Ready(Ok(n)) if n > 0 => return Poll::Ready(Waited::Bytes),
            Poll::Ready(_) => return Poll::Ready(Waited::Closed),
            Poll::Pending => {}
        }
        let leave = leave_at(session);
        let late = Ending::new(Cause::ClientTimeout, Phase::Request);
        session.poll_end(cx, earliest(give_up, leave), late).map(|ending| {
            let left = ending != late || leave.is_some_and(|at| at <= Instant::now());
            if left { Waited::Stopping } else { Waited::Silence }
        })
    })
    .await
}

/// When a connection at rest is closed because of a soft stop. A request that is on its way when the connection closes
/// is lost, so that it stays for a while: the next response says `Connection: close`, and whoever stays silent for so
/// long has to cope with the end of a connection anyway.
fn leave_at(session: &Session) -> Option<Instant> {
    let since = session.worker.stopping_since().filter(|_| !session.front.idle_close_on_response)?;
    Some(since + LAST_REQUEST)
}

/// A connection that ended before a request counts as one that failed and is logged (`CR`, `cR`), unless options call
/// that normal.
async fn first_request_missing(session: &Session, link: &mut Link, cause: Cause, idle_from: Instant) {
    if session.front.ignore_probes {
        return;
    }
    let mut stream = Stream::new(session);
    stream.times.idle_from = idle_from;
    stream.ending = match cause {
        Cause::ClientAbort => HEAD_CUT_SHORT,
        cause => Ending::new(cause, Phase::Request),
    };
    refuse(&mut stream, link).await;
    if session.front.dontlognull { stream.end() } else { stream.log() }
}

fn lend<'a>(
    session: &'a Session,
    link: &'a mut Link,
    request: Option<(&Complete, &Request)>,
) -> Exchange<'a> {
    let (complete, request) = request.unzip();
    // the frontend's option alone closes clients' connections (manual, "option httpclose")
    let once = session.front.connection_mode == ConnectionMode::Close;
    Exchange {
        link,
        body: complete.map_or(Framing::None, |c| c.body),
        upload: complete.map_or_else(Transfer::none, |c| Transfer::body(c.body, c.body)),
        body_spent: false,
        expect_continue: complete.is_some_and(|c| c.expect_continue),
        upgrade: complete.is_some_and(|c| c.upgrade),
        close: once || complete.is_none_or(|c| c.close),
        responded: false,
        version: request.map_or(Version::H11, |r| r.version),
        keep_alive_10: complete.is_some_and(|c| c.keep_alive_10),
        for_proxy: request.is_some_and(|r| r.for_proxy),
        method: request.map_or(Method::Get, |r| r.method),
        spelling: session.front.spelling.as_deref(),
    }
}

/// Reads a request and has it served.
pub(super) async fn exchange(session: &Session, link: &mut Link, idle_from: Instant) -> After {
    let mut stream = Stream::new(session);
    stream.times.idle_from = idle_from;
    stream.times.first_byte = Some(session.worker.tick());
    match read_head(&mut stream, link).await {
        Ok(complete) => {
            stream.begin(&complete);
            let mut exchange = lend(session, link, Some((&complete, &stream.request)));
            stream::serve(&mut stream, &mut exchange).await
        }
        Err(ending) => Box::pin(no_request(stream, link, ending)).await,
    }
}

/// What came was no request.
async fn no_request(mut stream: Stream<'_>, link: &mut Link, ending: Ending) -> After {
    stream.ending = ending;
    refuse(&mut stream, link).await;
    stream.log();
    After::Linger
}

/// Counts what was no request, and answers it as its ending says.
async fn refuse(stream: &mut Stream<'_>, link: &mut Link) {
    stream.count_request();
    let mut exchange = lend(stream.session, link, None);
    stream::answer_error(stream, &mut exchange);
    let _ = poll_fn(|cx| exchange.poll_flush(cx)).await;
}

/// How long a request is waited for: `timeout http-request` for all of it, else `timeout client` from byte to byte
/// (manual, "timeout http-request").
pub struct Patience {
    /// Until then.
    pub until: Option<Instant>,
    /// How much longer from the next bytes on.
    each: Option<Duration>,
}

impl Patience {
    /// From now on; `time` where a rule says how long.
    pub fn new(session: &Session, time: Option<Duration>) -> Patience {
        let timeouts = &session.front.timeouts;
        let whole = time.or(timeouts.http_request);
        let each = if whole.is_none() { timeouts.client } else { None };
        Patience { until: after(session.worker.now(), whole.or(each)), each }
    }

    /// Bytes came.
    pub fn renew(&mut self, now: Instant) {
        if self.each.is_some() {
            self.until = after(now, self.each);
        }
    }
}

/// The client left before its request's head was whole.
const HEAD_CUT_SHORT: Ending = Ending::new(Cause::ClientAbort, Phase::Request).with_status(400);

/// Reads until the head is whole.
async fn read_head(stream: &mut Stream<'_>, link: &mut Link) -> Result<Complete, Ending> {
    let session = stream.session;
    let mut patience = Patience::new(session, None);
    let mut scanned = 0;
    loop {
        let input = link.input.data();
        let parsed = h1::parse_request(input, &mut scanned, &session.front.limits, &mut stream.request);
        // A body that is broken from the start makes it no request: no server hears of it, as with HAProxy.
        let parsed = parsed.and_then(|parsed| match parsed {
            Parsed::Complete(Complete { head_len, body: Framing::Chunked, .. }) => {
                h1::check_chunks(input, head_len).map(|()| parsed)
            }
            Parsed::Complete(_) | Parsed::Partial => Ok(parsed),
        });
        match parsed {
            Ok(Parsed::Complete(complete)) => {
                link.input.consume(complete.head_len);
                stream.bytes_uploaded += size::request(&stream.request);
                return Ok(complete);
            }
            Ok(Parsed::Partial) => {}
            Err(reject) => {
                session.front.invalid.keep(stream, link.input.data(), reject);
                return Err(Ending::bad_request(reject.status));
            }
        }
        poll_fn(|cx| {
            match link.poll_fill(cx) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    patience.renew(session.worker.tick());
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(_) => return Poll::Ready(Err(HEAD_CUT_SHORT)),
                Poll::Pending => {}
            }
            session.poll_end(cx, patience.until, Ending::new(Cause::ClientTimeout, Phase::Request)).map(Err)
        })
        .await?;
    }
}

/// Ends a connection. `linger`: the client may still be sending, so its bytes are read and dropped for a moment.
async fn close(link: &mut Link, linger: bool) {
    let until = Instant::now() + LINGER_TIME;
    let mut deadline = crate::deadline::Deadline::default();
    let mut dropped = 0;
    let mut shut = false;
    poll_fn(|cx| {
        if !shut {
            match link.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        if shut && !linger {
            return Poll::Ready(());
        }
        while shut && dropped < LINGER_BYTES {
            match link.poll_fill(cx) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    dropped += n;
                    link.input.reset();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if dropped >= LINGER_BYTES {
            return Poll::Ready(());
        }
        deadline.poll(cx, Some(until))
    })
    .await;
}
