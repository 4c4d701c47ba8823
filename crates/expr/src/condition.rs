//! Conditions: named and anonymous ACLs joined by and, or and not.

use crate::compile::Env;
use crate::expression::Expr;
use crate::scope::Scope;
use crate::stage::Stage;
use base::Word;
use std::collections::HashMap;
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

/// The named ACLs of one proxy.
#[derive(Clone, Default)]
pub struct AclTable {
    pub(crate) named: HashMap<String, Vec<Arc<Test>>>,
}

/// One ACL line: an expression and what its value is compared with.
pub(crate) struct Test {
    pub(crate) expr: Expr,
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
    tests: Vec<Arc<Test>>,
}

impl Condition {
    /// What it says now.
    pub fn eval(&self, scope: &dyn Scope) -> Verdict {
        let any = self.alternatives.iter().any(|all| {
            all.iter().all(|term| term.negated != term.tests.iter().any(|t| t.expr.eval(scope).is_some()))
        });
        if any != self.unless { Verdict::True } else { Verdict::False }
    }

    /// Whether it holds; where bytes are missing, it does not.
    pub fn holds(&self, scope: &dyn Scope) -> bool {
        self.eval(scope) == Verdict::True
    }
}

pub(crate) fn compile(env: &mut Env<'_>, unless: bool, words: &[Word], _stage: Stage) -> Option<Condition> {
    let mut all = Vec::new();
    for word in words {
        let tests = env.acls.named.get(word.as_str())?.clone();
        all.push(Term { negated: false, tests });
    }
    Some(Condition { unless, alternatives: vec![all] })
}

pub(crate) fn define(env: &mut Env<'_>, name: &Word, words: &[Word]) {
    let Some(expr) = crate::expression::compile(env, words, Stage::Request) else { return };
    env.acls.named.entry(name.text.clone()).or_default().push(Arc::new(Test { expr }));
}
