//! The parameters of `bind` lines (manual 5.1), one row each.

use super::params::{on, set, skip_value, text};
use crate::args::{Args, list_of};
use crate::failure::Failure;
use crate::model::{BindParams, CliLevel, SeverityOutput, Verify};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

/// The largest `maxconn` or `backlog`: HAProxy counts connections in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

/// The largest id of a listener or server.
pub(crate) const MAX_ID: i64 = i32::MAX as i64;

/// The highest certificate verification error number of OpenSSL, which HAProxy takes for `crt-ignore-err`.
const MAX_VERIFY_ERROR: u32 = 94;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<BindParams>) -> Row {
    Row::new(names, Place::BIND_LINE, args, doc, Parse::Bind(parser))
}

/// A parameter without a value that has no effect.
const fn idle(names: Names, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, Place::BIND_LINE, "", doc, reason)
}

/// A parameter with one value that has no effect.
const fn idle_value(names: Names, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, Place::BIND_LINE, args, doc, reason).parsed_by(Parse::Bind(|_, a, _| skip_value(a)))
}

const fn refused(names: Names, args: Text, doc: Text, alternative: Text) -> Row {
    Row::refused(names, Place::BIND_LINE, args, doc, alternative)
}

const NO_QUIC: &str = "HTTP/3 is not served yet";
const NO_PRIORITIES: &str = "connections are not ranked among each other";
const OWN_LISTENERS: &str = "every thread has a listener of its own";

