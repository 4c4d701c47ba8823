//! Log-format strings: text with `%` items and `%[expressions]` (manual section 8.2.6).

use crate::compile::Env;
use crate::expression::Expr;
use crate::scope::Scope;
use crate::stage::Stage;
use base::Word;

/// How values are made safe for the place where they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are: headers, paths, bodies.
    None,
    /// Log lines: control characters and quotes as `#xx`.
    Log,
    /// RFC 5424 structured data: `"`, `\` and `]` behind a backslash.
    StructuredData,
}

/// A compiled log-format string.
#[derive(Clone)]
pub struct Format {
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Text(Vec<u8>),
    Value(Expr),
}

impl Format {
    /// Appends the text to `out`.
    pub fn write(&self, scope: &dyn Scope, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value(expr) => {
                    if let Some(value) = expr.eval(scope) {
                        out.extend_from_slice(&value.to_str().unwrap_or_default());
                    }
                }
            }
        }
    }

    /// The text, where it depends on nothing.
    pub fn fixed(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

pub(crate) fn compile(env: &mut Env<'_>, word: &Word, stage: Stage, _escape: Escape) -> Option<Format> {
    let inner = word.text.strip_prefix("%[").and_then(|t| t.strip_suffix(']'));
    let part = match inner {
        Some(inner) => Part::Value(crate::expression::compile(env, &[Word::new(inner, word.span)], stage)?),
        None => Part::Text(word.text.clone().into_bytes()),
    };
    Some(Format { parts: vec![part] })
}
