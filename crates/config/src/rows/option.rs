//! `option …` lines (manual 4.2), but for those that choose a check (`check`) or a log line (`log`).

use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{ConnectionMode, ForwardFor, Forwarded, Redispatch, RestrictNames, Settings};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;
use std::net::{IpAddr, Ipv4Addr};

const fn row(names: Names, place: Place, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, place, args, doc, Parse::Settings(parser)).negatable()
}

/// An option that is a switch.
const fn switch(names: Names, place: Place, doc: Text, parser: Parser<Settings>) -> Row {
    row(names, place, "", doc, parser)
}

const fn idle(names: Names, place: Place, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, place, "", doc, reason).negatable()
}

const ALL: Place = Place::ALL;
const FRONT: Place = Place::DEFAULTS_FRONT;
const BACK: Place = Place::DEFAULTS_BACK;

pub(crate) const ROWS: &[Row] = &[
    switch(&["option http-keep-alive"], ALL, "Keeps both connections for further requests.", |_, a, s| {
        mode(a, s, ConnectionMode::KeepAlive)
    }),
    switch(
        &["option http-server-close"],
        ALL,
        "Closes the server's connection after each response.",
        |_, a, s| mode(a, s, ConnectionMode::ServerClose),
    ),
    switch(
        &["option httpclose"],
        ALL,
        "Closes connections after each response: a frontend both, a backend the server's.",
        |_, a, s| mode(a, s, ConnectionMode::Close),
    ),
    switch(&["option forceclose"], ALL, "The old name of 'option httpclose'.", |c, a, s| {
        c.warn(a.span(), "'option forceclose' is deprecated").help("write: option httpclose");
        mode(a, s, ConnectionMode::Close)
    }),
    switch(&["option http-tunnel"], ALL, "The tunnel mode that HAProxy 2.1 dropped.", |c, a, _| {
        c.warn(
            a.span(),
            "'option http-tunnel' is deprecated and ignored: every request of a connection is handled",
        )
        .help("remove the line; 'option http-keep-alive' is the default");
        a.finish()
    }),
    switch(
        &["option http-pretend-keepalive"],
        BACK,
        "Hides from servers that their connection ends.",
        |_, a, s| set(a, &mut s.options.http_pretend_keepalive),
    ),
    row(
        &["option forwardfor"],
        ALL,
        "[except <network>] [header <name>] [if-none]",
        "Tells servers the client's address.",
        |_, a, s| {
            s.options.forwardfor = forward(a, true)?;
            Ok(())
        },
    ),
    row(
        &["option originalto"],
        ALL,
        "[except <network>] [header <name>]",
        "Tells servers the address the client asked for.",
        |_, a, s| {
            s.options.originalto = forward(a, false)?;
            Ok(())
        },
    ),
    row(
        &["option forwarded"],
        BACK,
        "[proto] [host | host-expr <expr>] [by | by-expr <expr>] [by_port ...] [for ...] [for_port ...]",
        "Tells servers about the client as RFC 7239 says.",
        |_, a, s| {
            s.options.forwarded = forwarded(a)?;
            Ok(())
        },
    ),
    switch(&["option dontlognull"], FRONT, "No log line for connections without data.", |_, a, s| {
        set(a, &mut s.options.dontlognull)
    }),
    switch(&["option dontlog-normal"], FRONT, "No log line for what went well.", |_, a, s| {
        set(a, &mut s.options.dontlog_normal)
    }),
    switch(&["option log-separate-errors"], FRONT, "Logs what went wrong at a higher level.", |_, a, s| {
        set(a, &mut s.options.log_separate_errors)
    }),
    switch(&["option log-health-checks"], BACK, "Logs every change of a check's outcome.", |_, a, s| {
        set(a, &mut s.options.log_health_checks)
    }),
    switch(&["option logasap"], FRONT, "Logs before the end of the transfer.", |_, a, s| {
        set(a, &mut s.options.logasap)
    }),
    row(&["option redispatch"], BACK, "[<interval>]", "Retries on another server.", redispatch),
    switch(&["option persist"], BACK, "Sends clients to their server even if it is down.", |_, a, s| {
        set(a, &mut s.options.persist)
    }),
    switch(&["option allbackups"], BACK, "Uses all backup servers at once.", |_, a, s| {
        set(a, &mut s.options.allbackups)
    }),
    switch(&["option abortonclose"], ALL, "Gives up requests whose client has left.", |_, a, s| {
        set(a, &mut s.options.abortonclose)
    }),
    switch(&["option tcpka"], ALL, "TCP keep-alive on both sides.", |_, a, s| set(a, &mut s.options.tcpka)),
    switch(&["option clitcpka"], FRONT, "TCP keep-alive towards clients.", |_, a, s| {
        set(a, &mut s.options.clitcpka)
    }),
    switch(&["option srvtcpka"], BACK, "TCP keep-alive towards servers.", |_, a, s| {
        set(a, &mut s.options.srvtcpka)
    }),
    switch(&["option prefer-last-server"], BACK, "Stays with the last server where it may.", |_, a, s| {
        set(a, &mut s.options.prefer_last_server)
    }),
    switch(
        &["option http-ignore-probes"],
        FRONT,
        "Neither logs nor answers connections without request.",
        |_, a, s| set(a, &mut s.options.http_ignore_probes),
    ),
    switch(
        &["option http-buffer-request"],
        ALL,
        "Waits for the request's body before choosing a server.",
        |_, a, s| set(a, &mut s.options.http_buffer_request),
    ),
    switch(
        &["option accept-unsafe-violations-in-http-request", "option accept-invalid-http-request"],
        FRONT,
        "Lets requests pass that are not quite HTTP.",
        |_, a, s| set(a, &mut s.options.accept_unsafe_request),
    ),
    switch(
        &["option accept-unsafe-violations-in-http-response", "option accept-invalid-http-response"],
        BACK,
        "Lets responses pass that are not quite HTTP.",
        |_, a, s| set(a, &mut s.options.accept_unsafe_response),
    ),
    row(
        &["option http-restrict-req-hdr-names"],
        ALL,
        "{ preserve | delete | reject }",
        "What happens to header names other than letters, digits and dashes.",
        restrict,
    ),
    switch(
        &["option splice-auto"],
        ALL,
        "Moves long bodies inside the kernel where that pays, which is the default; 'no' forbids it.",
        |_, a, s| set(a, &mut s.options.splice_auto),
    ),
    switch(
        &["option splice-request"],
        ALL,
        "Moves requests' bodies inside the kernel wherever possible.",
        |_, a, s| set(a, &mut s.options.splice_request),
    ),
    switch(
        &["option splice-response"],
        ALL,
        "Moves responses' bodies inside the kernel wherever possible.",
        |_, a, s| set(a, &mut s.options.splice_response),
    ),
    idle(
        &["option http-no-delay"],
        ALL,
        "Forwards every piece at once.",
        "pieces are forwarded at once anyway",
    ),
    switch(
        &["option independent-streams"],
        ALL,
        "What is sent to a peer does not count as a sign of life of it.",
        |_, a, s| set(a, &mut s.options.independent_streams),
    ),
    switch(
        &["option tcp-smart-accept"],
        FRONT,
        "Acknowledges a connection's first bytes with the response.",
        |_, a, s| set(a, &mut s.options.tcp_smart_accept),
    ),
    switch(
        &["option tcp-smart-connect"],
        BACK,
        "Acknowledges a server's connection with the request.",
        |_, a, s| set(a, &mut s.options.tcp_smart_connect),
    ),
    switch(&["option nolinger"], ALL, "Ends connections at once, unsent data lost.", |_, a, s| {
        set(a, &mut s.options.nolinger)
    }),
    switch(
        &["option http-use-proxy-header"],
        FRONT,
        "Requests for a proxy may use Proxy-Connection, and authenticate as to a proxy.",
        |_, a, s| set(a, &mut s.options.http_use_proxy_header),
    ),
    switch(
        &["option idle-close-on-response"],
        FRONT,
        "On a stop, closes idle connections only after a response.",
        |_, a, s| set(a, &mut s.options.idle_close_on_response),
    ),
    switch(&["option socket-stats"], FRONT, "Shows the counters of each listener.", |_, a, s| {
        set(a, &mut s.options.socket_stats)
    }),
    switch(&["option contstats"], FRONT, "Counts bytes while they pass, not at the end.", |_, a, s| {
        set(a, &mut s.options.contstats)
    }),
    switch(
        &["option h1-case-adjust-bogus-client"],
        FRONT,
        "Spells header names for clients as 'h1-case-adjust' says.",
        |_, a, s| set(a, &mut s.options.h1_case_adjust_client),
    ),
    switch(
        &["option h1-case-adjust-bogus-server"],
        BACK,
        "Spells header names for servers as 'h1-case-adjust' says.",
        |_, a, s| set(a, &mut s.options.h1_case_adjust_server),
    ),
    idle(&["option http-use-htx"], ALL, "HAProxy 1.9's engine.", "there is one HTTP engine"),
    idle(&["option disable-h2-upgrade"], FRONT, "No HTTP/2 without TLS.", "HTTP/2 is not spoken yet"),
    switch(&["option http-drop-request-trailers"], BACK, "Sends no trailers to servers.", |_, a, s| {
        set(a, &mut s.options.drop_request_trailers)
    }),
    switch(&["option http-drop-response-trailers"], FRONT, "Sends no trailers to clients.", |_, a, s| {
        set(a, &mut s.options.drop_response_trailers)
    }),
    idle(&["option use-small-buffers"], BACK, "Small buffers.", "buffers are taken as they are needed"),
    Row::refused(
        &["option transparent", "transparent"],
        BACK,
        "",
        "Connects to the address the client asked for.",
        "name the servers; forwarding to any address the client picks is not supported",
    )
    .negatable(),
    Row::refused(
        &["option http_proxy"],
        ALL,
        "",
        "A forward proxy.",
        "HAProxy dropped it in 2.6; use a forward proxy such as Squid",
    )
    .negatable(),
    switch(&["option checkcache"], BACK, "Blocks cacheable responses that set cookies.", |_, a, s| {
        set(a, &mut s.options.checkcache)
    }),
];

