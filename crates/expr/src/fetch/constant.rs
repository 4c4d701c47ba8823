//! Fetches that need nothing but their arguments and the clock.

use crate::args::Args;
use crate::rows::{ArgKind, FetchRow, Fetched, Needs, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[FetchRow] =
    &[FetchRow::new("str", SampleType::Str, Needs::Nothing, text, "The text given as argument")
        .args(&[arg("string", ArgKind::Str)], 1)];

fn text<'a>(args: &'a Args, _: &'a dyn Scope) -> Fetched<'a> {
    Ok(args.str(0).map(Sample::str))
}
