//! Fetches that need nothing but their arguments, the clock, chance and variables.

use super::{bin_row, bool_row, int_row, text_row};
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::fact::{Fact, TimeFact};
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use std::borrow::Cow;

static TEXT: &[ArgRow] = &[arg("string", ArgKind::Str)];
static UNIT: &[ArgRow] = &[arg("unit", ArgKind::Str)];

pub(super) static ROWS: &[FetchRow] = &[
    bool_row("always_false", Needs::Nothing, |_, _| Ok(Some(Sample::Bool(false))), "Always false"),
    bool_row("always_true", Needs::Nothing, |_, _| Ok(Some(Sample::Bool(true))), "Always true"),
    bin_row("bin", Needs::Nothing, bytes, "The bytes given as hexadecimal digits")
        .args(&[arg("hex", ArgKind::Str)], 1)
        .prepare(from_hex),
    bool_row("bool", Needs::Nothing, truth, "The truth value given: true, false, 1 or 0")
        .args(&[arg("bool", ArgKind::Str)], 1)
        .prepare(from_bool),
    int_row(
        "date",
        Needs::Nothing,
        date,
        "The current date since the epoch, in seconds, ms or us, plus an offset",
    )
    .args(&[arg("offset", ArgKind::Int), arg("unit", ArgKind::Str)], 0)
    .prepare(|args, _| unit(args, 1)),
    int_row("date_us", Needs::Nothing, date_us, "The microseconds within the current second"),
    text_row("env", Needs::Nothing, env, "An environment variable, as it was at load")
        .args(&[arg("name", ArgKind::Str)], 1)
        .prepare(from_environment),
    int_row("int", Needs::Nothing, int, "The integer given").args(&[arg("integer", ArgKind::Int)], 1),
    FetchRow::new("ipv4", SampleType::Ipv4, Needs::Nothing, ip, "The IPv4 address given")
        .args(&[arg("ipv4", ArgKind::Ipv4)], 1),
    FetchRow::new("ipv6", SampleType::Ipv6, Needs::Nothing, ip, "The IPv6 address given")
        .args(&[arg("ipv6", ArgKind::Ipv6)], 1),
    FetchRow::new("meth", SampleType::Method, Needs::Nothing, method, "The method given")
        .args(&[arg("method", ArgKind::Str)], 1),
    int_row("rand", Needs::Nothing, rand, "A random integer from 0 up to below the range")
        .args(&[arg("range", ArgKind::Int)], 0),
    text_row("str", Needs::Nothing, text, "The text given").args(TEXT, 0),
    text_row(
        "uuid",
        Needs::Nothing,
        uuid,
        "A random UUID (RFC 9562): version 4, or 7, which begins with the time",
    )
    .args(&[arg("version", ArgKind::Int)], 0)
    .prepare(uuid_version),
    FetchRow::new(
        "var",
        SampleType::Any,
        Needs::Nothing,
        var,
        "A variable, or the text given where it is not set",
    )
    .args(&[arg("var-name", ArgKind::Var), arg("default", ArgKind::Str)], 1),
    int_row("accept_date", Needs::Client, accept_date, "When the connection was accepted")
        .args(UNIT, 0)
        .prepare(|args, _| unit(args, 0)),
    int_row("request_date", Needs::RequestKept, request_date, "When the request's first byte arrived")
        .args(UNIT, 0)
        .prepare(|args, _| unit(args, 0)),
];

fn from_hex(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let digits = args.str(0).unwrap_or_default();
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => crate::convert::hex_byte(*high, *low),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let Some(bytes) = bytes else { return Err(BadArg::new(0, "not an even number of hexadecimal digits")) };
    args.put(0, Arg::Str(bytes.into()));
    Ok(())
}

fn from_bool(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let truth = match args.str(0) {
        Some(b"true" | b"1") => 1,
        Some(b"false" | b"0") => 0,
        Some(_) | None => return Err(BadArg::new(0, "must be 'true', 'false', '1' or '0'")),
    };
    args.put(0, Arg::Int(truth));
    Ok(())
}

fn from_environment(args: &mut Args, env: &mut Env<'_>) -> Result<(), BadArg> {
    let name = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let value = env.outside.env_var(&name);
    args.put(0, value.map_or(Arg::Absent, |value| Arg::Str(base::raw::bytes(&value).into())));
    Ok(())
}

/// Leaves how many microseconds the unit has.
fn unit(args: &mut Args, index: usize) -> Result<(), BadArg> {
    let micros = match args.str(index) {
        None | Some(b"" | b"s") => 1_000_000,
        Some(b"ms") => 1_000,
        Some(b"us") => 1,
        Some(_) => return Err(BadArg::new(index, "the unit must be 's', 'ms' or 'us'")),
    };
    args.put(index, Arg::Int(micros));
    Ok(())
}

fn uuid_version(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(0) {
        None | Some(4 | 7) => Ok(()),
        Some(_) => Err(BadArg::new(0, "UUID versions 4 and 7 are supported")),
    }
}

fn bytes<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.str(0).map(|bytes| Sample::Bin(Cow::Borrowed(bytes))))
}

fn truth<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.int(0).map(|truth| Sample::Bool(truth != 0)))
}

fn int<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.int(0).map(Sample::Int))
}

fn ip<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.ip(0).map(Sample::Ip))
}

fn method<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.str(0).map(|name| Sample::Method(Cow::Borrowed(name))))
}

fn text<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(Some(Sample::str(args.str(0).unwrap_or_default())))
}

/// A prepare step put the value in the name's place.
fn env<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.str(0).map(Sample::str))
}

fn date<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let now = scope.now_us() / args.int(1).unwrap_or(1_000_000);
    Ok(Some(Sample::Int(now.saturating_add(args.int(0).unwrap_or(0)))))
}

fn date_us<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(Some(Sample::Int(scope.now_us().rem_euclid(1_000_000))))
}

fn in_unit<'a>(moment: Option<Sample<'a>>, args: &Args) -> Fetched<'a> {
    Ok(moment.and_then(|m| m.to_int()).map(|us| Sample::Int(us / args.int(0).unwrap_or(1_000_000))))
}

fn accept_date<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    in_unit(scope.fact(&Fact::Time(TimeFact::AcceptDateUs)), args)
}

fn request_date<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    in_unit(scope.fact(&Fact::Time(TimeFact::RequestDateUs)), args)
}

/// Evenly spread over the range by multiplying instead of dividing.
fn rand<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let random = i128::from(scope.random());
    let range = i128::from(args.int(0).unwrap_or(1 << 32));
    Ok(i64::try_from((random * range) >> 32).ok().map(Sample::Int))
}

fn var<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let value = args.var(0).and_then(|id| scope.var(id));
    let default = || args.str(1).map(Sample::str);
    Ok(value.or_else(default))
}

/// RFC 9562 sections 5.4 and 5.7.
fn uuid<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let mut bits = (0..4).fold(0u128, |bits, _| bits << 32 | u128::from(scope.random()));
    let version = args.int(0).unwrap_or(4);
    if version == 7 {
        let milliseconds = u128::from(scope.now_us().unsigned_abs() / 1000);
        bits = bits & (u128::MAX >> 48) | milliseconds << 80;
    }
    let version = version.unsigned_abs();
    bits = bits & !(0xf << 76) | u128::from(version) << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{bits:032x}");
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|g| digits.get(g).unwrap_or_default());
    Ok(Some(Sample::owned(groups.join("-"))))
}
