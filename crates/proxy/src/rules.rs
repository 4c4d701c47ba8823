//! Rules: evaluated in order, top to bottom. Actions that edit the message do so here; everything else is returned as
//! a [`Decision`] for `stream` to act on.

mod edit;
mod lines;
mod normalize;
mod redirect;

pub(crate) use edit::allows;
pub use lines::{LineAction, LineRule};
pub use redirect::{Kind as RedirectKind, Redirect, Target as RedirectTarget};

use crate::reply::Reply;
use crate::stream::Stream;
use config::model::{NameMatch, Normalizer, StreamSetting, VarCondition};
use expr::reference::ChangeKind;
use expr::{Condition, Expr, Format, VarId, Verdict};
use lines::LineVerdict;
use regex::bytes::Regex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A compiled rule.
pub struct Rule<A> {
    /// When; always where there is none.
    pub cond: Option<Condition>,
    /// What.
    pub action: A,
    /// Where it stands.
    pub place: Place,
}

/// Where a rule stands in the configuration, for `last_rule_file`, `waiting_entity` and their kin.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, as the command line named it.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
}

/// Of an `http-*` rule set.
pub type HttpRule = Rule<HttpAction>;
/// Of a `tcp-*` rule set.
pub type TcpRule = Rule<TcpAction>;
/// A `redirect` line.
pub type RedirectRule = Rule<Redirect>;

/// A value for a variable.
pub enum Value {
    /// `set-var`
    Expr(Expr),
    /// `set-var-fmt`
    Format(Format),
}

/// Which part of the target a rule replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The path alone.
    Path,
    /// Path and query.
    PathQuery,
    /// The query alone.
    Query,
    /// The whole target.
    Uri,
}

/// Which address a rule overwrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `set-src`
    Src,
    /// `set-src-port`
    SrcPort,
    /// `set-dst`
    Dst,
    /// `set-dst-port`
    DstPort,
}

/// Which timeout a rule overwrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// `server`
    Server,
    /// `tunnel`
    Tunnel,
    /// `client`
    Client,
    /// `connect`
    Connect,
    /// `queue`
    Queue,
    /// `tarpit`
    Tarpit,
}

/// `set-fc-mark`, `set-bc-tos` and their like.
pub struct PacketMark {
    /// Packets to the server rather than to the client.
    pub to_server: bool,
    /// The TOS field rather than the firewall's mark.
    pub tos: bool,
    /// What to set.
    pub value: MarkValue,
}

/// The value of a [`PacketMark`].
pub enum MarkValue {
    /// A number.
    Number(u32),
    /// An integer, whenever the rule runs; none changes nothing.
    Expr(Expr),
}

/// A compiled `http-*` action.
#[allow(missing_docs)] // named after the keyword, each
pub enum HttpAction {
    Allow,
    Deny(Arc<Reply>),
    Tarpit(Arc<Reply>),
    Return(Arc<Reply>),
    Reject,
    /// Hops that the reset may go.
    SilentDrop(Option<u32>),
    Auth(Format),
    Redirect(Redirect),
    SetHeader(Box<[u8]>, Format),
    AddHeader(Box<[u8]>, Format),
    DelHeader(NameTest),
    /// Whole value (`replace-header`) or each list element (`replace-value`).
    ReplaceHeader {
        name: Box<[u8]>,
        regex: Regex,
        with: Format,
        elements: bool,
    },
    ReplacePart(Part, Regex, Format),
    SetPart(Part, Format),
    SetMethod(Format),
    SetStatus(u16, Box<[u8]>),
    SetVar(VarId, Vec<VarCondition>, Value),
    UnsetVar(VarId),
    EditList(ListRule),
    /// Slot and expression, longest text.
    Capture(usize, Expr, usize),
    SetLogLevel(Option<u8>),
    MarkPackets(PacketMark),
    SetEndpoint(Endpoint, Expr),
    SetTimeout(TimeoutKind, Expr),
    SetStream(StreamSetting, Expr),
    DoLog,
    /// Milliseconds.
    Pause(Expr),
    EarlyHint(Box<[u8]>, Format),
    WaitForBody(Duration, Option<u64>),
    Normalize(Normalizer),
    DisableL7Retry,
    Line(LineRule),
    /// Kept so that the rule's condition still shows in the line count; does nothing.
    Nothing,
}

/// `set-map` and its like.
pub struct ListRule {
    /// The list; found once all are loaded.
    pub list: Arc<OnceLock<Arc<expr::Reference>>>,
    /// What is done to it.
    pub kind: ChangeKind,
    /// The key.
    pub key: Format,
    /// The value, for a map.
    pub value: Option<Format>,
}

/// A name and how it is compared.
pub enum NameTest {
    /// By text.
    Text(NameMatch, Box<[u8]>),
    /// By regex.
    Regex(Regex),
}

