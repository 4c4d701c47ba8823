//! What a message's first line says: method, version, status.

use super::{bool_row, int_row, text_row};
use crate::args::Args;
use crate::fact::{Fact, StreamFact};
use crate::matching::MatchMethod;
use crate::rows::{AclForm, FetchRow, Fetched, Needs};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use http::Version;
use std::borrow::Cow;

pub(super) static ROWS: &[FetchRow] = &[
    bool_row(
        "http_first_req",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::FirstRequest))),
        "True for the first request of a connection",
    ),
    FetchRow::new("method", SampleType::Method, Needs::RequestKept, method, "The request's method")
        .acl(AclForm::As("method", MatchMethod::Str)),
    version("req.ver", Needs::Request, request_version),
    version("req_ver", Needs::Request, request_version).acl(AclForm::As("req.ver", MatchMethod::Str)),
    version("res.ver", Needs::Response, response_version),
    version("resp_ver", Needs::Response, response_version).acl(AclForm::As("res.ver", MatchMethod::Str)),
    int_row("status", Needs::ResponseKept, status, "The response's status code"),
    int_row(
        "server_status",
        Needs::ResponseKept,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::ServerStatus))),
        "The status code that the server sent",
    ),
    int_row("txn.status", Needs::ResponseKept, status, "The status code sent, as %ST in logs"),
];

const fn version(name: &'static str, needs: Needs, eval: crate::rows::FetchFn) -> FetchRow {
    text_row(name, needs, eval, "The HTTP version, like 1.1")
}

/// The request may have gone by the time a log line asks.
fn method<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let kept = || match scope.fact(&Fact::Stream(StreamFact::FirstMethod)) {
        Some(Sample::Str(name)) => Some(Sample::Method(name)),
        other => other,
    };
    let now = scope.request().map(|request| Sample::Method(Cow::Borrowed(request.method_text())));
    Ok(now.or_else(kept))
}

fn number(version: Version) -> Sample<'static> {
    let name = version.as_str();
    Sample::str(name.strip_prefix("HTTP/").unwrap_or(name).as_bytes())
}

fn request_version<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().map(|request| number(request.version)))
}

fn response_version<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.response().map(|response| number(response.version)))
}

fn status<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    // While we make a response of our own, it has none yet.
    let response = scope.response().filter(|response| response.status != 0);
    let now = response.map(|response| Sample::Int(i64::from(response.status)));
    Ok(now.or_else(|| scope.fact(&Fact::Stream(StreamFact::StatusSent))))
}
