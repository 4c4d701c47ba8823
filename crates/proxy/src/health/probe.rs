//! One run of a check: its steps in order, each bounded by the check's deadline. Gives a report and touches nothing
//! else; what follows from the report is `state`'s.

use super::expect::{Expect, Look, Matcher};
use super::finding::{Finding, Report};
use super::plan::{Check, Connect, HttpSend, Port, Probe, Reporting, Step, Style, VarSource};
use super::protocols::{Protocol, Reading, lossy};
use super::scope::CheckScope;
use super::wire::{Wire, WireError};
use crate::rules::allows;
use crate::server::{Endpoint, Health, Server, ServerPort};
use expr::{Expr, Sample, Scope};
use http::Method;
use http::h1::{self, BodyDecoder, Framing, Parsed};
use net::Target;
use std::net::SocketAddr;
use tokio::time::{Instant, timeout_at};

/// A run in progress.
pub(super) struct Run<'p> {
    check: &'p Check,
    probe: &'p Probe,
    scope: CheckScope<'p>,
    wire: Option<Wire>,
    /// The connection speaks TLS: what it proves is layer 6.
    secured: bool,
    deadline: Instant,
    /// The step at work, counted from 1; 0 is the connection made before the first one.
    step: usize,
    comment: Option<Box<str>>,
    /// What `send-state` says.
    state_header: Option<String>,
    /// Where the response's body starts in the input, and how it is framed.
    framing: Option<(usize, Framing)>,
}

/// The run ends here.
struct End(Report);

type Stepped = Result<(), End>;

