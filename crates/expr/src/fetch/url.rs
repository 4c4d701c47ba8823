//! The request target's pieces, and the texts and hashes made of host and path (manual section 7.3.6).

use super::{bin_row, int_row, ip_row, text_row};
use crate::args::Args;
use crate::fact::{AddressFact, Fact};
use crate::rows::{AclForm, FetchFn, FetchRow, Fetched, Needs};
use crate::sample::Sample;
use crate::scope::Scope;
use base::hash::{avalanche, sdbm};
use http::Request;
use memchr::{memchr, memchr2};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

const REQ: Needs = Needs::Request;

/// Port of a URL that names none.
const DEFAULT_PORT: u16 = 80;

pub(super) static ROWS: &[FetchRow] = &[
    texts("base", base, "The host and the path").acl(AclForm::Texts("base")),
    texts("baseq", baseq, "The host, the path and the query"),
    int_row("base32", REQ, base32, "A 32-bit hash of `base`: base,sdbm(1)"),
    bin_row("base32+src", REQ, base32_src, "`base32` and the client's address behind it"),
    texts("path", path, "The path of the URL, without its query").acl(AclForm::Texts("path")),
    texts("pathq", pathq, "The path of the URL with its query"),
    texts("query", query, "What stands behind the first question mark"),
    texts("url", url, "The URL as it stands in the request").acl(AclForm::Texts("url")),
    int_row("url32", REQ, url32, "A 32-bit hash of the host and the URL with its query"),
    bin_row("url32+src", REQ, url32_src, "`url32` and the client's address behind it"),
    ip_row("url_ip", REQ, url_ip, "The URL's host, where it is an IPv4 address"),
    int_row("url_port", REQ, url_port, "The port behind an IPv4 address in the URL; 80 without"),
];

const fn texts(name: &'static str, eval: FetchFn, doc: &'static str) -> FetchRow {
    text_row(name, REQ, eval, doc)
}

/// Path and query from the first slash on; authority and asterisk forms have none, nor has a URL that ends with its
/// authority.
fn path_and_query(request: &Request) -> Option<&[u8]> {
    Some(request.path_and_query()).filter(|path| path.first() == Some(&b'/'))
}

fn without_query(path: &[u8]) -> &[u8] {
    path.get(..memchr(b'?', path).unwrap_or(path.len())).unwrap_or(path)
}

fn url<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().map(|request| Sample::str(request.target())))
}

fn path<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().and_then(path_and_query).map(|path| Sample::str(without_query(path))))
}

fn pathq<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().and_then(path_and_query).map(Sample::str))
}

fn query<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let path = scope.request().and_then(path_and_query);
    Ok(path.and_then(|path| path.get(memchr(b'?', path)? + 1..)).map(Sample::str))
}

fn with_host(request: &Request, rest: &[u8]) -> Vec<u8> {
    [request.host().unwrap_or_default(), rest].concat()
}

fn base_of(request: &Request) -> Vec<u8> {
    with_host(request, path_and_query(request).map(without_query).unwrap_or_default())
}

fn baseq_of(request: &Request) -> Vec<u8> {
    with_host(request, path_and_query(request).unwrap_or_default())
}

fn base<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().map(|request| Sample::owned(base_of(request))))
}

fn baseq<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().map(|request| Sample::owned(baseq_of(request))))
}

fn base_hash(scope: &dyn Scope) -> Option<u32> {
    scope.request().map(|request| avalanche(sdbm(&base_of(request))))
}

fn url_hash(scope: &dyn Scope) -> Option<u32> {
    scope.request().map(|request| avalanche(sdbm(&baseq_of(request))))
}

fn base32<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(base_hash(scope).map(|hash| Sample::Int(i64::from(hash))))
}

fn url32<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(url_hash(scope).map(|hash| Sample::Int(i64::from(hash))))
}

fn base32_src<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(with_source(base_hash(scope), scope))
}

fn url32_src<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(with_source(url_hash(scope), scope))
}

/// 4 bytes of hash in network order, then 4 or 16 of address.
fn with_source<'a>(hash: Option<u32>, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let mut bytes = hash?.to_be_bytes().to_vec();
    bytes.extend_from_slice(&scope.fact(&Fact::Address(AddressFact::Src))?.to_bin()?);
    Some(Sample::Bin(Cow::Owned(bytes)))
}

/// Address and port of an absolute URL whose host is an IPv4 address.
fn numeric_authority(request: &Request) -> Option<(Ipv4Addr, u16)> {
    let (_, authority) = request.absolute()?;
    let (host, port) = match memchr2(b':', b'/', authority) {
        Some(colon) => (authority.get(..colon)?, authority.get(colon + 1..)?),
        None => (authority, &b""[..]),
    };
    let ip = Ipv4Addr::from_str(std::str::from_utf8(host).ok()?).ok()?;
    let port = std::str::from_utf8(port).ok()?;
    Some((ip, if port.is_empty() { DEFAULT_PORT } else { port.parse().ok()? }))
}

fn url_ip<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().and_then(numeric_authority).map(|(ip, _)| Sample::Ip(IpAddr::V4(ip))))
}

fn url_port<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    Ok(scope.request().and_then(numeric_authority).map(|(_, port)| Sample::Int(i64::from(port))))
}
