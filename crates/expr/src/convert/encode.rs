//! Encodings: base64 (RFC 4648 sections 4 and 5), hexadecimal, numbers out of bytes, percent-coding.

use super::bytes_of;
use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConvertFn, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

static CHUNKS: &[ArgRow] =
    &[arg("separator", ArgKind::Str), arg("chunk_size", ArgKind::Int), arg("truncate", ArgKind::Int)];

pub(super) static ROWS: &[ConverterRow] = &[
    row("b64dec", SampleType::Str, SampleType::Bin, b64dec, "Decodes base64"),
    row("base64", SampleType::Bin, SampleType::Str, base64, "Encodes as base64"),
    row("base2", SampleType::Bin, SampleType::Str, base2, "Eight binary digits per byte"),
    row(
        "be_sort",
        SampleType::Bin,
        SampleType::Bin,
        be_sort,
        "Big-endian numbers of some bytes each, sorted",
    )
    .args(&[arg("size", ArgKind::Int)], 1)
    .prepare(size_of_a_number),
    row(
        "be2dec",
        SampleType::Bin,
        SampleType::Str,
        be2dec,
        "Big-endian numbers of some bytes each, in decimal",
    )
    .args(CHUNKS, 2)
    .prepare(chunk_of_a_number),
    row("be2hex", SampleType::Bin, SampleType::Str, be2hex, "Hex digits, parted every so many bytes")
        .args(CHUNKS, 0)
        .prepare(chunk_with_separator),
    row("hex", SampleType::Bin, SampleType::Str, hex, "Two hex digits per byte, upper case"),
    row("hex2i", SampleType::Str, SampleType::Int, hex2i, "The integer of hex digits"),
    row("htonl", SampleType::Int, SampleType::Bin, htonl, "The low 32 bits in network order"),
    row(
        "le2dec",
        SampleType::Bin,
        SampleType::Str,
        le2dec,
        "Little-endian numbers of some bytes each, in decimal",
    )
    .args(CHUNKS, 2)
    .prepare(chunk_of_a_number),
    row("ub64dec", SampleType::Str, SampleType::Bin, ub64dec, "Decodes base64url"),
    row("ub64enc", SampleType::Bin, SampleType::Str, ub64enc, "Encodes as base64url, unpadded"),
    row("url_dec", SampleType::Str, SampleType::Str, url_dec, "Decodes percent-coding")
        .args(&[arg("in_form", ArgKind::Int)], 0),
    row("url_enc", SampleType::Str, SampleType::Str, url_enc, "Percent-codes for a query string")
        .args(&[arg("enc_type", ArgKind::Str)], 0)
        .prepare(query_only),
];

const fn row(
    name: &'static str,
    input: SampleType,
    output: SampleType,
    eval: ConvertFn,
    doc: &'static str,
) -> ConverterRow {
    ConverterRow::new(name, input, output, eval, doc)
}

fn chunk_of_a_number(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(1) {
        Some(1..=8) => Ok(()),
        Some(_) | None => Err(BadArg::new(1, "the chunk size must lie between 1 and 8 bytes")),
    }
}

fn chunk_with_separator(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let separated = args.str(0).is_some_and(|s| !s.is_empty());
    match args.int(1) {
        None if separated => Err(BadArg::new(1, "a separator needs a chunk size")),
        Some(0) if separated => Err(BadArg::new(1, "the chunk size must not be 0")),
        Some(size) if size < 0 => Err(BadArg::new(1, "the chunk size must be positive")),
        Some(_) | None => Ok(()),
    }
}

fn query_only(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.str(0) {
        None | Some(b"query" | b"") => Ok(()),
        Some(_) => Err(BadArg::new(0, "the encoding type must be 'query'")),
    }
}

fn base64<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::owned(digits(&bytes_of(input)?, STANDARD, true)))
}

fn ub64enc<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::owned(digits(&bytes_of(input)?, URL_SAFE, false)))
}

fn b64dec<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    base64_decode(&bytes_of(input)?).map(|bytes| Sample::Bin(bytes.into()))
}

fn ub64dec<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    base64url_decode(&bytes_of(input)?).map(|bytes| Sample::Bin(bytes.into()))
}

/// Padded base64.
pub fn base64_encode(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&digits(bytes, STANDARD, true)).into_owned()
}

fn digits(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, b| group << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        let four = [18, 12, 6, 0].map(|shift| alphabet[(group >> shift & 63) as usize]);
        out.extend_from_slice(four.get(..chunk.len() + 1).unwrap_or_default());
        if padded {
            out.resize(out.len() + 3 - chunk.len(), b'=');
        }
    }
    out
}

