//! HTTP/1 towards the server: sends the request, reads the response's head, moves bodies both ways.

use super::Connection;
use super::attempts::{Attempts, Failure, FailureKind};
use crate::assign::Watch;
use crate::deadline::{after, earliest};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::link::LinkError;
use crate::log::size;
use crate::plan::Backend;
use crate::roster::Stage;
use crate::stream::{After, Stream};
use crate::tally::Carrying;
use crate::transfer::{Transfer, TransferError};
use crate::worker::Worker;
use config::model::{ConnectionMode, HttpReuse};
use http::h1::{self, Complete, Framing, Parsed};
use http::message::is_bodyless;
use http::{Method, Response};
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// 1xx responses accepted before the final one; a server that sends more is broken.
const INTERIM_MAX: u32 = 32;

/// `http-response wait-for-body` has waited in vain; the letters and the status are HAProxy's.
const BODY_LATE: Ending = Ending::new(Cause::ServerTimeout, Phase::Request).with_status(504);

/// A server connection for the length of one exchange.
pub struct Checkout<'s> {
    pub(super) connection: Box<Connection>,
    pub(super) back: &'s Backend,
    pub(super) watch: Watch,
    /// It must not be shared with other sessions.
    pub(super) private: bool,
    /// The response's body on its way to the client.
    pub(super) download: Transfer,
    /// The server no longer reads: the rest of the request goes nowhere.
    pub(super) deaf: bool,
}

