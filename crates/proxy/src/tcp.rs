//! `mode tcp`: the order of the steps for a connection whose bytes are not HTTP: inspect, route, assign, connect,
//! carry, log.

mod response;

use crate::assign;
use crate::back::{self, Attempts};
use crate::deadline::after;
use crate::ending::{Cause, Ending, Phase};
use crate::link::Link;
use crate::plan::Backend;
use crate::roster::Stage;
use crate::route;
use crate::rules::{TcpDecision, TcpRule, run_tcp};
use crate::session::Session;
use crate::stream::Stream;
use crate::tally::Carrying;
use crate::tunnel::Tunnel;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of the beginning that rules may look at.
const INSPECT_MAX: usize = 16 * 1024;

/// What happens to the client's connection.
enum Close {
    Orderly,
    Abort,
    Silent(Option<u32>),
    /// It goes on as HTTP.
    Switch,
}

/// Serves one connection. One that turns out to be HTTP is given back.
pub async fn run(session: &Session, mut link: Box<Link>) -> Option<Box<Link>> {
    let mut stream = Stream::new(session);
    stream.times.idle_from = session.accepted;
    stream.times.request = Some(session.worker.now());
    session.sight.begin(session.worker.now());
    let close = match steps(&mut stream, &mut link).await {
        Ok(close) => close,
        Err(ending) => {
            stream.ending = ending;
            Close::Abort
        }
    };
    if matches!(close, Close::Switch) {
        return Some(link);
    }
    let close = seen(close, &stream, &mut link).await;
    let nothing = stream.bytes_read == 0 && stream.bytes_uploaded == 0 && stream.server.is_none();
    if !(session.front.dontlognull && nothing && stream.ending.cause == Cause::ClientAbort) {
        stream.log();
    }
    match close {
        Close::Orderly | Close::Switch => {}
        Close::Abort => link.abort(),
        Close::Silent(ttl) => link.silent_drop(ttl),
    }
    None
}

/// A reset is for a client that could take what it has for the whole. One that was sent nothing sees an end, as with
/// HAProxy, unless it was silent itself for too long; what it said is read first, for the system answers with a reset
/// where bytes were left unread.
async fn seen(close: Close, stream: &Stream<'_>, link: &mut Link) -> Close {
    match close {
        Close::Abort if stream.bytes_read == 0 && stream.ending.cause != Cause::ClientTimeout => {
            glance(link).await;
            Close::Orderly
        }
        Close::Abort | Close::Orderly | Close::Silent(_) | Close::Switch => close,
    }
}

async fn steps(stream: &mut Stream<'_>, link: &mut Link) -> Result<Close, Ending> {
    let front = stream.front;
    if !front.tcp_content.is_empty() || !front.routes.is_empty() {
        glance(link).await;
    }
    if let Some(close) = inspect(stream, link, &front.tcp_content, front.inspect_delay).await? {
        return Ok(close);
    }
    lend(stream, link);
    let routed = route::backend(stream);
    take_back(stream, link);
    let Some(back) = routed else { return Err(route::NOWHERE) };
    if back.http {
        // manual, section 4: a backend of that mode makes HTTP of the connection
        return Ok(Close::Switch);
    }
    stream.enter_backend(back);
    stream.make_unique_id();
    if let Some(back) = stream.other_half()
        && let Some(close) = inspect(stream, link, &back.tcp_content, back.inspect_delay).await?
    {
        return Ok(close);
    }
    carry(stream, link, back).await
}

/// Reads what has already arrived, without waiting: it is there for rules and routes that do not wait either, as with
/// HAProxy. What fails here fails again where it counts.
async fn glance(link: &mut Link) {
    for _ in 0..2 {
        let read = poll_fn(|cx| Poll::Ready(link.poll_fill(cx).is_ready())).await;
        if read {
            return;
        }
        // a fresh socket is known to be readable only once the runtime has looked
        tokio::task::yield_now().await;
    }
}

/// Shows what the client has sent so far to conditions: content rules, the choice of a backend and of a server.
fn lend(stream: &mut Stream<'_>, link: &mut Link) {
    stream.payload = std::mem::take(&mut link.input);
}

/// Ends [`lend`]. What arrived meanwhile follows what was lent.
fn take_back(stream: &mut Stream<'_>, link: &mut Link) {
    let later = std::mem::replace(&mut link.input, std::mem::take(&mut stream.payload));
    if !later.is_empty() {
        link.input.push(later.data());
    }
}