fn set(args: &Args<'_>, slot: &mut Option<bool>) -> Parsed {
    *slot = args.switch();
    args.finish()
}

/// The last of the modes wins; `no` only takes back its own.
fn mode(args: &Args<'_>, to: &mut Settings, mode: ConnectionMode) -> Parsed {
    let slot = &mut to.options.connection_mode;
    match args.polarity() {
        Polarity::Plain => *slot = Some(mode),
        Polarity::No | Polarity::Default => {
            if *slot == Some(mode) {
                *slot = None;
            }
        }
    }
    args.finish()
}

fn forward(args: &mut Args<'_>, if_none: bool) -> Result<Option<ForwardFor>, Failure> {
    let mut out = ForwardFor::default();
    match args.polarity() {
        Polarity::Default => return args.finish().map(|()| None),
        Polarity::No => {
            out.off = true;
            return args.finish().map(|()| Some(out));
        }
        Polarity::Plain => {}
    }
    while let Some(word) = args.next() {
        match word.as_str() {
            "except" => out.except = Some(network(args)?),
            "header" => out.header = Some(args.expect_text("a name behind 'header'")?.clone()),
            "if-none" if if_none => out.if_none = true,
            other => {
                let message = format!("'{}' does not know '{other}'", args.name());
                let known =
                    if if_none { &["except", "header", "if-none"][..] } else { &["except", "header"][..] };
                return Err(Failure::new(word.span, message).nearest(other, known.iter().copied()));
            }
        }
    }
    Ok(Some(out))
}

