//! Map files: two columns, a pattern and the value it stands for. Read at load for the `map*` converters.

use crate::matching::MatchMethod;
use crate::rows::MapValue;
use crate::sample::Sample;

/// A compiled map.
pub struct Map {
    /// The file's name, as written.
    pub name: String,
    /// How the first column is compared.
    pub method: MatchMethod,
    /// What the second column is read as.
    pub value: MapValue,
    entries: Vec<(Box<[u8]>, Sample<'static>)>,
}

impl Map {
    /// The value of the entry that matches `key`, which the converter's input type was cast to. For `regm` the
    /// groups `\0` to `\9` in the value are filled in.
    pub fn lookup<'a>(&'a self, key: &Sample<'_>) -> Option<Sample<'a>> {
        let key = key.to_str()?;
        self.entries.iter().find(|(pattern, _)| **pattern == *key).map(|(_, value)| value.clone())
    }
}
