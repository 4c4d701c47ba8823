//! Responses that we make ourselves, and waiting on the client's side: error pages, `return`, redirects, passwords,
//! the monitor, tarpits, buffering of bodies.

use super::{After, Stream, response_rules};
use crate::deadline::after;
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::{Exchange, Patience};
use crate::log::size;
use crate::reply::{ErrorPages, Filled, Reply, fill, push_length};
use crate::route;
use crate::rules::RedirectTarget as Target;
use crate::server::Server;
use crate::statistics::{Ask, Statistics};
use crate::transfer::TransferError;
use http::Response;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// Answers with a configured reply.
pub(super) async fn with(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    reply: &Reply,
) -> Result<After, Ending> {
    let mut response = std::mem::take(&mut stream.response);
    let filled = {
        let pages = pages(stream);
        fill(reply, &pages, stream, &mut response)
    };
    stream.response = response;
    Ok(send(stream, exchange, filled).await)
}

/// The error pages that apply: the backend's before the frontend's.
fn pages<'a>(stream: &'a Stream<'_>) -> Vec<&'a ErrorPages> {
    let back = stream.back.map(|b| &b.errors);
    back.into_iter().chain([&stream.front.errors]).collect()
}

/// Sends what is in `stream.response` with the body. The request's body is not waited for.
async fn send(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, filled: Filled) -> After {
    if filled.silent {
        stream.status_logged = Some(stream.response.status);
        return After::Close;
    }
    write(stream, exchange, &filled.body);
    flush(stream, exchange).await
}

fn write(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, body: &[u8]) {
    stream.has_response = true;
    // what was never a request meets no rules, in its answer either (as with HAProxy)
    if stream.has_request {
        response_rules::after_response(stream);
    }
    stream.status_logged = Some(stream.response.status);
    if body_unread(exchange) || stream.worker.stopping() {
        exchange.close = true;
    }
    exchange.link.discard_output();
    // Answers to what was no request do not count, as in HAProxy; a head that was understood has a size.
    if stream.bytes_uploaded > 0 {
        stream.bytes_read += size::reply(&stream.response, stream.request.method, body.len());
    }
    exchange.send_reply(&mut stream.response, body);
}

/// Whether the client may still be sending a body that nobody will read. One that is already here is dropped.
fn body_unread(exchange: &mut Exchange<'_>) -> bool {
    let mut dropped = Vec::new();
    let broken = exchange.upload.take(exchange.link, &mut dropped, usize::MAX).is_err();
    broken || !exchange.upload.is_drained()
}

