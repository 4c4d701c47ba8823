//! What an item or an expression yields before it is written in an encoding: numbers as numbers, texts as they are, and
//! what is missing as nothing. Knows no encoding.

use super::Flags;
use super::items::{ItemRow, Print};
use super::print::Printer;
use crate::expression::Expr;
use crate::sample::Sample;
use crate::scope::Scope;
use std::borrow::Cow;

/// The type that an item's name asks for: `%(name:type)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `str`
    Str,
    /// `sint`
    Int,
    /// `bool`
    Bool,
}

impl Kind {
    /// All of them, by name.
    pub(super) const ALL: [(&'static str, Kind); 3] =
        [("str", Kind::Str), ("sint", Kind::Int), ("bool", Kind::Bool)];
}

/// A value to be encoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum<'a> {
    /// There is none.
    Missing,
    Bool(bool),
    Int(i64),
    Text(Cow<'a, [u8]>),
    /// A text made of pieces.
    Assembled(Vec<u8>),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Option<Vec<u8>>>),
}

impl<'a> Datum<'a> {
    /// What an item yields. Of its flags only `X` counts: the others are about text.
    pub(super) fn of_item(row: &ItemRow, flags: Flags, scope: &dyn Scope) -> Datum<'static> {
        let plain = Flags { hex: flags.hex, raw: true, ..Flags::default() };
        let mut text = Vec::new();
        let mut printer = Printer::new(scope, &mut text, super::Escape::None);
        match &row.print {
            Print::CaptureList(side) => return Datum::List(printer.captured(*side)),
            print => printer.print(print, plain),
        }
        match nature(&row.print) {
            _ if text.is_empty() => Datum::Missing,
            Nature::Number if !flags.hex => number(&text),
            Nature::Number | Nature::Text => Datum::Text(text.into()),
            Nature::Assembled => Datum::Assembled(text),
        }
    }

    /// What an expression yields.
    pub(super) fn of_value(expr: &'a Expr, scope: &'a dyn Scope) -> Datum<'a> {
        match expr.eval(scope) {
            None => Datum::Missing,
            Some(Sample::Bool(truth)) => Datum::Bool(truth),
            Some(Sample::Int(number)) => Datum::Int(number),
            Some(Sample::Ip(address)) => Datum::Text(address.to_string().into_bytes().into()),
            Some(Sample::Str(text) | Sample::Method(text)) => Datum::Text(text),
            Some(Sample::Bin(bytes)) => Datum::Bytes(bytes),
        }
    }

    /// The same as another type; missing where it is none of that type. Lists stay lists.
    pub(super) fn typed(self, kind: Kind) -> Datum<'a> {
        match (kind, self) {
            (_, Datum::Missing) => Datum::Missing,
            (_, list @ Datum::List(_)) => list,
            (Kind::Str, Datum::Bool(truth)) => Datum::Text(if truth { b"1" } else { b"0" }[..].into()),
            (Kind::Str, Datum::Int(number)) => Datum::Text(number.to_string().into_bytes().into()),
            (Kind::Str, Datum::Assembled(text)) => Datum::Text(text.into()),
            (Kind::Str, Datum::Bytes(bytes)) => Datum::Text(hex(&bytes).into()),
            (Kind::Str, text @ Datum::Text(_)) => text,
            (Kind::Int, Datum::Bool(truth)) => Datum::Int(i64::from(truth)),
            (Kind::Int, number @ Datum::Int(_)) => number,
            (Kind::Int, Datum::Text(text)) => number(&text),
            (Kind::Int, Datum::Assembled(text)) => number(&text),
            (Kind::Bool, truth @ Datum::Bool(_)) => truth,
            (Kind::Bool, Datum::Int(number)) => Datum::Bool(number != 0),
            (Kind::Bool, Datum::Text(text)) => truth(&text),
            (Kind::Bool, Datum::Assembled(text)) => truth(&text),
            (Kind::Int | Kind::Bool, Datum::Bytes(_)) => Datum::Missing,
        }
    }
}

/// Digits of each byte, in capitals.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect()
}

/// A number, without the `+` before those that still grow (manual section 8.2.6).
fn number(text: &[u8]) -> Datum<'static> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.map_or(Datum::Missing, Datum::Int)
}

fn truth(text: &[u8]) -> Datum<'static> {
    match text {
        b"true" => Datum::Bool(true),
        b"false" => Datum::Bool(false),
        _ => number(text).typed(Kind::Bool),
    }
}

/// What an item is by nature.
enum Nature {
    Number,
    Text,
    /// A text of which HAProxy does not know the end when it begins.
    Assembled,
}

fn nature(print: &Print) -> Nature {
    match print {
        Print::Number(_)
        | Print::Status
        | Print::Hexable(_)
        | Print::Retries
        | Print::Port(_)
        | Print::Timer(_)
        | Print::Growing(_)
        | Print::TimerToRequest
        | Print::Seconds(_)
        | Print::Millis(_) => Nature::Number,
        Print::Flags
        | Print::Text(_)
        | Print::TextOr(_, _)
        | Print::Code(_, _)
        | Print::Backend
        | Print::Address(_)
        | Print::Date(_)
        | Print::DateGmt(_)
        | Print::DateLocal(_)
        | Print::CaptureList(_) => Nature::Text,
        Print::FrontendTransport
        | Print::Request(_)
        | Print::UriPath
        | Print::PathOnly
        | Print::UriQuery
        | Print::Captures(_) => Nature::Assembled,
    }
}
