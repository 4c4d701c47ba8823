//! Looking values up in JSON (RFC 8259) by a path of names and indexes, and in the parts of a JSON web token. The
//! reader walks to the value asked for and looks at nothing behind it.

use super::bytes_of;
use super::encode::base64url_decode;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ArgRow, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

/// Objects and arrays inside one another that the reader follows: deeper ones would only exhaust the stack.
const MAX_DEPTH: usize = 64;

static PATH: &[ArgRow] = &[arg("json_path", ArgKind::Str), arg("output_type", ArgKind::Str)];

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new("json_query", SampleType::Str, SampleType::Any, json_query, "A value by its JSON path")
        .args(PATH, 1)
        .prepare(prepare),
    ConverterRow::new(
        "jwt_header_query",
        SampleType::Bin,
        SampleType::Any,
        jwt_header,
        "A JSON web token's header, or a value in it",
    )
    .args(PATH, 0)
    .prepare(prepare),
    ConverterRow::new(
        "jwt_payload_query",
        SampleType::Bin,
        SampleType::Any,
        jwt_payload,
        "A JSON web token's payload, or a value in it",
    )
    .args(PATH, 0)
    .prepare(prepare),
];

/// Checks path and type; leaves 1 as second argument where integers are wanted.
fn prepare(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.str(0) {
        Some(path) if !Steps(path.strip_prefix(b"$").unwrap_or(b"x")).all(|step| step.is_some()) => {
            return Err(BadArg::new(0, "not a JSON path: write '$.name', '$.name[0].inner' and so on"));
        }
        Some(_) | None => {}
    }
    let int = match args.str(1) {
        None | Some(b"") => 0,
        Some(b"int") => 1,
        Some(_) => return Err(BadArg::new(1, "the output type must be 'int'")),
    };
    args.put(1, Arg::Int(int));
    Ok(())
}

fn json_query<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    query(&bytes_of(input)?, args)
}

fn jwt_header<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    token_part(&bytes_of(input)?, 0, args)
}

fn jwt_payload<'a>(input: Sample<'a>, args: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    token_part(&bytes_of(input)?, 1, args)
}

/// A token is three base64url parts parted by dots (RFC 7515 section 3.1); the signature may be missing here, nothing
/// is verified.
fn token_part(token: &[u8], part: usize, args: &Args) -> Option<Sample<'static>> {
    let mut parts = token.split(|b| *b == b'.');
    let encoded = parts.nth(part)?;
    if parts.count() + part > 2 {
        return None;
    }
    let json = base64url_decode(encoded)?;
    if args.has(0) { query(&json, args) } else { Some(Sample::owned(json)) }
}

fn query(json: &[u8], args: &Args) -> Option<Sample<'static>> {
    let mut reader = Reader { rest: json };
    for step in Steps(args.str(0)?.strip_prefix(b"$")?) {
        match step? {
            Step::Name(name) => reader.enter_member(&name)?,
            Step::Index(index) => reader.enter_element(index)?,
        }
    }
    let value = reader.value()?;
    if args.int(1) == Some(1) { as_int(value) } else { Some(value) }
}

/// Integers, the whole part of other numbers, and texts that are integers.
fn as_int(value: Sample<'static>) -> Option<Sample<'static>> {
    match value {
        Sample::Int(_) => Some(value),
        Sample::Bool(truth) => Some(Sample::Int(i64::from(truth))),
        Sample::Str(text) => {
            let number: f64 = std::str::from_utf8(&text).ok()?.parse().ok()?;
            Some(Sample::Int(number as i64))
        }
        Sample::Ip(_) | Sample::Bin(_) | Sample::Method(_) => None,
    }
}

#[derive(Debug, PartialEq)]
enum Step {
    Name(Vec<u8>),
    Index(usize),
}

/// The steps of a path behind its `$`; a `None` among them marks a malformed one.
struct Steps<'p>(&'p [u8]);

impl Iterator for Steps<'_> {
    type Item = Option<Step>;

    fn next(&mut self) -> Option<Option<Step>> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match first {
            b'.' => self.name(),
            b'[' => self.index(),
            _ => {
                self.0 = b"";
                None
            }
        })
    }
}

