//! A cursor over the words of one line, behind the words of the row's name. Every helper consumes what it reads and
//! names the keyword, the word and the remedy when it cannot.

use crate::failure::Failure;
use crate::model::{CondText, ExprText, FormatText};
use base::units::{self, UnitError};
use base::{Span, Word};
use std::ops::RangeInclusive;

/// The longest time that a keyword takes: HAProxy counts milliseconds in 31 bits, about 24.8 days.
pub const MAX_MILLIS: u64 = i32::MAX as u64;

/// What stood in front of the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Nothing.
    Plain,
    /// `no`
    No,
    /// `default`: back to what holds where nothing is written.
    Default,
}

/// The words of a line, and how far they have been read.
#[derive(Clone, Debug)]
pub struct Args<'l> {
    words: &'l [Word],
    /// How many of them are the keyword.
    name_len: usize,
    at: usize,
    polarity: Polarity,
}

impl<'l> Args<'l> {
    /// A cursor over `words`, of which the first `name_len` are the keyword (without `no` or `default`).
    pub fn new(words: &'l [Word], name_len: usize, polarity: Polarity) -> Args<'l> {
        let name_len = name_len.min(words.len());
        Args { words, name_len, at: name_len, polarity }
    }

    /// What stood in front of the keyword.
    pub fn polarity(&self) -> Polarity {
        self.polarity
    }

    /// A switch's value: what `option X`, `no option X` and `default option X` set.
    pub fn switch(&self) -> Option<bool> {
        match self.polarity {
            Polarity::Plain => Some(true),
            Polarity::No => Some(false),
            Polarity::Default => None,
        }
    }

    /// The keyword as it was typed, `http-request set-var(txn.a)`.
    pub fn name(&self) -> String {
        self.words[..self.name_len].iter().map(Word::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The keyword's place, all its words.
    pub fn span(&self) -> Span {
        match (self.words.first(), self.words[..self.name_len].last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            (Some(only), None) | (None, Some(only)) => only.span,
            (None, None) => Span::default(),
        }
    }

    /// All words of the line, the keyword's included.
    pub fn line(&self) -> &'l [Word] {
        self.words
    }

    /// The next word, not consumed.
    pub fn peek(&self) -> Option<&'l Word> {
        self.words.get(self.at)
    }

    /// Whether the next word is `text`; it is not consumed.
    pub fn peek_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|w| w.text == text)
    }

    /// Consumes the next word if it is `text`.
    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.peek_is(text);
        self.at += usize::from(found);
        found
    }

    /// Whether all words have been read.
    pub fn is_done(&self) -> bool {
        self.at >= self.words.len()
    }

    /// The next word; `what` (with its article) completes "expects …".
    pub fn expect(&mut self, what: &str) -> Result<&'l Word, Failure> {
        self.next().ok_or_else(|| self.missing(what))
    }

    /// The next word, which must not be empty: HAProxy takes `""` for a missing argument.
    pub fn expect_text(&mut self, what: &str) -> Result<&'l Word, Failure> {
        match self.next() {
            Some(word) if !word.text.is_empty() => Ok(word),
            Some(empty) => Err(Failure { span: empty.span, ..self.missing(what) }),
            None => Err(self.missing(what)),
        }
    }

    /// All words not yet read.
    pub fn rest(&mut self) -> &'l [Word] {
        let rest = self.words.get(self.at..).unwrap_or_default();
        self.at = self.words.len();
        rest
    }

    /// The words up to the condition (`if` or `unless`), or to the end.
    pub fn until_cond(&mut self) -> &'l [Word] {
        self.until(&["if", "unless"])
    }

    /// The words up to one of `stops`, or to the end. The stop is not consumed.
    pub fn until(&mut self, stops: &[&str]) -> &'l [Word] {
        let rest = self.words.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|w| stops.contains(&w.as_str())).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A sample expression: the words up to one of `stops`, at least one.
    pub fn expr(&mut self, stops: &[&str]) -> Result<ExprText, Failure> {
        let words = self.until(stops);
        if words.is_empty() {
            return Err(self.missing("a sample expression"));
        }
        Ok(ExprText { words: words.to_vec() })
    }

    /// A log-format string: one word.
    pub fn format(&mut self, what: &str) -> Result<FormatText, Failure> {
        self.expect(what).cloned().map(FormatText)
    }

    /// The condition, if there is one. It takes all remaining words, so it is read last.
    pub fn cond(&mut self) -> Result<Option<CondText>, Failure> {
        let unless = self.peek_is("unless");
        if !unless && !self.peek_is("if") {
            self.finish()?;
            return Ok(None);
        }
        let span = self.peek().map_or_else(Span::default, |w| w.span);
        self.at += 1;
        let words = self.rest().to_vec();
        if words.is_empty() {
            return Err(
                self.missing(&format!("a condition behind '{}'", if unless { "unless" } else { "if" }))
            );
        }
        Ok(Some(CondText { unless, words, span }))
    }

    /// A whole number within `range`.
    pub fn number<T: TryFrom<i64>>(&mut self, what: &str, range: RangeInclusive<i64>) -> Result<T, Failure> {
        let word = self.expect(what)?;
        self.number_in(word, what, range)
    }

    /// A word already taken, as a whole number within `range`.
    pub fn number_in<T: TryFrom<i64>>(
        &self,
        word: &Word,
        what: &str,
        range: RangeInclusive<i64>,
    ) -> Result<T, Failure> {
        let number = word.text.parse::<i64>().ok().filter(|n| range.contains(n));
        number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| {
            let (low, high) = range.into_inner();
            self.bad(word, what).help(format!("a whole number from {low} to {high} is expected"))
        })
    }

    /// A duration in milliseconds; a bare number counts milliseconds.
    pub fn millis(&mut self, what: &str) -> Result<u64, Failure> {
        let word = self.expect(what)?;
        let value = units::millis(&word.text).map_err(|e| self.bad_time(word, what, e))?;
        if value > MAX_MILLIS {
            return Err(self.bad_time(word, what, UnitError::TooLarge));
        }
        Ok(value)
    }

    /// A duration in seconds; a bare number counts seconds.
    pub fn seconds(&mut self, what: &str) -> Result<u64, Failure> {
        let word = self.expect(what)?;
        let value = units::seconds(&word.text).map_err(|e| self.bad_time(word, what, e))?;
        if value > MAX_MILLIS {
            return Err(self.bad_time(word, what, UnitError::TooLarge));
        }
        Ok(value)
    }

    /// A size in bytes, units `k`, `m`, `g`.
    pub fn size(&mut self, what: &str) -> Result<u64, Failure> {
        let word = self.expect(what)?;
        units::bytes(&word.text).map_err(|e| match e {
            UnitError::Malformed => {
                self.bad(word, what).help("a number of bytes is expected: 16384, 16k, 1m, 1g")
            }
            UnitError::TooLarge => self.bad(word, what).help("it is larger than anything that can be held"),
        })
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, what: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
        let word = self.expect(&format!("{what}: {}", listed(choices)))?;
        self.choice_of(word, what, choices)
    }

    /// A word already taken, as one of a few words.
    pub fn choice_of<T: Copy>(&self, word: &Word, what: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
        match choices.iter().find(|(name, _)| *name == word.text) {
            Some((_, value)) => Ok(*value),
            None => Err(self
                .bad(word, what)
                .help(format!("one of {} is expected", listed(choices)))
                .nearest(&word.text, choices.iter().map(|(name, _)| *name))),
        }
    }

    /// What stands between the brackets of the keyword's last word, `txn.a` of `set-var(txn.a)`, with its place.
    pub fn call(&self) -> Result<Word, Failure> {
        let Some(word) = self.words[..self.name_len].last() else { return Err(self.missing("an argument")) };
        call_of(word).ok_or_else(|| {
            Failure::new(word.span, format!("'{word}' misses its closing bracket"))
                .help("write NAME(ARGUMENT)")
        })
    }

    /// Complains about words that nothing has read.
    pub fn finish(&self) -> Result<(), Failure> {
        match self.peek() {
            None => Ok(()),
            Some(extra) => Err(Failure::new(
                extra.span,
                format!("'{}' cannot handle unexpected argument '{extra}'", self.name()),
            )),
        }
    }

    /// "'KEYWORD' expects WHAT", at the end of the line.
    pub fn missing(&self, what: &str) -> Failure {
        let last = self.words.last().map_or_else(Span::default, |w| w.span);
        let end = Span { start: last.end, end: last.end + 1, ..last };
        Failure::new(end, format!("'{}' expects {what}", self.name()))
    }

    /// "'KEYWORD': invalid WHAT 'WORD'", at that word.
    pub fn bad(&self, word: &Word, what: &str) -> Failure {
        let what = what.strip_prefix("a ").or_else(|| what.strip_prefix("an ")).unwrap_or(what);
        Failure::new(word.span, format!("'{}': invalid {what} '{word}'", self.name()))
    }

    fn bad_time(&self, word: &Word, what: &str, error: UnitError) -> Failure {
        match error {
            UnitError::Malformed => {
                self.bad(word, what).help("a time is expected: a number and one of us, ms, s, m, h, d")
            }
            UnitError::TooLarge => {
                let message = format!("timer overflow in argument '{word}' to '{}'", self.name());
                Failure::new(word.span, message).help("the maximum value is 2147483647 ms, about 24.8 days")
            }
        }
    }
}

