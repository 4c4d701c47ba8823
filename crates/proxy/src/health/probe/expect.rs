//! `expect` on raw bytes: waiting until it is met or cannot be, and how that is worded.

use super::{End, Run, quoted};
use crate::health::expect::{Expect, Look, Matcher};
use crate::health::finding::{Finding, Report};
use crate::health::plan::{Reporting, Style};
use crate::health::protocols::lossy;
use expr::Expr;

impl<'p> Run<'p> {
    pub(super) async fn expect(&mut self, expect: &'p Expect) -> Result<Report, End> {
        loop {
            let bytes = &self.scope.input;
            if self.scope.complete && bytes.is_empty() {
                return Err(self.nothing_came(expect));
            }
            let look = if bytes.is_empty() {
                Look::More
            } else {
                expect.look(&self.scope, bytes, self.scope.complete)
            };
            match look {
                Look::Met => return Ok(self.met(&expect.reporting)),
                Look::Unmet => {
                    self.groups = expect.groups(&self.scope.input);
                    return Err(self.unmet(&expect.reporting, self.mismatch(expect)));
                }
                Look::More => match self.more().await {
                    Ok(()) => {}
                    Err(Some(End(mut broken))) => {
                        broken.info.push_str(&self.place(expect));
                        return Err(End(broken));
                    }
                    Err(None) => return Err(self.too_late(expect)),
                },
            }
        }
    }

    /// `on-error` has no say in it, as with HAProxy.
    fn nothing_came(&self, expect: &Expect) -> End {
        let reporting = &expect.reporting;
        let comment = quoted(reporting.comment.as_deref().or(self.comment.as_deref()));
        let text = format!("TCPCHK got an empty response at step {}{comment}", self.step);
        self.fail(reporting.error.unwrap_or(Finding::L7Response), text)
    }

    fn mismatch(&self, expect: &Expect) -> String {
        let what = match &expect.matcher {
            Matcher::Bytes { word: "binary", .. } => "content (binary)".to_owned(),
            Matcher::Bytes { text, .. } => format!("content '{}'", lossy(&text.bytes(&self.scope))),
            Matcher::Regex(_) | Matcher::HexRegex(_) => "content (regex)".to_owned(),
            Matcher::Status(_) | Matcher::StatusRegex(_) | Matcher::Header { .. } => "response".to_owned(),
        };
        let how = if expect.negate { "matched unwanted" } else { "did not match" };
        format!("TCPCHK {how} {what} at step {}", self.step)
    }

    pub(super) fn too_late(&self, expect: &Expect) -> End {
        let finding = expect.reporting.timeout.unwrap_or(Finding::L7Timeout);
        self.fail(finding, self.place(expect))
    }

    /// Where a script stands, for what no `expect` describes.
    fn place(&self, expect: &Expect) -> String {
        let comment = quoted(expect.reporting.comment.as_deref().or(self.comment.as_deref()));
        match self.probe.style {
            Style::Tcp => {
                format!(" at step {} of tcp-check ({}){comment}", self.step, expect.describe(&self.scope))
            }
            Style::Plain | Style::Http | Style::BuiltIn => String::new(),
        }
    }

    pub(super) fn met(&self, reporting: &Reporting) -> Report {
        let info = match &reporting.on_success {
            Some(format) => self.written(format),
            None => self.closing_words().to_owned(),
        };
        let status = self.scope.response.as_ref().map_or(0, |r| i64::from(r.status));
        let code = reporting.code.as_ref().and_then(|c| self.code(c)).unwrap_or(status);
        Report::new(reporting.ok.unwrap_or(Finding::L7Ok), info).with_code(code)
    }

    pub(super) fn unmet(&self, reporting: &Reporting, text: String) -> End {
        self.unmet_as(reporting, Finding::L7Response, text)
    }

    pub(super) fn unmet_as(&self, reporting: &Reporting, usual: Finding, text: String) -> End {
        let text = self.worded(reporting, text);
        let status = self.scope.response.as_ref().map_or(0, |r| i64::from(r.status));
        let code = reporting.code.as_ref().and_then(|c| self.code(c)).unwrap_or(status);
        End(Report::new(reporting.error.unwrap_or(usual), text).with_code(code))
    }

    /// What `on-error` makes of a text, or else a comment adds to it.
    pub(super) fn worded(&self, reporting: &Reporting, text: String) -> String {
        let comment = reporting.comment.as_ref().or(self.comment.as_ref());
        match (&reporting.on_error, comment) {
            (Some(format), _) => self.written(format),
            (None, Some(comment)) => format!("{text} comment: {}", self.filled_in(comment)),
            (None, None) => text,
        }
    }

    /// A comment with `\\1` and its like replaced by what the groups of the expression hold, where one matched.
    fn filled_in(&self, comment: &str) -> String {
        let mut parts = comment.split('\\');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let group = part.chars().next().and_then(|c| c.to_digit(10));
            match group.filter(|_| !self.groups.is_empty()) {
                Some(number) => {
                    out += &self.groups.get(number as usize).map_or_else(String::new, |g| lossy(g));
                    out += part.get(1..).unwrap_or_default();
                }
                None => out = out + "\\" + part,
            }
        }
        out
    }

    fn written(&self, format: &expr::Format) -> String {
        let mut out = Vec::new();
        format.write(&self.scope, &mut out);
        lossy(&out)
    }

    fn code(&self, expr: &Expr) -> Option<i64> {
        expr.eval(&self.scope)?.to_int()
    }
}
