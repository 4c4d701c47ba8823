//! What a proxy is: its mode, its bounds, its names, where its requests go, what it keeps of them (manual 4.2).

use super::global::joined;
use super::http_actions::token;
use super::persist::required_cond;
use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{HttpReuse, Mode, Proxy, RetryOn, Settings, StateSource};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::{Address, PortSpec, Word};

/// The largest count of connections; HAProxy counts them in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

const fn row(names: Names, place: Place, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, place, args, doc, Parse::Settings(parser))
}

const fn own(names: Names, place: Place, args: Text, doc: Text, parser: Parser<Proxy>) -> Row {
    Row::new(names, place, args, doc, Parse::Proxy(parser))
}

const ALL: Place = Place::ALL;
const FRONT: Place = Place::DEFAULTS_FRONT;
const BACK: Place = Place::DEFAULTS_BACK;

const STATE_SOURCES: &[(&str, StateSource)] =
    &[("global", StateSource::Global), ("local", StateSource::Local), ("none", StateSource::None)];

pub(crate) const ROWS: &[Row] = &[
    row(&["mode"], ALL, "{ tcp | http }", "Bytes or HTTP.", mode),
    row(&["maxconn"], FRONT, "<number>", "Most connections of the frontend.", |_, a, s| {
        count(a, &mut s.maxconn)
    }),
    row(&["backlog"], FRONT, "<number>", "Length of the kernel's queue of connections.", |_, a, s| {
        count(a, &mut s.backlog)
    }),
    row(&["fullconn"], BACK, "<number>", "The load at which servers reach their 'maxconn'.", |_, a, s| {
        count(a, &mut s.fullconn)
    }),
    row(
        &["load-server-state-from-file"],
        BACK,
        "{ global | local | none }",
        "Whether servers begin in the state that was saved.",
        |_, a, s| {
            s.load_server_state = Some(a.choice("a source", STATE_SOURCES)?);
            a.finish()
        },
    ),
    row(
        &["server-state-file-name"],
        BACK,
        "[ use-backend-name | <file> ]",
        "The file of the servers' state for 'local'.",
        |_, a, s| {
            let named = !a.is_done() && !a.eat("use-backend-name");
            let name = if named { Some(a.expect_text("a file name")?.clone()) } else { None };
            s.server_state_file_name = Some(name);
            a.finish()
        },
    ),
    row(&["retries"], BACK, "<number>", "Retries of a failed connection to a server.", |_, a, s| {
        count(a, &mut s.retries)
    }),
    row(&["retry-on"], BACK, "<condition>...", "Which failures are retried.", retry_on),
    row(
        &["http-reuse"],
        BACK,
        "{ never | safe | aggressive | always }",
        "Which idle connections are used again.",
        reuse,
    ),
    row(
        &["http-send-name-header"],
        BACK,
        "<header>",
        "Tells servers in this header by which name they are known.",
        |_, a, s| {
            let name = a.expect_text("a header string")?;
            token(a, name)?;
            s.send_name_header = Some(name.clone());
            Ok(())
        },
    ),
    row(&["rate-limit sessions"], FRONT, "<number>", "Most new sessions a second.", |_, a, s| {
        count(a, &mut s.rate_limit_sessions)
    }),
    row(
        &["default_backend"],
        FRONT,
        "<backend>",
        "Where requests go that no rule sends elsewhere.",
        |_, a, s| {
            s.default_backend = Some(a.expect_text("a backend name")?.clone());
            a.finish()
        },
    ),
    row(&["description"], Place::PROXY, "<text>", "A text for its operators.", |_, a, s| {
        s.description = Some(joined(a, "a string argument")?);
        Ok(())
    }),
    row(&["monitor-uri"], FRONT, "<uri>", "Answers requests for this URI itself.", |_, a, s| {
        s.monitor_uri = Some(a.expect_text("a URI")?.clone());
        a.finish()
    }),
    row(&["disabled"], ALL, "", "Does not start the proxy.", |_, a, s| {
        s.disabled = true;
        a.finish()
    }),
    row(&["enabled"], ALL, "", "Takes back 'disabled'.", |_, a, s| {
        s.disabled = false;
        a.finish()
    }),
    own(&["guid"], Place::PROXY, "<string>", "A name that 'stats-file' knows it by.", |_, a, p| {
        p.guid = Some(a.expect_text("a name")?.clone());
        a.finish()
    }),
    own(&["id"], Place::PROXY, "<number>", "Fixes the proxy's number.", |_, a, p| {
        p.id = Some(a.number("a number", 1..=MAX_COUNT)?);
        a.finish()
    }),
    own(
        &["monitor fail"],
        Place::FRONT,
        "{ if | unless } <condition>",
        "When 'monitor-uri' answers 503.",
        |_, a, p| {
            p.monitor_fail.push(required_cond(a)?);
            Ok(())
        },
    ),
    own(&["dispatch"], Place::BACK, "<address>:<port>", "The single server of HAProxy before 3.5.", dispatch),
];

