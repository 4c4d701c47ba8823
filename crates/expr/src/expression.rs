//! Sample expressions: a fetch and the converters behind it (manual section 7.3).

use crate::args::Args;
use crate::arguments::{self, Callee};
use crate::cast::can_cast;
use crate::compile::Env;
use crate::reader::Reader;
use crate::rows::{self, ConverterRow, FetchRow, Fetched, NotYet, Status};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use crate::stage::Stage;
use base::{Span, Word, suggest};

/// A compiled expression.
#[derive(Clone)]
pub struct Expr {
    pub(crate) fetch: &'static FetchRow,
    pub(crate) args: Args,
    converters: Vec<Step>,
    output: SampleType,
    /// Where the fetch's name stands.
    pub(crate) span: Span,
}

/// One converter and its arguments.
#[derive(Clone)]
pub(crate) struct Step {
    row: &'static ConverterRow,
    args: Args,
}

impl Expr {
    /// The value, as far as it is known now.
    pub fn eval<'a>(&'a self, scope: &'a dyn Scope) -> Option<Sample<'a>> {
        match self.try_eval(scope) {
            Ok(value) => value,
            Err(not_yet) => not_yet.now,
        }
    }

    /// The value; an error where bytes are missing that may still change it.
    pub fn try_eval<'a>(&'a self, scope: &'a dyn Scope) -> Fetched<'a> {
        match (self.fetch.eval)(&self.args, scope) {
            Ok(value) => Ok(value.and_then(|v| self.convert(v, scope))),
            Err(NotYet { now }) => Err(NotYet { now: now.and_then(|v| self.convert(v, scope)) }),
        }
    }

    /// The type of its value; `Any` where only the value knows.
    pub fn output(&self) -> SampleType {
        self.output
    }

    /// Whether anything stands behind the fetch.
    pub(crate) fn has_converters(&self) -> bool {
        !self.converters.is_empty()
    }

    /// Applies the converters.
    pub(crate) fn convert<'a>(&'a self, mut value: Sample<'a>, scope: &'a dyn Scope) -> Option<Sample<'a>> {
        for step in &self.converters {
            value = (step.row.eval)(value.cast(step.row.input)?, &step.args, scope)?;
        }
        Some(value)
    }
}

/// All words are the expression.
pub(crate) fn compile(env: &mut Env<'_>, words: &[Word], stage: Stage) -> Option<Expr> {
    if words.is_empty() {
        env.diags.alert(None, "missing fetch method");
        return None;
    }
    let mut reader = Reader::new(words);
    let expr = parse(env, &mut reader, Continue::NextWords)?;
    if !reader.done() {
        env.diags.alert(reader.span_here(), format!("unexpected '{}' behind the expression", reader.rest()));
        return None;
    }
    stage_allows(env, &expr, stage).then_some(expr)
}

/// Complains where the data cannot exist at `stage`.
pub(crate) fn stage_allows(env: &mut Env<'_>, expr: &Expr, stage: Stage) -> bool {
    let allowed = expr.fetch.needs.met_at(stage);
    if !allowed {
        let message = format!(
            "sample fetch <{}> may not be reliably used here because it needs '{}' which is not available here",
            expr.fetch.name,
            expr.fetch.needs.what()
        );
        env.diags.alert(expr.span, message);
    }
    allowed
}

/// Whether converters may follow in words of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continue {
    /// `src ipmask(24)`
    NextWords,
    /// In ACLs and log formats the next word is something else.
    ThisWord,
}

/// Reads an expression and leaves the reader behind it.
pub(crate) fn parse(env: &mut Env<'_>, reader: &mut Reader<'_>, more: Continue) -> Option<Expr> {
    let start = reader.at();
    let name = reader.name();
    let span = reader.span(start, (start + name.len()).max(start + 1));
    let row = fetch_named(env, name, span)?;
    fetched(env, reader, row, span, more)
}

/// Reads what stands behind a fetch's name.
pub(crate) fn fetched(
    env: &mut Env<'_>,
    reader: &mut Reader<'_>,
    fetch: &'static FetchRow,
    span: Span,
    more: Continue,
) -> Option<Expr> {
    heed(env, "fetch method", fetch.name, fetch.status, span)?;
    env.asks_server_certificates |= fetch.name.starts_with("ssl_s_");
    env.asks_client_chains |= fetch.name == "ssl_c_chain_der";
    let callee = Callee::fetch(fetch, span);
    env.reads_request_bodies |= fetch.name.starts_with("req.body");
    let args = arguments::read(env, reader, &callee)?;
    let mut expr = Expr { fetch, args, converters: Vec::new(), output: fetch.output, span };
    while let Some((name, span)) = next_converter(reader, more) {
        let step = converter(env, reader, name, span, &mut expr.output)?;
        expr.converters.push(step);
    }
    Some(expr)
}

fn fetch_named(env: &mut Env<'_>, name: &str, span: Span) -> Option<&'static FetchRow> {
    if name.is_empty() {
        env.diags.alert(span, "missing fetch method");
        return None;
    }
    let row = rows::fetch(name);
    if row.is_none() {
        let diag = env.diags.alert(span, format!("unknown fetch method '{name}'"));
        if let Some(known) = rows::acl_keywords().map(|k| k.name).find(|n| n == name) {
            diag.help(format!(
                "'{known}' is an ACL keyword; as an expression write the fetch and a converter"
            ));
        } else if let Some(near) = suggest::nearest(name, rows::fetches().map(|r| r.name)) {
            diag.help(format!("did you mean '{near}'?"));
        }
    }
    row
}

/// The name of the converter that follows, if one does, and its place.
fn next_converter<'w>(reader: &mut Reader<'w>, more: Continue) -> Option<(&'w str, Span)> {
    let mut comma = false;
    while reader.skip(",") {
        comma = true;
    }
    if reader.word_done() && more == Continue::NextWords && reader.next_word() {
        comma = true;
    }
    if !comma || reader.word_done() && more == Continue::ThisWord {
        return None;
    }
    let start = reader.at();
    let name = reader.name();
    Some((name, reader.span(start, start + name.len().max(1))))
}

fn converter(
    env: &mut Env<'_>,
    reader: &mut Reader<'_>,
    name: &str,
    span: Span,
    output: &mut SampleType,
) -> Option<Step> {
    let Some(row) = rows::converter(name) else {
        let diag = env.diags.alert(span, format!("unknown converter '{name}'"));
        if let Some(near) = suggest::nearest(name, rows::converters().map(|r| r.name)) {
            diag.help(format!("did you mean '{near}'?"));
        }
        return None;
    };
    heed(env, "converter", name, row.status, span)?;
    let callee = Callee::converter(row, span);
    let args = arguments::read(env, reader, &callee)?;
    if !can_cast(*output, row.input) {
        let diag = env.diags.alert(span, format!("converter '{name}' cannot be applied"));
        diag.help(format!("it takes {}, what stands before it yields {}", row.input.name(), output.name()));
        return None;
    }
    *output = match (row.input, row.output) {
        (SampleType::Any, SampleType::Any) => *output,
        (_, output) => output,
    };
    Some(Step { row, args })
}

/// Says what a row's status asks to say; `None` where it forbids the word.
fn heed(env: &mut Env<'_>, what: &str, name: &str, status: Status, span: Span) -> Option<()> {
    match status {
        Status::Supported => Some(()),
        Status::NoEffect(instead) => {
            env.diags.warning(span, format!("{what} '{name}' : {instead}"));
            Some(())
        }
        Status::Refused(why) => {
            env.diags.alert(span, format!("{what} '{name}' is not supported")).help(why);
            None
        }
    }
}
