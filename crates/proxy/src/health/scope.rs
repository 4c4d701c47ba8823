//! What expressions in checks may ask: names, the response at hand, variables of the check and of the process.

use crate::clock::now_us;
use crate::plan::Plan;
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
        let text = |t: &'_ str| Sample::owned(t.as_bytes().to_vec());
        let process = &self.plan.process;
        Some(match fact {
            Fact::Name(NameFact::BackendName) => text(&self.backend.name),
            Fact::Name(NameFact::BackendId) => Sample::Int(self.backend.id.into()),
            Fact::Name(NameFact::ServerName) => text(&self.server.facts.name),
            Fact::Name(NameFact::ServerId) => Sample::Int(self.server.facts.id.into()),
            Fact::Process(ProcessFact::Hostname) => text(&process.hostname),
            Fact::Process(ProcessFact::Node) => text(&process.node),
            Fact::Process(ProcessFact::Pid) => Sample::Int(std::process::id().into()),
            _ => return None, // RULE ZERO: facts are many and grow; the rest needs a stream
        })
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
