//! Addresses and hosts: masks, `Host` values, and live numbers of a backend or server named at run time.

use super::{bytes_of, piece};
use crate::args::{Arg, Args};
use crate::fact::{Fact, LiveFact};
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use memchr::memchr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new(
        "host_only",
        SampleType::Str,
        SampleType::Str,
        host_only,
        "A Host value without its port, in lower case",
    ),
    ConverterRow::new("ipmask", SampleType::Addr, SampleType::Addr, ipmask, "Applies a mask to an address")
        .args(&[arg("mask4", ArgKind::Mask4), arg("mask6", ArgKind::Mask6)], 1),
    ConverterRow::new(
        "nbsrv",
        SampleType::Str,
        SampleType::Int,
        nbsrv,
        "Usable servers of the named backend",
    ),
    ConverterRow::new("port_only", SampleType::Str, SampleType::Int, port_only, "A Host value's port, or 0"),
    ConverterRow::new(
        "srv_is_up",
        SampleType::Str,
        SampleType::Bool,
        srv_is_up,
        "Whether the server named '[backend/]server' is up",
    ),
    ConverterRow::new(
        "srv_queue",
        SampleType::Str,
        SampleType::Int,
        srv_queue,
        "Streams queued at the server named '[backend/]server'",
    ),
];

/// Without an IPv6 mask, IPv6 addresses have no answer. IPv4 inside IPv6 is masked as IPv4.
fn ipmask<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let Sample::Ip(ip) = input else { return None };
    let ip = match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    Some(Sample::Ip(match ip {
        IpAddr::V4(ip) => {
            let Arg::Mask4(mask) = args.at(0) else { return None };
            Ipv4Addr::from_bits(ip.to_bits() & mask.to_bits()).into()
        }
        IpAddr::V6(ip) => {
            let Arg::Mask6(mask) = args.at(1) else { return None };
            Ipv6Addr::from_bits(ip.to_bits() & mask.to_bits()).into()
        }
    }))
}

/// Where a Host value's name ends: before the port's colon, behind an IPv6 address's bracket.
fn host_end(text: &[u8]) -> usize {
    let bracket = if text.first() == Some(&b'[') { memchr(b']', text) } else { None };
    match bracket {
        Some(at) => at + 1,
        None => memchr(b':', text).unwrap_or(text.len()),
    }
}

fn host_only<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let end = host_end(&text);
    let mut host = piece(text, 0..end);
    if host.iter().any(u8::is_ascii_uppercase) {
        host.to_mut().make_ascii_lowercase();
    }
    Some(Sample::Str(host))
}

fn port_only<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let port = text.get(host_end(&text)..).and_then(|rest| rest.strip_prefix(b":")).unwrap_or_default();
    Some(Sample::Int(crate::cast::leading_int(port)))
}

fn nbsrv<'a>(input: Sample<'a>, _: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let name = String::from_utf8(bytes_of(input)?.into_owned()).ok()?;
    scope.fact(&Fact::Live(LiveFact::NbSrv(Some(name.into())))).map(Sample::into_owned)
}

fn srv_is_up<'a>(input: Sample<'a>, _: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    of_server(input, scope, LiveFact::SrvIsUp)
}

fn srv_queue<'a>(input: Sample<'a>, _: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    of_server(input, scope, LiveFact::SrvQueue)
}

fn of_server<'a>(
    input: Sample<'a>,
    scope: &dyn Scope,
    fact: fn(Option<Box<str>>, Box<str>) -> LiveFact,
) -> Option<Sample<'a>> {
    let name = String::from_utf8(bytes_of(input)?.into_owned()).ok()?;
    let (backend, server) = match name.split_once('/') {
        Some((backend, server)) => (Some(backend.into()), server),
        None => (None, name.as_str()),
    };
    scope.fact(&Fact::Live(fact(backend, server.into()))).map(Sample::into_owned)
}
