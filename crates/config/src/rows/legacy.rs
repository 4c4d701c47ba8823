//! Rules that HAProxy 2.1 dropped: `reqadd`, `reqrep`, `rspdel` and their kin, `block`, `redispatch`. They do what they
//! did, behind all `http-request` or `http-response` rules (manual of 1.8, 4.2), with a warning that shows the modern
//! line.

mod modern;

use crate::args::Args;
use crate::ctx::Ctx;
use crate::model::{
    CondText, FormatText, HttpAction, LineAction, LineRule, Redispatch, Reply, Rule, Settings,
};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;
use modern::{Side, condition_text, quoted};

const COND: &str = "[{ if | unless } <condition>]";
const SEARCH: &str = "<search> [{ if | unless } <condition>]";
const REPLACE: &str = "<search> <replace> [{ if | unless } <condition>]";

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, Place::PROXY, args, doc, Parse::Settings(parser))
}

const fn judges(names: Names, doc: Text, parser: Parser<Settings>) -> Row {
    row(names, SEARCH, doc, parser)
}

pub(crate) const ROWS: &[Row] = &[
    row(&["reqadd"], "<header> [{ if | unless } <condition>]", "Adds a request header.", |c, a, s| {
        add(c, a, s, Side::Request)
    }),
    row(&["rspadd"], "<header> [{ if | unless } <condition>]", "Adds a response header.", |c, a, s| {
        add(c, a, s, Side::Response)
    }),
    row(&["reqdel", "reqidel"], SEARCH, "Removes request headers.", |c, a, s| delete(c, a, s, Side::Request)),
    row(&["rspdel", "rspidel"], SEARCH, "Removes response headers.", |c, a, s| {
        delete(c, a, s, Side::Response)
    }),
    row(&["reqrep", "reqirep"], REPLACE, "Rewrites a line of the request.", |c, a, s| {
        replace(c, a, s, Side::Request)
    }),
    row(&["rsprep", "rspirep"], REPLACE, "Rewrites a line of the response.", |c, a, s| {
        replace(c, a, s, Side::Response)
    }),
    judges(&["reqdeny", "reqideny"], "Denies requests with such a line.", |c, a, s| {
        judge(c, a, s, (Side::Request, "deny", LineAction::Deny))
    }),
    judges(&["reqtarpit", "reqitarpit"], "Tarpits requests with such a line.", |c, a, s| {
        judge(c, a, s, (Side::Request, "tarpit", LineAction::Tarpit))
    }),
    judges(&["reqallow", "reqiallow"], "Spares requests with such a line later denials.", |c, a, s| {
        judge(c, a, s, (Side::Request, "allow", LineAction::Allow))
    }),
    judges(&["reqpass", "reqipass"], "Ends these rules for requests with such a line.", |c, a, s| {
        judge(c, a, s, (Side::Request, "allow", LineAction::Pass))
    }),
    judges(&["rspdeny", "rspideny"], "Denies responses with such a line.", |c, a, s| {
        judge(c, a, s, (Side::Response, "deny", LineAction::Deny))
    }),
    row(&["block"], COND, "Denies requests.", block),
    Row::new(
        &["monitor-net"],
        Place::FRONT,
        "<source>",
        "Answers probes from a network.",
        Parse::Settings(monitor_net),
    ),
    Row::new(
        &["redispatch"],
        Place::DEFAULTS_BACK,
        "",
        "The old name of 'option redispatch'.",
        Parse::Settings(redispatch),
    ),
    Row::refused(
        &["reqsetbe", "reqisetbe"],
        Place::PROXY,
        "<search>",
        "Chooses a backend by a line.",
        "write: use_backend NAME if { path_reg ... }",
    ),
];

/// The rules that run behind all others; `reqadd` and `rspadd` come last of all, wherever they stand.
fn push(
    to: &mut Settings,
    args: &mut Args<'_>,
    side: Side,
    action: HttpAction,
    cond: Option<CondText>,
) -> Parsed {
    let list = match side {
        Side::Request => &mut to.request_lines,
        Side::Response => &mut to.response_lines,
    };
    let adds = |rule: &Rule<HttpAction>| matches!(rule.action, HttpAction::AddHeader(..));
    let at = match action {
        HttpAction::Line(_) => list.iter().position(adds).unwrap_or(list.len()),
        _ => list.len(),
    };
    list.insert(at, Rule { action, cond, span: args.span() });
    Ok(())
}

