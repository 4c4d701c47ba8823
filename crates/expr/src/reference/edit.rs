//! Edits of a list and questions about it. An edit that is refused changes nothing, but that of several entries which are
//! to be added those before the first bad one are.

use super::load::entry;
use super::view::Misfit;
use super::{Reference, Shown, State};
use crate::cast::parse_ip;
use crate::matching::MatchMethod;
use crate::patterns::{Operator, Patterns};
use crate::rows::MapValue;
use crate::sample::{Sample, SampleType};
use base::raw;
use std::fmt;

/// Why a list was not edited, in HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The key is no pattern of those who use the list.
    Pattern(String),
    /// The value is not of the map's type.
    Value(String),
    /// No such key, for `del`.
    NoKey,
    /// No such key, for `set`.
    NoEntry,
    /// That version was not prepared.
    Future,
    /// That version cannot be committed.
    Range,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::Pattern(why) => write!(f, "{why}."),
            EditError::Value(text) => write!(f, "unable to parse '{text}'."),
            EditError::NoKey => f.write_str("Key not found."),
            EditError::NoEntry => f.write_str("entry not found."),
            EditError::Future => {
                f.write_str("Version number in the future, please use 'prepare map' before.")
            }
            EditError::Range => f.write_str("Version number out of range."),
        }
    }
}

/// What `get map` and `get acl` tell of one view.
#[derive(Clone, Debug)]
pub struct Found {
    /// The match method.
    pub method: &'static str,
    /// `-i`
    pub ignore_case: bool,
    /// Its entries are found by an index, not one by one.
    pub indexed: bool,
    /// The entry.
    pub entry: Option<Shown>,
    /// The type of its value.
    pub value_type: &'static str,
}

