//! Dates: `strftime` formats in local time and UTC, and HTTP's own format (RFC 9110 section 5.6.7).

use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConvertFn, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use jiff::Timestamp;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;

static FORMAT: &[ArgRow] = &[arg("format", ArgKind::Str), arg("offset", ArgKind::Int)];

pub(super) static ROWS: &[ConverterRow] = &[
    date("http_date", http_date, "A date as in HTTP fields")
        .args(&[arg("offset", ArgKind::Int), arg("unit", ArgKind::Str)], 0)
        .prepare(unit),
    date("ltime", ltime, "Seconds since the epoch as local time, by a strftime format")
        .args(FORMAT, 1)
        .prepare(read_zone),
    date("ms_ltime", ms_ltime, "Milliseconds since the epoch as local time, by a strftime format")
        .args(FORMAT, 1)
        .prepare(read_zone),
    date("ms_utime", ms_utime, "Milliseconds since the epoch as UTC, by a strftime format").args(FORMAT, 1),
    date("us_ltime", us_ltime, "Microseconds since the epoch as local time, by a strftime format")
        .args(FORMAT, 1)
        .prepare(read_zone),
    date("us_utime", us_utime, "Microseconds since the epoch as UTC, by a strftime format").args(FORMAT, 1),
    date("utime", utime, "Seconds since the epoch as UTC, by a strftime format").args(FORMAT, 1),
];

const fn date(name: &'static str, eval: ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Int, SampleType::Str, eval, doc)
}

fn read_zone(_: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    crate::zone::load();
    Ok(())
}

/// Leaves how many units a second has as the second argument.
fn unit(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let per_second = match args.str(1) {
        None | Some(b"s" | b"") => 1,
        Some(b"ms") => 1_000,
        Some(b"us") => 1_000_000,
        Some(_) => return Err(BadArg::new(1, "the unit must be 's', 'ms' or 'us'")),
    };
    args.put(1, Arg::Int(per_second));
    Ok(())
}

/// Fractions appear where the unit has them, as observed on HAProxy 2.6.
fn http_date<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let Sample::Int(value) = input else { return None };
    let per_second = args.int(1).unwrap_or(1);
    let value = value.saturating_add(args.int(0).unwrap_or(0));
    let format = match per_second {
        1_000 => "%a, %d %b %Y %H:%M:%S.%3f GMT",
        1_000_000 => "%a, %d %b %Y %H:%M:%S.%6f GMT",
        _ => "%a, %d %b %Y %H:%M:%S GMT",
    };
    written(format.as_bytes(), value, per_second, &TimeZone::UTC)
}

fn written(format: &[u8], value: i64, per_second: i64, zone: &TimeZone) -> Option<Sample<'static>> {
    let nanos_per_unit = 1_000_000_000 / i128::from(per_second);
    let moment = Timestamp::from_nanosecond(i128::from(value).checked_mul(nanos_per_unit)?).ok()?;
    let parts = BrokenDownTime::from(&moment.to_zoned(zone.clone()));
    let mut out = String::new();
    // As in C: `%c` and its like by the POSIX locale, and an unknown directive stays as written.
    let config = Config::new().custom(PosixCustom::new()).lenient(true);
    parts.format_with_config(&config, format, &mut out).ok()?;
    Some(Sample::owned(out))
}

fn formatted<'a>(input: &Sample<'a>, args: &Args, per_second: i64, zone: &TimeZone) -> Option<Sample<'a>> {
    let Sample::Int(value) = input else { return None };
    // in the unit of the date
    let value = value.saturating_add(args.int(1).unwrap_or(0));
    written(args.str(0)?, value, per_second, zone)
}

fn ltime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1, crate::zone::load())
}

fn ms_ltime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1_000, crate::zone::load())
}

fn us_ltime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1_000_000, crate::zone::load())
}

fn utime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1, &TimeZone::UTC)
}

fn ms_utime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1_000, &TimeZone::UTC)
}

fn us_utime<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    formatted(&input, args, 1_000_000, &TimeZone::UTC)
}
