//! `json`: a text escaped for use inside a JSON string (RFC 8259 section 7), in pure ASCII.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[ConverterRow] =
    &[ConverterRow::new("json", SampleType::Str, SampleType::Str, json, "Escapes for a JSON string")
        .args(&[arg("input-code", ArgKind::Str)], 0)
        .prepare(prepare)];

/// How bytes become characters.
const ASCII: i64 = 0;
const UTF8: i64 = 1;
/// Wrong sequences are left out instead of ending the conversion.
const SILENT: i64 = 2;
/// Overlong sequences are taken for what they mean.
const PERMISSIVE: i64 = 4;

/// Leaves the decoder's flags as the argument.
fn prepare(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let code = match args.str(0) {
        None | Some(b"" | b"ascii") => ASCII,
        Some(b"utf8") => UTF8,
        Some(b"utf8s") => UTF8 | SILENT,
        Some(b"utf8p") => UTF8 | PERMISSIVE,
        Some(b"utf8ps") => UTF8 | PERMISSIVE | SILENT,
        Some(_) => return Err(BadArg::new(0, "the input code must be ascii, utf8, utf8s, utf8p or utf8ps")),
    };
    args.put(0, Arg::Int(code));
    Ok(())
}

fn json<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, code) = (bytes_of(input)?, args.int(0)?);
    let (mut out, mut rest) = (Vec::with_capacity(text.len() + 8), &text[..]);
    while let Some((first, tail)) = rest.split_first() {
        if code == ASCII {
            escape(u32::from(*first), &mut out);
            rest = tail;
            continue;
        }
        let (character, used) = decode(rest, code & PERMISSIVE != 0);
        match character {
            Some(character) => escape(character, &mut out),
            None if code & SILENT != 0 => {}
            None => return None,
        }
        rest = rest.get(used..)?;
    }
    Some(Sample::owned(out))
}

fn escape(character: u32, out: &mut Vec<u8>) {
    let short = match character {
        0x22 => b'"',
        0x5c => b'\\',
        0x2f => b'/',
        0x08 => b'b',
        0x0c => b'f',
        0x0a => b'n',
        0x0d => b'r',
        0x09 => b't',
        0x20..=0x7e => return out.extend(u8::try_from(character)),
        _ => return out.extend_from_slice(format!("\\u{character:04x}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// The character at the beginning and the bytes it takes. A wrong sequence is as long as its valid beginning;
/// characters above U+FFFF count as wrong, because one `\u` holds four digits (manual section 7.3.1).
fn decode(text: &[u8], permissive: bool) -> (Option<u32>, usize) {
    let Some(first) = text.first() else { return (None, 0) };
    let (mut value, length, smallest) = match first {
        0x00..=0x7f => return (Some(u32::from(*first)), 1),
        0xc0..=0xdf => (u32::from(first & 0x1f), 2, 0x80),
        0xe0..=0xef => (u32::from(first & 0x0f), 3, 0x800),
        0xf0..=0xf7 => (u32::from(first & 0x07), 4, 0x1_0000),
        0x80..=0xbf | 0xf8..=0xff => return (None, 1),
    };
    let mut used = 1;
    for b in text.iter().skip(1).take(length - 1).take_while(|b| *b & 0xc0 == 0x80) {
        value = value << 6 | u32::from(b & 0x3f);
        used += 1;
    }
    let complete = used == length;
    let overlong = value < smallest && !permissive;
    let prohibited = matches!(value, 0xd800..=0xdfff | 0xfffe | 0xffff) || value > 0xffff;
    (Some(value).filter(|_| complete && !overlong && !prohibited), used)
}