impl<'l> Iterator for Args<'l> {
    type Item = &'l Word;

    fn next(&mut self) -> Option<&'l Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }
}

/// `b` of `a(b)`, with its place where the word was written without quotes.
pub fn call_of(word: &Word) -> Option<Word> {
    let (name, rest) = word.text.split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    Some(Word::new(inner, part_span(word, name.len() + 1, inner.len())))
}

/// The elements of a comma list, each with its place where the word was written without quotes. Empty ones are left
/// out, as HAProxy does.
pub fn list_of(word: &Word) -> Vec<Word> {
    let mut at = 0;
    let mut out = Vec::new();
    for part in word.text.split(',') {
        if !part.is_empty() {
            out.push(Word::new(part, part_span(word, at, part.len())));
        }
        at += part.len() + 1;
    }
    out
}

/// The place of `len` bytes at `from` of a word: exact where the word stands in the file as it is, else all of it.
fn part_span(word: &Word, from: usize, len: usize) -> Span {
    let plain = word.text.len() == (word.span.end.saturating_sub(word.span.start)) as usize;
    match (u32::try_from(from), u32::try_from(len)) {
        (Ok(from), Ok(len)) if plain => {
            let start = word.span.start + from;
            Span { start, end: start + len, ..word.span }
        }
        _ => word.span,
    }
}

