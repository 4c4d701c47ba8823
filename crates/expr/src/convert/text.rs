//! Converters that cut, glue and compare texts.

use super::{bytes_of, piece};
use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use memchr::{memchr, memchr2};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

static NTH: &[ArgRow] =
    &[arg("index", ArgKind::Int), arg("delimiters", ArgKind::Str), arg("count", ArgKind::Int)];
static CHARS: &[ArgRow] = &[arg("chars", ArgKind::Str)];
static VAR: &[ArgRow] = &[arg("var", ArgKind::Var)];
static START_VAR_END: &[ArgRow] =
    &[arg("start", ArgKind::Str), arg("var", ArgKind::Var), arg("end", ArgKind::Str)];
static DELIM_VAR_SUFFIX: &[ArgRow] =
    &[arg("delim", ArgKind::Str), arg("var", ArgKind::Var), arg("suff", ArgKind::Str)];

pub(super) static ROWS: &[ConverterRow] = &[
    text("add_item", add_item, "Appends a variable and a suffix behind a delimiter, unless they are empty")
        .args(DELIM_VAR_SUFFIX, 1)
        .prepare(needs_item),
    ConverterRow::new("bytes", SampleType::Bin, SampleType::Bin, bytes, "Some bytes from an offset on")
        .args(&[arg("offset", ArgKind::IntOrVar), arg("length", ArgKind::IntOrVar)], 1),
    text("concat", concat, "Appends a text, a variable and a text").args(START_VAR_END, 0),
    text("cut_crlf", cut_crlf, "What stands before the first CR or LF"),
    text("field", field, "The nth field between delimiters, and `count` - 1 more")
        .args(NTH, 2)
        .prepare(index_not_zero),
    ConverterRow::new("iif", SampleType::Bool, SampleType::Str, iif, "One text for true, another for false")
        .args(&[arg("true", ArgKind::Str), arg("false", ArgKind::Str)], 2),
    ConverterRow::new("length", SampleType::Str, SampleType::Int, length, "The length in bytes"),
    text("lower", lower, "ASCII letters in lower case"),
    text("ltrim", ltrim, "Without these characters at its beginning").args(CHARS, 1),
    text("param", param, "The value of a parameter in a query string")
        .args(PARAM, 1)
        .prepare(single_delimiter),
    text("rtrim", rtrim, "Without these characters at its end").args(CHARS, 1),
    ConverterRow::new(
        "secure_memcmp",
        SampleType::Bin,
        SampleType::Bool,
        secure_memcmp,
        "True where the variable holds the same bytes; takes the same time for equal lengths",
    )
    .args(VAR, 1),
    ConverterRow::new(
        "strcmp",
        SampleType::Str,
        SampleType::Int,
        strcmp,
        "0 where the variable holds the same text, else below or above 0",
    )
    .args(VAR, 1),
    text("upper", upper, "ASCII letters in upper case"),
    text("word", word, "The nth non-empty word between delimiters, and `count` - 1 more")
        .args(NTH, 2)
        .prepare(index_not_zero),
];

static PARAM: &[ArgRow] = &[arg("name", ArgKind::Str), arg("delim", ArgKind::Str)];

const fn text(name: &'static str, eval: crate::rows::ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Str, SampleType::Str, eval, doc)
}

fn index_not_zero(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(0) {
        Some(0) => Err(BadArg::new(0, "an index counts from 1, or from -1 at the end")),
        Some(_) | None => Ok(()),
    }
}

fn needs_item(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    if args.has(1) || args.str(2).is_some_and(|suffix| !suffix.is_empty()) {
        return Ok(());
    }
    Err(BadArg::new(1, "add_item needs a variable or a suffix behind the delimiter"))
}

fn lower<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut text = bytes_of(input)?;
    if text.iter().any(u8::is_ascii_uppercase) {
        text.to_mut().make_ascii_lowercase();
    }
    Some(Sample::Str(text))
}

fn upper<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut text = bytes_of(input)?;
    if text.iter().any(u8::is_ascii_lowercase) {
        text.to_mut().make_ascii_uppercase();
    }
    Some(Sample::Str(text))
}

fn length<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    i64::try_from(bytes_of(input)?.len()).ok().map(Sample::Int)
}

fn bytes<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let bytes = bytes_of(input)?;
    let offset = usize::try_from(args.int_or_var(0, scope)?).unwrap_or(usize::MAX).min(bytes.len());
    let rest = bytes.len() - offset;
    let length = match args.has(1) {
        true => usize::try_from(args.int_or_var(1, scope)?).unwrap_or(0).min(rest),
        false => rest,
    };
    Some(Sample::Bin(piece(bytes, offset..offset + length)))
}

fn cut_crlf<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let end = memchr2(b'\r', b'\n', &text).unwrap_or(text.len());
    Some(Sample::Str(piece(text, 0..end)))
}

fn ltrim<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, chars) = (bytes_of(input)?, args.str(0)?);
    let start = text.iter().position(|b| !chars.contains(b)).unwrap_or(text.len());
    let end = text.len();
    Some(Sample::Str(piece(text, start..end)))
}

fn rtrim<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, chars) = (bytes_of(input)?, args.str(0)?);
    let end = text.iter().rposition(|b| !chars.contains(b)).map_or(0, |last| last + 1);
    Some(Sample::Str(piece(text, 0..end)))
}

fn iif<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let Sample::Bool(truth) = input else { return None };
    Some(Sample::str(args.str(if truth { 0 } else { 1 }).unwrap_or_default()))
}

fn variable(args: &Args, index: usize, scope: &dyn Scope) -> Option<Cow<'static, [u8]>> {
    bytes_of(scope.var(args.var(index)?)?.cast(SampleType::Str)?)
}

