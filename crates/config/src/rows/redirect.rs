//! `redirect` lines and the `redirect` action: the same words, but a line's text is literal and an action's is a format.

use super::params::text;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{FormatText, Proxy, Redirect, RedirectTo, Rule};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;

/// The grammar behind `redirect`.
pub(crate) const GRAMMAR: &str = "{ location <loc> | prefix <pfx> | scheme <sch> } [code <code>] [drop-query] \
     [append-slash] [ignore-empty] [keep-query] [set-cookie NAME[=value]] [clear-cookie NAME[=]] \
     [{ if | unless } <condition>]";

const WORDS: [&str; 10] = [
    "location",
    "prefix",
    "scheme",
    "code",
    "drop-query",
    "append-slash",
    "ignore-empty",
    "keep-query",
    "set-cookie",
    "clear-cookie",
];

pub(crate) const ROWS: &[Row] = &[Row::new(
    &["redirect"],
    Place::PROXY,
    GRAMMAR,
    "Sends clients elsewhere, after all 'http-request' rules.",
    Parse::Proxy(line),
)];

fn line(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let action = redirect(args, literal)?;
    let cond = args.cond()?;
    to.settings.redirects.push(Rule { action, cond, span: args.span() });
    Ok(())
}

/// The format that yields a word as it stands.
pub(crate) fn literal(word: Word) -> FormatText {
    FormatText(Word { text: word.text.replace('%', "%%"), span: word.span })
}

/// The action: of a response, only its location can be told.
pub(crate) fn action(args: &mut Args<'_>) -> Result<Redirect, Failure> {
    let redirect = redirect(args, FormatText)?;
    let of_response = args.line().first().is_some_and(|w| w.text == "http-response");
    if of_response && !matches!(redirect.to, RedirectTo::Location(_)) {
        let message = "response only supports redirect type 'location'";
        return Err(Failure::new(args.span(), message).help("write 'redirect location <loc>'"));
    }
    Ok(redirect)
}

/// Reads up to the condition. Where the kind is written twice the last one holds, as in HAProxy.
fn redirect(args: &mut Args<'_>, format: fn(Word) -> FormatText) -> Result<Redirect, Failure> {
    let mut to = None;
    let mut rest = Redirect {
        to: RedirectTo::Location(FormatText::default()),
        code: None,
        drop_query: false,
        append_slash: false,
        ignore_empty: false,
        keep_query: false,
        set_cookie: None,
        clear_cookie: None,
    };
    while let Some(word) = args.peek().filter(|w| w.text != "if" && w.text != "unless") {
        args.next();
        let what = format!("an argument for '{word}'");
        match word.as_str() {
            "location" => to = Some(RedirectTo::Location(format(text(args, &what)?))),
            "prefix" => to = Some(RedirectTo::Prefix(format(text(args, &what)?))),
            "scheme" => to = Some(RedirectTo::Scheme(format(text(args, &what)?))),
            // the later of the two counts
            "set-cookie" => {
                rest = Redirect { set_cookie: Some(text(args, &what)?), clear_cookie: None, ..rest }
            }
            "clear-cookie" => {
                rest = Redirect { clear_cookie: Some(text(args, &what)?), set_cookie: None, ..rest }
            }
            "code" => rest.code = Some(code(args)?),
            _ => option(args, word, &mut rest)?,
        }
    }
    match to {
        Some(to) => Ok(Redirect { to, ..rest }),
        None => Err(args
            .missing("a redirection type")
            .help("one of 'location', 'prefix' or 'scheme' is expected")),
    }
}

fn option(args: &Args<'_>, word: &Word, redirect: &mut Redirect) -> Parsed {
    match word.as_str() {
        "drop-query" => redirect.drop_query = true,
        "append-slash" => redirect.append_slash = true,
        "ignore-empty" => redirect.ignore_empty = true,
        "keep-query" => redirect.keep_query = true,
        _ => {
            return Err(args
                .bad(word, "an argument")
                .help(format!("one of {} is expected", WORDS.join(", ")))
                .nearest(&word.text, WORDS));
        }
    }
    Ok(())
}

fn code(args: &mut Args<'_>) -> Result<u16, Failure> {
    let codes = [("301", 301), ("302", 302), ("303", 303), ("307", 307), ("308", 308)];
    args.choice("an HTTP code", &codes)
}
