//! `set-var`, `set-var-fmt` and `unset-var` in rules and checks: the name between the brackets and its conditions.

use super::params::text;
use crate::args::{Args, list_of};
use crate::failure::Failure;
use crate::model::{FormatText, VarCondition, VarValue};
use base::Word;

/// Where a variable lives (manual 2.8 and "http-request set-var").
const SCOPES: [&str; 6] = ["proc", "sess", "txn", "req", "res", "check"];

const CONDITIONS: &[(&str, VarCondition)] = &[
    ("ifexists", VarCondition::IfExists),
    ("ifnotexists", VarCondition::IfNotExists),
    ("ifempty", VarCondition::IfEmpty),
    ("ifnotempty", VarCondition::IfNotEmpty),
    ("ifset", VarCondition::IfSet),
    ("ifnotset", VarCondition::IfNotSet),
    ("ifgt", VarCondition::IfGreater),
    ("iflt", VarCondition::IfLess),
];

/// What a `set-var` says.
pub(crate) struct Assignment {
    /// `SCOPE.NAME`
    pub(crate) name: Word,
    /// All of them must hold; mostly none.
    pub(crate) conditions: Vec<VarCondition>,
    /// The expression or format.
    pub(crate) value: VarValue,
}

/// `set-var(NAME[,COND…]) EXPR` and `set-var-fmt(NAME[,COND…]) FORMAT`; the action is the keyword's last word.
pub(crate) fn assignment(args: &mut Args<'_>) -> Result<Assignment, Failure> {
    let inner = args.call()?;
    let mut parts = list_of(&inner).into_iter();
    let name = variable(args, parts.next().unwrap_or(Word { text: String::new(), ..inner }))?;
    let conditions =
        parts.map(|c| args.choice_of(&c, "a condition", CONDITIONS)).collect::<Result<_, Failure>>()?;
    let value = if args.name().contains("set-var-fmt") {
        VarValue::Format(FormatText(text(args, "a format string")?))
    } else {
        VarValue::Expr(args.expr(&["if", "unless"])?)
    };
    Ok(Assignment { name, conditions, value })
}

/// `unset-var(NAME)`
pub(crate) fn forgotten(args: &Args<'_>) -> Result<Word, Failure> {
    let inner = args.call()?;
    variable(args, inner)
}

fn variable(args: &Args<'_>, word: Word) -> Result<Word, Failure> {
    let (scope, name) = word.text.split_once('.').unwrap_or((&word.text, ""));
    let wrong = |help: String| args.bad(&word, "a variable name").help(help);
    if !SCOPES.contains(&scope) || name.is_empty() {
        return Err(wrong(format!("it starts with its scope and a dot, one of {}", SCOPES.join(", ")))
            .nearest(scope, SCOPES.into_iter().filter(|_| !name.is_empty())));
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_' && *c != '.') {
        Some(c) => Err(wrong(format!("'{c}' is not allowed: letters, digits, '_' and '.' are"))),
        None => Ok(word),
    }
}
