//! The fields of `show stat`: HAProxy's names, positions and kinds (management guide 9.1), and where each comes from.

use super::subject::{Look, Subject};
use super::value::{Field, Value, endpoint};
use proxy::gate::GateState;
use proxy::health::plan::ServerHealth;
use proxy::health::{Report, TRACK_DEPTH};
use proxy::plan::{Frontend, Listener};
use proxy::server::{Server, Status, WEIGHT_SCALE};
use proxy::tally::{Count, Pace, Span, Tally};
use std::sync::Arc;
use tls::BindTls;

const fn field(
    position: u32,
    name: &'static str,
    tags: &'static str,
    doc: &'static str,
    value: fn(&Look) -> Option<Value>,
) -> Field<Look> {
    Field { position, name, tags, doc, value }
}

pub(crate) const FIELDS: &[Field<Look>] = &[
    field(0, "pxname", "KNS", "Name of the proxy", |l| text(l.subject.proxy_name())),
    field(1, "svname", "KNS", "Name of the server or listener", |l| text(l.subject.name())),
    field(2, "qcur", "MGP", "Requests that wait now", queued),
    field(3, "qmax", "MMP", "Most requests that waited", queued_max),
    field(4, "scur", "MGP", "Sessions now", sessions),
    field(5, "smax", "MMP", "Most sessions at once", sessions_max),
    field(6, "slim", "CLP", "Most sessions that are allowed", sessions_limit),
    field(7, "stot", "MCP", "Sessions since the start", sessions_total),
    field(8, "bin", "MCP", "Bytes of requests", |l| sum(l, "FLSB", Count::BytesIn)),
    field(9, "bout", "MCP", "Bytes of responses", |l| sum(l, "FLSB", Count::BytesOut)),
    field(10, "dreq", "MCP", "Requests that rules denied", |l| sum(l, "FLB", Count::DeniedRequests)),
    field(11, "dresp", "MCP", "Responses that rules denied", |l| sum(l, "FLSB", Count::DeniedResponses)),
    field(12, "ereq", "MCP", "Requests that were wrong", |l| sum(l, "FL", Count::RequestErrors)),
    field(13, "econ", "MCP", "Connections to servers that failed", |l| sum(l, "SB", Count::ConnectErrors)),
    field(14, "eresp", "MCP", "Responses that were wrong", |l| sum(l, "SB", Count::ResponseErrors)),
    field(15, "wretr", "MCP", "Connections that were tried again", |l| sum(l, "SB", Count::Retries)),
    field(16, "wredis", "MCP", "Requests that changed the server", |l| sum(l, "SB", Count::Redispatches)),
    field(17, "status", "SGP", "State", status),
    field(18, "weight", "MaP", "Weight in effect", weight),
    field(19, "act", "SGP", "Active servers", |l| servers(l, false)),
    field(20, "bck", "SGP", "Backup servers", |l| servers(l, true)),
    field(21, "chkfail", "MCP", "Checks that failed while the server was up", |l| {
        check(l, |h| Some(Value::U64(h.watch.lock().failed)))
    }),
    field(22, "chkdown", "MCP", "How often it went down", check_downs),
    field(23, "lastchg", "MAP", "Seconds since the state changed", last_change),
    field(24, "downtime", "MCP", "Seconds in which it was down", downtime),
    field(25, "qlimit", "CGS", "Most requests that may wait", |l| limit(l.subject.server()?.facts.maxqueue)),
    field(26, "pid", "KGP", "Number of the process, always 1", |_| Some(Value::U32(1))),
    field(27, "iid", "KGS", "Number of the proxy", |l| Some(Value::U32(l.subject.proxy_id()))),
    field(28, "sid", "KGS", "Number of the server or listener", |l| Some(Value::U32(l.subject.id()))),
    field(29, "throttle", "MaP", "Share of the weight in a slow start, percent", throttle),
    field(30, "lbtot", "MCP", "How often it was chosen", |l| sum(l, "SB", Count::Chosen)),
    field(31, "tracked", "CNS", "The server whose checks count", tracked),
    field(32, "type", "CGS", "0 frontend, 1 backend, 2 server, 3 listener", |l| {
        Some(Value::U32(l.subject.kind()))
    }),
    field(33, "rate", "MRP", "Sessions in the last second", |l| rate(l, "FSB", Pace::Sessions)),
    field(34, "rate_lim", "CLP", "Most sessions a second that are allowed", |l| {
        Some(Value::U32(l.subject.front()?.rate_limit.unwrap_or(0)))
    }),
    field(35, "rate_max", "MMP", "Most sessions in a second", |l| highest(l, "FSB", Pace::Sessions)),
    field(36, "check_status", "MOP", "What the last check found", |l| {
        checked(l, |r| Some(r.finding.name().into())).or_else(|| first_check(l, "INI"))
    }),
    field(37, "check_code", "MOP", "Code that the last check received", |l| checked(l, code)),
    field(38, "check_duration", "MDP", "How long the last check took, ms", |l| {
        checked(l, |r| Some(Value::U64(r.duration)))
    }),
    field(39, "hrsp_1xx", "MCP", "Responses 1xx", |l| http(l, "FSB", Count::Responses1xx)),
    field(40, "hrsp_2xx", "MCP", "Responses 2xx", |l| http(l, "FSB", Count::Responses2xx)),
    field(41, "hrsp_3xx", "MCP", "Responses 3xx", |l| http(l, "FSB", Count::Responses3xx)),
    field(42, "hrsp_4xx", "MCP", "Responses 4xx", |l| http(l, "FSB", Count::Responses4xx)),
    field(43, "hrsp_5xx", "MCP", "Responses 5xx", |l| http(l, "FSB", Count::Responses5xx)),
    field(44, "hrsp_other", "MCP", "Other responses", |l| http(l, "FSB", Count::ResponsesOther)),
    field(45, "hanafail", "MCP", "Not counted", |_| None),
    field(46, "req_rate", "MRP", "Requests in the last second", |l| rate(l, "F", Pace::Requests)),
    field(47, "req_rate_max", "MMP", "Most requests in a second", |l| highest(l, "F", Pace::Requests)),
    field(48, "req_tot", "MCP", "Requests since the start", |l| {
        sum(l, "F", Count::Requests).or_else(|| http(l, "SB", Count::Requests))
    }),
    field(49, "cli_abrt", "MCP", "Streams that clients broke off", |l| sum(l, "SB", Count::ClientAborts)),
    field(50, "srv_abrt", "MCP", "Streams that servers broke off", |l| sum(l, "SB", Count::ServerAborts)),
    field(51, "comp_in", "MCP", "Bytes that were compressed", |l| zero(l, "FB")),
    field(52, "comp_out", "MCP", "Compressed bytes", |l| zero(l, "FB")),
    field(53, "comp_byp", "MCP", "Bytes that were not compressed for want of time", |l| zero(l, "FB")),
    field(54, "comp_rsp", "MCP", "Responses that were compressed", |l| zero(l, "FB")),
    field(55, "lastsess", "MAP", "Seconds since the last session, -1 for never", last_session),
    field(56, "last_chk", "MOP", "Details of the last check", |l| checked(l, |r| Some(details(&r.info)))),
    field(57, "last_agt", "MOP", "Details of the last agent check", |l| {
        advised(l, |r| Some(details(&r.info))).or_else(|| agent_value(l, "".into()))
    }),
    field(58, "qtime", "MaP", "Average wait in the queue, ms", |l| average(l, Span::Queue)),
    field(59, "ctime", "MaP", "Average time to connect, ms", |l| average(l, Span::Connect)),
    field(60, "rtime", "MaP", "Average time to respond, ms", |l| average(l, Span::Response)),
    field(61, "ttime", "MaP", "Average time of a stream, ms", |l| average(l, Span::Total)),
    field(62, "agent_status", "MOP", "What the last agent check found", |l| {
        advised(l, |r| Some(r.finding.name().into())).or_else(|| agent_value(l, "INI".into()))
    }),
    field(63, "agent_code", "MOP", "0 where the agent spoke of health", |l| {
        advised(l, |r| r.finding.has_code().then(|| "0".into()))
    }),
    field(64, "agent_duration", "MDP", "How long the last agent check took, ms", |l| {
        advised(l, |r| Some(Value::U64(r.duration))).or_else(|| agent_value(l, Value::U64(0)))
    }),
    field(65, "check_desc", "MOP", "The last check in words", |l| {
        checked(l, |r| Some(r.finding.text().into())).or_else(|| first_check(l, "Initializing"))
    }),
    field(66, "agent_desc", "MOP", "The last agent check in words", |l| {
        advised(l, |r| Some(r.finding.text().into())).or_else(|| agent_value(l, "Initializing".into()))
    }),
    field(67, "check_rise", "CGS", "Checks that raise a server", |l| {
        running(l, |h| Some(Value::U32(h.check.as_ref()?.pace.rise)))
    }),
    field(68, "check_fall", "CGS", "Checks that bring a server down", |l| {
        running(l, |h| Some(Value::U32(h.check.as_ref()?.pace.fall)))
    }),
    field(69, "check_health", "CGS", "Counter of the checks", |l| {
        running(l, |h| Some(Value::U32(h.watch.lock().check_count())))
    }),
    field(70, "agent_rise", "CGS", "Agent checks that raise a server", |l| agent(l, |_| 1)),
    field(71, "agent_fall", "CGS", "Agent checks that bring a server down", |l| agent(l, |_| 1)),
    field(72, "agent_health", "CGS", "Counter of the agent checks", |l| {
        agent(l, |h| h.watch.lock().agent_count())
    }),
    field(73, "addr", "CGS", "Address", address),
    field(74, "cookie", "CNS", "Value, or name, of the cookie", cookie),
    field(75, "mode", "CGS", "Mode", |l| text(if l.subject.is_http() { "http" } else { "tcp" })),
    field(76, "algo", "CGS", "How a server is chosen", |l| text(l.subject.back()?.algorithm)),
    field(77, "conn_rate", "MRP", "Connections in the last second", |l| rate(l, "F", Pace::Connections)),
    field(78, "conn_rate_max", "MMP", "Most connections in a second", |l| highest(l, "F", Pace::Connections)),
    field(79, "conn_tot", "MCP", "Connections since the start", |l| sum(l, "F", Count::Connections)),
    field(80, "intercepted", "MCP", "Requests that were answered here", |l| http(l, "F", Count::Intercepted)),
    field(81, "dcon", "MCP", "Connections that rules denied", |l| sum(l, "FL", Count::DeniedConnections)),
    field(82, "dses", "MCP", "Sessions that rules denied", |l| sum(l, "FL", Count::DeniedSessions)),
    field(83, "wrew", "MCP", "Headers that could not be written", |l| zero(l, "FLSB")),
    field(84, "connect", "MCP", "Connections to servers", |l| sum(l, "SB", Count::Connects)),
    field(85, "reuse", "MCP", "Requests over a kept connection", |l| sum(l, "SB", Count::Reuses)),
    field(86, "cache_lookups", "MCP", "Look-ups in the cache", |l| http_zero(l, "FB")),
    field(87, "cache_hits", "MCP", "Responses out of the cache", |l| http_zero(l, "FB")),
    field(88, "srv_icur", "MGP", "Idle connections", |l| Some(Value::U32(l.subject.server()?.idle()))),
    field(89, "src_ilim", "CLP", "Most idle connections", |l| {
        limit(u32::try_from(l.subject.target()?.pool_max).unwrap_or(0))
    }),
    field(90, "qtime_max", "MMP", "Longest wait in the queue, ms", |l| longest(l, Span::Queue)),
    field(91, "ctime_max", "MMP", "Longest time to connect, ms", |l| longest(l, Span::Connect)),
    field(92, "rtime_max", "MMP", "Longest time to respond, ms", |l| longest(l, Span::Response)),
    field(93, "ttime_max", "MMP", "Longest time of a stream, ms", |l| longest(l, Span::Total)),
    field(94, "eint", "MCP", "Errors of our own", |l| sum(l, "FLSB", Count::InternalErrors)),
    field(95, "idle_conn_cur", "MGP", "Idle connections that another request may not share", |l| {
        server_zero(l)
    }),
    field(96, "safe_conn_cur", "MGP", "Idle connections that any request may use", |l| {
        Some(Value::U32(l.subject.server()?.idle()))
    }),
    field(97, "used_conn_cur", "MGP", "Connections in use", |l| {
        Some(Value::U32(l.subject.server()?.sessions()))
    }),
    field(98, "need_conn_est", "MGP", "Connections that are needed", |l| {
        Some(Value::U32(l.subject.server()?.sessions()))
    }),
    field(99, "uweight", "MaP", "Weight as configured or set", user_weight),
    field(100, "agg_server_status", "MGP", "Not told in this form, 0", backend_zero),
    field(101, "agg_server_check_status", "MGP", "Not told in this form, 0", backend_zero),
    field(102, "agg_check_status", "MGP", "Not told in this form, 0", backend_zero),
];

