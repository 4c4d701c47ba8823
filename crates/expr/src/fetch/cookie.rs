//! Cookies (RFC 6265): of the `Cookie` field, where `;` and `,` part them, and of `Set-Cookie`, which holds one each.
//! A plain expression takes the last cookie of a name, or the first of all where no name is given; ACLs try them all.

use super::side::{Message, Side, ToClient, ToServer};
use super::{int_row, text_row};
use crate::args::Args;
use crate::cast::leading_int;
use crate::rows::{
    AclForm, ArgKind, ArgRow, EachFn, FetchFn, FetchRow, Fetched, Needs, NotYet, Visitor, arg,
};
use crate::sample::Sample;
use crate::scope::{Direction, Scope};
use http::Fields;
use http::fields::trim;
use memchr::memchr;

static NAME: &[ArgRow] = &[arg("name", ArgKind::Str)];

const REQ: Needs = Needs::Request;
const RES: Needs = Needs::Response;

pub(super) static ROWS: &[FetchRow] = &[
    text("cook", REQ, cook::<ToServer>, each_cook::<ToServer>).acl(AclForm::Texts("req.cook")),
    text("req.cook", REQ, cook::<ToServer>, each_cook::<ToServer>).acl(AclForm::Texts("req.cook")),
    text("scook", RES, cook::<ToClient>, each_cook::<ToClient>).acl(AclForm::Texts("res.cook")),
    text("res.cook", RES, cook::<ToClient>, each_cook::<ToClient>).acl(AclForm::Texts("res.cook")),
    text("cookie", Needs::Message, cook::<Message>, each_cook::<Message>),
    integer("cook_val", REQ, cook_val::<ToServer>, each_val::<ToServer>),
    integer("req.cook_val", REQ, cook_val::<ToServer>, each_val::<ToServer>),
    integer("scook_val", RES, cook_val::<ToClient>, each_val::<ToClient>),
    integer("res.cook_val", RES, cook_val::<ToClient>, each_val::<ToClient>),
    count("cook_cnt", REQ, cook_cnt::<ToServer>),
    count("req.cook_cnt", REQ, cook_cnt::<ToServer>),
    count("scook_cnt", RES, cook_cnt::<ToClient>),
    count("res.cook_cnt", RES, cook_cnt::<ToClient>),
    text_row("req.cook_names", REQ, names::<ToServer>, "The names of all cookies").args(DELIM, 0),
    text_row("res.cook_names", RES, names::<ToClient>, "The names of all cookies").args(DELIM, 0),
];

static DELIM: &[ArgRow] = &[arg("delim", ArgKind::Str)];

const fn text(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    text_row(name, needs, eval, "The value of a cookie").args(NAME, 0).each(each)
}

const fn integer(name: &'static str, needs: Needs, eval: FetchFn, each: EachFn) -> FetchRow {
    int_row(name, needs, eval, "The value of a cookie as integer").args(NAME, 0).each(each)
}

const fn count(name: &'static str, needs: Needs, eval: FetchFn) -> FetchRow {
    int_row(name, needs, eval, "How many cookies of a name, or at all, there are").args(NAME, 0)
}

type Cookie<'a> = (&'a [u8], &'a [u8]);

/// All cookies, in order.
fn cookies<'a, S: Side>(scope: &'a dyn Scope) -> impl Iterator<Item = Cookie<'a>> {
    let fields = S::fields(scope);
    let requested = S::direction(scope) == Direction::Request;
    fields.into_iter().flat_map(move |fields| {
        let (mut of_request, mut of_response) = (None, None);
        match requested {
            true => of_request = Some(all_of(fields, b"cookie").flat_map(pairs)),
            false => of_response = Some(all_of(fields, b"set-cookie").filter_map(|v| pairs(v).next())),
        }
        of_request.into_iter().flatten().chain(of_response.into_iter().flatten())
    })
}

fn all_of<'a>(fields: &'a Fields, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    fields.get_all(name)
}

/// `name=value` pairs; pieces without `=` are no cookies.
fn pairs(field: &[u8]) -> impl Iterator<Item = Cookie<'_>> {
    let mut rest = Some(field);
    let pieces = std::iter::from_fn(move || {
        let text = rest?;
        let end = pair_end(text);
        rest = text.get(end + 1..);
        text.get(..end)
    });
    pieces.filter_map(|piece| {
        let equals = memchr(b'=', piece)?;
        Some((trim(piece.get(..equals)?), trim(piece.get(equals + 1..)?)))
    })
}

fn pair_end(text: &[u8]) -> usize {
    let mut quoted = false;
    let end = text.iter().position(|b| {
        quoted ^= *b == b'"';
        matches!(b, b';' | b',') && !quoted
    });
    end.unwrap_or(text.len())
}

fn of_name<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> impl Iterator<Item = &'a [u8]> {
    let name = args.str(0).filter(|name| !name.is_empty());
    let wanted = move |cookie: &Cookie<'_>| name.is_none_or(|name| cookie.0 == name);
    cookies::<S>(scope).filter(wanted).map(|(_, value)| value)
}

fn value<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Option<&'a [u8]> {
    let mut found = of_name::<S>(args, scope);
    if args.str(0).is_some_and(|name| !name.is_empty()) { found.last() } else { found.next() }
}

fn cook<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(value::<S>(args, scope).map(Sample::str))
}

fn cook_val<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(value::<S>(args, scope).map(|value| Sample::Int(leading_int(value))))
}

fn cook_cnt<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(i64::try_from(of_name::<S>(args, scope).count()).ok().map(Sample::Int))
}

fn each_cook<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let _ = of_name::<S>(args, scope).map(Sample::str).try_for_each(visitor);
    Ok(())
}

fn each_val<'a, S: Side>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    let _ = of_name::<S>(args, scope).map(|value| Sample::Int(leading_int(value))).try_for_each(visitor);
    Ok(())
}

fn names<'a, S: Side>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let delimiter = args.str(0).and_then(|d| d.first().copied()).unwrap_or(b',');
    let names: Vec<&[u8]> = cookies::<S>(scope).map(|(name, _)| name).collect();
    Ok(Some(Sample::owned(names.join(&delimiter))))
}
