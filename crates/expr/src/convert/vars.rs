//! Converters that keep the value on its way: variables and captures.

use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::VarScope;
use crate::scope::{Direction, Scope};

pub(super) static ROWS: &[ConverterRow] = &[
    ConverterRow::new("set-var", SampleType::Any, SampleType::Any, set_var, "Keeps the value in a variable")
        .args(
            &[
                arg("var", ArgKind::Var),
                arg("cond", ArgKind::Str),
                arg("cond", ArgKind::Str),
                arg("cond", ArgKind::Str),
                arg("cond", ArgKind::Str),
            ],
            1,
        )
        .prepare(conditions),
    ConverterRow::new(
        "capture-req",
        SampleType::Str,
        SampleType::Str,
        |input, args, scope| capture(input, args, scope, Direction::Request),
        "Keeps the value in a capture slot of the request",
    )
    .args(&[arg("id", ArgKind::Int)], 1),
    ConverterRow::new(
        "capture-res",
        SampleType::Str,
        SampleType::Str,
        |input, args, scope| capture(input, args, scope, Direction::Response),
        "Keeps the value in a capture slot of the response",
    )
    .args(&[arg("id", ArgKind::Int)], 1),
    ConverterRow::new("unset-var", SampleType::Any, SampleType::Any, unset_var, "Forgets a variable")
        .args(&[arg("var", ArgKind::Var)], 1),
];

/// A condition of `set-var`.
#[derive(Clone, Copy)]
enum When {
    Exists,
    NotExists,
    Empty,
    NotEmpty,
    Set,
    NotSet,
    Greater,
    Less,
}

/// A prepare step leaves those asked for as bits of the second argument, the first here being the lowest.
const CONDITIONS: [(&str, When); 8] = [
    ("ifexists", When::Exists),
    ("ifnotexists", When::NotExists),
    ("ifempty", When::Empty),
    ("ifnotempty", When::NotEmpty),
    ("ifset", When::Set),
    ("ifnotset", When::NotSet),
    ("ifgt", When::Greater),
    ("iflt", When::Less),
];

fn conditions(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let mut bits = 0;
    for index in 1..args.len() {
        let Some(text) = args.str(index) else { continue };
        let Some(known) = CONDITIONS.iter().position(|(name, _)| name.as_bytes() == text) else {
            let names = CONDITIONS.map(|(name, _)| name).join(", ");
            return Err(BadArg::new(index, format!("unknown condition: there are {names}")));
        };
        bits |= 1 << known;
    }
    args.put(1, Arg::Int(bits));
    Ok(())
}

/// Where a condition does not hold, the expression ends without value (observed on HAProxy 2.6).
fn set_var<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let (id, bits) = (args.var(0)?, args.int(1).unwrap_or(0));
    let old = if bits == 0 { None } else { scope.var(id) };
    let exists = old.is_some() || id.scope == VarScope::Proc;
    let mut asked = CONDITIONS.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
    if !asked.all(|(_, (_, when))| when.holds(exists, old.as_ref(), &input)) {
        return None;
    }
    scope.set_var(id, Some(input.clone().into_owned()));
    Some(input)
}

impl When {
    /// A variable exists here while it has a value, a process-wide one always. Comparisons need two integers; without
    /// them they hold.
    fn holds(self, exists: bool, old: Option<&Sample<'_>>, new: &Sample<'_>) -> bool {
        match self {
            When::Exists => exists,
            When::NotExists => !exists,
            When::Set => old.is_some(),
            When::NotSet => old.is_none(),
            When::Empty => is_empty(new),
            When::NotEmpty => !is_empty(new),
            When::Greater => integers(old, new).is_none_or(|(old, new)| old > new),
            When::Less => integers(old, new).is_none_or(|(old, new)| old < new),
        }
    }
}

fn integers(old: Option<&Sample<'_>>, new: &Sample<'_>) -> Option<(i64, i64)> {
    let (Some(Sample::Int(old)), Sample::Int(new)) = (old, new) else { return None };
    Some((*old, *new))
}

fn is_empty(value: &Sample<'_>) -> bool {
    match value {
        Sample::Str(text) | Sample::Bin(text) | Sample::Method(text) => text.is_empty(),
        Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => false,
    }
}

fn capture<'a>(input: Sample<'a>, args: &Args, scope: &dyn Scope, of: Direction) -> Option<Sample<'a>> {
    if let (Some(slot), Sample::Str(text)) = (args.int(0).and_then(|id| usize::try_from(id).ok()), &input) {
        scope.capture(of, slot, text);
    }
    Some(input)
}

fn unset_var<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    scope.set_var(args.var(0)?, None);
    Some(input)
}
