//! Complaints: collected while a file is read, printed together at the end, in HAProxy's shape and with the line
//! they are about. Printing is the caller's; this only writes into a string.

use crate::raw;
use crate::span::{Sources, Span};
use std::fmt::Write as _;

/// How bad it is. The names and their order are HAProxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Shown only with `-dD`.
    Diag,
    /// Worth knowing.
    Notice,
    /// Loads, but not as the author may think. Fatal under `zero-warning` and `-dW`.
    Warning,
    /// The configuration does not load.
    Alert,
}

impl Severity {
    fn label(self) -> &'static str {
        match self {
            Severity::Diag => "[DIAG]    ",
            Severity::Notice => "[NOTICE]  ",
            Severity::Warning => "[WARNING] ",
            Severity::Alert => "[ALERT]   ",
        }
    }
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Where; `None` for the load as a whole.
    pub span: Option<Span>,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do about it, or the modern line; printed under the caret.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Adds the remedy.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }
}

/// All complaints of one load, in the order they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The configuration cannot be used.
    pub fn alert(&mut self, at: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Alert, at.into(), message.into())
    }

    /// It can be used, but something is not as written.
    pub fn warning(&mut self, at: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Warning, at.into(), message.into())
    }

    /// Worth knowing.
    pub fn notice(&mut self, at: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Notice, at.into(), message.into())
    }

    /// Only with `-dD`.
    pub fn diag(&mut self, at: impl Into<Option<Span>>, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Severity::Diag, at.into(), message.into())
    }

    /// A complaint about a place is made once, though many proxies may share what is written in their `defaults`.
    fn push(&mut self, severity: Severity, span: Option<Span>, message: String) -> &mut Diagnostic {
        let same = |d: &Diagnostic| {
            span.is_some() && d.span == span && d.severity == severity && d.message == message
        };
        let index = self.list.iter().position(same).unwrap_or(self.list.len());
        if index == self.list.len() {
            self.list.push(Diagnostic { severity, span, message, help: None });
        }
        &mut self.list[index]
    }

    /// Takes over another collection's complaints.
    pub fn append(&mut self, mut other: Diagnostics) {
        self.list.append(&mut other.list);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Whether any of them forbids the start.
    pub fn has_alerts(&self) -> bool {
        self.worst() == Some(Severity::Alert)
    }

    /// The worst severity seen.
    pub fn worst(&self) -> Option<Severity> {
        self.list.iter().map(|d| d.severity).max()
    }

    /// Reading order: by file and line, those without a place last; stable otherwise.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| d.span.map_or((1, Default::default(), 0), |s| (0, s.file, s.line)));
    }

    /// Everything at or above `least`, one block a complaint:
    /// `[ALERT]    (pid) : config : parsing [file:line] : message`, the line, a caret, the remedy.
    pub fn render(&self, sources: &Sources, pid: u32, least: Severity) -> String {
        let mut out = String::new();
        for d in self.list.iter().filter(|d| d.severity >= least) {
            render_one(&mut out, d, sources, pid);
        }
        raw::spelled(&out).into_owned()
    }
}

fn render_one(out: &mut String, d: &Diagnostic, sources: &Sources, pid: u32) {
    let _ = write!(out, "{} ({pid}) : config : ", d.severity.label());
    match d.span {
        Some(s) if s.line > 0 => {
            let _ = writeln!(out, "parsing [{}:{}] : {}", sources.name(s.file), s.line, d.message);
            if let Some(line) = sources.line(s.file, s.line) {
                render_line(out, &line, s);
            }
        }
        Some(s) => {
            let _ = writeln!(out, "[{}] : {}", sources.name(s.file), d.message);
        }
        None => {
            let _ = writeln!(out, "{}", d.message);
        }
    }
    if let Some(help) = &d.help {
        let _ = writeln!(out, "    = {help}");
    }
}

/// The longest part of a line that is shown; beyond it a terminal shows nothing but noise.
const SHOWN: usize = 160;

fn render_line(out: &mut String, line: &str, span: Span) {
    let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let shown: String = clean.chars().take(SHOWN).collect();
    let _ = writeln!(out, "    | {}", shown.trim_end());
    let start = column(line, span.start);
    let end = column(line, span.end).max(start + 1);
    if start < SHOWN {
        let _ = writeln!(out, "    | {}{}", " ".repeat(start), "^".repeat(end.min(SHOWN) - start));
    }
}

/// Byte offset to character offset, safe inside a character and past the end.
fn column(line: &str, byte: u32) -> usize {
    let byte = byte as usize;
    line.char_indices().take_while(|(i, _)| *i < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_the_line_and_points_at_the_word() {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", "global\n\tmaxcon 10\n");
        let mut diags = Diagnostics::default();
        let span = Span { file, line: 2, start: 1, end: 7 };
        diags.alert(span, "unknown keyword 'maxcon'").help("did you mean 'maxconn'?");
        assert_eq!(
            diags.render(&sources, 7, Severity::Warning),
            "[ALERT]    (7) : config : parsing [a.cfg:2] : unknown keyword 'maxcon'\n    |  maxcon 10\n    |  ^^^^^^\n    = did you mean 'maxconn'?\n"
        );
    }

    #[test]
    fn a_complaint_about_a_place_is_made_once() {
        let mut diags = Diagnostics::default();
        let at = |line| Span { line, ..Span::default() };
        for _ in 0..3 {
            diags.alert(at(1), "a").help("b");
            diags.warning(at(1), "a");
            diags.alert(at(2), "a");
            diags.alert(None, "c");
        }
        assert_eq!(diags.iter().count(), 6);
    }

    #[test]
    fn reading_order_puts_placeless_complaints_last() {
        let mut diags = Diagnostics::default();
        diags.alert(None, "c");
        diags.alert(Span { line: 9, ..Span::default() }, "b");
        diags.alert(Span { line: 2, ..Span::default() }, "a");
        diags.sort();
        let order: Vec<_> = diags.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
    }
}
