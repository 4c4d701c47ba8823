//! Message bodies, as far as they are buffered. Nothing here waits: that is the business of `wait-for-body` and
//! `option http-buffer-request`.

use super::side::{Side, ToClient, ToServer};
use super::{bin_row, bool_row, int_row, text_row};
use crate::args::Args;
use crate::rows::{FetchRow, Fetched, Needs};
use crate::sample::Sample;
use crate::scope::Scope;
use std::borrow::Cow;

const REQ: Needs = Needs::Request;
const RES: Needs = Needs::Response;

pub(super) static ROWS: &[FetchRow] = &[
    bin_row("req.body", REQ, body::<ToServer>, "The request's body, as far as it has arrived"),
    int_row("req.body_len", REQ, body_len::<ToServer>, "How much of the request's body has arrived"),
    int_row("req.body_size", REQ, body_size::<ToServer>, "The announced length of the request's body"),
    bin_row("res.body", RES, body::<ToClient>, "The response's body, as far as it has arrived"),
    int_row("res.body_len", RES, body_len::<ToClient>, "How much of the response's body has arrived"),
    int_row("res.body_size", RES, body_size::<ToClient>, "The announced length of the response's body"),
    bool_row(
        "res.cache_hit",
        Needs::Server,
        |_, _| Ok(Some(Sample::Bool(false))),
        "From a cache: never here",
    ),
    text_row("res.cache_name", Needs::Server, |_, _| Ok(None), "The cache it came from: none here"),
    bool_row(
        "res.comp",
        Needs::ResponseKept,
        |_, _| Ok(Some(Sample::Bool(false))),
        "Compressed by us: never here",
    ),
    text_row("res.comp_algo", Needs::ResponseKept, |_, _| Ok(None), "How we compressed it: never here"),
];

fn buffered<S: Side>(scope: &dyn Scope) -> Option<&[u8]> {
    let none = S::fields(scope).map(|_| &b""[..]);
    S::body(scope).map(|body| body.bytes).or(none)
}

fn body<'a, S: Side>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(buffered::<S>(scope).map(|bytes| Sample::Bin(Cow::Borrowed(bytes))))
}

fn body_len<'a, S: Side>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(buffered::<S>(scope).and_then(|bytes| i64::try_from(bytes.len()).ok()).map(Sample::Int))
}

/// The content-length, else what has arrived.
fn body_size<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let announced = S::fields(scope).and_then(|fields| fields.get(b"content-length"));
    let announced = announced.and_then(|text| std::str::from_utf8(text).ok()).and_then(|t| t.parse().ok());
    match announced {
        Some(length) => Ok(Some(Sample::Int(length))),
        None => body_len::<S>(args, scope),
    }
}
