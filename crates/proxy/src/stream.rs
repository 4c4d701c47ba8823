//! A stream: one request and its response (or one TCP connection's payload). **This file alone knows the order of the
//! steps**; every step takes what it needs of the stream's `state` and returns what is to be done next. Steps that few
//! requests take are awaited in a box, so that their code and their room stay out of the way of the others.

mod answer;
mod cacheable;
mod captured_cookie;
mod challenge;
mod decided;
mod finish_request;
mod finish_response;
mod request_rules;
mod response_rules;
mod state;

pub use answer::{answer_error, flush};
use response_rules::Inspected;
pub use state::{FirstLine, Stream, Times};

use crate::assign;
use crate::back::{self, Checkout, Failure};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::plan::Backend;
use crate::roster::Stage;
use crate::route;
use http::Method;
use http::h1::Complete;
use std::sync::Arc;
use std::task::Context;

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another request may follow.
    KeepAlive,
    /// It ends in the ordinary way.
    Close,
    /// It ends while the client may still be sending.
    Linger,
    /// It ends so that the client can see that something is missing.
    Abort,
    /// It vanishes; a reset may go so many hops.
    SilentDrop(Option<u32>),
}

/// What a step wants next.
enum Flow {
    /// Go on with the next step.
    Next,
    /// The exchange is over.
    Done(After),
}

/// Serves one request: the order of the steps.
pub async fn serve(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> After {
    let after = match steps(stream, exchange).await {
        Ok(after) => after,
        Err(ending) => Box::pin(fail(stream, exchange, ending)).await,
    };
    stream.log();
    match after {
        After::KeepAlive if exchange.close => After::Close,
        after => after,
    }
}

async fn steps(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>) -> Result<After, Ending> {
    let front = stream.front;
    if challenge::is_asked(stream)
        && let Some(after) = Box::pin(challenge::answered(stream, exchange)).await?
    {
        return Ok(after);
    }
    if answer::is_monitor(stream) {
        return Box::pin(answer::monitor(stream, exchange)).await;
    }
    if !front.tcp_content.is_empty()
        && let Flow::Done(after) = request_rules::inspect(stream, exchange, &front.tcp_content).await?
    {
        // HAProxy has not read the request then, and its log line does not show it.
        stream.first_line = None;
        return Ok(after);
    }
    if front.buffer_request {
        Box::pin(answer::buffer_body(stream, exchange, None, None)).await?;
    }
    if stream.worker.plan.process.reads_request_bodies {
        answer::take_body(stream, exchange)?;
    }
    if let Flow::Done(after) = request_rules::run(stream, exchange, &front.rules).await? {
        return Ok(after);
    }
    finish_request::restrict_names(stream, front.headers.restrict_names)?;
    // a connection that a TCP frontend made HTTP of cannot go to a TCP server
    let Some(back) = route::backend(stream).filter(|back| back.http) else { return Err(route::NOWHERE) };
    stream.enter_backend(back);
    if let Some(back) = stream.other_half()
        && !back.tcp_content.is_empty()
        && let Flow::Done(after) = request_rules::inspect(stream, exchange, &back.tcp_content).await?
    {
        return Ok(after);
    }
    if back.buffer_request && !front.buffer_request {
        Box::pin(answer::buffer_body(stream, exchange, None, None)).await?;
    }
    if let Some(back) = stream.other_half() {
        if let Flow::Done(after) = request_rules::run(stream, exchange, &back.rules).await? {
            return Ok(after);
        }
        finish_request::restrict_names(stream, back.headers.restrict_names)?;
    }
    assign::persistence(stream, back);
    finish_request::add_headers(stream);
    forward(stream, exchange, back).await
}

/// Finds a server, sends the request, brings the response back; again where that may help.
async fn forward<'s>(
    stream: &mut Stream<'s>,
    exchange: &mut Exchange<'_>,
    back: &'s Arc<Backend>,
) -> Result<After, Ending> {
    if back::Attempts::keeps_request(stream, back) && !exchange.upload.is_drained() {
        Box::pin(answer::keep_body(stream, exchange)).await?;
    }
    let mut attempts = back::Attempts::new(stream, back);
    loop {
        let abortonclose = back.abortonclose;
        let mut has_left = |cx: &mut Context<'_>| exchange.poll_left(cx, abortonclose).is_ready();
        let assigned = assign::server(stream, &mut has_left, back, &attempts).await?;
        if let Some(location) = answer::server_redirect(stream, assigned.server()) {
            return Box::pin(answer::redirect_to_server(stream, exchange, location)).await;
        }
        let mut has_left = |cx: &mut Context<'_>| exchange.poll_left(cx, abortonclose).is_ready();
        let failure = match back::checkout(stream, &assigned, attempts.fresh_only(), &mut has_left).await {
            Ok(checkout) => {
                assigned.connected();
                match through(stream, exchange, checkout, &attempts).await {
                    Ok(after) => {
                        assigned.answered(stream.response.status);
                        return Ok(after);
                    }
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        assigned.report(&failure);
        Box::pin(attempts.again(stream, exchange, failure)).await?;
    }
}

/// One exchange with a server over a connection that is ready.
async fn through(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    mut checkout: Checkout<'_>,
    attempts: &back::Attempts<'_>,
) -> Result<After, Failure> {
    stream.session.sight.turn(Stage::Headers);
    checkout.send_request(stream, exchange);
    let complete = match response_rules::inspected_head(stream, exchange, &mut checkout, attempts).await? {
        Inspected::Head(complete) => complete,
        Inspected::Done(after) => {
            checkout.abandon();
            return Ok(after);
        }
    };
    finish_response::before_rules(stream);
    if switches(stream, exchange, &complete) {
        return Ok(Box::pin(checkout.tunnel(stream, exchange)).await);
    }
    match response_rules::run(stream, exchange, &mut checkout).await {
        Ok(Flow::Next) => {}
        Ok(Flow::Done(after)) => {
            checkout.abandon();
            return Ok(after);
        }
        Err(ending) => {
            checkout.abandon();
            return Err(Failure::finally(ending));
        }
    }
    if stream.back.is_some_and(|back| back.checkcache) && cacheable::sets_cookie_for_all(stream) {
        checkout.abandon();
        return Err(Failure::finally(Ending::new(Cause::Proxy, Phase::Headers).with_status(502)));
    }
    finish_response::add_headers(stream);
    response_rules::after_response(stream);
    Ok(checkout.body(stream, exchange, complete).await)
}

/// Whether what follows the response is no HTTP: an upgrade, or the tunnel that CONNECT asked for (RFC 9110 section
/// 9.3.6).
fn switches(stream: &Stream<'_>, exchange: &Exchange<'_>, complete: &Complete) -> bool {
    match stream.response.status {
        101 => complete.upgrade,
        200..=299 => stream.request.method == Method::Connect && exchange.asks_tunnel(),
        _ => false,
    }
}

/// An ending that is not a response: tell the client where it can still be told.
async fn fail(stream: &mut Stream<'_>, exchange: &mut Exchange<'_>, ending: Ending) -> After {
    stream.ending = ending;
    if exchange.responded {
        return After::Abort;
    }
    answer_error(stream, exchange);
    match ending.cause {
        Cause::ClientAbort => After::Close,
        Cause::Normal
        | Cause::ClientTimeout
        | Cause::ServerAbort
        | Cause::ServerTimeout
        | Cause::Proxy
        | Cause::Local
        | Cause::Resource
        | Cause::Internal
        | Cause::ServerDown
        | Cause::ServerUp
        | Cause::Killed => answer::flush(stream, exchange).await,
    }
}
