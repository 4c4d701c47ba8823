//! Sample expressions: a fetch and the converters behind it.

use crate::args::Args;
use crate::compile::Env;
use crate::rows::{ConverterRow, FetchRow, NotYet};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;
use crate::stage::Stage;
use base::Word;

/// A compiled expression.
#[derive(Clone)]
pub struct Expr {
    pub(crate) fetch: &'static FetchRow,
    pub(crate) args: Args,
    pub(crate) converters: Vec<Step>,
    pub(crate) output: SampleType,
}

/// One converter and its arguments.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) row: &'static ConverterRow,
    pub(crate) args: Args,
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
    pub fn try_eval<'a>(&'a self, scope: &'a dyn Scope) -> Result<Option<Sample<'a>>, NotYet<'a>> {
        match (self.fetch.eval)(&self.args, scope) {
            Ok(value) => Ok(value.and_then(|v| self.convert(v, scope))),
            Err(NotYet { now }) => Err(NotYet { now: now.and_then(|v| self.convert(v, scope)) }),
        }
    }

    /// The type of its value.
    pub fn output(&self) -> SampleType {
        self.output
    }

    pub(crate) fn convert<'a>(&'a self, mut value: Sample<'a>, scope: &'a dyn Scope) -> Option<Sample<'a>> {
        for step in &self.converters {
            value = (step.row.eval)(value.cast(step.row.input)?, &step.args, scope)?;
        }
        Some(value)
    }
}

pub(crate) fn compile(env: &mut Env<'_>, words: &[Word], _stage: Stage) -> Option<Expr> {
    let first = words.first()?;
    let Some(fetch) = crate::rows::fetch(first.as_str()) else {
        env.diags.alert(first.span, format!("unknown fetch method '{first}'"));
        return None;
    };
    Some(Expr { fetch, args: Args::default(), converters: Vec::new(), output: fetch.output })
}
