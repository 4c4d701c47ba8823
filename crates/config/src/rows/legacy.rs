//! Rules that HAProxy 2.1 dropped: `reqadd`, `reqrep`, `rspdel` and their kin, and `block`. Those with a modern meaning
//! become rules of that meaning, with a warning that shows the modern line; the others are refused with it.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::model::{CondText, FormatText, HttpAction, NameMatch, Reply, Rule, Settings};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;

type Parser = fn(&mut Ctx<'_>, &mut Args<'_>, &mut Settings) -> Parsed;

const COND: &str = "[{ if | unless } <condition>]";

const fn row(names: &'static [&'static str], args: &'static str, doc: &'static str, parser: Parser) -> Row {
    Row::new(names, Place::PROXY, args, doc, Parse::Settings(parser))
}

const fn refused(names: &'static [&'static str], doc: &'static str, instead: &'static str) -> Row {
    Row::refused(names, Place::PROXY, "<search>", doc, instead)
}

pub(crate) const ROWS: &[Row] = &[
    row(&["reqadd"], "<header> [{ if | unless } <condition>]", "Adds a request header.", |c, a, s| {
        add(c, a, &mut s.http_request, "http-request")
    }),
    row(&["rspadd"], "<header> [{ if | unless } <condition>]", "Adds a response header.", |c, a, s| {
        add(c, a, &mut s.http_response, "http-response")
    }),
    row(
        &["reqdel", "reqidel"],
        "<search> [{ if | unless } <condition>]",
        "Removes request headers.",
        |c, a, s| delete(c, a, &mut s.http_request, "http-request"),
    ),
    row(
        &["rspdel", "rspidel"],
        "<search> [{ if | unless } <condition>]",
        "Removes response headers.",
        |c, a, s| delete(c, a, &mut s.http_response, "http-response"),
    ),
    row(&["reqrep", "reqirep"], "<search> <replace> [cond]", "Rewrites a line of the request.", |c, a, s| {
        replace(c, a, &mut s.http_request, "http-request")
    }),
    row(
        &["rsprep", "rspirep"],
        "<search> <replace> [cond]",
        "Rewrites a line of the response.",
        |c, a, s| replace(c, a, &mut s.http_response, "http-response"),
    ),
    row(&["reqdeny", "reqideny"], "<search> [cond]", "Denies requests with such a header.", |c, a, s| {
        judge(c, a, &mut s.http_request, &DENY)
    }),
    row(
        &["reqtarpit", "reqitarpit"],
        "<search> [cond]",
        "Tarpits requests with such a header.",
        |c, a, s| judge(c, a, &mut s.http_request, &TARPIT),
    ),
    row(
        &["reqallow", "reqiallow", "reqpass", "reqipass"],
        "<search> [cond]",
        "Allows requests with such a header.",
        |c, a, s| judge(c, a, &mut s.http_request, &ALLOW),
    ),
    row(&["rspdeny", "rspideny"], "<search> [cond]", "Denies responses with such a header.", |c, a, s| {
        judge(c, a, &mut s.http_response, &DENY_RESPONSE)
    }),
    row(&["block"], COND, "Denies requests.", block),
    Row::new(
        &["monitor-net"],
        Place::FRONT,
        "<source>",
        "Answers probes from a network.",
        Parse::Settings(monitor_net),
    ),
    refused(
        &["reqsetbe", "reqisetbe"],
        "Chooses a backend by a line.",
        "write: use_backend NAME if { path_reg ... }",
    ),
];

fn push(to: &mut Vec<Rule<HttpAction>>, args: &mut Args<'_>, action: HttpAction) -> Parsed {
    let span = args.span();
    let cond = args.cond()?;
    to.push(Rule { action, cond, span });
    Ok(())
}

/// The words of a condition as they were written, for the modern line.
fn condition_text(args: &Args<'_>) -> String {
    let words = args.clone().map(|word| quoted(&word.text)).collect::<Vec<_>>();
    if words.is_empty() { String::new() } else { format!(" {}", words.join(" ")) }
}

