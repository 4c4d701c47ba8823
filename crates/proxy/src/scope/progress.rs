//! How a stream goes: its first line, what was captured, counted and sent, its timeouts and its ending.

use super::{int, text};
use crate::plan::CaptureSlot;
use crate::rules::Place;
use crate::stream::{FirstLine, Stream};
use crate::tally::Count;
use expr::scope::TimeoutName;
use expr::{Sample, StreamFact};
use std::time::Duration;

pub(super) fn known<'a>(stream: &'a Stream<'_>, fact: &StreamFact) -> Option<Sample<'a>> {
    let first = stream.first_line.as_ref();
    let text_of = |slice| stream.request.fields.text(slice);
    match fact {
        StreamFact::UniqueId => stream.unique_id.as_deref().map(Sample::str),
        StreamFact::Retries => Some(int(stream.retries)),
        StreamFact::Redispatched => Some(Sample::Bool(stream.redispatched)),
        StreamFact::StatusSent => stream.status_logged.map(int),
        StreamFact::ServerStatus => stream.server_status.map(int),
        StreamFact::BytesRead => Some(int(stream.bytes_read)),
        StreamFact::BytesUploaded => Some(int(stream.bytes_uploaded)),
        StreamFact::TerminationCode => Some(Sample::owned(stream.ending.letters())),
        StreamFact::TerminationCodeCookie => {
            Some(Sample::owned([stream.ending.letters(), stream.cookie_letters].concat()))
        }
        StreamFact::RequestCounter => Some(int(stream.number)),
        StreamFact::SrvConnNow => {
            stream.back?;
            Some(int(stream.server.as_ref().map_or(0, |s| s.sessions())))
        }
        StreamFact::ConfiguredRetries => Some(int(stream.back?.retries)),
        StreamFact::CurrentRetries => Some(int(stream.retries_allowed.unwrap_or(stream.back?.retries))),
        StreamFact::SrvQueuePos => Some(int(stream.queue_positions.0)),
        StreamFact::BackendQueuePos => Some(int(stream.queue_positions.1)),
        StreamFact::FirstRequestLine => {
            let (method, target) = (text_of(first?.method), text_of(first?.target));
            let mut line = [method, b" ", target, b" ", first?.version.as_str().as_bytes()].concat();
            line.truncate(stream.worker.plan.process.log_uri_len);
            Some(Sample::owned(line))
        }
        StreamFact::FirstMethod => Some(Sample::str(text_of(first?.method))),
        StreamFact::FirstUri => {
            let target = text_of(first?.target);
            Some(Sample::str(target.get(..left_for_uri(stream, first?).min(target.len()))?))
        }
        // of a line that was cut there is none left
        StreamFact::FirstVersion => {
            let (left, target) = (left_for_uri(stream, first?), text_of(first?.target));
            let version = first?.version.as_str();
            (target.len() + 1 + version.len() <= left).then(|| text(version))
        }
        StreamFact::CapturedRequestHeader(slot) => captured(&stream.request_captures, *slot),
        StreamFact::CapturedResponseHeader(slot) => captured(&stream.response_captures, *slot),
        StreamFact::CapturedRequestCookie => stream.captured_cookies[0].as_deref().map(Sample::str),
        StreamFact::CapturedResponseCookie => stream.captured_cookies[1].as_deref().map(Sample::str),
        StreamFact::RequestCaptureCount => Some(slots(stream, &stream.front.request_captures)),
        StreamFact::ResponseCaptureCount => Some(slots(stream, &stream.front.response_captures)),
        StreamFact::LogCounter => Some(int(stream.front.tally.sum(Count::LogLines))),
        StreamFact::LogAsap => Some(Sample::Bool(stream.front.log.asap)),
        StreamFact::LogLevel => stream.log_level.flatten().map(int),
        StreamFact::PriorityClass => Some(int(stream.priority.class)),
        StreamFact::PriorityOffset => Some(int(stream.priority.offset)),
        StreamFact::IsError => Some(Sample::Bool(stream.is_error())),
        StreamFact::Forwarded => Some(Sample::Bool(stream.server.is_some())),
        StreamFact::ToApplet => Some(Sample::Bool(stream.statistics)),
        StreamFact::LastRuleFile => stream.last_rule.as_ref().map(|rule| text(&rule.file)),
        StreamFact::LastRuleLine => stream.last_rule.as_ref().map(|rule| int(rule.line)),
        StreamFact::LastEntity => stream.last_rule.as_ref().map(place),
        StreamFact::WaitingEntity => stream.waiting_rule.as_ref().map(place),
        // With a request's head at hand no inspection is waited for.
        StreamFact::WaitEnd => Some(Sample::Bool(stream.has_request || stream.payload_complete)),
        StreamFact::FirstRequest => Some(Sample::Bool(stream.session.requests.get() == 0)),
        StreamFact::ConfiguredTimeout(name) => Some(milliseconds(configured(stream, *name))),
        StreamFact::CurrentTimeout(name) => Some(milliseconds(current(stream, *name))),
    }
}

/// Bytes of the first request line behind its method and the space (`tune.http.logurilen`).
fn left_for_uri(stream: &Stream<'_>, line: &FirstLine) -> usize {
    let method = stream.request.fields.text(line.method).len();
    stream.worker.plan.process.log_uri_len.saturating_sub(method + 1)
}

/// Slots are there for what could have been captured: without a request, logs do not show even empty ones.
fn slots(stream: &Stream<'_>, declared: &[CaptureSlot]) -> Sample<'static> {
    let could = stream.has_request || !stream.request_captures.is_empty();
    int(if could { declared.len() } else { 0 })
}

fn captured(list: &[Option<Vec<u8>>], slot: u32) -> Option<Sample<'_>> {
    list.get(slot as usize)?.as_deref().map(Sample::str)
}

fn place(rule: &Place) -> Sample<'static> {
    Sample::owned(format!("{}:{}", rule.file, rule.line))
}

fn milliseconds(timeout: Option<Duration>) -> Sample<'static> {
    int(timeout.unwrap_or_default().as_millis())
}

fn configured(stream: &Stream<'_>, name: TimeoutName) -> Option<Duration> {
    let front = &stream.front.timeouts;
    let back = stream.back.map(|b| b.timeouts);
    match name {
        TimeoutName::Client => front.client,
        TimeoutName::Connect => back?.connect,
        TimeoutName::Queue => back?.queue,
        TimeoutName::Server => back?.server,
        TimeoutName::Tarpit => back.map_or(front.tarpit, |b| b.tarpit),
        TimeoutName::Tunnel => back?.tunnel,
    }
}

/// What rules made of it.
fn current(stream: &Stream<'_>, name: TimeoutName) -> Option<Duration> {
    match name {
        TimeoutName::Client => stream.timeouts.client,
        TimeoutName::Server => stream.timeouts.server,
        TimeoutName::Tunnel => stream.timeouts.tunnel,
        TimeoutName::Connect => stream.timeouts.connect,
        TimeoutName::Queue => stream.timeouts.queue,
        TimeoutName::Tarpit => stream.timeouts.tarpit.or_else(|| configured(stream, name)),
    }
}
