//! Converters that keep the value on its way: variables and captures.

use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

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
    ConverterRow::new("unset-var", SampleType::Any, SampleType::Any, unset_var, "Forgets a variable")
        .args(&[arg("var", ArgKind::Var)], 1),
];

/// The conditions of `set-var` as bits of its second argument.
const CONDITIONS: [(&str, i64); 8] = [
    ("ifexists", 1),
    ("ifnotexists", 2),
    ("ifempty", 4),
    ("ifnotempty", 8),
    ("ifset", 16),
    ("ifnotset", 32),
    ("ifgt", 64),
    ("iflt", 128),
];

fn conditions(args: &mut Args, _: &mut Env<'_>) -> Result<(), BadArg> {
    let mut bits = 0;
    for index in 1..args.len() {
        let Some(text) = args.str(index) else { continue };
        let known = CONDITIONS.iter().find(|(name, _)| name.as_bytes() == text);
        let Some((_, bit)) = known else {
            let names = CONDITIONS.map(|(name, _)| name).join(", ");
            return Err(BadArg::new(index, format!("unknown condition: there are {names}")));
        };
        bits |= bit;
    }
    args.put(1, Arg::Int(bits));
    Ok(())
}

/// Where a condition does not hold, the expression ends without value (observed on HAProxy 2.6).
fn set_var<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let (id, bits) = (args.var(0)?, args.int(1).unwrap_or(0));
    let old = if bits == 0 { None } else { scope.var(id) };
    let wanted = |(name, bit): &(&str, i64)| bits & bit == 0 || holds(name, old.as_ref(), &input);
    if !CONDITIONS.iter().all(wanted) {
        return None;
    }
    scope.set_var(id, Some(input.clone().into_owned()));
    Some(input)
}

/// A variable exists here exactly while it has a value. Comparisons need two integers; without them they hold.
fn holds(condition: &str, old: Option<&Sample<'_>>, new: &Sample<'_>) -> bool {
    let integers = match (old, new) {
        (Some(Sample::Int(old)), Sample::Int(new)) => Some((old, new)),
        _ => None,
    };
    match condition {
        "ifexists" | "ifset" => old.is_some(),
        "ifnotexists" | "ifnotset" => old.is_none(),
        "ifempty" => is_empty(new),
        "ifnotempty" => !is_empty(new),
        "ifgt" => integers.is_none_or(|(old, new)| old > new),
        "iflt" => integers.is_none_or(|(old, new)| old < new),
        _ => true,
    }
}

fn is_empty(value: &Sample<'_>) -> bool {
    match value {
        Sample::Str(text) | Sample::Bin(text) | Sample::Method(text) => text.is_empty(),
        Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => false,
    }
}

fn unset_var<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    scope.set_var(args.var(0)?, None);
    Some(input)
}
