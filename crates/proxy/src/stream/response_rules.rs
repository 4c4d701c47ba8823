//! The rules that a response meets: `tcp-response content`, `http-response`, and `http-after-response`.

use super::decided::act;
use super::{After, Flow, Stream, answer};
use crate::back::{Attempts, Checkout, Failure};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::rules::{self, Decision, HttpRule, Message};
use http::h1::Complete;
use std::time::Duration;

/// What became of waiting for a response's head.
pub(super) enum Inspected {
    /// It is here.
    Head(Complete),
    /// Rules want none of it.
    Done(After),
}

/// The response's head, past the `tcp-response content` rules. Without `inspect-delay` these see the connection and
/// nothing of the response, as with HAProxy; with it, those that have a condition see the head, or that it is late.
pub(super) async fn inspected_head(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    checkout: &mut Checkout<'_>,
    attempts: &Attempts<'_>,
) -> Result<Inspected, Failure> {
    let rules = stream.back.map_or(&[][..], |back| &back.tcp_response);
    let delay = stream.back.and_then(|back| back.response_inspect_delay);
    let (at_once, waiting) =
        rules.split_at(if delay.is_some() { rules::unconditional(rules) } else { rules.len() });
    if let Some(after) = inspect(stream, exchange, at_once)? {
        return Ok(Inspected::Done(after));
    }
    match delay.filter(|_| !waiting.is_empty()) {
        None => checkout.response_head(stream, exchange, attempts).await.map(Inspected::Head),
        Some(delay) => Box::pin(delayed_head(stream, exchange, checkout, attempts, (delay, waiting))).await,
    }
}

/// The head, and the rules that wait for it, but for no longer than `delay`.
async fn delayed_head(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    checkout: &mut Checkout<'_>,
    attempts: &Attempts<'_>,
    (delay, waiting): (Duration, &[rules::TcpRule]),
) -> Result<Inspected, Failure> {
    let head = tokio::time::timeout(delay, checkout.response_head(stream, exchange, attempts)).await;
    let head = head.ok().transpose()?;
    if let Some(after) = inspect(stream, exchange, waiting)? {
        if head.is_some() {
            checkout.count_rest(stream);
        }
        return Ok(Inspected::Done(after));
    }
    match head {
        Some(complete) => Ok(Inspected::Head(complete)),
        None => checkout.response_head(stream, exchange, attempts).await.map(Inspected::Head),
    }
}

/// Runs `tcp-response content` rules in HTTP mode.
fn inspect(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    rules: &[rules::TcpRule],
) -> Result<Option<After>, Failure> {
    if rules.is_empty() {
        return Ok(None);
    }
    let decision = rules::run_tcp(rules, 0, true, stream);
    stream.session.mark_packets(exchange.link);
    let (phase, after) = match decision {
        // what has come is passed on; the connection ends after it
        rules::TcpDecision::Close if stream.has_response => return Ok(None),
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_) => return Ok(None),
        rules::TcpDecision::Close => {
            return Err(Failure::finally(Ending::new(Cause::ServerAbort, Phase::Headers)));
        }
        rules::TcpDecision::Reject => (Phase::Data, After::Close),
        rules::TcpDecision::SilentDrop(ttl) => (Phase::Request, After::SilentDrop(ttl)),
    };
    stream.ending = Ending::new(Cause::Proxy, phase);
    if stream.has_response {
        stream.status_logged = Some(stream.response.status);
        stream.times.response = None;
    }
    Ok(Some(after))
}

/// `http-response` rules: the backend's, then the frontend's.
pub(super) async fn run(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    checkout: &mut Checkout<'_>,
) -> Result<Flow, Ending> {
    let back = stream.other_half();
    let front = stream.front;
    let sets: [Option<&[HttpRule]>; 2] = [back.map(|b| &b.rules.response[..]), Some(&front.rules.response)];
    for set in sets.into_iter().flatten().filter(|set| !set.is_empty()) {
        let mut from = 0;
        loop {
            let decision = rules::run_http(set, from, Message::Response, stream);
            stream.session.mark_packets(exchange.link);
            match decision {
                Decision::Continue => break,
                Decision::EarlyHints(_, next) => from = next,
                Decision::WaitForBody(time, least, next) => {
                    Box::pin(checkout.buffer_body(stream, time, least)).await?;
                    from = next;
                }
                Decision::Pause(time, next) => {
                    Box::pin(answer::hold(stream, exchange, time, Phase::Headers)).await?;
                    from = next;
                }
                decision => {
                    // What the client gets is not the server's response: there is no time of one (HAProxy's log lines).
                    stream.times.response = None;
                    let after = Box::pin(act(stream, exchange, decision)).await?;
                    stream.ending.phase = Phase::Headers;
                    return Ok(Flow::Done(after));
                }
            }
        }
    }
    Ok(Flow::Next)
}

/// `http-after-response` rules: they see every response, ours too, and cannot end it.
pub(super) fn after_response(stream: &mut Stream<'_>) {
    let front = stream.front;
    let back = stream.other_half().map(|b| &b.rules.after_response[..]);
    for set in [back.unwrap_or_default(), &front.rules.after_response] {
        if !set.is_empty() {
            rules::run_http(set, 0, Message::Response, stream);
        }
    }
}
