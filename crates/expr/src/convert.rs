//! The converters, by what they do. Each module is a table of rows and the pure functions behind them; input arrives
//! cast to the row's type, so a function that finds another type yields no value.

mod aes;
mod arith;
mod controls;
mod digest;
mod encode;
mod fix;
mod forwarded;
mod hash;
mod host;
mod json;
mod language;
mod maps;
mod mqtt;
mod protobuf;
mod query;
mod refused;
mod regsub;
mod text;
mod time;
mod vars;
mod when;
mod x509;

use crate::rows::ConverterRow;
use crate::sample::Sample;
use std::borrow::Cow;
use std::ops::Range;

pub(crate) use encode::hex_byte;
pub use encode::{base64_decode, base64_encode};

/// All tables; a new module adds its own here.
pub(crate) static TABLES: &[&[ConverterRow]] = &[
    aes::ROWS,
    arith::ROWS,
    digest::ROWS,
    controls::ROWS,
    encode::ROWS,
    fix::ROWS,
    forwarded::ROWS,
    hash::ROWS,
    host::ROWS,
    json::ROWS,
    language::ROWS,
    maps::ROWS,
    mqtt::ROWS,
    protobuf::ROWS,
    query::ROWS,
    refused::ROWS,
    regsub::ROWS,
    text::ROWS,
    time::ROWS,
    vars::ROWS,
    when::ROWS,
    x509::ROWS,
];

/// The bytes of a text or binary value.
fn bytes_of(input: Sample<'_>) -> Option<Cow<'_, [u8]>> {
    match input {
        Sample::Str(text) | Sample::Bin(text) | Sample::Method(text) => Some(text),
        Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => None,
    }
}

/// A piece of a text, borrowed where the text is.
fn piece(text: Cow<'_, [u8]>, range: Range<usize>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start.min(text.len()));
            Cow::Owned(text)
        }
    }
}