/// A text that a log-format writes as it is.
fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

fn deprecated(ctx: &mut Ctx<'_>, args: &Args<'_>, modern: String) {
    ctx.warn(args.span(), format!("'{}' is deprecated", args.name())).help(format!("write: {modern}"));
}

fn add(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings, side: Side) -> Parsed {
    let line = args.expect_text("<header> as an argument")?;
    let Some((name, value)) = line.text.split_once(':') else {
        return Err(args.bad(line, "a header").help("a name, a colon and a value are expected"));
    };
    let (name, value) = (name.trim(), literal(value.trim()));
    let modern = format!("{} add-header {name} {}{}", side.rules(), quoted(&value), condition_text(args));
    let action =
        HttpAction::AddHeader(Word::new(name, line.span), FormatText(Word::new(value.as_str(), line.span)));
    let cond = args.cond()?;
    deprecated(ctx, args, modern);
    push(to, args, side, action, cond)
}

fn delete(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings, side: Side) -> Parsed {
    let regex = args.expect_text("<search> as an argument")?.clone();
    let modern = modern::delete(side, &regex.text, &condition_text(args));
    line_rule(ctx, args, to, side, regex, LineAction::Delete, modern)
}

fn replace(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings, side: Side) -> Parsed {
    let regex = args.expect_text("<search> and <replace> as arguments")?.clone();
    let with = args.expect("<replace> as an argument")?.clone();
    let modern = modern::replace(side, &regex.text, &with.text, &condition_text(args));
    line_rule(ctx, args, to, side, regex, LineAction::Replace(with), modern)
}

fn judge(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    (side, action, then): (Side, &str, LineAction),
) -> Parsed {
    let regex = args.expect_text("<search> as an argument")?.clone();
    let modern = modern::judge(side, action, insensitive(args), &regex.text, &condition_text(args));
    line_rule(ctx, args, to, side, regex, then, modern)
}

fn line_rule(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    side: Side,
    regex: Word,
    then: LineAction,
    modern: String,
) -> Parsed {
    let cond = args.cond()?;
    deprecated(ctx, args, modern);
    let rule = LineRule { regex, insensitive: insensitive(args), then };
    push(to, args, side, HttpAction::Line(rule), cond)
}

/// Whether the word is one of those that ignore case: `reqirep`.
fn insensitive(args: &Args<'_>) -> bool {
    let name = args.name();
    name.strip_prefix("req").or_else(|| name.strip_prefix("rsp")).is_some_and(|rest| rest.starts_with('i'))
}

/// `block` came before all other rules of its section (manual of 1.8, 4.2 "block").
fn block(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let modern = format!("http-request deny{}", condition_text(args));
    let span = args.span();
    let cond = args.cond()?;
    let before = to.http_request.iter().take_while(|rule| is_block(rule)).count();
    to.http_request.insert(before, Rule { action: HttpAction::Deny(Reply::default()), cond, span });
    deprecated(ctx, args, modern);
    Ok(())
}

/// Probes were answered before anything else was looked at (manual of 1.8, 4.2 "monitor-net").
fn monitor_net(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let net = args.expect_text("a network")?;
    args.finish()?;
    let words = ["{", "src", net.as_str(), "}"].map(|text| Word::new(text, net.span)).to_vec();
    let cond = Some(CondText { unless: false, words, span: net.span });
    let reply = Reply { status: Some(200), ..Reply::default() };
    to.http_request.insert(0, Rule { action: HttpAction::Return(reply), cond, span: args.span() });
    deprecated(ctx, args, format!("http-request return status 200 if {{ src {net} }}"));
    Ok(())
}

fn redispatch(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    to.options.redispatch = Some(Redispatch { interval: -1 });
    deprecated(ctx, args, "option redispatch".to_owned());
    args.finish()
}

/// An earlier `block`: a bare `deny`. That a leading `http-request deny` counts as one changes nothing.
fn is_block(rule: &Rule<HttpAction>) -> bool {
    matches!(&rule.action, HttpAction::Deny(reply) if *reply == Reply::default())
}