/// Sends what waits and says how the connection goes on.
pub async fn flush(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> After {
    let give_up = after(Instant::now(), stream.timeouts.client);
    let session = stream.session;
    let sent = poll_fn(|cx| {
        if let Poll::Ready(sent) = exchange.link.poll_flush(cx) {
            return Poll::Ready(sent.is_ok());
        }
        session.poll_end(cx, give_up, Ending::default()).map(|_| false)
    })
    .await;
    match (sent, exchange.close) {
        (false, _) => After::Abort,
        (true, true) => After::Linger,
        (true, false) => After::KeepAlive,
    }
}

/// Writes the error page that belongs to the stream's ending; leaves it to the caller to flush.
pub fn answer_error(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) {
    let Some(status) = stream.ending.status() else { return };
    let reply = Reply { status, ..Reply::default() };
    let mut response = std::mem::take(&mut stream.response);
    let filled = {
        let pages = pages(stream);
        fill(&reply, &pages, stream, &mut response)
    };
    stream.response = response;
    // A request that was refused or cut short leaves nothing to stand on for a next one.
    let lost = matches!(stream.ending.phase, Phase::Request) || stream.ending.cause == Cause::ClientAbort;
    exchange.close |= lost;
    if filled.silent {
        stream.status_logged = Some(status);
    } else {
        write(stream, exchange, &filled.body);
    }
}

/// Answers with a redirect.
pub(super) async fn redirect(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    target: Target,
) -> Result<After, Ending> {
    let response = &mut stream.response;
    response.clear();
    // HAProxy calls a redirect so, and 302 otherwise in all else
    response.set_status(target.code, if target.code == 302 { b"Found" } else { b"" });
    push_length(response, 0);
    response.fields.push(b"location", &target.location);
    if target.code == 302 || target.code == 303 || target.code == 307 {
        response.fields.push(b"cache-control", b"no-cache");
    }
    if let Some(cookie) = &target.cookie {
        response.fields.push(b"set-cookie", cookie);
    }
    Ok(send(stream, exchange, Filled::default()).await)
}

/// Asks for a user name and a password; where a request is for a proxy, as a proxy does.
pub(super) async fn ask_password(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    realm: &[u8],
) -> Result<After, Ending> {
    let (status, field): (u16, &[u8]) =
        if stream.request.for_proxy { (407, b"proxy-authenticate") } else { (401, b"www-authenticate") };
    let reply = Reply { status, ..Reply::default() };
    let mut response = std::mem::take(&mut stream.response);
    let filled = {
        let pages = pages(stream);
        fill(&reply, &pages, stream, &mut response)
    };
    let mut value = b"Basic realm=\"".to_vec();
    value.extend(realm.iter().filter(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n')));
    value.push(b'"');
    response.fields.push(field, &value);
    stream.response = response;
    Ok(send(stream, exchange, filled).await)
}

/// `redir` of a server: where the client is to send a GET or HEAD itself.
pub(super) fn server_redirect(stream: &Stream<'_>, server: &Server) -> Option<Vec<u8>> {
    let prefix = server.target.redir.as_deref()?;
    let method = stream.request.method;
    let goes = matches!(method, http::Method::Get | http::Method::Head);
    goes.then(|| [prefix, stream.request.path_and_query()].concat())
}

/// Sends the client there.
pub(super) async fn redirect_to_server(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    location: Vec<u8>,
) -> Result<After, Ending> {
    stream.ending = Ending::new(Cause::Local, Phase::Request);
    redirect(stream, exchange, Target { code: 302, location, cookie: None }).await
}

/// Whether the request is for `monitor-uri`. The query counts; scheme and authority do where the URI is written with them.
pub(super) fn is_monitor(stream: &Stream<'_>) -> bool {
    let Some(uri) = &stream.front.monitor_uri else { return false };
    let asked = if uri.starts_with(b"/") { stream.request.path_and_query() } else { stream.request.target() };
    asked == &**uri
}

/// `monitor-uri`: answered before any rule.
pub(super) async fn monitor(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<After, Ending> {
    let failing = stream.front.monitor_fail.iter().any(|c| c.holds(stream));
    let status = if failing { 503 } else { 200 };
    stream.ending = Ending::new(Cause::Local, Phase::Request);
    stream.log_level.get_or_insert(None);
    with(stream, exchange, &Reply::of_status(status)).await
}

/// The statistics page: what stands on it is made on another thread and waited for here.
pub(super) async fn statistics(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    page: &Statistics,
) -> Result<After, Ending> {
    stream.statistics = true;
    stream.ending = Ending::new(Cause::Local, Phase::Request);
    let post = stream.request.method == http::Method::Post;
    let form = post.then(|| if stream.body.complete { Ok(stream.body.bytes.clone()) } else { Err(()) });
    let rest = stream.request.path_and_query().get(page.uri.len()..).unwrap_or_default().to_vec();
    let admin = page.is_admin(stream, &stream.request);
    let look = page.look.clone();
    let laid = stream.worker.plan.process.desk.lay(|reply| Ask { look, rest, form, admin, reply });
    let Some(mut made) = laid else { return Err(Ending::new(Cause::Resource, Phase::Queue)) };
    let give_up = after(Instant::now(), stream.timeouts.client);
    let session = stream.session;
    let late = Ending::new(Cause::Internal, Phase::Queue);
    let made = poll_fn(|cx| match Pin::new(&mut made).poll(cx) {
        Poll::Ready(made) => Poll::Ready(made.map_err(|_| late)),
        Poll::Pending => session.poll_end(cx, give_up, late).map(Err),
    });
    let made = made.await?;
    let response = &mut stream.response;
    response.clear();
    response.set_status(made.status, b"");
    for (name, value) in &made.fields {
        response.fields.push(name.as_bytes(), value.as_bytes());
    }
    Ok(send(stream, exchange, Filled { body: made.body, silent: false }).await)
}

/// Sends a 103 with these fields.
pub(super) async fn early_hints(exchange: &mut Exchange<'_>, fields: &[(Vec<u8>, Vec<u8>)]) {
    if fields.is_empty() {
        return;
    }
    let mut hints = Response::default();
    hints.set_status(103, b"");
    for (name, value) in fields {
        hints.fields.push(name, value);
    }
    exchange.send_interim(&hints);
    // A client that cannot take it will fail at the response itself.
    let _ = poll_fn(|cx| exchange.poll_flush(cx)).await;
}

/// Lets a client wait: in the tarpit, or where a rule pauses.
pub(super) async fn hold(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    time: Duration,
    phase: Phase,
) -> Result<(), Ending> {
    let until = after(Instant::now(), Some(time));
    let session = stream.session;
    let abortonclose = stream.back.map_or(stream.front.abortonclose, |back| back.abortonclose);
    poll_fn(|cx| {
        if exchange.poll_left(cx, abortonclose).is_ready() {
            return Poll::Ready(Err(Ending::new(Cause::ClientAbort, phase)));
        }
        let late = Ending::new(Cause::Proxy, phase);
        session.poll_end(cx, until, late).map(|ending| if ending == late { Ok(()) } else { Err(ending) })
    })
    .await
}

/// Keeps of the request's body what came with its head (manual, `req.body`: the available body).
pub(super) fn take_body(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<(), Ending> {
    let most = stream.worker.plan.process.bufsize;
    match exchange.upload.take(exchange.link, &mut stream.body.bytes, most) {
        Err(TransferError::Framing(reject)) => return Err(Ending::bad_request(reject.status)),
        Err(TransferError::Source | TransferError::Sink) | Ok(()) => {}
    }
    stream.body.complete = exchange.upload.is_drained();
    Ok(())
}

/// A body that is here within this time is kept, so that its request can be tried again (`retry-on`); a slower one is
/// sent on as it comes.
const KEEP_TIME: Duration = Duration::from_millis(200);

/// Keeps the request's body for another attempt, where it does not have to be waited or asked for.
pub(super) async fn keep_body(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<(), Ending> {
    if exchange.expect_continue {
        return Ok(());
    }
    match buffer_body(stream, exchange, Some(KEEP_TIME), None).await {
        Err(ending) if ending.cause == Cause::ClientTimeout => {
            stream.times.request = Some(stream.worker.now());
            Ok(())
        }
        kept => kept,
    }
}

/// Buffers the request's body into `stream.body`.
pub(super) async fn buffer_body(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    time: Option<Duration>,
    least: Option<u64>,
) -> Result<(), Ending> {
    let most = stream.worker.plan.process.bufsize;
    let wanted = least.map_or(most, |n| usize::try_from(n).unwrap_or(most).min(most));
    let mut patience = Patience::new(stream.session, time);
    if exchange.expect_continue && exchange.takes_interim() && !exchange.upload.is_drained() {
        let mut go_on = Response::default();
        go_on.set_status(100, b"");
        exchange.send_interim(&go_on);
        exchange.expect_continue = false;
        stream.request.fields.remove(b"expect");
    }
    let session = stream.session;
    let body = &mut stream.body.bytes;
    let outcome = poll_fn(|cx| {
        loop {
            let taken = exchange.upload.take(exchange.link, body, most);
            if let Err(TransferError::Framing(reject)) = taken {
                return Poll::Ready(Err(Ending::bad_request(reject.status)));
            }
            if exchange.upload.is_drained() || body.len() >= wanted {
                return Poll::Ready(Ok(()));
            }
            if let Poll::Ready(Err(_)) = exchange.link.poll_flush(cx) {
                return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Request)));
            }
            match exchange.link.poll_fill(cx) {
                Poll::Ready(Ok(n)) if n > 0 => patience.renew(session.worker.tick()),
                Poll::Ready(_) => return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Request))),
                Poll::Pending => break,
            }
        }
        session.poll_end(cx, patience.until, Ending::new(Cause::ClientTimeout, Phase::Request)).map(Err)
    })
    .await;
    stream.body.complete = exchange.upload.is_drained();
    let left = outcome.is_err_and(|ending| ending.cause == Cause::ClientAbort);
    if left && stream.back.is_none() {
        // lines tell where it would have gone (as with HAProxy)
        route::backend(stream).into_iter().for_each(|back| stream.enter_backend(back));
    }
    // The request is here once what rules wait for is here (HAProxy's `%TR`), or once no more comes of it.
    let is_here = outcome.is_ok() || (left && stream.back.is_some());
    stream.times.request = is_here.then(|| stream.worker.now());
    outcome
}
