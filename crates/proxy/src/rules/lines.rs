//! `reqrep`, `rspdel` and their kin of HAProxy 1.8: a regex over the start line and over each field as a line. Names
//! have no case here, but patterns were written for the case in which clients sent them: a line matches in lower case
//! or as browsers spell it.

use super::edit::{replaced, set_part};
use super::{Message, Part};
use crate::reply::Reply;
use crate::stream::Stream;
use http::fields::{is_token_byte, trim};
use regex::bytes::Regex;
use std::sync::Arc;

/// A compiled rule over lines.
pub struct LineRule {
    /// What a line matches.
    pub regex: Regex,
    /// What follows from it.
    pub then: LineAction,
}

/// See `config::model::LineAction`.
#[allow(missing_docs)] // named after the keyword, each
pub enum LineAction {
    Allow,
    Pass,
    Deny(Arc<Reply>),
    Tarpit(Arc<Reply>),
    Delete,
    Replace(Box<[u8]>),
}

/// What a rule over lines asks for.
pub(super) enum LineVerdict<'r> {
    /// Go on.
    Continue,
    /// Rules of this kind in this list look no further.
    Pass,
    /// Refuse.
    Deny(&'r Arc<Reply>),
    /// Hold, then refuse.
    Tarpit(&'r Arc<Reply>),
}

impl LineRule {
    pub(super) fn apply(&self, message: Message, stream: &mut Stream<'_>) -> LineVerdict<'_> {
        match &self.then {
            LineAction::Delete => self.delete(message, stream),
            LineAction::Replace(with) => self.replace(with, message, stream),
            LineAction::Allow | LineAction::Pass | LineAction::Deny(_) | LineAction::Tarpit(_) => {
                if !stream.spared && self.finds(message, stream) {
                    return self.judge(stream);
                }
            }
        }
        LineVerdict::Continue
    }

    fn judge(&self, stream: &mut Stream<'_>) -> LineVerdict<'_> {
        match &self.then {
            LineAction::Allow => {
                stream.spared = true;
                LineVerdict::Continue
            }
            LineAction::Pass => LineVerdict::Pass,
            LineAction::Deny(reply) => LineVerdict::Deny(reply),
            LineAction::Tarpit(reply) => LineVerdict::Tarpit(reply),
            LineAction::Delete | LineAction::Replace(_) => LineVerdict::Continue,
        }
    }

    fn finds(&self, message: Message, stream: &mut Stream<'_>) -> bool {
        self.regex.is_match(&start_line(message, stream))
            || stream.fields_mut(message).iter().any(|(name, value)| self.line_of(name, value).is_some())
    }

    /// The field as a line that matches, if it does in either spelling.
    fn line_of(&self, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let spellings = [name.to_vec(), http::capitalized(name)];
        let mut lines = spellings.into_iter().map(|name| [&name[..], b": ", value].concat());
        lines.find(|line| self.regex.is_match(line))
    }

    /// A start line stays: a message without one is none.
    fn delete(&self, message: Message, stream: &mut Stream<'_>) {
        stream.fields_mut(message).retain(|name, value| self.line_of(name, value).is_none());
    }

    fn replace(&self, with: &[u8], message: Message, stream: &mut Stream<'_>) {
        if let Some(line) = replaced(&self.regex, &start_line(message, stream), with) {
            set_start_line(&line, message, stream);
        }
        let fields = stream.fields_mut(message);
        for index in 0..fields.len() {
            let line = fields.iter().nth(index).and_then(|(name, value)| self.line_of(name, value));
            let Some(line) = line.and_then(|line| replaced(&self.regex, &line, with)) else { continue };
            if let Some((name, value)) = field(&line) {
                fields.replace_at(index, name, value);
            }
        }
    }
}

/// Name and value of a line; `None` where it is no field.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon).filter(|name| !name.is_empty() && name.iter().all(|b| is_token_byte(*b)))?;
    Some((name, trim(line.get(colon + 1..)?)))
}

fn start_line(message: Message, stream: &Stream<'_>) -> Vec<u8> {
    match message {
        Message::Request => {
            let request = &stream.request;
            let version = request.version.as_str().as_bytes();
            [request.method_text(), b" ", request.target(), b" ", version].concat()
        }
        Message::Response => {
            let response = &stream.response;
            let status = response.status.to_string();
            [response.version.as_str().as_bytes(), b" ", status.as_bytes(), b" ", response.reason()].concat()
        }
    }
}

/// The versions stay ours.
fn set_start_line(line: &[u8], message: Message, stream: &mut Stream<'_>) {
    let mut parts = line.splitn(3, |b| *b == b' ');
    let (Some(first), Some(second)) = (parts.next(), parts.next()) else { return };
    match message {
        Message::Request => {
            stream.request.set_method(first);
            set_part(&mut stream.request, Part::Uri, second);
        }
        Message::Response => {
            let status = std::str::from_utf8(second).ok().and_then(|s| s.parse::<u16>().ok());
            if let Some(status) = status.filter(|s| (200..1000).contains(s)) {
                stream.response.set_status(status, parts.next().unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(regex: &str) -> LineRule {
        LineRule { regex: Regex::new(regex).unwrap(), then: LineAction::Delete }
    }

    #[test]
    fn a_line_matches_in_either_spelling() {
        let found = |regex: &str| rule(regex).line_of(b"x-forwarded-for", b"1");
        assert_eq!(found("^X-Forwarded-For:.*"), Some(b"X-Forwarded-For: 1".to_vec()));
        assert_eq!(found("^x-f"), Some(b"x-forwarded-for: 1".to_vec()));
        assert_eq!(found("^X-FORWARDED"), None);
    }

    #[test]
    fn what_a_replacement_leaves_must_be_a_field() {
        assert_eq!(field(b"Host: a "), Some((&b"Host"[..], &b"a"[..])));
        assert_eq!(field(b"no field"), None);
        assert_eq!(field(b"two words: a"), None);
        assert_eq!(field(b": a"), None);
    }
}
