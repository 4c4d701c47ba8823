//! Header fetches. A name stands for all its fields in order; `hdr` and its like part each field at the commas outside
//! quotes, `fhdr` takes it whole. Occurrences count from 1, from the end with -1; without one a plain expression takes
//! the last value and an ACL tries them all. Empty values count (all observed on HAProxy 2.6).

use super::side::{Message, Side, ToClient, ToServer};
use super::{bin_row, int_row, ip_row, text_row};
use crate::args::{Arg, Args, BadArg};
use crate::cast::{leading_int, parse_ip};
use crate::compile::Env;
use crate::rows::{
    AclForm, ArgKind, ArgRow, EachFn, FetchFn, FetchRow, Fetched, Needs, NotYet, Visitor, arg,
};
use crate::sample::Sample;
use crate::scope::Scope;
use http::Fields;
use http::fields::trim;
use memchr::memchr;
use std::borrow::Cow;
use std::net::IpAddr;

static NAME: &[ArgRow] = &[arg("name", ArgKind::Str)];
static NAME_OCC: &[ArgRow] = &[arg("name", ArgKind::Str), arg("occ", ArgKind::Int)];
static DELIM: &[ArgRow] = &[arg("delim", ArgKind::Str)];

const REQ: Needs = Needs::Request;
const RES: Needs = Needs::Response;

pub(super) static ROWS: &[FetchRow] = &[
    text("hdr", Needs::Message, hdr::<Message>, each_hdr::<Message>).acl(AclForm::Texts("req.hdr")),
    text("req.hdr", REQ, hdr::<ToServer>, each_hdr::<ToServer>).acl(AclForm::Texts("req.hdr")),
    text("res.hdr", RES, hdr::<ToClient>, each_hdr::<ToClient>).acl(AclForm::Texts("res.hdr")),
    text("shdr", RES, hdr::<ToClient>, each_hdr::<ToClient>).acl(AclForm::Texts("res.hdr")),
    whole("req.fhdr", REQ, fhdr::<ToServer>, each_fhdr::<ToServer>),
    whole("res.fhdr", RES, fhdr::<ToClient>, each_fhdr::<ToClient>),
    address("hdr_ip", REQ, hdr_ip::<ToServer>, each_ip::<ToServer>),
    address("req.hdr_ip", REQ, hdr_ip::<ToServer>, each_ip::<ToServer>),
    address("res.hdr_ip", RES, hdr_ip::<ToClient>, each_ip::<ToClient>),
    address("shdr_ip", RES, hdr_ip::<ToClient>, each_ip::<ToClient>),
    integer("hdr_val", REQ, hdr_val::<ToServer>, each_val::<ToServer>),
    integer("req.hdr_val", REQ, hdr_val::<ToServer>, each_val::<ToServer>),
    integer("res.hdr_val", RES, hdr_val::<ToClient>, each_val::<ToClient>),
    integer("shdr_val", RES, hdr_val::<ToClient>, each_val::<ToClient>),
    count("hdr_cnt", REQ, hdr_cnt::<ToServer>),
    count("req.hdr_cnt", REQ, hdr_cnt::<ToServer>),
    count("res.hdr_cnt", RES, hdr_cnt::<ToClient>),
    count("shdr_cnt", RES, hdr_cnt::<ToClient>),
    count("req.fhdr_cnt", REQ, fhdr_cnt::<ToServer>),
    count("res.fhdr_cnt", RES, fhdr_cnt::<ToClient>),
    text_row("req.hdr_names", REQ, names::<ToServer>, "The names of all header fields").args(DELIM, 0),
    text_row("res.hdr_names", RES, names::<ToClient>, "The names of all header fields").args(DELIM, 0),
    bin_row("req.hdrs", REQ, lines::<ToServer>, "All header fields and the empty line behind them"),
    bin_row("res.hdrs", RES, lines::<ToClient>, "All header fields and the empty line behind them"),
    bin_row("req.hdrs_bin", REQ, packed::<ToServer>, "All header fields as SPOE encodes them"),
    bin_row("res.hdrs_bin", RES, packed::<ToClient>, "All header fields as SPOE encodes them"),
];

