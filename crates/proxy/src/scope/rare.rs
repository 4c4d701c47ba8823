//! Facts that only rarely used fetches ask for: original addresses, connection errors, timeouts, free connections and
//! configured weights.

use super::{backend, int, ip, port, text};
use crate::server::Server;
use crate::stream::Stream;
use expr::scope::TimeoutName;
use expr::{Fact, Measure, Sample};
use std::sync::Arc;
use std::time::Duration;

/// The message of error 0 (manual, `fc_err_str`).
const NO_ERROR: &str = "Success";

pub(super) fn fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    connection_fact(stream, fact).or_else(|| server_fact(stream, fact)).or_else(|| match fact {
        Fact::Stopping => Some(Sample::Bool(stream.worker.stopping())),
        Fact::FirstRequest => Some(Sample::Bool(stream.session.requests.get() == 0)),
        Fact::ConfiguredTimeout(name) => Some(milliseconds(configured(stream, *name))),
        Fact::CurrentTimeout(name) => Some(milliseconds(current(stream, *name))),
        _ => None,
    })
}

/// A connection that carries a stream has met no error: one that fails ends before, and is logged without a stream.
fn connection_fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    let session = stream.session;
    match fact {
        Fact::FcSrc => ip(session.src.inet()),
        Fact::FcSrcPort => port(session.src.inet()),
        Fact::FcDst => ip(session.dst.inet()),
        Fact::FcDstPort => port(session.dst.inet()),
        Fact::FcMeasured(which) => measured(stream, *which),
        Fact::DstConn => Some(int(session.listener.connections.now())),
        Fact::FcErr => Some(Sample::Int(0)),
        Fact::FcErrText => Some(text(NO_ERROR)),
        Fact::SslFcErr => session.tls.as_ref().map(|_| Sample::Int(0)),
        Fact::BcErr => stream.back_addrs.as_ref().map(|_| Sample::Int(0)),
        Fact::BcErrText => stream.back_addrs.as_ref().map(|_| text(NO_ERROR)),
        Fact::SslBcErr => stream.back_tls.as_ref().map(|_| Sample::Int(0)),
        Fact::SslBcKeysize => stream.back_tls.as_ref().map(|tls| int(tls.key_bits)),
        _ => None,
    }
}

fn measured(stream: &Stream<'_>, which: Measure) -> Option<Sample<'static>> {
    let all = stream.session.meter.upgrade()?.read().ok()?;
    Some(int(match which {
        Measure::Rtt => all.rtt_us,
        Measure::RttVar => all.rttvar_us,
        Measure::Unacked => all.unacked,
        Measure::Sacked => all.sacked,
        Measure::Lost => all.lost,
        Measure::Retrans => all.retrans,
        Measure::Fackets => all.fackets,
        Measure::Reordering => all.reordering,
    }))
}

fn server_fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    let server = |proxy: &Option<Box<str>>, name: &str| -> Option<Arc<Server>> {
        let back = backend(stream, proxy.as_deref())?;
        back.balance.servers().iter().find(|s| &*s.facts.name == name).cloned()
    };
    match fact {
        Fact::BeConnFree(p) => {
            let back = backend(stream, p.as_deref())?;
            let usable = back.balance.servers().iter().filter(|s| s.is_usable());
            let free: Option<i64> = usable.map(|s| free(s)).sum();
            Some(Sample::Int(free.unwrap_or(-1)))
        }
        Fact::SrvConnFree(p, s) => Some(Sample::Int(free(&*server(p, s)?).unwrap_or(-1))),
        Fact::SrvInitialWeight(p, s) => Some(int(server(p, s)?.facts.weight)),
        Fact::SrvUserWeight(p, s) => Some(int(server(p, s)?.weight())),
        _ => None,
    }
}

/// Connections a server can still take; `None` without limit.
fn free(server: &Server) -> Option<i64> {
    let limit = server.maxconn();
    (limit > 0).then(|| (i64::from(limit) - i64::from(server.sessions())).max(0))
}

fn milliseconds(timeout: Option<Duration>) -> Sample<'static> {
    int(timeout.unwrap_or_default().as_millis())
}

fn configured(stream: &Stream<'_>, name: TimeoutName) -> Option<Duration> {
    let front = &stream.front.timeouts;
    let back = backend(stream, None).map(|b| b.timeouts);
    match name {
        TimeoutName::Client => front.client,
        TimeoutName::Connect => back?.connect,
        TimeoutName::Queue => back?.queue,
        TimeoutName::Server => back?.server,
        TimeoutName::Tarpit => back.map_or(front.tarpit, |b| b.tarpit),
        TimeoutName::Tunnel => back?.tunnel,
    }
}

/// What rules made of it; those that no rule changes are as configured.
fn current(stream: &Stream<'_>, name: TimeoutName) -> Option<Duration> {
    match name {
        TimeoutName::Client => stream.timeouts.client,
        TimeoutName::Server => stream.timeouts.server,
        TimeoutName::Tunnel => stream.timeouts.tunnel,
        TimeoutName::Connect | TimeoutName::Queue | TimeoutName::Tarpit => configured(stream, name),
    }
}
