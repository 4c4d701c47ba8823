//! The parameters of `server`, `server-template` and `default-server` lines (manual 5.2), one row each. A `no-` form
//! shares the row of what it takes back.

use super::bind_params::MAX_ID;
use super::params::{delay, set, skip_value, text, warn_once};
use crate::args::{Args, list_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{
    ExprText, HashKey, InitAddr, InitState, Observe, OnError, OnMarkedDown, OnMarkedUp, ProxyV2Option,
    SendProxy, ServerParams, SourceAddress, Verify,
};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::{Address, Host, PortSpec, Word};

/// The largest count of connections, requests or checks: HAProxy counts them in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

/// The largest weight (manual 5.2 "weight").
const MAX_WEIGHT: i64 = 256;

/// What an `alpn` with h2 is told; once a load.
const NO_H2: &str = "HTTP/2 to servers is not spoken yet: 'alpn' offers http/1.1 only";

/// All lines with server parameters.
const LINES: Place = Place::SERVER_LINE.and(Place::DEFAULT_SERVER_LINE);

const fn row(names: Names, args: Text, doc: Text, parser: Parser<ServerParams>) -> Row {
    Row::new(names, LINES, args, doc, Parse::Server(parser))
}

const fn idle(names: Names, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, LINES, "", doc, reason)
}

const fn idle_value(names: Names, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, LINES, args, doc, reason).parsed_by(Parse::Server(|_, a, _| skip_value(a)))
}

const fn refused(names: Names, args: Text, doc: Text, alternative: Text) -> Row {
    Row::refused(names, LINES, args, doc, alternative)
}

const NO_NETWORKS: &str = "the first address of the preferred family is taken";
const NO_TABLES: &str = "there are no stick tables yet";
const CHECK_CONNECTIONS: &str = "every check opens a connection of its own";

