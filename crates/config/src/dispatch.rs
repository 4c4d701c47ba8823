//! One line of a section: finds its row, looks at what stands in front of it, says how true the word is here, and
//! hands the arguments to the row's parser.

use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::Global;
use crate::row::{Parse, Parsed, Place, Row, Status};
use crate::rows;
use crate::section::{self, Open};
use base::{Span, Word};

/// Words that may not stand in a proxy of the other kind. The rest is ignored there with a warning, as HAProxy does.
const FATAL_STRAYS: &[&str] = &[
    "server",
    "server-template",
    "default-server",
    "tcp-request",
    "tcp-response",
    "declare",
    "http-response",
];

/// The most words of a family that a complaint lists.
const SHOWN_MEMBERS: usize = 12;

/// Reads one line into the open section.
pub(crate) fn line(ctx: &mut Ctx<'_>, words: &[Word], open: &mut Open, global: &mut Global) -> Parsed {
    let (polarity, prefix, words) = polarity(words);
    let Some((row, name_len)) = rows::find(words, ctx.place) else {
        return unknown(ctx, words);
    };
    let mut args = Args::new(words, name_len, polarity);
    if let (Some(prefix), false) = (prefix, row.negatable) {
        return Err(Failure::new(
            prefix.span,
            format!("'{prefix}' is not supported in front of '{}'", args.name()),
        )
        .help("'no' and 'default' go with options, 'log' and a few switches of 'global'"));
    }
    match row.status {
        Status::Supported => {}
        Status::NoEffect(reason) => {
            ctx.warn(args.span(), format!("'{}' is accepted without effect: {reason}", args.name()));
        }
        Status::Refused(alternative) => {
            return Err(
                Failure::new(args.span(), format!("'{}' is not supported", args.name())).help(alternative)
            );
        }
    }
    parse(ctx, row, &mut args, open, global)
}

fn polarity(words: &[Word]) -> (Polarity, Option<&Word>, &[Word]) {
    match words.split_first() {
        Some((first, rest)) if first.text == "no" => (Polarity::No, Some(first), rest),
        Some((first, rest)) if first.text == "default" => (Polarity::Default, Some(first), rest),
        Some(_) | None => (Polarity::Plain, None, words),
    }
}

fn parse(ctx: &mut Ctx<'_>, row: &Row, args: &mut Args<'_>, open: &mut Open, global: &mut Global) -> Parsed {
    match (row.parse, open) {
        (Parse::None, _) => Ok(()),
        (Parse::Global(parse), Open::Global) => parse(ctx, args, global),
        (Parse::Settings(parse), Open::Defaults(settings)) => parse(ctx, args, settings),
        (Parse::Settings(parse), Open::Proxy(proxy)) => parse(ctx, args, &mut proxy.settings),
        (Parse::Proxy(parse), Open::Proxy(proxy)) => parse(ctx, args, proxy),
        (Parse::Userlist(parse), Open::Userlist(list)) => parse(ctx, args, list),
        (Parse::HttpErrors(parse), Open::HttpErrors(errors)) => parse(ctx, args, errors),
        (Parse::Resolvers(parse), Open::Resolvers(resolvers)) => parse(ctx, args, resolvers),
        (Parse::Ring(parse), Open::Ring(ring)) => parse(ctx, args, ring),
        (Parse::CrtStore(parse), Open::CrtStore(store)) => parse(ctx, args, store),
        (Parse::Acme(parse), Open::Acme(acme)) => parse(ctx, args, acme),
        (
            Parse::Global(_)
            | Parse::Settings(_)
            | Parse::Proxy(_)
            | Parse::Userlist(_)
            | Parse::HttpErrors(_)
            | Parse::Resolvers(_)
            | Parse::Ring(_)
            | Parse::CrtStore(_)
            | Parse::Acme(_)
            | Parse::Bind(_)
            | Parse::Server(_)
            | Parse::Tls(_),
            _,
        ) => Err(Failure::new(
            args.span(),
            format!("'{}' not allowed in {}", args.name(), ctx.section_label()),
        )),
    }
}

