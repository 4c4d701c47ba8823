//! Does what a rule has decided for good: an answer of ours, or none at all.

use super::{After, Stream, answer};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::reply::Reply;
use crate::rules::Decision;
use std::time::Duration;

/// Does what a final decision asks for.
pub(super) async fn act(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    decision: Decision,
) -> Result<After, Ending> {
    match decision {
        Decision::Deny(reply) => {
            stream.ending = Ending::new(Cause::Proxy, Phase::Request);
            answer::with(stream, exchange, &reply).await
        }
        Decision::Return(reply) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::with(stream, exchange, &reply).await
        }
        Decision::Tarpit(reply) => tarpit(stream, exchange, &reply).await,
        Decision::Redirect(target) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::redirect(stream, exchange, target).await
        }
        Decision::Auth(realm) => {
            stream.ending = Ending::new(Cause::Local, Phase::Request);
            answer::ask_password(stream, exchange, &realm).await
        }
        Decision::Reject => {
            stream.refuse();
            Ok(After::Close)
        }
        Decision::SilentDrop(ttl) => {
            stream.refuse();
            Ok(After::SilentDrop(ttl))
        }
        Decision::Continue | Decision::WaitForBody(..) | Decision::Pause(..) | Decision::EarlyHints(..) => {
            Ok(After::KeepAlive)
        }
    }
}

/// Without any timeout a tarpit still ends.
const TARPIT_DEFAULT: Duration = Duration::from_secs(60);

async fn tarpit(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
    reply: &Reply,
) -> Result<After, Ending> {
    let back = stream.back.as_ref().map(|b| b.timeouts);
    let timeout = stream.timeouts.tarpit.or_else(|| match back {
        Some(t) => t.tarpit.or(t.connect),
        None => stream.front.timeouts.tarpit,
    });
    let held = answer::hold(stream, exchange, timeout.unwrap_or(TARPIT_DEFAULT), Phase::Tarpit).await;
    // who leaves is let go at once, and logged as those who stay
    if let Err(ending) = held
        && ending.cause != Cause::ClientAbort
    {
        return Err(ending);
    }
    // Log lines count the tarpit as time in a queue.
    stream.times.assigned = Some(stream.worker.now());
    stream.ending = Ending::new(Cause::Proxy, Phase::Tarpit);
    answer::with(stream, exchange, reply).await
}
