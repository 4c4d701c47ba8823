//! `tcp-request` and `tcp-response` rules, one row an action, and how long they may wait for data. The rulesets share
//! the rows; the line's first two words say which list the rule joins.

use super::acl::len;
use super::http_actions::{log_level, packet_mark, set_stream, silent_drop};
use super::params::{set, text};
use super::vars::{assignment, forgotten};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{ExprText, Rule, Settings, StreamSetting, TcpAction};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

const COND: &str = "[{ if | unless } <condition>]";
const EXPR: &str = "<expr> [{ if | unless } <condition>]";
const MARK: &str = "{ <number> | <expr> } [{ if | unless } <condition>]";
const STOPS: &[&str] = &["if", "unless"];

/// `tcp-request connection` and `tcp-request session` stand where clients connect; the others in all proxies. HAProxy
/// names the wrong section itself, so the place is checked in [`rule`].
const fn row(names: Names, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, Place::ALL, args, doc, Parse::Settings(parser))
}

const fn idle(names: Names, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, Place::ALL, args, doc, reason)
}

const fn refused(names: Names, args: Text, doc: Text, alternative: Text) -> Row {
    Row::refused(names, Place::ALL, args, doc, alternative)
}

const NO_TABLES: &str = "there are no stick tables yet, so nothing is counted";

