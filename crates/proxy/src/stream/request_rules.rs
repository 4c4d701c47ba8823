//! The rules that a request meets, of one proxy at a time: `tcp-request content`, `http-request`, `redirect`, and the page
//! that `stats` rules ask for.

use super::decided::act;
use super::{After, Flow, Stream, answer};
use crate::ending::{Ending, Phase};
use crate::front::h1::Exchange;
use crate::plan::HttpRules;
use crate::reply::Reply;
use crate::rules::{self, Decision, Message};
use crate::statistics::{Statistics, Verdict};
use http::Method;
use std::sync::Arc;

/// `tcp-request content` rules in HTTP mode: the request is their payload, nothing is left to wait for.
pub(super) async fn inspect(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    rules: &[rules::TcpRule],
) -> Result<Flow, Ending> {
    let decision = rules::run_tcp(rules, 0, true, stream);
    stream.session.mark_packets(exchange.link);
    match decision {
        rules::TcpDecision::Accept
        | rules::TcpDecision::Wait
        | rules::TcpDecision::SwitchMode
        | rules::TcpDecision::ExpectProxy(_) => Ok(Flow::Next),
        rules::TcpDecision::Reject | rules::TcpDecision::Close => {
            stream.refuse();
            Ok(Flow::Done(After::Close))
        }
        rules::TcpDecision::SilentDrop(ttl) => {
            stream.refuse();
            Ok(Flow::Done(After::SilentDrop(ttl)))
        }
    }
}

/// Runs `http-request` and `redirect` rules of one proxy and does what they decide.
pub(super) async fn run(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    set: &HttpRules,
) -> Result<Flow, Ending> {
    if set.request.is_empty() && set.redirects.is_empty() && set.statistics.is_none() {
        return Ok(Flow::Next);
    }
    let mut from = 0;
    loop {
        let decision = rules::run_http(&set.request, from, Message::Request, stream);
        stream.session.mark_packets(exchange.link);
        match decision {
            Decision::Continue => break,
            Decision::WaitForBody(time, least, next) => {
                Box::pin(answer::buffer_body(stream, exchange, Some(time), least)).await?;
                from = next;
            }
            Decision::Pause(time, next) => {
                Box::pin(answer::hold(stream, exchange, time, Phase::Request)).await?;
                from = next;
            }
            Decision::EarlyHints(fields, next) => {
                Box::pin(answer::early_hints(exchange, &fields)).await;
                from = next;
            }
            Decision::Deny(_)
            | Decision::Tarpit(_)
            | Decision::Return(_)
            | Decision::Redirect(_)
            | Decision::Auth(_)
            | Decision::Reject
            | Decision::SilentDrop(_) => {
                return Box::pin(act(stream, exchange, decision)).await.map(Flow::Done);
            }
        }
    }
    if let Some(page) = set.statistics.as_deref().filter(|page| page.is_asked(&stream.request)) {
        return Box::pin(show_statistics(stream, exchange, page)).await.map(Flow::Done);
    }
    match rules::run_redirects(&set.redirects, stream) {
        Decision::Continue => Ok(Flow::Next),
        decision => Box::pin(act(stream, exchange, decision)).await.map(Flow::Done),
    }
}

/// Answers a request for the statistics page.
async fn show_statistics(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    page: &Statistics,
) -> Result<After, Ending> {
    match page.verdict(stream) {
        Verdict::Allow => {}
        Verdict::Deny => return act(stream, exchange, Decision::Deny(Arc::new(Reply::of_status(403)))).await,
        Verdict::Auth(realm) => return act(stream, exchange, Decision::Auth(realm.into_vec())).await,
    }
    if stream.request.method == Method::Post {
        answer::buffer_body(stream, exchange, None, None).await?;
    }
    answer::statistics(stream, exchange, page).await
}
