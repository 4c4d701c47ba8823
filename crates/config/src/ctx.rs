//! What a row's parser may know besides its words: where it stands, and where to put complaints that do not end the
//! line. It deliberately offers no view of other sections: what needs one is checked after all files are read.

use crate::env::Environment;
use crate::row::Place;
use base::{Diagnostic, Diagnostics, Span, Word};

/// The context of one line.
#[derive(Debug)]
pub struct Ctx<'c> {
    /// The section the line stands in: exactly one.
    pub place: Place,
    /// The section's word, `frontend`.
    pub section: &'static str,
    /// The section's name; empty for `global` and unnamed sections.
    pub section_name: &'c Word,
    /// All complaints so far.
    pub diags: &'c mut Diagnostics,
    /// The variables of this load: `setenv` changes what the next line sees.
    pub env: &'c mut Environment,
    /// Words that complaints must not show.
    pub(crate) secrets: &'c mut Vec<Span>,
    /// Marks set by rows in this section, see [`Ctx::first`].
    pub(crate) marks: &'c mut Vec<&'static str>,
}

impl Ctx<'_> {
    /// A complaint that does not end the line: it loads, but not as the author may think.
    pub fn warn(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.diags.warning(span, message)
    }

    /// Keeps a word out of complaints: a password, a key.
    pub fn secret(&mut self, word: &Word) {
        self.secrets.push(word.span);
    }

    /// Whether this is the first line of its kind in this section, so that what `defaults` gave is replaced by it
    /// (`http-check` steps, for one) and later lines add to it.
    pub fn first(&mut self, kind: &'static str) -> bool {
        let first = !self.marks.contains(&kind);
        if first {
            self.marks.push(kind);
        }
        first
    }

    /// Notes that this section has such a line.
    pub fn mark(&mut self, kind: &'static str) {
        self.first(kind);
    }

    /// Whether [`Ctx::mark`] or [`Ctx::first`] has seen such a line in this section.
    pub fn marked(&self, kind: &str) -> bool {
        self.marks.contains(&kind)
    }

    /// An address word with the variables in it replaced, see [`Environment::expand_address`].
    pub fn address(&self, word: &Word) -> Word {
        Word::new(self.env.expand_address(&word.text), word.span)
    }

    /// `frontend 'www'`, for complaints.
    pub fn section_label(&self) -> String {
        if self.section_name.text.is_empty() {
            return format!("'{}' section", self.section);
        }
        format!("{} '{}'", self.section, self.section_name)
    }
}