/// Runs content rules, waiting for the client's first bytes as long as they may still change the outcome.
async fn inspect(
    stream: &mut Stream<'_>,
    link: &mut Link,
    rules: &[TcpRule],
    delay: Option<Duration>,
) -> Result<Option<Close>, Ending> {
    if rules.is_empty() {
        return Ok(None);
    }
    let give_up = after(Instant::now(), Some(delay.unwrap_or(Duration::ZERO)));
    let mut last_chance = delay.is_none();
    loop {
        lend(stream, link);
        last_chance |= link.ended() || stream.payload.len() >= INSPECT_MAX;
        stream.payload_complete = last_chance;
        let decision = run_tcp(rules, 0, last_chance, stream);
        take_back(stream, link);
        stream.session.mark_packets(link);
        match decision {
            TcpDecision::Accept | TcpDecision::ExpectProxy(_) => return Ok(None),
            TcpDecision::SwitchMode => return Ok(Some(Close::Switch)),
            TcpDecision::Reject | TcpDecision::Close => {
                stream.ending = Ending::new(Cause::Proxy, Phase::Request);
                return Ok(Some(Close::Abort));
            }
            TcpDecision::SilentDrop(ttl) => {
                stream.ending = Ending::new(Cause::Proxy, Phase::Request);
                return Ok(Some(Close::Silent(ttl)));
            }
            TcpDecision::Wait if last_chance => return Ok(None),
            TcpDecision::Wait => {}
        }
        let session = stream.session;
        last_chance = poll_fn(|cx| {
            match link.poll_fill(cx) {
                Poll::Ready(Ok(n)) => return Poll::Ready(Ok(n == 0)),
                Poll::Ready(Err(_)) => {
                    return Poll::Ready(Err(Ending::new(Cause::ClientAbort, Phase::Request)));
                }
                Poll::Pending => {}
            }
            let killed = session.sight.is_killed();
            let late = Ending::new(Cause::Proxy, Phase::Request);
            session.poll_end(cx, give_up, late).map(|ending| if killed { Err(ending) } else { Ok(true) })
        })
        .await?;
    }
}

async fn carry<'s>(
    stream: &mut Stream<'s>,
    link: &mut Link,
    back: &'s Arc<Backend>,
) -> Result<Close, Ending> {
    let mut attempts = Attempts::new(stream, back);
    loop {
        lend(stream, link);
        let mut has_left = |cx: &mut Context<'_>| back.abortonclose && link.poll_gone(cx).is_ready();
        let assigned = assign::server(stream, &mut has_left, back, &attempts).await;
        let sni = assigned.as_ref().ok().and_then(|a| back::server_name(stream, a.server()));
        take_back(stream, link);
        let assigned = assigned?;
        let server = assigned.server();
        let header = back::proxy_header(stream, &server.target);
        let names = (sni.as_deref(), header.as_deref());
        let mut has_left = |cx: &mut Context<'_>| back.abortonclose && link.poll_gone(cx).is_ready();
        match back::open(stream, back, server, names, &mut has_left).await {
            Ok(mut server) => {
                back::learn(stream, &mut server);
                stream.times.connected = Some(stream.worker.tick());
                assigned.connected();
                stream.session.sight.turn(Stage::Data);
                let fin = stream.front.timeouts.client_fin;
                let mut tunnel =
                    Tunnel::new(stream.timeouts.client, stream.timeouts.server, stream.timeouts.tunnel)
                        .with_fin(fin, back.timeouts.server_fin)
                        .with_independent(stream.front.independent, back.independent)
                        .with_carrying(Carrying::of(stream))
                        .with_splice(stream.worker, stream.front, back);
                let watch = &assigned.watch;
                if stream.front.log.asap {
                    stream.log_asap();
                }
                let judged =
                    response::inspect(stream, link, &mut server, &mut tunnel, back, || watch.shut_down());
                if let Some(close) = judged.await {
                    return Ok(close);
                }
                let carried = tunnel.run(stream.session, link, &mut server, || watch.shut_down()).await;
                stream.bytes_uploaded += carried.up;
                stream.bytes_read += carried.down;
                stream.counted = carried.counted;
                stream.ending = carried.ending;
                let orderly = carried.ending == Ending::default();
                return Ok(if orderly { Close::Orderly } else { Close::Abort });
            }
            Err(failure) => {
                assigned.report(&failure);
                let mut has_left = |cx: &mut Context<'_>| back.abortonclose && link.poll_gone(cx).is_ready();
                attempts.again_tcp(stream, failure, &mut has_left).await?;
            }
        }
    }
}