pub(crate) const ROWS: &[Row] = &[
    row(&["weight"], "<weight>", "Share of the load, 0 to 256; 1 where none is written.", |_, a, p| {
        set(&mut p.weight, a.number("a weight", 0..=MAX_WEIGHT))
    }),
    row(&["maxconn"], "<maxconn>", "Most requests at a time; 0 is unlimited.", |_, a, p| {
        set(&mut p.maxconn, a.number("a number of connections", 0..=MAX_COUNT))
    }),
    row(
        &["minconn"],
        "<minconn>",
        "Least value of a 'maxconn' that follows the backend's load.",
        |_, a, p| set(&mut p.minconn, a.number("a number of connections", 0..=MAX_COUNT)),
    ),
    row(
        &["maxqueue"],
        "<maxqueue>",
        "Most requests that wait for this server; 0 is unlimited.",
        |_, a, p| set(&mut p.maxqueue, a.number("a number of requests", 0..=MAX_COUNT)),
    ),
    row(&["backup", "no-backup"], "", "Serves only while no other server can.", |_, a, p| {
        flag(a, &mut p.backup)
    }),
    row(&["disabled"], "", "Starts in maintenance.", |_, _, p| {
        p.disabled = Some(true);
        Ok(())
    }),
    row(&["enabled"], "", "Takes back 'disabled'.", |_, _, p| {
        p.disabled = Some(false);
        Ok(())
    }),
    row(&["cookie"], "<value>", "The server's value of the persistence cookie.", |_, a, p| {
        set(&mut p.cookie, text(a, "<value> as argument"))
    }),
    Row::new(
        &["id"],
        Place::SERVER_LINE,
        "<value>",
        "Fixes the server's number.",
        Parse::Server(|_, a, p| set(&mut p.id, a.number("an id", 1..=MAX_ID))),
    ),
    row(&["guid"], "<string>", "A name that 'stats-file' knows it by.", |_, a, p| {
        set(&mut p.guid, text(a, "<string> as argument"))
    }),
    row(&["redir"], "<prefix>", "Sends GET and HEAD requests elsewhere with a 302.", |_, a, p| {
        set(&mut p.redir, text(a, "<prefix> as argument"))
    }),
    row(&["slowstart"], "<time>", "Time to reach full weight after coming up.", |_, a, p| {
        set(&mut p.slowstart, a.millis("a time"))
    }),
    row(&["track"], "[<backend>/]<server>", "Follows the state of another server.", |_, a, p| {
        set(&mut p.track, text(a, "[<proxy>/]<server> as argument"))
    }),
    row(&["check", "no-check"], "", "Health checks.", |_, a, p| flag(a, &mut p.check)),
    row(&["check-ssl", "no-check-ssl"], "", "Health checks over TLS.", |_, a, p| flag(a, &mut p.check_ssl)),
    row(
        &["check-send-proxy", "no-check-send-proxy"],
        "",
        "Health checks begin with a PROXY protocol header.",
        |_, a, p| flag(a, &mut p.check_send_proxy),
    ),
    row(&["check-sni"], "<sni>", "Server name sent by health checks over TLS.", |_, a, p| {
        set(&mut p.check_sni, text(a, "a server name"))
    }),
    row(&["check-alpn"], "<protocols>", "ALPN of health checks.", |c, a, p| {
        set(&mut p.check_alpn, alpn(c, a))
    }),
    row(&["check-proto"], "{ h1 | none }", "Protocol of health checks.", |_, a, p| {
        set(&mut p.check_proto, proto(a))
    }),
    row(&["port"], "<port>", "Port of health checks.", |_, a, p| {
        p.port = port(a)?;
        Ok(())
    }),
    row(&["addr"], "<address>", "Address of health checks.", |c, a, p| set(&mut p.addr, host(c, a))),
    row(&["inter"], "<delay>", "Time between health checks; 2 seconds where none is written.", |_, a, p| {
        set(&mut p.inter, delay(a))
    }),
    row(&["fastinter"], "<delay>", "The same while the state is changing.", |_, a, p| {
        set(&mut p.fastinter, delay(a))
    }),
    row(&["downinter"], "<delay>", "The same while the server is down.", |_, a, p| {
        set(&mut p.downinter, delay(a))
    }),
    row(
        &["rise"],
        "<count>",
        "Successful checks that make it operational; 2 where none is written.",
        |_, a, p| set(&mut p.rise, a.number("a count", 1..=MAX_COUNT)),
    ),
    row(&["fall"], "<count>", "Failed checks that make it dead; 3 where none is written.", |_, a, p| {
        set(&mut p.fall, a.number("a count", 1..=MAX_COUNT))
    }),
    row(&["observe"], "{ none | layer4 | layer7 }", "Watches traffic for errors.", |_, a, p| {
        set(&mut p.observe, a.choice("a mode", OBSERVE))
    }),
    row(&["error-limit"], "<count>", "Errors in a row that trigger 'on-error'.", |_, a, p| {
        set(&mut p.error_limit, a.number("a count", 1..=MAX_COUNT))
    }),
    row(&["on-error"], "{ fastinter | fail-check | sudden-death | mark-down }", "What those errors do.", {
        |_, a, p| set(&mut p.on_error, a.choice("a mode", ON_ERROR))
    }),
    row(&["on-marked-down"], "shutdown-sessions", "What going down does.", |_, a, p| {
        let down = [("shutdown-sessions", OnMarkedDown::ShutdownSessions)];
        set(&mut p.on_marked_down, a.choice("an action", &down))
    }),
    row(&["on-marked-up"], "shutdown-backup-sessions", "What coming up does.", |_, a, p| {
        let up = [("shutdown-backup-sessions", OnMarkedUp::ShutdownBackupSessions)];
        set(&mut p.on_marked_up, a.choice("an action", &up))
    }),
    row(&["agent-check", "no-agent-check"], "", "Asks an agent for the server's state.", |_, a, p| {
        flag(a, &mut p.agent_check)
    }),
    row(&["agent-addr"], "<address>", "The agent's address.", |c, a, p| set(&mut p.agent_addr, host(c, a))),
    row(&["agent-port"], "<port>", "The agent's port.", |_, a, p| {
        p.agent_port = port(a)?;
        Ok(())
    }),
    row(&["agent-inter"], "<delay>", "Time between questions to the agent.", |_, a, p| {
        set(&mut p.agent_inter, delay(a))
    }),
    row(&["agent-send"], "<string>", "What is sent to the agent.", |_, a, p| {
        set(&mut p.agent_send, text(a, "a string"))
    }),
    row(&["init-addr"], "{ last | libc | none | <ip> }[,...]", "Where the address comes from at start.", {
        |_, a, p| set(&mut p.init_addr, init_addr(a))
    }),
    row(&["ssl", "no-ssl"], "", "TLS to the server.", |_, a, p| {
        p.ssl_ready |= p.ssl == Some(true);
        flag(a, &mut p.ssl)
    }),
    row(&["verify"], "{ none | required }", "Checks the server's certificate.", |_, a, p| {
        let methods = [("none", Verify::None), ("required", Verify::Required)];
        set(&mut p.verify, a.choice("a verify method", &methods))
    }),
    row(
        &["verifyhost"],
        "<hostname>",
        "The name its certificate must carry where none is sent.",
        |_, a, p| set(&mut p.verifyhost, text(a, "a hostname to verify against")),
    ),
    row(&["no-verifyhost"], "", "Takes back 'verifyhost'.", |_, _, p| {
        p.verifyhost = None;
        Ok(())
    }),
    row(&["sni"], "<expression>", "The server name sent in the handshake.", |_, a, p| {
        let words = vec![text(a, "a sample expression")?];
        p.sni = Some(ExprText { words });
        Ok(())
    }),
    row(&["alpn"], "<protocols>", "Protocols offered by ALPN, a comma list.", |c, a, p| {
        set(&mut p.alpn, alpn(c, a))
    }),
    row(
        &["ca-file"],
        "<cafile>",
        "Authorities the certificate is checked against; @system-ca.",
        |_, a, p| set(&mut p.ca_file, text(a, "a CA file")),
    ),
    row(&["crl-file"], "<crlfile>", "Revocation lists.", |_, a, p| {
        set(&mut p.crl_file, text(a, "a CRL file"))
    }),
    row(&["crt"], "<cert>", "The certificate shown to the server.", |_, a, p| {
        set(&mut p.crt, text(a, "a certificate's location"))
    }),
    row(&["no-ssl-reuse"], "", "Never resumes TLS sessions.", |_, _, p| {
        p.no_ssl_reuse = Some(true);
        Ok(())
    }),
    row(&["ssl-reuse"], "", "Takes back 'no-ssl-reuse'.", |_, _, p| {
        p.no_ssl_reuse = Some(false);
        Ok(())
    }),
    row(&["no-tls-tickets"], "", "Resumes sessions without tickets.", |_, _, p| {
        p.no_tls_tickets = Some(true);
        Ok(())
    }),
    row(&["tls-tickets"], "", "Takes back 'no-tls-tickets'.", |_, _, p| {
        p.no_tls_tickets = Some(false);
        Ok(())
    }),
    row(&["send-proxy", "no-send-proxy"], "", "PROXY protocol version 1.", |_, a, p| {
        send_proxy(a, p, SendProxy::V1)
    }),
    row(&["send-proxy-v2", "no-send-proxy-v2"], "", "PROXY protocol version 2.", |_, a, p| {
        send_proxy(a, p, SendProxy::V2)
    }),
    row(
        &["send-proxy-v2-ssl", "no-send-proxy-v2-ssl"],
        "",
        "PROXY protocol version 2 with what is known of TLS.",
        |_, a, p| send_proxy(a, p, SendProxy::V2Ssl),
    ),
    row(
        &["send-proxy-v2-ssl-cn", "no-send-proxy-v2-ssl-cn"],
        "",
        "The same with the common name of the client's certificate.",
        |_, a, p| send_proxy(a, p, SendProxy::V2SslCn),
    ),
    row(&["proxy-v2-options"], "<option>[,<option>]*", "What else the PROXY protocol carries.", |_, a, p| {
        proxy_v2_options(a, p)
    }),
    row(&["source"], SOURCE_GRAMMAR, "The address connections come from.", |c, a, p| {
        set(&mut p.source, source(c, a))
    }),
    row(&["tfo", "no-tfo"], "", "TCP Fast Open.", |_, a, p| flag(a, &mut p.tfo)),
    row(&["tcp-ut"], "<delay>", "Longest wait for the acknowledgement of sent data.", |_, a, p| {
        set(&mut p.tcp_ut, a.millis("a delay"))
    }),
    row(&["pool-max-conn"], "<max>", "Most idle connections kept; -1 is unlimited.", |_, a, p| {
        set(&mut p.pool_max_conn, a.number("a number of connections", -1..=MAX_COUNT))
    }),
    row(&["pool-purge-delay"], "<delay>", "Time between purges of idle connections.", |_, a, p| {
        set(&mut p.pool_purge_delay, a.millis("a delay"))
    }),
    Row::no_effect(
        &["pool-low-conn"],
        LINES,
        "<max>",
        "Idle connections a thread keeps for itself.",
        "threads do not take idle connections from each other",
    )
    .parsed_by(Parse::Server(|_, a, p| {
        set(&mut p.pool_low_conn, a.number("a number of connections", 0..=MAX_COUNT))
    })),
    row(&["max-reuse"], "<count>", "Most times a connection is used again; -1 is unlimited.", |_, a, p| {
        set(&mut p.max_reuse, a.number("a count", -1..=MAX_COUNT))
    }),
    row(&["proto"], "{ h1 | none }", "Forces the protocol of the connections.", |_, a, p| {
        set(&mut p.proto, proto(a))
    }),
    row(&["ws"], "{ auto | h1 }", "Protocol of WebSocket streams.", |_, a, _| websocket(a)),
    row(&["resolvers"], "<id>", "The 'resolvers' section that its name is asked of.", |_, a, p| {
        set(&mut p.resolvers, text(a, "a resolvers section"))
    }),
    row(
        &["resolve-prefer"],
        "{ ipv4 | ipv6 }",
        "Preferred family; ipv6 where none is written.",
        |_, a, p| {
            let family = a.expect("either ipv4 or ipv6 as argument")?;
            a.choice_of(family, "a family", &[("ipv4", ()), ("ipv6", ())])?;
            p.resolve_prefer = Some(family.clone());
            Ok(())
        },
    ),
    row(&["resolve-opts"], "<option>[,...]", "How answers are used.", |_, a, p| {
        let options = text(a, "a list of options")?;
        // weights come with names of services only
        let known = [("allow-dup-ip", Some(true)), ("ignore-weight", None), ("prevent-dup-ip", Some(false))];
        for option in list_of(&options) {
            p.resolve_shares = a.choice_of(&option, "an option", &known)?.or(p.resolve_shares);
        }
        Ok(())
    }),
    idle_value(&["resolve-net"], "<network>[,...]", "Preferred networks.", NO_NETWORKS),
    idle(&["stick", "non-stick"], "Whether stick tables learn this server.", NO_TABLES),
    idle(
        &["allow-0rtt"],
        "Sends TLSv1.3 early data.",
        "early data is not sent; requests follow the handshake",
    ),
    idle_value(
        &["npn"],
        "<protocols>",
        "The extension before ALPN.",
        "no server speaks NPN any more; use 'alpn'",
    ),
    idle_value(&["log-proto"], "<proto>", "Framing to a log server.", "it concerns 'ring' sections only"),
    idle_value(&["log-bufsize"], "<size>", "Buffer to a log server.", "it concerns 'ring' sections only"),
    idle_value(&["shard"], "<shard>", "Part of a peers table.", "it concerns 'peers' sections only"),
    idle(&["renegotiate", "no-renegotiate"], "TLS renegotiation.", "TLS is never renegotiated"),
    row(&["cc"], "<algo>", "TCP congestion control.", |_, a, p| {
        set(&mut p.congestion, text(a, "a congestion control algorithm"))
    }),
    idle_value(&["idle-ping"], "<delay>", "Probes idle HTTP/2 connections.", "HTTP/2 is not spoken yet"),
    idle_value(&["ktls"], "{ on | off }", "TLS in the kernel.", "TLS is done in the process"),
    row(
        &["init-state"],
        "{ fully-up | up | down | fully-down | none }",
        "State at start of a checked server; 'none' undoes that of 'default-server'.",
        |_, a, p| {
            p.init_state = a.choice("a state", INIT_STATES)?;
            Ok(())
        },
    ),
    idle(&["check-reuse-pool", "no-check-reuse-pool"], "Checks over idle connections.", CHECK_CONNECTIONS),
    idle_value(&["check-pool-conn-name"], "<name>", "Which of them checks use.", CHECK_CONNECTIONS),
    row(
        &["pool-conn-name"],
        "<expression>",
        "Tells idle connections apart, in place of the server name sent.",
        |_, a, p| {
            let words = vec![text(a, "a sample expression")?];
            p.pool_conn_name = Some(ExprText { words });
            Ok(())
        },
    ),
    row(
        &["sni-auto", "no-sni-auto"],
        "",
        "Sends the request's host as server name where 'sni' names none.",
        |_, a, p| flag(a, &mut p.sni_auto),
    ),
    row(
        &["check-sni-auto", "no-check-sni-auto"],
        "",
        "HTTP checks over TLS send the host they ask for where 'check-sni' names none.",
        |_, a, p| flag(a, &mut p.check_sni_auto),
    ),
    row(&["strict-maxconn"], "", "Idle connections count for 'maxconn' too.", |_, a, p| {
        flag(a, &mut p.strict_maxconn)
    }),
    row(
        &["hash-key"],
        "{ id | addr | addr-port }",
        "What places it on the ring of 'hash-type consistent'.",
        |_, a, p| set(&mut p.hash_key, a.choice("a key", HASH_KEYS)),
    ),
    idle_value(&["quic-cc-algo"], "<algo>", "QUIC congestion control.", "HTTP/3 is not spoken yet"),
    row(&["set-proxy-v2-tlv-fmt("], "<type>) <fmt>", "A field of one's own in the PROXY protocol.", {
        |_, a, p| proxy_tlv(a, p)
    }),
    row(&["socks4"], "<addr>:<port>", "Connects through a SOCKS4 proxy.", socks4),
    row(&["check-via-socks4", "no-check-via-socks4"], "", "Health checks take the way of 'socks4'.", {
        |_, a, p| flag(a, &mut p.check_via_socks4)
    }),
    refused(
        &["namespace"],
        "<name>",
        "Connects from a network namespace.",
        "start the program inside the namespace: 'ip netns exec NAME …'",
    ),
    refused(
        &["tcp-md5sig"],
        "<password>",
        "Signs TCP segments.",
        "segments would not be protected; use TLS or a tunnel",
    ),
];