/// A compiled `tcp-*` action.
#[allow(missing_docs)] // named after the keyword, each
pub enum TcpAction {
    Accept,
    Reject,
    /// Hops that the reset may go.
    SilentDrop(Option<u32>),
    Close,
    ExpectProxy,
    SetEndpoint(Endpoint, Expr),
    SetVar(VarId, Vec<VarCondition>, Value),
    UnsetVar(VarId),
    SetLogLevel(Option<u8>),
    MarkPackets(PacketMark),
    SetStream(StreamSetting, Expr),
    DoLog,
    SwitchMode,
    Capture(usize, Expr, usize),
    Nothing,
}

/// What a rule set asks for.
pub enum Decision {
    /// Go on.
    Continue,
    /// Answer with a configured reply: 403-like denial.
    Deny(Arc<Reply>),
    /// Hold the client, then answer.
    Tarpit(Arc<Reply>),
    /// Answer on purpose.
    Return(Arc<Reply>),
    /// Answer with a redirect: status, `location`, `set-cookie`.
    Redirect(redirect::Target),
    /// Ask for a password in this realm.
    Auth(Vec<u8>),
    /// Close without an answer.
    Reject,
    /// Vanish; a reset may go so many hops.
    SilentDrop(Option<u32>),
    /// Wait for the body (at most this long, at least so many bytes), then go on with the rule at the index.
    WaitForBody(Duration, Option<u64>, usize),
    /// Wait so long, then go on with the rule at the index.
    Pause(Duration, usize),
    /// Send a 103 with these fields, then go on with the rule at the index.
    EarlyHints(Vec<(Vec<u8>, Vec<u8>)>, usize),
}

/// What a TCP rule set asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpDecision {
    /// No rule matched for good: accepted.
    Accept,
    /// Close.
    Reject,
    /// Close the server's connection only.
    Close,
    /// Vanish; a reset may go so many hops.
    SilentDrop(Option<u32>),
    /// Go on as HTTP.
    SwitchMode,
    /// A PROXY protocol header comes first; go on with the rule at the index afterwards.
    ExpectProxy(usize),
    /// More bytes are needed to tell.
    Wait,
}

/// Whether a condition holds; an undecidable one does not.
fn holds(cond: Option<&Condition>, stream: &Stream<'_>) -> bool {
    cond.is_none_or(|c| c.holds(stream))
}

/// Which message a rule set edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `http-request`
    Request,
    /// `http-response`, `http-after-response`
    Response,
}

/// Runs `rules` from the one at `from` on.
pub fn run_http(rules: &[HttpRule], from: usize, message: Message, stream: &mut Stream<'_>) -> Decision {
    if rules.is_empty() {
        return Decision::Continue;
    }
    stream.waiting_rule = None;
    let mut passed = false;
    for (index, rule) in rules.iter().enumerate().skip(from) {
        if !holds(rule.cond.as_ref(), stream) {
            continue;
        }
        stream.settle_captures();
        match &rule.action {
            HttpAction::Allow => return stop(stream, rule, Decision::Continue),
            HttpAction::Deny(reply) => return stop(stream, rule, Decision::Deny(reply.clone())),
            HttpAction::Tarpit(reply) => return stop(stream, rule, Decision::Tarpit(reply.clone())),
            HttpAction::Return(reply) => return stop(stream, rule, Decision::Return(reply.clone())),
            HttpAction::Reject => return stop(stream, rule, Decision::Reject),
            HttpAction::SilentDrop(ttl) => return stop(stream, rule, Decision::SilentDrop(*ttl)),
            HttpAction::Auth(realm) => {
                let realm = edit::text(realm, stream);
                return stop(stream, rule, Decision::Auth(realm));
            }
            HttpAction::Redirect(redirect) => {
                if let Some(target) = redirect.target(stream) {
                    return stop(stream, rule, Decision::Redirect(target));
                }
            }
            HttpAction::Normalize(normalizer) => {
                if !normalize::apply(*normalizer, &mut stream.request) {
                    let reply = Reply { status: 400, ..Reply::default() };
                    return stop(stream, rule, Decision::Deny(Arc::new(reply)));
                }
            }
            HttpAction::Line(_) if passed => {}
            HttpAction::Line(line) => match line.apply(message, stream) {
                LineVerdict::Continue => {}
                LineVerdict::Pass => passed = true,
                LineVerdict::Deny(reply) => return stop(stream, rule, Decision::Deny(reply.clone())),
                LineVerdict::Tarpit(reply) => return stop(stream, rule, Decision::Tarpit(reply.clone())),
            },
            HttpAction::WaitForBody(time, least) => {
                return wait(stream, rule, Decision::WaitForBody(*time, *least, index + 1));
            }
            HttpAction::Pause(time) => {
                if let Some(time) = edit::millis(time, stream) {
                    return wait(stream, rule, Decision::Pause(time, index + 1));
                }
            }
            HttpAction::EarlyHint(..) => return early_hints(rules, index, stream),
            HttpAction::SetHeader(..)
            | HttpAction::AddHeader(..)
            | HttpAction::DelHeader(..)
            | HttpAction::ReplaceHeader { .. }
            | HttpAction::ReplacePart(..)
            | HttpAction::SetPart(..)
            | HttpAction::SetMethod(..)
            | HttpAction::SetStatus(..)
            | HttpAction::SetVar(..)
            | HttpAction::UnsetVar(..)
            | HttpAction::EditList(..)
            | HttpAction::Capture(..)
            | HttpAction::SetLogLevel(..)
            | HttpAction::MarkPackets(..)
            | HttpAction::SetEndpoint(..)
            | HttpAction::SetTimeout(..)
            | HttpAction::SetStream(..)
            | HttpAction::DoLog
            | HttpAction::DisableL7Retry
            | HttpAction::Nothing => edit::apply(&rule.action, message, stream),
        }
    }
    Decision::Continue
}

