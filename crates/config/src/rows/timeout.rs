//! `timeout …` lines, and the three words that named them before HAProxy 1.3.14.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::model::{Settings, Timeouts};
use crate::row::{Parse, Parsed, Place, Row};

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["timeout client", "timeout clitimeout"],
        Place::DEFAULTS_FRONT,
        "<time>",
        "Longest silence of a client.",
        Parse::Settings(client),
    ),
    Row::new(
        &["timeout connect", "timeout contimeout"],
        Place::DEFAULTS_BACK,
        "<time>",
        "Longest wait for a connection to a server.",
        Parse::Settings(connect),
    ),
];

fn client(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    time(args, &mut to.timeouts, |t| &mut t.client)
}

fn connect(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    time(args, &mut to.timeouts, |t| &mut t.connect)
}

fn time(args: &mut Args<'_>, timeouts: &mut Timeouts, slot: fn(&mut Timeouts) -> &mut Option<u64>) -> Parsed {
    let value = args.millis("a time")?;
    args.finish()?;
    *slot(timeouts) = Some(value);
    Ok(())
}
