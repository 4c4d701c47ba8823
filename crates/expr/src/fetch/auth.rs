//! Credentials that a client sends (RFC 7617, RFC 6750) and whether a userlist knows them.

use super::{bool_row, text_row};
use crate::args::Args;
use crate::convert::base64_decode;
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, NotYet, Visitor, arg};
use crate::sample::Sample;
use crate::scope::Scope;
use memchr::memchr;

static USERLIST: &[ArgRow] = &[arg("userlist", ArgKind::Userlist)];
static HEADER: &[ArgRow] = &[arg("header", ArgKind::Str)];

const REQ: Needs = Needs::Request;

pub(super) static ROWS: &[FetchRow] = &[
    bool_row("http_auth", REQ, http_auth, "True where the userlist knows the client's name and password")
        .args(USERLIST, 1),
    text_row("http_auth_bearer", REQ, bearer, "The client's bearer token")
        .args(HEADER, 0)
        .prepare(super::header::lower_case),
    text_row(
        "http_auth_group",
        REQ,
        group,
        "The user's name where the userlist knows it; in an ACL, its groups",
    )
    .args(USERLIST, 1)
    .each(each_group),
    text_row(
        "http_auth_pass",
        REQ,
        |_, s| Ok(basic(s).map(|b| Sample::owned(b.password))),
        "The password sent",
    ),
    text_row("http_auth_type", REQ, scheme, "How the client authenticates: Basic or Bearer"),
    text_row(
        "http_auth_user",
        REQ,
        |_, s| Ok(basic(s).map(|b| Sample::owned(b.user))),
        "The user's name sent",
    ),
];

/// User and password; never printed.
struct Basic {
    user: Vec<u8>,
    password: Vec<u8>,
}

/// Where credentials are sent: to a proxy in a field of their own (RFC 9110 section 11.7).
fn own_field(scope: &dyn Scope) -> &'static [u8] {
    match scope.request() {
        Some(request) if request.for_proxy => b"proxy-authorization",
        Some(_) | None => b"authorization",
    }
}

/// What follows the scheme in a header, spaces skipped.
fn credentials<'a>(scope: &'a dyn Scope, header: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let value = scope.request()?.fields.get(header)?;
    let (name, rest) = value.split_at_checked(scheme.len())?;
    let apart = rest.is_empty() || rest.first() == Some(&b' ');
    (apart && name.eq_ignore_ascii_case(scheme.as_bytes())).then(|| rest.trim_ascii_start())
}

fn basic(scope: &dyn Scope) -> Option<Basic> {
    let mut user = basic_credentials(scope)?;
    let colon = memchr(b':', &user)?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some(Basic { user, password })
}

/// `name:password` as a client sent it by the Basic scheme; a secret.
pub fn basic_credentials(scope: &dyn Scope) -> Option<Vec<u8>> {
    base64_decode(credentials(scope, own_field(scope), "Basic")?)
}

fn http_auth<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(list) = args.userlist(0) else { return Ok(None) };
    Ok(basic(scope).map(|sent| Sample::Bool(list.authenticates(&sent.user, &sent.password))))
}

fn authenticated(args: &Args, scope: &dyn Scope) -> Option<Vec<u8>> {
    let (list, sent) = (args.userlist(0)?, basic(scope)?);
    list.authenticates(&sent.user, &sent.password).then_some(sent.user)
}

fn group<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(authenticated(args, scope).map(Sample::owned))
}

fn each_group<'a>(
    args: &'a Args,
    scope: &'a dyn Scope,
    visitor: &mut Visitor<'_, 'a>,
) -> Result<(), NotYet<'a>> {
    if let (Some(list), Some(user)) = (args.userlist(0), authenticated(args, scope)) {
        list.each_group(&user, &mut |group| visitor(Sample::owned(group)));
    }
    Ok(())
}

fn scheme<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let bearer = || credentials(scope, own_field(scope), "Bearer").map(|_| Sample::str(b"Bearer"));
    Ok(basic(scope).map(|_| Sample::str(b"Basic")).or_else(bearer))
}

fn bearer<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let header = args.str(0).unwrap_or_else(|| own_field(scope));
    Ok(credentials(scope, header, "Bearer").map(Sample::str))
}
