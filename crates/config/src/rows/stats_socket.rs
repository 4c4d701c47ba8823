//! Where operators reach the running process: `stats socket` and its limits (manual 3.1, management guide 9). The
//! parameters of a socket are those of `bind` lines; nothing is opened here.

use super::bind::addresses;
use super::params::{Line, warn_once};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::model::{Bind, BindParams, Global};
use crate::row::{Parse, Parsed, Place, Row};
use base::{Span, Word};

/// HAProxy counts connections in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["stats socket"],
        Place::GLOBAL,
        "{ <path> | [<address>]:<port> | abns@<name> | fd@<n> } [param*]",
        "A socket for operators: the runtime API.",
        Parse::Global(stats_socket),
    ),
    Row::new(
        &["stats timeout"],
        Place::GLOBAL,
        "<time>",
        "Longest silence on such a socket; 10s where it is not written.",
        Parse::Global(|_, a, g| {
            g.stats_timeout = Some(a.millis("a timeout")?);
            a.finish()
        }),
    ),
    Row::new(
        &["stats maxconn"],
        Place::GLOBAL,
        "<number>",
        "Most connections to such sockets; 10 where it is not written.",
        Parse::Global(|_, a, g| {
            g.stats_maxconn = Some(a.number("a number of connections", 1..=MAX_COUNT)?);
            a.finish()
        }),
    ),
    Row::no_effect(
        &["stats bind-process"],
        Place::GLOBAL,
        "<set>",
        "Processes that own the socket.",
        "there is one process",
    ),
];

fn stats_socket(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let word = args.expect_text("an address in the form [<address>]:<port> or /<path>")?;
    let addresses = addresses(ctx, args, word)?;
    let line = Line { label: format!("stats socket {word}"), place: Place::BIND_LINE, dynamic: false };
    let words = args.rest();
    let mut params = BindParams::default();
    line.read(ctx, words, &mut params)?;
    served(ctx, words, &params);
    let binds = addresses.into_iter();
    to.stats_sockets.extend(binds.map(|(address, span)| Bind { address, span, params: params.clone() }));
    Ok(())
}

fn place(words: &[Word], name: &str) -> Span {
    words.iter().find(|w| w.text == name).map(|w| w.span).unwrap_or_default()
}

fn served(ctx: &mut Ctx<'_>, words: &[Word], params: &BindParams) {
    if params.accept_proxy {
        warn_once(ctx, place(words, "accept-proxy"), "'accept-proxy' has no effect on 'stats socket'");
    }
    if params.maxconn.is_some() {
        ctx.warn(place(words, "maxconn"), "'maxconn' has no effect on 'stats socket'")
            .help("'stats maxconn' counts");
    }
}
