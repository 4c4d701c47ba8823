//! What expressions may ask of a stream: the one implementation of [`expr::Scope`] in the data plane.

mod rare;

use crate::ending::Phase;
use crate::plan::{Backend, CaptureSlot, Frontend};
use crate::stream::{Stream, Times};
use crate::tally::{Count, Pace};
use expr::{Direction, Fact, Payload, Sample, Scope, VarId, VarScope};
use http::{Request, Response};
use net::Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::Instant;

impl Scope for Stream<'_> {
    fn request(&self) -> Option<&Request> {
        self.has_request.then_some(&self.request)
    }

    fn response(&self) -> Option<&Response> {
        self.has_response.then_some(&self.response)
    }

    fn body(&self, of: Direction) -> Option<Payload<'_>> {
        match of {
            Direction::Request => {
                self.has_request.then_some(Payload { bytes: &self.body.bytes, complete: self.body.complete })
            }
            Direction::Response => None,
        }
    }

    fn payload(&self, of: Direction) -> Option<Payload<'_>> {
        match of {
            Direction::Request => {
                Some(Payload { bytes: self.payload.data(), complete: self.payload_complete })
            }
            Direction::Response => Some(Payload {
                bytes: self.response_payload.data(),
                complete: self.response_payload_complete,
            }),
        }
    }

    fn fact(&self, fact: &Fact) -> Option<Sample<'_>> {
        process_fact(self, fact)
            .or_else(|| address_fact(self, fact))
            .or_else(|| name_fact(self, fact))
            .or_else(|| client_fact(self, fact))
            .or_else(|| live_fact(self, fact))
            .or_else(|| stream_fact(self, fact))
            .or_else(|| time_fact(self, fact))
            .or_else(|| rare::fact(self, fact))
    }

    fn var(&self, id: VarId) -> Option<Sample<'static>> {
        match id.scope {
            VarScope::Proc => self.worker.plan.process.vars.get(id.name),
            VarScope::Sess => self.session.vars.borrow().get(id.name).cloned(),
            VarScope::Txn | VarScope::Req | VarScope::Res => {
                self.vars().borrow().get(var_slot(id.scope)?)?.get(id.name).cloned()
            }
            VarScope::Check => None,
        }
    }

    fn set_var(&self, id: VarId, value: Option<Sample<'static>>) {
        match id.scope {
            VarScope::Proc => self.worker.plan.process.vars.set(id.name, value),
            VarScope::Sess => self.session.vars.borrow_mut().set(id.name, value),
            VarScope::Txn | VarScope::Req | VarScope::Res => {
                let mut all = self.vars().borrow_mut();
                if let Some(vars) = var_slot(id.scope).and_then(|slot| all.get_mut(slot)) {
                    vars.set(id.name, value);
                }
            }
            VarScope::Check => {}
        }
    }

    fn now_us(&self) -> i64 {
        self.session.wall_us(Instant::now())
    }

    fn random(&self) -> u32 {
        self.worker.random()
    }
}

fn var_slot(scope: VarScope) -> Option<usize> {
    match scope {
        VarScope::Txn => Some(0),
        VarScope::Req => Some(1),
        VarScope::Res => Some(2),
        VarScope::Proc | VarScope::Sess | VarScope::Check => None,
    }
}

fn int(value: impl TryInto<i64>) -> Sample<'static> {
    Sample::Int(value.try_into().unwrap_or(i64::MAX))
}

fn text(text: &str) -> Sample<'_> {
    Sample::str(text.as_bytes())
}

fn process_fact<'a>(stream: &'a Stream<'_>, fact: &Fact) -> Option<Sample<'a>> {
    let process = &stream.worker.plan.process;
    match fact {
        Fact::Hostname => Some(text(&process.hostname)),
        Fact::Node => Some(text(&process.node)),
        Fact::Pid => Some(int(std::process::id())),
        Fact::ThreadId => Some(int(stream.worker.index)),
        Fact::NbThread => Some(int(process.threads)),
        Fact::NbProc => Some(Sample::Int(1)),
        Fact::ActConn => Some(int(process.connections.now())),
        Fact::Uptime => Some(int(stream.worker.uptime().as_secs())),
        _ => None,
    }
}

