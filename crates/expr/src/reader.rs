//! Walks the words of an expression and knows, for every piece, where it stands in the file. Cuts argument lists
//! (manual section 2.2: quotes and backslashes work inside parentheses as they do outside, except `\#`, `\$`, `\xNN`).

use base::{Span, Word};

/// A position in a list of words.
pub(crate) struct Reader<'w> {
    words: &'w [Word],
    word: usize,
    at: usize,
}

/// One argument as written: its text after quotes and escapes, and its place.
pub(crate) struct RawArg {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// The parenthesis is not closed before the word ends.
pub(crate) struct Unclosed;

impl<'w> Reader<'w> {
    /// At the start of the first word.
    pub(crate) fn new(words: &'w [Word]) -> Reader<'w> {
        Reader { words, word: 0, at: 0 }
    }

    /// Inside one word, from byte `at` on.
    pub(crate) fn inside(word: &'w Word, at: usize) -> Reader<'w> {
        Reader { words: std::slice::from_ref(word), word: 0, at }
    }

    /// What is left of the current word.
    pub(crate) fn rest(&self) -> &'w str {
        self.words.get(self.word).and_then(|w| w.text.get(self.at..)).unwrap_or("")
    }

    /// Byte offset in the current word.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether the current word ends here.
    pub(crate) fn word_done(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether all words end here.
    pub(crate) fn done(&self) -> bool {
        self.word_done() && self.word + 1 >= self.words.len()
    }

    /// Goes to the start of the next word; says whether there is one.
    pub(crate) fn next_word(&mut self) -> bool {
        if self.word + 1 >= self.words.len() {
            return false;
        }
        self.word += 1;
        self.at = 0;
        true
    }

    /// Steps over `text` if it stands here.
    pub(crate) fn skip(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// A keyword: letters, digits and `.-_+`. May be empty.
    pub(crate) fn name(&mut self) -> &'w str {
        let rest = self.rest();
        let name = rest.get(..name_len(rest)).unwrap_or("");
        self.at += name.len();
        name
    }

    /// Where the bytes `from..to` of the current word stand in the file.
    pub(crate) fn span(&self, from: usize, to: usize) -> Span {
        self.words.get(self.word).map_or_else(Span::default, |w| piece(w, from, to))
    }

    /// Where the rest of the current word stands; its last byte where nothing is left.
    pub(crate) fn span_here(&self) -> Span {
        let end = self.at + self.rest().len();
        self.span(self.at.min(end.saturating_sub(1)), end)
    }

    /// An argument list up to its closing parenthesis; the opening one was stepped over. `()` is no argument.
    pub(crate) fn arguments(&mut self) -> Result<Vec<RawArg>, Unclosed> {
        let mut list = Vec::new();
        loop {
            let start = self.at;
            let (text, end) = unquote(self.rest())?;
            self.at += end;
            list.push(RawArg { text, span: self.span(start, self.at.max(start + 1)) });
            let closed = self.skip(")");
            if closed {
                break;
            }
            self.skip(",");
        }
        if matches!(list.as_slice(), [only] if only.text.is_empty()) {
            list.clear();
        }
        Ok(list)
    }
}

/// Length of the keyword that a text begins with.
fn name_len(text: &str) -> usize {
    let part_of_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    text.bytes().position(|b| !part_of_name(b)).unwrap_or(text.len())
}

/// Where the bytes `from..to` of a word's text stand in the file. Exact where the word was written without quotes or
/// inside one pair of them; the whole word where escapes or variables moved things.
pub(crate) fn piece(word: &Word, from: usize, to: usize) -> Span {
    let span = word.span;
    let written = (span.end.saturating_sub(span.start)) as usize;
    let shift = match written.checked_sub(word.text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        Some(_) | None => return span,
    };
    let place = |offset: usize| span.start.saturating_add(u32::try_from(offset + shift).unwrap_or(u32::MAX));
    // Where something is missing behind the word's end, its last byte is pointed at.
    let end = place(to).min(span.end);
    Span { start: place(from).min(end.saturating_sub(1)).max(span.start), end, ..span }
}

/// One argument: its text and the offset of the `,` or `)` that ends it.
fn unquote(text: &str) -> Result<(String, usize), Unclosed> {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (',' | ')', None) => return Ok((out, at)),
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => {
                let next = chars.peek().map(|(_, n)| *n);
                match next.and_then(escaped) {
                    Some(plain) => {
                        out.push(plain);
                        chars.next();
                    }
                    None => out.push('\\'),
                }
            }
            (_, _) => out.push(c),
        }
    }
    Err(Unclosed)
}

/// What stands for itself behind a backslash, or for a control character; a backslash before anything else stays.
fn escaped(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        ' ' | '\\' | '"' | '\'' => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Option<Vec<String>> {
        let word = Word::new(text, Span::default());
        let list = Reader::inside(&word, 0).arguments().ok()?;
        Some(list.into_iter().map(|a| a.text).collect())
    }

    #[test]
    fn quotes_and_escapes_inside_parentheses() {
        let cases: [(&str, &[&str]); 12] = [
            (")", &[]),
            ("a,b)", &["a", "b"]),
            ("a,)", &["a", ""]),
            (",b)", &["", "b"]),
            (r#""a,b")"#, &["a,b"]),
            (r#"a"b,c"d)"#, &["ab,cd"]),
            (r#"a")"b)"#, &["a)b"]),
            (r"a\.b)", &[r"a\.b"]),
            (r#""my/\1",g)"#, &[r"my/\1", "g"]),
            (r"a\ b)", &["a b"]),
            (r"'a\nb')", &[r"a\nb"]),
            (r"a\\b\n)", &["a\\b\n"]),
        ];
        for (text, expected) in cases {
            assert_eq!(cut(text).as_deref(), Some(expected.map_strings().as_slice()), "{text}");
        }
        assert_eq!(cut("a"), None);
        assert_eq!(cut("\"a)"), None);
    }

    trait MapStrings {
        fn map_strings(&self) -> Vec<String>;
    }

    impl MapStrings for &[&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|s| (*s).to_owned()).collect()
        }
    }

    #[test]
    fn places_survive_one_pair_of_quotes() {
        let plain = Word::new("abc", Span { start: 10, end: 13, ..Span::default() });
        assert_eq!((piece(&plain, 1, 2).start, piece(&plain, 1, 2).end), (11, 12));
        let quoted = Word::new("abc", Span { start: 10, end: 15, ..Span::default() });
        assert_eq!((piece(&quoted, 1, 2).start, piece(&quoted, 1, 2).end), (12, 13));
        assert_eq!((piece(&plain, 3, 4).start, piece(&plain, 3, 4).end), (12, 13));
        let escaped = Word::new("abc", Span { start: 10, end: 14, ..Span::default() });
        assert_eq!((piece(&escaped, 1, 2).start, piece(&escaped, 1, 2).end), (10, 14));
    }
}