pub(crate) const ROWS: &[Row] = &[
    row(&["name"], "<name>", "Names the listener in statistics.", |_, a, p| {
        set(&mut p.name, text(a, "a name"))
    }),
    row(&["id"], "<id>", "Fixes the listener's number; for a single address.", |_, a, p| {
        set(&mut p.id, a.number("an id", 1..=MAX_ID))
    }),
    row(&["ssl"], "", "Deciphers TLS on connections of this listener.", |_, _, p| on(&mut p.ssl)),
    row(
        &["crt"],
        "<cert>",
        "Certificates: a file, a folder, or @store/alias; may be repeated.",
        |_, a, p| {
            p.crts.push(text(a, "a certificate's location")?);
            Ok(())
        },
    ),
    row(&["default-crt"], "<cert>", "The certificate served where no name matches.", |_, a, p| {
        p.crts.insert(p.default_crts, text(a, "a certificate's location")?);
        p.default_crts += 1;
        Ok(())
    }),
    row(&["crt-list"], "<file>", "A list of certificates with their options and names.", |_, a, p| {
        p.crt_lists.push(text(a, "a file")?);
        Ok(())
    }),
    row(
        &["ocsp-update"],
        "{ on | off }",
        "Fetches OCSP responses for the line's certificates, to staple them.",
        |_, a, p| {
            p.ocsp_update = Some(a.choice("a switch", &[("on", true), ("off", false)])?);
            Ok(())
        },
    ),
    row(
        &["acme"],
        "<section>",
        "Obtains the certificate from this 'acme' section's authority.",
        |_, a, p| set(&mut p.acme, text(a, "the name of an acme section")),
    ),
    row(
        &["domains"],
        "<names>",
        "Names on the certificate of 'acme', a comma list; else those of the host rules.",
        |_, a, p| {
            p.domains = list_of(&text(a, "a comma-delimited list of names")?);
            Ok(())
        },
    ),
    row(&["ips"], "<addresses>", "Addresses on the certificate of 'acme', a comma list.", |_, a, p| {
        p.ips = list_of(&text(a, "a comma-delimited list of addresses")?);
        Ok(())
    }),
    row(&["strict-sni"], "", "Refuses handshakes whose name no certificate covers.", |_, _, p| {
        on(&mut p.strict_sni)
    }),
    row(&["no-strict-sni"], "", "Takes back 'strict-sni'.", |_, _, p| {
        p.strict_sni = false;
        Ok(())
    }),
    row(&["alpn"], "<protocols>", "Protocols offered by ALPN, a comma list.", |_, a, p| {
        set(&mut p.alpn, text(a, "a comma-delimited list of protocols"))
    }),
    row(&["no-alpn"], "", "Offers no protocol by ALPN.", |_, _, p| on(&mut p.no_alpn)),
    row(&["no-tls-tickets"], "", "Resumes sessions without tickets.", |_, _, p| on(&mut p.no_tls_tickets)),
    row(&["tls-tickets"], "", "Takes back 'no-tls-tickets'.", |_, _, p| {
        p.no_tls_tickets = false;
        Ok(())
    }),
    row(&["tls-ticket-keys"], "<keyfile>", "Reads the ticket keys from a file.", |_, a, p| {
        set(&mut p.tls_ticket_keys, text(a, "a file of TLS ticket keys"))
    }),
    row(&["verify"], "{ none | optional | required }", "Asks clients for a certificate.", |_, a, p| {
        set(&mut p.verify, a.choice("a verify method", VERIFY))
    }),
    row(&["ca-file"], "<cafile>", "Authorities that client certificates are checked against.", |_, a, p| {
        set(&mut p.ca_file, text(a, "a CA file"))
    }),
    row(&["ca-verify-file"], "<cafile>", "Authorities whose names are not sent to clients.", |_, a, p| {
        set(&mut p.ca_verify_file, text(a, "a CA file"))
    }),
    row(&["crl-file"], "<crlfile>", "Revocation lists for client certificates.", |_, a, p| {
        set(&mut p.crl_file, text(a, "a CRL file"))
    }),
    row(
        &["crt-ignore-err"],
        "{ all | <errorID>,... }",
        "Errors of the client's own certificate to let pass.",
        |_, a, p| set(&mut p.crt_ignore_err, ignored_errors(a)),
    ),
    row(
        &["ca-ignore-err"],
        "{ all | <errorID>,... }",
        "Errors of the authorities' certificates to let pass.",
        |_, a, p| set(&mut p.ca_ignore_err, ignored_errors(a)),
    ),
    row(&["prefer-client-ciphers"], "", "Follows the client's order of cipher suites.", |_, _, p| {
        on(&mut p.prefer_client_ciphers)
    }),
    row(&["accept-proxy"], "", "Expects the PROXY protocol, version 1 or 2.", |_, _, p| {
        on(&mut p.accept_proxy)
    }),
    row(&["maxconn"], "<maxconn>", "Most connections of this listener at a time.", |_, a, p| {
        set(&mut p.maxconn, a.number("a number of connections", 0..=MAX_COUNT))
    }),
    row(&["backlog"], "<backlog>", "Length of the kernel's queue of connections.", |_, a, p| {
        set(&mut p.backlog, a.number("a number of connections", 0..=MAX_COUNT))
    }),
    row(&["interface"], "<interface>", "Takes connections from one network interface.", |_, a, p| {
        set(&mut p.interface, text(a, "an interface name"))
    }),
    row(&["mss"], "<maxseg>", "Advertised TCP segment size, bytes.", |_, a, p| {
        set(&mut p.mss, a.number("a segment size", 1..=65535))
    }),
    row(&["tfo"], "", "TCP Fast Open.", |_, _, p| on(&mut p.tfo)),
    row(&["transparent"], "", "Accepts for addresses that are not the machine's; needs CAP_NET_ADMIN.", {
        |_, _, p| on(&mut p.transparent)
    }),
    row(&["v4v6"], "", "An IPv6 address takes IPv4 connections too.", |_, _, p| on(&mut p.v4v6)),
    row(&["v6only"], "", "An IPv6 address takes IPv6 connections only.", |_, _, p| on(&mut p.v6only)),
    row(&["defer-accept"], "", "Accepts once data has arrived.", |_, _, p| on(&mut p.defer_accept)),
    row(&["tcp-ut"], "<delay>", "Longest wait for the acknowledgement of sent data.", |_, a, p| {
        set(&mut p.tcp_ut, a.millis("a delay"))
    }),
    Row::no_effect(
        &["thread"],
        Place::BIND_LINE,
        "[<thread-group>/]<thread-set>",
        "Threads that take this listener's connections.",
        "every thread takes connections of every listener",
    )
    .parsed_by(Parse::Bind(|_, a, p| set(&mut p.thread, thread_set(a)))),
    row(&["proto"], "{ h1 | none }", "Forces the protocol of the connections.", |_, a, _| proto(a)),
    row(&["mode"], "<mode>", "Access rights of a unix socket, octal.", |_, a, p| {
        set(&mut p.unix.mode, octal(a))
    }),
    row(&["user"], "<user>", "Owner of a unix socket.", |_, a, p| set(&mut p.unix.user, text(a, "a user"))),
    row(&["uid"], "<uid>", "Owner of a unix socket, by number.", |_, a, p| {
        set(&mut p.unix.uid, a.number("a user id", 0..=u32::MAX as i64))
    }),
    row(&["group"], "<group>", "Group of a unix socket.", |_, a, p| {
        set(&mut p.unix.group, text(a, "a group"))
    }),
    row(&["gid"], "<gid>", "Group of a unix socket, by number.", |_, a, p| {
        set(&mut p.unix.gid, a.number("a group id", 0..=u32::MAX as i64))
    }),
    Row::no_effect(&["nice"], Place::BIND_LINE, "<nice>", "Rank of the connections.", NO_PRIORITIES)
        .parsed_by(Parse::Bind(|_, a, p| set(&mut p.nice, a.number("a nice value", -1024..=1024)))),
    idle_value(
        &["process"],
        "<process-set>[/<thread-set>]",
        "Threads of this listener.",
        "there is one process; use 'thread'",
    ),
    idle_value(&["shards"], "{ <number> | by-thread | by-group }", "Listeners an address.", OWN_LISTENERS),
    row(&["level"], "{ user | operator | admin }", "What commands of a stats socket may do.", |_, a, p| {
        set(&mut p.level, a.choice("a level", LEVELS))
    }),
    row(
        &["severity-output"],
        "{ none | number | string }",
        "Whether a stats socket's messages begin with their severity.",
        |_, a, p| set(&mut p.severity_output, a.choice("a severity format", SEVERITIES)),
    ),
    row(
        &["expose-fd"],
        "listeners",
        "Lets a successor take the listeners from a stats socket.",
        |_, a, p| {
            a.choice("'listeners'", &[("listeners", ())])?;
            p.expose_listeners = true;
            Ok(())
        },
    ),
    idle(
        &["allow-0rtt"],
        "Accepts TLSv1.3 early data.",
        "early data is not accepted; clients send it again after the handshake",
    ),
    idle(&["no-ca-names"], "Keeps the authorities' names from clients.", "the authorities' names are sent"),
    idle_value(
        &["npn"],
        "<protocols>",
        "The extension before ALPN.",
        "no client speaks NPN any more; use 'alpn'",
    ),
    row(&["cc"], "<algo>", "TCP congestion control.", |_, a, p| {
        set(&mut p.congestion, text(a, "a congestion control algorithm"))
    }),
    idle_value(&["idle-ping"], "<delay>", "Probes silent HTTP/2 clients.", "HTTP/2 is not served yet"),
    idle_value(&["ktls"], "{ on | off }", "TLS in the kernel.", "TLS is done in the process"),
    idle_value(&["ech"], "<dir>", "Encrypted Client Hello.", "clients connect with their names in clear"),
    idle_value(&["tcp-ss"], "<mode>", "Keeps the SYN packets.", "no fetch reads them"),
    idle_value(&["guid-prefix"], "<string>", "Prefix of unique ids.", "there are no ids of listeners yet"),
    idle_value(&["label"], "<label>", "Names the listener for the API.", "the API names listeners by 'name'"),
    idle_value(&["quic-cc-algo"], "<algo>", "QUIC congestion control.", NO_QUIC),
    idle(&["quic-force-retry"], "Validates addresses of QUIC clients.", NO_QUIC),
    idle_value(&["quic-socket"], "{ connection | listener }", "Sockets of QUIC connections.", NO_QUIC),
    refused(
        &["accept-netscaler-cip"],
        "<magic number>",
        "Expects the NetScaler Client IP protocol.",
        "client addresses would be wrong without it; let the sender use the PROXY protocol and 'accept-proxy'",
    ),
    refused(
        &["generate-certificates"],
        "",
        "Forges certificates as names come.",
        "certificates are not forged; list them with 'crt'",
    ),
    refused(
        &["ca-sign-file", "ca-sign-pass"],
        "<value>",
        "The authority that forges certificates.",
        "certificates are not forged; list them with 'crt'",
    ),
    refused(
        &["namespace"],
        "<name>",
        "Listens in a network namespace.",
        "start the program inside the namespace: 'ip netns exec NAME …'",
    ),
    refused(
        &["tcp-md5sig"],
        "<password>",
        "Signs TCP segments.",
        "segments would not be protected; use TLS or a tunnel",
    ),
    refused(&["nbconn"], "<number>", "Connections of reverse HTTP.", "reverse HTTP is not served"),
];