fn count(args: &mut Args<'_>, slot: &mut Option<u32>) -> Parsed {
    *slot = Some(args.number("an integer argument", 0..=MAX_COUNT)?);
    args.finish()
}

fn mode(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let word = args.expect("a mode: 'tcp' or 'http'")?;
    let mode = match word.as_str() {
        "tcp" => Mode::Tcp,
        "http" => Mode::Http,
        "health" => {
            return Err(Failure::new(word.span, "'mode health' is not supported")
                .help("write: mode http, and: http-request return status 200"));
        }
        "log" | "spop" | "syslog" | "haterm" => {
            return Err(Failure::new(word.span, format!("'mode {word}' is not supported yet")));
        }
        other => {
            return Err(Failure::new(word.span, format!("unknown proxy mode '{other}'"))
                .nearest(other, ["tcp", "http"]));
        }
    };
    to.mode = Some(mode);
    args.finish()
}

fn reuse(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let policies = [
        ("never", HttpReuse::Never),
        ("safe", HttpReuse::Safe),
        ("aggressive", HttpReuse::Aggressive),
        ("always", HttpReuse::Always),
    ];
    to.http_reuse = Some(args.choice("a policy", &policies)?);
    args.finish()
}

/// Statuses that can be retried.
const RETRY_STATUSES: [&str; 12] =
    ["401", "403", "404", "408", "421", "425", "429", "500", "501", "502", "503", "504"];

/// What `all-retryable-errors` stands for (manual 4.2 "retry-on").
const ALL_RETRYABLE: [RetryOn; 9] = [
    RetryOn::ConnFailure,
    RetryOn::EmptyResponse,
    RetryOn::JunkResponse,
    RetryOn::ResponseTimeout,
    RetryOn::EarlyDataRejected,
    RetryOn::Status(500),
    RetryOn::Status(502),
    RetryOn::Status(503),
    RetryOn::Status(504),
];

fn retry_on(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let mut out = Vec::new();
    args.peek().ok_or_else(|| args.missing("at least one condition"))?;
    let words = args.rest();
    for word in words {
        match word.as_str() {
            "none" if words.len() == 1 => out.push(RetryOn::None),
            "none" => return Err(Failure::new(word.span, "'none' must be the only word of 'retry-on'")),
            "conn-failure" => out.push(RetryOn::ConnFailure),
            "empty-response" => out.push(RetryOn::EmptyResponse),
            "junk-response" => out.push(RetryOn::JunkResponse),
            "response-timeout" => out.push(RetryOn::ResponseTimeout),
            "0rtt-rejected" => out.push(RetryOn::EarlyDataRejected),
            "all-retryable-errors" => out.extend(ALL_RETRYABLE),
            status if RETRY_STATUSES.contains(&status) => out.extend(status.parse().map(RetryOn::Status)),
            other => return Err(unknown_retry(word, other)),
        }
    }
    to.retry_on = Some(out);
    Ok(())
}

fn unknown_retry(word: &Word, text: &str) -> Failure {
    let known = [
        "none",
        "conn-failure",
        "empty-response",
        "junk-response",
        "response-timeout",
        "all-retryable-errors",
    ];
    Failure::new(word.span, format!("'retry-on' does not know '{text}'"))
        .help(format!("statuses that can be retried: {}", RETRY_STATUSES.join(", ")))
        .nearest(text, known)
}

/// `dispatch ADDRESS` is a proxy of one unnamed server.
fn dispatch(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let address = args.expect_text("an address and a port")?;
    if Address::parse(&address.text).is_ok_and(|a| matches!(a, Address::Inet { port: PortSpec::None, .. })) {
        return Err(args.bad(address, "an address").help("a port is expected, as in 10.0.0.1:80"));
    }
    ctx.warn(args.span(), "'dispatch' is deprecated").help(format!("write: server dispatch {address}"));
    let words = [Word::new("server", args.span()), Word::new("dispatch", args.span()), address.clone()];
    let row = super::find(&words, Place::BACK);
    args.finish()?;
    match row.map(|(row, _)| row.parse) {
        Some(Parse::Proxy(parse)) => parse(ctx, &mut Args::new(&words, 1, Polarity::Plain), to),
        Some(_) | None => Err(Failure::new(args.span(), "'dispatch' is not supported")),
    }
}