const fn text(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    let row = text_row(name, needs, eval, "A value of a header, which commas part");
    row.args(NAME_OCC, 0).prepare(lower_case).each(each)
}

const fn whole(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    let row = text_row(name, needs, eval, "A header field, commas and all");
    row.args(NAME_OCC, 0).prepare(lower_case).each(each)
}

const fn address(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    let row = ip_row(name, needs, eval, "A value of a header as address; a port behind IPv4 is dropped");
    row.args(NAME_OCC, 0).prepare(lower_case).each(each)
}

const fn integer(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    let row = int_row(name, needs, eval, "A value of a header as integer");
    row.args(NAME_OCC, 0).prepare(lower_case).each(each)
}

const fn count(name: &'static str, needs: Needs, eval: FetchFn) -> FetchRow {
    let row = int_row(name, needs, eval, "How many values a header has, or all headers together");
    row.args(NAME, 0).prepare(lower_case)
}

/// Heads keep names in lower case.
pub(super) fn lower_case(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    if let Some(name) = args.str(0).map(<[u8]>::to_ascii_lowercase) {
        args.put(0, if name.is_empty() { Arg::Absent } else { Arg::Str(name.into()) });
    }
    Ok(())
}

/// The fields of that name, or all.
fn named<'a>(fields: &'a Fields, name: Option<&'a [u8]>) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    fields.iter().filter(move |(n, _)| name.is_none_or(|wanted| *n == wanted)).map(|(_, value)| value)
}

/// The values of one field: parted at commas outside quotes and trimmed, empty ones kept.
fn values(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = value_end(text);
        rest = text.get(end + 1..);
        text.get(..end).map(trim)
    })
}

fn value_end(text: &[u8]) -> usize {
    if memchr(b'"', text).is_none() {
        return memchr(b',', text).unwrap_or(text.len());
    }
    let (mut quoted, mut escaped) = (false, false);
    let end = text.iter().position(|b| {
        let comma = *b == b',' && !quoted;
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        comma
    });
    end.unwrap_or(text.len())
}

/// The value that the arguments name. Without a name there is none.
fn value<'a>(fields: &'a Fields, args: &'a Args) -> Option<&'a [u8]> {
    let name = Some(args.str(0)?);
    let occurrence = args.int(1).unwrap_or(0);
    let nth = usize::try_from(occurrence.unsigned_abs()).ok()?.saturating_sub(1);
    if occurrence > 0 {
        return named(fields, name).flat_map(values).nth(nth);
    }
    let mut behind = nth;
    for field in named(fields, name).rev() {
        let here = values(field).count();
        if behind < here {
            return values(field).nth(here - behind - 1);
        }
        behind -= here;
    }
    None
}

fn field<'a>(fields: &'a Fields, args: &'a Args) -> Option<&'a [u8]> {
    let mut all = named(fields, Some(args.str(0)?));
    let occurrence = args.int(1).unwrap_or(0);
    let nth = usize::try_from(occurrence.unsigned_abs()).ok()?.saturating_sub(1);
    // a rule may have set one with blanks around it, which are no part of a value (RFC 9110 section 5.5)
    if occurrence > 0 { all.nth(nth) } else { all.nth_back(nth) }.map(trim)
}

fn hdr<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).and_then(|fields| value(fields, args)).map(Sample::str))
}

fn fhdr<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).and_then(|fields| field(fields, args)).map(Sample::str))
}

fn hdr_ip<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).and_then(|fields| value(fields, args)).and_then(address_of).map(Sample::Ip))
}

fn hdr_val<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).and_then(|fields| value(fields, args)).map(|v| Sample::Int(leading_int(v))))
}

