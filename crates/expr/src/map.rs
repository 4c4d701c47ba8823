//! Map files: two columns, a pattern and the value it stands for. Read at load for the `map*` converters; also the
//! way pattern files are cut into lines.

use crate::cast::parse_ip;
use crate::compile::{Env, Outside};
use crate::matching::MatchMethod;
use crate::patterns::{Operator, Pattern, Patterns};
use crate::rows::MapValue;
use crate::sample::Sample;
use regex::bytes::Captures;
use std::sync::Arc;

/// A compiled map.
pub struct Map {
    /// The file's name, as written.
    pub name: String,
    value: MapValue,
    patterns: Patterns,
    values: Vec<Sample<'static>>,
}

impl Map {
    /// How the first column is compared.
    pub fn method(&self) -> MatchMethod {
        self.patterns.method()
    }

    /// The value of the entry that matches `key`: the longest prefix or network, else the first in the file. For
    /// `regm` the groups `\0` to `\9` in the value are filled in.
    pub fn lookup<'a>(&'a self, key: &Sample<'_>) -> Option<Sample<'a>> {
        let index = self.patterns.find(key)?;
        let value = self.values.get(index)?;
        match (self.method(), value) {
            (MatchMethod::Regm, Sample::Str(template)) => {
                let key = key.to_str()?;
                let groups = self.patterns.regex(index)?.captures(&key)?;
                Some(Sample::owned(filled(template, &groups)))
            }
            (_, value) => Some(borrowed(value)),
        }
    }
}

fn borrowed<'a>(value: &'a Sample<'static>) -> Sample<'a> {
    match value {
        Sample::Str(text) => Sample::str(text),
        Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) | Sample::Bin(_) | Sample::Method(_) => {
            value.clone()
        }
    }
}

/// A replacement text with its groups: `\0` the whole match, `\1` to `\9` its groups, empty where a group took no
/// part, `\\` a backslash.
pub fn filled(template: &[u8], groups: &Captures<'_>) -> Vec<u8> {
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

/// The map of a file, compiled once for each method and value type.
pub(crate) fn load(
    env: &mut Env<'_>,
    name: &str,
    method: MatchMethod,
    value: MapValue,
) -> Result<Arc<Map>, String> {
    let same = |m: &&Arc<Map>| m.name == name && m.method() == method && m.value == value;
    if let Some(map) = env.maps.iter().find(same) {
        return Ok(map.clone());
    }
    let map = Arc::new(read(env.outside, name, method, value)?);
    env.maps.push(map.clone());
    Ok(map)
}

fn read(outside: &dyn Outside, name: &str, method: MatchMethod, value: MapValue) -> Result<Map, String> {
    let lines = lines(outside, name).map_err(|e| format!("failed to open map file <{name}> ({e})"))?;
    let mut values = Vec::with_capacity(lines.len());
    let mut keys = Vec::with_capacity(lines.len());
    for (number, line) in &lines {
        let (key, text) = columns(line);
        let typed = typed(value, text).ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            format!("'{text}' is no value of the map's type at line {number} of file '{name}'")
        })?;
        keys.push(Pattern { text: key.to_vec(), ignore_case: false, operator: Operator::Eq });
        values.push(typed);
    }
    let patterns = Patterns::new(method, &keys, &|host| outside.lookup(host)).map_err(|(index, why)| {
        let line = lines.get(index).map_or(0, |(number, _)| *number);
        format!("{why} at line {line} of file '{name}'")
    })?;
    Ok(Map { name: name.to_owned(), value, patterns, values })
}

fn typed(value: MapValue, text: &[u8]) -> Option<Sample<'static>> {
    match value {
        MapValue::Str => Some(Sample::owned(text)),
        MapValue::Int => std::str::from_utf8(text).ok()?.parse().ok().map(Sample::Int),
        MapValue::Ip => parse_ip(text).map(Sample::Ip),
    }
}

/// The lines of a pattern or map file that count, each with its number: leading blanks stripped, empty ones and
/// comments (a `#` in the first column) left out. A blank before `#` makes it a pattern.
pub(crate) fn lines(outside: &dyn Outside, path: &str) -> std::io::Result<Vec<(usize, Vec<u8>)>> {
    let text = outside.read_file(path)?;
    let kept = text.split(|b| *b == b'\n').enumerate().filter_map(|(index, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        let start = line.iter().position(|b| !is_blank(*b))?;
        Some((index + 1, line.get(start..)?.to_vec()))
    });
    Ok(kept.collect())
}

/// Key and value of a map line: the value is the rest of the line, blanks around it stripped; empty where there is none.
pub(crate) fn columns(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| is_blank(*b)).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    (key, http::fields::trim(rest))
}

fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}
