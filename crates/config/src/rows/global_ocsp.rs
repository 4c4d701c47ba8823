//! The `global` section's words about OCSP responses that are fetched (manual 3.1, `ocsp-update.*`; versions before 3.0
//! write `tune.ssl.ocsp-update.*`).

use crate::args::Args;
use crate::failure::Failure;
use crate::model::{Global, OcspUpdates};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};

/// The longest delay, seconds: responses that hold longer are none.
const MOST_DELAY: i64 = 365 * 24 * 3600;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Global>) -> Row {
    Row::new(names, Place::GLOBAL, args, doc, Parse::Global(parser))
}

pub(super) const ROWS: &[Row] = &[
    row(
        &["ocsp-update.mode"],
        "[ on | off ]",
        "Fetches OCSP responses for all certificates whose own lines do not say 'ocsp-update'.",
        |_, a, g| {
            written(g).mode = Some(switch(a)?);
            a.finish()
        },
    ),
    row(&["ocsp-update.disable"], "[ on | off ]", "Fetches no OCSP response at all.", |_, a, g| {
        written(g).disabled = switch(a)?;
        a.finish()
    }),
    row(
        &["ocsp-update.httpproxy"],
        "<address>[:<port>]",
        "Asks OCSP responders through an HTTP proxy.",
        |_, a, g| {
            written(g).http_proxy = Some(a.expect("an address of an HTTP proxy")?.clone());
            a.finish()
        },
    ),
    row(
        &["ocsp-update.maxdelay", "tune.ssl.ocsp-update.maxdelay"],
        "<seconds>",
        "The longest time between two fetches of an OCSP response; an hour where it is not written.",
        |_, a, g| {
            let seconds = a.number("a number of seconds", 1..=MOST_DELAY)?;
            written(g).max_delay = Some(seconds);
            delays(a, g)
        },
    ),
    row(
        &["ocsp-update.mindelay", "tune.ssl.ocsp-update.mindelay"],
        "<seconds>",
        "The shortest time between two fetches of an OCSP response; five minutes where it is not written.",
        |_, a, g| {
            let seconds = a.number("a number of seconds", 1..=MOST_DELAY)?;
            written(g).min_delay = Some(seconds);
            delays(a, g)
        },
    ),
];

fn written(global: &mut Global) -> &mut OcspUpdates {
    global.ocsp.get_or_insert_default()
}

fn switch(args: &mut Args<'_>) -> Result<bool, Failure> {
    args.choice("a switch", &[("on", true), ("off", false)])
}

/// Whichever of both comes later is complained about.
fn delays(args: &mut Args<'_>, global: &mut Global) -> Parsed {
    let ocsp = written(global);
    let (least, most) = (ocsp.least(), ocsp.most());
    if least > most {
        let text = format!(
            "'{}' : the shortest delay, {least} s, must not be longer than the longest, {most} s",
            args.name()
        );
        return Err(Failure::new(args.span(), text));
    }
    args.finish()
}
