//! Fetches about what the kernel measures of TCP connections (manual section 7.3.3, `fc_rtt` and others). A connection
//! that is not TCP has none of it.

use super::int_row;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::fact::{ConnectionFact, Fact};
use crate::rows::{ArgKind, ArgRow, FetchFn, FetchRow, Fetched, Needs, arg};
use crate::sample::Sample;
use crate::scope::{Measure, Scope};

const UNIT: &[ArgRow] = &[arg("unit", ArgKind::Str)];

pub(super) static ROWS: &[FetchRow] = &[
    time("bc_rtt", |a, s| in_unit(a, s, server(Measure::Rtt)), "Round trip to the server, in ms or us")
        .needs(Needs::ServerConnection),
    time("bc_rttvar", |a, s| in_unit(a, s, server(Measure::RttVar)), "Its variation, in ms or us")
        .needs(Needs::ServerConnection),
    count(
        "fc_fackets",
        |_, s| of(s, Measure::Fackets),
        "Forward acknowledgements of the client's connection",
    ),
    count("fc_lost", |_, s| of(s, Measure::Lost), "Packets to the client taken for lost"),
    count("fc_reordering", |_, s| of(s, Measure::Reordering), "Reordering tolerated towards the client"),
    count("fc_retrans", |_, s| of(s, Measure::Retrans), "Packets sent again to the client"),
    time("fc_rtt", |a, s| in_unit(a, s, client(Measure::Rtt)), "Round trip to the client, in ms or us"),
    time(
        "fc_rttvar",
        |a, s| in_unit(a, s, client(Measure::RttVar)),
        "Variation of the round trip, in ms or us",
    ),
    count("fc_sacked", |_, s| of(s, Measure::Sacked), "Packets the client acknowledged out of order"),
    count("fc_unacked", |_, s| of(s, Measure::Unacked), "Packets the client has not acknowledged"),
];

const fn count(name: &'static str, eval: FetchFn, doc: &'static str) -> FetchRow {
    int_row(name, Needs::Client, eval, doc)
}

const fn time(name: &'static str, eval: FetchFn, doc: &'static str) -> FetchRow {
    int_row(name, Needs::Client, eval, doc).args(UNIT, 0).prepare(unit)
}

const fn client(which: Measure) -> Fact {
    Fact::Connection(ConnectionFact::FcMeasured(which))
}

const fn server(which: Measure) -> Fact {
    Fact::Connection(ConnectionFact::BcMeasured(which))
}

fn of(scope: &dyn Scope, which: Measure) -> Fetched<'_> {
    Ok(scope.fact(&client(which)))
}

/// Microseconds in the unit.
fn unit(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let micros = match args.str(0) {
        None | Some(b"" | b"ms") => 1_000,
        Some(b"us") => 1,
        Some(_) => return Err(BadArg::new(0, "the unit must be 'ms' or 'us'")),
    };
    args.put(0, Arg::Int(micros));
    Ok(())
}

fn in_unit<'a>(args: &'a Args, scope: &'a dyn Scope, fact: Fact) -> Fetched<'a> {
    let unit = args.int(0).unwrap_or(1).max(1);
    let micros = scope.fact(&fact).and_then(|measured| measured.to_int());
    Ok(micros.map(|micros| Sample::Int((micros + unit / 2) / unit)))
}
