//! Texts: equal, at the start, at the end, inside. Few patterns are compared one after the other; many are hashed by
//! length. Case is ignored without copying, or in a small buffer on the stack.

use memchr::memmem;
use std::collections::HashMap;

/// Where a pattern must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Whole,
    Start,
    End,
}

/// Up to this many patterns comparing each is cheaper than hashing once.
const FEW: usize = 8;

/// Keys up to this long are lowered on the stack before they are hashed.
const STACK: usize = 256;

/// Patterns for [`Place`]s.
pub(super) struct Table {
    place: Place,
    exact: Half,
    folded: Half,
}

/// The patterns of one case rule.
enum Half {
    Few(Vec<(Box<[u8]>, usize)>),
    Many { by_text: HashMap<Box<[u8]>, usize>, lengths: Vec<usize> },
}

impl Table {
    /// Patterns and whether case is ignored for each.
    pub(super) fn new(place: Place, list: Vec<(Vec<u8>, bool)>) -> Table {
        let (mut exact, mut folded) = (Vec::new(), Vec::new());
        for (index, (mut text, ignore_case)) in list.into_iter().enumerate() {
            if ignore_case {
                text.make_ascii_lowercase();
                folded.push((text.into_boxed_slice(), index));
            } else {
                exact.push((text.into_boxed_slice(), index));
            }
        }
        Table { place, exact: Half::new(place, exact), folded: Half::new(place, folded) }
    }

    /// The pattern that stands at the place: the longest at the start, the first elsewhere.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        let same = |a: &[u8], b: &[u8]| a == b;
        self.exact.find(self.place, text, same).or_else(|| self.find_folded(text))
    }

    fn find_folded(&self, text: &[u8]) -> Option<usize> {
        let Half::Many { lengths, .. } = &self.folded else {
            return self.folded.find(self.place, text, <[u8]>::eq_ignore_ascii_case);
        };
        let same = |a: &[u8], b: &[u8]| a == b;
        let longest = lengths.first().copied().unwrap_or(0);
        let text = cut(self.place, text, longest)?;
        if text.len() > STACK {
            return self.folded.find(self.place, &text.to_ascii_lowercase(), same);
        }
        let mut buffer = [0; STACK];
        let lowered = buffer.get_mut(..text.len())?;
        lowered.copy_from_slice(text);
        lowered.make_ascii_lowercase();
        self.folded.find(self.place, lowered, same)
    }
}

/// The part of a text that patterns up to `longest` bytes can touch.
fn cut(place: Place, text: &[u8], longest: usize) -> Option<&[u8]> {
    match place {
        Place::Whole if text.len() > longest => None,
        Place::Whole => Some(text),
        Place::Start | Place::End => at(place, text, longest.min(text.len())),
    }
}

/// The `len` bytes of a text at a place; all of it for `Whole`, if it is that long.
fn at(place: Place, text: &[u8], len: usize) -> Option<&[u8]> {
    match place {
        Place::Whole => (text.len() == len).then_some(text),
        Place::Start => text.get(..len),
        Place::End => text.get(text.len().checked_sub(len)?..),
    }
}

impl Half {
    fn new(place: Place, mut list: Vec<(Box<[u8]>, usize)>) -> Half {
        if list.len() <= FEW {
            if place == Place::Start {
                list.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
            }
            return Half::Few(list);
        }
        let mut lengths: Vec<usize> = list.iter().map(|(text, _)| text.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        let mut by_text = HashMap::with_capacity(list.len());
        for (text, index) in list {
            by_text.entry(text).or_insert(index);
        }
        Half::Many { by_text, lengths }
    }

    fn find(&self, place: Place, text: &[u8], same: impl Fn(&[u8], &[u8]) -> bool) -> Option<usize> {
        match self {
            Half::Few(list) => list
                .iter()
                .find(|(pattern, _)| at(place, text, pattern.len()).is_some_and(|t| same(t, pattern)))
                .map(|(_, index)| *index),
            Half::Many { by_text, lengths } => {
                let mut hits = lengths.iter().filter_map(|len| by_text.get(at(place, text, *len)?).copied());
                match place {
                    Place::Whole => by_text.get(text).copied(),
                    Place::Start => hits.next(),
                    Place::End => hits.min(),
                }
            }
        }
    }
}

/// Patterns that may stand anywhere inside.
pub(super) struct Scan {
    list: Vec<Inside>,
    /// What parts `dir` and `dom`; empty for `sub`.
    delimiters: &'static [u8],
}

struct Inside {
    finder: memmem::Finder<'static>,
    ignore_case: bool,
}

impl Scan {
    /// `sub`
    pub(super) fn substrings(list: Vec<(Vec<u8>, bool)>) -> Scan {
        Scan { list: list.into_iter().map(|(text, i)| Inside::new(&text, i)).collect(), delimiters: b"" }
    }

