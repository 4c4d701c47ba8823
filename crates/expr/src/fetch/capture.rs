//! What is kept of a request and a response to the end: captured headers, the first line as it arrived.

use super::text_row;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::fact::{Fact, StreamFact};
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, arg};
use crate::sample::Sample;
use crate::scope::Scope;
use memchr::{memchr, memmem};
use std::borrow::Cow;

static SLOT: &[ArgRow] = &[arg("idx", ArgKind::Int)];

pub(super) static ROWS: &[FetchRow] = &[
    text_row("capture.req.hdr", Needs::RequestKept, asked, "A captured request header, counted from 0")
        .args(SLOT, 1)
        .prepare(|args, _: &mut Env<'_>| slot(args, StreamFact::CapturedRequestHeader)),
    text_row("capture.req.method", Needs::RequestKept, method, "The request's method as it arrived"),
    text_row("capture.req.uri", Needs::RequestKept, uri, "The request's path and query as they arrived"),
    text_row("capture.req.ver", Needs::RequestKept, request_version, "The request's version, like HTTP/1.1"),
    text_row("capture.res.hdr", Needs::ResponseKept, asked, "A captured response header, counted from 0")
        .args(SLOT, 1)
        .prepare(|args, _: &mut Env<'_>| slot(args, StreamFact::CapturedResponseHeader)),
    text_row(
        "capture.res.ver",
        Needs::RequestKept,
        response_version,
        "The response's version, like HTTP/1.1",
    ),
];

fn slot(args: &mut Args, fact: fn(u32) -> StreamFact) -> Result<(), BadArg> {
    let slot = args.int(0).and_then(|slot| u32::try_from(slot).ok());
    let Some(slot) = slot else { return Err(BadArg::new(0, "a capture's number counts from 0")) };
    args.put(0, Arg::Fact(Fact::Stream(fact(slot))));
    Ok(())
}

fn asked<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.fact(0).and_then(|fact| scope.fact(fact)))
}

fn method<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let now = || scope.request().map(|request| Sample::str(request.method_text()));
    Ok(scope.fact(&Fact::Stream(StreamFact::FirstMethod)).or_else(now))
}

fn uri<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(Sample::Str(first)) = scope.fact(&Fact::Stream(StreamFact::FirstUri)) else {
        return Ok(scope.request().and_then(|request| from_path(request.target())).map(Sample::str));
    };
    Ok(match first {
        Cow::Borrowed(uri) => from_path(uri).map(Sample::str),
        Cow::Owned(uri) => from_path(&uri).map(Sample::owned),
    })
}

/// From the path's slash on, behind scheme and authority.
fn from_path(uri: &[u8]) -> Option<&[u8]> {
    if uri.first() == Some(&b'/') {
        return Some(uri);
    }
    let authority = memmem::find(uri, b"://")? + 3;
    let slash = memchr(b'/', uri.get(authority..)?)?;
    uri.get(authority + slash..)
}

fn request_version<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let now = || scope.request().map(|request| Sample::str(request.version.as_str().as_bytes()));
    Ok(scope.fact(&Fact::Stream(StreamFact::FirstVersion)).or_else(now))
}

fn response_version<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.response().map(|response| Sample::str(response.version.as_str().as_bytes())))
}
