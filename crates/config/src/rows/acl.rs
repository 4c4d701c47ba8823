//! `acl`, `use_backend`, `use-server` and header captures. Expressions and conditions stay words; what they mean is
//! found out when they are compiled.

use super::params::text;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Acl, Capture, CookieCapture, FormatText, Proxy, Rule, Settings};
use crate::row::{Parse, Parsed, Place, Row};

/// The longest capture. It is held for every request, so it must be bounded; a header cannot be longer than this.
pub(crate) const MAX_CAPTURE: i64 = 65_535;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["acl"],
        Place::ALL,
        "<aclname> <criterion> [flags] [operator] <value> ...",
        "Declares a condition; several of one name are or-ed.",
        Parse::Settings(acl),
    ),
    Row::new(
        &["use_backend"],
        Place::FRONT,
        "<backend> [{ if | unless } <condition>]",
        "Chooses a backend; the first rule that holds wins.",
        Parse::Proxy(use_backend),
    ),
    Row::new(
        &["use-server"],
        Place::BACK,
        "<server> { if | unless } <condition>",
        "Chooses a server before balancing does.",
        Parse::Proxy(use_server),
    ),
    Row::new(
        &["capture request header", "capture response header"],
        Place::FRONT,
        "<name> len <length>",
        "Keeps a header for the log.",
        Parse::Proxy(capture_header),
    ),
    Row::new(
        &["capture cookie"],
        Place::FRONT,
        "<name> len <length>",
        "Keeps the first cookie whose name begins so, of requests and of responses, for the log.",
        Parse::Proxy(capture_cookie),
    ),
    Row::new(
        &["declare capture request", "declare capture response"],
        Place::FRONT,
        "len <length>",
        "Makes a capture slot for rules to fill.",
        Parse::Proxy(declare_capture),
    ),
    Row::new(
        &["capture", "capture request", "capture response", "declare", "declare capture"],
        Place::FRONT,
        "{ request header | response header | cookie | capture } ...",
        "What is kept for the log.",
        Parse::Proxy(|_, args, _| Err(capture_of_what(args))),
    ),
];

fn acl(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let name = text(args, "a name and a criterion")?;
    if let Some(c) = name.text.chars().find(|c| !c.is_ascii_alphanumeric() && !"_-.:".contains(*c)) {
        let message = format!("character '{c}' is not permitted in acl name '{name}'");
        return Err(Failure::new(name.span, message));
    }
    if name.text.eq_ignore_ascii_case("or") {
        let message = "acl name 'or' will never match";
        return Err(Failure::new(name.span, message)
            .help("'or' is used to express a logical disjunction within a condition; choose another name"));
    }
    if args.is_done() {
        return Err(args.missing("a criterion behind the name"));
    }
    to.acls.push(Acl { name, words: args.rest().to_vec() });
    Ok(())
}

fn use_backend(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let action = FormatText(text(args, "a backend name")?);
    let cond = args.cond()?;
    to.use_backends.push(Rule { action, cond, span: args.span() });
    Ok(())
}

fn use_server(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let action = FormatText(text(args, "a server name")?);
    let cond = args.cond()?;
    if cond.is_none() {
        return Err(args.missing("'if' or 'unless' followed by a condition"));
    }
    to.use_servers.push(Rule { action, cond, span: args.span() });
    Ok(())
}

fn capture_header(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let request = args.line().get(1).is_some_and(|w| w.text == "request");
    let header = Some(text(args, "<header_name> 'len' <len>")?);
    let len = len(args)?;
    args.finish()?;
    to.captures.push(Capture { request, header, len, span: args.span() });
    Ok(())
}

fn capture_cookie(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let name = text(args, "<cookie_name> 'len' <len>")?;
    let len = len(args)?;
    args.finish()?;
    to.capture_cookie = Some(CookieCapture { name, len });
    Ok(())
}

fn declare_capture(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let request = args.line().get(2).is_some_and(|w| w.text == "request");
    let len = len(args)?;
    args.finish()?;
    to.captures.push(Capture { request, header: None, len, span: args.span() });
    Ok(())
}

fn capture_of_what(args: &Args<'_>) -> Failure {
    let known: &[&str] = match args.name().as_str() {
        "capture" => &["request header", "response header", "cookie"],
        "declare" => &["capture"],
        "declare capture" => &["request", "response"],
        _ => &["header"],
    };
    let expected = known.iter().map(|k| format!("'{k}'")).collect::<Vec<_>>().join(", ");
    match args.peek() {
        None => args.missing(&expected),
        Some(word) => {
            let words = known.iter().filter_map(|k| k.split(' ').next());
            args.bad(word, "an argument").help(format!("{expected} is expected")).nearest(&word.text, words)
        }
    }
}

/// `len N`
pub(crate) fn len(args: &mut Args<'_>) -> Result<u32, Failure> {
    match args.next() {
        Some(word) if word.text == "len" => args.number("a length", 1..=MAX_CAPTURE),
        Some(word) => Err(args.bad(word, "an argument").help("'len' and a length are expected")),
        None => Err(args.missing("'len' and a length")),
    }
}