/// Fields of protocols: HAProxy's modules append them behind a `-`.
pub(crate) const EXTRA: &[Field<Look>] = &[
    field(103, "ssl_sess", "MCP", "TLS sessions", |l| sum(l, "FLSB", Count::TlsSessions)),
    field(104, "ssl_reused_sess", "MCP", "TLS sessions that were resumed", |l| {
        sum(l, "FLSB", Count::TlsResumed)
    }),
    field(105, "ssl_failed_handshake", "MCP", "TLS handshakes that failed", |l| {
        sum(l, "FLSB", Count::TlsFailed)
    }),
    field(106, "h2_headers_rcvd", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(107, "h2_data_rcvd", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(108, "h2_settings_rcvd", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(109, "h2_rst_stream_rcvd", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(110, "h2_goaway_rcvd", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(111, "h2_detected_conn_protocol_errors", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(112, "h2_detected_strm_protocol_errors", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(113, "h2_rst_stream_resp", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(114, "h2_goaway_resp", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(115, "h2_open_connections", "MGP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(116, "h2_backend_open_streams", "MGP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(117, "h2_total_connections", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(118, "h2_backend_total_streams", "MCP", "HTTP/2 is not spoken", |l| zero(l, "FB")),
    field(119, "h1_open_connections", "MGP", "HTTP/1 connections now", |l| h1(l, open_connections)),
    field(120, "h1_open_streams", "MGP", "HTTP/1 streams now", |l| h1(l, open_streams)),
    field(121, "h1_total_connections", "MCP", "HTTP/1 connections since the start", |l| {
        h1(l, |l| h1_count(l, Count::Sessions, Count::Connects))
    }),
    field(122, "h1_total_streams", "MCP", "HTTP/1 streams since the start", |l| h1(l, total_streams)),
    // what a backend receives is what it passes on to clients
    field(123, "h1_bytes_in", "MCP", "HTTP/1 bytes received", |l| {
        h1(l, |l| h1_count(l, Count::BytesIn, Count::BytesOut))
    }),
    field(124, "h1_bytes_out", "MCP", "HTTP/1 bytes sent", |l| {
        h1(l, |l| h1_count(l, Count::BytesOut, Count::BytesIn))
    }),
    field(125, "h1_spliced_bytes_in", "MCP", "Bytes received that passed inside the kernel", |l| {
        h1(l, |l| h1_count(l, Count::SplicedIn, Count::SplicedOut))
    }),
    field(126, "h1_spliced_bytes_out", "MCP", "Bytes sent that passed inside the kernel", |l| {
        h1(l, |l| h1_count(l, Count::SplicedOut, Count::SplicedIn))
    }),
    // HAProxy has none of these: their positions are far from its own.
    field(1000, "lockgate_certs", "MGP", "Certificates that are served", |l| {
        let certificates = binds(l).map(|bind| bind.certificates()).collect::<Vec<_>>();
        (!certificates.is_empty()).then(|| Value::count(certificates.iter().sum::<usize>()))
    }),
    field(
        1001,
        "lockgate_cert_end",
        "MGP",
        "Seconds until the first of them ends, negative once it has",
        |l| binds(l).filter_map(|bind| bind.soonest_end()).min().map(|end| until(end, l.now)),
    ),
];

/// Whether the subject's letter is among `kinds`.
fn is_of(look: &Look, kinds: &str) -> bool {
    kinds.contains(look.subject.letter())
}

fn text(text: &str) -> Option<Value> {
    Some(text.into())
}

/// A limit, empty where there is none.
fn limit(most: u32) -> Option<Value> {
    (most > 0).then_some(Value::U32(most))
}

/// What is counted for a subject of these kinds.
fn tally<'l>(look: &'l Look, kinds: &str) -> Option<&'l Tally> {
    look.subject.tally().filter(|_| is_of(look, kinds))
}

fn sum(look: &Look, kinds: &str, what: Count) -> Option<Value> {
    let tally = tally(look, kinds)?;
    Some(Value::U64(tally.sum(what)))
}

/// The same where the proxy speaks HTTP.
fn http(look: &Look, kinds: &str, what: Count) -> Option<Value> {
    sum(look, kinds, what).filter(|_| look.subject.is_http())
}

/// A number of HTTP/1, 0 where a proxy does not speak it.
fn h1(look: &Look, number: fn(&Look) -> u64) -> Option<Value> {
    is_of(look, "FB").then(|| Value::U64(if look.subject.is_http() { number(look) } else { 0 }))
}

/// What is counted of a frontend, or of a backend.
fn h1_count(look: &Look, of_front: Count, of_back: Count) -> u64 {
    let what = if is_of(look, "F") { of_front } else { of_back };
    look.subject.tally().map_or(0, |tally| tally.sum(what))
}

fn open_connections(look: &Look) -> u64 {
    match &look.subject {
        Subject::Front(front) => front.connections.now().into(),
        Subject::Back(back) => {
            back.balance.servers().iter().map(|s| u64::from(s.idle()) + u64::from(s.sessions())).sum()
        }
        Subject::Listener(..) | Subject::Server(..) => 0,
    }
}

/// A backend's are those that reached a server.
fn total_streams(look: &Look) -> u64 {
    let sum = |what| look.subject.tally().map_or(0, |tally| tally.sum(what));
    if is_of(look, "F") { sum(Count::Requests) } else { sum(Count::Connects) + sum(Count::Reuses) }
}

fn open_streams(look: &Look) -> u64 {
    let streams = &look.streams;
    match &look.subject {
        Subject::Front(front) => streams.by_front.get(&front.id),
        Subject::Back(back) => streams.by_back.get(&back.index),
        Subject::Listener(..) | Subject::Server(..) => None,
    }
    .copied()
    .unwrap_or(0)
}

fn zero(look: &Look, kinds: &str) -> Option<Value> {
    is_of(look, kinds).then_some(Value::U64(0))
}

fn http_zero(look: &Look, kinds: &str) -> Option<Value> {
    zero(look, kinds).filter(|_| look.subject.is_http())
}

fn backend_zero(look: &Look) -> Option<Value> {
    look.subject.back().map(|_| Value::U32(0))
}

fn server_zero(look: &Look) -> Option<Value> {
    look.subject.server().map(|_| Value::U32(0))
}

fn rate(look: &Look, kinds: &str, which: Pace) -> Option<Value> {
    let tally = tally(look, kinds)?;
    Some(Value::U32(tally.per_second(which, look.now)))
}

fn highest(look: &Look, kinds: &str, which: Pace) -> Option<Value> {
    let tally = tally(look, kinds)?;
    Some(Value::U32(tally.highest(which, look.now)))
}

fn average(look: &Look, which: Span) -> Option<Value> {
    let tally = tally(look, "SB")?;
    Some(Value::count(tally.average(which)))
}

fn longest(look: &Look, which: Span) -> Option<Value> {
    let tally = tally(look, "SB")?;
    Some(Value::count(tally.longest(which)))
}

fn queued(look: &Look) -> Option<Value> {
    let count = match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => return None,
        Subject::Server(..) => look.subject.server()?.queued(),
        Subject::Back(back) => {
            back.balance.queued() + back.balance.servers().iter().map(|s| s.queued()).sum::<u32>()
        }
    };
    Some(Value::U32(count))
}

fn queued_max(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => None,
        Subject::Server(..) => Some(Value::U32(look.subject.server()?.queued_max())),
        Subject::Back(back) => Some(Value::U32(back.balance.queued_max())),
    }
}

fn sessions(look: &Look) -> Option<Value> {
    Some(Value::U32(match &look.subject {
        Subject::Front(front) => front.connections.now(),
        Subject::Listener(_, listener) => listener.connections.now(),
        Subject::Server(..) => look.subject.server()?.sessions(),
        Subject::Back(back) => back.balance.load().sessions(),
    }))
}

fn sessions_max(look: &Look) -> Option<Value> {
    Some(Value::U32(match &look.subject {
        Subject::Front(front) => front.connections.most(),
        Subject::Listener(_, listener) => listener.connections.most(),
        Subject::Server(..) => look.subject.server()?.sessions_max(),
        Subject::Back(back) => back.balance.load().sessions_max(),
    }))
}

fn sessions_limit(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(front) => {
            Some(Value::U32(front.maxconn.now().min(look.process.plan.process.maxconn.now())))
        }
        Subject::Listener(_, listener) => Some(Value::U32(listener.maxconn.unwrap_or(0))),
        Subject::Server(..) => limit(look.subject.server()?.maxconn()),
        Subject::Back(back) => Some(Value::U32(back.fullconn)),
    }
}

fn sessions_total(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(_) | Subject::Listener(..) | Subject::Back(_) => sum(look, "FLB", Count::Sessions),
        Subject::Server(..) => Some(Value::U64(look.subject.server()?.sessions_total())),
    }
}

fn status(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(front) => text(gate(front)),
        Subject::Listener(front, listener) => {
            let full = listener.maxconn.is_some_and(|most| listener.connections.now() >= most);
            text(if full && front.gate.state() == GateState::Open { "FULL" } else { gate(front) })
        }
        Subject::Server(..) => Some(Value::Text(server_status(look)?)),
        Subject::Back(back) if back.balance.usable() > 0 || back.balance.servers().is_empty() => text("UP"),
        Subject::Back(_) => text("DOWN"),
    }
}

/// The server whose check says how this one is: itself, or the one at the end of what it tracks.
fn followed(look: &Look, server: Arc<Server>) -> Arc<Server> {
    let tracked = |server: &Server| {
        let (backend, name) = server.checks.track.as_ref()?;
        let back = look.process.plan.backends.iter().find(|b| b.name == *backend)?;
        back.balance.servers().iter().find(|s| s.facts.name == *name).cloned()
    };
    let mut last = server;
    for _ in 0..TRACK_DEPTH {
        match tracked(&last) {
            Some(next) => last = next,
            None => break,
        }
    }
    last
}

fn gate(front: &Frontend) -> &'static str {
    match front.gate.state() {
        GateState::Open => "OPEN",
        GateState::Paused => "PAUSED",
        GateState::Stopped => "STOP",
    }
}

/// `UP`, `UP 1/3` on its way down, `DOWN 1/2` on its way up, `no check`, or what operators want of it.
fn server_status(look: &Look) -> Option<String> {
    let (server, health) = (look.subject.server()?, look.subject.health()?);
    let status = server.status();
    if status == Status::Maint {
        return Some(maintenance(server, health));
    }
    if let Some(text) = by_agent(health, status) {
        return Some(text.to_owned());
    }
    let followed = followed(look, server.clone());
    let watch = followed.checks.watch.lock();
    let Some(check) = followed.checks.check.as_ref().filter(|_| watch.check_on) else {
        let unwatched = if status == Status::Up { "no check".to_owned() } else { status.to_string() };
        return Some(unwatched);
    };
    let (rise, fall, counter) = (check.pace.rise, check.pace.fall, watch.check_count());
    let between = match status {
        Status::Down if counter > 0 && counter < rise => Some((counter, rise)),
        Status::Up | Status::NoLb | Status::Drain if counter >= rise && counter + 1 < rise + fall => {
            Some((counter + 1 - rise, fall))
        }
        Status::Down | Status::Up | Status::NoLb | Status::Drain | Status::Maint => None,
    };
    Some(between.map_or_else(|| status.to_string(), |(at, of)| format!("{status} {at}/{of}")))
}

/// Those states that HAProxy lays to the agent, where there is one.
fn by_agent(health: &ServerHealth, status: Status) -> Option<&'static str> {
    health.agent.as_ref()?;
    match status {
        Status::Drain => Some("DRAIN (agent)"),
        Status::Down => (health.watch.lock().agent_count() == 0).then_some("DOWN (agent)"),
        Status::Up | Status::NoLb | Status::Maint => None,
    }
}

fn maintenance(server: &Server, health: &ServerHealth) -> String {
    use proxy::server::Admin;
    let admin = server.admin();
    match &health.track {
        Some((back, name)) if admin.has(Admin::MAINT_INHERITED) => format!("MAINT (via {back}/{name})"),
        Some(_) | None if admin.has(Admin::MAINT_RESOLUTION) => "MAINT (resolution)".to_owned(),
        Some(_) | None => "MAINT".to_owned(),
    }
}

/// One that drains or stops keeps its weight for when it is ready again.
fn weight(look: &Look) -> Option<Value> {
    let of = |server: &Server| match server.effective_weight() {
        0 => u32::from(server.weight()),
        effective => effective.div_ceil(WEIGHT_SCALE),
    };
    weigh(look, of)
}

fn user_weight(look: &Look) -> Option<Value> {
    weigh(look, |server| u32::from(server.weight()))
}

/// The weight of a server, or of those among which a backend balances: its backups only count once they stand in.
fn weigh(look: &Look, of: impl Fn(&Server) -> u32) -> Option<Value> {
    let back = match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => return None,
        Subject::Server(_, server) => return Some(Value::U32(of(server))),
        Subject::Back(back) => back,
    };
    Some(Value::U32(back.balance.elected().iter().map(|s| of(s)).sum()))
}

fn servers(look: &Look, backup: bool) -> Option<Value> {
    match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => None,
        Subject::Server(..) => Some(Value::U32(u32::from(look.subject.server()?.facts.backup == backup))),
        Subject::Back(back) => {
            let usable = |s: &&std::sync::Arc<Server>| s.facts.backup == backup && s.is_usable();
            Some(Value::count(back.balance.servers().iter().filter(usable).count()))
        }
    }
}