fn ip(addr: Option<SocketAddr>) -> Option<Sample<'static>> {
    addr.map(|a| Sample::Ip(a.ip()))
}

fn port(addr: Option<SocketAddr>) -> Option<Sample<'static>> {
    addr.map(|a| int(a.port()))
}

fn address_fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    let (local, peer) = stream.back_addrs.map_or((None, None), |(l, p)| (l.inet(), p.inet()));
    match fact {
        Fact::Src => ip(stream.src()),
        Fact::SrcPort => port(stream.src()),
        Fact::Dst => ip(stream.dst()),
        Fact::DstPort => port(stream.dst()),
        Fact::SrcIsLocal => stream.src().map(|a| Sample::Bool(a.ip().is_loopback())),
        Fact::DstIsLocal => {
            stream.dst().map(|a| Sample::Bool(Addr::from(a).ip().is_some_and(|i| i.is_loopback())))
        }
        Fact::BackSrc => ip(local),
        Fact::BackSrcPort => port(local),
        Fact::BackDst => ip(peer),
        Fact::BackDstPort => port(peer),
        _ => None,
    }
}

fn name_fact<'a>(stream: &'a Stream<'_>, fact: &Fact) -> Option<Sample<'a>> {
    let front = stream.front;
    let back = stream.back;
    let server = back.zip(stream.server).and_then(|(b, s)| b.balance.servers().get(s));
    match fact {
        Fact::FrontendName => Some(text(&front.name)),
        Fact::FrontendId => Some(int(front.id)),
        Fact::FrontendMode => Some(text(if front.http { "http" } else { "tcp" })),
        Fact::FrontendDefaultBackend => front.default_backend_name.as_deref().map(text),
        Fact::BackendName => back.map(|b| text(&b.name)),
        Fact::BackendId => back.map(|b| int(b.id)),
        Fact::ListenerName => {
            Some(text(&stream.session.listener.name)).filter(|_| !stream.session.listener.name.is_empty())
        }
        Fact::ListenerId => Some(int(stream.session.listener.id)),
        // HAProxy's name for itself as a server
        Fact::ServerName if stream.statistics => Some(text("<STATS>")),
        Fact::ServerName => server.map(|s| text(&s.facts.name)),
        Fact::ServerId => server.map(|s| int(s.facts.id)),
        _ => None,
    }
}

fn client_fact<'a>(stream: &'a Stream<'_>, fact: &Fact) -> Option<Sample<'a>> {
    let tls = stream.session.tls.as_deref();
    let back = stream.back_tls.as_deref();
    let known = |t: &'static str| (!t.is_empty()).then(|| text(t));
    match fact {
        Fact::FcHttpMajor | Fact::BcHttpMajor => Some(Sample::Int(1)),
        Fact::FcRcvdProxy => Some(Sample::Bool(stream.session.proxy.is_some())),
        Fact::FcPpAuthority => stream.session.proxy.as_deref().and_then(|p| p.authority()).map(Sample::str),
        Fact::FcPpUniqueId => stream.session.proxy.as_deref().and_then(|p| p.unique_id()).map(Sample::str),
        Fact::FcPpTlv(kind) => stream.session.proxy.as_deref().and_then(|p| p.tlv(*kind)).map(Sample::str),
        Fact::SslFc => Some(Sample::Bool(tls.is_some())),
        Fact::SslFcSni => tls?.sni.as_deref().map(text),
        Fact::SslFcAlpn => tls?.alpn.as_deref().map(Sample::str),
        Fact::SslFcProtocol => known(tls?.version),
        Fact::SslFcCipher => known(tls?.cipher),
        Fact::SslFcKeysize => Some(int(tls?.key_bits)),
        Fact::SslFcIsResumed => Some(Sample::Bool(tls?.resumed)),
        Fact::SslFcHasEarly => Some(Sample::Bool(false)),
        Fact::SslBc => Some(Sample::Bool(back.is_some())),
        Fact::SslBcAlpn => back?.alpn.as_deref().map(Sample::str),
        Fact::SslBcProtocol => known(back?.version),
        Fact::SslBcCipher => known(back?.cipher),
        Fact::SslBcIsResumed => Some(Sample::Bool(back?.resumed)),
        _ => crate::client_cert::fact(tls, fact),
    }
}

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

