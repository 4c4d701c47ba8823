//! Fetches about the running process (manual section 7.3.2).

use super::{bool_row, int_row, text_row};
use crate::fact::{Fact, ProcessFact};
use crate::rows::{FetchRow, Needs};
use crate::sample::Sample;

const NOT_MEASURED: &str = "the time spent per task is not measured, the value is always 0";

pub(super) static ROWS: &[FetchRow] = &[
    int_row(
        "act_conn",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Process(ProcessFact::ActConn))),
        "Open connections of the process",
    ),
    int_row("cpu_calls", Needs::Process, |_, _| Ok(Some(Sample::Int(0))), "Calls to the stream's task")
        .no_effect(NOT_MEASURED),
    int_row("cpu_ns_avg", Needs::Process, |_, _| Ok(Some(Sample::Int(0))), "Average time of those calls")
        .no_effect(NOT_MEASURED),
    int_row("cpu_ns_tot", Needs::Process, |_, _| Ok(Some(Sample::Int(0))), "Total time of those calls")
        .no_effect(NOT_MEASURED),
    text_row(
        "hostname",
        Needs::Nothing,
        |_, s| Ok(s.fact(&Fact::Process(ProcessFact::Hostname))),
        "The machine's name",
    ),
    int_row("lat_ns_avg", Needs::Process, |_, _| Ok(Some(Sample::Int(0))), "Average wait before those calls")
        .no_effect(NOT_MEASURED),
    int_row("lat_ns_tot", Needs::Process, |_, _| Ok(Some(Sample::Int(0))), "Total wait before those calls")
        .no_effect(NOT_MEASURED),
    int_row("nbproc", Needs::Nothing, |_, _| Ok(Some(Sample::Int(1))), "Always 1: there is one process"),
    int_row("pid", Needs::Process, |_, s| Ok(s.fact(&Fact::Process(ProcessFact::Pid))), "The process id"),
    int_row("proc", Needs::Nothing, |_, _| Ok(Some(Sample::Int(1))), "Always 1: there is one process"),
    bool_row(
        "quic_enabled",
        Needs::Nothing,
        |_, _| Ok(Some(Sample::Bool(false))),
        "True where QUIC is spoken",
    ),
    bool_row(
        "stopping",
        Needs::Process,
        |_, s| Ok(s.fact(&Fact::Process(ProcessFact::Stopping))),
        "True while the process is leaving",
    ),
    int_row("tgroup", Needs::Nothing, |_, _| Ok(Some(Sample::Int(1))), "Always 1: threads form one group"),
    int_row(
        "thread",
        Needs::Nothing,
        |_, s| Ok(s.fact(&Fact::Process(ProcessFact::ThreadId))),
        "The number of the thread, from 0 on",
    ),
];
