//! Log-format strings: text with `%` items and `%[expressions]` (manual section 8.2.6). Used for log lines and for
//! every rule that builds a text: headers, paths, bodies, backend names.

pub mod date;
pub mod defaults;
pub mod items;
mod parse;
mod print;

use crate::expression::Expr;
use crate::scope::Scope;
use items::ItemRow;
pub(crate) use parse::compile;
use print::Printer;

/// Where a text is written, and so what is done to values and spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escape {
    /// Names and variables (`use_backend`, `set-var-fmt`): values as they are, nothing for a missing one.
    None,
    /// Pieces of HTTP messages (headers, paths, locations, bodies): control characters in values of expressions become
    /// `%XX`, so that no value can break out of its line.
    Http,
    /// `unique-id-format`: as `Http`, and runs of spaces count as one.
    UniqueId,
    /// Log lines: `-` for a missing value, runs of spaces count as one.
    Log,
    /// `log-format-sd`: as `Log`; what RFC 5424 wants escaped is escaped by the flag `E`, as in HAProxy.
    StructuredData,
}

impl Escape {
    /// Missing values leave a mark.
    fn is_log(self) -> bool {
        match self {
            Escape::Log | Escape::StructuredData => true,
            Escape::None | Escape::Http | Escape::UniqueId => false,
        }
    }

    /// Runs of spaces are one.
    fn merges_spaces(self) -> bool {
        match self {
            Escape::Log | Escape::StructuredData | Escape::UniqueId => true,
            Escape::None | Escape::Http => false,
        }
    }
}

/// The flags of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `Q`
    pub(crate) quote: bool,
    /// `X`
    pub(crate) hex: bool,
    /// `E`
    pub(crate) escape: bool,
}

/// A compiled log-format string.
#[derive(Clone)]
pub struct Format {
    parts: Vec<Part>,
    fixed: Option<Vec<u8>>,
    escape: Escape,
}

#[derive(Clone)]
enum Part {
    Text(Vec<u8>),
    /// A run of spaces, where runs count as one.
    Space,
    Item(&'static ItemRow, Flags),
    Value(Box<Expr>, Flags),
}

impl Format {
    fn new(parts: Vec<Part>, escape: Escape) -> Format {
        let mut fixed = Some(Vec::new());
        for part in &parts {
            fixed = match (part, fixed) {
                (Part::Text(text), Some(sum)) => Some([sum.as_slice(), text].concat()),
                (Part::Space, Some(sum)) if sum.last().is_none_or(|b| *b == b' ') => Some(sum),
                (Part::Space, Some(sum)) => Some([sum.as_slice(), b" "].concat()),
                (Part::Item(_, _) | Part::Value(_, _), _) | (_, None) => None,
            };
        }
        Format { parts, fixed, escape }
    }

    /// Appends the text to `out`.
    pub fn write(&self, scope: &dyn Scope, out: &mut Vec<u8>) {
        let mut printer = Printer::new(scope, out, self.escape);
        for part in &self.parts {
            match part {
                Part::Text(text) => printer.text(text),
                Part::Space => printer.space(),
                Part::Item(row, flags) => printer.item(row, *flags),
                Part::Value(expr, flags) => printer.value(expr, *flags),
            }
        }
    }

    /// The text, where it depends on nothing.
    pub fn fixed(&self) -> Option<&[u8]> {
        self.fixed.as_deref()
    }

    /// What it was compiled for.
    pub fn escape(&self) -> Escape {
        self.escape
    }
}
