//! Arithmetic, bit and truth converters on 64-bit signed integers. Results saturate instead of wrapping, as observed
//! on HAProxy 2.6; dividing by zero yields the largest integer (manual section 7.3.1).

use crate::args::Args;
use crate::rows::{ArgKind, ArgRow, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

static VALUE: &[ArgRow] = &[arg("value", ArgKind::IntOrVar)];

pub(super) static ROWS: &[ConverterRow] = &[
    int("add", add, "Adds the value").args(VALUE, 1),
    int("and", and, "Bitwise and with the value").args(VALUE, 1),
    truth("bool", is_set, "True unless zero"),
    int("cpl", cpl, "Flips all bits"),
    int("div", div, "Divides by the value; by 0: the largest integer").args(VALUE, 1),
    truth("even", even, "True for even integers"),
    int("mod", modulo, "The remainder of a division by the value; by 0: 0").args(VALUE, 1),
    int("mul", mul, "Multiplies with the value").args(VALUE, 1),
    int("neg", neg, "Changes the sign"),
    truth("not", not, "True for zero"),
    truth("odd", odd, "True for odd integers"),
    int("or", or, "Bitwise or with the value").args(VALUE, 1),
    int("sub", sub, "Subtracts the value").args(VALUE, 1),
    int("xor", xor, "Bitwise exclusive or with the value").args(VALUE, 1),
];

const fn int(name: &'static str, eval: crate::rows::ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Int, SampleType::Int, eval, doc)
}

const fn truth(name: &'static str, eval: crate::rows::ConvertFn, doc: &'static str) -> ConverterRow {
    ConverterRow::new(name, SampleType::Int, SampleType::Bool, eval, doc)
}

fn value(input: &Sample<'_>) -> Option<i64> {
    match input {
        Sample::Int(i) => Some(*i),
        Sample::Bool(_) | Sample::Ip(_) | Sample::Str(_) | Sample::Bin(_) | Sample::Method(_) => None,
    }
}

fn with<'a>(
    input: &Sample<'a>,
    args: &Args,
    scope: &dyn Scope,
    operation: fn(i64, i64) -> i64,
) -> Option<Sample<'a>> {
    Some(Sample::Int(operation(value(input)?, args.int_or_var(0, scope)?)))
}

fn add<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, i64::saturating_add)
}

fn sub<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, i64::saturating_sub)
}

fn mul<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, i64::saturating_mul)
}

fn div<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, |a, b| a.checked_div(b).unwrap_or(i64::MAX))
}

fn modulo<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, |a, b| a.checked_rem(b).unwrap_or(0))
}

fn and<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, |a, b| a & b)
}

fn or<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, |a, b| a | b)
}

fn xor<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    with(&input, args, scope, |a, b| a ^ b)
}

fn neg<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Int(value(&input)?.saturating_neg()))
}

fn cpl<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Int(!value(&input)?))
}

fn is_set<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Bool(value(&input)? != 0))
}

fn not<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Bool(value(&input)? == 0))
}

fn odd<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Bool(value(&input)? & 1 == 1))
}

fn even<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    Some(Sample::Bool(value(&input)? & 1 == 0))
}
