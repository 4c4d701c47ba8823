//! Replies described in a line: the words behind `return`, `deny`, `tarpit` and `http-error`, and the `errorfile` family.
//! Files are named here and read when the configuration is lowered.

use super::params::text;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{ErrorReply, ErrorReplyKind, FormatText, Reply, ReplyBody, Settings};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;

/// The statuses that the proxy has pages for and `errorfile` may replace (manual "errorfile", and 414 and 431 which
/// newer versions know).
const HANDLED: [u16; 21] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// What follows `status` and its like in a reply.
pub(crate) const GRAMMAR: &str = "[{ status | deny_status } <code>] [content-type <type>] \
     [{ default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | \
     lf-string <fmt> }] [hdr <name> <fmt>]* [{ if | unless } <condition>]";

const WORDS: [&str; 11] = [
    "status",
    "deny_status",
    "content-type",
    "default-errorfiles",
    "errorfile",
    "errorfiles",
    "file",
    "lf-file",
    "string",
    "lf-string",
    "hdr",
];

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["http-error"],
        Place::ALL,
        "status <code> [content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | \
         file <file> | lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*",
        "What is sent instead of the proxy's own page for an error.",
        Parse::Settings(http_error),
    ),
    Row::new(
        &["errorfile"],
        Place::ALL,
        "<code> <file>",
        "A file with a whole HTTP response for an error.",
        Parse::Settings(|c, a, s| one_status(c, a, s, ErrorReplyKind::File)),
    ),
    Row::new(
        &["errorloc", "errorloc302"],
        Place::ALL,
        "<code> <url>",
        "Sends clients elsewhere on an error, with a 302.",
        Parse::Settings(|c, a, s| one_status(c, a, s, ErrorReplyKind::Location302)),
    ),
    Row::new(
        &["errorloc303"],
        Place::ALL,
        "<code> <url>",
        "Sends clients elsewhere on an error, with a 303.",
        Parse::Settings(|c, a, s| one_status(c, a, s, ErrorReplyKind::Location303)),
    ),
    Row::new(
        &["errorfiles"],
        Place::ALL,
        "<name> [<code> ...]",
        "Takes error pages from an 'http-errors' section.",
        Parse::Settings(errorfiles),
    ),
];

fn http_error(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let reply = reply(ctx, args, Kind::Error)?;
    args.finish()?;
    let Some(status) = reply.status else {
        return Err(args.missing("at least a 'status'"));
    };
    if !HANDLED.contains(&status) {
        return Err(Failure::new(args.span(), format!("http-error: status code '{status}' not handled"))
            .help(handled()));
    }
    let kind = ErrorReplyKind::Reply(reply);
    to.errors.push(ErrorReply { statuses: vec![status], kind, span: args.span() });
    Ok(())
}

fn one_status(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    kind: fn(Word) -> ErrorReplyKind,
) -> Parsed {
    let code = args.expect("<status_code> and a target as arguments")?;
    let status = handled_status(args, code)?;
    let kind = kind(text(args, "<status_code> and a target as arguments")?);
    if let Some(extra) = args.rest().first() {
        ctx.warn(extra.span, format!("'{}' takes no other argument: '{extra}' is ignored", args.name()));
    }
    to.errors.push(ErrorReply { statuses: vec![status], kind, span: args.span() });
    Ok(())
}

fn errorfiles(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let kind = ErrorReplyKind::Section(text(args, "<name> as argument")?);
    let codes = args.rest();
    let statuses = codes.iter().map(|code| handled_status(args, code)).collect::<Result<_, Failure>>()?;
    to.errors.push(ErrorReply { statuses, kind, span: args.span() });
    Ok(())
}

/// A status that has a page.
pub(crate) fn handled_status(args: &Args<'_>, word: &Word) -> Result<u16, Failure> {
    let status = word.text.parse::<u16>().ok().filter(|s| HANDLED.contains(s));
    status.ok_or_else(|| args.bad(word, "a status code").help(handled()))
}

fn handled() -> String {
    let list = HANDLED.map(|s| s.to_string()).join(", ");
    format!("error pages exist for {list}")
}

/// Fields that the reply's body decides about.
const ALWAYS_OURS: [&str; 3] = ["content-length", "transfer-encoding", "content-type"];

/// Who describes the reply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `return`
    Return,
    /// `deny`, `tarpit`: `deny_status` alone asks for the proxy's own page.
    Deny,
    /// `http-error`
    Error,
}

/// Where the words of a reply stand, for what they say together.
#[derive(Default)]
struct Seen<'l> {
    status: Option<&'l Word>,
    content_type: Option<&'l Word>,
    body: Option<&'l Word>,
    hdr: Option<&'l Word>,
    /// `status` was written, not `deny_status`.
    plain_status: bool,
}

