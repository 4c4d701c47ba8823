//! The actions that edit a message or the stream's own state. Each evaluates first and edits afterwards.

use super::{
    Endpoint, HttpAction, ListRule, MarkValue, Message, NameTest, PacketMark, Part, TcpAction, TimeoutKind,
    Value,
};
use crate::list_edits::ListEdit;
use crate::stream::Stream;
use config::model::{NameMatch, StreamSetting, VarCondition};
use expr::reference::Change;
use expr::{Expr, Format, Sample, Scope, VarId, VarScope};
use http::Request;
use net::Marks;
use regex::bytes::Regex;
use std::net::SocketAddr;
use std::time::Duration;

/// Most retries that a rule may ask for (manual, `set-retries`).
const MAX_RETRIES: u32 = 100;

/// Evaluates a format.
pub(super) fn text(format: &Format, stream: &Stream<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(stream, &mut out);
    out
}

pub(super) fn apply(action: &HttpAction, message: Message, stream: &mut Stream<'_>) {
    match action {
        HttpAction::SetHeader(name, value) => {
            let value = field_value(value, stream);
            stream.fields_mut(message).set(name, &value);
        }
        HttpAction::AddHeader(name, value) => {
            let value = field_value(value, stream);
            stream.fields_mut(message).push(name, &value);
        }
        HttpAction::DelHeader(test) => {
            stream.fields_mut(message).retain(|name, _| !test.matches(name));
        }
        HttpAction::ReplaceHeader { name, regex, with, elements } => {
            replace_header(name, regex, with, *elements, message, stream);
        }
        HttpAction::ReplacePart(part, regex, with) => replace_part(*part, regex, with, stream),
        HttpAction::SetPart(part, value) => {
            let value = text(value, stream);
            set_part(&mut stream.request, *part, &value);
        }
        HttpAction::SetMethod(value) => {
            let value = text(value, stream);
            if !value.is_empty() && value.iter().all(|b| http::fields::is_token_byte(*b)) {
                stream.request.set_method(&value);
            }
        }
        HttpAction::SetStatus(status, reason) => stream.response.set_status(*status, reason),
        HttpAction::SetVar(id, conditions, value) => set_var(*id, conditions, value, stream),
        HttpAction::UnsetVar(id) => stream.set_var(*id, None),
        HttpAction::EditList(rule) => edit_list(rule, stream),
        HttpAction::Capture(slot, expr, len) => capture(*slot, expr, *len, message, stream),
        HttpAction::SetLogLevel(level) => stream.log_level = Some(*level),
        HttpAction::MarkPackets(mark) => mark_packets(mark, stream),
        HttpAction::SetEndpoint(endpoint, expr) => set_endpoint(*endpoint, expr, stream),
        HttpAction::SetTimeout(kind, expr) => set_timeout(*kind, expr, stream),
        HttpAction::SetStream(what, value) => set_stream(*what, value, stream),
        HttpAction::DoLog => stream.front.log.extra(stream),
        HttpAction::DisableL7Retry => stream.l7_retry = false,
        HttpAction::Allow
        | HttpAction::Deny(..)
        | HttpAction::Tarpit(..)
        | HttpAction::Return(..)
        | HttpAction::Reject
        | HttpAction::SilentDrop(..)
        | HttpAction::Auth(..)
        | HttpAction::Redirect(..)
        | HttpAction::EarlyHint(..)
        | HttpAction::WaitForBody(..)
        | HttpAction::Normalize(..)
        | HttpAction::Line(..)
        | HttpAction::Pause(..)
        | HttpAction::Nothing => {}
    }
}

pub(super) fn apply_tcp(action: &TcpAction, stream: &mut Stream<'_>) {
    match action {
        TcpAction::SetEndpoint(endpoint, expr) => set_endpoint(*endpoint, expr, stream),
        TcpAction::SetVar(id, conditions, value) => set_var(*id, conditions, value, stream),
        TcpAction::UnsetVar(id) => stream.set_var(*id, None),
        TcpAction::SetLogLevel(level) => stream.log_level = Some(*level),
        TcpAction::MarkPackets(mark) => mark_packets(mark, stream),
        TcpAction::Capture(slot, expr, len) => capture(*slot, expr, *len, Message::Request, stream),
        TcpAction::SetStream(what, value) => set_stream(*what, value, stream),
        TcpAction::DoLog => stream.front.log.extra(stream),
        TcpAction::Accept
        | TcpAction::SwitchMode
        | TcpAction::Reject
        | TcpAction::SilentDrop(..)
        | TcpAction::Close
        | TcpAction::ExpectProxy
        | TcpAction::Nothing => {}
    }
}

