//! `expect`: matching what a server sent. Pure over the bytes or the response at hand.

use super::plan::{Reporting, Text};
use super::protocols::lossy;
use super::scope::CheckScope;
use config::model::NameMatch;
use regex::bytes::Regex;

/// An `expect` step.
pub struct Expect {
    /// What to look for.
    pub matcher: Matcher,
    /// `!`
    pub negate: bool,
    /// `min-recv`: below it, wait; at or above, the first look decides.
    pub min_recv: Option<usize>,
    /// What is reported.
    pub reporting: Reporting,
}

/// What to look for.
pub enum Matcher {
    /// `string`, `binary` and their `-lf` forms.
    Bytes {
        /// The text.
        text: Text,
        /// How the log calls it: `string` or `binary`.
        word: &'static str,
    },
    /// `rstring`
    Regex(Regex),
    /// `rbinary`: over the hexadecimal form, upper case.
    HexRegex(Regex),
    /// `status`: ranges, both ends included.
    Status(Vec<(u16, u16)>),
    /// `rstatus`
    StatusRegex(Regex),
    /// `hdr`, `fhdr`
    Header {
        /// The name.
        name: Pattern,
        /// The value.
        value: Option<Pattern>,
        /// `fhdr`: whole values rather than list elements.
        full: bool,
    },
}

/// A text or expression and how it is compared.
pub enum Pattern {
    /// Anything but a regex.
    Text {
        /// What to compare with.
        text: Text,
        /// How.
        method: NameMatch,
    },
    /// `-m reg`
    Regex(Regex),
}

/// What a look at the bytes so far says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Met, with `!` taken into account.
    Met,
    /// Not met, and nothing that may come changes that.
    Unmet,
    /// More must come.
    More,
}

impl Expect {
    /// Looks at raw bytes. `last`: no more will come.
    pub(super) fn look(&self, scope: &CheckScope<'_>, bytes: &[u8], last: bool) -> Look {
        let (found, least) = match &self.matcher {
            Matcher::Bytes { text, .. } => {
                let text = text.bytes(scope);
                let least = self.min_recv.map_or(text.len(), |m| m.max(text.len()));
                (memchr::memmem::find(bytes, &text).is_some(), least.max(1))
            }
            Matcher::Regex(regex) => (regex.is_match(bytes), self.min_recv.unwrap_or(0)),
            Matcher::HexRegex(regex) => (regex.is_match(&hex(bytes)), self.min_recv.unwrap_or(0)),
            Matcher::Status(_) | Matcher::StatusRegex(_) | Matcher::Header { .. } => (false, 0),
        };
        if !last && (bytes.len() < least || (!found && self.min_recv.is_none())) {
            return Look::More;
        }
        self.verdict(found)
    }

    /// Looks at a response's head, or at its body for the matchers of bytes.
    pub(super) fn look_at_response(&self, scope: &CheckScope<'_>, body: &[u8], last: bool) -> Look {
        let Some(response) = scope.response.as_ref() else { return Look::Unmet };
        match &self.matcher {
            Matcher::Bytes { .. } | Matcher::Regex(_) | Matcher::HexRegex(_) => self.look(scope, body, last),
            Matcher::Status(ranges) => {
                self.verdict(ranges.iter().any(|(low, high)| (*low..=*high).contains(&response.status)))
            }
            Matcher::StatusRegex(regex) => {
                self.verdict(regex.is_match(response.status.to_string().as_bytes()))
            }
            Matcher::Header { name, value, full } => {
                let named = response.fields.iter().filter(|(n, _)| name.matches(scope, n, true));
                let fits = |text: &[u8]| value.as_ref().is_none_or(|v| v.matches(scope, text, false));
                let found = named.map(|(_, text)| text).any(|text| {
                    if *full {
                        fits(text)
                    } else {
                        value.is_none() || http::fields::split_list(text).any(fits)
                    }
                });
                self.verdict(found)
            }
        }
    }

    /// What the groups of the expression hold, the whole match first; nothing where none matches.
    pub(super) fn groups(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let held = |regex: &Regex, bytes: &[u8]| -> Vec<Vec<u8>> {
            let Some(groups) = regex.captures(bytes) else { return Vec::new() };
            groups.iter().map(|group| group.map_or(&b""[..], |g| g.as_bytes()).to_vec()).collect()
        };
        match &self.matcher {
            Matcher::Regex(regex) => held(regex, bytes),
            Matcher::HexRegex(regex) => {
                held(regex, &hex(bytes)).iter().map(|digits| unhex(digits).unwrap_or_default()).collect()
            }
            Matcher::Bytes { .. } | Matcher::Status(_) | Matcher::StatusRegex(_) | Matcher::Header { .. } => {
                Vec::new()
            }
        }
    }

    fn verdict(&self, found: bool) -> Look {
        if found != self.negate { Look::Met } else { Look::Unmet }
    }

    /// The matcher needs the body.
    pub(super) fn wants_body(&self) -> bool {
        match self.matcher {
            Matcher::Bytes { .. } | Matcher::Regex(_) | Matcher::HexRegex(_) => true,
            Matcher::Status(_) | Matcher::StatusRegex(_) | Matcher::Header { .. } => false,
        }
    }

    /// As details of a failure name it: `expect string '+OK'`.
    pub(super) fn describe(&self, scope: &CheckScope<'_>) -> String {
        match &self.matcher {
            Matcher::Bytes { text, word } => format!("expect {word} '{}'", lossy(&text.bytes(scope))),
            Matcher::Regex(_) => "expect regex".into(),
            Matcher::HexRegex(_) => "expect binary regex".into(),
            Matcher::Status(_) => "expect http status".into(),
            Matcher::StatusRegex(_) => "expect http status regex".into(),
            Matcher::Header { .. } => "expect http header pattern".into(),
        }
    }
}

impl Pattern {
    fn matches(&self, scope: &CheckScope<'_>, text: &[u8], ignore_case: bool) -> bool {
        let (wanted, method) = match self {
            Pattern::Regex(regex) => return regex.is_match(text),
            Pattern::Text { text, method } => (text.bytes(scope), *method),
        };
        let (text, wanted) = if ignore_case {
            (text.to_ascii_lowercase(), wanted.to_ascii_lowercase())
        } else {
            (text.to_vec(), wanted)
        };
        match method {
            NameMatch::Str => text == wanted,
            NameMatch::Beg => text.starts_with(&wanted),
            NameMatch::End => text.ends_with(&wanted),
            NameMatch::Sub => memchr::memmem::find(&text, &wanted).is_some(),
            // lowering made a `Pattern::Regex` of it
            NameMatch::Reg => false,
        }
    }
}

impl Text {
    /// The bytes now.
    pub(super) fn bytes(&self, scope: &CheckScope<'_>) -> Vec<u8> {
        let written = |format: &expr::Format| {
            let mut out = Vec::new();
            format.write(scope, &mut out);
            out
        };
        match self {
            Text::Plain(bytes) => bytes.to_vec(),
            Text::Format(format) => written(format),
            Text::HexFormat(format) => unhex(&written(format)).unwrap_or_default(),
        }
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).collect()
}

/// Hexadecimal digits to bytes; `None` for an odd number of them or anything else.
pub(super) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |d: u8| (d as char).to_digit(16).map(|d| d as u8);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}
