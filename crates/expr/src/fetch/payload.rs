//! Raw bytes of a stream that was not parsed (manual section 7.3.5): what has arrived, and [`NotYet`] while more may.

use super::side::{Message, Side, ToClient, ToServer};
use super::{bool_row, int_row};
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::fact::{Fact, StreamFact};
use crate::matching::MatchMethod;
use crate::rows::{AclForm, ArgKind, ArgRow, FetchFn, FetchRow, Fetched, Needs, NotYet, arg};
use crate::sample::Sample;
use crate::scope::{Direction, Payload, Scope};
use http::Request;
use http::h1;
use std::borrow::Cow;
use std::ops::Range;

static OFFSET_LENGTH: &[ArgRow] = &[arg("offset", ArgKind::Int), arg("length", ArgKind::Int)];
static LENGTH_VALUE: &[ArgRow] =
    &[arg("offset1", ArgKind::Int), arg("length", ArgKind::Int), arg("offset2", ArgKind::Str)];

const REQ: Needs = Needs::Request;
const RES: Needs = Needs::Response;

pub(super) static ROWS: &[FetchRow] = &[
    block("payload", "req.payload", Needs::Message, payload::<Message>),
    block("req.payload", "req.payload", REQ, payload::<ToServer>),
    block("res.payload", "res.payload", RES, payload::<ToClient>),
    length_value("payload_lv", "req.payload_lv", Needs::Message, payload_lv::<Message>),
    length_value("req.payload_lv", "req.payload_lv", REQ, payload_lv::<ToServer>),
    length_value("res.payload_lv", "res.payload_lv", RES, payload_lv::<ToClient>),
    int_row("req.len", REQ, len::<ToServer>, "How many bytes of the request have arrived"),
    int_row("req_len", REQ, len::<ToServer>, "How many bytes of the request have arrived"),
    int_row("res.len", RES, len::<ToClient>, "How many bytes of the response have arrived"),
    bool_row("req.proto_http", Needs::RequestKept, proto_http, "True where the bytes are an HTTP request"),
    bool_row("req_proto_http", Needs::RequestKept, proto_http, "True where the bytes are an HTTP request"),
    bool_row(
        "wait_end",
        Needs::Process,
        wait_end,
        "True once the inspection delay is over; no answer before",
    ),
];

const fn block(name: &'static str, as_acl: &'static str, needs: Needs, eval: FetchFn) -> FetchRow {
    let row = super::bin_row(name, needs, eval, "Bytes from an offset on; all of them for length 0");
    row.args(OFFSET_LENGTH, 2).prepare(not_negative).acl(AclForm::As(as_acl, MatchMethod::Bin))
}

const fn length_value(name: &'static str, as_acl: &'static str, needs: Needs, eval: FetchFn) -> FetchRow {
    let row = super::bin_row(name, needs, eval, "Bytes whose length stands before them");
    row.args(LENGTH_VALUE, 2).prepare(value_offset).acl(AclForm::As(as_acl, MatchMethod::Bin))
}

fn not_negative(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match (0..2).find(|index| args.int(*index).is_some_and(|value| value < 0)) {
        Some(index) => Err(BadArg::new(index, "must not be negative")),
        None => Ok(()),
    }
}

/// How the third argument counts; left as the fourth.
const ABSOLUTE: i64 = 0;
const RELATIVE: i64 = 1;

/// `+n` and `-n` count from behind the length, plain numbers from the beginning; without one, 0 behind the length.
fn value_offset(args: &mut Args, env: &mut Env<'_>) -> Result<(), BadArg> {
    not_negative(args, env)?;
    if !matches!(args.int(1), Some(1..=8)) {
        return Err(BadArg::new(1, "the length's own size must lie between 1 and 8 bytes"));
    }
    let text = String::from_utf8_lossy(args.str(2).unwrap_or(b"+0")).into_owned();
    let relative = text.starts_with(['+', '-']);
    let Ok(offset) = text.parse::<i64>() else {
        return Err(BadArg::new(2, "not an offset: write 12, +2 or -2"));
    };
    args.put(2, Arg::Int(offset));
    args.put(3, Arg::Int(if relative { RELATIVE } else { ABSOLUTE }));
    Ok(())
}

/// The bytes of that range; not yet while they may still come.
fn cut<'a>(payload: Payload<'a>, range: Option<Range<usize>>) -> Fetched<'a> {
    let Some(range) = range else { return Ok(None) };
    match payload.bytes.get(range) {
        Some(bytes) => Ok(Some(Sample::Bin(Cow::Borrowed(bytes)))),
        None if payload.complete => Ok(None),
        None => Err(NotYet { now: None }),
    }
}

fn payload<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(payload) = S::payload(scope) else { return Ok(None) };
    let offset = args.int(0).and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
    let length = args.int(1).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if length > 0 {
        return cut(payload, offset.checked_add(length).map(|end| offset..end));
    }
    let rest = payload.bytes.get(offset..).filter(|rest| !rest.is_empty());
    let rest = rest.map(|rest| Sample::Bin(Cow::Borrowed(rest)));
    if payload.complete { Ok(rest) } else { Err(NotYet { now: rest }) }
}

fn payload_lv<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(payload) = S::payload(scope) else { return Ok(None) };
    let at = args.int(0).and_then(|offset| usize::try_from(offset).ok());
    let size = args.int(1).and_then(|size| usize::try_from(size).ok());
    let (Some(at), Some(size)) = (at, size) else { return Ok(None) };
    let digits = cut(payload, at.checked_add(size).map(|end| at..end))?;
    let Some(Sample::Bin(digits)) = digits else { return Ok(None) };
    let length = digits.iter().fold(0usize, |value, b| value << 8 | usize::from(*b));
    let base = if args.int(3) == Some(RELATIVE) { at + size } else { 0 };
    let offset = args.int(2).and_then(|offset| isize::try_from(offset).ok()).unwrap_or(0);
    let start = base.checked_add_signed(offset);
    cut(payload, start.and_then(|start| Some(start..start.checked_add(length)?)))
}

fn len<'a, S: Side>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    if let Some(length) = scope.message_len(S::direction(scope)) {
        return Ok(i64::try_from(length).ok().map(Sample::Int));
    }
    let Some(payload) = S::payload(scope) else { return Ok(None) };
    let length = i64::try_from(payload.bytes.len()).ok().map(Sample::Int);
    if payload.complete { Ok(length) } else { Err(NotYet { now: length }) }
}

/// Most bytes of raw stream that are tried as an HTTP request: the default limit of a head.
const MAX_HEAD: usize = 15360;
/// Most fields of such a head, by default.
const MAX_FIELDS: usize = 101;

fn proto_http<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    if scope.request().is_some() {
        return Ok(Some(Sample::Bool(true)));
    }
    let Some(payload) = scope.payload(Direction::Request) else { return Ok(None) };
    let limits = h1::Limits { max_head: MAX_HEAD, max_fields: MAX_FIELDS, ..h1::Limits::default() };
    match h1::parse_request(payload.bytes, &mut 0, &limits, &mut Request::default()) {
        Ok(h1::Parsed::Complete(_)) => Ok(Some(Sample::Bool(true))),
        Ok(h1::Parsed::Partial) if !payload.complete => Err(NotYet { now: None }),
        Ok(h1::Parsed::Partial) | Err(_) => Ok(Some(Sample::Bool(false))),
    }
}

fn wait_end<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    match scope.fact(&Fact::Stream(StreamFact::WaitEnd)) {
        Some(Sample::Bool(false)) => Err(NotYet { now: None }),
        Some(_) | None => Ok(Some(Sample::Bool(true))),
    }
}
