//! Header names in other letters than lower case, for peers that wrongly depend on them (manual, `h1-case-adjust`).
//! Names are compared and kept in lower case everywhere; only the writer of HTTP/1 heads asks here.

use std::collections::HashMap;

/// How names are to be spelled, by their lower-case form. Names that it does not know stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Spelling(HashMap<Box<[u8]>, Box<[u8]>>);

impl Spelling {
    /// No name at all: everything stays in lower case.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes a name known by its spelling; says whether it was unknown before. A later spelling does not count.
    pub fn add(&mut self, spelled: &[u8]) -> bool {
        let lower = spelled.to_ascii_lowercase().into();
        let new = !self.0.contains_key(&lower);
        if new {
            self.0.insert(lower, spelled.into());
        }
        new
    }

    /// The spelling of a name in lower case.
    pub fn of<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.0.get(name).map_or(name, |spelled| spelled)
    }
}

/// A name as browsers spell it, each of its words with a capital: `X-Forwarded-For`.
pub fn capitalized(name: &[u8]) -> Vec<u8> {
    let mut begins = true;
    let mut spelled = name.to_vec();
    for byte in &mut spelled {
        if begins {
            byte.make_ascii_uppercase();
        }
        begins = *byte == b'-';
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_change() {
        let mut spelling = Spelling::default();
        assert!(spelling.add(b"Content-Length"));
        assert!(!spelling.add(b"CONTENT-LENGTH"));
        assert_eq!(spelling.of(b"content-length"), b"Content-Length");
        assert_eq!(spelling.of(b"x"), b"x");
    }

    #[test]
    fn each_word_gets_a_capital() {
        assert_eq!(capitalized(b"x-forwarded-for"), b"X-Forwarded-For");
        assert_eq!(capitalized(b"te"), b"Te");
    }
}
