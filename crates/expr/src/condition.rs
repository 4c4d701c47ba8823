//! Conditions: named, predefined and anonymous ACLs joined by and, or and not (manual section 7.2).

use crate::acl::{self, Test};
use crate::compile::Env;
use crate::scope::Scope;
use crate::stage::Stage;
use base::{Span, Word, suggest};
use std::sync::Arc;

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Bytes are missing that decide it.
    NotYet,
}

impl Verdict {
    pub(crate) fn of(holds: bool) -> Verdict {
        if holds { Verdict::True } else { Verdict::False }
    }

    /// A hit stands even if more bytes come; no hit may become one.
    pub(crate) fn so_far(hit: bool) -> Verdict {
        if hit { Verdict::True } else { Verdict::NotYet }
    }

    fn negated_if(self, negate: bool) -> Verdict {
        match (self, negate) {
            (Verdict::True, true) => Verdict::False,
            (Verdict::False, true) => Verdict::True,
            (verdict, _) => verdict,
        }
    }
}

/// A compiled condition: alternatives, each a list of ACLs that must all hold.
#[derive(Clone)]
pub struct Condition {
    unless: bool,
    alternatives: Vec<Vec<Term>>,
}

#[derive(Clone)]
struct Term {
    negated: bool,
    tests: Box<[Arc<Test>]>,
}

impl Condition {
    /// What it says now.
    pub fn eval(&self, scope: &dyn Scope) -> Verdict {
        let mut sum = Verdict::False;
        for all in &self.alternatives {
            match every(all, scope) {
                Verdict::True => return Verdict::True.negated_if(self.unless),
                Verdict::NotYet => sum = Verdict::NotYet,
                Verdict::False => {}
            }
        }
        sum.negated_if(self.unless)
    }

    /// Whether it holds; where bytes are missing, it does not.
    pub fn holds(&self, scope: &dyn Scope) -> bool {
        self.eval(scope) == Verdict::True
    }
}

fn every(terms: &[Term], scope: &dyn Scope) -> Verdict {
    let mut sum = Verdict::True;
    for term in terms {
        match any(&term.tests, scope).negated_if(term.negated) {
            Verdict::False => return Verdict::False,
            Verdict::NotYet => sum = Verdict::NotYet,
            Verdict::True => {}
        }
    }
    sum
}

fn any(tests: &[Arc<Test>], scope: &dyn Scope) -> Verdict {
    let mut sum = Verdict::False;
    for test in tests {
        match test.eval(scope) {
            Verdict::True => return Verdict::True,
            Verdict::NotYet => sum = Verdict::NotYet,
            Verdict::False => {}
        }
    }
    sum
}

/// Compiles the words behind `if` or `unless`.
pub(crate) fn compile(env: &mut Env<'_>, unless: bool, words: &[Word], stage: Stage) -> Option<Condition> {
    let mut alternatives = vec![Vec::new()];
    let mut negated = false;
    let mut good = true;
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        rest = behind;
        if word.text == "||" || word.text.eq_ignore_ascii_case("or") {
            alternatives.push(Vec::new());
            negated = false;
            continue;
        }
        let name = word.text.trim_start_matches('!');
        negated ^= (word.text.len() - name.len()) % 2 == 1;
        if name.is_empty() {
            continue;
        }
        let tests = match name {
            "{" => anonymous(env, word.span, &mut rest, stage),
            _ => named(env, name, word.span, stage),
        };
        good &= tests.is_some();
        if let (Some(tests), Some(all)) = (tests, alternatives.last_mut()) {
            all.push(Term { negated, tests });
        }
        negated = false;
    }
    // Like HAProxy, which takes `|| x` and `x ||` for `x`.
    alternatives.retain(|all| !all.is_empty());
    if good && alternatives.is_empty() {
        env.diags.alert(words.first().map(|w| w.span), "a condition is expected behind 'if' or 'unless'");
        return None;
    }
    good.then_some(Condition { unless, alternatives })
}

/// Named ACLs that must all hold, `!NAME` turned around. On failure: which of them there is not.
pub(crate) fn all_of(env: &mut Env<'_>, names: &[String]) -> Result<Condition, usize> {
    let mut all = Vec::new();
    for (index, written) in names.iter().enumerate() {
        let name = written.trim_start_matches('!');
        let negated = (written.len() - name.len()) % 2 == 1;
        let own = env.acls.get(name).map(Box::<[Arc<Test>]>::from);
        let predefined = || acl::predefined(env, name, Span::default()).map(|test| [test].into());
        let tests = own.or_else(predefined).ok_or(index)?;
        all.push(Term { negated, tests });
    }
    Ok(Condition { unless: false, alternatives: vec![all] })
}

/// An ACL between braces; takes its words off `rest`.
fn anonymous(env: &mut Env<'_>, open: Span, rest: &mut &[Word], stage: Stage) -> Option<Box<[Arc<Test>]>> {
    let Some(close) = rest.iter().position(|w| w.text == "}") else {
        env.diags
            .alert(open, "missing closing '}' in condition")
            .help("the braces must be words of their own: '{ path /x }'");
        *rest = &[];
        return None;
    };
    let (words, behind) = rest.split_at(close);
    *rest = behind.get(1..).unwrap_or_default();
    let test = Arc::new(acl::compile(env, words, open)?);
    warn_if_never(env, "anonymous acl", std::slice::from_ref(&test), test.expr.span, stage);
    Some([test].into())
}

fn named(env: &mut Env<'_>, name: &str, span: Span, stage: Stage) -> Option<Box<[Arc<Test>]>> {
    let own = env.acls.get(name).map(Box::<[Arc<Test>]>::from);
    let tests = match own {
        Some(tests) => Some(tests),
        None if env.acls.refused(name) => None,
        None if acl::is_predefined(name) => acl::predefined(env, name, span).map(|t| [t].into()),
        None => {
            unknown(env, name, span);
            None
        }
    };
    if let Some(tests) = &tests {
        warn_if_never(env, &format!("acl '{name}'"), tests, span, stage);
    }
    tests
}

fn unknown(env: &mut Env<'_>, name: &str, span: Span) {
    let known: Vec<&str> = env.acls.names().collect();
    let near = suggest::nearest(name, known).or_else(|| suggest::nearest(name, acl::predefined_names()));
    let near = near.map(str::to_owned);
    let criterion = name.split(['(', ',']).next().unwrap_or(name);
    let diag = env.diags.alert(span, format!("no such ACL : '{name}'"));
    if let Some(near) = near {
        diag.help(format!("did you mean '{near}'?"));
    } else if acl::keyword::resolve(criterion).is_some() {
        diag.help("a test without a name stands between braces: '{ path /x }'");
    }
}

/// HAProxy loads conditions that cannot hold where they stand, and says so.
fn warn_if_never(env: &mut Env<'_>, what: &str, tests: &[Arc<Test>], span: Span, stage: Stage) {
    if tests.iter().any(|t| t.expr.fetch.needs.met_at(stage)) {
        return;
    }
    if let Some(test) = tests.first() {
        let fetch = test.expr.fetch;
        let message = format!("{what} will never match because it uses keyword '{}'", fetch.name);
        env.diags
            .warning(span, message)
            .help(format!("it needs '{}', which is not available here", fetch.needs.what()));
    }
}
