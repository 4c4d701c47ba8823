//! What expressions in checks may ask: names, the response at hand, variables of the check and of the process.

use crate::clock::now_us;
use crate::plan::Plan;
use crate::scope::int;
use crate::server::Server;
use crate::vars::Vars;
use expr::{Direction, Fact, NameFact, Payload, ProcessFact, Sample, Scope, VarId, VarScope};
use http::{Request, Response};
use std::cell::{Cell, RefCell};

/// The world of one check.
pub(super) struct CheckScope<'p> {
    pub(super) plan: &'p Plan,
    pub(super) backend: &'p crate::plan::Backend,
    pub(super) server: &'p Server,
    /// What the server sent since the last `send`.
    pub(super) input: Vec<u8>,
    /// No more will come.
    pub(super) complete: bool,
    /// The response's head and body, once read.
    pub(super) response: Option<Response>,
    pub(super) body: Vec<u8>,
    vars: RefCell<Vars>,
    dice: Cell<u64>,
}

impl<'p> CheckScope<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        backend: &'p crate::plan::Backend,
        server: &'p Server,
    ) -> CheckScope<'p> {
        CheckScope {
            plan,
            backend,
            server,
            input: Vec::new(),
            complete: false,
            response: None,
            body: Vec::new(),
            vars: RefCell::default(),
            dice: Cell::new(now_us().unsigned_abs() | 1),
        }
    }

    /// Forgets what was received.
    pub(super) fn clear(&mut self) {
        self.input.clear();
        self.body.clear();
        self.response = None;
        self.complete = false;
    }

    fn name(&self, fact: &NameFact) -> Option<Sample<'_>> {
        match fact {
            NameFact::BackendName => Some(text(&self.backend.name)),
            NameFact::BackendId => Some(Sample::Int(self.backend.id.into())),
            NameFact::ServerName => Some(text(&self.server.facts.name)),
            NameFact::ServerId => Some(Sample::Int(self.server.facts.id.into())),
            NameFact::FrontendName
            | NameFact::FrontendId
            | NameFact::FrontendMode
            | NameFact::FrontendDefaultBackend
            | NameFact::ListenerName
            | NameFact::ListenerId => None,
        }
    }

    fn process(&self, fact: &ProcessFact) -> Option<Sample<'_>> {
        let process = &self.plan.process;
        match fact {
            ProcessFact::Hostname => Some(text(&process.hostname)),
            ProcessFact::Node => Some(text(&process.node)),
            ProcessFact::Pid => Some(int(std::process::id())),
            ProcessFact::NbThread => Some(int(process.threads)),
            ProcessFact::NbProc => Some(Sample::Int(1)),
            ProcessFact::ActConn => Some(int(process.connections.now())),
            // What a worker thread knows; checks run on none.
            ProcessFact::ThreadId | ProcessFact::Uptime | ProcessFact::Stopping => None,
        }
    }
}

fn text(text: &str) -> Sample<'static> {
    Sample::owned(text.as_bytes().to_vec())
}

impl Scope for CheckScope<'_> {
    fn request(&self) -> Option<&Request> {
        None
    }

    fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    fn body(&self, of: Direction) -> Option<Payload<'_>> {
        match of {
            Direction::Request => None,
            Direction::Response => {
                self.response.is_some().then_some(Payload { bytes: &self.body, complete: self.complete })
            }
        }
    }

    fn payload(&self, of: Direction) -> Option<Payload<'_>> {
        match of {
            Direction::Request => None,
            Direction::Response => Some(Payload { bytes: &self.input, complete: self.complete }),
        }
    }

    fn fact(&self, fact: &Fact) -> Option<Sample<'_>> {
        match fact {
            Fact::Name(name) => self.name(name),
            Fact::Process(fact) => self.process(fact),
            // A check has no client, no stream and no times of one.
            Fact::Address(_)
            | Fact::Connection(_)
            | Fact::ClientTls(_)
            | Fact::ServerTls(_)
            | Fact::Live(_)
            | Fact::Stream(_)
            | Fact::Time(_)
            | Fact::SslClient(_)
            | Fact::SslServed(_)
            | Fact::SslServer(_) => None,
        }
    }

    fn var(&self, id: VarId) -> Option<Sample<'static>> {
        match id.scope {
            VarScope::Proc => self.plan.process.vars.get(id.name),
            VarScope::Check => self.vars.borrow().get(id.name).cloned(),
            VarScope::Sess | VarScope::Txn | VarScope::Req | VarScope::Res => None,
        }
    }

    fn set_var(&self, id: VarId, value: Option<Sample<'static>>) {
        match id.scope {
            VarScope::Proc => self.plan.process.vars.set(id.name, value),
            VarScope::Check => self.vars.borrow_mut().set(id.name, value),
            VarScope::Sess | VarScope::Txn | VarScope::Req | VarScope::Res => {}
        }
    }

    fn now_us(&self) -> i64 {
        now_us()
    }

    fn random(&self) -> u32 {
        random(&self.dice)
    }
}

/// Numbers without secrets in them (xorshift64): spreading checks needs no more.
pub(super) fn random(dice: &Cell<u64>) -> u32 {
    let mut x = dice.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    dice.set(x);
    (x >> 32) as u32
}