/// A computed field value. Line breaks and NUL cannot stand in a header: what a client smuggled into a variable must
/// not become a header of its own (RFC 9110 section 5.5).
fn field_value(value: &Format, stream: &Stream<'_>) -> Vec<u8> {
    let mut value = text(value, stream);
    for byte in &mut value {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
    value
}

impl NameTest {
    fn matches(&self, name: &[u8]) -> bool {
        match self {
            NameTest::Regex(regex) => regex.is_match(name),
            NameTest::Text(method, text) => match method {
                NameMatch::Str => name.eq_ignore_ascii_case(text),
                NameMatch::Beg => name.len() >= text.len() && name[..text.len()].eq_ignore_ascii_case(text),
                NameMatch::End => {
                    name.len() >= text.len() && name[name.len() - text.len()..].eq_ignore_ascii_case(text)
                }
                NameMatch::Sub | NameMatch::Reg => {
                    memchr::memmem::find(name, &text.to_ascii_lowercase()).is_some()
                }
            },
        }
    }
}

/// The replaced text: the match of `regex` becomes `with`, in which `\1` to `\9` stand for groups and `\0` for the
/// whole match. `None` where it does not match.
pub(super) fn replaced(regex: &Regex, subject: &[u8], with: &[u8]) -> Option<Vec<u8>> {
    let captures = regex.captures(subject)?;
    let mut out = Vec::with_capacity(subject.len() + with.len());
    let mut rest = with;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(digit @ b'0'..=b'9') => {
                if let Some(group) = captures.get(usize::from(digit - b'0')) {
                    out.extend_from_slice(group.as_bytes());
                }
            }
            Some(other) => out.push(*other),
            None => {}
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn replace_header(
    name: &[u8],
    regex: &Regex,
    with: &Format,
    elements: bool,
    message: Message,
    stream: &mut Stream<'_>,
) {
    let with = field_value(with, stream);
    let fields = stream.fields_mut(message);
    let found: Vec<(usize, Vec<u8>)> = fields
        .iter()
        .enumerate()
        .filter(|(_, (n, _))| *n == name)
        .filter_map(|(i, (_, value))| Some((i, replaced_value(regex, value, &with, elements)?)))
        .collect();
    for (index, value) in found {
        fields.set_value(index, &value);
    }
}

fn replaced_value(regex: &Regex, value: &[u8], with: &[u8], elements: bool) -> Option<Vec<u8>> {
    if !elements {
        return replaced(regex, value, with);
    }
    let mut changed = false;
    let parts: Vec<Vec<u8>> = http::fields::split_list(value)
        .map(|part| match replaced(regex, part, with) {
            Some(new) => {
                changed = true;
                new
            }
            None => part.to_vec(),
        })
        .collect();
    changed.then(|| parts.join(&b", "[..]))
}

fn replace_part(part: Part, regex: &Regex, with: &Format, stream: &mut Stream<'_>) {
    let with = text(with, stream);
    let subject = match part {
        Part::Path => stream.request.path(),
        Part::PathQuery => stream.request.path_and_query(),
        Part::Query => stream.request.query().unwrap_or_default(),
        Part::Uri => stream.request.target(),
    };
    if let Some(new) = replaced(regex, subject, &with) {
        set_part(&mut stream.request, part, &new);
    }
}

/// A target byte that would break the request line: controls, space and DEL.
fn breaks_target(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

pub(super) fn set_part(request: &mut Request, part: Part, value: &[u8]) {
    if value.iter().any(|b| breaks_target(*b)) {
        return;
    }
    let joined = |path: &[u8], query: Option<&[u8]>| {
        let mut out = path.to_vec();
        if let Some(query) = query {
            out.push(b'?');
            out.extend_from_slice(query);
        }
        out
    };
    match part {
        Part::Path => {
            let new = joined(value, request.query());
            request.set_path_and_query(&new);
        }
        Part::PathQuery => request.set_path_and_query(value),
        Part::Query => {
            // A question mark that is there stays (manual, "set-query").
            let wanted = !value.is_empty() || request.query().is_some();
            let new = joined(request.path(), wanted.then_some(value));
            request.set_path_and_query(&new);
        }
        Part::Uri => set_uri(request, value),
    }
}

/// An absolute form brings the host along (HAProxy does so; of the two it is what counts, RFC 9112 section 3.2.2).
fn set_uri(request: &mut Request, value: &[u8]) {
    request.set_target(value);
    if let Some((_, authority)) = request.absolute() {
        let host = authority.to_vec();
        request.fields.set(b"host", &host);
    }
}

fn set_var(id: VarId, conditions: &[VarCondition], value: &Value, stream: &Stream<'_>) {
    let sample = match value {
        Value::Expr(expr) => expr.eval(stream).map(Sample::into_owned),
        Value::Format(format) => Some(Sample::owned(text(format, stream))),
    };
    // An expression without a result leaves the variable alone (manual, "set-var").
    let Some(sample) = sample else { return };
    let present = stream.var(id);
    if conditions.iter().all(|c| allows(*c, id.scope, present.as_ref(), &sample)) {
        stream.set_var(id, Some(sample));
    }
}

/// Whether a condition lets a variable be set. Process-wide ones exist from the start, and comparisons need two integers:
/// without them they hold (manual, "set-var").
pub(crate) fn allows(
    condition: VarCondition,
    scope: VarScope,
    present: Option<&Sample<'_>>,
    new: &Sample<'_>,
) -> bool {
    let exists = present.is_some() || scope == VarScope::Proc;
    let empty = || matches!(new, Sample::Str(text) | Sample::Bin(text) if text.is_empty());
    let integers = || match (present, new) {
        (Some(Sample::Int(present)), Sample::Int(new)) => Some((*present, *new)),
        _ => None,
    };
    match condition {
        VarCondition::IfExists => exists,
        VarCondition::IfNotExists => !exists,
        VarCondition::IfSet => present.is_some(),
        VarCondition::IfNotSet => present.is_none(),
        VarCondition::IfEmpty => empty(),
        VarCondition::IfNotEmpty => !empty(),
        VarCondition::IfGreater => integers().is_none_or(|(present, new)| present > new),
        VarCondition::IfLess => integers().is_none_or(|(present, new)| present < new),
    }
}

/// The list itself is edited elsewhere, see `list_edits`.
fn edit_list(rule: &ListRule, stream: &Stream<'_>) {
    let Some(list) = rule.list.get().cloned() else { return };
    let key = text(&rule.key, stream).into();
    let value = rule.value.as_ref().map(|format| text(format, stream)).unwrap_or_default().into();
    stream
        .worker
        .plan
        .process
        .list_edits
        .lay(ListEdit { list, change: Change { kind: rule.kind, key, value } });
}

/// A slot that a rule made for itself (`len`) is its frontend's, and a `listen` that serves as the backend of another
/// frontend finds none there.
fn capture(slot: usize, expr: &Expr, len: usize, message: Message, stream: &mut Stream<'_>) {
    if len != usize::MAX && stream.other_half().is_some() {
        return;
    }
    let Some(value) = expr.eval(stream).and_then(|s| s.to_str().map(|t| t.into_owned())) else { return };
    let text = value.get(..len.min(value.len())).unwrap_or_default().to_vec();
    stream.store_capture(message, slot, text);
}

fn mark_packets(mark: &PacketMark, stream: &mut Stream<'_>) {
    let value = match &mark.value {
        MarkValue::Number(number) => Some(*number),
        MarkValue::Expr(expr) => expr.eval(stream).and_then(|s| s.to_int()).map(|n| n as u32),
    };
    let Some(value) = value else { return };
    let marks = match mark.tos {
        true => Marks { tos: Some(value as u8), mark: None },
        false => Marks { tos: None, mark: Some(value) },
    };
    if mark.to_server {
        stream.back_marks = marks.or(stream.back_marks);
    } else {
        stream.session.wish(marks);
    }
}

fn set_endpoint(endpoint: Endpoint, expr: &Expr, stream: &mut Stream<'_>) {
    let sample = expr.eval(stream).map(Sample::into_owned);
    let port = || sample.as_ref().and_then(Sample::to_int).and_then(|p| u16::try_from(p).ok());
    let ip = || sample.as_ref().and_then(Sample::to_ip);
    let old = match endpoint {
        Endpoint::Src | Endpoint::SrcPort => stream.src(),
        Endpoint::Dst | Endpoint::DstPort => stream.dst(),
    };
    let old = old.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
    let new = match endpoint {
        Endpoint::Src | Endpoint::Dst => ip().map(|ip| SocketAddr::new(ip, old.port())),
        Endpoint::SrcPort | Endpoint::DstPort => port().map(|port| SocketAddr::new(old.ip(), port)),
    };
    let Some(new) = new else { return };
    match endpoint {
        Endpoint::Src | Endpoint::SrcPort => stream.set_src(new),
        Endpoint::Dst | Endpoint::DstPort => stream.set_dst(new),
    }
}

/// A time in milliseconds; none where the expression yields no number, or a negative one.
pub(super) fn millis(value: &Expr, stream: &Stream<'_>) -> Option<Duration> {
    let number = value.eval(stream).and_then(|s| s.to_int())?;
    u64::try_from(number).ok().map(Duration::from_millis)
}

/// Numbers beyond the manual's bounds become the bound, but for retries, where they change nothing.
fn set_stream(what: StreamSetting, value: &Expr, stream: &mut Stream<'_>) {
    let Some(number) = value.eval(stream).and_then(|s| s.to_int()) else { return };
    match what {
        StreamSetting::PriorityClass => stream.priority.class = number.clamp(-2047, 2047) as i32,
        StreamSetting::PriorityOffset => stream.priority.offset = number.clamp(-524_287, 524_287) as i32,
        StreamSetting::Retries => {
            if let Some(retries) = u32::try_from(number).ok().filter(|n| *n <= MAX_RETRIES) {
                stream.retries_allowed = Some(retries);
            }
        }
    }
}

fn set_timeout(kind: TimeoutKind, expr: &Expr, stream: &mut Stream<'_>) {
    let Some(time) = millis(expr, stream) else { return };
    let timeout = Some(time).filter(|time| !time.is_zero());
    match kind {
        TimeoutKind::Server => stream.timeouts.server = timeout,
        TimeoutKind::Tunnel => stream.timeouts.tunnel = timeout,
        TimeoutKind::Client => stream.timeouts.client = timeout,
        TimeoutKind::Connect => stream.timeouts.connect = timeout,
        TimeoutKind::Queue => stream.timeouts.queue = timeout,
        TimeoutKind::Tarpit => stream.timeouts.tarpit = timeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HAProxy 2.6 was seen to do.
    #[test]
    fn conditions_of_variables() {
        use VarCondition::*;
        let (text, none, five) = (Sample::str(b"a"), Sample::str(b""), Sample::Int(5));
        let cases = [
            (IfExists, VarScope::Txn, None, &five, false),
            (IfExists, VarScope::Proc, None, &five, true),
            (IfNotExists, VarScope::Proc, None, &five, false),
            (IfSet, VarScope::Proc, None, &five, false),
            (IfNotSet, VarScope::Proc, None, &five, true),
            (IfEmpty, VarScope::Txn, Some(&text), &none, true),
            (IfEmpty, VarScope::Txn, Some(&none), &text, false),
            (IfNotEmpty, VarScope::Txn, None, &five, true),
            (IfGreater, VarScope::Txn, Some(&five), &Sample::Int(2), true),
            (IfGreater, VarScope::Txn, Some(&five), &Sample::Int(55), false),
            (IfGreater, VarScope::Txn, Some(&text), &Sample::Int(55), true),
            (IfLess, VarScope::Txn, Some(&five), &text, true),
            (IfLess, VarScope::Txn, None, &five, true),
        ];
        for (condition, scope, present, new, wanted) in cases {
            assert_eq!(allows(condition, scope, present, new), wanted, "{condition:?} {scope:?} {present:?}");
        }
    }

    #[test]
    fn groups_in_replacements() {
        let regex = Regex::new("^/old/([^/]*)(/.*)?").unwrap();
        assert_eq!(replaced(&regex, b"/old/a/b", b"/new/\\1\\2"), Some(b"/new/a/b".to_vec()));
        assert_eq!(replaced(&regex, b"/old/a", b"[\\0]\\2\\\\"), Some(b"[/old/a]\\".to_vec()));
        assert_eq!(replaced(&regex, b"/x", b""), None);
    }

    #[test]
    fn parts_of_the_target() {
        let cases: [(Part, &[u8], &[u8]); 6] = [
            (Part::Path, b"/n", b"/n?q=1"),
            (Part::Query, b"z", b"/p?z"),
            (Part::Query, b"?z", b"/p??z"),
            (Part::Query, b"", b"/p?"),
            (Part::PathQuery, b"/x?y", b"/x?y"),
            (Part::Path, b"/a b", b"/p?q=1"),
        ];
        for (part, value, expected) in cases {
            let mut request = Request::default();
            request.set_target(b"/p?q=1");
            set_part(&mut request, part, value);
            assert_eq!(request.target(), expected, "{part:?}");
        }
    }
}