    /// `dir`, `dom`: delimiters around a pattern do not count.
    pub(super) fn parts(list: Vec<(Vec<u8>, bool)>, delimiters: &'static [u8]) -> Scan {
        let strip = |text: &[u8]| {
            let start = text.iter().position(|b| !delimiters.contains(b)).unwrap_or(text.len());
            let end = text.iter().rposition(|b| !delimiters.contains(b)).map_or(start, |i| i + 1);
            text.get(start..end).unwrap_or_default().to_vec()
        };
        let list = list.into_iter().map(|(text, i)| Inside::new(&strip(&text), i)).collect();
        Scan { list, delimiters }
    }

    /// The first pattern found.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        self.list.iter().position(|inside| {
            if self.delimiters.is_empty() {
                inside.find(text, 0).is_some()
            } else {
                inside.is_part_of(text, self.delimiters)
            }
        })
    }
}

impl Inside {
    fn new(text: &[u8], ignore_case: bool) -> Inside {
        Inside { finder: memmem::Finder::new(text).into_owned(), ignore_case }
    }

    /// Where it stands from `from` on.
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        let needle = self.finder.needle();
        if !self.ignore_case {
            return self.finder.find(rest).map(|at| from + at);
        }
        if needle.is_empty() {
            return Some(from);
        }
        rest.windows(needle.len()).position(|w| w.eq_ignore_ascii_case(needle)).map(|at| from + at)
    }

    fn is_part_of(&self, text: &[u8], delimiters: &[u8]) -> bool {
        let len = self.finder.needle().len();
        if len == 0 {
            return false;
        }
        let edge = |byte: Option<&u8>| byte.is_none_or(|b| delimiters.contains(b));
        let mut from = 0;
        while let Some(at) = self.find(text, from) {
            if edge(at.checked_sub(1).and_then(|i| text.get(i))) && edge(text.get(at + len)) {
                return true;
            }
            from = at + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str], ignore_case: bool) -> Vec<(Vec<u8>, bool)> {
        texts.iter().map(|t| (t.as_bytes().to_vec(), ignore_case)).collect()
    }

    #[test]
    fn few_and_many_agree() {
        let few = ["/a", "/ab", "b/", "/x"];
        let mut many: Vec<String> = few.iter().map(|s| (*s).to_owned()).collect();
        many.extend((0..20).map(|i| format!("filler{i}")));
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for place in [Place::Whole, Place::Start, Place::End] {
            for ignore_case in [false, true] {
                let a = Table::new(place, list(&few, ignore_case));
                let b = Table::new(place, list(&many, ignore_case));
                for text in ["/a", "/abc", "/ABC", "/AB", "xb/", "/", "", "xB/"] {
                    assert_eq!(a.find(text.as_bytes()), b.find(text.as_bytes()), "{place:?} {text}");
                }
            }
        }
        let long = Table::new(Place::End, list(&many, true));
        assert_eq!(long.find(format!("{}FILLER3", "x".repeat(1000)).as_bytes()), Some(7));
    }

    #[test]
    fn the_longest_prefix_wins() {
        let table = Table::new(Place::Start, list(&["/", "/a/b", "/a"], false));
        assert_eq!(table.find(b"/a/b/c"), Some(1));
        assert_eq!(table.find(b"/ax"), Some(2));
        assert_eq!(table.find(b"/x"), Some(0));
    }

    #[test]
    fn parts() {
        let dom = |p: &str, t: &str| Scan::parts(list(&[p], false), b"/?.:").find(t.as_bytes()).is_some();
        let url = "http://www1.dc-eu.example.com:80/blah";
        for p in ["http", "www1", ".www1", "dc-eu", "com", "80", "dc-eu.example", "blah", ":www1:"] {
            assert!(dom(p, url), "{p}");
        }
        for p in ["eu", "dc", "."] {
            assert!(!dom(p, url), "{p}");
        }
        let dir = |p: &str, t: &str| Scan::parts(list(&[p], true), b"/?").find(t.as_bytes()).is_some();
        assert!(dir("/IMAGES", "/images/png/logo/32x32.png") && dir("png/logo", "/images/png/logo"));
        assert!(!dir("32x32", "/images/32x32.png") && !dir("png", "/x.png"));
    }
}