const INIT_STATES: &[(&str, Option<InitState>)] = &[
    ("fully-up", Some(InitState::FullyUp)),
    ("up", Some(InitState::Up)),
    ("down", Some(InitState::Down)),
    ("fully-down", Some(InitState::FullyDown)),
    ("none", None),
];

const HASH_KEYS: &[(&str, HashKey)] =
    &[("id", HashKey::Id), ("addr", HashKey::Addr), ("addr-port", HashKey::AddrPort)];

const OBSERVE: &[(&str, Observe)] =
    &[("none", Observe::None), ("layer4", Observe::Layer4), ("layer7", Observe::Layer7)];

const ON_ERROR: &[(&str, OnError)] = &[
    ("fastinter", OnError::Fastinter),
    ("fail-check", OnError::FailCheck),
    ("sudden-death", OnError::SuddenDeath),
    ("mark-down", OnError::MarkDown),
];

const V2_OPTIONS: &[(&str, ProxyV2Option)] = &[
    ("ssl", ProxyV2Option::Ssl),
    ("cert-cn", ProxyV2Option::CertCn),
    ("ssl-cipher", ProxyV2Option::SslCipher),
    ("cert-sig", ProxyV2Option::CertSig),
    ("cert-key", ProxyV2Option::CertKey),
    ("authority", ProxyV2Option::Authority),
    ("crc32c", ProxyV2Option::Crc32c),
    ("unique-id", ProxyV2Option::UniqueId),
];