impl Checkout<'_> {
    /// Whether the connection serves further requests after this one, as far as options say.
    fn is_kept(&self, stream: &Stream<'_>) -> bool {
        [stream.front.connection_mode, self.back.connection_mode] == [ConnectionMode::KeepAlive; 2]
    }

    /// Writes the request's head, and of its body what was buffered.
    pub fn send_request(&mut self, stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) {
        let whole = stream.body.complete;
        let framing = match exchange.body {
            Framing::None => Framing::None,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose if whole => {
                Framing::Length(stream.body.bytes.len() as u64)
            }
            framing @ (Framing::Length(_) | Framing::Chunked | Framing::UntilClose) => framing,
        };
        let upgrade = exchange.upgrade;
        h1::strip_hop_by_hop_request(&mut stream.request, upgrade);
        if !self.is_kept(stream) && !self.back.pretend_keepalive && !upgrade {
            stream.request.fields.push(b"connection", b"close");
            if stream.request.for_proxy {
                stream.request.fields.push(b"proxy-connection", b"close");
            }
        }
        if let (Some(name), Some(server)) = (&self.back.name_header, &stream.server) {
            stream.request.fields.set(name, server.facts.name.as_bytes());
        }
        exchange.upload.leave_as(framing);
        exchange.upload.drop_trailers(self.back.drop_trailers);
        let wanted = stream.front.splice_request.and(self.back.splice_request);
        exchange.upload.splice_by(wanted, &stream.worker.pipes);
        let out = self.connection.link.output();
        h1::write_request(&stream.request, framing, self.back.spelling.as_deref(), out);
        if !stream.body.bytes.is_empty() {
            if framing == Framing::Chunked {
                h1::write_chunk_start(stream.body.bytes.len(), out);
            }
            out.extend_from_slice(&stream.body.bytes);
            if framing == Framing::Chunked {
                h1::write_chunk_end(out);
            }
        }
    }

    /// Sends what is left of the request while waiting for the response's head; 1xx responses pass on the way.
    pub async fn response_head(
        &mut self,
        stream: &mut Stream<'_>,
        exchange: &mut Exchange<'_>,
        attempts: &Attempts<'_>,
    ) -> Result<Complete, Failure> {
        let mut scanned = 0;
        let mut interims = 0;
        let mut wait = Waiting::new(stream);
        loop {
            let parsed = {
                let method = method(stream, exchange);
                let limits = &self.back.limits;
                h1::parse_response(
                    self.connection.link.input.data(),
                    &mut scanned,
                    limits,
                    method,
                    &mut stream.response,
                )
            };
            // A body that is broken from the start makes it no response: no client hears of it, as with HAProxy.
            let parsed = parsed.and_then(|parsed| match parsed {
                Parsed::Complete(Complete { head_len, body: Framing::Chunked, .. }) => {
                    h1::check_chunks(self.connection.link.input.data(), head_len).map(|()| parsed)
                }
                Parsed::Complete(_) | Parsed::Partial => Ok(parsed),
            });
            match parsed {
                Ok(Parsed::Complete(complete)) => {
                    self.connection.link.input.consume(complete.head_len);
                    scanned = 0;
                    let status = stream.response.status;
                    if (100..200).contains(&status) && status != 101 {
                        interims += 1;
                        if interims > INTERIM_MAX {
                            return Err(Failure::new(FailureKind::Junk, Cause::Proxy, Phase::Headers));
                        }
                        self.pass_interim(stream, exchange);
                        continue;
                    }
                    if status == 101 && !(complete.upgrade && exchange.upgrade) {
                        return Err(Failure::new(FailureKind::Junk, Cause::Proxy, Phase::Headers));
                    }
                    if attempts.retries_status(status, stream) && !exchange.body_spent {
                        return Err(Failure::new(FailureKind::Status(status), Cause::Normal, Phase::Done));
                    }
                    stream.has_response = true;
                    stream.server_status = Some(status);
                    self.download = Transfer::body(complete.body, complete.body);
                    stream.bytes_read += size::response(&stream.response);
                    stream.times.response = Some(stream.worker.now());
                    return Ok(complete);
                }
                Ok(Parsed::Partial) => {}
                Err(reject) => {
                    self.back.invalid.keep(stream, self.connection.link.input.data(), reject);
                    return Err(Failure::new(FailureKind::Junk, Cause::Proxy, Phase::Headers));
                }
            }
            poll_fn(|cx| self.poll_more_head(cx, stream, exchange, &mut wait)).await?;
        }
    }

    fn pass_interim(&mut self, stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) {
        h1::strip_hop_by_hop_response(&mut stream.response, false);
        stream.bytes_read += size::response(&stream.response);
        exchange.send_interim(&stream.response);
    }

    fn poll_more_head(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream<'_>,
        exchange: &mut Exchange<'_>,
        wait: &mut Waiting,
    ) -> Poll<Result<(), Failure>> {
        self.poll_upload(cx, stream, exchange, wait).map_err(Failure::finally)?;
        if exchange.link.has_output() && matches!(exchange.link.poll_flush(cx), Poll::Ready(Err(_))) {
            return Poll::Ready(Err(Failure::finally(Ending::new(Cause::ClientAbort, Phase::Headers))));
        }
        match self.connection.link.poll_fill(cx) {
            Poll::Ready(Ok(n)) if n > 0 => {
                wait.progress(stream.worker);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(_) => return Poll::Ready(Err(self.closed_early())),
            Poll::Pending => {}
        }
        match self.client_left(cx, exchange) {
            Poll::Ready(Ok(())) => {
                return Poll::Ready(Err(Failure::finally(Ending::new(Cause::ClientAbort, Phase::Headers))));
            }
            Poll::Ready(Err(_)) => {
                return Poll::Ready(Err(Failure::finally(Ending::new(Cause::ClientAbort, Phase::Data))));
            }
            Poll::Pending => {}
        }
        if let Some(cause) = self.watch.shut_down() {
            return Poll::Ready(Err(Failure::finally(Ending::new(cause, Phase::Headers))));
        }
        let sending = !exchange.upload.is_finished() && !self.deaf;
        let blocked = exchange.upload.waits_for_sink(&self.connection.link);
        let client_at = if sending && !blocked { after(wait.since, stream.timeouts.client) } else { None };
        let server_at = after(wait.since, stream.timeouts.server);
        let at = earliest(client_at, server_at);
        let phase = if sending && blocked { Phase::Data } else { Phase::Headers };
        // The server could answer before it has the whole request, so that both are waited for (manual 8.5, `cH`, `sH`).
        let client_first = client_at.is_some_and(|client| server_at.is_none_or(|server| client < server));
        let give_up = match client_first {
            true => Ending::new(Cause::ClientTimeout, Phase::Headers),
            false => Ending::new(Cause::ServerTimeout, phase).with_status(504),
        };
        stream.session.poll_end(cx, at, give_up).map(|ending| {
            let late = ending.cause == Cause::ServerTimeout;
            Err(Failure {
                ending,
                kind: if late { FailureKind::ResponseTimeout } else { FailureKind::Final },
            })
        })
    }

    /// Moves the request's body on. A server that stops reading may still answer.
    fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        stream: &Stream<'_>,
        exchange: &mut Exchange<'_>,
        wait: &mut Waiting,
    ) -> Result<(), Ending> {
        if self.deaf {
            return Ok(());
        }
        if exchange.upload.is_finished() {
            if self.connection.link.has_output()
                && matches!(self.connection.link.poll_flush(cx), Poll::Ready(Err(_)))
            {
                self.deaf = true;
            }
            return Ok(());
        }
        let before = exchange.upload.moved;
        let polled = exchange.upload.poll(cx, exchange.link, &mut self.connection.link);
        if exchange.upload.moved != before {
            exchange.body_spent = true;
            wait.progress(stream.worker);
        }
        match polled {
            Poll::Ready(Err(TransferError::Sink)) => self.deaf = true,
            Poll::Ready(Err(TransferError::Source)) => {
                return Err(Ending::new(Cause::ClientAbort, Phase::Data));
            }
            Poll::Ready(Err(TransferError::Framing(reject))) => {
                return Err(Ending::new(Cause::Proxy, Phase::Headers).with_status(reject.status));
            }
            Poll::Ready(Ok(())) => wait.progress(stream.worker),
            Poll::Pending => {}
        }
        Ok(())
    }

    /// `option abortonclose`: a client that has said everything and closes wants no response.
    fn client_left(&self, cx: &mut Context<'_>, exchange: &mut Exchange<'_>) -> Poll<Result<(), LinkError>> {
        match self.back.abortonclose && exchange.upload.is_finished() {
            true => exchange.link.poll_gone(cx),
            false => Poll::Pending,
        }
    }

    fn closed_early(&self) -> Failure {
        let kind = match (self.connection.link.input.is_empty(), self.connection.uses > 0) {
            (true, true) => FailureKind::Stale,
            (true, false) => FailureKind::Empty,
            (false, _) => FailureKind::Junk,
        };
        Failure::new(kind, Cause::ServerAbort, Phase::Headers)
    }

    /// Buffers the response's body for rules: at most `time`, until all of it or `least` bytes are here, and never more
    /// than a buffer.
    pub async fn buffer_body(
        &mut self,
        stream: &mut Stream<'_>,
        time: Duration,
        least: Option<u64>,
    ) -> Result<(), Ending> {
        let most = stream.worker.plan.process.bufsize;
        let wanted = least.map_or(most, |n| usize::try_from(n).unwrap_or(most).min(most));
        let give_up = after(Instant::now(), Some(time));
        let broken = Ending::new(Cause::ServerAbort, Phase::Headers).with_status(502);
        let session = stream.session;
        let body = &mut stream.response_body.bytes;
        let outcome = poll_fn(|cx| {
            loop {
                if self.download.take(&mut self.connection.link, body, most).is_err() {
                    return Poll::Ready(Err(broken));
                }
                if self.download.is_drained() || body.len() >= wanted {
                    return Poll::Ready(Ok(()));
                }
                match self.connection.link.poll_fill(cx) {
                    Poll::Ready(Ok(n)) if n > 0 => {}
                    Poll::Ready(_) if self.download.source_ended().is_ok() => {}
                    Poll::Ready(_) => return Poll::Ready(Err(broken)),
                    Poll::Pending => break,
                }
            }
            session.poll_end(cx, give_up, BODY_LATE).map(Err)
        })
        .await;
        stream.response_body.complete = self.download.is_drained();
        if outcome.is_err() {
            // what the client gets instead is not the server's response
            stream.times.response = None;
        }
        outcome
    }

    /// Counts what has come of a body that nobody gets.
    pub fn count_rest(&mut self, stream: &mut Stream<'_>) {
        let most = stream.worker.plan.process.bufsize;
        let body = &mut stream.response_body.bytes;
        // A fault in it changes nothing any more.
        let _ = self.download.take(&mut self.connection.link, body, most);
        stream.bytes_read += body.len() as u64;
    }

    /// Writes the response's head and moves its body.
    pub async fn body(
        mut self,
        stream: &mut Stream<'_>,
        exchange: &mut Exchange<'_>,
        complete: Complete,
    ) -> After {
        if stream.worker.stopping() {
            exchange.close = true;
        }
        exchange.heed(&mut stream.response);
        h1::strip_hop_by_hop_response(&mut stream.response, false);
        stream.status_logged = Some(stream.response.status);
        let takes_body = exchange.takes_body(stream.response.status);
        let told = told(&stream.response, complete.body, takes_body);
        let framing = exchange.send_head(&mut stream.response, told);
        if stream.front.log.asap {
            stream.log_asap();
        }
        let mut download = std::mem::replace(&mut self.download, Transfer::none());
        download.leave_as(framing);
        download.drop_trailers(stream.front.drop_trailers);
        if takes_body {
            send_buffered(stream, exchange, &mut download, framing);
        } else {
            download.discard();
        }
        let wanted = stream.front.splice_response.and(self.back.splice_response);
        download.splice_by(wanted, &stream.worker.pipes);
        stream.session.sight.turn(Stage::Data);
        let mut wait = Waiting::new(stream);
        let mut carrying = Carrying::of(stream);
        let result = poll_fn(|cx| {
            let polled = self.poll_body(cx, stream, exchange, &mut download, &mut wait);
            carrying.iter_mut().for_each(|c| c.carried(exchange.upload.moved, download.moved));
            polled
        })
        .await;
        stream.counted = carrying.map_or((0, 0), |carrying| carrying.counted);
        stream.bytes_read += download.moved;
        stream.spliced = (exchange.upload.spliced, download.spliced);
        if result.is_ok() && complete.body == Framing::Chunked {
            stream.bytes_read += size::END_OF_CHUNKS;
        }
        stream.bytes_uploaded += exchange.upload.moved;
        match result {
            Ok(()) => self.finished(stream, exchange, &complete),
            Err(ending) => {
                stream.ending = ending;
                // where the response is whole only the rest of the request is missing
                let shows =
                    download.is_finished() || matches!(framing, Framing::Length(_) | Framing::Chunked);
                Box::pin(broken_off(stream, exchange, shows)).await
            }
        }
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream<'_>,
        exchange: &mut Exchange<'_>,
        download: &mut Transfer,
        wait: &mut Waiting,
    ) -> Poll<Result<(), Ending>> {
        match self.poll_upload(cx, stream, exchange, wait) {
            Err(ending) if ending.cause == Cause::ClientAbort => return Poll::Ready(Err(ending)),
            // A body that makes no sense any more does not spoil the response that is already on its way.
            Err(_) => self.deaf = true,
            Ok(()) => {}
        }
        let before = download.moved;
        match download.poll(cx, &mut self.connection.link, exchange.link) {
            Poll::Ready(Ok(())) if exchange.upload.is_finished() || self.deaf => return Poll::Ready(Ok(())),
            // The response came early: its client goes on sending, and goes on with the connection behind it.
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(TransferError::Sink)) => {
                return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Data)));
            }
            Poll::Ready(Err(TransferError::Source)) => {
                return Poll::Ready(Err(Ending::new(Cause::ServerAbort, Phase::Data)));
            }
            Poll::Ready(Err(TransferError::Framing(_))) => {
                return Poll::Ready(Err(Ending::new(Cause::Proxy, Phase::Data)));
            }
            Poll::Pending => {}
        }
        if download.moved != before {
            wait.progress(stream.worker);
        }
        if self.client_left(cx, exchange).is_ready() {
            return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Data)));
        }
        if let Some(cause) = self.watch.shut_down() {
            return Poll::Ready(Err(Ending::new(cause, Phase::Data)));
        }
        let client_blocks = match download.is_finished() {
            true => !exchange.upload.waits_for_sink(&self.connection.link),
            false => download.waits_for_sink(exchange.link),
        };
        let timeout = if client_blocks { stream.timeouts.client } else { stream.timeouts.server };
        let sent = download.is_drained() && !download.is_finished();
        let phase = if sent { Phase::Last } else { Phase::Data };
        let cause = if client_blocks { Cause::ClientTimeout } else { Cause::ServerTimeout };
        let session = stream.session;
        session.sight.moved(exchange.upload.moved, download.moved);
        session.poll_end(cx, after(wait.since, timeout), Ending::new(cause, phase)).map(Err)
    }

    /// Both messages are through: the connection rests, or ends.
    fn finished(self, stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, complete: &Complete) -> After {
        let uploaded = exchange.upload.is_finished();
        let reusable = uploaded
            && !self.deaf
            && stream.request.method != Method::Connect
            && !complete.close
            && complete.body != Framing::UntilClose
            && self.is_kept(stream)
            && self.connection.link.input.is_empty()
            && !self.connection.link.ended();
        if reusable {
            self.rest(stream);
        }
        match (uploaded, exchange.close) {
            (false, _) => {
                exchange.close = true;
                After::Linger
            }
            (true, true) => After::Close,
            (true, false) => After::KeepAlive,
        }
    }

    fn rest(self, stream: &Stream<'_>) {
        let Checkout { mut connection, back, watch, private, .. } = self;
        let server = watch.into_server();
        let target = &server.target;
        connection.uses = connection.uses.saturating_add(1);
        if target.max_reuse >= 0 && connection.uses > target.max_reuse.unsigned_abs() {
            return;
        }
        // None may rest where a thread that needs its room could not end it: a session's own, another thread's.
        let beyond_reach =
            private || back.reuse == HttpReuse::Never || stream.worker.plan.process.threads > 1;
        if target.strict && beyond_reach {
            return;
        }
        if private || back.reuse == HttpReuse::Never {
            if !stream.front.keeps_private {
                return;
            }
            *stream.session.private.borrow_mut() = Some(connection);
            return;
        }
        let purge_at = stream.worker.now() + target.pool_purge;
        stream.worker.pool.borrow_mut().put(connection, server, purge_at);
    }

    /// The response is not wanted any more: the connection ends.
    pub fn abandon(self) {}

    /// After the response that opens it: bytes in both directions until both sides are done.
    pub async fn tunnel(mut self, stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> After {
        h1::strip_hop_by_hop_response(&mut stream.response, true);
        stream.status_logged = Some(stream.response.status);
        stream.session.sight.turn(Stage::Data);
        exchange.send_switch(&stream.response);
        let timeout = stream.timeouts.tunnel;
        let tunnel = crate::tunnel::Tunnel::new(stream.timeouts.client, stream.timeouts.server, timeout)
            .with_independent(stream.front.independent, self.back.independent)
            .with_carrying(Carrying::of(stream))
            .with_fin(stream.front.timeouts.client_fin, self.back.timeouts.server_fin)
            .with_splice(stream.worker, stream.front, self.back);
        let watch = self.watch.clone();
        let ended =
            tunnel.run(stream.session, exchange.link, &mut self.connection.link, || watch.shut_down()).await;
        stream.bytes_uploaded += ended.up;
        stream.bytes_read += ended.down;
        stream.counted = ended.counted;
        stream.ending = ended.ending;
        if ended.ending == Ending::default() { After::Close } else { After::Abort }
    }
}

