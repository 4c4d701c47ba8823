//! Patterns: what ACLs and maps compare samples with, indexed at load by the method that compares them. A lookup
//! allocates nothing for texts, whatever their case.

mod networks;
mod numbers;
mod texts;

use crate::matching::MatchMethod;
use crate::pcre::{self, RegexError};
use crate::sample::{Sample, SampleType};
use networks::Networks;
use numbers::Range;
pub(crate) use numbers::{Operator, versions};
use regex::bytes::{Regex, RegexSet};
use std::fmt;
use std::net::IpAddr;
use texts::{Place, Scan, Table};

/// One pattern as written.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: Vec<u8>,
    /// `-i` stood before it.
    pub(crate) ignore_case: bool,
    /// `eq`, `gt`, ... stood before it; only `int` and `len` heed it.
    pub(crate) operator: Operator,
}

/// Why a text is no pattern of its method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    NotANumber(String),
    NotARange(String),
    NotAnAddress(String),
    OddHex,
    NotHex(char),
    Regex(String, RegexError),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::NotANumber(text) => write!(f, "'{text}' is not a number"),
            PatternError::NotARange(text) => write!(f, "'{text}' is not a valid number range"),
            PatternError::NotAnAddress(text) => {
                write!(f, "'{text}' is not a valid IPv4 or IPv6 address")
            }
            PatternError::OddHex => write!(f, "an even number of hex digit is expected"),
            PatternError::NotHex(c) => write!(f, "an hex digit is expected (found '{c}')"),
            PatternError::Regex(text, why) => write!(f, "regex '{text}' is invalid ({why})"),
        }
    }
}

/// Turns a host name among IP patterns into its address, where that is allowed.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<IpAddr>;

/// A compiled list of patterns.
pub(crate) struct Patterns {
    matcher: Matcher,
}

enum Matcher {
    /// Any value.
    Found,
    /// Any value that is not zero.
    Bool,
    Ints(Vec<Range>),
    Lengths(Vec<Range>),
    Networks(Networks),
    /// Equal, begins with, ends with.
    Table(Table),
    /// Equal as bytes.
    Bytes(Table),
    /// Contains, in one way or another.
    Scan(Scan),
    Regexes(Regexes),
}

struct Regexes {
    /// One by one, for groups.
    each: Vec<Regex>,
    /// All at once, where there are several.
    set: Option<RegexSet>,
}

impl Patterns {
    /// Compiles a list. The error carries the index of the pattern at fault.
    pub(crate) fn new(
        method: MatchMethod,
        list: &[Pattern],
        lookup: Lookup<'_>,
    ) -> Result<Patterns, (usize, PatternError)> {
        let matcher = match method {
            MatchMethod::Found => Matcher::Found,
            MatchMethod::Bool => Matcher::Bool,
            MatchMethod::Int => Matcher::Ints(each(list, numbers::range)?),
            MatchMethod::Len => Matcher::Lengths(each(list, numbers::range)?),
            MatchMethod::Ip => Matcher::Networks(Networks::new(&each(list, |p| network(p, lookup))?)),
            MatchMethod::Bin => Matcher::Bytes(Table::new(Place::Whole, bytes(&each(list, unhex)?))),
            MatchMethod::Str => Matcher::Table(Table::new(Place::Whole, texts(list))),
            MatchMethod::Beg => Matcher::Table(Table::new(Place::Start, texts(list))),
            MatchMethod::End => Matcher::Table(Table::new(Place::End, texts(list))),
            MatchMethod::Sub => Matcher::Scan(Scan::substrings(texts(list))),
            MatchMethod::Dir => Matcher::Scan(Scan::parts(texts(list), b"/?")),
            MatchMethod::Dom => Matcher::Scan(Scan::parts(texts(list), b"/?.:")),
            MatchMethod::Reg | MatchMethod::Regm => Matcher::Regexes(Regexes::new(list)?),
        };
        Ok(Patterns { matcher })
    }

    /// The type a sample is cast to before it is compared; known at load.
    pub(crate) fn takes(method: MatchMethod) -> SampleType {
        match method {
            MatchMethod::Found | MatchMethod::Bin => SampleType::Any,
            MatchMethod::Bool | MatchMethod::Int => SampleType::Int,
            MatchMethod::Ip => SampleType::Addr,
            MatchMethod::Len
            | MatchMethod::Str
            | MatchMethod::Beg
            | MatchMethod::Sub
            | MatchMethod::Reg
            | MatchMethod::End
            | MatchMethod::Dir
            | MatchMethod::Dom
            | MatchMethod::Regm => SampleType::Str,
        }
    }

