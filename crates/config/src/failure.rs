//! What a row's parser says when it cannot go on: the one thing that is wrong with the line, its place and its
//! remedy. One failure is one alert. Parsers that can go on after a complaint use [`crate::ctx::Ctx`] instead.

use base::{Diagnostics, Span};

/// Why a line was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The word it is about.
    pub span: Span,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// A failure at a place.
    pub fn new(span: Span, message: impl Into<String>) -> Failure {
        Failure { span, message: message.into(), help: None }
    }

    /// Adds the remedy.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Failure {
        self.help = Some(text.into());
        self
    }

    /// Adds "did you mean" where one of `known` is near to `word`.
    #[must_use]
    pub fn nearest<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Failure {
        match base::suggest::nearest(word, known) {
            Some(near) => self.help(format!("did you mean '{near}'?")),
            None => self,
        }
    }

    /// Becomes an alert.
    pub fn report(self, diags: &mut Diagnostics) {
        let alert = diags.alert(self.span, self.message);
        if let Some(help) = self.help {
            alert.help(help);
        }
    }
}