/// Something about the check of a server that has one, unless operators put it off.
fn check<T>(look: &Look, of: impl FnOnce(&ServerHealth) -> Option<T>) -> Option<T> {
    of(look.subject.health().filter(|h| h.check.is_some() && h.watch.lock().check_on)?)
}

/// The same while it is checked.
fn running<T>(look: &Look, of: impl FnOnce(&ServerHealth) -> Option<T>) -> Option<T> {
    let is_maint = look.subject.server()?.admin().is_maint();
    check(look, of).filter(|_| !is_maint)
}

/// What is told of a check that has not found anything yet.
fn first_check(look: &Look, text: &'static str) -> Option<Value> {
    running(look, |_| Some(text.into()))
}

/// The same of an agent.
fn agent_value(look: &Look, value: Value) -> Option<Value> {
    look.subject.health().filter(|h| h.agent.is_some()).map(|_| value)
}

fn agent(look: &Look, of: impl FnOnce(&ServerHealth) -> u32) -> Option<Value> {
    Some(Value::U32(of(look.subject.health().filter(|h| h.agent.is_some())?)))
}

/// What a server said is shown without what would steer a terminal.
fn details(info: &str) -> Value {
    Value::Text(info.replace(|c: char| c.is_control(), " "))
}

fn checked(look: &Look, of: impl FnOnce(&Report) -> Option<Value>) -> Option<Value> {
    of(&running(look, |h| h.watch.lock().last.clone())?)
}