const VERIFY: &[(&str, Verify)] =
    &[("none", Verify::None), ("optional", Verify::Optional), ("required", Verify::Required)];

const LEVELS: &[(&str, CliLevel)] =
    &[("user", CliLevel::User), ("operator", CliLevel::Operator), ("admin", CliLevel::Admin)];

const SEVERITIES: &[(&str, SeverityOutput)] =
    &[("none", SeverityOutput::None), ("number", SeverityOutput::Number), ("string", SeverityOutput::Text)];

fn octal(args: &mut Args<'_>) -> Result<u32, Failure> {
    let word = args.expect("an octal mode")?;
    match u32::from_str_radix(&word.text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        Ok(_) | Err(_) => Err(args.bad(word, "a mode").help("an octal number is expected, such as 660")),
    }
}

/// `all`, or error numbers, or their OpenSSL names; which of them exist here is for the TLS layer to say.
fn ignored_errors(args: &mut Args<'_>) -> Result<Word, Failure> {
    let list = text(args, "'all' or a list of error ids")?;
    let known = |id: &Word| {
        let number = id.text.parse::<u32>().is_ok_and(|n| (1..=MAX_VERIFY_ERROR).contains(&n));
        number || id.text.starts_with("X509_V_ERR_")
    };
    match list_of(&list).iter().find(|id| list.text != "all" && !known(id)) {
        Some(id) => Err(args.bad(id, "an error id").help("'all' or numbers from 1 to 94 are expected")),
        None => Ok(list),
    }
}

/// `[GROUP/]{ all | odd | even | N[-[M]] }`
fn thread_set(args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = text(args, "a thread set")?;
    let set = word.text.rsplit('/').next().unwrap_or_default();
    let number = |t: &str| t.parse::<u32>().is_ok_and(|n| n > 0);
    let range = |part: &str| match part.split_once('-') {
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
        None => number(part),
    };
    if matches!(set, "all" | "odd" | "even") || set.split(',').all(range) {
        return Ok(word);
    }
    Err(args.bad(&word, "a thread set").help("'all', 'odd', 'even', a number or a range is expected"))
}

fn proto(args: &mut Args<'_>) -> Parsed {
    let word = args.expect("a protocol")?;
    if word.text == "h2" {
        return Err(Failure::new(word.span, "'proto h2': HTTP/2 is not served yet")
            .help("leave 'proto' out to serve HTTP/1.1"));
    }
    args.choice_of(word, "a protocol", &[("h1", ()), ("none", ())])
}
