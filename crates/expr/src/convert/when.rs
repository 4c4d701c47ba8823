//! `when(CONDITION)`: lets a value pass where the stream went as the condition says, so that logs grow only where there is
//! something to see.

use crate::Verdict;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::condition;
use crate::fact::{Fact, ProcessFact, StreamFact};
use crate::rows::{ArgKind, ConverterRow, arg};
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[ConverterRow] = &[ConverterRow::new(
    "when",
    SampleType::Any,
    SampleType::Any,
    when,
    "The value where the condition holds",
)
.args(&[arg("condition", ArgKind::Str), arg("acl", ArgKind::Str)], 1)
.prepare(read)];

/// Conditions by their names; [`holds`] knows them by their place.
const CONDITIONS: [&str; 7] = ["acl", "error", "forwarded", "normal", "processed", "stopping", "toapplet"];

/// The condition's place and whether `!` turns it around; for `acl` the ACL takes the place of its name.
fn read(args: &mut Args, env: &mut Env<'_>) -> Result<(), BadArg> {
    let written = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let name = written.trim_start_matches('!');
    let Some(known) = CONDITIONS.iter().position(|condition| *condition == name) else {
        return Err(BadArg::new(0, format!("unknown condition: there are {}", CONDITIONS.join(", "))));
    };
    if known == 0 {
        let acl = String::from_utf8_lossy(args.str(1).unwrap_or_default()).into_owned();
        let missing = |_| BadArg::new(1, format!("no such ACL : '{acl}'"));
        let condition = condition::all_of(env, std::slice::from_ref(&acl)).map_err(missing)?;
        args.put(1, Arg::Condition(Box::new(condition)));
    }
    let negated = (written.len() - name.len()) % 2 == 1;
    args.put(0, Arg::Int(known as i64 * 2 + i64::from(negated)));
    Ok(())
}

fn when<'a>(input: Sample<'a>, args: &'a Args, scope: &'a dyn Scope) -> Option<Sample<'a>> {
    let code = args.int(0)?;
    let holds = holds(code / 2, args, scope) != (code % 2 == 1);
    holds.then_some(input)
}

fn holds(condition: i64, args: &Args, scope: &dyn Scope) -> bool {
    let is = |fact| scope.fact(&fact) == Some(Sample::Bool(true));
    let error = || is(Fact::Stream(StreamFact::IsError));
    let forwarded = || is(Fact::Stream(StreamFact::Forwarded));
    let applet = || is(Fact::Stream(StreamFact::ToApplet));
    match condition {
        0 => matches!(args.at(1), Arg::Condition(acl) if acl.eval(scope) == Verdict::True),
        1 => error(),
        2 => forwarded(),
        3 => !error(),
        4 => forwarded() || applet(),
        5 => is(Fact::Process(ProcessFact::Stopping)),
        _ => applet(),
    }
}
