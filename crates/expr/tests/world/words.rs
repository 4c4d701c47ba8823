//! Cuts a fixture's line into words as the configuration's lexer would: spaces part, single quotes hold together.

use base::{FileId, Span, Word};

/// The words of a line, each with its columns.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let mut list = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert((at, String::new()));
            }
            ' ' if !quoted => list.extend(word.take().map(|(start, text)| whole(text, start, at))),
            _ => word.get_or_insert((at, String::new())).1.push(c),
        }
    }
    list.extend(word.map(|(start, text)| whole(text, start, line.len())));
    list
}

fn whole(text: String, start: usize, end: usize) -> Word {
    Word::new(text, Span { file: FileId(0), line: 1, start: start as u32, end: end as u32 })
}
