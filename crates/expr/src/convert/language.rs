//! `language`: the best of the given languages by an `Accept-Language` header (RFC 9110 section 12.5.4).

use super::bytes_of;
use crate::args::Args;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use http::fields::trim;

pub(super) static ROWS: &[ConverterRow] =
    &[ConverterRow::new("language", SampleType::Str, SampleType::Str, language, "The preferred language")
        .args(&[arg("value", ArgKind::Str), arg("default", ArgKind::Str)], 1)];

/// The first of the wanted languages with the highest weight, as written in the arguments; else the default.
fn language<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (header, known) = (bytes_of(input)?, args.str(0)?);
    let mut best: Option<(u32, &[u8])> = None;
    for item in header.split(|b| *b == b',') {
        let (tag, weight) = tag_and_weight(item);
        let Some(language) = known_language(known, tag) else { continue };
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language).or_else(|| args.str(1)).map(Sample::str)
}

/// `tag;q=0.8` -> tag and thousandths; 1000 without a weight or with one that is no number.
fn tag_and_weight(item: &[u8]) -> (&[u8], u32) {
    let mut parts = item.split(|b| *b == b';').map(trim);
    let tag = parts.next().unwrap_or_default();
    let weight = parts.find_map(|p| p.strip_prefix(b"q=").or_else(|| p.strip_prefix(b"Q=")));
    (tag, weight.and_then(thousandths).unwrap_or(1000))
}

fn thousandths(text: &[u8]) -> Option<u32> {
    let (whole, fraction) = match text {
        [whole @ b'0'..=b'1'] => (whole, &b""[..]),
        [whole @ b'0'..=b'1', b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    let mut value = u32::from(whole - b'0');
    for place in 0..3 {
        let digit = fraction.get(place).copied().unwrap_or(b'0');
        value = value * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(value.min(1000))
}

/// The language of the `;` separated list that the tag names: with its variant where the list has that, else by what
/// stands before the dash.
fn known_language<'k>(known: &'k [u8], tag: &[u8]) -> Option<&'k [u8]> {
    let find = |tag: &[u8]| known.split(|b| *b == b';').find(|l| !l.is_empty() && *l == tag);
    let base = tag.split(|b| *b == b'-').next().unwrap_or_default();
    find(tag).or_else(|| find(base))
}