impl<'p> Run<'p> {
    pub(super) fn new(check: &'p Check, scope: CheckScope<'p>, state_header: Option<String>) -> Run<'p> {
        Run {
            check,
            probe: &check.probe,
            scope,
            wire: None,
            secured: false,
            deadline: Instant::now() + check.pace.inter,
            step: 0,
            comment: None,
            state_header,
            framing: None,
        }
    }

    /// Runs it to its end.
    pub(super) async fn run(mut self) -> Report {
        let began = Instant::now();
        let mut report = match self.steps().await {
            Ok(report) | Err(End(report)) => report,
        };
        report.duration = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report
    }

    async fn steps(&mut self) -> Result<Report, End> {
        let probe = self.probe;
        if !matches!(probe.steps.iter().find(|s| !s.is_silent()), Some(Step::Connect(_))) {
            self.connect(&probe.connect).await?;
        }
        let mut last = Report::new(if self.secured { Finding::L6Ok } else { Finding::L4Ok }, "");
        for (i, step) in probe.steps.iter().enumerate() {
            self.step = i + 1;
            if let Some(report) = self.one(step).await? {
                last = report;
            }
        }
        Ok(last)
    }

    /// One step; what the check reports if it was the last one.
    async fn one(&mut self, step: &'p Step) -> Result<Option<Report>, End> {
        match step {
            Step::Connect(connect) => {
                self.connect(connect).await?;
                Ok(Some(Report::new(if self.secured { Finding::L6Ok } else { Finding::L4Ok }, "")))
            }
            Step::Send(text) => {
                self.scope.clear();
                let bytes = text.bytes(&self.scope);
                self.send(&bytes).await?;
                Ok(Some(Report::new(Finding::L7Ok, self.closing_words())))
            }
            Step::HttpSend(send) => {
                self.scope.clear();
                let bytes = self.http_request(send);
                self.send(&bytes).await?;
                Ok(None)
            }
            Step::Expect(expect) if self.probe.style == Style::Http => {
                self.expect_http(expect).await.map(Some)
            }
            Step::Expect(expect) => self.expect(expect).await.map(Some),
            Step::Protocol(protocol) => self.talk(protocol).await.map(Some),
            Step::SetVar(id, conditions, source) => {
                // an expression without a result leaves the variable alone (manual, "set-var")
                if let Some(value) = self.value(source) {
                    let present = self.scope.var(*id);
                    if conditions.iter().all(|c| allows(*c, present.as_ref(), &value)) {
                        self.scope.set_var(*id, Some(value));
                    }
                }
                Ok(None)
            }
            Step::UnsetVar(id) => {
                self.scope.set_var(*id, None);
                Ok(None)
            }
            Step::Comment(text) => {
                self.comment = Some(text.clone());
                Ok(None)
            }
        }
    }

    fn value(&self, source: &VarSource) -> Option<Sample<'static>> {
        match source {
            VarSource::Expr(expr) => expr.eval(&self.scope).map(Sample::into_owned),
            VarSource::Format(format) => {
                let mut text = Vec::new();
                format.write(&self.scope, &mut text);
                Some(Sample::owned(text))
            }
        }
    }

    fn closing_words(&self) -> &'static str {
        if self.probe.style == Style::Tcp { "(tcp-check)" } else { "" }
    }

    // ---- connecting

    async fn connect(&mut self, connect: &'p Connect) -> Stepped {
        self.wire = None;
        self.scope.clear();
        let Some(target) = self.target(connect) else {
            return Err(self.fail(Finding::SocketError, "no address or port to connect to".into()));
        };
        let until = match (self.check.timeout, self.check.connect) {
            // without `timeout check` the interval bounds the whole check
            (Some(_), Some(limit)) => self.deadline.min(Instant::now() + limit),
            (Some(_), None) | (None, _) => self.deadline,
        };
        let opened = Wire::open(&target, &connect.options, connect.send_proxy, connect.linger);
        let mut wire = match timeout_at(until, opened).await {
            Err(_) => return Err(self.fail_connect(connect, Finding::L4Timeout, "")),
            Ok(Err(error)) => return Err(self.fail_connect(connect, Finding::L4Con, &reason(&error))),
            Ok(Ok(wire)) => wire,
        };
        self.secured = connect.tls.is_some();
        if let Some(tls) = &connect.tls {
            match timeout_at(until, wire.secure(tls)).await {
                Err(_) => return Err(self.fail_connect(connect, Finding::L6Timeout, "")),
                Ok(Err(error)) => {
                    return Err(self.fail_connect(connect, Finding::L6Response, &reason(&error)));
                }
                Ok(Ok(())) => {}
            }
        }
        self.wire = Some(wire);
        if let Some(limit) = self.check.timeout {
            self.deadline = Instant::now() + limit;
        }
        Ok(())
    }

    fn target(&self, connect: &Connect) -> Option<Target> {
        let endpoint = self.scope.server.endpoint();
        let own = match endpoint.as_deref() {
            Some(Endpoint::Inet { ip, port }) => {
                let port = match port {
                    ServerPort::Fixed(port) => *port,
                    ServerPort::Offset(_) => 0,
                };
                Some(Target::Inet(SocketAddr::new(*ip, port)))
            }
            Some(Endpoint::Unix(path)) => Some(Target::Unix(path.clone())),
            Some(Endpoint::Abstract(name)) => Some(Target::Abstract(name.clone().into_bytes())),
            None => None,
        };
        let own_port = match &own {
            Some(Target::Inet(addr)) => addr.port(),
            Some(Target::Unix(_) | Target::Abstract(_)) | None => 0,
        };
        let port = match &connect.port {
            Some(Port::Fixed(port)) => Some(*port),
            Some(Port::Expr(expr)) => expr.eval(&self.scope)?.to_int().and_then(|n| u16::try_from(n).ok()),
            None => None,
        };
        match connect.addr.clone().or(own)? {
            Target::Inet(mut addr) => {
                let unset = if addr.port() == 0 { own_port } else { addr.port() };
                addr.set_port(port.unwrap_or(unset));
                (addr.port() != 0).then_some(Target::Inet(addr))
            }
            other @ (Target::Unix(_) | Target::Abstract(_)) => Some(other),
        }
    }

    fn fail_connect(&self, connect: &Connect, finding: Finding, info: &str) -> End {
        if self.probe.style != Style::Tcp {
            return self.fail(finding, info.to_owned());
        }
        let place = if self.step == 0 {
            "initial connection step of tcp-check".to_owned()
        } else {
            let port = match &connect.port {
                Some(Port::Fixed(port)) => format!(" port {port}"),
                Some(Port::Expr(_)) | None => String::new(),
            };
            format!("step {} of tcp-check (connect{port})", self.step)
        };
        let comment = quoted(connect.comment.as_deref().or(self.comment.as_deref()));
        self.fail(finding, format!("{info} at {place}{comment}"))
    }

    fn fail(&self, finding: Finding, info: String) -> End {
        End(Report::new(finding, info))
    }

    // ---- sending and receiving

    async fn send(&mut self, bytes: &[u8]) -> Stepped {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        match timeout_at(self.deadline, wire.send(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.fail(Finding::L4Con, reason(&error))),
            Err(_) => Err(self.fail(Finding::L7Timeout, String::new())),
        }
    }

    /// Waits for more input; an error is a time-out, whose wording the caller knows.
    async fn more(&mut self) -> Result<(), Option<End>> {
        let Some(wire) = &mut self.wire else {
            self.scope.complete = true;
            return Ok(());
        };
        match timeout_at(self.deadline, wire.receive(&mut self.scope.input)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => {
                self.scope.complete = true;
                Ok(())
            }
            Ok(Err(WireError::Socket(e))) if e.kind() == std::io::ErrorKind::ConnectionReset => {
                self.scope.complete = true;
                Ok(())
            }
            Ok(Err(error)) => Err(Some(self.fail(Finding::L4Con, reason(&error)))),
            Err(_) => Err(None),
        }
    }

    // ---- tcp-check expect

    async fn expect(&mut self, expect: &'p Expect) -> Result<Report, End> {
        loop {
            let bytes = &self.scope.input;
            if self.scope.complete && bytes.is_empty() {
                let text = format!("TCPCHK got an empty response at step {}", self.step);
                return Err(self.unmet(&expect.reporting, text));
            }
            let look = if bytes.is_empty() {
                Look::More
            } else {
                expect.look(&self.scope, bytes, self.scope.complete)
            };
            match look {
                Look::Met => return Ok(self.met(&expect.reporting)),
                Look::Unmet => return Err(self.unmet(&expect.reporting, self.mismatch(expect))),
                Look::More => match self.more().await {
                    Ok(()) => {}
                    Err(Some(end)) => return Err(end),
                    Err(None) => return Err(self.too_late(expect)),
                },
            }
        }
    }

    fn mismatch(&self, expect: &Expect) -> String {
        let what = match &expect.matcher {
            Matcher::Bytes { text, .. } => format!("content '{}'", lossy(&text.bytes(&self.scope))),
            Matcher::Regex(_) | Matcher::HexRegex(_) => "content (regex)".to_owned(),
            Matcher::Status(_) | Matcher::StatusRegex(_) | Matcher::Header { .. } => "response".to_owned(),
        };
        let how = if expect.negate { "matched unwanted" } else { "did not match" };
        format!("TCPCHK {how} {what} at step {}", self.step)
    }

    fn too_late(&self, expect: &Expect) -> End {
        let finding = expect.reporting.timeout.unwrap_or(Finding::L7Timeout);
        let comment = quoted(expect.reporting.comment.as_deref().or(self.comment.as_deref()));
        let info = match self.probe.style {
            Style::Tcp => {
                format!(" at step {} of tcp-check ({}){comment}", self.step, expect.describe(&self.scope))
            }
            Style::Plain | Style::Http | Style::BuiltIn => String::new(),
        };
        self.fail(finding, info)
    }

    fn met(&self, reporting: &Reporting) -> Report {
        let info = match &reporting.on_success {
            Some(format) => self.written(format),
            None => self.closing_words().to_owned(),
        };
        let status = self.scope.response.as_ref().map_or(0, |r| i64::from(r.status));
        let code = reporting.code.as_ref().and_then(|c| self.code(c)).unwrap_or(status);
        Report::new(reporting.ok.unwrap_or(Finding::L7Ok), info).with_code(code)
    }

    fn unmet(&self, reporting: &Reporting, text: String) -> End {
        self.unmet_as(reporting, Finding::L7Response, text)
    }

    fn unmet_as(&self, reporting: &Reporting, usual: Finding, text: String) -> End {
        let comment = reporting.comment.as_ref().or(self.comment.as_ref());
        let text = match (&reporting.on_error, comment) {
            (Some(format), _) => self.written(format),
            (None, Some(comment)) => format!("{text} comment: {comment}"),
            (None, None) => text,
        };
        let status = self.scope.response.as_ref().map_or(0, |r| i64::from(r.status));
        let code = reporting.code.as_ref().and_then(|c| self.code(c)).unwrap_or(status);
        End(Report::new(reporting.error.unwrap_or(usual), text).with_code(code))
    }

    fn written(&self, format: &expr::Format) -> String {
        let mut out = Vec::new();
        format.write(&self.scope, &mut out);
        lossy(&out)
    }

    fn code(&self, expr: &Expr) -> Option<i64> {
        expr.eval(&self.scope)?.to_int()
    }

    // ---- built-in protocols

    async fn talk(&mut self, protocol: &Protocol) -> Result<Report, End> {
        let (good, _, late) = protocol.findings();
        let mut report = Report::new(good, "");
        let mut turn = 0;
        while let Some(words) = protocol.say(turn) {
            self.scope.clear();
            self.send(&words).await?;
            let (code, info) = self.hear(protocol, turn, late).await?;
            // a goodbye without details keeps those of the turn before
            if !info.is_empty() || turn == 0 {
                report = Report::new(good, info).with_code(code);
            }
            turn += 1;
        }
        Ok(report)
    }

    async fn hear(&mut self, protocol: &Protocol, turn: usize, late: Finding) -> Result<(i64, String), End> {
        let (_, bad, _) = protocol.findings();
        loop {
            match protocol.read(turn, &self.scope.input) {
                Reading::Good(code, info) => return Ok((code, info)),
                Reading::Bad(finding, code, info) => {
                    return Err(End(Report::new(finding, info).with_code(code)));
                }
                Reading::More if self.scope.complete && self.scope.input.is_empty() => {
                    return Err(self.fail(bad, "TCPCHK got an empty response at step 2".into()));
                }
                Reading::More if self.scope.complete => {
                    return Err(self.fail(bad, lossy(&self.scope.input)));
                }
                Reading::More => match self.more().await {
                    Ok(()) => {}
                    Err(Some(end)) => return Err(end),
                    Err(None) => return Err(self.fail(late, String::new())),
                },
            }
        }
    }

    // ---- HTTP

    /// The request as it goes out. A `connection: close` goes with HTTP/1.1, as nothing follows.
    fn http_request(&self, send: &HttpSend) -> Vec<u8> {
        let mut out = Vec::new();
        let body = send.body.as_ref().map(|b| b.bytes(&self.scope));
        for part in [&send.method[..], b" ", &send.uri.bytes(&self.scope), b" ", &send.version, b"\r\n"] {
            out.extend_from_slice(part);
        }
        let mut field = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        for (name, value) in &send.headers {
            field(name, &value.bytes(&self.scope));
        }
        if let Some(state) = self.state_header.as_ref().filter(|_| self.probe.send_state) {
            field(b"x-haproxy-server-state", state.as_bytes());
        }
        if let Some(body) = &body {
            field(b"content-length", body.len().to_string().as_bytes());
        }
        if &*send.version == b"HTTP/1.1" {
            field(b"connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        out.extend(body.unwrap_or_default());
        out
    }

    async fn expect_http(&mut self, expect: &'p Expect) -> Result<Report, End> {
        self.read_head(expect).await?;
        let status = self.scope.response.as_ref().map_or(0, |r| r.status);
        let up = self.scope.server.health() != Health::Down;
        if self.probe.disable_on_404 && status == 404 && up {
            return Err(End(Report::new(Finding::L7OkConditionally, "").with_code(404)));
        }
        loop {
            match expect.look_at_response(&self.scope, &self.scope.body, self.scope.complete) {
                Look::Met => return Ok(self.met(&expect.reporting)),
                Look::Unmet => return Err(self.unmet_http(expect)),
                Look::More => self.read_more(expect).await?,
            }
        }
    }

    fn unmet_http(&self, expect: &Expect) -> End {
        if !expect.wants_body() {
            let reason = self.scope.response.as_ref().map_or(&b""[..], |r| r.reason());
            return self.unmet_as(&expect.reporting, Finding::L7Status, lossy(reason));
        }
        let text = match (expect.negate, self.scope.body.is_empty()) {
            (true, _) => "HTTP check matched unwanted content",
            (false, true) => "HTTP content check could not find a response body",
            (false, false) => "HTTP content check did not match",
        };
        self.unmet(&expect.reporting, text.into())
    }

    async fn read_more(&mut self, expect: &'p Expect) -> Stepped {
        match self.more().await {
            Ok(()) => {
                self.read_body();
                Ok(())
            }
            Err(Some(end)) => Err(end),
            Err(None) => Err(self.too_late(expect)),
        }
    }

    /// Reads up to the end of the head unless an earlier `expect` has.
    async fn read_head(&mut self, expect: &'p Expect) -> Stepped {
        while self.scope.response.is_none() {
            if self.scope.complete {
                return Err(self.fail(Finding::L7Response, String::new()));
            }
            match self.more().await {
                Ok(()) => self.parse_head()?,
                Err(Some(end)) => return Err(end),
                Err(None) => return Err(self.too_late(expect)),
            }
        }
        Ok(())
    }

    fn parse_head(&mut self) -> Stepped {
        let limits = h1::Limits { max_head: super::wire::INPUT_MAX, max_fields: 101, unsafe_request: false };
        loop {
            let (mut scanned, mut response) = (0, http::Response::default());
            match h1::parse_response(&self.scope.input, &mut scanned, &limits, Method::Get, &mut response) {
                Err(_) => return Err(self.fail(Finding::L7Response, String::new())),
                Ok(Parsed::Partial) => return Ok(()),
                Ok(Parsed::Complete(head)) => {
                    if (100..200).contains(&response.status) {
                        self.scope.input.drain(..head.head_len.min(self.scope.input.len()));
                        continue;
                    }
                    self.scope.response = Some(response);
                    self.framing = Some((head.head_len, head.body));
                    self.read_body();
                    return Ok(());
                }
            }
        }
    }

    /// Decodes what there is of the body; it is bounded by the input, so decoding it anew each time is cheap enough.
    fn read_body(&mut self) {
        let Some((start, framing)) = self.framing else { return };
        let mut decoder = BodyDecoder::new(framing);
        let mut rest = self.scope.input.get(start..).unwrap_or_default();
        let mut body = Vec::new();
        let mut done = decoder.is_done();
        while !done {
            let Ok(step) = decoder.step(rest) else {
                done = true;
                break;
            };
            let data = rest.get(step.consumed..step.consumed + step.data).unwrap_or_default();
            body.extend_from_slice(data);
            rest = rest.get(step.consumed + step.data..).unwrap_or_default();
            done = step.done;
            if step.consumed == 0 && step.data == 0 {
                break;
            }
        }
        self.scope.body = body;
        self.scope.complete |= done;
    }
}

impl Step {
    /// Nothing goes over the wire.
    fn is_silent(&self) -> bool {
        match self {
            Step::SetVar(..) | Step::UnsetVar(_) | Step::Comment(_) => true,
            Step::Connect(_) | Step::Send(_) | Step::HttpSend(_) | Step::Expect(_) | Step::Protocol(_) => {
                false
            }
        }
    }
}

fn quoted(comment: Option<&str>) -> String {
    comment.map_or_else(String::new, |c| format!(" comment: '{c}'"))
}

/// What the system or TLS said, without the number behind it.
fn reason(error: &WireError) -> String {
    match error {
        WireError::Tls(text) => text.clone(),
        WireError::Socket(error) => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// The state header of `http-check send-state`.
pub(super) fn state_header(
    status: &str,
    backend: &str,
    server: &Server,
    node: &str,
    shares: (u64, u32, u32),
) -> String {
    let (total_weight, sessions, queued) = shares;
    let place = match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => format!("address={ip}; port={port}; "),
        Some(Endpoint::Inet { ip, port: ServerPort::Offset(_) }) => format!("address={ip}; port=0; "),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) => "address=unix; port=0; ".to_owned(),
        None => String::new(),
    };
    let name = &server.facts.name;
    let (weight, now) = (server.weight(), server.sessions());
    format!(
        "{status}; {place}name={backend}/{name}; node={node}; weight={weight}/{total_weight}; \
         scur={now}/{sessions}; qcur={queued}"
    )
}
