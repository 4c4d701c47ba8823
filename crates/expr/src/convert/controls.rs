//! `has_ctl`: whether a value holds control characters.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[ConverterRow] = &[ConverterRow::new(
    "has_ctl",
    SampleType::Bin,
    SampleType::Bool,
    has_ctl,
    "Whether it holds control characters: any but tabs, 'any', those that HTTP forbids ('http'), or a mask of them",
)
.args(&[arg("set", ArgKind::Str)], 0)
.prepare(read)];

/// Bit N stands for character N; the 33rd, bit 32, for DEL.
const ANY: i64 = 0x1_ffff_ffff;
const TAB: i64 = 1 << b'\t';
/// RFC 9110 section 5.5: CR, LF and NUL.
const HTTP: i64 = 1 | 1 << b'\r' | 1 << b'\n';

fn read(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let mask = match args.str(0).unwrap_or_default() {
        b"" => Some(ANY & !TAB),
        b"any" => Some(ANY),
        b"http" => Some(HTTP),
        other => std::str::from_utf8(other).ok().and_then(number).filter(|mask| (0..=ANY).contains(mask)),
    };
    let why = "'any', 'http' or a mask of at most 0x1ffffffff is expected";
    args.put(0, Arg::Int(mask.ok_or_else(|| BadArg::new(0, why))?));
    Ok(())
}

/// Decimal, or hexadecimal behind `0x`.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn has_ctl<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let mask = args.int(0)?;
    let in_mask = |b: &u8| match b {
        0..32 => mask >> b & 1 == 1,
        127 => mask >> 32 & 1 == 1,
        _ => false,
    };
    Some(Sample::Bool(bytes_of(input)?.iter().any(in_mask)))
}
