//! Places in configuration files. Every word keeps its place for as long as something may still be said about it.

use std::borrow::Cow;
use std::fmt;

/// Which of the loaded files; an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

/// A piece of one line of one file. Columns are byte offsets into the raw physical line, `end` exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Counted from 1; 0 means the place is the file as a whole.
    pub line: u32,
    /// First byte of the piece.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers `self` and `other`; `self` where they stand on different lines.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file || self.line != other.line {
            return self;
        }
        Span { start: self.start.min(other.start), end: self.end.max(other.end), ..self }
    }
}

/// A word as the lexer hands it on: quotes and escapes resolved, variables replaced, place kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The text after all replacement; bytes that are no UTF-8 are kept as [`crate::raw`] keeps them.
    pub text: String,
    /// Where it was written.
    pub span: Span,
}

impl Word {
    /// A word made by us rather than read, at the place that caused it.
    pub fn new(text: impl Into<String>, span: Span) -> Word {
        Word { text: text.into(), span }
    }

    /// The bytes that were written, also where they are no UTF-8, see [`crate::raw`].
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        crate::raw::bytes(&self.text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The files of one load, kept so that a complaint can show the line it is about.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<(String, Vec<u8>)>,
    hidden: Vec<Span>,
}

impl Sources {
    /// Takes a file in. Files beyond the 65,535th share the last id; nobody has that many.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Vec<u8>>) -> FileId {
        self.files.push((name.into(), text.into()));
        FileId(u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX))
    }

    /// The name it was given on the command line; empty for an unknown id.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(usize::from(file.0)).map_or("", |(name, _)| name)
    }

    /// The bytes of a file; empty for an unknown id.
    pub fn text(&self, file: FileId) -> &[u8] {
        self.files.get(usize::from(file.0)).map_or(&[], |(_, text)| text)
    }

    /// Marks a piece of a line as a secret: [`Sources::line`] shows asterisks in its place.
    pub fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// One physical line without its line ending, invalid UTF-8 replaced, secrets hidden.
    pub fn line(&self, file: FileId, line: u32) -> Option<String> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let bytes = self.text(file).split(|b| *b == b'\n').nth(index)?;
        let mut bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec();
        for span in self.hidden.iter().filter(|span| span.file == file && span.line == line) {
            let end = bytes.len().min(span.end as usize);
            if let Some(secret) = bytes.get_mut(span.start as usize..end) {
                secret.fill(b'*');
            }
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_asterisks() {
        let mut sources = Sources::default();
        let file = sources.add("a.cfg", "user joe insecure-password hush\nuser");
        sources.hide(Span { file, line: 1, start: 27, end: 31 });
        sources.hide(Span { file, line: 2, start: 27, end: 31 });
        assert_eq!(sources.line(file, 1).as_deref(), Some("user joe insecure-password ****"));
        assert_eq!(sources.line(file, 2).as_deref(), Some("user"));
    }
}
