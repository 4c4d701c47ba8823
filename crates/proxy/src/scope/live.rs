//! Live numbers of listeners, proxies and servers.

use super::int;
use crate::plan::{Backend, Frontend};
use crate::server::Server;
use crate::stream::Stream;
use crate::tally::Pace;
use expr::{LiveFact, Sample};
use std::sync::Arc;

/// The proxy that a live number is about: the named one, else the current one.
fn frontend<'a>(stream: &'a Stream<'_>, name: Option<&str>) -> Option<&'a Arc<Frontend>> {
    match name {
        Some(name) => stream.worker.plan.frontend(name),
        None => Some(stream.front),
    }
}

fn backend<'a>(stream: &'a Stream<'_>, name: Option<&str>) -> Option<&'a Arc<Backend>> {
    match name {
        Some(name) => stream.worker.plan.backend(name),
        None => stream.back,
    }
}

pub(super) fn known(stream: &Stream<'_>, fact: &LiveFact) -> Option<Sample<'static>> {
    let now = stream.worker.now_ms();
    let server = |proxy: &Option<Box<str>>, name: &str| {
        let back = backend(stream, proxy.as_deref())?;
        back.balance.servers().named(name).cloned()
    };
    match fact {
        LiveFact::FeConn(p) => Some(int(frontend(stream, p.as_deref())?.connections.now())),
        LiveFact::FeReqRate(p) => {
            Some(int(frontend(stream, p.as_deref())?.tally.per_second(Pace::Requests, now)))
        }
        LiveFact::FeSessRate(p) => {
            Some(int(frontend(stream, p.as_deref())?.tally.per_second(Pace::Sessions, now)))
        }
        LiveFact::BeConn(p) => Some(int(backend(stream, p.as_deref())?.balance.load().sessions())),
        LiveFact::BeSessRate(p) => {
            Some(int(backend(stream, p.as_deref())?.tally.per_second(Pace::Sessions, now)))
        }
        LiveFact::NbSrv(p) => Some(int(backend(stream, p.as_deref())?.balance.usable() as u64)),
        LiveFact::Queue(p) => Some(int(queued(backend(stream, p.as_deref())?))),
        LiveFact::AvgQueue(p) => {
            let back = backend(stream, p.as_deref())?;
            let usable = back.balance.usable() as u32;
            Some(int(queued(back).checked_div(usable).unwrap_or(u32::MAX)))
        }
        LiveFact::ConnSlots(p) => Some(free_slots(backend(stream, p.as_deref())?)),
        LiveFact::SrvConn(p, s) => Some(int(server(p, s)?.sessions())),
        LiveFact::SrvIsUp(p, s) => Some(Sample::Bool(server(p, s)?.is_up())),
        LiveFact::SrvQueue(p, s) => Some(int(server(p, s)?.queued())),
        LiveFact::SrvWeight(p, s) => Some(int(server(p, s)?.weight())),
        LiveFact::SrvSessRate(p, s) => Some(int(server(p, s)?.target.tally.per_second(Pace::Sessions, now))),
        LiveFact::DstConn => Some(int(stream.session.listener.connections.now())),
        LiveFact::BeConnFree(p) => {
            let back = backend(stream, p.as_deref())?;
            let servers = back.balance.servers();
            let free: Option<i64> = servers.iter().filter(|s| s.is_usable()).map(|s| free(s)).sum();
            Some(Sample::Int(free.unwrap_or(-1)))
        }
        LiveFact::SrvConnFree(p, s) => Some(Sample::Int(free(server(p, s)?.as_ref()).unwrap_or(-1))),
        LiveFact::SrvInitialWeight(p, s) => Some(int(server(p, s)?.facts.weight)),
        LiveFact::SrvUserWeight(p, s) => Some(int(server(p, s)?.weight())),
    }
}

fn queued(back: &Backend) -> u32 {
    back.balance.servers().iter().map(|s| s.queued()).sum::<u32>() + back.balance.queued()
}

/// `connslots`: sessions and queue places left; -1 where a server has no limit.
fn free_slots(back: &Backend) -> Sample<'static> {
    let mut free: i64 = 0;
    for server in back.balance.servers().iter().filter(|s| s.is_usable()) {
        if server.maxconn() == 0 || server.facts.maxqueue == 0 {
            return Sample::Int(-1);
        }
        let room = i64::from(server.maxconn()) - i64::from(server.sessions());
        free += room + i64::from(server.facts.maxqueue) - i64::from(server.queued());
    }
    Sample::Int(free)
}

/// Connections a server can still take; `None` without limit.
fn free(server: &Server) -> Option<i64> {
    let limit = server.maxconn();
    (limit > 0).then(|| (i64::from(limit) - i64::from(server.sessions())).max(0))
}
