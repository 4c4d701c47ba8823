//! What fingerprints of TLS clients are made of: lists of the ClientHello of a connection that is answered here (manual
//! section 7.3.4). They are kept where `tune.ssl.capture-buffer-size` says so; without it there is no value. HAProxy calls
//! the lists strings and the hexadecimal digits binary.

use super::{bin_row, cipher_names, int_row, text_row};
use crate::args::{Args, BadArg};
use crate::compile::Env;
use crate::fact::{ClientTlsFact, Fact, HelloPart};
use crate::rows::{ArgKind, ArgRow, FetchFn, FetchRow, Fetched, Needs, arg};
use crate::sample::Sample;
use crate::scope::Scope;
use twox_hash::XxHash64;

static FILTER: &[ArgRow] = &[arg("filter_option", ArgKind::Int)];

const FRONT: Needs = Needs::ClientTls;

pub(super) static ROWS: &[FetchRow] = &[
    list("ssl_fc_cipherlist_bin", |a, s| pairs(a, s, HelloPart::Ciphers), "The ciphers the client offers"),
    bin_row("ssl_fc_cipherlist_hex", FRONT, ciphers_hex, "The ciphers the client offers, in hexadecimal")
        .args(FILTER, 0)
        .prepare(filter),
    list("ssl_fc_cipherlist_str", ciphers_named, "The ciphers the client offers, as OpenSSL names them"),
    int_row("ssl_fc_cipherlist_xxh", FRONT, ciphers_hash, "xxHash of the ciphers the client offers"),
    text_row(
        "ssl_fc_ecformats_bin",
        FRONT,
        |_, s| Ok(kept(s, HelloPart::PointFormats)),
        "The formats of curve points the client knows",
    ),
    list("ssl_fc_eclist_bin", |a, s| pairs(a, s, HelloPart::Groups), "The groups the client knows"),
    list("ssl_fc_extlist_bin", |a, s| pairs(a, s, HelloPart::Extensions), "The client's extensions"),
    int_row(
        "ssl_fc_protocol_hello_id",
        FRONT,
        |_, s| Ok(kept(s, HelloPart::Version)),
        "The version field of the ClientHello",
    ),
    list(
        "ssl_fc_sigalgs_bin",
        |a, s| pairs(a, s, HelloPart::Signatures),
        "The client's signature algorithms",
    ),
    list("ssl_fc_supported_versions_bin", |a, s| pairs(a, s, HelloPart::Versions), "The client's versions"),
];

const fn list(name: &'static str, eval: FetchFn, doc: &'static str) -> FetchRow {
    text_row(name, FRONT, eval, doc).args(FILTER, 0).prepare(filter)
}

fn filter(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    match args.int(0) {
        None | Some(0 | 1) => Ok(()),
        Some(_) => Err(BadArg::new(0, "the filter must be 0 (all) or 1 (without GREASE)")),
    }
}

fn kept(scope: &dyn Scope, part: HelloPart) -> Option<Sample<'_>> {
    scope.fact(&Fact::ClientTls(ClientTlsFact::Hello(part)))
}

/// A list of two-byte values, without those of RFC 8701 where the argument says so.
fn pairs<'a>(args: &'a Args, scope: &'a dyn Scope, part: HelloPart) -> Fetched<'a> {
    let list = kept(scope, part);
    if args.int(0) != Some(1) {
        return Ok(list);
    }
    let text = list.and_then(Sample::into_text);
    let plain =
        |list: &[u8]| list.chunks_exact(2).filter(|pair| !is_grease(pair)).flatten().copied().collect();
    Ok(text.map(|list| Sample::Str(plain(&list))))
}

fn is_grease(pair: &[u8]) -> bool {
    matches!(pair, [a, b] if a == b && a & 0x0f == 0x0a)
}

fn ciphers_hex<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let list = pairs(args, scope, HelloPart::Ciphers)?.and_then(Sample::into_text);
    let hex = |list: &[u8]| list.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    Ok(list.map(|list| Sample::owned(hex(&list).into_bytes())))
}

/// Names with commas between them; `UNKNOWN(0a0a)` for what has none.
fn ciphers_named<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let list = pairs(args, scope, HelloPart::Ciphers)?.and_then(Sample::into_text);
    let name = |pair: &[u8]| {
        let suite = u16::from_be_bytes(pair.try_into().unwrap_or_default());
        cipher_names::name(suite).map_or_else(|| format!("UNKNOWN({suite:04x})"), str::to_owned)
    };
    let named = |list: &[u8]| list.chunks_exact(2).map(name).collect::<Vec<_>>().join(",").into_bytes();
    Ok(list.map(|list| Sample::owned(named(&list))))
}

fn ciphers_hash<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let list = kept(scope, HelloPart::Ciphers).and_then(Sample::into_text);
    Ok(list.map(|list| Sample::Int(XxHash64::oneshot(0, &list).cast_signed())))
}