pub(crate) const ROWS: &[Row] = &[
    row(
        &["tcp-request inspect-delay"],
        "<timeout>",
        "Longest wait for the data that 'tcp-request content' rules look at.",
        |c, a, s| set(&mut s.tcp_request_inspect_delay, inspect_delay(c, a)),
    ),
    row(
        &["tcp-request connection accept", "tcp-request session accept", "tcp-request content accept"],
        COND,
        "Ends this list of rules.",
        |c, a, s| rule(c, a, s, |_, _| Ok(TcpAction::Accept)),
    ),
    row(
        &["tcp-request connection reject", "tcp-request session reject", "tcp-request content reject"],
        COND,
        "Closes the connection.",
        |c, a, s| rule(c, a, s, |_, _| Ok(TcpAction::Reject)),
    ),
    row(
        &[
            "tcp-request connection silent-drop",
            "tcp-request session silent-drop",
            "tcp-request content silent-drop",
        ],
        "[rst-ttl <ttl>] [{ if | unless } <condition>]",
        "Forgets the connection without telling the client.",
        |c, a, s| rule(c, a, s, |_, a| silent_drop(a).map(TcpAction::SilentDrop)),
    ),
    row(
        &["tcp-request connection expect-proxy"],
        "layer4 [{ if | unless } <condition>]",
        "Expects the PROXY protocol from these clients.",
        |c, a, s| {
            rule(c, a, s, |_, a| a.choice("a layer", &[("layer4", ())]).map(|()| TcpAction::ExpectProxy))
        },
    ),
    row(
        &["tcp-request connection set-src", "tcp-request session set-src", "tcp-request content set-src"],
        EXPR,
        "Replaces the client's address.",
        |c, a, s| rule(c, a, s, |_, a| expr(a, TcpAction::SetSrc)),
    ),
    row(
        &[
            "tcp-request connection set-src-port",
            "tcp-request session set-src-port",
            "tcp-request content set-src-port",
        ],
        EXPR,
        "Replaces the client's port.",
        |c, a, s| rule(c, a, s, |_, a| expr(a, TcpAction::SetSrcPort)),
    ),
    row(
        &["tcp-request connection set-dst", "tcp-request session set-dst", "tcp-request content set-dst"],
        EXPR,
        "Replaces the destination address.",
        |c, a, s| rule(c, a, s, |_, a| expr(a, TcpAction::SetDst)),
    ),
    row(
        &[
            "tcp-request connection set-dst-port",
            "tcp-request session set-dst-port",
            "tcp-request content set-dst-port",
        ],
        EXPR,
        "Replaces the destination port.",
        |c, a, s| rule(c, a, s, |_, a| expr(a, TcpAction::SetDstPort)),
    ),
    row(
        &[
            "tcp-request connection set-var(",
            "tcp-request connection set-var-fmt(",
            "tcp-request session set-var(",
            "tcp-request session set-var-fmt(",
            "tcp-request content set-var(",
            "tcp-request content set-var-fmt(",
        ],
        "<var-name>[,<cond>...]) { <expr> | <fmt> } [{ if | unless } <condition>]",
        "Sets a variable.",
        |c, a, s| rule(c, a, s, |_, a| set_var(a)),
    ),
    row(
        &[
            "tcp-request connection unset-var(",
            "tcp-request session unset-var(",
            "tcp-request content unset-var(",
        ],
        "<var-name>) [{ if | unless } <condition>]",
        "Forgets a variable.",
        |c, a, s| rule(c, a, s, |_, a| forgotten(a).map(TcpAction::UnsetVar)),
    ),
    row(
        &["tcp-request content set-log-level"],
        "{ emerg | alert | crit | err | warning | notice | info | debug | silent } [{ if | unless } <condition>]",
        "Severity of this stream's log line; 'silent' writes none.",
        |c, a, s| rule(c, a, s, |_, a| log_level(a).map(TcpAction::SetLogLevel)),
    ),
    row(
        &["tcp-request content capture"],
        "<sample> len <length> [{ if | unless } <condition>]",
        "Keeps a sample for the log.",
        |c, a, s| rule(c, a, s, capture),
    ),
    row(
        &["tcp-response inspect-delay"],
        "<timeout>",
        "Longest wait for the data that 'tcp-response content' rules look at.",
        |c, a, s| set(&mut s.tcp_response_inspect_delay, inspect_delay(c, a)),
    ),
    row(&["tcp-response content accept"], COND, "Ends this list of rules.", |c, a, s| {
        rule(c, a, s, |_, _| Ok(TcpAction::Accept))
    }),
    row(&["tcp-response content reject"], COND, "Closes both connections.", |c, a, s| {
        rule(c, a, s, |_, _| Ok(TcpAction::Reject))
    }),
    row(&["tcp-response content close"], COND, "Closes both connections in order.", |c, a, s| {
        rule(c, a, s, |_, _| Ok(TcpAction::Close))
    }),
    row(
        &["tcp-response content silent-drop"],
        "[rst-ttl <ttl>] [{ if | unless } <condition>]",
        "Forgets the connection without telling the client.",
        |c, a, s| rule(c, a, s, |_, a| silent_drop(a).map(TcpAction::SilentDrop)),
    ),
    row(
        &["tcp-response content set-var(", "tcp-response content set-var-fmt("],
        "<var-name>[,<cond>...]) { <expr> | <fmt> } [{ if | unless } <condition>]",
        "Sets a variable.",
        |c, a, s| rule(c, a, s, |_, a| set_var(a)),
    ),
    row(
        &["tcp-response content unset-var("],
        "<var-name>) [{ if | unless } <condition>]",
        "Forgets a variable.",
        |c, a, s| rule(c, a, s, |_, a| forgotten(a).map(TcpAction::UnsetVar)),
    ),
    row(
        &["tcp-response content set-log-level"],
        "{ emerg | alert | crit | err | warning | notice | info | debug | silent } [{ if | unless } <condition>]",
        "Severity of this stream's log line; 'silent' writes none.",
        |c, a, s| rule(c, a, s, |_, a| log_level(a).map(TcpAction::SetLogLevel)),
    ),
    idle(
        &["tcp-request content set-nice", "tcp-response content set-nice"],
        "<nice> [{ if | unless } <condition>]",
        "Rank of the stream.",
        "streams are not ranked among each other",
    ),
    row(
        &[
            "tcp-request connection set-mark",
            "tcp-request connection set-fc-mark",
            "tcp-request session set-mark",
            "tcp-request session set-fc-mark",
            "tcp-request content set-mark",
            "tcp-request content set-fc-mark",
            "tcp-response content set-mark",
            "tcp-response content set-fc-mark",
        ],
        MARK,
        "Firewall mark of packets to the client.",
        |c, a, s| rule(c, a, s, |_, a| packet_mark(a, false, false).map(TcpAction::MarkPackets)),
    ),
    row(
        &[
            "tcp-request connection set-tos",
            "tcp-request connection set-fc-tos",
            "tcp-request session set-tos",
            "tcp-request session set-fc-tos",
            "tcp-request content set-tos",
            "tcp-request content set-fc-tos",
            "tcp-response content set-tos",
            "tcp-response content set-fc-tos",
        ],
        MARK,
        "TOS field of packets to the client.",
        |c, a, s| rule(c, a, s, |_, a| packet_mark(a, false, true).map(TcpAction::MarkPackets)),
    ),
    row(&["tcp-request content set-bc-mark"], MARK, "Firewall mark of packets to the server.", |c, a, s| {
        rule(c, a, s, |_, a| packet_mark(a, true, false).map(TcpAction::MarkPackets))
    }),
    row(&["tcp-request content set-bc-tos"], MARK, "TOS field of packets to the server.", |c, a, s| {
        rule(c, a, s, |_, a| packet_mark(a, true, true).map(TcpAction::MarkPackets))
    }),
    row(
        &["tcp-request content set-priority-class"],
        MARK,
        "Rank in queues, -2047 to 2047: the lowest is served first.",
        |c, a, s| rule(c, a, s, |_, a| set_stream(a, StreamSetting::PriorityClass, TcpAction::SetStream)),
    ),
    row(
        &["tcp-request content set-priority-offset"],
        MARK,
        "Milliseconds by which it is put back among its rank in queues, or forward.",
        |c, a, s| rule(c, a, s, |_, a| set_stream(a, StreamSetting::PriorityOffset, TcpAction::SetStream)),
    ),
    idle(
        &["tcp-request content set-bandwidth-limit", "tcp-response content set-bandwidth-limit"],
        "<name> [limit <expr>] [period <expr>] [{ if | unless } <condition>]",
        "Limits the bandwidth.",
        "bandwidth is not limited",
    ),
    row(&["tcp-request content set-retries"], MARK, "Retries of this stream, 0 to 100.", |c, a, s| {
        rule(c, a, s, |_, a| set_stream(a, StreamSetting::Retries, TcpAction::SetStream))
    }),
    row(
        &[
            "tcp-request connection do-log",
            "tcp-request session do-log",
            "tcp-request content do-log",
            "tcp-response content do-log",
        ],
        COND,
        "Writes a log line here, besides that of the stream's end.",
        |c, a, s| rule(c, a, s, |_, _| Ok(TcpAction::DoLog)),
    ),
    idle(
        &[
            "tcp-request connection track-sc*",
            "tcp-request session track-sc*",
            "tcp-request content track-sc*",
        ],
        "<key> [table <table>] [{ if | unless } <condition>]",
        "Counts in a stick table.",
        NO_TABLES,
    ),
    idle(
        &[
            "tcp-request connection sc-inc-gpc*",
            "tcp-request connection sc-add-gpc*",
            "tcp-request connection sc-set-gpt*",
            "tcp-request session sc-inc-gpc*",
            "tcp-request session sc-add-gpc*",
            "tcp-request session sc-set-gpt*",
            "tcp-request content sc-inc-gpc*",
            "tcp-request content sc-add-gpc*",
            "tcp-request content sc-set-gpt*",
            "tcp-response content sc-inc-gpc*",
            "tcp-response content sc-add-gpc*",
            "tcp-response content sc-set-gpt*",
        ],
        "<sc-id>) ... [{ if | unless } <condition>]",
        "Changes a counter of a stick table.",
        NO_TABLES,
    ),
    idle(
        &[
            "tcp-request connection ot-group",
            "tcp-request session ot-group",
            "tcp-request content ot-group",
            "tcp-response content ot-group",
        ],
        "<filter> <group> [{ if | unless } <condition>]",
        "Traces.",
        "there is no tracing yet",
    ),
    refused(
        &["tcp-request connection expect-netscaler-cip"],
        "layer4 [{ if | unless } <condition>]",
        "Expects the NetScaler Client IP protocol.",
        "client addresses would be wrong without it; let the sender use the PROXY protocol and 'expect-proxy'",
    ),
    row(
        &["tcp-request content switch-mode"],
        "http [proto <name>] [{ if | unless } <condition>]",
        "Goes on as HTTP; the backend must be of that mode.",
        |c, a, s| rule(c, a, s, switch_mode),
    ),
    refused(
        &["tcp-request content use-service"],
        "<service-name> [{ if | unless } <condition>]",
        "Lets a service of the proxy answer.",
        "there are no TCP services",
    ),
    refused(
        &[
            "tcp-request connection lua.",
            "tcp-request session lua.",
            "tcp-request content lua.",
            "tcp-response content lua.",
        ],
        "<function> [<args>] [{ if | unless } <condition>]",
        "Runs a Lua action.",
        "Lua is not run; most actions can be written as rules",
    ),
    refused(
        &["tcp-request content send-spoe-group", "tcp-response content send-spoe-group"],
        "<engine-name> <group-name> [{ if | unless } <condition>]",
        "Asks a program over SPOE.",
        "nothing is asked over SPOE, so connections would pass unexamined",
    ),
    refused(
        &["tcp-request content do-resolve("],
        "<var>,<resolvers>,[ipv4,ipv6]) <expr>",
        "Looks a name up.",
        "names are looked up at start only; list the servers",
    ),
    refused(
        &[
            "tcp-request content set-map(",
            "tcp-request content del-map(",
            "tcp-request content add-acl(",
            "tcp-request content del-acl(",
        ],
        "<file-name>) <key fmt> [<value fmt>]",
        "Changes a map or a list of patterns.",
        "connections do not change maps and lists; http-request rules and the runtime API do",
    ),
    row(
        &["tcp-request connection", "tcp-request session", "tcp-request content", "tcp-response content"],
        "<action> <options...> [{ if | unless } <condition>]",
        "A rule of this list.",
        |_, a, _| Err(unknown_action(a)),
    ),
];

