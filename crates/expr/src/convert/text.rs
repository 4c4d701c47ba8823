//! Converters of text.

use crate::args::Args;
use crate::rows::ConverterRow;
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[ConverterRow] =
    &[ConverterRow::new("lower", SampleType::Str, SampleType::Str, lower, "ASCII letters in lower case")];

fn lower<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let Sample::Str(text) = input else { return None };
    Some(Sample::owned(text.to_ascii_lowercase()))
}