impl Reference {
    /// Adds entries to a version, or to the current one, up to the first that does not fit.
    pub fn add(&self, version: Option<u32>, pairs: &[(&str, &str)]) -> Result<(), EditError> {
        let mut state = self.lock();
        let version = version.unwrap_or(state.current);
        if version > state.next.max(state.current) {
            return Err(EditError::Future);
        }
        let mut fresh: Vec<_> = pairs
            .iter()
            .map(|(key, value)| super::Entry {
                version,
                ..entry(&raw::bytes(key), &raw::bytes(value), Operator::Eq)
            })
            .collect();
        let refused = state.first_misfit(&fresh);
        if let Some((good, _)) = &refused {
            fresh.truncate(*good);
        }
        let (before, last) = (state.entries.len(), state.last_entry);
        fresh.into_iter().for_each(|e| state.push(e));
        if version == state.current {
            state.publish().inspect_err(|_| {
                state.entries.truncate(before);
                state.last_entry = last;
            })?;
        }
        refused.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Gives a value to all current entries of a key, or to the entry of a number.
    pub fn set(&self, key: &Key<'_>, value: &str) -> Result<(), EditError> {
        let mut state = self.lock();
        let current = state.current;
        let mut edited = state.entries.clone();
        let hits = edited.iter_mut().filter(|e| e.version == current && key.is(e));
        let changed = hits.map(|e| e.value = raw::bytes(value).into()).count();
        if changed == 0 {
            return Err(EditError::NoEntry);
        }
        state.replace(edited)
    }

    /// Takes out all current entries of a key, or the entry of a number.
    pub fn del(&self, key: &Key<'_>) -> Result<(), EditError> {
        let mut state = self.lock();
        let current = state.current;
        let before = state.entries.len();
        let mut edited = state.entries.clone();
        edited.retain(|e| e.version != current || !key.is(e));
        if edited.len() == before {
            return Err(EditError::NoKey);
        }
        state.replace(edited)
    }

    /// Takes out all entries of a version, or of the current one.
    pub fn clear(&self, version: Option<u32>) -> Result<(), EditError> {
        let mut state = self.lock();
        let version = version.unwrap_or(state.current);
        state.entries.retain(|e| e.version != version);
        if version == state.current { state.publish() } else { Ok(()) }
    }

    /// Opens a new version, to be filled and committed; its number.
    pub fn prepare(&self) -> u32 {
        let mut state = self.lock();
        state.next = state.next.max(state.current).saturating_add(1);
        state.next
    }

    /// Makes a version the current one and forgets older ones, all at once.
    pub fn commit(&self, version: u32) -> Result<(), EditError> {
        let mut state = self.lock();
        if version <= state.current || version > state.next {
            return Err(EditError::Range);
        }
        let before = std::mem::replace(&mut state.current, version);
        if let Err(error) = state.publish() {
            state.current = before;
            return Err(error);
        }
        state.entries.retain(|e| e.version >= version);
        Ok(())
    }

    /// Looks a text up in all views, as those who use the list do.
    pub fn find(&self, text: &str) -> Vec<Found> {
        let state = self.lock();
        let current = state.current_entries();
        let of = |view: &std::sync::Arc<super::View>| {
            let how = view.how;
            let sample = sample(how.method, text);
            let entry = sample.and_then(|s| view.find(&s)).and_then(|i| current.get(i).map(|e| e.shown()));
            Found {
                method: how.method.name(),
                ignore_case: how.ignore_case,
                indexed: is_indexed(how.method, how.ignore_case),
                entry,
                value_type: how.value.map_or("", type_name),
            }
        };
        state.views.iter().map(of).collect()
    }
}

/// Which entries an edit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'k> {
    /// All with this key.
    Text(&'k str),
    /// The one with this number.
    Id(u64),
}

impl<'k> Key<'k> {
    /// A key, or a number as `show map` prints it behind `#`.
    pub fn parse(text: &'k str) -> Key<'k> {
        let id = text.strip_prefix("#0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        id.map_or(Key::Text(text), Key::Id)
    }

    fn is(&self, entry: &super::Entry) -> bool {
        match self {
            Key::Text(text) => *entry.key == *raw::bytes(text),
            Key::Id(id) => entry.id == *id,
        }
    }
}

impl State {
    /// Where the first entry stands that does not fit those who use the list, and why.
    fn first_misfit(&self, fresh: &[super::Entry]) -> Option<(usize, EditError)> {
        let misfit = |entries: &[&super::Entry]| self.views.iter().find_map(|v| v.how.compile(entries).err());
        misfit(&fresh.iter().collect::<Vec<_>>())?;
        fresh.iter().enumerate().find_map(|(at, entry)| Some((at, misfit(&[entry])?.into())))
    }

    /// Compiles all views from the current version, then publishes all of them, or none.
    fn publish(&self) -> Result<(), EditError> {
        let current = self.current_entries();
        let compiled: Result<Vec<_>, Misfit> = self.views.iter().map(|v| v.how.compile(&current)).collect();
        self.views.iter().zip(compiled?).for_each(|(view, compiled)| view.publish(compiled));
        Ok(())
    }

    pub(super) fn replace(&mut self, edited: Vec<super::Entry>) -> Result<(), EditError> {
        let before = std::mem::replace(&mut self.entries, edited);
        self.publish().inspect_err(|_| self.entries = before)
    }
}

impl From<Misfit> for EditError {
    fn from(misfit: Misfit) -> EditError {
        match misfit {
            Misfit::Pattern(_, why) => EditError::Pattern(why.to_string()),
            Misfit::Value(_, text) => EditError::Value(text),
        }
    }
}

/// The text as the sample that the method compares.
fn sample(method: MatchMethod, text: &str) -> Option<Sample<'static>> {
    match Patterns::takes(method) {
        SampleType::Addr => parse_ip(text.as_bytes()).map(Sample::Ip),
        SampleType::Int => text.parse().ok().map(Sample::Int),
        SampleType::Any
        | SampleType::Bool
        | SampleType::Ipv4
        | SampleType::Ipv6
        | SampleType::Str
        | SampleType::Bin
        | SampleType::Method => Some(Sample::owned(text)),
    }
}

/// Where HAProxy has a tree.
fn is_indexed(method: MatchMethod, ignore_case: bool) -> bool {
    match method {
        MatchMethod::Ip => true,
        MatchMethod::Str | MatchMethod::Beg => !ignore_case,
        MatchMethod::Found
        | MatchMethod::Bool
        | MatchMethod::Int
        | MatchMethod::Bin
        | MatchMethod::Len
        | MatchMethod::Sub
        | MatchMethod::Reg
        | MatchMethod::End
        | MatchMethod::Dir
        | MatchMethod::Dom
        | MatchMethod::Regm => false,
    }
}

fn type_name(value: MapValue) -> &'static str {
    match value {
        MapValue::Str | MapValue::Key => "str",
        MapValue::Int => "sint",
        MapValue::Ip => "ipv4",
    }
}
