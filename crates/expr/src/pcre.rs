//! Regular expressions: configurations are written for PCRE, we run the `regex` crate, whose time is linear in its
//! input whatever a client sends. What both know in other spellings is translated; what only PCRE knows is refused
//! with the way out.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::fmt;

/// Why a regular expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexError {
    /// It is broken; the text says how.
    Invalid(String),
    /// It needs something that only a backtracking engine has; the text names it.
    PcreOnly(&'static str),
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegexError::Invalid(why) => f.write_str(why),
            RegexError::PcreOnly(what) => write!(f, "{what} is not supported"),
        }
    }
}

impl std::error::Error for RegexError {}

impl RegexError {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            RegexError::Invalid(_) => None,
            RegexError::PcreOnly(_) => Some(
                "matching never backtracks here; use two ACLs (one negated) instead of a look-around, and write a \
                 repeated group out instead of referring back to it",
            ),
        }
    }
}

/// Memory that one compiled expression may take: the `regex` crate's own default, named so that it is ours to change.
const SIZE_LIMIT: usize = 10 << 20;

/// Compiles one expression.
pub fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, RegexError> {
    RegexBuilder::new(&translate(pattern)?)
        .case_insensitive(ignore_case)
        .unicode(false)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|e| RegexError::Invalid(reason(&e)))
}

/// Compiles several into one automaton. Each was compiled alone before, so that a complaint names the right one.
pub(crate) fn compile_set(patterns: &[(String, bool)]) -> Result<RegexSet, RegexError> {
    let translated = patterns.iter().map(|(p, ignore_case)| {
        let inner = translate(p)?;
        Ok(if *ignore_case { format!("(?i:{inner})") } else { inner })
    });
    let list = translated.collect::<Result<Vec<String>, RegexError>>()?;
    let size = SIZE_LIMIT.saturating_mul(list.len().max(1));
    RegexSetBuilder::new(list)
        .unicode(false)
        .size_limit(size)
        .build()
        .map_err(|e| RegexError::Invalid(reason(&e)))
}

/// The last line of the crate's complaint: the ones before draw the pattern.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// PCRE's spelling to the crate's.
fn translate(pattern: &str) -> Result<String, RegexError> {
    let mut out = String::with_capacity(pattern.len());
    let pattern = base::raw::spelled(pattern);
    let mut rest = &*pattern;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '\\' => escape(rest, &mut out)?,
            '[' => class(rest, &mut out),
            '(' => group(rest, &mut out)?,
            '{' => brace(rest, &mut out),
            '*' | '+' | '?' => quantifier(rest, &mut out)?,
            _ => copy(rest, c.len_utf8(), &mut out),
        };
    }
    Ok(out)
}

fn copy<'t>(rest: &'t str, len: usize, out: &mut String) -> &'t str {
    let (head, tail) = rest.split_at_checked(len).unwrap_or((rest, ""));
    out.push_str(head);
    tail
}

fn escape<'t>(rest: &'t str, out: &mut String) -> Result<&'t str, RegexError> {
    let after = rest.get(1..).unwrap_or("");
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return Ok("");
    };
    let tail = after.get(c.len_utf8()..).unwrap_or("");
    match c {
        'Q' => {
            let (literal, tail) = tail.split_once("\\E").unwrap_or((tail, ""));
            out.push_str(&regex::escape(literal));
            return Ok(tail);
        }
        'E' => {}
        'Z' => out.push_str("\\n?\\z"),
        'h' => out.push_str("[ \\t]"),
        'R' => out.push_str("(?:\\r\\n|[\\n\\r])"),
        'e' => out.push_str("\\x1b"),
        '<' | '>' => out.push(c),
        '1'..='9' | 'k' | 'g' => return Err(RegexError::PcreOnly("a reference back to a group")),
        'K' => return Err(RegexError::PcreOnly("'\\K'")),
        'G' => return Err(RegexError::PcreOnly("'\\G'")),
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(tail)
}

