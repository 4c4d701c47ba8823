//! Parameters of a URL's query and of a url-encoded body; values as they stand, nothing decoded.

use super::{int_row, text_row};
use crate::args::{Arg, Args, BadArg};
use crate::cast::leading_int;
use crate::compile::Env;
use crate::rows::{
    AclForm, ArgKind, ArgRow, EachFn, FetchFn, FetchRow, Fetched, Needs, NotYet, Visitor, arg,
};
use crate::sample::Sample;
use crate::scope::{Direction, Scope};
use memchr::memchr;

static NAME: &[ArgRow] = &[arg("name", ArgKind::Str), arg("i", ArgKind::Str)];
static NAME_DELIM: &[ArgRow] =
    &[arg("name", ArgKind::Str), arg("delim", ArgKind::Str), arg("i", ArgKind::Str)];

pub(super) static ROWS: &[FetchRow] = &[
    text("url_param", url_param, each_param).acl(AclForm::Texts("urlp")),
    text("urlp", url_param, each_param).acl(AclForm::Texts("urlp")),
    integer("urlp_val"),
    text_row("req.body_param", Needs::Request, body_param, "A parameter of a url-encoded body")
        .args(NAME, 0)
        .prepare(|args, _| ignoring_case(args, 1))
        .each(each_body_param),
];

const fn text(name: &'static str, eval: FetchFn, each: EachFn) -> FetchRow {
    let row = text_row(name, Needs::Request, eval, "A parameter of the query");
    row.args(NAME_DELIM, 0).prepare(prepare).each(each)
}

const fn integer(name: &'static str) -> FetchRow {
    let row = int_row(name, Needs::Request, url_param_val, "A parameter of the query as integer");
    row.args(NAME_DELIM, 0).prepare(prepare).each(each_val)
}

fn prepare(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    if args.str(1).is_some_and(|delimiter| delimiter.len() > 1) {
        return Err(BadArg::new(1, "the delimiter must be a single character"));
    }
    ignoring_case(args, 2)
}

/// Leaves 1 where names are compared without case.
fn ignoring_case(args: &mut Args, index: usize) -> Result<(), BadArg> {
    let ignore = match args.str(index) {
        None | Some(b"") => 0,
        Some(b"i") => 1,
        Some(_) => return Err(BadArg::new(index, "the only flag is 'i': names are compared without case")),
    };
    args.put(index, Arg::Int(ignore));
    Ok(())
}

/// What lies behind the first delimiter of the URL, parted at `&`, `;` and the delimiter.
fn of_url<'a>(args: &'a Args, scope: &'a dyn Scope) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = args.str(1).and_then(|d| d.first().copied()).unwrap_or(b'?');
    let url = scope.request().map(|request| request.path_and_query()).unwrap_or_default();
    let list = memchr(delimiter, url).and_then(|at| url.get(at + 1..));
    let parted = move |b: &u8| matches!(b, b'&' | b';') || *b == delimiter;
    matching(list, args.str(0), args.int(2) == Some(1), parted)
}

fn of_body<'a>(args: &'a Args, scope: &'a dyn Scope) -> impl Iterator<Item = &'a [u8]> {
    let list = scope.body(Direction::Request).map(|body| body.bytes);
    matching(list, args.str(0), args.int(1) == Some(1), |b| *b == b'&')
}

/// The values of the parameters of that name, or of all; what has no `=` is no parameter.
fn matching<'a>(
    list: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    ignore_case: bool,
    parted: impl Fn(&u8) -> bool + Copy + 'a,
) -> impl Iterator<Item = &'a [u8]> {
    let name = name.filter(|name| !name.is_empty());
    let pieces = list.into_iter().flat_map(move |list| list.split(parted));
    pieces.filter_map(move |piece| {
        let equals = memchr(b'=', piece)?;
        let (key, value) = (piece.get(..equals)?, piece.get(equals + 1..)?);
        let same = |name: &[u8]| if ignore_case { key.eq_ignore_ascii_case(name) } else { key == name };
        name.is_none_or(same).then_some(value)
    })
}

fn url_param<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(of_url(args, scope).next().map(Sample::str))
}

fn url_param_val<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(of_url(args, scope).next().map(|value| Sample::Int(leading_int(value))))
}

fn body_param<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(of_body(args, scope).next().map(Sample::str))
}

fn each_param<'a>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let _ = of_url(args, scope).map(Sample::str).try_for_each(visitor);
    Ok(())
}

fn each_val<'a>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let _ = of_url(args, scope).map(|value| Sample::Int(leading_int(value))).try_for_each(visitor);
    Ok(())
}

fn each_body_param<'a>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let _ = of_body(args, scope).map(Sample::str).try_for_each(visitor);
    Ok(())
}
