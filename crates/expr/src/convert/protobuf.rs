//! Protocol buffers and gRPC: a field by its number, also inside messages (`3.1`). Without a type a field's bytes are its
//! value, with one it is an integer.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConverterRow, arg};
use crate::sample::{Sample, SampleType};

static ARGS: &[ArgRow] = &[arg("field_number", ArgKind::Str), arg("field_type", ArgKind::Str)];

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new(
        "protobuf",
        SampleType::Bin,
        SampleType::Bin,
        |input, args, _| found(&bytes_of(input)?, args),
        "A field of a protocol buffers message",
    )
    .args(ARGS, 1)
    .prepare(read),
    ConverterRow::new(
        "ungrpc",
        SampleType::Bin,
        SampleType::Bin,
        |input, args, _| found(message(&bytes_of(input)?)?, args),
        "A field of the first gRPC message",
    )
    .args(ARGS, 1)
    .prepare(read),
];

/// How a field stands in the message (protocol buffers encoding, "wire types").
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Varint,
    Bits64,
    Bytes,
    Bits32,
}

impl Wire {
    fn of(key: u64) -> Option<Wire> {
        match key & 7 {
            0 => Some(Wire::Varint),
            1 => Some(Wire::Bits64),
            2 => Some(Wire::Bytes),
            5 => Some(Wire::Bits32),
            _ => None,
        }
    }
}

/// A type's name, how it stands in the message, and its integer from what stands there as 64 bits.
type Type = (&'static str, Wire, fn(u64) -> i64);

static TYPES: [Type; 14] = [
    ("int32", Wire::Varint, |n| i64::from(n as i32)),
    ("uint32", Wire::Varint, |n| i64::from(n as u32)),
    ("sint32", Wire::Varint, |n| i64::from(zigzag(n) as i32)),
    ("int64", Wire::Varint, u64::cast_signed),
    ("uint64", Wire::Varint, u64::cast_signed),
    ("sint64", Wire::Varint, zigzag),
    ("bool", Wire::Varint, u64::cast_signed),
    ("enum", Wire::Varint, u64::cast_signed),
    ("fixed64", Wire::Bits64, u64::cast_signed),
    ("sfixed64", Wire::Bits64, u64::cast_signed),
    ("double", Wire::Bits64, |n| f64::from_bits(n) as i64),
    ("fixed32", Wire::Bits32, |n| i64::from(n as u32)),
    ("sfixed32", Wire::Bits32, |n| i64::from(n as i32)),
    ("float", Wire::Bits32, |n| f32::from_bits(n as u32) as i64),
];

fn zigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// The type's place in the table takes the place of its name; the path stays text and is read once more at each use.
fn read(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let path = args.str(0).unwrap_or_default();
    if numbers(path).is_none() {
        return Err(BadArg::new(0, "the field must be a number, or numbers joined by dots as in 3.1"));
    }
    let Some(written) = args.str(1).filter(|name| !name.is_empty()) else { return Ok(()) };
    match TYPES.iter().position(|(name, ..)| name.as_bytes() == written) {
        Some(index) => {
            args.put(1, Arg::Int(index as i64));
            Ok(())
        }
        None => Err(BadArg::new(1, format!("unknown type '{}'", String::from_utf8_lossy(written)))),
    }
}

fn numbers(path: &[u8]) -> Option<Vec<u64>> {
    let number = |part: &[u8]| std::str::from_utf8(part).ok()?.parse::<u64>().ok().filter(|n| *n > 0);
    path.split(|b| *b == b'.').map(number).collect()
}

/// The first message behind its flag and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
fn message(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<5>()?;
    let [_, length @ ..] = header;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

fn found(message: &[u8], args: &Args) -> Option<Sample<'static>> {
    let path = numbers(args.str(0)?)?;
    let (last, outer) = path.split_last()?;
    let mut message = message;
    for number in outer {
        message = field(message, *number, Some(Wire::Bytes))?.0;
    }
    match args.int(1) {
        None => Some(Sample::Bin(field(message, *last, None)?.0.to_vec().into())),
        Some(index) => {
            let (_, wire, integer) = TYPES.get(usize::try_from(index).ok()?)?;
            Some(Sample::Int(integer(field(message, *last, Some(*wire))?.1)))
        }
    }
}

/// The first field of that number and kind: its bytes, and what they are as a number.
fn field(mut rest: &[u8], number: u64, wanted: Option<Wire>) -> Option<(&[u8], u64)> {
    loop {
        let (key, behind) = varint(rest)?;
        let wire = Wire::of(key)?;
        let (bytes, value, after) = content(wire, behind)?;
        if key >> 3 == number && wanted.is_none_or(|wanted| wanted == wire) {
            return Some((bytes, value));
        }
        rest = after;
    }
}

/// A field's bytes, their number, and what follows.
fn content(wire: Wire, rest: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    match wire {
        Wire::Varint => {
            let (value, after) = varint(rest)?;
            Some((rest.get(..rest.len() - after.len())?, value, after))
        }
        Wire::Bits64 => {
            let (bytes, after) = rest.split_first_chunk::<8>()?;
            Some((bytes, u64::from_le_bytes(*bytes), after))
        }
        Wire::Bits32 => {
            let (bytes, after) = rest.split_first_chunk::<4>()?;
            Some((bytes, u32::from_le_bytes(*bytes).into(), after))
        }
        Wire::Bytes => {
            let (len, behind) = varint(rest)?;
            let (bytes, after) = behind.split_at_checked(usize::try_from(len).ok()?)?;
            Some((bytes, 0, after))
        }
    }
}

/// Seven bits a byte, the lowest first; at most ten bytes.
fn varint(rest: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, rest.get(index + 1..)?));
        }
    }
    None
}
