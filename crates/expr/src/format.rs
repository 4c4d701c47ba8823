//! Log-format strings: text with `%` items and `%[expressions]` (manual section 8.2.6). Used for log lines and for
//! every rule that builds a text: headers, paths, bodies, backend names.

pub mod date;
mod datum;
pub mod defaults;
mod encode;
pub mod items;
mod parse;
mod print;

use crate::expression::Expr;
use crate::scope::Scope;
use datum::{Datum, Kind};
use encode::{Encoder, Encoding};
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

    /// Values may be encoded: what goes into HTTP messages must stay text, as with HAProxy.
    fn may_encode(self) -> bool {
        match self {
            Escape::None | Escape::Log | Escape::StructuredData => true,
            Escape::Http | Escape::UniqueId => false,
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
    /// `bin`
    pub(crate) binary: bool,
    /// `json`, `cbor`
    pub(crate) encoding: Option<Encoding>,
    /// No byte is replaced: an encoding follows.
    pub(crate) raw: bool,
}

/// What was said of one item.
#[derive(Clone, Debug, Default)]
struct Said {
    flags: Flags,
    /// What it is called in a map.
    name: Option<Box<str>>,
    kind: Option<Kind>,
}

impl Said {
    fn typed<'a>(&self, datum: Datum<'a>) -> Datum<'a> {
        match self.kind {
            Some(kind) => datum.typed(kind),
            None => datum,
        }
    }
}

/// A compiled log-format string.
#[derive(Clone)]
pub struct Format {
    parts: Vec<Part>,
    fixed: Option<Vec<u8>>,
    escape: Escape,
    /// What `%o` said: the encoding of the whole.
    whole: Flags,
}

#[derive(Clone)]
enum Part {
    Text(Vec<u8>),
    /// A run of spaces, where runs count as one.
    Space,
    Item(&'static ItemRow, Said),
    Value(Box<Expr>, Said),
}

impl Part {
    /// Its name and value, where it has a name.
    fn member<'a>(&'a self, scope: &'a dyn Scope) -> Option<(&'a str, Datum<'a>)> {
        match self {
            Part::Text(_) | Part::Space => None,
            Part::Item(row, said) => {
                Some((said.name.as_deref()?, said.typed(Datum::of_item(row, said.flags, scope))))
            }
            Part::Value(expr, said) => {
                Some((said.name.as_deref()?, said.typed(Datum::of_value(expr, scope))))
            }
        }
    }
}

impl Format {
    fn new(parts: Vec<Part>, escape: Escape, whole: Flags) -> Format {
        let mut fixed = whole.encoding.is_none().then(Vec::new);
        for part in &parts {
            fixed = match (part, fixed) {
                (Part::Text(text), Some(sum)) => Some([sum.as_slice(), text].concat()),
                (Part::Space, Some(sum)) if sum.last().is_none_or(|b| *b == b' ') => Some(sum),
                (Part::Space, Some(sum)) => Some([sum.as_slice(), b" "].concat()),
                (Part::Item(_, _) | Part::Value(_, _), _) | (_, None) => None,
            };
        }
        Format { parts, fixed, escape, whole }
    }

    /// Appends the text to `out`.
    pub fn write(&self, scope: &dyn Scope, out: &mut Vec<u8>) {
        if let Some(encoding) = self.whole.encoding {
            return self.write_map(encoding, scope, out);
        }
        let mut printer = Printer::new(scope, out, self.escape);
        for part in &self.parts {
            match part {
                Part::Text(text) => printer.text(text),
                Part::Space => printer.space(),
                Part::Item(row, said) if said.flags.encoding.is_some() => {
                    printer.encoded(said.flags, &said.typed(Datum::of_item(row, said.flags, scope)));
                }
                Part::Value(expr, said) if said.flags.encoding.is_some() => {
                    printer.encoded(said.flags, &said.typed(Datum::of_value(expr, scope)));
                }
                Part::Item(row, said) => printer.item(row, said.flags),
                Part::Value(expr, said) => printer.value(expr, said.flags),
            }
        }
    }

    /// Everything that has a name, and nothing else.
    fn write_map(&self, encoding: Encoding, scope: &dyn Scope, out: &mut Vec<u8>) {
        let mut encoder = Encoder::new(encoding, self.whole.binary);
        encoder.open_map();
        for (name, value) in self.parts.iter().filter_map(|part| part.member(scope)) {
            encoder.member(name, &value);
        }
        encoder.close_map();
        out.extend(encoder.finish());
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