fn concat<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut text = bytes_of(input)?.into_owned();
    text.extend_from_slice(args.str(0).unwrap_or_default());
    text.extend_from_slice(&variable(args, 1, scope).unwrap_or_default());
    text.extend_from_slice(args.str(2).unwrap_or_default());
    Some(Sample::owned(text))
}

fn add_item<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut text = bytes_of(input)?.into_owned();
    let value = variable(args, 1, scope).unwrap_or_default();
    let suffix = args.str(2).unwrap_or_default();
    let adds = !value.is_empty() || !suffix.is_empty();
    if adds && !text.is_empty() {
        text.extend_from_slice(args.str(0).unwrap_or_default());
    }
    text.extend_from_slice(&value);
    text.extend_from_slice(suffix);
    Some(Sample::owned(text))
}

/// The sign is what counts; the size is the difference of the first differing bytes or of the lengths.
fn strcmp<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let (left, right) = (bytes_of(input)?, variable(args, 0, scope)?);
    let difference = left.iter().zip(right.iter()).find(|(l, r)| l != r);
    let result = match (difference, left.len().cmp(&right.len())) {
        (Some((l, r)), _) => i64::from(*l) - i64::from(*r),
        (None, Ordering::Less) => -1,
        (None, Ordering::Equal) => 0,
        (None, Ordering::Greater) => 1,
    };
    Some(Sample::Int(result))
}

fn secure_memcmp<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let right = bytes_of(scope.var(args.var(0)?)?.cast(SampleType::Bin)?)?;
    Some(Sample::Bool(crate::password::same_bytes(&bytes_of(input)?, &right)))
}

fn single_delimiter(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.str(1) {
        Some(delimiter) if delimiter.len() > 1 => {
            Err(BadArg::new(1, "the delimiter must be a single character"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The first parameter of that name; empty where it has no `=`.
fn param<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let (text, name) = (bytes_of(input)?, args.str(0)?);
    let delimiter = args.str(1).and_then(|d| d.first().copied()).unwrap_or(b'&');
    let mut start = 0;
    for piece_of in text.split(|b| *b == delimiter) {
        let end = start + piece_of.len();
        match piece_of.strip_prefix(name) {
            Some([b'=', ..]) => return Some(Sample::Str(piece(text, start + name.len() + 1..end))),
            Some([]) => return Some(Sample::Str(piece(text, end..end))),
            Some(_) | None => start = end + 1,
        }
    }
    None
}

fn field<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let range = field_range(&text, args.int(0)?, args.str(1)?, args.int(2).unwrap_or(1))?;
    Some(Sample::Str(piece(text, range)))
}

/// From the `index`th field (from the end, where negative) over `count` fields in the same direction; 0 takes all.
fn field_range(text: &[u8], index: i64, delimiters: &[u8], count: i64) -> Option<Range<usize>> {
    let skip = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let more = usize::try_from(count).ok()?.checked_sub(1);
    let ends = |b: &u8| delimiters.contains(b);
    if index > 0 {
        let mut starts = std::iter::once(0).chain(positions(text, ends).map(|at| at + 1));
        let start = starts.nth(skip)?;
        let next = more.and_then(|more| starts.nth(more));
        Some(start..next.map_or(text.len(), |next| next - 1))
    } else {
        let mut stops = std::iter::once(text.len()).chain(positions(text, ends).rev());
        let end = stops.nth(skip)?;
        let before = more.and_then(|more| stops.nth(more));
        Some(before.map_or(0, |at| at + 1)..end)
    }
}

fn positions<'t>(
    text: &'t [u8],
    is_delimiter: impl Fn(&u8) -> bool + 't,
) -> impl DoubleEndedIterator<Item = usize> + 't {
    text.iter().enumerate().filter(move |(_, b)| is_delimiter(b)).map(|(at, _)| at)
}

fn word<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let text = bytes_of(input)?;
    let range = word_range(&text, args.int(0)?, args.str(1)?, args.int(2).unwrap_or(1));
    Some(Sample::Str(piece(text, range.unwrap_or(0..0))))
}

/// Like [`field_range`] over non-empty words. Where fewer words follow than asked for, the rest of the text belongs to
/// the answer, delimiters included; a word that does not exist is empty (both observed on HAProxy 2.6).
fn word_range(text: &[u8], index: i64, delimiters: &[u8], count: i64) -> Option<Range<usize>> {
    let skip = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let more = usize::try_from(count).ok()?.checked_sub(1);
    if index > 0 {
        let mut words = words(text, delimiters).skip(skip);
        let first = words.next()?;
        let last = last_of(&first, words, more);
        Some(first.start..last.map_or(text.len(), |w| w.end))
    } else {
        let all: Vec<Range<usize>> = words(text, delimiters).collect();
        let mut words = all.into_iter().rev().skip(skip);
        let first = words.next()?;
        let last = last_of(&first, words, more);
        Some(last.map_or(0, |w| w.start)..first.end)
    }
}

/// The word `more` words behind `first`; `None` where the text ends before, or all are wanted.
fn last_of(
    first: &Range<usize>,
    mut following: impl Iterator<Item = Range<usize>>,
    more: Option<usize>,
) -> Option<Range<usize>> {
    match more? {
        0 => Some(first.clone()),
        more => following.nth(more - 1),
    }
}

fn words<'t>(text: &'t [u8], delimiters: &'t [u8]) -> impl Iterator<Item = Range<usize>> + 't {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text.get(at..)?.iter().position(|b| !delimiters.contains(b))?;
        let start = at;
        let rest = text.get(at..)?;
        let end = match delimiters {
            [one] => memchr(*one, rest),
            _ => rest.iter().position(|b| delimiters.contains(b)),
        };
        at += end.unwrap_or(rest.len());
        Some(start..at)
    })
}
