//! Lines to words, as section 2.2 of the manual says: quotes and escapes resolved, variables replaced (inside double
//! quotes only), comments dropped, continued lines joined. Lines are cut one at a time, because `setenv` on one line
//! changes what the next one means. Knows no keyword.

use crate::env::Variables;
use crate::failure::Failure;
use base::{FileId, Span, Word};

/// The most words a line may have; HAProxy stops at 64. Far beyond what anyone writes, far below what would hurt.
pub(crate) const MAX_WORDS: usize = 1024;

/// The most bytes a line may have after variables are replaced; HAProxy stops at 2048.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// Cuts one file into lines.
#[derive(Debug)]
pub(crate) struct Lexer<'s> {
    file: FileId,
    text: &'s [u8],
    at: usize,
    /// The physical line that `at` stands in, counted from 1.
    line: u32,
    /// Where that line begins.
    line_start: usize,
}

/// One logical line: its words, or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Line {
    /// The physical line on which it begins.
    pub(crate) number: u32,
    pub(crate) words: Result<Vec<Word>, Failure>,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(file: FileId, text: &'s [u8]) -> Lexer<'s> {
        // An editor's byte order mark is no part of the first word.
        let at = if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        Lexer { file, text, at, line: 1, line_start: 0 }
    }

    /// The next logical line; `None` at the end of the file.
    pub(crate) fn next_line(&mut self, variables: &Variables<'_>) -> Option<Line> {
        if self.at >= self.text.len() {
            return None;
        }
        let number = self.line;
        let mut cutter =
            Cutter { lexer: self, variables, quote: None, open: None, words: Vec::new(), bytes: 0 };
        let result = cutter.run();
        let words = std::mem::take(&mut cutter.words);
        if result.is_err() {
            self.skip_line();
        }
        Some(Line { number, words: result.map(|()| words) })
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn column(&self) -> u32 {
        u32::try_from(self.at - self.line_start).unwrap_or(u32::MAX)
    }

    fn here(&self) -> Span {
        let start = self.column();
        Span { file: self.file, line: self.line, start, end: start.saturating_add(1) }
    }

    /// How many bytes a line ending at `at` takes; 0 where there is none. Carriage returns before it belong to it.
    fn line_ending(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let returns = rest.iter().take_while(|b| **b == b'\r').count();
        match rest.get(returns) {
            Some(b'\n') => returns + 1,
            Some(_) | None => 0,
        }
    }

    fn new_line(&mut self, ending: usize) {
        self.at += ending;
        self.line = self.line.saturating_add(1);
        self.line_start = self.at;
    }

    /// To the end of the physical line, without its ending.
    fn skip_comment(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }

    fn skip_line(&mut self) {
        self.skip_comment();
        if self.at < self.text.len() {
            self.new_line(1);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Single,
    Double,
}

/// A word that is being read.
struct Open {
    bytes: Vec<u8>,
    /// Where it begins; its end is set where it goes on in another line.
    start: Span,
}

struct Cutter<'l, 's, 'v> {
    lexer: &'l mut Lexer<'s>,
    variables: &'v Variables<'v>,
    /// The quote we are in, and where it was opened.
    quote: Option<(Quote, Span)>,
    open: Option<Open>,
    words: Vec<Word>,
    /// Bytes of all words so far.
    bytes: usize,
}

impl Cutter<'_, '_, '_> {
    fn run(&mut self) -> Result<(), Failure> {
        while let Some(byte) = self.lexer.peek() {
            let ending =
                if matches!(byte, b'\r' | b'\n') { self.lexer.line_ending(self.lexer.at) } else { 0 };
            if ending > 0 {
                self.close_line()?;
                self.lexer.new_line(ending);
                return Ok(());
            }
            match self.quote {
                Some((Quote::Single, _)) => self.in_single(byte)?,
                Some((Quote::Double, _)) => self.in_double(byte)?,
                None => self.outside(byte)?,
            }
        }
        self.close_line()
    }

    fn outside(&mut self, byte: u8) -> Result<(), Failure> {
        match byte {
            b' ' | b'\t' => {
                self.close_word()?;
                self.lexer.at += 1;
            }
            b'#' => self.lexer.skip_comment(),
            b'\\' => self.escape(false)?,
            b'"' => self.open_quote(Quote::Double),
            b'\'' => self.open_quote(Quote::Single),
            byte => self.literal(byte)?,
        }
        Ok(())
    }

    fn in_single(&mut self, byte: u8) -> Result<(), Failure> {
        if byte == b'\'' {
            self.close_quote();
            return Ok(());
        }
        self.literal(byte)
    }

    fn in_double(&mut self, byte: u8) -> Result<(), Failure> {
        match byte {
            b'"' => self.close_quote(),
            b'\\' => self.escape(true)?,
            b'$' => self.variable()?,
            byte => self.literal(byte)?,
        }
        Ok(())
    }

    fn open_quote(&mut self, quote: Quote) {
        let here = self.lexer.here();
        self.word();
        self.quote = Some((quote, here));
        self.lexer.at += 1;
    }

    fn close_quote(&mut self) {
        self.quote = None;
        self.lexer.at += 1;
    }

    /// A byte that stands for itself.
    fn literal(&mut self, byte: u8) -> Result<(), Failure> {
        match byte {
            0 => {
                return Err(Failure::new(self.lexer.here(), "a NUL byte stands in the line")
                    .help("is this a text file? Save it as UTF-8"));
            }
            b'\r' => {
                return Err(Failure::new(
                    self.lexer.here(),
                    "a carriage return stands in the middle of the line",
                )
                .help("end lines with LF or CRLF; write \\r where the character itself is meant"));
            }
            _ => {}
        }
        self.push(byte)?;
        self.lexer.at += 1;
        Ok(())
    }

    /// A backslash. Before the end of a line it joins the next one; otherwise the manual's table holds, and a
    /// backslash before any other character stands for itself.
    fn escape(&mut self, quoted: bool) -> Result<(), Failure> {
        let ending = self.lexer.line_ending(self.lexer.at + 1);
        if ending > 0 {
            let (line, end) = (self.lexer.line, self.lexer.column());
            if let Some(open) = self.open.as_mut().filter(|open| open.start.line == line) {
                open.start.end = end;
            }
            self.lexer.new_line(1 + ending);
            return Ok(());
        }
        let (byte, len) = match self.lexer.text.get(self.lexer.at + 1).copied() {
            Some(byte @ (b' ' | b'\t' | b'#' | b'\\' | b'"' | b'\'')) => (byte, 2),
            Some(b'$') if quoted => (b'$', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b't') => (b'\t', 2),
            Some(b'x') => (self.hex()?, 4),
            Some(_) | None => (b'\\', 1),
        };
        self.push(byte)?;
        self.lexer.at += len;
        Ok(())
    }

    fn hex(&self) -> Result<u8, Failure> {
        let digits = self.lexer.text.get(self.lexer.at + 2..self.lexer.at + 4).unwrap_or_default();
        let value = match digits {
            [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok())
            }
            _ => None,
        };
        let here = self.lexer.here();
        match value {
            Some(0) => Err(Failure::new(here, "a NUL byte cannot be part of a word")
                .help("no keyword takes one; leave it out")),
            Some(value) => Ok(value),
            None => Err(Failure::new(here, "truncated or invalid hexadecimal sequence")
                .help("\\x wants two hexadecimal digits; write \\\\x for a backslash and an x")),
        }
    }

    /// `$NAME`, `${NAME}`, `${NAME[*]}`, `${NAME-default}` inside double quotes.
    fn variable(&mut self) -> Result<(), Failure> {
        let reference = Reference::read(&self.lexer.text[self.lexer.at..])
            .map_err(|(at, text)| self.bad_variable(at, text))?;
        let line = self.lexer.line;
        let value = self.variables.get(reference.name, line);
        let value = base::raw::bytes(value.as_deref().unwrap_or(reference.default));
        let list = reference.list;
        self.word();
        for byte in value.iter() {
            if list && matches!(byte, b' ' | b'\t') {
                self.close_part()?;
            } else {
                self.push(*byte)?;
            }
        }
        self.lexer.at += reference.len;
        Ok(())
    }

    fn bad_variable(&self, at: usize, message: &str) -> Failure {
        let start = self.lexer.column() + u32::try_from(at).unwrap_or(0);
        let span = Span { start, end: start + 1, ..self.lexer.here() };
        Failure::new(span, message).help("write \\$ where a dollar is meant, or use single quotes")
    }

    fn word(&mut self) -> &mut Open {
        let here = self.lexer.here();
        self.open.get_or_insert_with(|| Open { bytes: Vec::new(), start: here })
    }

    fn push(&mut self, byte: u8) -> Result<(), Failure> {
        self.bytes += 1;
        if self.bytes > MAX_LINE {
            return Err(Failure::new(self.lexer.here(), format!("line too long, limit: {MAX_LINE} bytes"))
                .help("write several lines, or put lists into a file ('-f FILE')"));
        }
        self.word().bytes.push(byte);
        Ok(())
    }

    /// Ends a word in the middle of an expanded list; the next one begins at the same place.
    fn close_part(&mut self) -> Result<(), Failure> {
        let Some(open) = &self.open else { return Ok(()) };
        if open.bytes.is_empty() {
            return Ok(());
        }
        let start = open.start;
        self.close_word()?;
        self.open = Some(Open { bytes: Vec::new(), start });
        Ok(())
    }

    fn close_word(&mut self) -> Result<(), Failure> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let same_line = open.start.line == self.lexer.line;
        let end = if same_line { self.lexer.column().max(open.start.end) } else { open.start.end };
        let span = Span { end, ..open.start };
        if self.words.len() >= MAX_WORDS {
            return Err(Failure::new(span, format!("too many words, limit: {MAX_WORDS} a line"))
                .help("write several lines, or put lists into a file ('-f FILE')"));
        }
        self.words.push(Word { text: base::raw::text(open.bytes), span });
        Ok(())
    }

    fn close_line(&mut self) -> Result<(), Failure> {
        if let Some((_, opened)) = self.quote {
            return Err(
                Failure::new(opened, "unmatched quote").help("close it, or write a backslash before it")
            );
        }
        self.close_word()
    }
}

