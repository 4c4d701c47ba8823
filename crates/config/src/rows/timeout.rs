//! `timeout …` lines, and the words that HAProxy used for them before 1.3.14.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::model::{Settings, Timeouts};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};

const fn row(names: Names, place: Place, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, place, "<time>", doc, Parse::Settings(parser))
}

const ALL: Place = Place::ALL;
const FRONT: Place = Place::DEFAULTS_FRONT;
const BACK: Place = Place::DEFAULTS_BACK;

pub(crate) const ROWS: &[Row] = &[
    row(&["timeout client"], FRONT, "Longest silence of a client.", |_, a, s| {
        time(a, &mut s.timeouts.client)
    }),
    row(&["timeout server"], BACK, "Longest silence of a server.", |_, a, s| time(a, &mut s.timeouts.server)),
    row(&["timeout connect"], BACK, "Longest wait for a connection to a server.", |_, a, s| {
        time(a, &mut s.timeouts.connect)
    }),
    row(&["timeout queue"], BACK, "Longest wait for a free server.", |_, a, s| {
        time(a, &mut s.timeouts.queue)
    }),
    row(&["timeout http-request"], ALL, "Longest time for a request's head.", |_, a, s| {
        time(a, &mut s.timeouts.http_request)
    }),
    row(&["timeout http-keep-alive"], ALL, "Longest wait for the next request.", |_, a, s| {
        time(a, &mut s.timeouts.http_keep_alive)
    }),
    row(&["timeout tunnel"], BACK, "Longest silence in a tunnel.", |_, a, s| time(a, &mut s.timeouts.tunnel)),
    row(&["timeout tarpit"], ALL, "How long a tarpitted request waits.", |_, a, s| {
        time(a, &mut s.timeouts.tarpit)
    }),
    row(&["timeout check"], BACK, "Longest wait for a check's answer.", |_, a, s| {
        time(a, &mut s.timeouts.check)
    }),
    row(
        &["timeout client-fin"],
        FRONT,
        "Longest silence of a client that has closed its side.",
        |_, a, s| time(a, &mut s.timeouts.client_fin),
    ),
    row(&["timeout server-fin"], BACK, "Longest silence of a server that has closed its side.", |_, a, s| {
        time(a, &mut s.timeouts.server_fin)
    }),
    row(&["clitimeout", "timeout clitimeout"], FRONT, "The old name of 'timeout client'.", |c, a, s| {
        old(c, a, s, "client", |t| &mut t.client)
    }),
    row(&["srvtimeout", "timeout srvtimeout"], BACK, "The old name of 'timeout server'.", |c, a, s| {
        old(c, a, s, "server", |t| &mut t.server)
    }),
    row(&["contimeout", "timeout contimeout"], BACK, "The old name of 'timeout connect'.", |c, a, s| {
        old(c, a, s, "connect", |t| &mut t.connect)
    }),
    row(&["timeout client-hs"], FRONT, "Longest time for a TLS handshake.", |_, a, s| {
        time(a, &mut s.timeouts.client_hs)
    }),
];

fn time(args: &mut Args<'_>, slot: &mut Option<u64>) -> Parsed {
    let value = args.millis("an integer value (in milliseconds)")?;
    args.finish()?;
    *slot = Some(value);
    Ok(())
}

fn old(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    modern: &str,
    slot: fn(&mut Timeouts) -> &mut Option<u64>,
) -> Parsed {
    let value = args.peek().cloned().unwrap_or_default();
    time(args, slot(&mut to.timeouts))?;
    ctx.warn(args.span(), format!("'{}' is deprecated", args.name()))
        .help(format!("write: timeout {modern} {value}"));
    Ok(())
}
