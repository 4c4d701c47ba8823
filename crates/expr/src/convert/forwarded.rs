//! The `Forwarded` header's grammar (RFC 7239): its parameters, and the node names and ports inside `for` and `by`.

use super::bytes_of;
use crate::args::{Args, BadArg};
use crate::cast::parse_ip;
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use http::fields::{split_list, trim};
use memchr::memchr;
use std::borrow::Cow;
use std::net::IpAddr;

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new(
        "rfc7239_field",
        SampleType::Str,
        SampleType::Str,
        field,
        "One parameter of a Forwarded value: proto, host, for or by",
    )
    .args(&[arg("field", ArgKind::Str)], 1)
    .prepare(known_field),
    ConverterRow::new(
        "rfc7239_is_valid",
        SampleType::Str,
        SampleType::Bool,
        is_valid,
        "True for a well-formed Forwarded value",
    ),
    ConverterRow::new(
        "rfc7239_n2nn",
        SampleType::Str,
        SampleType::Any,
        node_name,
        "The name of a node: its address, 'unknown' or an obfuscated identifier",
    ),
    ConverterRow::new(
        "rfc7239_n2np",
        SampleType::Str,
        SampleType::Any,
        node_port,
        "The port of a node: an integer or an obfuscated identifier",
    ),
];

fn known_field(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.str(0) {
        Some(b"proto" | b"host" | b"for" | b"by") => Ok(()),
        Some(_) | None => Err(BadArg::new(0, "the field must be proto, host, for or by")),
    }
}

/// A name and its value, unquoted.
type Parameter<'t> = (&'t [u8], Cow<'t, [u8]>);

/// The parameters of one forwarded-element, unquoted; `None` where it is malformed.
fn parameters(element: &[u8]) -> Option<Vec<Parameter<'_>>> {
    let mut list: Vec<Parameter<'_>> = Vec::new();
    let mut rest = Some(element);
    while let Some(text) = rest {
        let end = pair_end(text);
        rest = text.get(end + 1..);
        let pair = trim(text.get(..end)?);
        let equals = memchr(b'=', pair)?;
        let (name, value) = (pair.get(..equals)?, unquoted(pair.get(equals + 1..)?)?);
        if !is_token(name) || list.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return None;
        }
        list.push((name, value));
    }
    Some(list)
}

fn pair_end(text: &[u8]) -> usize {
    let mut quoted = false;
    let end = text.iter().position(|b| {
        quoted ^= *b == b'"';
        *b == b';' && !quoted
    });
    end.unwrap_or(text.len())
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// A token, or the inside of a quoted-string (RFC 9110 section 5.6.4).
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if is_token(value) {
        return Some(Cow::Borrowed(value));
    }
    let inside = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !inside.iter().any(|b| matches!(b, b'\\' | b'"')) {
        return Some(Cow::Borrowed(inside));
    }
    let (mut out, mut bytes) = (Vec::with_capacity(inside.len()), inside.iter());
    while let Some(b) = bytes.next() {
        match b {
            b'"' => return None,
            b'\\' => out.push(*bytes.next()?),
            other => out.push(*other),
        }
    }
    Some(Cow::Owned(out))
}

fn field<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, wanted) = (bytes_of(input)?, args.str(0)?);
    let element = split_list(&text).next()?;
    let (_, value) = parameters(element)?.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    well_formed(wanted, &value).then(|| Sample::owned(value.into_owned()))
}

/// Whether the value of a known parameter is what section 4 and 5 of the RFC allow there.
fn well_formed(name: &[u8], value: &[u8]) -> bool {
    match name.to_ascii_lowercase().as_slice() {
        b"proto" => {
            value.first().is_some_and(u8::is_ascii_alphabetic)
                && value.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        }
        b"for" | b"by" => node(value).is_some(),
        b"host" => !value.is_empty() && value.iter().all(|b| b.is_ascii_graphic() && !b"/?#@\\".contains(b)),
        // HAProxy knows no others
        _ => false,
    }
}

fn is_valid<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let mut elements = split_list(&text).peekable();
    let any = elements.peek().is_some();
    let all = elements.all(|element| {
        parameters(element).is_some_and(|list| list.iter().all(|(name, value)| well_formed(name, value)))
    });
    Some(Sample::Bool(any && all))
}

#[derive(Debug, PartialEq)]
enum NodeName<'t> {
    Unknown,
    Obfuscated(&'t [u8]),
    Address(IpAddr),
}

#[derive(Debug, PartialEq)]
enum NodePort<'t> {
    Number(u16),
    Obfuscated(&'t [u8]),
}

/// `node = nodename [ ":" node-port ]` (RFC 7239 section 6).
fn node(text: &[u8]) -> Option<(NodeName<'_>, Option<NodePort<'_>>)> {
    let end = match text.first()? {
        b'[' => memchr(b']', text)? + 1,
        _ => memchr(b':', text).unwrap_or(text.len()),
    };
    let (name, rest) = text.split_at_checked(end)?;
    let port = match rest.strip_prefix(b":") {
        Some(port) => Some(parse_port(port)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((parse_name(name)?, port))
}

fn parse_name(text: &[u8]) -> Option<NodeName<'_>> {
    if text.eq_ignore_ascii_case(b"unknown") {
        return Some(NodeName::Unknown);
    }
    if is_obfuscated(text) {
        return Some(NodeName::Obfuscated(text));
    }
    let bracketed = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]"));
    let address = parse_ip(bracketed.unwrap_or(text))?;
    (address.is_ipv6() == bracketed.is_some()).then_some(NodeName::Address(address))
}

fn parse_port(text: &[u8]) -> Option<NodePort<'_>> {
    if is_obfuscated(text) {
        return Some(NodePort::Obfuscated(text));
    }
    let digits = text.iter().all(u8::is_ascii_digit) && !text.is_empty();
    let number = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    Some(NodePort::Number(number))
}

fn is_obfuscated(text: &[u8]) -> bool {
    text.len() > 1
        && text.first() == Some(&b'_')
        && text.iter().skip(1).all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

fn node_name<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    Some(match node(&text)?.0 {
        NodeName::Unknown => Sample::str(b"unknown"),
        NodeName::Obfuscated(name) => Sample::owned(name),
        NodeName::Address(address) => Sample::Ip(address),
    })
}

fn node_port<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    Some(match node(&text)?.1? {
        NodePort::Number(port) => Sample::Int(i64::from(port)),
        NodePort::Obfuscated(port) => Sample::owned(port),
    })
}