fn advised(look: &Look, of: impl FnOnce(&Report) -> Option<Value>) -> Option<Value> {
    let health = look.subject.health().filter(|h| h.agent.is_some())?;
    of(&health.watch.lock().advice.clone()?)
}

fn code(report: &Report) -> Option<Value> {
    if report.finding.is_of_program() {
        // of a program that a signal ended, HAProxy shows -1 without its sign
        return Some(Value::Text((report.code as u32).to_string()));
    }
    let has = report.finding.has_code();
    has.then(|| Value::Text(report.code.to_string()))
}

fn check_downs(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Back(back) => Some(Value::U64(back.balance.standing().downs().into())),
        Subject::Front(_) | Subject::Listener(..) | Subject::Server(..) => {
            check(look, |_| Some(Value::U64(look.subject.server()?.down_transitions().into())))
        }
    }
}

/// When this process began to serve, milliseconds since the epoch.
fn started(look: &Look) -> u64 {
    look.now.saturating_sub(look.process.uptime_ms())
}

fn last_change(look: &Look) -> Option<Value> {
    let changed = match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => return None,
        Subject::Server(_, server) => server.last_change().max(started(look)),
        Subject::Back(back) => back.balance.standing().last_change(started(look)),
    };
    Some(Value::count(look.now.saturating_sub(changed) / 1000))
}

