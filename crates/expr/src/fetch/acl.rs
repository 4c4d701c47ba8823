//! `acl(NAME,...)`: named ACLs inside an expression.

use super::bool_row;
use crate::Verdict;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::condition;
use crate::rows::{ArgKind, ArgRow, FetchRow, Fetched, Needs, NotYet, arg};
use crate::sample::Sample;
use crate::scope::Scope;

const NAME: ArgRow = arg("name", ArgKind::Str);

/// HAProxy's own bound is twelve.
static NAMES: &[ArgRow] = &[NAME; 12];

pub(super) static ROWS: &[FetchRow] = &[bool_row(
    "acl",
    Needs::Nothing,
    holds,
    "True where all named ACLs match; '!' before a name turns it around",
)
.args(NAMES, 1)
.prepare(names)];

/// The condition takes the place of the names.
fn names(args: &mut Args, env: &mut Env<'_>) -> Result<(), BadArg> {
    let names: Vec<String> = (0..args.len())
        .filter_map(|index| args.str(index))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let condition = condition::all_of(env, &names)
        .map_err(|index| BadArg::new(index, format!("no such ACL : '{}'", names[index])))?;
    *args = Args::new(vec![Arg::Condition(Box::new(condition))]);
    Ok(())
}

fn holds<'a>(args: &'a Args, scope: &'a dyn Scope) -> Fetched<'a> {
    let Arg::Condition(condition) = args.at(0) else { return Ok(None) };
    match condition.eval(scope) {
        Verdict::True => Ok(Some(Sample::Bool(true))),
        Verdict::False => Ok(Some(Sample::Bool(false))),
        Verdict::NotYet => Err(NotYet { now: Some(Sample::Bool(false)) }),
    }
}
