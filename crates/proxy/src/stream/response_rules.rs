//! The rules that a response meets: `tcp-response content`, `http-response`, and `http-after-response`.

use super::decided::act;
use super::{After, Flow, Stream, answer};
use crate::back::{Checkout, Failure};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::rules::{self, Decision, HttpRule, Message};
use config::model::ProxyKind;

/// `tcp-response content` rules in HTTP mode: they see the connection, and nothing of the response yet.
pub(super) fn inspect(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
) -> Result<Option<After>, Failure> {
    let Some(back) = stream.back.filter(|back| !back.tcp_response.is_empty()) else { return Ok(None) };
    let decision = rules::run_tcp(&back.tcp_response, 0, true, stream);
    stream.session.mark_packets(exchange.link);
    stream.ending = match decision {
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_) => return Ok(None),
        rules::TcpDecision::Close => {
            return Err(Failure::finally(Ending::new(Cause::ServerAbort, Phase::Headers)));
        }
        rules::TcpDecision::Reject | rules::TcpDecision::SilentDrop(_) => {
            Ending::new(Cause::Proxy, Phase::Data)
        }
    };
    Ok(Some(match decision {
        rules::TcpDecision::SilentDrop(ttl) => After::SilentDrop(ttl),
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_)
        | rules::TcpDecision::Close
        | rules::TcpDecision::Reject => After::Close,
    }))
}

/// `http-response` rules: the backend's, then the frontend's.
pub(super) async fn run(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    checkout: &mut Checkout<'_>,
) -> Result<Flow, Ending> {
    let back = stream.back.filter(|b| b.kind != ProxyKind::Listen);
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
                    checkout.buffer_body(stream, time, least).await?;
                    from = next;
                }
                Decision::Pause(time, next) => {
                    answer::hold(stream, exchange, time, Phase::Headers).await?;
                    from = next;
                }
                decision => {
                    // What the client gets is not the server's response: there is no time of one (HAProxy's log lines).
                    stream.times.response = None;
                    let after = act(stream, exchange, decision).await?;
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
    let back = stream.back.filter(|b| b.kind != ProxyKind::Listen).map(|b| &b.rules.after_response[..]);
    for set in [back.unwrap_or_default(), &front.rules.after_response] {
        if !set.is_empty() {
            rules::run_http(set, 0, Message::Response, stream);
        }
    }
}