/// Reads an action and its condition, and adds the rule to the list that the line's first two words name.
fn rule(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    action: fn(&mut Ctx<'_>, &mut Args<'_>) -> Result<TcpAction, Failure>,
) -> Parsed {
    let head = |index: usize| args.line().get(index).map_or("", Word::as_str);
    let (list, place) = match (head(0), head(1)) {
        ("tcp-response", _) => (&mut to.tcp_response_content, Place::BACK),
        (_, "connection") => (&mut to.tcp_request_connection, Place::FRONT),
        (_, "session") => (&mut to.tcp_request_session, Place::FRONT),
        (..) => (&mut to.tcp_request_content, Place::PROXY),
    };
    if Place::PROXY.has(ctx.place) && !place.has(ctx.place) {
        let side = if place == Place::FRONT { "frontend" } else { "backend" };
        let message =
            format!("'{}' is not allowed because {} is not a {side}", args.name(), ctx.section_label());
        return Err(Failure::new(args.span(), message));
    }
    let action = action(ctx, args)?;
    let cond = args.cond()?;
    list.push(Rule { action, cond, span: args.span() });
    Ok(())
}

fn inspect_delay(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<u64, Failure> {
    let delay = args.millis("a delay in milliseconds")?;
    if let Some(extra) = args.rest().first() {
        ctx.warn(extra.span, format!("'{}' takes no other argument: '{extra}' is ignored", args.name()));
    }
    Ok(delay)
}

fn expr(args: &mut Args<'_>, action: fn(ExprText) -> TcpAction) -> Result<TcpAction, Failure> {
    args.expr(STOPS).map(action)
}

fn set_var(args: &mut Args<'_>) -> Result<TcpAction, Failure> {
    let var = assignment(args)?;
    Ok(match var.conditions.is_empty() {
        true => TcpAction::SetVar(var.name, var.value),
        false => TcpAction::SetVarIf(var.name, var.conditions, var.value),
    })
}

fn capture(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<TcpAction, Failure> {
    let expr = args.expr(&["len", "if", "unless"])?;
    let len = len(args)?;
    if ctx.place == Place::BACKEND {
        let message = format!("{} has no frontend capability to capture in", ctx.section_label());
        return Err(Failure::new(args.span(), message));
    }
    Ok(TcpAction::Capture(expr, len))
}

fn switch_mode(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<TcpAction, Failure> {
    args.choice("a mode", &[("http", ())])?;
    if args.eat("proto") {
        args.choice("a protocol", &[("h1", ())])?;
    }
    if ctx.place == Place::BACKEND {
        let message = format!("{} has no frontend capability to switch the mode", ctx.section_label());
        return Err(Failure::new(args.span(), message));
    }
    Ok(TcpAction::SwitchMode)
}

/// An action that this list does not have.
fn unknown_action(args: &mut Args<'_>) -> Failure {
    let head = format!("{} ", args.name());
    let names = || ROWS.iter().flat_map(|row| row.names).filter_map(|name| name.strip_prefix(head.as_str()));
    let names = || names().map(|name| name.trim_end_matches(['(', '*', '.']));
    match text(args, "an action") {
        Err(missing) => {
            missing.help(format!("one of {} is expected", names().collect::<Vec<_>>().join(", ")))
        }
        Ok(word) => {
            let bare = word.text.split('(').next().unwrap_or_default();
            let others: Vec<&str> = names().collect();
            args.bad(&word, "an action")
                .help(format!("one of {} is expected", others.join(", ")))
                .nearest(bare, others)
        }
    }
}
