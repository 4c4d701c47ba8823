//! Variable names, interned at load: evaluation knows numbers only.

use crate::scope::{VarId, VarScope};
use std::collections::HashMap;

/// The names seen so far. `proc.a` and `txn.a` share a name and differ in scope.
#[derive(Clone, Debug, Default)]
pub struct VarNames {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// Why a text names no variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarNameError {
    /// No `scope.` before the name, or an unknown one.
    NoScope,
    /// Nothing behind the scope.
    Empty,
    /// A character other than letters, digits, `.` and `_`.
    BadCharacter(char),
}

impl std::fmt::Display for VarNameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VarNameError::NoScope => {
                write!(
                    f,
                    "the name must start with its scope: 'proc.', 'sess.', 'txn.', 'req.', 'res.' or 'check.'"
                )
            }
            VarNameError::Empty => write!(f, "the name behind the scope is empty"),
            VarNameError::BadCharacter(c) => {
                write!(f, "'{c}' cannot stand in a variable's name: letters, digits, '.' and '_' can")
            }
        }
    }
}

impl std::error::Error for VarNameError {}

impl VarScope {
    /// All, in order of their lifetime.
    pub const ALL: [VarScope; 6] =
        [VarScope::Proc, VarScope::Sess, VarScope::Txn, VarScope::Req, VarScope::Res, VarScope::Check];

    /// As written before the dot.
    pub fn name(self) -> &'static str {
        match self {
            VarScope::Proc => "proc",
            VarScope::Sess => "sess",
            VarScope::Txn => "txn",
            VarScope::Req => "req",
            VarScope::Res => "res",
            VarScope::Check => "check",
        }
    }
}

/// Parts `scope.name`; the name may itself hold dots.
pub fn split_name(text: &str) -> Result<(VarScope, &str), VarNameError> {
    let (scope, name) = text.split_once('.').ok_or(VarNameError::NoScope)?;
    let scope = VarScope::ALL.into_iter().find(|s| s.name() == scope).ok_or(VarNameError::NoScope)?;
    if name.is_empty() {
        return Err(VarNameError::Empty);
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_' && *c != '.') {
        Some(c) => Err(VarNameError::BadCharacter(c)),
        None => Ok((scope, name)),
    }
}

impl VarNames {
    /// The variable of that name, `scope.name`.
    pub fn intern(&mut self, text: &str) -> Result<VarId, VarNameError> {
        let (scope, name) = split_name(text)?;
        if let Some(number) = self.numbers.get(name) {
            return Ok(VarId { scope, name: *number });
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Ok(VarId { scope, name: number })
    }

    /// The variable of that name, where it was seen before.
    pub fn find(&self, text: &str) -> Option<VarId> {
        let (scope, name) = split_name(text).ok()?;
        self.numbers.get(name).map(|number| VarId { scope, name: *number })
    }

    /// The variable's full name, for messages.
    pub fn name(&self, id: VarId) -> String {
        let name = self.names.get(id.name as usize).map_or("", String::as_str);
        format!("{}.{name}", id.scope.name())
    }

    /// How many names there are; ids are below this.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shared_across_scopes() {
        let mut names = VarNames::default();
        let a = names.intern("txn.a.b").unwrap();
        let b = names.intern("sess.a.b").unwrap();
        assert_eq!((a.name, names.len()), (b.name, 1));
        assert_eq!(names.name(b), "sess.a.b");
    }

    #[test]
    fn what_is_no_name() {
        let mut names = VarNames::default();
        assert_eq!(names.intern("a"), Err(VarNameError::NoScope));
        assert_eq!(names.intern("foo.a"), Err(VarNameError::NoScope));
        assert_eq!(names.intern("txn."), Err(VarNameError::Empty));
        assert_eq!(names.intern("txn.a-b"), Err(VarNameError::BadCharacter('-')));
    }
}
