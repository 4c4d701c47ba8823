//! Connections that are kept: how TCP probes those that are silent (`option tcpka`), and which are used again
//! (manual 4.2).

use crate::args::Args;
use crate::model::TcpKeepAlive;
use crate::row::{Parse, Parsed, Place, Row};

const FRONT: Place = Place::DEFAULTS_FRONT;
const BACK: Place = Place::DEFAULTS_BACK;

/// More unanswered probes than the kernel takes (`TCP_KEEPCNT`) would be refused by it on every connection.
const MAX_COUNT: i64 = 127;
const MAX_NUMBER: i64 = i32::MAX as i64;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["clitcpka-cnt"],
        FRONT,
        "<count>",
        "Unanswered probes after which a client is taken for gone.",
        Parse::Settings(|_, a, s| count(a, &mut s.client_keepalive)),
    ),
    Row::new(
        &["clitcpka-idle"],
        FRONT,
        "<timeout>",
        "Silence of a client before the first probe, in seconds.",
        Parse::Settings(|_, a, s| seconds(a, &mut s.client_keepalive, |k| &mut k.idle)),
    ),
    Row::new(
        &["clitcpka-intvl"],
        FRONT,
        "<timeout>",
        "Time between probes of a client, in seconds.",
        Parse::Settings(|_, a, s| seconds(a, &mut s.client_keepalive, |k| &mut k.interval)),
    ),
    Row::new(
        &["srvtcpka-cnt"],
        BACK,
        "<count>",
        "Unanswered probes after which a server's connection is given up.",
        Parse::Settings(|_, a, s| count(a, &mut s.server_keepalive)),
    ),
    Row::new(
        &["srvtcpka-idle"],
        BACK,
        "<timeout>",
        "Silence of a server before the first probe, in seconds.",
        Parse::Settings(|_, a, s| seconds(a, &mut s.server_keepalive, |k| &mut k.idle)),
    ),
    Row::new(
        &["srvtcpka-intvl"],
        BACK,
        "<timeout>",
        "Time between probes of a server, in seconds.",
        Parse::Settings(|_, a, s| seconds(a, &mut s.server_keepalive, |k| &mut k.interval)),
    ),
    Row::new(
        &["max-session-srv-conns"],
        FRONT,
        "<number>",
        "Idle server connections that a session may own; more than one is never needed.",
        Parse::Settings(|_, a, s| {
            s.max_session_srv_conns = Some(a.number("a number", 0..=MAX_NUMBER)?);
            a.finish()
        }),
    ),
    Row::new(
        &["max-keep-alive-queue"],
        BACK,
        "<number>",
        "Queue of the last server at which 'option prefer-last-server' looks for another; -1 is no limit.",
        Parse::Settings(|_, a, s| {
            s.max_keep_alive_queue = Some(a.number("a number", -1..=MAX_NUMBER)?);
            a.finish()
        }),
    ),
];

fn count(args: &mut Args<'_>, to: &mut TcpKeepAlive) -> Parsed {
    to.count = Some(args.number("an integer value", 0..=MAX_COUNT)?).filter(|n| *n > 0);
    args.finish()
}

fn seconds(
    args: &mut Args<'_>,
    to: &mut TcpKeepAlive,
    slot: fn(&mut TcpKeepAlive) -> &mut Option<u64>,
) -> Parsed {
    *slot(to) = Some(args.seconds("an integer value (in seconds)")?).filter(|n| *n > 0);
    args.finish()
}