/// A character class: the crate gives `[`, `&&`, `--` and `~~` inside it a meaning that PCRE does not know.
fn class<'t>(rest: &'t str, out: &mut String) -> &'t str {
    let mut rest = copy(rest, 1, out);
    if rest.starts_with('^') {
        rest = copy(rest, 1, out);
    }
    if let Some(tail) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = tail;
    }
    while let Some(c) = rest.chars().next() {
        rest = match c {
            ']' => return copy(rest, 1, out),
            '\\' => copy_class_escape(rest, out),
            '[' if rest.starts_with("[:") && rest.contains(":]") => {
                copy(rest, rest.find(":]").unwrap_or(0) + 2, out)
            }
            '[' | '&' | '~' => {
                out.push('\\');
                copy(rest, 1, out)
            }
            '-' if rest.starts_with("--") => {
                out.push('\\');
                copy(rest, 1, out)
            }
            _ => copy(rest, c.len_utf8(), out),
        };
    }
    rest
}

fn copy_class_escape<'t>(rest: &'t str, out: &mut String) -> &'t str {
    let escaped = rest.get(1..).and_then(|t| t.chars().next());
    match escaped {
        Some('<' | '>') => copy(rest.get(1..).unwrap_or(""), 1, out),
        Some('h') => {
            out.push_str(" \\t");
            rest.get(2..).unwrap_or("")
        }
        Some('b') => {
            out.push_str("\\x08");
            rest.get(2..).unwrap_or("")
        }
        Some(c) => copy(rest, 1 + c.len_utf8(), out),
        None => copy(rest, 1, out),
    }
}

fn group<'t>(rest: &'t str, out: &mut String) -> Result<&'t str, RegexError> {
    let refused = [
        ("(?=", "a look-ahead '(?='"),
        ("(?!", "a look-ahead '(?!'"),
        ("(?<=", "a look-behind '(?<='"),
        ("(?<!", "a look-behind '(?<!'"),
        ("(?>", "an atomic group '(?>'"),
        ("(?(", "a conditional group '(?('"),
        ("(?R", "recursion"),
        ("(?|", "a branch-reset group '(?|'"),
        ("(*", "a PCRE verb '(*'"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(start, _)| rest.starts_with(start)) {
        return Err(RegexError::PcreOnly(what));
    }
    if rest.starts_with("(?#") {
        return Ok(rest.split_once(')').map_or("", |(_, tail)| tail));
    }
    let head = if rest.starts_with("(?") { 2 } else { 1 };
    Ok(copy(rest, head, out))
}

/// A brace that opens no repetition stands for itself in PCRE.
fn brace<'t>(rest: &'t str, out: &mut String) -> &'t str {
    let repetition = rest.get(1..).and_then(|t| t.split_once('}')).is_some_and(|(inside, _)| {
        inside.starts_with(|c: char| c.is_ascii_digit())
            && inside.bytes().all(|b| b.is_ascii_digit() || b == b',')
    });
    if !repetition {
        out.push('\\');
    }
    copy(rest, 1, out)
}

fn quantifier<'t>(rest: &'t str, out: &mut String) -> Result<&'t str, RegexError> {
    if rest.get(1..).is_some_and(|t| t.starts_with('+')) {
        return Err(RegexError::PcreOnly("a possessive repetition"));
    }
    Ok(copy(rest, 1, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcre_spellings_that_mean_something_else_here() {
        let cases: [(&str, &str, bool); 14] = [
            ("^a.c$", "abc", true),
            ("a{b", "a{b", true),
            ("a{2}", "aa", true),
            ("[[]x", "[x", true),
            ("[^[]x", "[x", false),
            ("[]a]", "]", true),
            ("[a&&b]", "&", true),
            ("[[:alpha:]]+", "abc", true),
            (r"\<a\>", "<a>", true),
            (r"^\/x\/$", "/x/", true),
            (r"\Qa.b\E", "axb", false),
            (r"^[\w.-]+$", "a-b.c", true),
            (r"\.(jpg|png)$", "/x.png", true),
            ("(?i)ABC", "abc", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(compile(pattern, false).unwrap().is_match(text.as_bytes()), expected, "{pattern}");
        }
    }

    #[test]
    fn what_only_pcre_knows_is_named() {
        for pattern in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", r"(a)\1", "a++", "a*+", r"a\K"] {
            assert!(matches!(compile(pattern, false), Err(RegexError::PcreOnly(_))), "{pattern}");
        }
        for pattern in ["(", "[a", "*a", "a)"] {
            assert!(matches!(compile(pattern, false), Err(RegexError::Invalid(_))), "{pattern}");
        }
    }
}
