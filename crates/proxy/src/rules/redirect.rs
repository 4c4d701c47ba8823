//! Redirects: which status, where to, which cookie. (Manual, "redirect".)

use super::edit::text;
use crate::stream::Stream;
use expr::Format;

/// A compiled `redirect`.
pub struct Redirect {
    /// What the target is made of.
    pub kind: Kind,
    /// The text of it.
    pub to: Format,
    /// The status.
    pub code: u16,
    /// Without the query.
    pub drop_query: bool,
    /// With a slash behind a path that has none.
    pub append_slash: bool,
    /// Nothing happens where `to` comes out empty.
    pub ignore_empty: bool,
    /// The query is appended (`location`).
    pub keep_query: bool,
    /// The whole `set-cookie` value.
    pub cookie: Option<Box<[u8]>>,
}

/// What a redirect's text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole `location`.
    Location,
    /// What stands before the path.
    Prefix,
    /// The scheme; host and path stay.
    Scheme,
}

/// A redirect filled in.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The status.
    pub code: u16,
    /// `location`
    pub location: Vec<u8>,
    /// `set-cookie`
    pub cookie: Option<Vec<u8>>,
}

impl Redirect {
    /// Where to; `None` where `ignore-empty` applies.
    pub(super) fn target(&self, stream: &Stream<'_>) -> Option<Target> {
        let to = text(&self.to, stream);
        if self.ignore_empty && to.is_empty() {
            return None;
        }
        let mut location = Vec::with_capacity(to.len() + 64);
        match self.kind {
            Kind::Location => {
                location.extend_from_slice(&to);
                if self.keep_query
                    && let Some(query) = stream.request.query()
                {
                    location.push(if location.contains(&b'?') { b'&' } else { b'?' });
                    location.extend_from_slice(query);
                }
            }
            Kind::Prefix => {
                // A prefix of "/" stands for none, so that "//" never leads a location elsewhere.
                if to != b"/" {
                    location.extend_from_slice(&to);
                }
                self.push_path(stream, &mut location);
            }
            Kind::Scheme => {
                location.extend_from_slice(&to);
                location.extend_from_slice(b"://");
                location.extend_from_slice(host(stream));
                self.push_path(stream, &mut location);
            }
        }
        // RULE of RFC 9110 section 5.5: no line breaks in a field, whatever a client put into a variable.
        location.retain(|b| !matches!(b, b'\r' | b'\n' | 0));
        Some(Target { code: self.code, location, cookie: self.cookie.as_ref().map(|c| c.to_vec()) })
    }

    fn push_path(&self, stream: &Stream<'_>, location: &mut Vec<u8>) {
        let path = stream.request.path();
        location.extend_from_slice(path);
        if self.append_slash && path.last() != Some(&b'/') {
            location.push(b'/');
        }
        if !self.drop_query
            && let Some(query) = stream.request.query()
        {
            location.push(b'?');
            location.extend_from_slice(query);
        }
    }
}

/// The host as the client wrote it; without one the address it reached.
fn host<'a>(stream: &'a Stream<'_>) -> &'a [u8] {
    match stream.request.host() {
        Some(host) if !host.is_empty() => host,
        _ => stream.request.absolute().map_or(&[], |(_, authority)| authority),
    }
}
