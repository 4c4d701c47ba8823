//! The patterns of one ACL as written, words and files, and the lists that come of them. ACLs that name the same file
//! share its list.

use crate::compile::Env;
use crate::matching::MatchMethod;
use crate::patterns::{Operator, PatternError};
use crate::reference::{self, How, Misfit, Reference, View};
use base::{Span, Word, reason};
use std::sync::Arc;

/// What was written, in order.
#[derive(Default)]
pub(super) struct List {
    written: Vec<Written>,
    /// `-n`: host names among addresses are an error.
    pub(super) no_lookup: bool,
}

struct Written {
    source: Source,
    ignore_case: bool,
    span: Span,
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    /// A pattern.
    Word { text: String, operator: Operator },
    /// `-f`, all lines of which are patterns; with `-M` their first columns.
    File { name: String, first_column: bool },
}

impl List {
    /// Adds a pattern.
    pub(super) fn word(&mut self, word: &Word, text: String, operator: Operator, ignore_case: bool) {
        let source = Source::Word { text, operator };
        self.written.push(Written { source, ignore_case, span: word.span });
    }

    /// Adds a file's lines.
    pub(super) fn file(&mut self, name: &Word, first_column: bool, ignore_case: bool) {
        let source = Source::File { name: name.text.clone(), first_column };
        self.written.push(Written { source, ignore_case, span: name.span });
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Makes every pattern heed case.
    pub(super) fn heed_case(&mut self) {
        self.written.iter_mut().for_each(|w| w.ignore_case = false);
    }

    /// The first word that begins with a dash.
    pub(super) fn dashed(&self) -> Option<(&str, Span)> {
        self.written.iter().find_map(|w| match &w.source {
            Source::Word { text, .. } if text.starts_with('-') => Some((text.as_str(), w.span)),
            Source::Word { .. } | Source::File { .. } => None,
        })
    }

    /// Reads the files and compiles everything: a list for each file, and one for the words.
    pub(super) fn compile(
        &self,
        env: &mut Env<'_>,
        method: MatchMethod,
        keyword: &str,
        span: Span,
    ) -> Option<Box<[Arc<View>]>> {
        let mut views = Vec::new();
        for written in &self.written {
            let Source::File { name, first_column } = &written.source else { continue };
            match reference::file(env, name, *first_column, reference::User::Acl, written.span) {
                Ok(list) => views.push(self.view(env, &list, method, written)?),
                Err(e) => {
                    env.diags.alert(
                        written.span,
                        format!("failed to open pattern file <{name}> ({})", reason(&e)),
                    );
                    return None;
                }
            }
        }
        let words: Vec<&Written> = self.written.iter().filter(|w| w.word().is_some()).collect();
        // without any word there is a list all the same: an operator may add some, and HAProxy counts it
        let texts: Vec<_> = words.iter().filter_map(|w| w.word()).collect();
        let list = reference::words(env, keyword, span, &texts);
        let nothing = Written::nothing(span);
        let first = words.first().copied().unwrap_or(&nothing);
        views.push(self.view(env, &list, method, first)?);
        Some(views.into())
    }

    fn view(
        &self,
        env: &mut Env<'_>,
        list: &Reference,
        method: MatchMethod,
        written: &Written,
    ) -> Option<Arc<View>> {
        let how = How { method, ignore_case: written.ignore_case, no_lookup: self.no_lookup, value: None };
        let outside = env.outside;
        let view = list.view(how, &|name| outside.lookup(name));
        view.map_err(|(line, misfit)| self.complain(env, written, line, &misfit)).ok()
    }

    /// Points at the word, or names the file and its line.
    fn complain(&self, env: &mut Env<'_>, written: &Written, line: usize, misfit: &Misfit) {
        let Misfit::Pattern(index, why) = misfit else { return };
        let (span, message) = match &written.source {
            Source::File { name, .. } => (written.span, format!("{why} at line {line} of file '{name}'")),
            Source::Word { .. } => {
                let word = self.written.iter().filter(|w| w.word().is_some()).nth(*index);
                (word.map_or(written.span, |w| w.span), why.to_string())
            }
        };
        let diag = env.diags.alert(span, message);
        if let PatternError::Regex(_, e) = why
            && let Some(help) = e.help()
        {
            diag.help(help);
        }
    }
}

impl Written {
    fn nothing(span: Span) -> Written {
        let source = Source::Word { text: String::new(), operator: Operator::Eq };
        Written { source, ignore_case: false, span }
    }

    fn word(&self) -> Option<(String, Operator)> {
        match &self.source {
            Source::Word { text, operator } => Some((text.clone(), *operator)),
            Source::File { .. } => None,
        }
    }
}