fn flag(args: &Args<'_>, slot: &mut Option<bool>) -> Parsed {
    *slot = Some(!is_negated(args));
    Ok(())
}

fn is_negated(args: &Args<'_>) -> bool {
    args.line().first().is_some_and(|w| w.text.starts_with("no-"))
}

/// The richest form asked for is sent; a `no-` form takes back its own form and what builds on it, as HAProxy's flags do.
fn send_proxy(args: &Args<'_>, params: &mut ServerParams, form: SendProxy) -> Parsed {
    let rank = |form: SendProxy| match form {
        SendProxy::Off => 0,
        SendProxy::V1 => 1,
        SendProxy::V2 => 2,
        SendProxy::V2Ssl => 3,
        SendProxy::V2SslCn => 4,
    };
    let now = params.send_proxy.unwrap_or(SendProxy::Off);
    let is_v1 = |form| form == SendProxy::V1;
    params.send_proxy = Some(match is_negated(args) {
        true if is_v1(now) == is_v1(form) => SendProxy::Off,
        true => now,
        false if rank(form) > rank(now) => form,
        false => now,
    });
    Ok(())
}

fn proxy_v2_options(args: &mut Args<'_>, params: &mut ServerParams) -> Parsed {
    let list = text(args, "a list of options")?;
    for word in list_of(&list) {
        let option = args.choice_of(&word, "a PROXY protocol option", V2_OPTIONS)?;
        if !params.proxy_v2_options.contains(&option) {
            params.proxy_v2_options.push(option);
        }
    }
    Ok(())
}

