//! The statistics page of a proxy: `stats ...` (manual 4.2). Any of these words turns it on; the first of a section
//! replaces what `defaults` gave.

use super::global::joined;
use super::persist::required_cond;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Rule, Settings, Statistics, StatisticsAction};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, Place::ALL, args, doc, Parse::Settings(parser))
}

pub(crate) const ROWS: &[Row] = &[
    row(&["stats enable"], "", "Serves the statistics page.", |c, a, s| {
        page(c, s);
        ignore_rest(c, a)
    }),
    row(&["stats uri"], "<prefix>", "Its address.", |c, a, s| {
        page(c, s).uri = Some(a.expect_text("a URI prefix")?.clone());
        ignore_rest(c, a)
    }),
    row(&["stats auth"], "<user>:<password>", "Who may see it.", auth),
    row(&["stats realm"], "<realm>", "What the browser asks for.", |c, a, s| {
        page(c, s).realm = Some(a.expect_text("a realm")?.clone());
        ignore_rest(c, a)
    }),
    row(&["stats refresh"], "<time>", "How often it is shown anew.", |c, a, s| {
        page(c, s).refresh = Some(a.seconds("a refresh interval")?);
        ignore_rest(c, a)
    }),
    row(&["stats hide-version"], "", "Does not show the version.", |c, a, s| {
        page(c, s).hide_version = true;
        ignore_rest(c, a)
    }),
    row(&["stats show-version"], "", "Shows the version.", |c, a, s| {
        page(c, s).hide_version = false;
        ignore_rest(c, a)
    }),
    row(&["stats show-legends"], "", "Shows addresses and algorithms.", |c, a, s| {
        page(c, s).legends = true;
        ignore_rest(c, a)
    }),
    row(&["stats show-node"], "[<name>]", "Shows the machine's name.", |c, a, s| {
        page(c, s).node = Some(a.next().cloned());
        ignore_rest(c, a)
    }),
    row(&["stats show-desc"], "[<text>]", "Shows a description.", |c, a, s| {
        let text = if a.peek().is_some() { Some(joined(a, "a text")?) } else { None };
        page(c, s).description = Some(text);
        Ok(())
    }),
    row(&["stats scope"], "{ <name> | \".\" }", "Which proxies it shows.", |c, a, s| {
        page(c, s).scope.push(a.expect_text("a proxy name")?.clone());
        ignore_rest(c, a)
    }),
    row(&["stats admin"], "{ if | unless } <condition>", "Who may change servers there.", |c, a, s| {
        page(c, s).admin.push(required_cond(a)?);
        Ok(())
    }),
    row(
        &["stats http-request"],
        "{ allow | deny | auth [realm <realm>] } [{ if | unless } <condition>]",
        "Who may see it, by rules.",
        rule,
    ),
    Row::no_effect(
        &["stats show-modules"],
        Place::ALL,
        "",
        "Shows the modules' counters.",
        "the page's CSV and JSON forms have them all",
    ),
];

fn page<'s>(ctx: &mut Ctx<'_>, to: &'s mut Settings) -> &'s mut Statistics {
    if ctx.first("stats") {
        to.statistics = None;
    }
    to.statistics.get_or_insert_default()
}

/// HAProxy passes over what stands behind; a realm of several words is the usual case.
fn ignore_rest(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Parsed {
    let name = args.name();
    if let Some(extra) = args.rest().first() {
        ctx.warn(extra.span, format!("'{name}' takes no other argument: '{extra}' is ignored"))
            .help("write several words in quotes");
    }
    Ok(())
}

fn auth(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let word = args.expect_text("<user>:<password>")?;
    ctx.secret(word);
    if !word.text.contains(':') {
        return Err(Failure::new(word.span, "'stats auth' expects <user>:<password>"));
    }
    page(ctx, to).users.push(word.clone());
    ignore_rest(ctx, args)
}

fn rule(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let word = args.expect("'allow', 'deny' or 'auth'")?;
    let (name, span) = (word.text.clone(), word.span);
    let action = match name.as_str() {
        "allow" => StatisticsAction::Allow,
        "deny" => StatisticsAction::Deny,
        "auth" if args.eat("realm") => StatisticsAction::Auth(Some(args.expect_text("a realm")?.clone())),
        "auth" => StatisticsAction::Auth(None),
        other => {
            return Err(Failure::new(span, format!("unknown 'stats http-request' action '{other}'"))
                .nearest(other, ["allow", "deny", "auth"]));
        }
    };
    let cond = args.cond()?;
    page(ctx, to).rules.push(Rule { action, cond, span });
    Ok(())
}