fn live_fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    let now = stream.worker.now_ms();
    let server = |proxy: &Option<Box<str>>, name: &str| {
        let back = backend(stream, proxy.as_deref())?;
        let server = back.balance.servers().iter().find(|s| &*s.facts.name == name)?;
        Some((back.clone(), server.clone()))
    };
    match fact {
        Fact::FeConn(p) => Some(int(frontend(stream, p.as_deref())?.connections.now())),
        Fact::FeReqRate(p) => {
            Some(int(frontend(stream, p.as_deref())?.tally.per_second(Pace::Requests, now)))
        }
        Fact::FeSessRate(p) => {
            Some(int(frontend(stream, p.as_deref())?.tally.per_second(Pace::Sessions, now)))
        }
        Fact::BeConn(p) => Some(int(backend(stream, p.as_deref())?.balance.load().sessions())),
        Fact::BeSessRate(p) => {
            Some(int(backend(stream, p.as_deref())?.tally.per_second(Pace::Sessions, now)))
        }
        Fact::NbSrv(p) => Some(int(backend(stream, p.as_deref())?.balance.usable() as u64)),
        Fact::Queue(p) => Some(int(queued(backend(stream, p.as_deref())?))),
        Fact::AvgQueue(p) => {
            let back = backend(stream, p.as_deref())?;
            let usable = back.balance.usable() as u32;
            Some(int(queued(back).checked_div(usable).unwrap_or(u32::MAX)))
        }
        Fact::ConnSlots(p) => Some(free_slots(backend(stream, p.as_deref())?)),
        Fact::SrvConn(p, s) => Some(int(server(p, s)?.1.sessions())),
        Fact::SrvIsUp(p, s) => Some(Sample::Bool(server(p, s)?.1.is_up())),
        Fact::SrvQueue(p, s) => Some(int(server(p, s)?.1.queued())),
        Fact::SrvWeight(p, s) => Some(int(server(p, s)?.1.weight())),
        Fact::SrvSessRate(p, s) => {
            let (back, server) = server(p, s)?;
            Some(int(back.targets.get(server.facts.index)?.tally.per_second(Pace::Sessions, now)))
        }
        _ => None,
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

fn stream_fact<'a>(stream: &'a Stream<'_>, fact: &Fact) -> Option<Sample<'a>> {
    let first = stream.first_line.as_ref();
    let text_of = |slice| stream.request.fields.text(slice);
    match fact {
        Fact::UniqueId => stream.unique_id.as_deref().map(Sample::str),
        Fact::Retries => Some(int(stream.retries)),
        Fact::Redispatched => Some(Sample::Bool(stream.redispatched)),
        Fact::StatusSent => stream.status_logged.map(int),
        Fact::BytesRead => Some(int(stream.bytes_read)),
        Fact::BytesUploaded => Some(int(stream.bytes_uploaded)),
        Fact::TerminationCode => Some(Sample::owned(stream.ending.letters())),
        Fact::TerminationCodeCookie => {
            Some(Sample::owned([stream.ending.letters(), stream.cookie_letters].concat()))
        }
        Fact::RequestCounter => Some(int(stream.number)),
        Fact::SrvConnNow => {
            let servers = stream.back.as_ref()?.balance.servers();
            Some(int(stream.server.and_then(|i| servers.get(i)).map_or(0, |s| s.sessions())))
        }
        Fact::SrvQueuePos => Some(int(stream.queue_positions.0)),
        Fact::BackendQueuePos => Some(int(stream.queue_positions.1)),
        Fact::FirstRequestLine => {
            let (method, target) = (text_of(first?.method), text_of(first?.target));
            Some(Sample::owned([method, b" ", target, b" ", first?.version.as_str().as_bytes()].concat()))
        }
        Fact::FirstMethod => Some(Sample::str(text_of(first?.method))),
        Fact::FirstUri => Some(Sample::str(text_of(first?.target))),
        Fact::FirstVersion => Some(text(first?.version.as_str())),
        Fact::CapturedRequestHeader(slot) => captured(&stream.request_captures, *slot),
        Fact::CapturedResponseHeader(slot) => captured(&stream.response_captures, *slot),
        Fact::CapturedRequestCookie => stream.captured_cookies[0].as_deref().map(Sample::str),
        Fact::CapturedResponseCookie => stream.captured_cookies[1].as_deref().map(Sample::str),
        Fact::RequestCaptureCount => Some(slots(stream, &stream.front.request_captures)),
        Fact::ResponseCaptureCount => Some(slots(stream, &stream.front.response_captures)),
        Fact::LogCounter => Some(int(stream.front.tally.sum(Count::LogLines))),
        Fact::LogAsap => Some(Sample::Bool(stream.front.log.asap)),
        Fact::LogLevel => stream.log_level.flatten().map(int),
        Fact::LastRuleFile => stream.last_rule.as_ref().map(|rule| text(&rule.file)),
        Fact::LastRuleLine => stream.last_rule.as_ref().map(|rule| int(rule.line)),
        // With a request's head at hand no inspection is waited for.
        Fact::WaitEnd => Some(Sample::Bool(stream.has_request || stream.payload_complete)),
        _ => None,
    }
}

/// Slots are there for what could have been captured: without a request, logs do not show even empty ones.
fn slots(stream: &Stream<'_>, declared: &[CaptureSlot]) -> Sample<'static> {
    let could = stream.has_request || !stream.request_captures.is_empty();
    int(if could { declared.len() } else { 0 })
}

fn captured(list: &[Option<Vec<u8>>], slot: u32) -> Option<Sample<'_>> {
    list.get(slot as usize)?.as_deref().map(Sample::str)
}

/// Timers as the logs show them (manual, section 8.4): milliseconds, -1 where the phase was not reached.
fn time_fact(stream: &Stream<'_>, fact: &Fact) -> Option<Sample<'static>> {
    let t = &stream.times;
    let end = t.end.unwrap_or_else(Instant::now);
    let span = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
        (Some(from), Some(to)) => millis(from, to),
        (None, _) | (_, None) => Sample::Int(-1),
    };
    let request_from = t.first_byte.or(Some(t.idle_from));
    match fact {
        Fact::AcceptDateUs => Some(int(stream.session.accepted_us)),
        Fact::RequestDateUs => Some(int(stream.session.wall_us(request_from.unwrap_or(t.idle_from)))),
        Fact::TimeHandshake => Some(Sample::Int(handshake_ms(stream))),
        Fact::TimeIdle => Some(t.first_byte.map_or(Sample::Int(-1), |f| Sample::Int(idle_ms(t, f)))),
        Fact::TimeRequest if !stream.front.http => Some(Sample::Int(0)),
        Fact::TimeRequest => Some(span(t.first_byte, t.request)),
        Fact::TimeQueue => Some(span(t.request, t.assigned)),
        Fact::TimeConnect => Some(span(t.assigned, t.connected)),
        Fact::TimeResponse => Some(span(t.connected, t.response)),
        Fact::TimeData => {
            let from = if stream.front.http { t.response } else { t.connected };
            let sent_by_us = stream.ending.phase != Phase::Done && from.is_none();
            Some(if sent_by_us { Sample::Int(-1) } else { span(from, Some(end)) })
        }
        Fact::TimeActive => Some(millis(request_from.unwrap_or(t.idle_from), end)),
        Fact::TimeTotal => Some(millis(
            if stream.session.requests.get() == 0 { stream.session.accepted } else { t.idle_from },
            end,
        )),
        Fact::TimeUser => Some(millis(request_from.unwrap_or(t.idle_from), end)),
        _ => None,
    }
}

fn millis(from: Instant, to: Instant) -> Sample<'static> {
    int(to.saturating_duration_since(from).as_millis() as u64)
}

fn handshake_ms(stream: &Stream<'_>) -> i64 {
    if stream.session.requests.get() > 0 {
        return 0;
    }
    i64::try_from(stream.session.handshake.as_millis()).unwrap_or(i64::MAX)
}

fn idle_ms(times: &Times, first_byte: Instant) -> i64 {
    let idle = first_byte.saturating_duration_since(times.idle_from).as_millis();
    i64::try_from(idle).unwrap_or(i64::MAX)
}
