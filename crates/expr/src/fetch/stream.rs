//! How the stream went: timers, bytes, retries, its end. Names of newer HAProxy for what log items say.

use super::{bool_row, int_row, text_row};
use crate::args::Args;
use crate::fact::{Fact, StreamFact, TimeFact};
use crate::rows::{FetchFn, FetchRow, Fetched, Needs};
use crate::sample::Sample;
use crate::scope::Scope;

pub(super) static ROWS: &[FetchRow] = &[
    timer(
        "bc.timer.connect",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Connect))),
        "%Tc, as in logs",
    ),
    int_row(
        "bytes_in",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::BytesUploaded))),
        "Bytes from the client",
    ),
    int_row(
        "bytes_out",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::BytesRead))),
        "Bytes to the client",
    ),
    timer(
        "fc.timer.handshake",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Handshake))),
        "%Th, as in logs",
    ),
    timer(
        "fc.timer.total",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Total))),
        "%Tt, as in logs",
    ),
    text_row(
        "last_entity",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::LastEntity))),
        "Place of the last final rule, FILE:LINE",
    ),
    text_row(
        "last_rule_file",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::LastRuleFile))),
        "File of the last final rule",
    ),
    int_row(
        "last_rule_line",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::LastRuleLine))),
        "Line of the last final rule",
    ),
    int_row(
        "bc_be_queue",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::BackendQueuePos))),
        "%bq, as in logs",
    ),
    int_row(
        "bc_srv_queue",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::SrvQueuePos))),
        "%sq, as in logs",
    ),
    int_row("txn.id32", Needs::Process, id32, "A number of this stream, 32 bits"),
    int_row(
        "prio_class",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::PriorityClass))),
        "Rank in queues",
    ),
    int_row(
        "prio_offset",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::PriorityOffset))),
        "Milliseconds by which it is put back in queues",
    ),
    timer(
        "req.timer.hdr",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Request))),
        "%TR, as in logs",
    ),
    timer(
        "req.timer.idle",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Idle))),
        "%Ti, as in logs",
    ),
    timer(
        "req.timer.queue",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Queue))),
        "%Tw, as in logs",
    ),
    timer("req.timer.tq", Needs::RequestKept, time_tq, "%Tq, as in logs"),
    timer(
        "res.timer.data",
        Needs::ResponseKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Data))),
        "%Td, as in logs",
    ),
    timer(
        "res.timer.hdr",
        Needs::ResponseKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Response))),
        "%Tr, as in logs",
    ),
    int_row(
        "txn.conn_retries",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::Retries))),
        "Connection retries",
    ),
    int_row(
        "be_max_retries",
        Needs::Backend,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::ConfiguredRetries))),
        "The backend's retries",
    ),
    int_row(
        "cur_max_retries",
        Needs::Backend,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::CurrentRetries))),
        "Retries of this stream, as set-retries left them",
    ),
    bool_row(
        "txn.redispatched",
        Needs::ServerConnection,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::Redispatched))),
        "Went to another server",
    ),
    text_row(
        "txn.sess_term_state",
        Needs::Client,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::TerminationCode))),
        "%ts, as in logs",
    ),
    text_row(
        "term_events",
        Needs::Process,
        |_, _| Ok(Some(Sample::str(NO_EVENTS))),
        "What ended the layers of a stream",
    )
    .no_effect("termination events are not recorded, the value is always '{-,-,-,-,-,-,-}'; see '%ts'"),
    timer(
        "txn.timer.total",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::Active))),
        "%Ta, as in logs",
    ),
    timer(
        "txn.timer.user",
        Needs::RequestKept,
        |_, s| Ok(s.fact(&Fact::Time(TimeFact::User))),
        "%Tu, as in logs",
    ),
    text_row(
        "unique-id",
        Needs::Nothing,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::UniqueId))),
        "The id made by unique-id-format",
    ),
    text_row(
        "waiting_entity",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Stream(StreamFact::WaitingEntity))),
        "Place of the rule that was waiting when the end came, FILE:LINE",
    ),
];

/// Not supported, at each of the seven levels (manual, `term_events`).
const NO_EVENTS: &[u8] = b"{-,-,-,-,-,-,-}";

const fn timer(name: &'static str, needs: Needs, eval: FetchFn, doc: &'static str) -> FetchRow {
    int_row(name, needs, eval, doc)
}

/// %Tq = %Th + %Ti + %TR; -1 where the request did not arrive.
fn time_tq<'a>(_: &'a crate::Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let of = |fact: Fact| scope.fact(&fact).and_then(|time| time.to_int());
    let (Some(handshake), Some(idle), Some(request)) = (
        of(Fact::Time(TimeFact::Handshake)),
        of(Fact::Time(TimeFact::Idle)),
        of(Fact::Time(TimeFact::Request)),
    ) else {
        return Ok(None);
    };
    let total = if request < 0 { -1 } else { handshake.max(0) + idle.max(0) + request };
    Ok(Some(Sample::Int(total)))
}

fn id32<'a>(_: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let number = scope.fact(&Fact::Stream(StreamFact::RequestCounter)).and_then(|number| number.to_int());
    Ok(number.map(|number| Sample::Int(number & 0xffff_ffff)))
}