/// `ADDRESS[/MASK]`, the mask as bits or as an address.
fn network(args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = args.expect_text("a network behind 'except'")?;
    let (address, mask) = word.text.split_once('/').unwrap_or((&word.text, ""));
    let mask_fits = |ip: IpAddr| match mask.parse::<u8>() {
        Ok(bits) => bits <= if ip.is_ipv4() { 32 } else { 128 },
        Err(_) => mask.is_empty() || (ip.is_ipv4() && mask.parse::<Ipv4Addr>().is_ok()),
    };
    if address.parse::<IpAddr>().is_ok_and(mask_fits) {
        return Ok(word.clone());
    }
    Err(args.bad(word, "a network").help("an address with an optional mask is expected, as in 10.0.0.0/8"))
}

const FORWARDED: &[&str] = &[
    "proto",
    "host",
    "host-expr",
    "by",
    "by-expr",
    "by_port",
    "by_port-expr",
    "for",
    "for-expr",
    "for_port",
    "for_port-expr",
];

fn forwarded(args: &mut Args<'_>) -> Result<Option<Forwarded>, Failure> {
    let mut out = Forwarded::default();
    match args.polarity() {
        Polarity::Default => return args.finish().map(|()| None),
        Polarity::No => {
            out.off = true;
            return args.finish().map(|()| Some(out));
        }
        Polarity::Plain => {}
    }
    if args.is_done() {
        // "proto for" is what HAProxy takes where nothing is written.
        out.proto = true;
        out.for_ = Some(None);
    }
    while let Some(word) = args.next() {
        let expr = word.text.ends_with("-expr");
        let value = if expr { Some(args.expr(FORWARDED)?) } else { None };
        match word.text.strip_suffix("-expr").unwrap_or(&word.text) {
            "proto" if !expr => out.proto = true,
            "host" => out.host = Some(value),
            "by" => out.by = Some(value),
            "by_port" => out.by_port = Some(value),
            "for" => out.for_ = Some(value),
            "for_port" => out.for_port = Some(value),
            _ => {
                let failure = Failure::new(word.span, format!("'{}' does not know '{word}'", args.name()));
                return Err(failure.nearest(&word.text, FORWARDED.iter().copied()));
            }
        }
    }
    Ok(Some(out))
}

fn redispatch(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    to.options.redispatch = match args.polarity() {
        Polarity::Default => None,
        Polarity::No => Some(Redispatch { interval: 0 }),
        Polarity::Plain if args.is_done() => Some(Redispatch { interval: -1 }),
        Polarity::Plain => {
            let interval = args.number("an interval", i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            Some(Redispatch { interval })
        }
    };
    args.finish()
}

fn restrict(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    if args.polarity() != Polarity::Plain {
        to.options.restrict_req_hdr_names = None;
        return args.finish();
    }
    let policies = [
        ("preserve", RestrictNames::Preserve),
        ("delete", RestrictNames::Delete),
        ("reject", RestrictNames::Reject),
    ];
    to.options.restrict_req_hdr_names = Some(args.choice("a policy", &policies)?);
    args.finish()
}