/// A text as it would have to be written.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '#');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if text.contains('\'') {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"));
    }
    format!("'{text}'")
}

/// A text that a log-format writes as it is.
fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

fn deprecated(ctx: &mut Ctx<'_>, args: &Args<'_>, modern: String) {
    ctx.warn(args.span(), format!("'{}' is deprecated", args.name())).help(format!("write: {modern}"));
}

fn add(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Vec<Rule<HttpAction>>, rules: &str) -> Parsed {
    let line = args.expect_text("<header> as an argument")?;
    let Some((name, value)) = line.text.split_once(':') else {
        return Err(args.bad(line, "a header").help("a name, a colon and a value are expected"));
    };
    let (name, value) = (name.trim(), literal(value.trim()));
    let modern = format!("{rules} add-header {name} {}{}", quoted(&value), condition_text(args));
    let action =
        HttpAction::AddHeader(Word::new(name, line.span), FormatText(Word::new(value.as_str(), line.span)));
    push(to, args, action)?;
    deprecated(ctx, args, modern);
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Vec<Rule<HttpAction>>, rules: &str) -> Parsed {
    let search = args.expect_text("<search> as an argument")?;
    let line = HeaderSearch::read(&search.text).filter(HeaderSearch::takes_any_value);
    let Some(line) = line else {
        return Err(args.bad(search, "a pattern").help(format!(
            "only whole headers can be removed, as by '^NAME:'; write: {rules} replace-header NAME REGEX TEXT"
        )));
    };
    let modern = format!("{rules} del-header {}{}", line.name, condition_text(args));
    let action = HttpAction::DelHeader(Word::new(line.name, search.span), NameMatch::Str);
    push(to, args, action)?;
    deprecated(ctx, args, modern);
    Ok(())
}

fn replace(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Vec<Rule<HttpAction>>, rules: &str) -> Parsed {
    let insensitive = insensitive(args);
    let regex = args.expect_text("<search> and <replace> as arguments")?.clone();
    let with = args.expect("<replace> as an argument")?.clone();
    let modern = match HeaderSearch::read(&regex.text) {
        Some(line) => {
            let text = with.text.split_once(':').map_or(with.as_str(), |(_, value)| value.trim());
            let regex = if line.value.is_empty() { ".*" } else { line.value };
            let (regex, text) = (quoted(regex), quoted(text));
            format!("{rules} replace-header {} {regex} {text}{}", line.name, condition_text(args))
        }
        None if rules == "http-request" => {
            format!("http-request replace-path REGEX TEXT{}", condition_text(args))
        }
        None => format!("{rules} replace-header NAME REGEX TEXT{}", condition_text(args)),
    };
    push(to, args, HttpAction::ReplaceLine { insensitive, regex, with })?;
    deprecated(ctx, args, modern);
    Ok(())
}

fn insensitive(args: &Args<'_>) -> bool {
    let name = args.name();
    name.strip_prefix("req").or_else(|| name.strip_prefix("rsp")).is_some_and(|rest| rest.starts_with('i'))
}

/// What a `reqdeny`-like word does with what it finds.
struct Judgement {
    rules: &'static str,
    action: &'static str,
    fetch: &'static str,
    make: fn() -> HttpAction,
}

const DENY: Judgement = Judgement {
    rules: "http-request",
    action: "deny",
    fetch: "req.fhdr",
    make: || HttpAction::Deny(Reply::default()),
};
const TARPIT: Judgement = Judgement {
    rules: "http-request",
    action: "tarpit",
    fetch: "req.fhdr",
    make: || HttpAction::Tarpit(Reply::default()),
};
const ALLOW: Judgement =
    Judgement { rules: "http-request", action: "allow", fetch: "req.fhdr", make: || HttpAction::Allow };