fn stop<A, D>(stream: &mut Stream<'_>, rule: &Rule<A>, decision: D) -> D {
    stream.last_rule = Some(rule.place.clone());
    decision
}

fn wait<A, D>(stream: &mut Stream<'_>, rule: &Rule<A>, decision: D) -> D {
    stream.waiting_rule = Some(rule.place.clone());
    decision
}

/// Neighbouring `early-hint` rules leave in one 103, as the manual says.
fn early_hints(rules: &[HttpRule], first: usize, stream: &Stream<'_>) -> Decision {
    let mut fields = Vec::new();
    let mut next = first;
    for rule in rules.iter().skip(first) {
        let HttpAction::EarlyHint(name, value) = &rule.action else { break };
        if holds(rule.cond.as_ref(), stream) {
            fields.push((name.to_vec(), edit::text(value, stream)));
        }
        next += 1;
    }
    Decision::EarlyHints(fields, next)
}

/// Runs `redirect` lines.
pub fn run_redirects(rules: &[RedirectRule], stream: &mut Stream<'_>) -> Decision {
    for rule in rules {
        if holds(rule.cond.as_ref(), stream)
            && let Some(target) = rule.action.target(stream)
        {
            return stop(stream, rule, Decision::Redirect(target));
        }
    }
    Decision::Continue
}

/// How many rules at the beginning are decided without looking at anything: all of them where one of these is final.
pub fn unconditional(rules: &[TcpRule]) -> usize {
    let first = rules.iter().position(|rule| rule.cond.is_some()).unwrap_or(rules.len());
    let is_final = |rule: &TcpRule| {
        matches!(
            rule.action,
            TcpAction::Accept | TcpAction::Reject | TcpAction::Close | TcpAction::SilentDrop(_)
        )
    };
    if rules.iter().take(first).any(is_final) { rules.len() } else { first }
}

/// Runs a TCP rule set. `last_chance`: no more bytes will come or the inspection delay is over, so that what cannot
/// be told counts as false.
pub fn run_tcp(rules: &[TcpRule], from: usize, last_chance: bool, stream: &mut Stream<'_>) -> TcpDecision {
    stream.waiting_rule = None;
    for (index, rule) in rules.iter().enumerate().skip(from) {
        let verdict = rule.cond.as_ref().map_or(Verdict::True, |c| c.eval(stream));
        match verdict {
            Verdict::False => continue,
            Verdict::NotYet if last_chance => continue,
            Verdict::NotYet => return wait(stream, rule, TcpDecision::Wait),
            Verdict::True => {}
        }
        match &rule.action {
            TcpAction::Accept => return stop(stream, rule, TcpDecision::Accept),
            TcpAction::Reject => return stop(stream, rule, TcpDecision::Reject),
            TcpAction::Close => return stop(stream, rule, TcpDecision::Close),
            TcpAction::SilentDrop(ttl) => return stop(stream, rule, TcpDecision::SilentDrop(*ttl)),
            TcpAction::SwitchMode => return stop(stream, rule, TcpDecision::SwitchMode),
            TcpAction::ExpectProxy => return TcpDecision::ExpectProxy(index + 1),
            // a slot is filled once; `set-var` does not wait, as with HAProxy
            TcpAction::Capture(_, expr, _) if !last_chance && expr.try_eval(stream).is_err() => {
                return wait(stream, rule, TcpDecision::Wait);
            }
            TcpAction::SetEndpoint(..)
            | TcpAction::SetVar(..)
            | TcpAction::UnsetVar(..)
            | TcpAction::SetLogLevel(..)
            | TcpAction::MarkPackets(..)
            | TcpAction::SetStream(..)
            | TcpAction::DoLog
            | TcpAction::Capture(..)
            | TcpAction::Nothing => edit::apply_tcp(&rule.action, stream),
        }
    }
    TcpDecision::Accept
}