/// Reads the words of a reply up to the condition.
pub(crate) fn reply(ctx: &mut Ctx<'_>, args: &mut Args<'_>, kind: Kind) -> Result<Reply, Failure> {
    let mut reply = Reply::default();
    let mut seen = Seen::default();
    while let Some(word) = args.peek().filter(|w| w.text != "if" && w.text != "unless") {
        args.next();
        match word.as_str() {
            "status" | "deny_status" if word.text == "status" || kind == Kind::Deny => {
                seen.plain_status |= word.text == "status";
                seen.status = Some(word);
                reply.status = Some(status(args)?);
            }
            "content-type" => {
                seen.content_type = Some(word);
                reply.content_type = Some(text(args, "<ctype> behind 'content-type'")?);
            }
            "hdr" => {
                seen.hdr = Some(word);
                let (name, value) = header(args)?;
                if ALWAYS_OURS.iter().any(|ours| name.text.eq_ignore_ascii_case(ours)) {
                    ctx.warn(name.span, format!("header '{name}' always ignored by the http reply"));
                } else {
                    reply.headers.push((name, value));
                }
            }
            _ => {
                let body = body(args, word)?;
                if let Some(first) = seen.body.replace(word) {
                    let message = format!("unexpected '{word}' argument, '{first}' already defined");
                    return Err(Failure::new(word.span, message).help("a reply has one body"));
                }
                reply.body = body;
            }
        }
    }
    settle(ctx, args, kind, &seen, reply)
}

fn status(args: &mut Args<'_>) -> Result<u16, Failure> {
    args.number("a status code", 200..=599)
}

fn header(args: &mut Args<'_>) -> Result<(Word, FormatText), Failure> {
    let name = text(args, "<name> and <value> behind 'hdr'")?;
    super::http_actions::token(args, &name)?;
    Ok((name, FormatText(text(args, "<name> and <value> behind 'hdr'")?)))
}

fn body(args: &mut Args<'_>, word: &Word) -> Result<ReplyBody, Failure> {
    let what = format!("an argument behind '{word}'");
    Ok(match word.as_str() {
        "default-errorfiles" => ReplyBody::DefaultErrorfiles,
        "errorfile" => ReplyBody::Errorfile(text(args, &what)?),
        "errorfiles" => ReplyBody::Errorfiles(text(args, &what)?),
        "file" => ReplyBody::File(text(args, &what)?),
        "lf-file" => ReplyBody::LfFile(text(args, &what)?),
        "string" => ReplyBody::String(text(args, &what)?),
        "lf-string" => ReplyBody::LfString(FormatText(text(args, &what)?)),
        _ => {
            return Err(args
                .bad(word, "an argument")
                .help(format!("one of {}, 'if' or 'unless' is expected", WORDS.join(", ")))
                .nearest(&word.text, WORDS));
        }
    })
}

/// What the words say together. A `deny` with anything but `deny_status` describes its own reply, which is empty where
/// no body is written; otherwise the proxy's page is sent (manual "http-request deny").
fn settle(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    kind: Kind,
    seen: &Seen<'_>,
    mut reply: Reply,
) -> Result<Reply, Failure> {
    let own = seen.plain_status || seen.content_type.is_some() || seen.hdr.is_some();
    let pages = match &reply.body {
        ReplyBody::Default => kind == Kind::Deny && !own,
        ReplyBody::DefaultErrorfiles | ReplyBody::Errorfile(_) | ReplyBody::Errorfiles(_) => true,
        ReplyBody::File(_) | ReplyBody::LfFile(_) | ReplyBody::String(_) | ReplyBody::LfString(_) => false,
    };
    if let (true, Some(status), Some(word)) = (pages, reply.status, seen.status)
        && !HANDLED.contains(&status)
    {
        let message = format!("'{}': no error page for status '{status}'", args.name());
        return Err(Failure::new(word.span, message).help("add a body: content-type TYPE string TEXT"));
    }
    if pages || reply.body == ReplyBody::Default {
        ignored(ctx, seen.content_type, "content-type", "there is no body of its own to describe");
    }
    if pages {
        ignored(ctx, seen.hdr, "hdr", "the error page brings its own fields");
        reply.headers.clear();
    }
    // an empty file needs none: what it holds shows when it is read
    let from_file = matches!(reply.body, ReplyBody::File(_));
    let empty = kind == Kind::Error || (kind == Kind::Deny && own);
    if reply.body == ReplyBody::Default && empty {
        reply.body = ReplyBody::String(Word::new("", args.span()));
        reply.content_type = None;
    } else if let (false, false, Some(body), None) = (pages, from_file, seen.body, &reply.content_type) {
        let message =
            format!("'{}': a content type must be defined when a payload is configured", args.name());
        return Err(Failure::new(body.span, message).help("add 'content-type text/plain', for one"));
    }
    Ok(reply)
}

fn ignored(ctx: &mut Ctx<'_>, word: Option<&Word>, what: &str, why: &str) {
    if let Some(word) = word {
        ctx.warn(word.span, format!("'{what}' is ignored: {why}"));
    }
}