impl Steps<'_> {
    /// A member's name; dots and brackets in it stand behind a backslash.
    fn name(&mut self) -> Option<Step> {
        let mut name = Vec::new();
        while let Some((first, rest)) = self.0.split_first() {
            match (first, rest) {
                (b'\\', [escaped, rest @ ..]) => {
                    name.push(*escaped);
                    self.0 = rest;
                    continue;
                }
                (b'.' | b'[', _) => break,
                (other, _) => name.push(*other),
            }
            self.0 = rest;
        }
        (!name.is_empty()).then_some(Step::Name(name))
    }

    fn index(&mut self) -> Option<Step> {
        let end = self.0.iter().position(|b| *b == b']')?;
        let digits = std::str::from_utf8(self.0.get(..end)?).ok()?;
        self.0 = self.0.get(end + 1..)?;
        digits.parse().ok().map(Step::Index)
    }
}

/// What is left to read.
struct Reader<'j> {
    rest: &'j [u8],
}

impl<'j> Reader<'j> {
    /// The next byte that is no white space, taken.
    fn token(&mut self) -> Option<u8> {
        let token = self.peek()?;
        self.rest = self.rest.get(1..)?;
        Some(token)
    }

    fn peek(&mut self) -> Option<u8> {
        let at = self.rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'))?;
        self.rest = self.rest.get(at..)?;
        self.rest.first().copied()
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.token()? == wanted).then_some(())
    }

    /// Stands before the value of the first member of that name.
    fn enter_member(&mut self, name: &[u8]) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.expect(b'"')?;
            let found = self.string()? == name;
            self.expect(b':')?;
            if found {
                return Some(());
            }
            self.skip(0)?;
            self.expect(b',')?;
        }
    }

    fn enter_element(&mut self, index: usize) -> Option<()> {
        self.expect(b'[')?;
        for _ in 0..index {
            self.skip(0)?;
            self.expect(b',')?;
        }
        (self.peek()? != b']').then_some(())
    }

    /// The value here. Arrays are their text; objects and null have none.
    fn value(&mut self) -> Option<Sample<'static>> {
        match self.peek()? {
            b'"' => {
                self.token()?;
                self.string().map(Sample::owned)
            }
            b't' => self.word(b"true").map(|()| Sample::Bool(true)),
            b'f' => self.word(b"false").map(|()| Sample::Bool(false)),
            b'-' | b'0'..=b'9' => number(self.bare()),
            b'[' => {
                let start = self.rest;
                self.skip(0)?;
                Some(Sample::owned(start.get(..start.len() - self.rest.len())?))
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// A number or word, up to what can follow one.
    fn bare(&mut self) -> &'j [u8] {
        let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let end = self.rest.iter().position(|b| !inside(b)).unwrap_or(self.rest.len());
        let (bare, rest) = self.rest.split_at(end);
        self.rest = rest;
        bare
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.token()?;
                self.string().map(|_| ())
            }
            b'{' | b'[' if depth == MAX_DEPTH => None,
            b'{' => self.skip_list(b'}', depth),
            b'[' => self.skip_list(b']', depth),
            _ => (!self.bare().is_empty()).then_some(()),
        }
    }

    fn skip_list(&mut self, end: u8, depth: usize) -> Option<()> {
        self.token()?;
        if self.peek()? == end {
            return self.expect(end);
        }
        loop {
            if end == b'}' {
                self.expect(b'"')?;
                self.string()?;
                self.expect(b':')?;
            }
            self.skip(depth + 1)?;
            match self.token()? {
                b',' => {}
                closing => return (closing == end).then_some(()),
            }
        }
    }

    /// The inside of a string whose opening quote was taken, its escapes resolved.
    fn string(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => return Some(out),
                b'\\' => self.escape(&mut out)?,
                other => out.push(*other),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        out.push(match first {
            b'"' | b'\\' | b'/' => *first,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut utf8 = [0; 4];
                out.extend_from_slice(self.character()?.encode_utf8(&mut utf8).as_bytes());
                return Some(());
            }
            _ => return None,
        });
        Some(())
    }

    /// The character of `\uXXXX`, of which a surrogate pair takes two; a lone surrogate becomes U+FFFD.
    fn character(&mut self) -> Option<char> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.rest;
        let low = self.rest.strip_prefix(b"\\u").and_then(|rest| {
            self.rest = rest;
            self.four_digits()
        });
        match low {
            Some(low @ 0xdc00..=0xdfff) => {
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            Some(_) | None => {
                self.rest = before;
                Some(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        digits.iter().try_fold(0, |value, b| Some(value << 4 | char::from(*b).to_digit(16)?))
    }
}

/// Integers as such, other numbers as text.
fn number(text: &[u8]) -> Option<Sample<'static>> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(int) = text.parse::<i64>() {
        return Some(Sample::Int(int));
    }
    let number: f64 = text.parse().ok().filter(|n: &f64| n.is_finite())?;
    Some(Sample::owned(number.to_string()))
}
