//! Messages of the Financial Information eXchange protocol: fields `tag=value`, each ended by SOH. Only the first
//! message of the bytes is looked at; of one that is not whole yet there is no value.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use memchr::memchr;

const SOH: u8 = 1;
const BEGIN_STRING: i64 = 8;
const BODY_LENGTH: i64 = 9;
const CHECK_SUM: i64 = 10;
const MSG_TYPE: i64 = 35;

/// Tags that have names in configurations.
const NAMES: [(&[u8], i64); 6] = [
    (b"BeginString", BEGIN_STRING),
    (b"BodyLength", BODY_LENGTH),
    (b"MsgType", MSG_TYPE),
    (b"SenderCompID", 49),
    (b"TargetCompID", 56),
    (b"CheckSum", CHECK_SUM),
];

const VERSIONS: [&[u8]; 6] = [b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIXT.1.1"];

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new(
        "fix_is_valid",
        SampleType::Bin,
        SampleType::Bool,
        is_valid,
        "Whether a FIX message is in order, its length and checksum among others",
    ),
    ConverterRow::new(
        "fix_tag_value",
        SampleType::Bin,
        SampleType::Bin,
        value_of,
        "A field of a FIX message",
    )
    .args(&[arg("tag", ArgKind::Str)], 1)
    .prepare(tag),
];

fn tag(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let written = args.str(0).unwrap_or_default();
    let named = NAMES.iter().find(|(name, _)| *name == written).map(|(_, tag)| *tag);
    match named.or_else(|| number(written)).filter(|tag| *tag > 0) {
        Some(tag) => {
            args.put(0, Arg::Int(tag));
            Ok(())
        }
        None => {
            Err(BadArg::new(0, "the tag must be a number or one of the known names, as in 35 or MsgType"))
        }
    }
}

/// Digits only.
fn number(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// The first field of the bytes and how long it is, its end included.
fn field(bytes: &[u8]) -> Option<Field<'_>> {
    let end = memchr(SOH, bytes)?;
    let text = bytes.get(..end)?;
    let equals = memchr(b'=', text).unwrap_or(end);
    let value = text.get(equals + 1..).unwrap_or_default();
    Some(Field { tag: text.get(..equals).and_then(number), value, len: end + 1 })
}

struct Field<'a> {
    /// `None` where it is no number.
    tag: Option<i64>,
    value: &'a [u8],
    len: usize,
}

fn value_of<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    let mut rest = &bytes[..];
    loop {
        let field = field(rest)?;
        if field.tag == args.int(0) && !field.value.is_empty() {
            return Some(Sample::Bin(field.value.to_vec().into()));
        }
        if field.tag == Some(CHECK_SUM) {
            return None;
        }
        rest = rest.get(field.len..)?;
    }
}

fn is_valid<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    validate(&bytes).map(Sample::Bool)
}

/// `None` where more bytes are needed to tell.
fn validate(bytes: &[u8]) -> Option<bool> {
    let version = field(bytes)?;
    if version.tag != Some(BEGIN_STRING) || !VERSIONS.contains(&version.value) {
        return Some(false);
    }
    let behind = bytes.get(version.len..)?;
    let length = field(behind)?;
    let (Some(BODY_LENGTH), Some(announced)) = (length.tag, number(length.value)) else { return Some(false) };
    let start = version.len + length.len;
    let Ok(announced) = usize::try_from(announced) else { return Some(false) };
    if field(bytes.get(start..)?)?.tag != Some(MSG_TYPE) {
        return Some(false);
    }
    fields_up_to_sum(bytes, start, announced)
}

/// Every field is one, and the checksum stands where the length says, with the right sum.
fn fields_up_to_sum(bytes: &[u8], start: usize, announced: usize) -> Option<bool> {
    let mut at = start;
    loop {
        let field = field(bytes.get(at..)?)?;
        let Some(tag) = field.tag else { return Some(false) };
        if field.value.is_empty() {
            return None;
        }
        if tag == CHECK_SUM {
            let sum = bytes.get(..at)?.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            let right = field.value.len() == 3 && number(field.value) == Some(i64::from(sum));
            return Some(right && at - start == announced);
        }
        at += field.len;
    }
}
