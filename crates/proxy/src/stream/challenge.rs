//! An authority's question (RFC 8555 section 8.3), answered before any rule and without a line of configuration. A token
//! that is not ours goes on to the rules, so that other ACME clients behind the proxy work too.

use super::{After, Stream, answer};
use crate::ending::{Cause, Ending, Phase};
use crate::front::h1::Exchange;
use crate::reply::{Body, Reply};
use http::Method;
use std::sync::Arc;

const PLACE: &[u8] = b"/.well-known/acme-challenge/";
/// Authorities take any type; this is the one that RFC 8555 names.
const TYPE: &[u8] = b"application/octet-stream";

/// Whether the request asks for a token at all: all that other requests pay.
pub(super) fn is_asked(stream: &Stream<'_>) -> bool {
    stream.request.path().starts_with(PLACE)
}

/// Answers if the token is one of ours.
pub(super) async fn answered(
    stream: &mut Stream<'_>,
    exchange: &mut Exchange<'_>,
) -> Result<Option<After>, Ending> {
    let Some(content) = content(stream) else { return Ok(None) };
    stream.ending = Ending::new(Cause::Local, Phase::Request);
    let body = Body::Fixed(Arc::from(content.as_bytes()));
    let reply = Reply { status: 200, body, content_type: Some(TYPE.into()), headers: Vec::new() };
    answer::with(stream, exchange, &reply).await.map(Some)
}

fn content(stream: &Stream<'_>) -> Option<Arc<str>> {
    if !matches!(stream.request.method, Method::Get | Method::Head) {
        return None;
    }
    let token = std::str::from_utf8(stream.request.path().strip_prefix(PLACE)?).ok()?;
    stream.worker.plan.certs.answers().http(token)
}
