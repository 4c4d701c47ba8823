//! The request's side: reading the cookie, and taking it (or its prefix) away before the server sees it.

use super::{Guidance, Seen, Settings, date};
use config::model::CookieMode;
use http::Request;
use http::fields::trim;

/// Dates further ahead than this are not believed (manual, `cookie`, `maxidle`), seconds.
const FUTURE_MAX: u32 = 24 * 3600;

/// What a request's cookie said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presented {
    /// The server it names, if that one may be taken.
    pub server: Option<usize>,
    /// The letter for the log.
    pub seen: Seen,
    /// When the cookie was last sent, and first: seconds since the epoch.
    pub(super) last: Option<u32>,
    pub(super) first: Option<u32>,
}

impl Presented {
    /// The server it names could not be reached and another one is taken.
    pub fn redispatched(&mut self) {
        if self.server.take().is_some() {
            self.seen = Seen::Down;
        }
    }
}

/// Finds the server that the request's cookie names. `find` gives the server of a cookie value and whether it is up;
/// `now` is in seconds since the epoch.
pub fn read(
    settings: &Settings,
    request: &Request,
    guidance: Guidance,
    find: impl Fn(&[u8]) -> Option<(usize, bool)>,
    now: u32,
) -> Presented {
    let mut presented = Presented::default();
    let fields = request.fields.get_all(b"cookie");
    for value in fields.flat_map(crumbs).filter_map(|c| c.value_of(&settings.name)) {
        match guidance {
            Guidance::Ignored | Guidance::Ruled => presented.seen = Seen::Unused,
            Guidance::Cookie | Guidance::Forced => {
                let forced = guidance == Guidance::Forced;
                consider(settings, value, forced, &find, now, &mut presented);
            }
        }
        if presented.server.is_some() {
            break;
        }
    }
    presented
}

/// One cookie of our name: later ones are looked at only while none has named a server.
fn consider(
    settings: &Settings,
    value: &[u8],
    forced: bool,
    find: &impl Fn(&[u8]) -> Option<(usize, bool)>,
    now: u32,
    presented: &mut Presented,
) {
    let (id, last, first) = parts(settings, value);
    (presented.last, presented.first) = (last, first);
    if let Some(late) = lateness(settings, last, first, now) {
        (presented.last, presented.first) = (None, None);
        presented.seen = late;
        return;
    }
    match find(id) {
        Some((server, up)) => {
            presented.seen = if up { Seen::Valid } else { Seen::Down };
            presented.server = (up || forced).then_some(server);
        }
        None if presented.seen == Seen::None => presented.seen = Seen::Invalid,
        None => {}
    }
}

/// Server id, last and first date. A prefix ends at `~`, any other value at `|`.
fn parts<'a>(settings: &Settings, value: &'a [u8]) -> (&'a [u8], Option<u32>, Option<u32>) {
    let mark = if settings.mode == CookieMode::Prefix { b'~' } else { b'|' };
    let mut pieces = value.split(|b| *b == mark);
    let id = pieces.next().unwrap_or_default();
    if !settings.is_dated() {
        return (id, None, None);
    }
    let mut date = || pieces.next().and_then(date::decode);
    (id, date(), date())
}

fn lateness(settings: &Settings, last: Option<u32>, first: Option<u32>, now: u32) -> Option<Seen> {
    let is_past = |limit: Option<u32>, date: Option<u32>| {
        let (Some(limit), Some(date)) = (limit, date) else { return false };
        now.saturating_sub(date) > limit || date.saturating_sub(now) > FUTURE_MAX
    };
    if is_past(settings.maxlife, first) {
        return Some(Seen::Old);
    }
    is_past(settings.maxidle, last).then_some(Seen::Expired)
}

/// Takes our cookies out of the request (`insert` with `indirect`), or the prefixes off them (`prefix`).
pub fn edit(settings: &Settings, request: &mut Request) {
    let edited = match settings.mode {
        CookieMode::Insert if settings.indirect => without,
        CookieMode::Prefix => unprefixed,
        CookieMode::Insert | CookieMode::Rewrite | CookieMode::Passive => return,
    };
    let mut index = 0;
    loop {
        let Some((name, value)) = request.fields.iter().nth(index) else { break };
        let ours = name == b"cookie" && crumbs(value).any(|c| c.value_of(&settings.name).is_some());
        if !ours {
            index += 1;
            continue;
        }
        let value = edited(value, &settings.name);
        if value.is_empty() {
            request.fields.remove_at(index);
        } else {
            request.fields.set_value(index, &value);
            index += 1;
        }
    }
}

/// What lies between two separators of a `Cookie` field, with the separator before it.
struct Crumb<'a> {
    before: Option<u8>,
    text: &'a [u8],
}

impl<'a> Crumb<'a> {
    /// Its value if it is a cookie of that name.
    fn value_of(&self, name: &[u8]) -> Option<&'a [u8]> {
        let equals = memchr::memchr(b'=', self.text)?;
        let ours = trim(self.text.get(..equals)?) == name;
        self.text.get(equals + 1..).filter(|_| ours).map(trim)
    }

    /// `$Path` and its like (RFC 2965), which belong to the cookie before them.
    fn is_attribute(&self) -> bool {
        trim(self.text).starts_with(b"$")
    }
}

/// Splits at `;` and `,` outside quotes.
fn crumbs(value: &[u8]) -> impl Iterator<Item = Crumb<'_>> {
    let mut rest = Some(value);
    let mut before = None;
    std::iter::from_fn(move || {
        let text = rest?;
        let end = separator(text);
        let crumb = Crumb { before, text: text.get(..end).unwrap_or(text) };
        before = text.get(end).copied();
        rest = text.get(end + 1..);
        Some(crumb)
    })
}

fn separator(text: &[u8]) -> usize {
    let mut quoted = false;
    for (i, b) in text.iter().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

/// The field without our cookies and their attributes; empty where nothing but attributes would stay.
fn without(value: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let (mut first, mut gap, mut others) = (true, None, false);
    for crumb in crumbs(value) {
        if crumb.value_of(name).is_some() || (gap.is_some() && crumb.is_attribute()) {
            gap = gap.or(Some(crumb.before));
            continue;
        }
        match gap.take() {
            _ if first => out.extend_from_slice(crumb.text.trim_ascii_start()),
            Some(separator) => {
                out.truncate(out.trim_ascii_end().len());
                out.extend(separator.or(crumb.before));
                out.push(b' ');
                out.extend_from_slice(crumb.text.trim_ascii_start());
            }
            None => {
                out.extend(crumb.before);
                out.extend_from_slice(crumb.text);
            }
        }
        first = false;
        others |= !crumb.is_attribute() && !trim(crumb.text).is_empty();
    }
    if !others {
        return Vec::new();
    }
    out.truncate(out.trim_ascii_end().len());
    out
}

/// The field with `id~` taken off our cookies' values.
fn unprefixed(value: &[u8], name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for crumb in crumbs(value) {
        out.extend(crumb.before);
        let prefix = crumb.value_of(name).and_then(|v| memchr::memchr(b'~', v));
        let equals = memchr::memchr(b'=', crumb.text);
        match (prefix, equals) {
            (Some(tilde), Some(equals)) => {
                out.extend_from_slice(&crumb.text[..=equals]);
                let value = crumb.text[equals + 1..].trim_ascii_start();
                out.extend_from_slice(&value[tilde + 1..]);
            }
            (None, _) | (Some(_), None) => out.extend_from_slice(crumb.text),
        }
    }
    out
}