fn listed<T>(choices: &[(&str, T)]) -> String {
    choices.iter().map(|(name, _)| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Word> {
        let mut out = Vec::new();
        let mut at = 0;
        for text in line.split(' ') {
            let end = at + text.len();
            let span = Span { line: 1, start: at as u32, end: end as u32, ..Span::default() };
            out.push(Word::new(text, span));
            at = end + 1;
        }
        out
    }

    #[test]
    fn numbers_times_and_choices_say_what_they_want() {
        let line = words("timeout client 10x");
        let failure = Args::new(&line, 2, Polarity::Plain).millis("a time").unwrap_err();
        assert_eq!(failure.message, "'timeout client': invalid time '10x'");
        assert_eq!((failure.span.start, failure.span.end), (15, 18));
        let line = words("mode htp");
        let failure =
            Args::new(&line, 1, Polarity::Plain).choice("a mode", &[("http", 1), ("tcp", 2)]).unwrap_err();
        assert_eq!(failure.help.as_deref(), Some("did you mean 'http'?"));
        let line = words("maxconn");
        let failure = Args::new(&line, 1, Polarity::Plain).number::<u32>("a number", 0..=9).unwrap_err();
        assert_eq!(failure.message, "'maxconn' expects a number");
    }

    #[test]
    fn a_condition_takes_the_rest_of_the_line() {
        let line = words("use_backend b unless a !b");
        let mut args = Args::new(&line, 1, Polarity::Plain);
        args.next();
        let cond = args.cond().unwrap().unwrap();
        assert!(cond.unless);
        assert_eq!(cond.words.len(), 2);
        let line = words("use_backend b when a");
        let mut args = Args::new(&line, 1, Polarity::Plain);
        args.next();
        assert_eq!(
            args.cond().unwrap_err().message,
            "'use_backend' cannot handle unexpected argument 'when'"
        );
    }

    #[test]
    fn the_argument_of_a_call_keeps_its_place() {
        let line = words("http-request set-var(txn.a) int(1)");
        let inner = Args::new(&line, 2, Polarity::Plain).call().unwrap();
        assert_eq!((inner.as_str(), inner.span.start, inner.span.end), ("txn.a", 21, 26));
    }
}
