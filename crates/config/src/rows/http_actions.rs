//! What the actions of `http-request`, `http-response` and `http-after-response` rules read of their words, up to the
//! condition. Expressions, formats and regexes stay words; only what a word itself shows is checked here.

use super::acl::MAX_CAPTURE;
use super::params::{delay, text};
use super::redirect::literal;
use super::vars::assignment;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{
    ExprText, FormatText, HttpAction, ListAction, ListEdit, MarkValue, NameMatch, Normalizer, PacketMark,
    Reply, ReplyBody, StreamSetting,
};
use crate::row::{Parsed, Place};
use base::Word;

/// What ends an expression at the end of an action.
pub(crate) const STOPS: &[&str] = &["if", "unless"];

/// Why Lua is refused.
pub(crate) const NO_LUA: &str = "Lua is not run; most actions can be written as rules";

/// Whether a word can name a header field (RFC 9110 5.1: a token).
pub(crate) fn token(args: &Args<'_>, word: &Word) -> Parsed {
    match word.text.chars().find(|c| !is_token(*c)) {
        None => Ok(()),
        Some(c) => Err(args
            .bad(word, "a header name")
            .help(format!("'{}' cannot stand in the name of a header", c.escape_default()))),
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A header's name. A colon behind it is a habit from older configurations: it is left out, and that is said.
fn name(ctx: &mut Ctx<'_>, args: &mut Args<'_>, what: &str) -> Result<Word, Failure> {
    let mut word = text(args, what)?;
    if let Some(bare) = word.text.strip_suffix(':') {
        ctx.warn(word.span, format!("':' is no part of a header's name: '{bare}' is meant here"));
        word.text.truncate(bare.len());
    }
    token(args, &word)?;
    Ok(word)
}

pub(crate) fn header(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    action: fn(Word, FormatText) -> HttpAction,
) -> Result<HttpAction, Failure> {
    let name = name(ctx, args, "exactly 2 arguments: a name and a format")?;
    Ok(action(name, FormatText(text(args, "exactly 2 arguments: a name and a format")?)))
}

pub(crate) fn replace_field(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    action: fn(Word, Word, FormatText) -> HttpAction,
) -> Result<HttpAction, Failure> {
    let what = "exactly 3 arguments: a name, a regex and a format";
    let name = name(ctx, args, what)?;
    let regex = text(args, what)?;
    Ok(action(name, regex, args.format(what)?))
}

pub(crate) fn replace(
    args: &mut Args<'_>,
    action: fn(Word, FormatText) -> HttpAction,
) -> Result<HttpAction, Failure> {
    let what = "exactly 2 arguments <match-regex> and <replace-format>";
    let regex = text(args, what)?;
    Ok(action(regex, args.format(what)?))
}

pub(crate) fn format(
    args: &mut Args<'_>,
    action: fn(FormatText) -> HttpAction,
) -> Result<HttpAction, Failure> {
    Ok(action(FormatText(text(args, "exactly 1 argument <format>")?)))
}

const METHODS: &[(&str, NameMatch)] = &[
    ("str", NameMatch::Str),
    ("beg", NameMatch::Beg),
    ("end", NameMatch::End),
    ("sub", NameMatch::Sub),
    ("reg", NameMatch::Reg),
];

/// `-m METHOD`, where it stands next.
pub(crate) fn matching(args: &mut Args<'_>) -> Result<Option<NameMatch>, Failure> {
    if !args.eat("-m") {
        return Ok(None);
    }
    args.choice("a matching method behind '-m'", METHODS).map(Some)
}

pub(crate) fn del_header(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let name = text(args, "at least 1 argument: a name")?;
    let method = matching(args)?.unwrap_or(NameMatch::Str);
    if method == NameMatch::Str && !name.text.chars().all(is_token) {
        ctx.warn(name.span, format!("no header is named '{name}': nothing will be removed"))
            .help("'-m reg' matches names against a regex: del-header ^x- -m reg");
    }
    Ok(HttpAction::DelHeader(name, method))
}

/// `[rst-ttl N]`
pub(crate) fn silent_drop(args: &mut Args<'_>) -> Result<Option<u32>, Failure> {
    if !args.eat("rst-ttl") {
        return Ok(None);
    }
    args.number("a TTL", 1..=255).map(Some)
}

/// What `set-fc-mark` and its like set: a number, decimal or hexadecimal behind `0x`, or an expression.
pub(crate) fn packet_mark(args: &mut Args<'_>, to_server: bool, tos: bool) -> Result<PacketMark, Failure> {
    let digit = |word: &Word| word.text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let value = if args.peek().is_none_or(digit) {
        let (what, most) = if tos { ("a TOS", u8::MAX.into()) } else { ("a mark", u32::MAX) };
        MarkValue::Number(prefixed(args, what, most)?)
    } else {
        MarkValue::Expr(args.expr(STOPS)?)
    };
    Ok(PacketMark { to_server, tos, value })
}

fn prefixed(args: &mut Args<'_>, what: &str, most: u32) -> Result<u32, Failure> {
    let word = text(args, what)?;
    let number = match word.text.strip_prefix("0x").or_else(|| word.text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => word.text.parse(),
    };
    number.ok().filter(|n| *n <= most).ok_or_else(|| {
        args.bad(&word, what)
            .help(format!("a whole number from 0 to {most} is expected, or its hexadecimal form"))
    })
}

pub(crate) fn auth(args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let realm = if args.eat("realm") { Some(literal(text(args, "a realm")?)) } else { None };
    Ok(HttpAction::Auth(realm))
}

pub(crate) fn set_status(args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let status = args.number("an integer status code", 100..=999)?;
    let reason = if args.eat("reason") { Some(text(args, "a reason")?) } else { None };
    Ok(HttpAction::SetStatus(status, reason))
}

/// `KEY` and, for a map, `VALUE`: formats, a word each.
pub(crate) fn edit_list(args: &mut Args<'_>, action: ListAction) -> Result<HttpAction, Failure> {
    let file = args.call()?;
    let key = args.format("a key")?;
    let value = if action == ListAction::SetMap { Some(args.format("a key and a value")?) } else { None };
    Ok(HttpAction::EditList(ListEdit { action, file, key, value }))
}

pub(crate) fn set_var(args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let var = assignment(args)?;
    Ok(match var.conditions.is_empty() {
        true => HttpAction::SetVar(var.name, var.value),
        false => HttpAction::SetVarIf(var.name, var.conditions, var.value),
    })
}

pub(crate) fn capture(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let request = args.line().first().is_some_and(|w| w.text == "http-request");
    let expr = args.expr(&["len", "id", "if", "unless"])?;
    match args.next() {
        Some(word) if word.text == "len" && request => {
            if ctx.place == Place::BACKEND {
                let message = format!("{} has no frontend capability to capture in", ctx.section_label());
                return Err(Failure::new(word.span, message)
                    .help("'declare capture request len N' in the frontend, 'id N' here"));
            }
            Ok(HttpAction::Capture(expr, args.number("a length", 1..=MAX_CAPTURE)?))
        }
        Some(word) if word.text == "id" => {
            Ok(HttpAction::CaptureId(expr, args.number("a slot's id", 0..=i64::from(i32::MAX))?))
        }
        Some(word) => {
            let expected = if request { "'len' or 'id' is expected" } else { "'id' is expected" };
            Err(args.bad(word, "an argument").help(expected))
        }
        None => Err(args.missing(if request { "'len' or 'id'" } else { "'id'" })),
    }
}

const LEVELS: &[(&str, Option<u8>)] = &[
    ("emerg", Some(0)),
    ("alert", Some(1)),
    ("crit", Some(2)),
    ("err", Some(3)),
    ("warning", Some(4)),
    ("notice", Some(5)),
    ("info", Some(6)),
    ("debug", Some(7)),
    ("silent", None),
];

/// A severity, or `silent`.
pub(crate) fn log_level(args: &mut Args<'_>) -> Result<Option<u8>, Failure> {
    args.choice("a log level", LEVELS)
}

pub(crate) fn set_timeout(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let which = args.expect("a timeout's name and its value")?;
    let missing = args.choice_of(
        which,
        "a timeout",
        &[
            ("server", Place::BACK),
            ("tunnel", Place::BACK),
            ("connect", Place::BACK),
            ("queue", Place::BACK),
            ("tarpit", Place::PROXY),
            ("client", Place::FRONT),
        ],
    )?;
    if Place::PROXY.has(ctx.place) && !missing.has(ctx.place) {
        let side = if missing == Place::BACK { "backend" } else { "frontend" };
        let message = format!("{} has no {side} capability for 'timeout {which}'", ctx.section_label());
        return Err(Failure::new(which.span, message));
    }
    Ok(HttpAction::SetTimeout(which.clone(), time_or_expr(args)?))
}

/// A time as it is written, or an expression that yields its milliseconds.
pub(crate) fn time_or_expr(args: &mut Args<'_>) -> Result<ExprText, Failure> {
    match args.peek() {
        Some(word) if word.text.starts_with(|c: char| c.is_ascii_digit()) => {
            delay(args)?;
            Ok(ExprText { words: vec![word.clone()] })
        }
        Some(_) | None => args.expr(STOPS),
    }
}

/// A number as it is written, or an expression that yields it.
pub(crate) fn set_stream<A>(
    args: &mut Args<'_>,
    what: StreamSetting,
    action: fn(StreamSetting, ExprText) -> A,
) -> Result<A, Failure> {
    let value = match args.peek() {
        Some(word) if word.text.parse::<i32>().is_ok() => {
            args.next();
            ExprText { words: vec![Word::new(format!("int({word})"), word.span)] }
        }
        Some(_) | None => args.expr(STOPS)?,
    };
    Ok(action(what, value))
}

pub(crate) fn wait_for_body(args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let (mut time, mut least) = (None, None);
    loop {
        if args.eat("time") {
            time = Some(args.millis("a time")?);
        } else if args.eat("at-least") {
            least = Some(args.size("a size")?).filter(|bytes| *bytes > 0);
        } else {
            let time = time.ok_or_else(|| args.missing("time <time> [ at-least <bytes> ]"))?;
            return Ok(HttpAction::WaitForBody(time, least));
        }
    }
}

pub(crate) fn normalizer(args: &mut Args<'_>) -> Result<Normalizer, Failure> {
    let known = [
        ("fragment-encode", Normalizer::FragmentEncode),
        ("fragment-strip", Normalizer::FragmentStrip),
        ("path-merge-slashes", Normalizer::PathMergeSlashes),
        ("path-strip-dot", Normalizer::PathStripDot),
        ("path-strip-dotdot", Normalizer::PathStripDotdot { full: false }),
        ("percent-decode-unreserved", Normalizer::PercentDecodeUnreserved { strict: false }),
        ("percent-to-uppercase", Normalizer::PercentToUppercase { strict: false }),
        ("query-sort-by-name", Normalizer::QuerySortByName),
    ];
    Ok(match args.choice("a normalizer", &known)? {
        Normalizer::PathStripDotdot { .. } => Normalizer::PathStripDotdot { full: args.eat("full") },
        Normalizer::PercentDecodeUnreserved { .. } => {
            Normalizer::PercentDecodeUnreserved { strict: args.eat("strict") }
        }
        Normalizer::PercentToUppercase { .. } => {
            Normalizer::PercentToUppercase { strict: args.eat("strict") }
        }
        plain @ (Normalizer::FragmentEncode
        | Normalizer::FragmentStrip
        | Normalizer::PathMergeSlashes
        | Normalizer::PathStripDot
        | Normalizer::QuerySortByName) => plain,
    })
}

/// The exporter's path must not fall through to a server, which may have a page of that name: it answers 503 until
/// there is an exporter.
pub(crate) fn use_service(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<HttpAction, Failure> {
    let service = text(args, "a service name")?;
    if service.text.starts_with("lua.") {
        return Err(
            Failure::new(service.span, format!("'use-service {service}' is not supported")).help(NO_LUA)
        );
    }
    if service.text != "prometheus-exporter" {
        return Err(args.bad(&service, "a service").nearest(&service.text, ["prometheus-exporter"]));
    }
    ctx.warn(service.span, "'prometheus-exporter': metrics are not served yet, the rule answers 503");
    Ok(HttpAction::Return(Reply {
        status: Some(503),
        content_type: Some(Word::new("text/plain", service.span)),
        body: ReplyBody::String(Word::new("metrics are not served yet\n", service.span)),
        headers: Vec::new(),
    }))
}