    /// Whether a value matches any of them.
    pub(crate) fn matches(&self, value: &Sample<'_>) -> bool {
        match &self.matcher {
            // Which one it is costs more than whether there is one.
            Matcher::Regexes(Regexes { set: Some(set), .. }) => {
                value.to_str().is_some_and(|text| set.is_match(&text))
            }
            Matcher::Regexes(_)
            | Matcher::Found
            | Matcher::Bool
            | Matcher::Ints(_)
            | Matcher::Lengths(_)
            | Matcher::Networks(_)
            | Matcher::Table(_)
            | Matcher::Bytes(_)
            | Matcher::Scan(_) => self.find(value).is_some(),
        }
    }

    /// Which of them a value matches: the longest prefix or network where the method looks for one, else the first.
    pub(crate) fn find(&self, value: &Sample<'_>) -> Option<usize> {
        match &self.matcher {
            Matcher::Found => Some(0),
            Matcher::Bool => value.to_int().filter(|i| *i != 0).map(|_| 0),
            Matcher::Ints(ranges) => numbers::find(ranges, value.to_int()?),
            Matcher::Lengths(ranges) => {
                numbers::find(ranges, i64::try_from(value.to_str()?.len()).unwrap_or(i64::MAX))
            }
            Matcher::Networks(networks) => networks.find(value.to_ip()?),
            Matcher::Table(table) => table.find(&value.to_str()?),
            Matcher::Bytes(table) => table.find(&value.to_bin()?),
            Matcher::Scan(scan) => scan.find(&value.to_str()?),
            Matcher::Regexes(regexes) => regexes.find(&value.to_str()?),
        }
    }

    /// The regular expression at `index`, for its groups.
    pub(crate) fn regex(&self, index: usize) -> Option<&Regex> {
        match &self.matcher {
            Matcher::Regexes(regexes) => regexes.each.get(index),
            Matcher::Found
            | Matcher::Bool
            | Matcher::Ints(_)
            | Matcher::Lengths(_)
            | Matcher::Networks(_)
            | Matcher::Table(_)
            | Matcher::Bytes(_)
            | Matcher::Scan(_) => None,
        }
    }
}

impl Regexes {
    fn new(list: &[Pattern]) -> Result<Regexes, (usize, PatternError)> {
        let sources: Vec<(String, bool)> =
            list.iter().map(|p| (base::raw::text(p.text.clone()), p.ignore_case)).collect();
        let compiled = sources.iter().enumerate().map(|(i, (text, ignore_case))| {
            pcre::compile(text, *ignore_case).map_err(|e| (i, PatternError::Regex(text.clone(), e)))
        });
        let each = compiled.collect::<Result<Vec<_>, _>>()?;
        // A set that grows too large is no error: they can still be tried one by one.
        let set = if each.len() > 1 { pcre::compile_set(&sources).ok() } else { None };
        Ok(Regexes { each, set })
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        match &self.set {
            Some(set) => set.matches(text).iter().next(),
            None => self.each.iter().position(|r| r.is_match(text)),
        }
    }
}

fn each<T>(
    list: &[Pattern],
    read: impl Fn(&Pattern) -> Result<T, PatternError>,
) -> Result<Vec<T>, (usize, PatternError)> {
    list.iter().enumerate().map(|(i, p)| read(p).map_err(|e| (i, e))).collect()
}

fn texts(list: &[Pattern]) -> Vec<(Vec<u8>, bool)> {
    list.iter().map(|p| (p.text.clone(), p.ignore_case)).collect()
}

fn bytes(list: &[Vec<u8>]) -> Vec<(Vec<u8>, bool)> {
    list.iter().map(|b| (b.clone(), false)).collect()
}

fn network(pattern: &Pattern, lookup: Lookup<'_>) -> Result<crate::address::Network, PatternError> {
    let text = String::from_utf8_lossy(&pattern.text);
    if let Some(network) = crate::address::network(&text) {
        return Ok(network);
    }
    let found = lookup(&text).and_then(|ip| crate::address::network(&ip.to_string()));
    found.ok_or_else(|| PatternError::NotAnAddress(text.into_owned()))
}

fn unhex(pattern: &Pattern) -> Result<Vec<u8>, PatternError> {
    if !pattern.text.len().is_multiple_of(2) {
        return Err(PatternError::OddHex);
    }
    let digit = |b: u8| {
        let value = char::from(b).to_digit(16);
        value.and_then(|d| u8::try_from(d).ok()).ok_or(PatternError::NotHex(char::from(b)))
    };
    pattern.text.chunks_exact(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
