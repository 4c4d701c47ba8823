//! A small world: one request, one response, some facts. What it does not hold does not exist.

use expr::{
    AddressFact, ClientTlsFact, Direction, Env, Fact, NameFact, Outside, Payload, ProcessFact, Sample, Scope,
    Stage, StreamFact, TimeFact, VarId,
};
use http::{Request, Response, Version};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

/// Files that pattern and map tests may name.
const FILES: &[(&str, &str)] = &[
    ("hosts.lst", "# comment\n\n  b.example\n\ta.example\r\n #x\nlast"),
    ("nets.lst", "10.0.0.0/8\n192.0.2.1\n"),
    ("empty.lst", "\n# nothing\n"),
    ("bad.lst", "10.0.0.0/8\nb.example \n"),
    ("word.map", "a one\nab  two words \nc\n# d three\n"),
    ("int.map", "1 10\n2 20\n"),
    ("bad.map", "1 10\n2 x\n"),
    ("net.map", "10.0.0.0/8 big\n10.1.0.0/16 small\n"),
    ("re.map", "^/(.*)/(.*)$ \\2-\\1\n"),
];

/// The machine of the tests.
pub(crate) struct Machine;

impl Outside for Machine {
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let file = FILES.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    }

    fn env_var(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }

    fn lookup(&self, host: &str) -> Option<IpAddr> {
        (host == "localhost").then(|| IpAddr::from([127, 0, 0, 1]))
    }
}

/// One moment.
pub(crate) struct World {
    request: Request,
    response: Option<Response>,
    facts: HashMap<Fact, Sample<'static>>,
    vars: RefCell<HashMap<VarId, Sample<'static>>>,
    payload: &'static [u8],
    complete: bool,
}

impl World {
    /// The world at a stage: responses exist from the server's answer on. `tcp` leaves the bytes incomplete.
    pub(crate) fn at(stage: Stage, env: &mut Env<'_>) -> World {
        let late = matches!(
            stage,
            Stage::TcpResponse
                | Stage::Response
                | Stage::AfterResponse
                | Stage::Log
                | Stage::ErrorReply
                | Stage::Check
        );
        let mut vars = HashMap::new();
        if let Ok(id) = env.vars.intern("txn.raw") {
            vars.insert(id, Sample::owned(&b"q\"b\\s]c{p|t}h#e\tz\nx"[..]));
        }
        World {
            request: request(),
            response: late.then(response),
            facts: facts(),
            vars: RefCell::new(vars),
            payload: b"hello",
            complete: stage != Stage::TcpContent,
        }
    }
}

fn request() -> Request {
    let mut r = Request::default();
    r.set_method(b"GET");
    r.set_target(b"/a/5?x=1&y=%20z");
    r.version = Version::H11;
    for (name, value) in [("host", "a.example"), ("x-a", "1,2"), ("x-a", "3"), ("cookie", "s=abc; t=1")] {
        r.fields.push(name.as_bytes(), value.as_bytes());
    }
    r
}

fn response() -> Response {
    let mut r = Response::default();
    r.set_status(404, b"");
    r.fields.push(b"content-type", b"text/plain");
    r
}

fn facts() -> HashMap<Fact, Sample<'static>> {
    let ip = |text: &str| Sample::Ip(text.parse().unwrap());
    HashMap::from([
        (Fact::Address(AddressFact::Src), ip("127.0.0.1")),
        (Fact::Address(AddressFact::SrcPort), Sample::Int(4321)),
        (Fact::Address(AddressFact::Dst), ip("2001:db8::1")),
        (Fact::Address(AddressFact::DstPort), Sample::Int(443)),
        (Fact::Name(NameFact::FrontendName), Sample::str(b"fe")),
        (Fact::ClientTls(ClientTlsFact::SslFc), Sample::Bool(true)),
        (Fact::Process(ProcessFact::Pid), Sample::Int(77)),
        (Fact::Stream(StreamFact::RequestCounter), Sample::Int(33)),
        (Fact::Stream(StreamFact::StatusSent), Sample::Int(200)),
        (Fact::Stream(StreamFact::BytesRead), Sample::Int(1234)),
        (Fact::Stream(StreamFact::TerminationCode), Sample::str(b"--")),
        (Fact::Time(TimeFact::Handshake), Sample::Int(5)),
        (Fact::Time(TimeFact::Idle), Sample::Int(-1)),
        (Fact::Time(TimeFact::Request), Sample::Int(2)),
        (Fact::Time(TimeFact::Total), Sample::Int(12)),
        (Fact::Stream(StreamFact::Redispatched), Sample::Bool(true)),
        (Fact::Stream(StreamFact::Retries), Sample::Int(1)),
        (Fact::Time(TimeFact::AcceptDateUs), Sample::Int(1_795_196_642_007_000)),
        (Fact::Time(TimeFact::RequestDateUs), Sample::Int(1_795_196_643_000_000)),
        (Fact::Stream(StreamFact::FirstMethod), Sample::str(b"GET")),
        (Fact::Stream(StreamFact::FirstUri), Sample::str(b"http://h/a\"b\\c?d=#]")),
        (Fact::Stream(StreamFact::FirstVersion), Sample::str(b"HTTP/1.1")),
        (Fact::Stream(StreamFact::RequestCaptureCount), Sample::Int(2)),
        (Fact::Stream(StreamFact::CapturedRequestHeader(0)), Sample::str(b"q\"b{p|t}h#e\tz\xff~ \\]")),
    ])
}

impl Scope for World {
    fn request(&self) -> Option<&Request> {
        Some(&self.request)
    }

    fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    fn body(&self, _: Direction) -> Option<Payload<'_>> {
        None
    }

    fn payload(&self, of: Direction) -> Option<Payload<'_>> {
        (of == Direction::Request).then_some(Payload { bytes: self.payload, complete: self.complete })
    }

    fn fact(&self, fact: &Fact) -> Option<Sample<'_>> {
        self.facts.get(fact).cloned()
    }

    fn var(&self, id: VarId) -> Option<Sample<'static>> {
        self.vars.borrow().get(&id).cloned()
    }

    fn set_var(&self, id: VarId, value: Option<Sample<'static>>) {
        match value {
            Some(value) => self.vars.borrow_mut().insert(id, value),
            None => self.vars.borrow_mut().remove(&id),
        };
    }

    fn now_us(&self) -> i64 {
        1_795_196_642_000_000
    }

    fn random(&self) -> u32 {
        4
    }
}
