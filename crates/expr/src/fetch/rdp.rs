//! The RDP cookie: what a remote desktop client says before anything else, `Cookie: name=value` inside an X.224
//! connection request ([MS-RDPBCGR] section 2.2.1.1).

use super::{int_row, text_row};
use crate::args::Args;
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, NotYet, arg};
use crate::sample::Sample;
use crate::scope::{Direction, Scope};
use memchr::{memchr, memmem};

static NAME: &[ArgRow] = &[arg("name", ArgKind::Str)];

/// TPKT header (4 bytes), X.224 length, code, two references of 2 bytes and the class.
const HEADERS: usize = 11;
const TPKT_VERSION: u8 = 3;
const CONNECTION_REQUEST: u8 = 0xe0;

pub(super) static ROWS: &[FetchRow] = &[
    row("rdp_cookie"),
    row("req.rdp_cookie"),
    row("req_rdp_cookie"),
    count("rdp_cookie_cnt"),
    count("req.rdp_cookie_cnt"),
    count("req_rdp_cookie_cnt"),
];

const fn row(name: &'static str) -> FetchRow {
    text_row(name, Needs::Request, rdp_cookie, "The RDP cookie of that name, or whichever there is")
        .args(NAME, 0)
}

const fn count(name: &'static str) -> FetchRow {
    int_row(name, Needs::Request, rdp_cookie_cnt, "1 where there is such an RDP cookie, else 0").args(NAME, 0)
}

enum Found<'a> {
    Partial,
    None,
    Cookie(&'a [u8], &'a [u8]),
}

fn parse(bytes: &[u8]) -> Found<'_> {
    let Some((headers, rest)) = bytes.split_at_checked(HEADERS) else { return Found::Partial };
    let [TPKT_VERSION, 0, high, low, _, CONNECTION_REQUEST, _, _, _, _, 0] = headers else {
        return Found::None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(whole) = length.checked_sub(HEADERS) else { return Found::None };
    let Some(inside) = rest.get(..whole) else { return Found::Partial };
    cookie(inside).unwrap_or(Found::None)
}

fn cookie(inside: &[u8]) -> Option<Found<'_>> {
    let (label, rest) = inside.split_at_checked(b"Cookie:".len())?;
    if !label.eq_ignore_ascii_case(b"Cookie:") {
        return None;
    }
    let line = rest.get(..memmem::find(rest, b"\r\n")?)?.trim_ascii_start();
    let equals = memchr(b'=', line)?;
    Some(Found::Cookie(line.get(..equals)?, line.get(equals + 1..)?))
}

/// The cookie's value; names are compared without case (manual).
fn value<'a>(args: &Args, scope: &'a dyn Scope) -> Result<Option<&'a [u8]>, NotYet<'a>> {
    let Some(payload) = scope.payload(Direction::Request) else { return Ok(None) };
    match parse(payload.bytes) {
        Found::Partial if !payload.complete => Err(NotYet { now: None }),
        Found::Partial | Found::None => Ok(None),
        Found::Cookie(name, value) => {
            Ok(args.str(0).is_none_or(|wanted| name.eq_ignore_ascii_case(wanted)).then_some(value))
        }
    }
}

fn rdp_cookie<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(value(args, scope)?.map(Sample::str))
}

fn rdp_cookie_cnt<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(Some(Sample::Int(i64::from(value(args, scope)?.is_some()))))
}
