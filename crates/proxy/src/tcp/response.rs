//! `tcp-response content` rules of `mode tcp`: the server's first bytes are held back until the rules have judged them;
//! what the client sends goes on meanwhile, for many servers speak only when spoken to.

use super::{Close, INSPECT_MAX};
use crate::deadline::after;
use crate::ending::{Cause, Ending, Phase};
use crate::link::Link;
use crate::plan::Backend;
use crate::rules::{TcpDecision, run_tcp};
use crate::session::Session;
use crate::stream::Stream;
use crate::tunnel::Tunnel;
use std::future::poll_fn;
use std::task::Poll;
use tokio::time::Instant;

/// How the stream ends, where the rules end it. Without `inspect-delay` they see what is there at once, which is
/// nothing yet, as with HAProxy.
pub(super) async fn inspect(
    stream: &mut Stream<'_>,
    client: &mut Link,
    server: &mut Link,
    tunnel: &mut Tunnel,
    back: &Backend,
    killed: impl Fn() -> Option<Cause>,
) -> Option<Close> {
    if back.tcp_response.is_empty() {
        return None;
    }
    let close = match decision(stream, client, server, tunnel, back, killed).await {
        Ok(decision) => closes(stream, decision),
        Err(ending) => {
            stream.ending = ending;
            Some(Close::Abort)
        }
    };
    stream.session.mark_packets(client);
    if close.is_some() {
        stream.bytes_uploaded += tunnel.uploaded();
        stream.bytes_read += server.input.len() as u64;
    }
    close
}

/// What the rules decide once they have seen enough, or how the stream ends before.
async fn decision(
    stream: &mut Stream<'_>,
    client: &mut Link,
    server: &mut Link,
    tunnel: &mut Tunnel,
    back: &Backend,
    killed: impl Fn() -> Option<Cause>,
) -> Result<TcpDecision, Ending> {
    let give_up = after(Instant::now(), back.response_inspect_delay);
    let mut last_chance = give_up.is_none();
    loop {
        last_chance |= server.ended() || server.input.len() >= INSPECT_MAX;
        let decision = judge(stream, server, back, last_chance);
        if last_chance || decision != TcpDecision::Wait {
            return Ok(decision);
        }
        last_chance |= more(stream.session, client, server, tunnel, &killed, give_up).await?;
    }
}

/// Waits for more of the server while the client's bytes go on; whether it was the last.
async fn more(
    session: &Session,
    client: &mut Link,
    server: &mut Link,
    tunnel: &mut Tunnel,
    killed: &impl Fn() -> Option<Cause>,
    give_up: Option<Instant>,
) -> Result<bool, Ending> {
    poll_fn(|cx| {
        match server.poll_fill(cx) {
            Poll::Ready(Ok(n)) => return Poll::Ready(Ok(n == 0)),
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Ending::new(Cause::ServerAbort, Phase::Data))),
            Poll::Pending => {}
        }
        let up = tunnel.poll_up(cx, session, client, server, killed, give_up);
        up.map(|ending| ending.map_or(Ok(true), Err))
    })
    .await
}

/// How a decision ends the stream, where it does.
fn closes(stream: &mut Stream<'_>, decision: TcpDecision) -> Option<Close> {
    let close = match decision {
        TcpDecision::Accept | TcpDecision::SwitchMode | TcpDecision::ExpectProxy(_) | TcpDecision::Wait => {
            return None;
        }
        TcpDecision::Close => return Some(Close::Orderly),
        TcpDecision::Reject => Close::Abort,
        TcpDecision::SilentDrop(ttl) => Close::Silent(ttl),
    };
    stream.ending = Ending::new(Cause::Proxy, Phase::Data);
    Some(close)
}

/// Runs the rules over what the server has sent so far.
fn judge(stream: &mut Stream<'_>, server: &mut Link, back: &Backend, last_chance: bool) -> TcpDecision {
    stream.response_payload = std::mem::take(&mut server.input);
    stream.response_payload_complete = last_chance;
    let decision = run_tcp(&back.tcp_response, 0, last_chance, stream);
    server.input = std::mem::take(&mut stream.response_payload);
    decision
}
