//! Map files: two columns, a pattern and the value it stands for. Read at load for the `map*` converters; also the
//! way pattern files are cut into lines.

use crate::compile::{Env, Outside};
use crate::matching::MatchMethod;
use crate::reference::{self, How, Misfit, View};
use crate::rows::MapValue;
use crate::sample::Sample;
use base::{Span, reason};
use std::sync::Arc;

/// A map as one converter reads it.
pub struct Map {
    view: Arc<View>,
}

impl Map {
    /// The value that a key stands for now. Without one the converter's default counts.
    pub fn lookup(&self, key: &Sample<'_>) -> Option<Sample<'static>> {
        self.view.lookup(key)
    }
}

/// The map of a file, compiled once for each method and value type.
pub(crate) fn load(
    env: &mut Env<'_>,
    name: &str,
    span: Span,
    method: MatchMethod,
    value: MapValue,
) -> Result<Arc<Map>, String> {
    let reference = reference::file(env, name, true, reference::User::Map, span)
        .map_err(|e| format!("failed to open map file <{name}> ({})", reason(&e)))?;
    let how = How { method, ignore_case: false, no_lookup: false, value: Some(value) };
    let outside = env.outside;
    let view = reference.view(how, &|host| outside.lookup(host)).map_err(|(line, misfit)| match misfit {
        Misfit::Pattern(_, why) => format!("{why} at line {line} of file '{name}'"),
        Misfit::Value(_, text) => {
            format!("'{text}' is no value of the map's type at line {line} of file '{name}'")
        }
    })?;
    Ok(Arc::new(Map { view }))
}

/// What a list begins with: nothing for `virt@`, a file's text otherwise, which need not be there for `opt@`.
fn text(outside: &dyn Outside, name: &str) -> std::io::Result<Vec<u8>> {
    if name.starts_with("virt@") {
        return Ok(Vec::new());
    }
    let Some(path) = name.strip_prefix("opt@") else { return outside.read_file(name) };
    match outside.read_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// The lines of a pattern or map file that count, each with its number: leading blanks stripped, empty ones and
/// comments (a `#` in the first column) left out. A blank before `#` makes it a pattern.
pub(crate) fn lines(outside: &dyn Outside, name: &str) -> std::io::Result<Vec<(usize, Vec<u8>)>> {
    let text = text(outside, name)?;
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