/// An address, behind which a decimal port may stand; IPv6 is in brackets then, and may be without one (manual,
/// `req.hdr_ip`).
fn address_of(value: &[u8]) -> Option<IpAddr> {
    if let Some(bracketed) = value.strip_prefix(b"[") {
        let (ip, behind) = bracketed.split_at_checked(memchr(b']', bracketed)?)?;
        let port = behind.strip_prefix(b"]")?;
        return parse_ip(ip).filter(|ip| ip.is_ipv6() && (port.is_empty() || is_port(port)));
    }
    if let Some(ip) = parse_ip(value) {
        return Some(ip);
    }
    let (ip, port) = value.split_at_checked(memchr(b':', value)?)?;
    parse_ip(ip).filter(|ip| ip.is_ipv4() && is_port(port))
}

/// `:` and a number.
fn is_port(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b":").and_then(|port| std::str::from_utf8(port).ok());
    digits.is_some_and(|digits| !digits.starts_with('+') && digits.parse::<u16>().is_ok())
}

/// Visits what an ACL tries: the one occurrence asked for, or all.
fn visit<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    parse: impl Fn(&'a [u8]) -> Option<Sample<'a>>,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let (Some(fields), Some(name)) = (S::fields(scope), args.str(0)) else { return Ok(()) };
    if args.int(1).is_some_and(|occurrence| occurrence != 0) {
        let _ = value(fields, args).and_then(parse).map(visitor);
        return Ok(());
    }
    let all = named(fields, Some(name)).flat_map(values);
    // A broken-off visit is as complete as the visitor wanted it.
    let _ = all.filter_map(parse).try_for_each(visitor);
    Ok(())
}

fn each_hdr<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    visit::<S>(args, scope, |value| Some(Sample::str(value)), visitor)
}

fn each_ip<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    visit::<S>(args, scope, |value| address_of(value).map(Sample::Ip), visitor)
}

fn each_val<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    visit::<S>(args, scope, |value| Some(Sample::Int(leading_int(value))), visitor)
}

fn each_fhdr<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let (Some(fields), Some(name)) = (S::fields(scope), args.str(0)) else { return Ok(()) };
    if args.int(1).is_some_and(|occurrence| occurrence != 0) {
        let _ = field(fields, args).map(Sample::str).map(visitor);
        return Ok(());
    }
    let _ = named(fields, Some(name)).map(Sample::str).try_for_each(visitor);
    Ok(())
}

fn counted<'a>(count: Option<usize>) -> Fetched<'a> {
    Ok(count.and_then(|count| i64::try_from(count).ok()).map(Sample::Int))
}

fn hdr_cnt<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    counted(S::fields(scope).map(|fields| named(fields, args.str(0)).flat_map(values).count()))
}

fn fhdr_cnt<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    counted(S::fields(scope).map(|fields| named(fields, args.str(0)).count()))
}

/// Only the first character of the delimiter counts (manual).
fn names<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let delimiter = args.str(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    Ok(S::fields(scope).map(|fields| {
        let names: Vec<&[u8]> = fields.iter().map(|(name, _)| name).collect();
        Sample::owned(names.join(&delimiter))
    }))
}

fn lines<'a, S: Side>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).map(|fields| {
        let mut out = Vec::new();
        for (name, value) in fields.iter() {
            out.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
        }
        out.extend_from_slice(b"\r\n");
        Sample::Bin(Cow::Owned(out))
    }))
}

fn packed<'a, S: Side>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(S::fields(scope).map(|fields| {
        let mut out = Vec::new();
        for (name, value) in fields.iter() {
            push_packed(name, &mut out);
            push_packed(value, &mut out);
        }
        out.extend_from_slice(&[0, 0]);
        Sample::Bin(Cow::Owned(out))
    }))
}

/// A length as variable integer of the SPOE specification (section 3.1), then the bytes.
fn push_packed(text: &[u8], out: &mut Vec<u8>) {
    let mut length = text.len();
    if length < 240 {
        out.push(length as u8);
    } else {
        out.push(length as u8 | 240);
        length = (length - 240) >> 4;
        while length >= 128 {
            out.push(length as u8 | 128);
            length = (length - 128) >> 7;
        }
        out.push(length as u8);
    }
    out.extend_from_slice(text);
}
