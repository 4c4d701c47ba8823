//! Dates and timers of a stream.

use super::int;
use crate::ending::Phase;
use crate::stream::{Stream, Times};
use expr::{Sample, TimeFact};
use tokio::time::Instant;

/// Timers as the logs show them (manual, section 8.4): milliseconds, -1 where the phase was not reached.
pub(super) fn known(stream: &Stream<'_>, fact: &TimeFact) -> Option<Sample<'static>> {
    let t = &stream.times;
    let end = t.end.unwrap_or_else(Instant::now);
    let span = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
        (Some(from), Some(to)) => millis(from, to),
        (None, _) | (_, None) => Sample::Int(-1),
    };
    let request_from = t.first_byte.or(Some(t.idle_from));
    match fact {
        TimeFact::AcceptDateUs => Some(int(stream.session.accepted_us)),
        TimeFact::RequestDateUs => Some(int(stream.session.wall_us(request_from.unwrap_or(t.idle_from)))),
        TimeFact::Handshake => Some(Sample::Int(handshake_ms(stream))),
        TimeFact::Idle => Some(t.first_byte.map_or(Sample::Int(-1), |f| Sample::Int(idle_ms(t, f)))),
        TimeFact::Request if !stream.front.http => Some(Sample::Int(0)),
        TimeFact::Request if stream.ending.phase == Phase::Tarpit => Some(Sample::Int(-1)),
        TimeFact::Request => Some(span(t.first_byte, t.request)),
        TimeFact::Queue => Some(span(t.request, t.assigned)),
        TimeFact::Connect => Some(span(t.assigned, t.connected)),
        TimeFact::Response => Some(span(t.connected, t.response)),
        TimeFact::Data => {
            let from = if stream.front.http { t.response } else { t.connected };
            let sent_by_us = stream.ending.phase != Phase::Done && from.is_none();
            Some(if sent_by_us { Sample::Int(-1) } else { span(from, Some(end)) })
        }
        TimeFact::Active => Some(millis(request_from.unwrap_or(t.idle_from), end)),
        TimeFact::Total => Some(millis(
            if stream.session.requests.get() == 0 { stream.session.accepted } else { t.idle_from },
            end,
        )),
        TimeFact::User => Some(millis(request_from.unwrap_or(t.idle_from), end)),
    }
}

fn millis(from: Instant, to: Instant) -> Sample<'static> {
    int(to.saturating_duration_since(from).as_millis() as u64)
}

fn handshake_ms(stream: &Stream<'_>) -> i64 {
    if stream.session.requests.get() > 0 {
        return 0;
    }
    i64::try_from(stream.session.handshake.as_millis()).unwrap_or(i64::MAX)
}

fn idle_ms(times: &Times, first_byte: Instant) -> i64 {
    let idle = first_byte.saturating_duration_since(times.idle_from).as_millis();
    i64::try_from(idle).unwrap_or(i64::MAX)
}