/// A word that no row of this section has: it belongs elsewhere, or is a typo.
fn unknown(ctx: &mut Ctx<'_>, words: &[Word]) -> Parsed {
    let Some(first) = words.first() else {
        return Err(Failure::new(
            Span::default(),
            format!("a keyword is missing in {}", ctx.section_label()),
        ));
    };
    // A word that another proxy section has is likelier meant than one of the small sections.
    if let Some((row, len)) = rows::find(words, Place::ALL).or_else(|| rows::find(words, every_place())) {
        return stray(ctx, row, &Args::new(words, len, Polarity::Plain));
    }
    let known: Vec<&str> =
        rows::all().filter(|r| r.place.meets(ctx.place)).flat_map(|r| r.names).copied().collect();
    if known.iter().any(|name| name.split(' ').next() == Some(first.as_str()) && name.contains(' ')) {
        return Err(unknown_second(first, words.get(1), &known));
    }
    let message = format!("unknown keyword '{first}' in '{}' section", ctx.section);
    let heads = known.iter().filter_map(|name| name.split(' ').next());
    Err(Failure::new(first.span, message).nearest(&first.text, heads.chain(section::words())))
}

/// `option foo`: the family is known, its member is not.
fn unknown_second(first: &Word, second: Option<&Word>, known: &[&str]) -> Failure {
    let members =
        || known.iter().filter_map(|name| name.split_once(' ')).filter(|(head, _)| *head == first.text);
    let members = || members().map(|(_, member)| member.trim_end_matches(['(', '*']));
    let Some(second) = second else {
        let span = Span { start: first.span.end, end: first.span.end + 1, ..first.span };
        let list: Vec<&str> = members().collect();
        let shown = if list.len() > SHOWN_MEMBERS {
            "a word behind it".to_owned()
        } else {
            format!("one of {}", list.join(", "))
        };
        return Failure::new(span, format!("'{first}' expects {shown}"))
            .help(format!("'lockgate keywords {first}' lists them"));
    };
    let message = match first.text.as_str() {
        "option" => format!("unknown option '{second}'"),
        head => format!("'{head}' does not know '{second}'"),
    };
    let bare = second.text.split('(').next().unwrap_or_default();
    Failure::new(second.span, message).nearest(bare, members())
}

fn every_place() -> Place {
    [
        Place::GLOBAL,
        Place::USERLIST,
        Place::HTTP_ERRORS,
        Place::RESOLVERS,
        Place::RING,
        Place::CRT_STORE,
        Place::ACME,
    ]
    .into_iter()
    .fold(Place::ALL, Place::and)
}

/// A known word in the wrong section.
fn stray(ctx: &mut Ctx<'_>, row: &Row, args: &Args<'_>) -> Parsed {
    let name = args.name();
    let first = name.split(' ').next().unwrap_or_default();
    let places: Vec<&str> = row.place.names().collect();
    let help = format!("it belongs in {}", places.join(", "));
    if Place::PROXY.has(ctx.place) && row.place.meets(Place::PROXY) && !FATAL_STRAYS.contains(&first) {
        let missing = if ctx.place == Place::FRONTEND { "backend" } else { "frontend" };
        let message = format!("'{name}' ignored because {} has no {missing} capability", ctx.section_label());
        ctx.warn(args.span(), message).help(help);
        return Ok(());
    }
    if !row.place.meets(Place::ALL) || !Place::ALL.has(ctx.place) {
        let message = format!("unknown keyword '{name}' in '{}' section", ctx.section);
        return Err(Failure::new(args.span(), message).help(help));
    }
    Err(Failure::new(args.span(), format!("'{name}' not allowed in {}", ctx.section_label())).help(help))
}