/// A field's type stands in the word itself, decimal or hexadecimal behind `0x`.
fn proxy_tlv(args: &mut Args<'_>, params: &mut ServerParams) -> Parsed {
    let written = args.call()?;
    let kind = match written.text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => written.text.parse().ok(),
    };
    let kind = kind.ok_or_else(|| {
        args.bad(&written, "a type").help("a number from 0 to 255 is expected, or its hexadecimal form 0xE1")
    })?;
    params.proxy_tlvs.push((kind, args.format("a format")?));
    Ok(())
}

fn socks4(ctx: &mut Ctx<'_>, args: &mut Args<'_>, params: &mut ServerParams) -> Parsed {
    let word = ctx.address(&text(args, "<addr>:<port> as argument")?);
    match Address::parse(&word.text) {
        Ok(Address::Inet { port: PortSpec::One(_), host: Host::Ip(_) | Host::Name(_), .. }) => {
            params.socks4 = Some(word);
            Ok(())
        }
        Ok(_) => {
            Err(args.bad(&word, "an address").help("an address and its port are expected: 10.0.0.1:1080"))
        }
        Err(error) => Err(args.bad(&word, "an address").help(error.to_string())),
    }
}

/// A port; 0 takes back what `default-server` set.
fn port(args: &mut Args<'_>) -> Result<Option<u16>, Failure> {
    args.number("a port", 0..=65535).map(|port: u16| Some(port).filter(|p| *p > 0))
}

