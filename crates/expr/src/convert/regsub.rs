//! `regsub`: substitution by regular expression, in the manner of sed.

use super::bytes_of;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use regex::bytes::{Captures, RegexBuilder};

/// Bytes that a substitution may make of one text: HAProxy's default buffer, which bounds it there.
const MAX_RESULT: usize = 16 * 1024;

pub(super) static ROWS: &[ConverterRow] =
    &[ConverterRow::new("regsub", SampleType::Str, SampleType::Str, regsub, "Replaces what a regex matches")
        .args(&[arg("regex", ArgKind::Regex), arg("subst", ArgKind::Str), arg("flags", ArgKind::Str)], 2)
        .prepare(prepare)];

/// Resolves the flags: `i` goes into the regex, `g` becomes the third argument's integer.
fn prepare(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let flags = args.str(2).unwrap_or_default().to_vec();
    if let Some(other) = flags.iter().find(|f| !matches!(f, b'i' | b'g')) {
        return Err(BadArg::new(2, format!("unknown flag '{}': 'i' and 'g' exist", char::from(*other))));
    }
    if flags.contains(&b'i') {
        let plain = args.regex(0).map(|r| r.as_str().to_owned()).unwrap_or_default();
        let regex = RegexBuilder::new(&plain).case_insensitive(true).unicode(false).build();
        args.put(0, Arg::Regex(Box::new(regex.map_err(|e| BadArg::new(0, e.to_string()))?)));
    }
    args.put(2, Arg::Int(i64::from(flags.contains(&b'g'))));
    Ok(())
}

fn regsub<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, regex) = (bytes_of(input)?, args.regex(0)?);
    let (subst, all) = (args.str(1)?, args.int(2) == Some(1));
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(found) = regex.captures_at(&text, at) {
        let whole = found.get(0)?;
        out.extend_from_slice(text.get(at..whole.start())?);
        expand(subst, &found, &mut out);
        at = whole.end();
        if !all || at >= text.len() && !whole.is_empty() || out.len() > MAX_RESULT {
            break;
        }
        if whole.is_empty() {
            let Some(byte) = text.get(at) else { break };
            out.push(*byte);
            at += 1;
        }
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out.truncate(MAX_RESULT);
    Some(Sample::owned(out))
}

/// Appends `template` with `\0` to `\9` replaced by groups, `\xHH` by that byte and any other `\c` by `c`.
pub(super) fn expand(template: &[u8], groups: &Captures<'_>, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'\\', [digit @ b'0'..=b'9', tail @ ..]) => {
                let group = groups.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(&b""[..], |g| g.as_bytes()));
                rest = tail;
            }
            (b'\\', [b'x', high, low, tail @ ..])
                if let Some(byte) = super::encode::hex_byte(*high, *low) =>
            {
                out.push(byte);
                rest = tail;
            }
            (b'\\', [other, tail @ ..]) => {
                out.push(*other);
                rest = tail;
            }
            (byte, _) => out.push(*byte),
        }
    }
}
