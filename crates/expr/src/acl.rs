//! ACLs: an expression, a match method and patterns (manual section 7.1).

pub(crate) mod keyword;
mod list;
mod predefined;
mod words;

use crate::compile::Env;
use crate::condition::Verdict;
use crate::expression::Expr;
use crate::reference::View;
use crate::rows::NotYet;
use crate::sample::Sample;
use crate::scope::Scope;
use base::Word;
pub(crate) use predefined::{is_predefined, predefined, predefined_names};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
pub(crate) use words::compile;

/// The named ACLs of one proxy. Several lines of one name are or-ed.
#[derive(Clone, Default)]
pub struct AclTable {
    named: HashMap<String, Vec<Arc<Test>>>,
    /// Names whose definition was refused; using them is no second mistake.
    refused: HashSet<String>,
}

impl AclTable {
    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Whether a definition of that name was refused.
    pub(crate) fn refused(&self, name: &str) -> bool {
        self.refused.contains(name)
    }

    /// The tests of one name.
    pub(crate) fn get(&self, name: &str) -> Option<&[Arc<Test>]> {
        self.named.get(name).map(Vec::as_slice)
    }
}

/// One ACL line.
pub(crate) struct Test {
    pub(crate) expr: Expr,
    /// Files, then words; any of them may match.
    lists: Box<[Arc<View>]>,
}

impl Test {
    /// Whether any of the fetch's values matches any pattern.
    pub(crate) fn eval(&self, scope: &dyn Scope) -> Verdict {
        match self.expr.fetch.each {
            Some(_) => self.eval_each(scope),
            None => match (self.expr.fetch.eval)(&self.expr.args, scope) {
                Ok(value) => Verdict::of(value.is_some_and(|v| self.matches(v, scope))),
                Err(NotYet { now }) => Verdict::so_far(now.is_some_and(|v| self.matches(v, scope))),
            },
        }
    }

    fn eval_each(&self, scope: &dyn Scope) -> Verdict {
        let Some(each) = self.expr.fetch.each else { return Verdict::False };
        let mut hit = false;
        let ended = each(&self.expr.args, scope, &mut |value| {
            hit = self.matches(value, scope);
            if hit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match ended {
            Ok(()) => Verdict::of(hit),
            Err(_) => Verdict::so_far(hit),
        }
    }

    fn matches(&self, value: Sample<'_>, scope: &dyn Scope) -> bool {
        // The fetch borrows from the scope for as long as the visitor says; converters want the same lifetime.
        self.expr.convert(value, scope).is_some_and(|v| self.lists.iter().any(|list| list.matches(&v)))
    }
}

/// `acl NAME WORDS`
pub(crate) fn define(env: &mut Env<'_>, name: &Word, words: &[Word]) {
    if let Some(bad) = name.text.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.:".contains(*c)) {
        env.diags.alert(name.span, format!("character '{bad}' is not permitted in acl name '{name}'"));
        return;
    }
    if name.text.eq_ignore_ascii_case("or") {
        env.diags.warning(
            name.span,
            format!("acl name '{name}' will never match. 'or' is used to express a disjunctive condition"),
        );
    }
    match compile(env, words, name.span) {
        Some(test) => env.acls.named.entry(name.text.clone()).or_default().push(Arc::new(test)),
        None => drop(env.acls.refused.insert(name.text.clone())),
    }
}
