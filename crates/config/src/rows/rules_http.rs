//! `http-request`, `http-response` and `http-after-response` rules, one row an action. The rulesets share the rows; the
//! line's first word says which list the rule joins. What the actions read of their words is in `http_actions`.

use super::http_actions::{
    NO_LUA, STOPS, auth, capture, del_header, edit_list, format, header, log_level, normalizer, packet_mark,
    replace, replace_field, set_status, set_stream, set_timeout, set_var, silent_drop, time_or_expr,
    use_service, wait_for_body,
};
use super::redirect;
use super::reply::{self, Kind, reply};
use super::vars::forgotten;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{HttpAction, ListAction, Rule, Settings, StreamSetting};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

/// The grammar of a condition behind an action without arguments.
const COND: &str = "[{ if | unless } <condition>]";

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
const NO_CACHE: &str = "there is no cache yet; the servers are asked each time";
const NO_SPOE: &str = "nothing is asked over SPOE, so requests would pass unexamined";

pub(crate) const ROWS: &[Row] = &[
    row(
        &["http-request allow", "http-response allow", "http-after-response allow"],
        COND,
        "Ends this list of rules.",
        |c, a, s| rule(c, a, s, |_, _| Ok(HttpAction::Allow)),
    ),
    row(
        &["http-request deny", "http-response deny"],
        reply::GRAMMAR,
        "Refuses; 403 or, to a response, 502.",
        |c, a, s| rule(c, a, s, |c, a| reply(c, a, Kind::Deny).map(HttpAction::Deny)),
    ),
    row(
        &["http-request tarpit"],
        reply::GRAMMAR,
        "Refuses after 'timeout tarpit', with a 500.",
        |c, a, s| rule(c, a, s, |c, a| reply(c, a, Kind::Deny).map(HttpAction::Tarpit)),
    ),
    row(&["http-request return", "http-response return"], reply::GRAMMAR, "Answers instead of a server.", {
        |c, a, s| rule(c, a, s, |c, a| reply(c, a, Kind::Return).map(HttpAction::Return))
    }),
    row(&["http-request reject"], COND, "Closes the connection without an answer.", |c, a, s| {
        rule(c, a, s, |_, _| Ok(HttpAction::Reject))
    }),
    row(
        &["http-request silent-drop", "http-response silent-drop"],
        "[rst-ttl <ttl>] [{ if | unless } <condition>]",
        "Forgets the connection without telling the client.",
        |c, a, s| rule(c, a, s, |_, a| silent_drop(a).map(HttpAction::SilentDrop)),
    ),
    row(
        &["http-request auth"],
        "[realm <realm>] [{ if | unless } <condition>]",
        "Asks for name and password.",
        |c, a, s| rule(c, a, s, |_, a| auth(a)),
    ),
    row(
        &["http-request redirect", "http-response redirect"],
        redirect::GRAMMAR,
        "Sends clients elsewhere.",
        |c, a, s| rule(c, a, s, |_, a| redirect::action(a).map(HttpAction::Redirect)),
    ),
    row(
        &["http-request set-header", "http-response set-header", "http-after-response set-header"],
        "<name> <fmt> [{ if | unless } <condition>]",
        "Replaces all fields of a name by one.",
        |c, a, s| rule(c, a, s, |c, a| header(c, a, HttpAction::SetHeader)),
    ),
    row(
        &["http-request add-header", "http-response add-header", "http-after-response add-header"],
        "<name> <fmt> [{ if | unless } <condition>]",
        "Appends a field.",
        |c, a, s| rule(c, a, s, |c, a| header(c, a, HttpAction::AddHeader)),
    ),
    row(
        &["http-request del-header", "http-response del-header", "http-after-response del-header"],
        "<name> [-m { str | beg | end | sub | reg }] [{ if | unless } <condition>]",
        "Removes fields by name.",
        |c, a, s| rule(c, a, s, del_header),
    ),
    row(
        &[
            "http-request replace-header",
            "http-response replace-header",
            "http-after-response replace-header",
        ],
        "<name> <match-regex> <replace-fmt> [{ if | unless } <condition>]",
        "Rewrites whole values of a field.",
        |c, a, s| rule(c, a, s, |c, a| replace_field(c, a, HttpAction::ReplaceHeader)),
    ),
    row(
        &["http-request replace-value", "http-response replace-value", "http-after-response replace-value"],
        "<name> <match-regex> <replace-fmt> [{ if | unless } <condition>]",
        "Rewrites the comma-separated values of a field, each for itself.",
        |c, a, s| rule(c, a, s, |c, a| replace_field(c, a, HttpAction::ReplaceValue)),
    ),
    row(&["http-request replace-path"], REPLACE, "Rewrites the path without the query.", |c, a, s| {
        rule(c, a, s, |_, a| replace(a, HttpAction::ReplacePath))
    }),
    row(&["http-request replace-pathq"], REPLACE, "Rewrites path and query.", |c, a, s| {
        rule(c, a, s, |_, a| replace(a, HttpAction::ReplacePathq))
    }),
    row(&["http-request replace-uri"], REPLACE, "Rewrites the whole request target.", |c, a, s| {
        rule(c, a, s, |_, a| replace(a, HttpAction::ReplaceUri))
    }),
    row(&["http-request set-method"], FORMAT, "Replaces the method.", |c, a, s| {
        rule(c, a, s, |_, a| format(a, HttpAction::SetMethod))
    }),
    row(&["http-request set-path"], FORMAT, "Replaces the path, not the query.", |c, a, s| {
        rule(c, a, s, |_, a| format(a, HttpAction::SetPath))
    }),
    row(&["http-request set-pathq"], FORMAT, "Replaces path and query.", |c, a, s| {
        rule(c, a, s, |_, a| format(a, HttpAction::SetPathq))
    }),
    row(&["http-request set-query"], FORMAT, "Replaces the query.", |c, a, s| {
        rule(c, a, s, |_, a| format(a, HttpAction::SetQuery))
    }),
    row(&["http-request set-uri"], FORMAT, "Replaces the whole request target.", |c, a, s| {
        rule(c, a, s, |_, a| format(a, HttpAction::SetUri))
    }),
    row(
        &["http-response set-status", "http-after-response set-status"],
        "<status> [reason <str>] [{ if | unless } <condition>]",
        "Replaces the status.",
        |c, a, s| rule(c, a, s, |_, a| set_status(a)),
    ),
    row(
        &[
            "http-request set-var(",
            "http-request set-var-fmt(",
            "http-response set-var(",
            "http-response set-var-fmt(",
            "http-after-response set-var(",
            "http-after-response set-var-fmt(",
        ],
        "<var-name>[,<cond>...]) { <expr> | <fmt> } [{ if | unless } <condition>]",
        "Sets a variable.",
        |c, a, s| rule(c, a, s, |_, a| set_var(a)),
    ),
    row(
        &["http-request unset-var(", "http-response unset-var(", "http-after-response unset-var("],
        "<var-name>) [{ if | unless } <condition>]",
        "Forgets a variable.",
        |c, a, s| rule(c, a, s, |_, a| forgotten(a).map(HttpAction::UnsetVar)),
    ),
    row(
        &["http-request capture"],
        "<sample> { len <length> | id <id> } [{ if | unless } <condition>]",
        "Keeps a sample for the log.",
        |c, a, s| rule(c, a, s, capture),
    ),
    row(
        &["http-response capture", "http-after-response capture"],
        "<sample> id <id> [{ if | unless } <condition>]",
        "Keeps a sample in a declared slot for the log.",
        |c, a, s| rule(c, a, s, capture),
    ),
    row(
        &["http-request set-log-level", "http-response set-log-level"],
        "{ emerg | alert | crit | err | warning | notice | info | debug | silent } [{ if | unless } <condition>]",
        "Severity of this stream's log line; 'silent' writes none.",
        |c, a, s| rule(c, a, s, |_, a| log_level(a).map(HttpAction::SetLogLevel)),
    ),
    row(&["http-request set-src"], EXPR, "Replaces the client's address.", |c, a, s| {
        rule(c, a, s, |_, a| a.expr(STOPS).map(HttpAction::SetSrc))
    }),
    row(&["http-request set-src-port"], EXPR, "Replaces the client's port.", |c, a, s| {
        rule(c, a, s, |_, a| a.expr(STOPS).map(HttpAction::SetSrcPort))
    }),
    row(&["http-request set-dst"], EXPR, "Replaces the destination address.", |c, a, s| {
        rule(c, a, s, |_, a| a.expr(STOPS).map(HttpAction::SetDst))
    }),
    row(&["http-request set-dst-port"], EXPR, "Replaces the destination port.", |c, a, s| {
        rule(c, a, s, |_, a| a.expr(STOPS).map(HttpAction::SetDstPort))
    }),
    row(
        &["http-request set-timeout", "http-response set-timeout"],
        "{ client | connect | queue | server | tarpit | tunnel } { <timeout> | <expr> } [{ if | unless } <condition>]",
        "Changes a timeout for this stream.",
        |c, a, s| rule(c, a, s, set_timeout),
    ),
    row(
        &["http-request early-hint"],
        "<name> <fmt> [{ if | unless } <condition>]",
        "Sends a 103 with a field.",
        |c, a, s| rule(c, a, s, |c, a| header(c, a, HttpAction::EarlyHint)),
    ),
    row(
        &["http-request wait-for-body", "http-response wait-for-body"],
        "time <time> [at-least <bytes>] [{ if | unless } <condition>]",
        "Waits until the body, or that much of it, is there.",
        |c, a, s| rule(c, a, s, |_, a| wait_for_body(a)),
    ),
    row(
        &["http-request wait-for-handshake"],
        COND,
        "Waits for the end of the TLS handshake; no request is read before it.",
        |_, a, _| a.cond().map(|_| ()),
    ),
    row(
        &["http-request normalize-uri"],
        "<normalizer> [ full | strict ] [{ if | unless } <condition>]",
        "Writes the request target in one of its equal forms.",
        |c, a, s| rule(c, a, s, |_, a| normalizer(a).map(HttpAction::NormalizeUri)),
    ),
    row(
        &["http-request strict-mode", "http-response strict-mode", "http-after-response strict-mode"],
        "{ on | off } [{ if | unless } <condition>]",
        "Whether a rewrite that fails ends the stream.",
        |c, a, s| rule(c, a, s, |_, a| a.choice("a mode", ON_OFF).map(HttpAction::StrictMode)),
    ),
    row(&["http-request disable-l7-retry"], COND, "Retries on connection failures only.", |c, a, s| {
        rule(c, a, s, |_, _| Ok(HttpAction::DisableL7Retry))
    }),
    row(
        &["http-request use-service"],
        "<service-name> [{ if | unless } <condition>]",
        "Lets a service of the proxy answer.",
        |c, a, s| rule(c, a, s, use_service),
    ),
    idle(
        &["http-request set-nice", "http-response set-nice"],
        "<nice> [{ if | unless } <condition>]",
        "Rank of the stream.",
        "streams are not ranked among each other",
    ),
    row(
        &[
            "http-request set-mark",
            "http-request set-fc-mark",
            "http-response set-mark",
            "http-response set-fc-mark",
        ],
        MARK,
        "Firewall mark of packets to the client.",
        |c, a, s| rule(c, a, s, |_, a| packet_mark(a, false, false).map(HttpAction::MarkPackets)),
    ),
    row(
        &[
            "http-request set-tos",
            "http-request set-fc-tos",
            "http-response set-tos",
            "http-response set-fc-tos",
        ],
        MARK,
        "TOS field of packets to the client.",
        |c, a, s| rule(c, a, s, |_, a| packet_mark(a, false, true).map(HttpAction::MarkPackets)),
    ),
    row(&["http-request set-bc-mark"], MARK, "Firewall mark of packets to the server.", |c, a, s| {
        rule(c, a, s, |_, a| packet_mark(a, true, false).map(HttpAction::MarkPackets))
    }),
    row(&["http-request set-bc-tos"], MARK, "TOS field of packets to the server.", |c, a, s| {
        rule(c, a, s, |_, a| packet_mark(a, true, true).map(HttpAction::MarkPackets))
    }),
    row(
        &["http-request set-priority-class"],
        MARK,
        "Rank in queues, -2047 to 2047: the lowest is served first.",
        |c, a, s| rule(c, a, s, |_, a| set_stream(a, StreamSetting::PriorityClass, HttpAction::SetStream)),
    ),
    row(
        &["http-request set-priority-offset"],
        MARK,
        "Milliseconds by which it is put back among its rank in queues, or forward.",
        |c, a, s| rule(c, a, s, |_, a| set_stream(a, StreamSetting::PriorityOffset, HttpAction::SetStream)),
    ),
    idle(
        &["http-request set-bandwidth-limit", "http-response set-bandwidth-limit"],
        "<name> [limit <expr>] [period <expr>] [{ if | unless } <condition>]",
        "Limits the bandwidth.",
        "bandwidth is not limited",
    ),
    row(&["http-request set-retries"], MARK, "Retries of this stream, 0 to 100.", |c, a, s| {
        rule(c, a, s, |_, a| set_stream(a, StreamSetting::Retries, HttpAction::SetStream))
    }),
    row(
        &["http-request do-log", "http-response do-log", "http-after-response do-log"],
        COND,
        "Writes a log line here, besides that of the stream's end.",
        |c, a, s| rule(c, a, s, |_, _| Ok(HttpAction::DoLog)),
    ),
    row(
        &["http-request pause", "http-response pause"],
        "{ <timeout> | <expr> } [{ if | unless } <condition>]",
        "Waits so many milliseconds before the next rule.",
        |c, a, s| rule(c, a, s, |_, a| time_or_expr(a).map(HttpAction::Pause)),
    ),
    idle(
        &["http-request track-sc*", "http-response track-sc*"],
        "<key> [table <table>] [{ if | unless } <condition>]",
        "Counts in a stick table.",
        NO_TABLES,
    ),
    idle(
        &[
            "http-request sc-inc-gpc*",
            "http-request sc-add-gpc*",
            "http-request sc-set-gpt*",
            "http-response sc-inc-gpc*",
            "http-response sc-add-gpc*",
            "http-response sc-set-gpt*",
            "http-after-response sc-inc-gpc*",
            "http-after-response sc-add-gpc*",
            "http-after-response sc-set-gpt*",
        ],
        "<sc-id>) ... [{ if | unless } <condition>]",
        "Changes a counter of a stick table.",
        NO_TABLES,
    ),
    idle(
        &["http-request cache-use"],
        "<name> [{ if | unless } <condition>]",
        "Answers from a cache.",
        NO_CACHE,
    ),
    idle(&["http-response cache-store"], "<name> [{ if | unless } <condition>]", "Fills a cache.", NO_CACHE),
    idle(
        &[
            "http-request ot-group",
            "http-response ot-group",
            "http-after-response ot-group",
            "http-request otel-group",
            "http-response otel-group",
            "http-after-response otel-group",
        ],
        "<filter> <group> [{ if | unless } <condition>]",
        "Traces.",
        "there is no tracing yet",
    ),
    refused(
        &["http-request lua.", "http-response lua.", "http-after-response lua."],
        "<function> [<args>] [{ if | unless } <condition>]",
        "Runs a Lua action.",
        NO_LUA,
    ),
    refused(
        &["http-request send-spoe-group", "http-response send-spoe-group"],
        "<engine-name> <group-name> [{ if | unless } <condition>]",
        "Asks a program over SPOE.",
        NO_SPOE,
    ),
    refused(
        &["http-request do-resolve("],
        "<var>,<resolvers>,[ipv4,ipv6]) <expr>",
        "Looks a name up.",
        "names are looked up at start only; list the servers",
    ),
    row(
        &["http-request set-map(", "http-response set-map(", "http-after-response set-map("],
        "<file-name>) <key fmt> <value fmt> [{ if | unless } <condition>]",
        "Gives a key of a map a value; requests that follow see it.",
        |c, a, s| rule(c, a, s, |_, a| edit_list(a, ListAction::SetMap)),
    ),
    row(
        &["http-request del-map(", "http-response del-map(", "http-after-response del-map("],
        "<file-name>) <key fmt> [{ if | unless } <condition>]",
        "Takes a key out of a map.",
        |c, a, s| rule(c, a, s, |_, a| edit_list(a, ListAction::DelMap)),
    ),
    row(
        &["http-request add-acl(", "http-response add-acl(", "http-after-response add-acl("],
        "<file-name>) <key fmt> [{ if | unless } <condition>]",
        "Adds a pattern to a list.",
        |c, a, s| rule(c, a, s, |_, a| edit_list(a, ListAction::AddAcl)),
    ),
    row(
        &["http-request del-acl(", "http-response del-acl(", "http-after-response del-acl("],
        "<file-name>) <key fmt> [{ if | unless } <condition>]",
        "Takes a pattern out of a list.",
        |c, a, s| rule(c, a, s, |_, a| edit_list(a, ListAction::DelAcl)),
    ),
    refused(
        &[
            "http-request set-headers-bin",
            "http-request add-headers-bin",
            "http-request del-headers-bin",
            "http-response set-headers-bin",
            "http-response add-headers-bin",
            "http-response del-headers-bin",
        ],
        "<expr>",
        "Edits headers in a binary form.",
        "use 'set-header', 'add-header' and 'del-header'",
    ),
];

const FORMAT: &str = "<fmt> [{ if | unless } <condition>]";
const EXPR: &str = "<expr> [{ if | unless } <condition>]";
const MARK: &str = "{ <number> | <expr> } [{ if | unless } <condition>]";
const REPLACE: &str = "<match-regex> <replace-fmt> [{ if | unless } <condition>]";
const ON_OFF: &[(&str, bool)] = &[("on", true), ("off", false)];

/// Reads an action and its condition, and adds the rule to the list that the line's first word names.
fn rule(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    action: fn(&mut Ctx<'_>, &mut Args<'_>) -> Result<HttpAction, Failure>,
) -> Parsed {
    let action = action(ctx, args)?;
    let cond = args.cond()?;
    let list = match args.line().first().map_or("", Word::as_str) {
        "http-response" => &mut to.http_response,
        "http-after-response" => &mut to.http_after_response,
        _ => &mut to.http_request,
    };
    list.push(Rule { action, cond, span: args.span() });
    Ok(())
}
