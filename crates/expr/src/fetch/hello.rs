//! What an unread TLS stream begins with (manual section 7.3.5): for routing connections that are passed through.

use super::{bin_row, bool_row, int_row, text_row};
use crate::args::Args;
use crate::rows::{AclForm, FetchFn, FetchRow, Fetched, Needs, NotYet};
use crate::sample::Sample;
use crate::scope::{Direction, Scope};
use http::client_hello::{self, Hello, Parsed};

const REQ: Needs = Needs::Request;
const RES: Needs = Needs::Response;
const HELLO_TYPE: &str = "1 once the bytes are a whole TLS ClientHello";

pub(super) static ROWS: &[FetchRow] = &[
    text_row("req.ssl_alpn", REQ, alpn, "The protocol that the ClientHello's ALPN prefers"),
    list("req.ssl_cipherlist", |_, s| asked(s, |h| bytes(h.cipher_suites())), "Cipher suites"),
    list(
        "req.ssl_keyshare_groups",
        |_, s| hello(s, |h| Some(bytes(&h.key_share_groups()?))),
        "Groups of offered keys",
    ),
    list("req.ssl_sigalgs", |_, s| hello(s, |h| h.signatures().map(bytes)), "Signature algorithms"),
    list("req.ssl_supported_groups", |_, s| hello(s, |h| h.groups().map(bytes)), "Groups"),
    bool_row("req.ssl_ec_ext", REQ, |_, s| asked(s, |h| Sample::Bool(h.has_ec_extension())), "Names curves"),
    int_row("req.ssl_hello_type", REQ, hello_type, HELLO_TYPE),
    int_row("req_ssl_hello_type", REQ, hello_type, HELLO_TYPE),
    int_row("rep_ssl_hello_type", RES, server_hello_type, "2 for a TLS ServerHello"),
    int_row("res.ssl_hello_type", RES, server_hello_type, "2 for a TLS ServerHello"),
    sni("req.ssl_sni", server_name),
    sni("req_ssl_sni", server_name),
    int_row(
        "req.ssl_st_ext",
        REQ,
        |_, s| asked(s, |h| Sample::Int(i64::from(h.session_ticket()))),
        "0 without session ticket extension, 1 with an empty one, 2 with a ticket",
    ),
    version("req.ssl_ver"),
    version("req_ssl_ver"),
];

/// Two bytes an entry, as sent.
const fn list(name: &'static str, eval: FetchFn, doc: &'static str) -> FetchRow {
    bin_row(name, REQ, eval, doc)
}

fn bytes(list: &[u8]) -> Sample<'static> {
    Sample::Bin(list.to_vec().into())
}

const fn sni(name: &'static str, eval: FetchFn) -> FetchRow {
    text_row(name, REQ, eval, "The host that the ClientHello names")
}

const fn version(name: &'static str) -> FetchRow {
    int_row(name, REQ, hello_version, "The TLS version in the ClientHello: major * 65536 + minor")
        .acl(AclForm::Versions)
}

/// Answers once the ClientHello is whole; nothing where it is none.
fn hello<'a>(scope: &'a dyn Scope, answer: impl FnOnce(&Hello<'a>) -> Option<Sample<'a>>) -> Fetched<'a> {
    let Some(payload) = scope.payload(Direction::Request) else { return Ok(None) };
    match client_hello::parse(payload.bytes) {
        Parsed::Hello(hello) => Ok(answer(&hello)),
        Parsed::Partial if !payload.complete => Err(NotYet { now: None }),
        Parsed::Partial | Parsed::NotTls => Ok(None),
    }
}

fn asked<'a>(scope: &'a dyn Scope, answer: impl FnOnce(&Hello<'a>) -> Sample<'a>) -> Fetched<'a> {
    hello(scope, |hello| Some(answer(hello)))
}

fn hello_type<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    asked(scope, |_| Sample::Int(1))
}

fn server_name<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    hello(scope, |hello| hello.sni().map(Sample::owned))
}

fn alpn<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    hello(scope, |hello| hello.alpn().next().map(|name| Sample::owned(name.to_vec())))
}

fn hello_version<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    asked(scope, |hello| {
        let [major, minor] = hello.legacy_version().to_be_bytes();
        Sample::Int(i64::from(major) << 16 | i64::from(minor))
    })
}

fn server_hello_type<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Some(payload) = scope.payload(Direction::Response) else { return Ok(None) };
    match client_hello::hello_type(payload.bytes) {
        Some(kind) => Ok(Some(Sample::Int(i64::from(kind)))),
        None if payload.complete || payload.bytes.len() >= HELLO_HEADERS => Ok(None),
        None => Err(NotYet { now: None }),
    }
}

/// Bytes of a record's and a handshake message's header up to its type.
const HELLO_HEADERS: usize = 6;
