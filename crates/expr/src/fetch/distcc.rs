//! Messages of distcc, a distributed compiler (manual section 7.3.5): tokens of four letters, each with a number of eight
//! hexadecimal digits that for most of them is the length of a body behind it.

use super::side::{Message, Side};
use super::{bin_row, int_row};
use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, NotYet, arg};
use crate::sample::Sample;
use crate::scope::{Payload, Scope};
use std::borrow::Cow;

static TOKEN: &[ArgRow] = &[arg("token", ArgKind::Str), arg("occ", ArgKind::Int)];

pub(super) static ROWS: &[FetchRow] = &[
    bin_row("distcc_body", Needs::Message, body, "The body behind a token of a distcc message")
        .args(TOKEN, 1)
        .prepare(whole_token),
    int_row("distcc_param", Needs::Message, param, "The number behind a token of a distcc message")
        .args(TOKEN, 1)
        .prepare(whole_token),
];

/// Tokens whose number is no length.
const BODYLESS: [&[u8]; 5] = [b"DIST", b"ARGC", b"NFIL", b"STAT", b"DONE"];
/// Letters of a token, and digits of its number.
const HEAD: (usize, usize) = (4, 8);

fn whole_token(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.str(0) {
        Some(token) if token.len() == HEAD.0 => Ok(()),
        Some(_) | None => Err(BadArg::new(0, "a token has four letters")),
    }
}

/// A token's number, and what has arrived behind it.
struct Found<'a> {
    number: u32,
    rest: &'a [u8],
}

/// Looks for an occurrence of a token, the first without one.
fn find<'a>(args: &Args, payload: Payload<'a>) -> Result<Option<Found<'a>>, NotYet<'a>> {
    let mut left = args.int(1).unwrap_or(1).max(1);
    let mut bytes = payload.bytes;
    while let Some((token, number, rest)) = take(bytes) {
        let Some(number) = number else { return Ok(None) };
        if Some(token) == args.str(0) {
            left -= 1;
            if left == 0 {
                return Ok(Some(Found { number, rest }));
            }
        }
        let skipped = if BODYLESS.contains(&token) { 0 } else { number as usize };
        bytes = rest.get(skipped..).unwrap_or_default();
    }
    if payload.complete { Ok(None) } else { Err(NotYet { now: None }) }
}

/// A token, its number where there is one, and what follows; `None` where less has arrived.
fn take(bytes: &[u8]) -> Option<(&[u8], Option<u32>, &[u8])> {
    let (token, rest) = bytes.split_at_checked(HEAD.0)?;
    let (digits, rest) = rest.split_at_checked(HEAD.1)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(digits).ok()).flatten();
    Some((token, digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()), rest))
}

fn param<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(payload) = Message::payload(scope) else { return Ok(None) };
    Ok(find(args, payload)?.map(|found| Sample::Int(found.number.into())))
}

/// The whole body; what there is of it once no more will come.
fn body<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(payload) = Message::payload(scope) else { return Ok(None) };
    let Some(found) = find(args, payload)? else { return Ok(None) };
    if args.str(0).is_some_and(|token| BODYLESS.contains(&token)) {
        return Ok(None);
    }
    let length = found.number as usize;
    if found.rest.len() < length && !payload.complete {
        return Err(NotYet { now: None });
    }
    let bytes = found.rest.get(..length).unwrap_or(found.rest);
    Ok((!bytes.is_empty()).then_some(Sample::Bin(Cow::Borrowed(bytes))))
}