/// An address without a port of its own: literal or a name.
pub(crate) fn host(ctx: &Ctx<'_>, args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = ctx.address(&text(args, "an address")?);
    match Address::parse(&word.text) {
        Ok(Address::Inet { .. } | Address::Unix(_) | Address::Abstract(_)) => Ok(word),
        Ok(Address::Fd(_) | Address::Unserved(_)) => Err(args.bad(&word, "an address")),
        Err(e) => Err(args.bad(&word, "an address").help(e.to_string())),
    }
}

fn init_addr(args: &mut Args<'_>) -> Result<Vec<InitAddr>, Failure> {
    let list = text(args, "a list of methods")?;
    let method = |word: &Word| match word.as_str() {
        "last" => Ok(InitAddr::Last),
        "libc" => Ok(InitAddr::Libc),
        "none" => Ok(InitAddr::None),
        ip => ip.parse().map(InitAddr::Ip).map_err(|_| {
            args.bad(word, "an init-addr method")
                .help("one of 'last', 'libc', 'none' or an IP address is expected")
                .nearest(ip, ["last", "libc", "none"])
        }),
    };
    list_of(&list).iter().map(method).collect()
}

fn alpn(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<Word, Failure> {
    let list = text(args, "a comma-delimited list of protocols")?;
    if list.text.split(',').any(|p| p == "h2") {
        warn_once(ctx, list.span, NO_H2);
    }
    Ok(list)
}

/// The protocol of connections to servers, on `server` lines and in checks.
pub(crate) fn proto(args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = args.expect("a protocol")?;
    if matches!(word.as_str(), "h2" | "fcgi") {
        let message = format!("'proto {word}': this protocol is not spoken to servers yet");
        return Err(Failure::new(word.span, message).help("leave it out to speak HTTP/1.1"));
    }
    args.choice_of(word, "a protocol", &[("h1", ()), ("none", ())])?;
    Ok(word.clone())
}

fn websocket(args: &mut Args<'_>) -> Parsed {
    let word = args.expect("'auto', 'h1' or 'h2'")?;
    if word.text == "h2" {
        return Err(
            Failure::new(word.span, "'ws h2': HTTP/2 is not spoken to servers yet").help("use 'ws h1'")
        );
    }
    args.choice_of(word, "a protocol", &[("auto", ()), ("h1", ())])
}

/// The grammar of `source`, on a server line and in a backend.
pub(crate) const SOURCE_GRAMMAR: &str = "<addr>[:<port>[-<port>]] [interface <name>]";

/// `source ADDR[:PORT[-PORT]] [usesrc …] [interface NAME]`
pub(crate) fn source(ctx: &Ctx<'_>, args: &mut Args<'_>) -> Result<SourceAddress, Failure> {
    let what = "<addr>[:<port>[-<port>]], and optionally 'interface' <name> as argument";
    let word = &ctx.address(args.expect_text(what)?);
    let address = Address::parse(&word.text).map_err(|e| args.bad(word, "an address").help(e.to_string()))?;
    let literal = match &address {
        Address::Inet { host, port, .. } => {
            !matches!(host, Host::Name(_)) && !matches!(port, PortSpec::Offset(_))
        }
        Address::Unix(_) | Address::Abstract(_) | Address::Fd(_) | Address::Unserved(_) => false,
    };
    if !literal {
        return Err(args
            .bad(word, "a source address")
            .help("an IP address is expected, ':PORT-PORT' may follow"));
    }
    let mut source = SourceAddress { address, usesrc: None, interface: None };
    loop {
        if let Some(word) = args.peek().filter(|w| w.text == "usesrc") {
            return Err(Failure::new(word.span, "'usesrc' is not supported").help(
                "addresses of others need rights that this program gives up; pass the client's address with \
                 'send-proxy' or 'option forwardfor'",
            ));
        }
        if !args.eat("interface") {
            return Ok(source);
        }
        source.interface = Some(text(args, "<name> behind 'interface'")?);
    }
}