/// A reference to a variable, cut out of the text that begins with its `$`.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'t> {
    name: &'t str,
    /// `[*]`: each of the value's words becomes one.
    list: bool,
    default: &'t str,
    len: usize,
}

impl<'t> Reference<'t> {
    /// On failure: the offset of the offending byte, and what is wrong.
    fn read(text: &'t [u8]) -> Result<Reference<'t>, (usize, &'static str)> {
        let braced = text.get(1) == Some(&b'{');
        let begin = if braced { 2 } else { 1 };
        let name = name_at(text, begin)?;
        let end = begin + name.len();
        if !braced {
            return Ok(Reference { name, list: false, default: "", len: end });
        }
        let list = text[end..].starts_with(b"[*]");
        let end = if list { end + 3 } else { end };
        let unmatched = (1, "unmatched brace in environment variable name");
        let rest = text[end..].split(|b| *b == b'\n').next().unwrap_or_default();
        let close = rest.iter().position(|b| *b == b'}').ok_or(unmatched)?;
        let default = match rest.first() {
            Some(b'-') => std::str::from_utf8(&rest[1..close]).map_err(|_| unmatched)?,
            Some(b'}') => "",
            Some(_) | None => return Err(unmatched),
        };
        Ok(Reference { name, list, default, len: end + close + 1 })
    }
}

fn name_at(text: &[u8], begin: usize) -> Result<&str, (usize, &'static str)> {
    let forbidden = (begin, "forbidden first char in environment variable name");
    let rest = text.get(begin..).unwrap_or_default();
    let dot = usize::from(rest.first() == Some(&b'.'));
    let letters = rest[dot..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    match rest.get(dot) {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {}
        Some(_) | None => return Err(forbidden),
    }
    std::str::from_utf8(&rest[..dot + letters]).map_err(|_| forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Environment;

    fn lines(text: &[u8]) -> Vec<Result<Vec<Word>, Failure>> {
        let mut env = Environment::default();
        env.set("FOO", "foo");
        env.set("LIST", "a b  c");
        let variables = Variables { environment: &env, file: "x.cfg", section: "global" };
        let mut lexer = Lexer::new(FileId(0), text);
        std::iter::from_fn(|| lexer.next_line(&variables)).map(|line| line.words).collect()
    }

    fn texts(text: &[u8]) -> Vec<String> {
        lines(text).remove(0).unwrap().into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn quoting_and_escaping_as_the_manual_has_it() {
        let cases: [(&str, &[&str]); 16] = [
            ("log-format %{+Q}o\\ %t", &["log-format", "%{+Q}o %t"]),
            ("log-format \"%{+Q}o %t\"' %s'", &["log-format", "%{+Q}o %t %s"]),
            ("a b#c", &["a", "b"]),
            ("a \"b#c\" 'd#e' f\\#g", &["a", "b#c", "d#e", "f#g"]),
            (r#"a\qb a\$b "a\$b" "\'" \""#, &["a\\qb", "a\\$b", "a$b", "'", "\""]),
            (r#"\x41\t\n\r \\"#, &["A\t\n\r", "\\"]),
            ("a \"\" b", &["a", "", "b"]),
            ("$FOO \"$FOO\" '$FOO' \"${FOO}x\"", &["$FOO", "foo", "$FOO", "foox"]),
            ("\"${NOPE-b c}\" \"${NOPE}\" \"${FOO-x}\"", &["b c", "", "foo"]),
            ("\"x${LIST[*]}y\"", &["xa", "b", "cy"]),
            ("\"${A-\"b\"}\"", &["\"b\""]),
            ("\"${.FILE}:$.LINE $.SECTION\"", &["x.cfg:1 global"]),
            ("a b\\\n  c", &["a", "b", "c"]),
            ("a b\\\nc", &["a", "bc"]),
            ("a b\r\n", &["a", "b"]),
            ("a\\", &["a\\"]),
        ];
        for (line, expected) in cases {
            assert_eq!(texts(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn places_are_exact_in_the_physical_line() {
        let line = lines(b"  a \"b c\"\\\n   d").remove(0).unwrap();
        let places: Vec<_> = line.iter().map(|w| (w.span.line, w.span.start, w.span.end)).collect();
        assert_eq!(places, [(1, 2, 3), (1, 4, 9), (2, 3, 4)]);
    }

    #[test]
    fn a_bad_line_is_one_complaint_and_the_next_line_is_read() {
        let cases: [(&[u8], &str, u32); 7] = [
            (b"a \"b\nnext", "unmatched quote", 2),
            (b"a 'b\nnext", "unmatched quote", 2),
            (b"a \\x4\nnext", "truncated or invalid hexadecimal sequence", 2),
            (b"a \"$1\"\nnext", "forbidden first char in environment variable name", 4),
            (b"a \"${A\nnext", "unmatched brace in environment variable name", 4),
            (b"a\rb\nnext", "a carriage return stands in the middle of the line", 1),
            (b"a\0b\nnext", "a NUL byte stands in the line", 1),
        ];
        for (text, message, start) in cases {
            let mut got = lines(text);
            assert_eq!(got.len(), 2, "{message}");
            assert_eq!(got.remove(1).unwrap()[0].text, "next");
            let failure = got.remove(0).unwrap_err();
            assert_eq!((failure.message.as_str(), failure.span.start), (message, start));
        }
    }

    #[test]
    fn a_word_keeps_bytes_that_are_no_utf8() {
        let words = lines(b"a caf\xe9 \"\\xFC\"\n").remove(0).unwrap();
        assert_eq!((&*words[1].bytes(), &*words[2].bytes()), (&b"caf\xe9"[..], &b"\xfc"[..]));
        assert_eq!((words[1].span.start, words[1].span.end), (2, 6));
    }

    #[test]
    fn lines_and_words_are_bounded() {
        let long = "x".repeat(MAX_LINE + 1);
        assert!(lines(long.as_bytes()).remove(0).unwrap_err().message.starts_with("line too long"));
        let many = "x ".repeat(MAX_WORDS + 1);
        assert!(lines(many.as_bytes()).remove(0).unwrap_err().message.starts_with("too many words"));
    }
}