/// Padded base64; `None` on any other character and on a wrong length.
pub fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    decode_digits(without_padding(text), |b| match b {
        b'+' => Some(62),
        b'/' => Some(63),
        _ => alphanumeric_digit(b),
    })
}

/// base64url with or without padding.
pub(super) fn base64url_decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_digits(without_padding(text), |b| match b {
        b'-' => Some(62),
        b'_' => Some(63),
        _ => alphanumeric_digit(b),
    })
}

fn without_padding(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text)
}

fn alphanumeric_digit(b: u8) -> Option<u8> {
    match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        _ => None,
    }
}

fn decode_digits(text: &[u8], digit: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut group = 0u32;
        for b in chunk {
            group = group << 6 | u32::from(digit(*b)?);
        }
        group <<= 6 * (4 - chunk.len());
        let bytes = group.to_be_bytes();
        out.extend_from_slice(bytes.get(1..chunk.len()).filter(|_| chunk.len() > 1)?);
    }
    Some(out)
}

fn hex<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    let mut out = Vec::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|b| push_hex(*b, &mut out));
    Some(Sample::owned(out))
}

fn base2<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    Some(Sample::owned(bytes.iter().map(|b| format!("{b:08b}")).collect::<String>()))
}

fn size_of_a_number(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(0) {
        Some(1..=8) => Ok(()),
        Some(_) | None => Err(BadArg::new(0, "a number has 1 to 8 bytes")),
    }
}

/// Numbers of one size compare as their bytes do.
fn be_sort<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (bytes, size) = (bytes_of(input)?, usize::try_from(args.int(0)?).ok()?);
    let numbers = bytes.chunks_exact(size);
    if !numbers.remainder().is_empty() {
        return None;
    }
    let mut numbers: Vec<&[u8]> = numbers.collect();
    numbers.sort_unstable();
    Some(Sample::Bin(numbers.concat().into()))
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    out.push(UPPER_HEX[usize::from(byte >> 4)]);
    out.push(UPPER_HEX[usize::from(byte & 15)]);
}

/// The byte of two hex digits.
pub(crate) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Keeps the low 64 bits; a character that is no hex digit leaves no value (both observed on HAProxy 2.6).
fn hex2i<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut value = 0u64;
    for b in bytes_of(input)?.iter() {
        value = value << 4 | u64::from(char::from(*b).to_digit(16)?);
    }
    Some(Sample::Int(value as i64))
}

fn htonl<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let Sample::Int(value) = input else { return None };
    Some(Sample::Bin((value as u32).to_be_bytes().to_vec().into()))
}

fn be2dec<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    chunked(input, args, |chunk, out| push_number(chunk.iter(), out))
}

fn le2dec<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    chunked(input, args, |chunk, out| push_number(chunk.iter().rev(), out))
}

fn push_number<'b>(bytes: impl Iterator<Item = &'b u8>, out: &mut Vec<u8>) {
    let value = bytes.fold(0u64, |value, b| value << 8 | u64::from(*b));
    out.extend_from_slice(value.to_string().as_bytes());
}

fn be2hex<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    chunked(input, args, |chunk, out| chunk.iter().for_each(|b| push_hex(*b, out)))
}

/// Writes chunk after chunk with the separator between them; `truncate` leaves an incomplete last one out.
fn chunked<'a>(
    input: Sample<'a>,
    args: &Args,
    mut write: impl FnMut(&[u8], &mut Vec<u8>),
) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    let size = args.int(1).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let whole_only = size > 0 && args.int(2).unwrap_or(0) != 0;
    let mut out = Vec::with_capacity(bytes.len() * 3);
    for chunk in bytes.chunks(if size == 0 { bytes.len().max(1) } else { size }) {
        if whole_only && chunk.len() < size {
            break;
        }
        if !out.is_empty() {
            out.extend_from_slice(args.str(0).unwrap_or_default());
        }
        write(chunk, &mut out);
    }
    Some(Sample::owned(out))
}

/// `+` is a space in forms: everywhere where told so, else behind the question mark.
fn url_dec<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Some(Sample::Str(text));
    }
    let mut in_form = args.int(0).unwrap_or(0) != 0;
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.iter());
    while let Some(b) = bytes.next() {
        in_form |= *b == b'?';
        out.push(match b {
            b'+' if in_form => b' ',
            b'%' => hex_byte(*bytes.next()?, *bytes.next()?)?,
            other => *other,
        });
    }
    Some(Sample::owned(out))
}

fn url_enc<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if text.iter().all(|b| unreserved(*b)) {
        return Some(Sample::Str(text));
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    for b in text.iter() {
        if unreserved(*b) {
            out.push(*b);
        } else {
            out.push(b'%');
            push_hex(*b, &mut out);
        }
    }
    Some(Sample::owned(out))
}
