//! What expressions may ask of a stream: the one implementation of [`expr::Scope`] in the data plane.

mod connection;
mod live;
mod progress;
mod time;

use crate::client_cert;
use crate::log::size;
use crate::rules::Message;
use crate::stream::Stream;
use expr::{
    AddressFact, Aes, AesMode, Direction, Fact, NameFact, Payload, ProcessFact, Sample, Scope, VarId,
    VarScope,
};
use http::{Request, Response};
use net::Addr;
use std::net::SocketAddr;
use tls::aes;
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
            Direction::Response => self.has_response.then_some(Payload {
                bytes: &self.response_body.bytes,
                complete: self.response_body.complete,
            }),
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

    /// As HAProxy's log lines count it: its head, and what was buffered of its body.
    fn message_len(&self, of: Direction) -> Option<u64> {
        let (head, body) = match of {
            Direction::Request => (size::request(self.request()?), &self.body),
            Direction::Response => (size::response(self.response()?), &self.response_body),
        };
        Some(head + body.bytes.len() as u64)
    }

    fn fact(&self, fact: &Fact) -> Option<Sample<'_>> {
        match fact {
            Fact::Process(fact) => process(self, fact),
            Fact::Address(fact) => address(self, fact),
            Fact::Name(fact) => name(self, fact),
            Fact::Connection(fact) => connection::known(self, fact),
            Fact::ClientTls(fact) => connection::client_tls(self, fact),
            Fact::ServerTls(fact) => connection::server_tls(self, fact),
            Fact::Live(fact) => live::known(self, fact),
            Fact::Stream(fact) => progress::known(self, fact),
            Fact::Time(fact) => time::known(self, fact),
            Fact::SslClient(which) => client_cert::presented(self.session.tls.as_deref()?, which),
            Fact::SslServed(which) => client_cert::served(self.session.tls.as_deref()?, which),
            Fact::SslServer(which) => client_cert::of_server(self.back_tls.as_deref()?, which),
        }
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

    fn capture(&self, of: Direction, slot: usize, text: &[u8]) {
        let (message, slots) = match of {
            Direction::Request => (Message::Request, &self.front.request_captures),
            Direction::Response => (Message::Response, &self.front.response_captures),
        };
        if let Some(declared) = slots.get(slot) {
            let text = text.get(..declared.len.min(text.len())).unwrap_or_default().to_vec();
            let mut kept = self.kept_captures.borrow_mut();
            kept.retain(|(other, at, _)| (*other, *at) != (message, slot));
            kept.push((message, slot, text));
        }
    }

    fn aes(&self, job: &Aes<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        let plain = |text: Option<Vec<u8>>| Some((text?, Vec::new()));
        match job.mode {
            AesMode::GcmEncrypt => aes::gcm_encrypt(job.key, job.nonce, job.aad, job.text),
            AesMode::GcmDecrypt => plain(aes::gcm_decrypt(job.key, job.nonce, job.aad, job.tag?, job.text)),
            AesMode::CbcEncrypt => plain(aes::cbc_encrypt(job.key, job.nonce, job.text)),
            AesMode::CbcDecrypt => plain(aes::cbc_decrypt(job.key, job.nonce, job.text)),
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

/// A number that no fetch lets overflow.
pub(crate) fn int(value: impl TryInto<i64>) -> Sample<'static> {
    Sample::Int(value.try_into().unwrap_or(i64::MAX))
}

fn text(text: &str) -> Sample<'_> {
    Sample::str(text.as_bytes())
}

fn process<'a>(stream: &'a Stream<'_>, fact: &ProcessFact) -> Option<Sample<'a>> {
    let process = &stream.worker.plan.process;
    match fact {
        ProcessFact::Hostname => Some(text(&process.hostname)),
        ProcessFact::Node => Some(text(&process.node)),
        ProcessFact::Pid => Some(int(std::process::id())),
        ProcessFact::ThreadId => Some(int(stream.worker.index)),
        ProcessFact::NbThread => Some(int(process.threads)),
        ProcessFact::NbProc => Some(Sample::Int(1)),
        ProcessFact::ActConn => Some(int(process.connections.now())),
        ProcessFact::Uptime => Some(int(stream.worker.uptime().as_secs())),
        ProcessFact::Stopping => Some(Sample::Bool(stream.worker.stopping())),
    }
}

fn ip(addr: Option<SocketAddr>) -> Option<Sample<'static>> {
    addr.map(|a| Sample::Ip(a.ip()))
}

fn port(addr: Option<SocketAddr>) -> Option<Sample<'static>> {
    addr.map(|a| int(a.port()))
}

fn is_local(addr: Option<SocketAddr>) -> Option<Sample<'static>> {
    addr.map(|a| Sample::Bool(Addr::from(a).ip().is_some_and(|ip| ip.is_loopback())))
}

fn address(stream: &Stream<'_>, fact: &AddressFact) -> Option<Sample<'static>> {
    let (local, peer) = stream.back_addrs.map_or((None, None), |(l, p)| (l.inet(), p.inet()));
    let own = stream.session.connection_ends();
    match fact {
        AddressFact::Src => ip(stream.src()),
        AddressFact::SrcPort => port(stream.src()),
        AddressFact::Dst => ip(stream.dst()),
        AddressFact::DstPort => port(stream.dst()),
        AddressFact::SrcIsLocal => is_local(stream.src()),
        AddressFact::DstIsLocal => is_local(stream.dst()),
        AddressFact::BackSrc => ip(local),
        AddressFact::BackSrcPort => port(local),
        AddressFact::BackDst => ip(peer),
        AddressFact::BackDstPort => port(peer),
        AddressFact::FcSrc => ip(own.src.inet()),
        AddressFact::FcSrcPort => port(own.src.inet()),
        AddressFact::FcSrcIsLocal => is_local(own.src.inet()),
        AddressFact::FcDst => ip(own.dst.inet()),
        AddressFact::FcDstPort => port(own.dst.inet()),
        AddressFact::FcDstIsLocal => is_local(own.dst.inet()),
    }
}

fn name<'a>(stream: &'a Stream<'_>, fact: &NameFact) -> Option<Sample<'a>> {
    let front = stream.front;
    let back = stream.back;
    let server = stream.server.as_ref();
    match fact {
        NameFact::FrontendName => Some(text(&front.name)),
        NameFact::FrontendId => Some(int(front.id)),
        NameFact::FrontendMode => Some(text(if front.http { "http" } else { "tcp" })),
        NameFact::FrontendDefaultBackend => front.default_backend_name.as_deref().map(text),
        NameFact::BackendName => back.map(|b| text(&b.name)),
        NameFact::BackendId => back.map(|b| int(b.id)),
        NameFact::ListenerName => {
            Some(text(&stream.session.listener.name)).filter(|_| !stream.session.listener.name.is_empty())
        }
        NameFact::ListenerId => Some(int(stream.session.listener.id)),
        // HAProxy's name for itself as a server
        NameFact::ServerName if stream.statistics => Some(text("<STATS>")),
        NameFact::ServerName => server.map(|s| text(&s.facts.name)),
        NameFact::ServerId => server.map(|s| int(s.facts.id)),
    }
}