const DENY_RESPONSE: Judgement = Judgement {
    rules: "http-response",
    action: "deny",
    fetch: "res.fhdr",
    make: || HttpAction::Deny(Reply::default()),
};

/// The pattern becomes a condition on the header it names. One on the request line, or beside an alternative in the
/// line's own condition, cannot be said in one condition: it is refused, because a rule that judges must not be lost.
fn judge(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Vec<Rule<HttpAction>>, what: &Judgement) -> Parsed {
    let insensitive = insensitive(args);
    let search = args.expect_text("<search> as an argument")?;
    let Judgement { rules, action, fetch, make } = what;
    let refuse = |args: &Args<'_>| {
        let help =
            format!("write: {rules} {action} if {{ path_reg ... }}, or {{ {fetch}(NAME) -m reg ... }}");
        args.bad(search, "a pattern").help(help)
    };
    let Some(line) = HeaderSearch::read(&search.text) else { return Err(refuse(args)) };
    let span = args.span();
    let own = args.cond()?;
    let mut words = vec!["{".to_owned(), format!("{fetch}({})", line.name)];
    words.extend(["-m".to_owned(), "reg".to_owned()]);
    words.extend(insensitive.then(|| "-i".to_owned()));
    words.extend(["--".to_owned(), format!("^{}", line.value), "}".to_owned()]);
    let mut words: Vec<Word> = words.into_iter().map(|text| Word::new(text, search.span)).collect();
    if let Some(own) = own {
        if own.unless || own.words.iter().any(|w| matches!(w.as_str(), "||" | "or")) {
            return Err(refuse(args));
        }
        words.extend(own.words);
    }
    let shown: Vec<String> = words.iter().map(|w| quoted(&w.text)).collect();
    deprecated(ctx, args, format!("{rules} {action} if {}", shown.join(" ")));
    let cond = Some(CondText { unless: false, words, span: search.span });
    to.push(Rule { action: make(), cond, span });
    Ok(())
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

/// An earlier `block`: a bare `deny`. That a leading `http-request deny` counts as one changes nothing.
fn is_block(rule: &Rule<HttpAction>) -> bool {
    matches!(&rule.action, HttpAction::Deny(reply) if *reply == Reply::default())
}

/// A pattern for a whole header line, `^NAME:VALUE`, whose name holds no operators.
struct HeaderSearch<'t> {
    name: &'t str,
    /// The pattern of the value, without the blanks behind the colon.
    value: &'t str,
}

impl<'t> HeaderSearch<'t> {
    fn read(pattern: &'t str) -> Option<HeaderSearch<'t>> {
        let (name, value) = pattern.strip_prefix('^').unwrap_or(pattern).split_once(':')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let mut value = value;
        for blanks in ["\\ *", "\\ ", " *", "[ ]*", "\\s*", " "] {
            value = value.strip_prefix(blanks).unwrap_or(value);
        }
        Some(HeaderSearch { name, value })
    }

    fn takes_any_value(&self) -> bool {
        matches!(self.value, "" | ".*" | ".*$" | "(.*)" | "(.*)$" | ".+" | ".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_name_a_header() {
        let read = |p: &'static str| HeaderSearch::read(p).map(|h| (h.name, h.value));
        assert_eq!(read("^X-Forwarded-For:.*"), Some(("X-Forwarded-For", ".*")));
        assert_eq!(read("^Server: *(.*)$"), Some(("Server", "(.*)$")));
        assert_eq!(read("^Host:\\ foo"), Some(("Host", "foo")));
        assert_eq!(read("^([^ :]*) /old/(.*)"), None);
        assert_eq!(read("^(Set-Cookie:.*)"), None);
    }

    #[test]
    fn texts_are_shown_so_that_they_can_be_pasted() {
        assert_eq!(quoted("https"), "https");
        assert_eq!(quoted("max-age=1; a"), "'max-age=1; a'");
        assert_eq!(quoted("it's \"x\""), "\"it's \\\"x\\\"\"");
    }
}
