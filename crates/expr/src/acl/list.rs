//! The patterns of one ACL as written, words and files, and their compilation. ACLs that name the same files share
//! one compiled list.

use crate::compile::{Env, Outside};
use crate::matching::MatchMethod;
use crate::patterns::{Operator, Pattern, PatternError, Patterns};
use base::{Span, Word};
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

/// A list that came from files alone: what its compilation depends on.
#[derive(PartialEq, Eq)]
pub(crate) struct SharedList {
    method: MatchMethod,
    no_lookup: bool,
    files: Vec<(Source, bool)>,
}

/// Where a pattern came from, for complaints.
#[derive(Clone)]
struct Origin {
    span: Span,
    /// File and line.
    file: Option<(String, usize)>,
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

    /// Reads the files and compiles everything.
    pub(super) fn compile(&self, env: &mut Env<'_>, method: MatchMethod) -> Option<Arc<Patterns>> {
        let key = self.shared(method);
        if let Some(key) = &key
            && let Some((_, patterns)) = env.shared_lists.iter().find(|(k, _)| k == key)
        {
            return Some(patterns.clone());
        }
        let patterns = Arc::new(self.build(env, method)?);
        if let Some(key) = key {
            env.shared_lists.push((key, patterns.clone()));
        }
        Some(patterns)
    }

    fn shared(&self, method: MatchMethod) -> Option<SharedList> {
        let only_files = self.written.iter().all(|w| matches!(w.source, Source::File { .. }));
        let files = self.written.iter().map(|w| (w.source.clone(), w.ignore_case)).collect();
        (only_files && !self.is_empty()).then_some(SharedList { method, no_lookup: self.no_lookup, files })
    }

    fn build(&self, env: &mut Env<'_>, method: MatchMethod) -> Option<Patterns> {
        let mut patterns = Vec::new();
        let mut origins = Vec::new();
        for written in &self.written {
            if let Err((name, e)) = written.read(env.outside, &mut patterns, &mut origins) {
                env.diags.alert(written.span, format!("failed to open pattern file <{name}> ({e})"));
                return None;
            }
        }
        let outside = env.outside;
        let look_up = |name: &str| if self.no_lookup { None } else { outside.lookup(name) };
        let compiled = Patterns::new(method, &patterns, &look_up);
        compiled.map_err(|(index, why)| complain(env, origins.get(index), &why)).ok()
    }
}

impl Written {
    fn read(
        &self,
        outside: &dyn Outside,
        patterns: &mut Vec<Pattern>,
        origins: &mut Vec<Origin>,
    ) -> Result<(), (String, std::io::Error)> {
        let (ignore_case, span) = (self.ignore_case, self.span);
        match &self.source {
            Source::Word { text, operator } => {
                patterns.push(Pattern { text: text.clone().into_bytes(), ignore_case, operator: *operator });
                origins.push(Origin { span, file: None });
            }
            Source::File { name, first_column } => {
                for (number, line) in crate::map::lines(outside, name).map_err(|e| (name.clone(), e))? {
                    let text = if *first_column { crate::map::columns(&line).0.to_vec() } else { line };
                    patterns.push(Pattern { text, ignore_case, operator: Operator::Eq });
                    origins.push(Origin { span, file: Some((name.clone(), number)) });
                }
            }
        }
        Ok(())
    }
}

fn complain(env: &mut Env<'_>, origin: Option<&Origin>, why: &PatternError) {
    let message = match origin.and_then(|o| o.file.as_ref()) {
        Some((file, line)) => format!("{why} at line {line} of file '{file}'"),
        None => why.to_string(),
    };
    let diag = env.diags.alert(origin.map(|o| o.span), message);
    if let PatternError::Regex(_, e) = why
        && let Some(help) = e.help()
    {
        diag.help(help);
    }
}