fn downtime(look: &Look) -> Option<Value> {
    let millis = match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => return None,
        Subject::Server(_, server) => check(look, |_| Some(server_downtime(look, server)))?,
        Subject::Back(back) => back.balance.standing().downtime(started(look), look.now),
    };
    Some(Value::count(millis / 1000))
}

/// One that never was up is down since the start.
fn server_downtime(look: &Look, server: &Server) -> u64 {
    if server.last_change() == 0 && !server.is_up() {
        return look.now.saturating_sub(started(look));
    }
    server.downtime(look.now)
}

fn throttle(look: &Look) -> Option<Value> {
    let server = look.subject.server().filter(|s| s.is_warming())?;
    Some(Value::count(server.throttle()))
}

fn tracked(look: &Look) -> Option<Value> {
    let (back, server) = look.subject.health()?.track.as_ref()?;
    Some(Value::Text(format!("{back}/{server}")))
}

fn last_session(look: &Look) -> Option<Value> {
    let latest = tally(look, "SB")?.latest(Count::LastSession);
    let age = look.now.saturating_sub(latest) / 1000;
    Some(Value::S32(if latest == 0 { -1 } else { i32::try_from(age).unwrap_or(i32::MAX) }))
}

fn address(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(_) | Subject::Back(_) => None,
        Subject::Listener(_, listener) => Some(Value::Text(listener.addr.to_string())),
        Subject::Server(..) => Some(Value::Text(endpoint(look.subject.server()?)?)),
    }
}

