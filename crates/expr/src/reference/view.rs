//! One way to look a list up: by a match method, with or without case, to values of a type. A lookup reads a pointer.

use super::Entry;
use crate::cast::parse_ip;
use crate::matching::MatchMethod;
use crate::patterns::{Pattern, PatternError, Patterns};
use crate::rows::MapValue;
use crate::sample::Sample;
use arc_swap::ArcSwap;
use regex::bytes::Captures;

/// What distinguishes the views of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct How {
    pub(crate) method: MatchMethod,
    pub(crate) ignore_case: bool,
    /// `-n`: host names among addresses are an error.
    pub(crate) no_lookup: bool,
    /// The type of a map's values; `None` for an ACL.
    pub(crate) value: Option<MapValue>,
}

/// See the file's head.
pub(crate) struct View {
    pub(crate) how: How,
    live: ArcSwap<Compiled>,
}

pub(super) struct Compiled {
    patterns: Patterns,
    /// By entry; empty for an ACL.
    values: Vec<Sample<'static>>,
}

/// Why a list cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The entry at this index is no pattern of the method.
    Pattern(usize, PatternError),
    /// Its value is not of the map's type.
    Value(usize, String),
}

impl Misfit {
    pub(super) fn index(&self) -> usize {
        match self {
            Misfit::Pattern(index, _) | Misfit::Value(index, _) => *index,
        }
    }
}

impl View {
    pub(super) fn new(how: How, entries: &[&Entry]) -> Result<View, Misfit> {
        Ok(View { how, live: ArcSwap::from_pointee(how.compile(entries)?) })
    }

    /// From now on this is looked up.
    pub(super) fn publish(&self, compiled: Compiled) {
        self.live.store(compiled.into());
    }

    /// Whether a value matches any entry.
    pub(crate) fn matches(&self, value: &Sample<'_>) -> bool {
        self.live.load().patterns.matches(value)
    }

    /// The index of the entry that matches.
    pub(super) fn find(&self, value: &Sample<'_>) -> Option<usize> {
        self.live.load().patterns.find(value)
    }

    /// The value of the entry that matches: the longest prefix or network, else the first. For `regm` the groups `\0`
    /// to `\9` in the value are filled in. A copy: the map may be edited while the value is in use.
    pub(crate) fn lookup(&self, key: &Sample<'_>) -> Option<Sample<'static>> {
        let live = self.live.load();
        let index = live.patterns.find(key)?;
        let value = live.values.get(index)?;
        match (self.how.method, value) {
            (MatchMethod::Regm, Sample::Str(template)) => {
                let key = key.to_str()?;
                let groups = live.patterns.regex(index)?.captures(&key)?;
                Some(Sample::owned(filled(template, &groups)))
            }
            (_, value) => Some(value.clone()),
        }
    }
}

impl How {
    /// Compiles what is then to be published.
    pub(super) fn compile(&self, entries: &[&Entry]) -> Result<Compiled, Misfit> {
        let patterns: Vec<Pattern> = entries.iter().map(|e| self.pattern(e)).collect();
        let patterns =
            Patterns::new(self.method, &patterns, &|_| None).map_err(|(i, why)| Misfit::Pattern(i, why))?;
        let values = match self.value {
            Some(kind) => {
                entries.iter().enumerate().map(|(i, e)| typed(kind, i, e)).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        Ok(Compiled { patterns, values })
    }

    fn pattern(&self, entry: &Entry) -> Pattern {
        let resolved =
            entry.resolved.as_deref().filter(|_| self.method == MatchMethod::Ip && !self.no_lookup);
        let text = resolved.map_or(&*entry.key, str::as_bytes).to_vec();
        Pattern { text, ignore_case: self.ignore_case, operator: entry.operator }
    }
}

fn typed(kind: MapValue, index: usize, entry: &Entry) -> Result<Sample<'static>, Misfit> {
    let text = &*entry.value;
    let value = match kind {
        MapValue::Str => Some(Sample::owned(text)),
        MapValue::Int => std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).map(Sample::Int),
        MapValue::Ip => parse_ip(text).map(Sample::Ip),
        MapValue::Key => Some(Sample::owned(&*entry.key)),
    };
    value.ok_or_else(|| Misfit::Value(index, String::from_utf8_lossy(text).into_owned()))
}

/// A replacement text with its groups: `\0` the whole match, `\1` to `\9` its groups, empty where a group took no
/// part, `\\` a backslash.
pub(crate) fn filled(template: &[u8], groups: &Captures<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(template.len());
    let mut bytes = template.iter();
    while let Some(b) = bytes.next() {
        if *b != b'\\' {
            out.push(*b);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'9') => {
                let group = groups.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |g| g.as_bytes()));
            }
            Some(other) => out.push(*other),
            None => out.push(b'\\'),
        }
    }
    out
}