/// What was buffered for rules goes first.
/// What the client is told of a body that comes as `body` says. Rules may have changed method or status: then none comes
/// that the client waits for, or one comes that it must not get.
fn told(response: &Response, body: Framing, takes_body: bool) -> Framing {
    match body {
        Framing::None if takes_body => Framing::Length(0),
        Framing::Length(_) | Framing::Chunked | Framing::UntilClose if is_bodyless(response.status) => {
            Framing::None
        }
        Framing::None | Framing::Length(_) | Framing::Chunked | Framing::UntilClose => body,
    }
}

/// The method that the response is read by. Who did not ask for a tunnel gets none, though a rule made CONNECT of it.
fn method(stream: &Stream<'_>, exchange: &Exchange<'_>) -> Method {
    match stream.request.method {
        Method::Connect if !exchange.asks_tunnel() => Method::Get,
        method => method,
    }
}

fn send_buffered(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    download: &mut Transfer,
    framing: Framing,
) {
    let bytes = std::mem::take(&mut stream.response_body.bytes);
    if bytes.is_empty() {
        return;
    }
    let out = exchange.link.output();
    if framing == Framing::Chunked {
        h1::write_chunk_start(bytes.len(), out);
    }
    out.extend_from_slice(&bytes);
    if framing == Framing::Chunked {
        h1::write_chunk_end(out);
    }
    download.moved += bytes.len() as u64;
}

/// A body broke off. What came of it is still the client's; that the rest is missing shows by the framing, and where
/// the end of the connection would look like the end of the body, by a reset (RFC 9112 section 8).
async fn broken_off(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, shows: bool) -> After {
    let takes_nothing = stream.ending.cause == Cause::ClientTimeout && exchange.link.has_output();
    if takes_nothing || !shows {
        return After::Abort;
    }
    exchange.close = true;
    crate::stream::flush(stream, exchange).await
}

/// Since when nothing has moved.
struct Waiting {
    since: Instant,
}

impl Waiting {
    fn new(stream: &Stream<'_>) -> Waiting {
        Waiting { since: stream.worker.now() }
    }

    fn progress(&mut self, worker: &Worker) {
        self.since = worker.tick();
    }
}