fn cookie(look: &Look) -> Option<Value> {
    match &look.subject {
        Subject::Front(_) | Subject::Listener(..) => None,
        Subject::Server(..) => {
            let cookie = look.subject.server()?.cookie();
            Some(Value::Text(String::from_utf8_lossy(cookie.as_deref()?).into_owned()))
        }
        Subject::Back(back) => {
            Some(Value::Text(String::from_utf8_lossy(back.cookie.as_ref()?.name()).into_owned()))
        }
    }
}

/// Of a frontend each bind once, of a listener its own.
fn binds(look: &Look) -> impl Iterator<Item = Arc<BindTls>> {
    let mut found: Vec<Arc<BindTls>> = Vec::new();
    let listeners: &[Arc<Listener>] = match &look.subject {
        Subject::Front(front) => &front.listeners,
        Subject::Listener(_, listener) => std::slice::from_ref(listener),
        Subject::Server(..) | Subject::Back(_) => &[],
    };
    for tls in listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        if !found.iter().any(|known| Arc::ptr_eq(known, tls)) {
            found.push(tls.clone());
        }
    }
    found.into_iter()
}

/// Seconds from now (milliseconds) to a moment (seconds since the epoch), as far as they can be said.
pub(super) fn until(end: i64, now_ms: u64) -> Value {
    let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    let left = end.saturating_sub(now);
    Value::S32(i32::try_from(left).unwrap_or(if left < 0 { i32::MIN } else { i32::MAX }))
}
