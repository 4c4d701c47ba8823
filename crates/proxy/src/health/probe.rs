//! One run of a check: its steps in order, each bounded by the check's deadline. Gives a report and touches nothing
//! else; what follows from the report is `state`'s.

mod connect;
mod expect;
mod http;
mod talk;

pub(super) use self::http::state_header;

use super::finding::{Finding, Report};
use super::plan::{Check, Probe, Step, Style, VarSource};
use super::scope::CheckScope;
use super::watch::Watch;
use super::wire::{Wire, WireError};
use crate::back::wrong_name;
use crate::rules::allows;
use ::http::h1::Framing;
use expr::{Sample, Scope};
use tokio::time::{Instant, timeout_at};

/// A run in progress.
pub(super) struct Run<'p> {
    check: &'p Check,
    watch: &'p Watch,
    probe: &'p Probe,
    scope: CheckScope<'p>,
    wire: Option<Wire>,
    /// The connection speaks TLS: what it proves is layer 6.
    secured: bool,
    deadline: Instant,
    /// The step at work, counted from 1; 0 is the connection made before the first one.
    step: usize,
    comment: Option<Box<str>>,
    /// What the groups of an unwelcome match hold, the whole of it first.
    groups: Vec<Vec<u8>>,
    /// What `send-state` says.
    state_header: Option<String>,
    /// Where the response's body starts in the input, and how it is framed.
    framing: Option<(usize, Framing)>,
}

/// The run ends here.
struct End(Report);

type Stepped = Result<(), End>;

impl<'p> Run<'p> {
    pub(super) fn new(
        check: &'p Check,
        watch: &'p Watch,
        scope: CheckScope<'p>,
        state_header: Option<String>,
    ) -> Run<'p> {
        Run {
            check,
            watch,
            probe: &check.probe,
            scope,
            wire: None,
            secured: false,
            deadline: Instant::now() + check.pace.inter,
            step: 0,
            comment: None,
            groups: Vec::new(),
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
        report.info = shortened(report.info);
        report.duration = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report
    }

    async fn steps(&mut self) -> Result<Report, End> {
        let probe = self.probe;
        let first = probe.steps.iter().find(|s| !s.is_silent());
        if !matches!(first, Some(Step::Connect(_) | Step::Program(_))) {
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
                let finding = if self.secured { Finding::L6Ok } else { Finding::L4Ok };
                Ok(Some(Report::new(finding, self.closing_words())))
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
            Step::Program(program) => Ok(Some(program.run(self.scope.server, self.check.pace.inter).await)),
            Step::SetVar(id, conditions, source) => {
                // an expression without a result leaves the variable alone (manual, "set-var")
                if let Some(value) = self.value(source) {
                    let present = self.scope.var(*id);
                    if conditions.iter().all(|c| allows(*c, id.scope, present.as_ref(), &value)) {
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

    fn fail(&self, finding: Finding, info: String) -> End {
        End(Report::new(finding, info))
    }

    async fn send(&mut self, bytes: &[u8]) -> Stepped {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        match timeout_at(self.deadline, wire.send(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.unsent(&error)),
            Err(_) => Err(self.fail(Finding::L7Timeout, String::new())),
        }
    }

    /// The connection broke off at this step, which sends.
    fn unsent(&self, error: &WireError) -> End {
        let place = match self.probe.style {
            Style::Tcp => {
                let comment = quoted(self.comment.as_deref());
                format!(" at step {} of tcp-check (send){comment}", self.step)
            }
            Style::Plain | Style::Http | Style::BuiltIn => String::new(),
        };
        self.fail(Finding::SocketError, reason(error) + &place)
    }

    /// Waits for more input; no end is a time-out. The caller knows the words for both.
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
            Ok(Err(error)) => Err(Some(self.fail(Finding::SocketError, reason(&error)))),
            Err(_) => Err(None),
        }
    }
}

impl Step {
    /// Nothing goes over the wire.
    fn is_silent(&self) -> bool {
        match self {
            Step::SetVar(..) | Step::UnsetVar(_) | Step::Comment(_) => true,
            Step::Connect(_)
            | Step::Send(_)
            | Step::HttpSend(_)
            | Step::Expect(_)
            | Step::Protocol(_)
            | Step::Program(_) => false,
        }
    }
}

/// Details are no longer than HAProxy's.
fn shortened(mut info: String) -> String {
    const LONGEST: usize = 127;
    let end = (0..=LONGEST.min(info.len())).rev().find(|at| info.is_char_boundary(*at));
    info.truncate(end.unwrap_or_default());
    info
}

fn quoted(comment: Option<&str>) -> String {
    comment.map_or_else(String::new, |c| format!(" comment: '{c}'"))
}

/// What the system or TLS said, without the number behind it.
pub(super) fn reason(error: &WireError) -> String {
    match error {
        WireError::Tls(text) => format!("SSL handshake failure ({text})"),
        WireError::HandshakeCut => "SSL handshake failure".to_owned(),
        WireError::WrongName { asked } => wrong_name(*asked).1.to_owned(),
        WireError::Socket(error) => base::reason(error),
    }
}
