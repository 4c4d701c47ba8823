//! The response's side: what becomes of the server's own cookie, and the one that is set.

use super::{Guidance, Presented, Seen, Sent, Settings, date};
use config::model::CookieMode;
use http::fields::trim;
use http::{Fields, Method, Response};

/// Who answers, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// The server's index.
    pub server: usize,
    /// Its `cookie` value.
    pub cookie: Option<&'a [u8]>,
    /// The request's method.
    pub method: Method,
}

/// Edits the response's cookies and gives the letter for the log. `now` is in seconds since the epoch.
pub fn answer(
    settings: &Settings,
    presented: &Presented,
    guidance: Guidance,
    offered: &Offered<'_>,
    response: &mut Response,
    now: u32,
) -> Sent {
    if guidance == Guidance::Ignored || !settings.is_active() {
        return Sent::None;
    }
    let direct = presented.server == Some(offered.server);
    let provided = treat_servers_own(settings, direct, offered.cookie, &mut response.fields);
    if provided == Sent::Provided || !wants_to_set(settings, guidance, offered.method) {
        return provided;
    }
    let refresh = direct && presented.seen == Seen::Valid && is_stale(settings, presented, now);
    if direct && !refresh {
        return provided;
    }
    response.fields.push(b"set-cookie", &set_cookie(settings, presented, offered.cookie, now));
    if settings.nocache && is_cacheable(offered.method, response) {
        response.fields.push(b"cache-control", b"private");
    }
    if refresh { Sent::Updated } else { Sent::Inserted }
}

fn wants_to_set(settings: &Settings, guidance: Guidance, method: Method) -> bool {
    let welcome = !settings.postonly || method == Method::Post;
    settings.mode == CookieMode::Insert && guidance != Guidance::Ruled && welcome
}

/// A server's own cookie of our name: kept, deleted, or marked with the server.
fn treat_servers_own(settings: &Settings, direct: bool, cookie: Option<&[u8]>, fields: &mut Fields) -> Sent {
    let mut sent = Sent::None;
    let mut index = 0;
    loop {
        let Some((name, value)) = fields.iter().nth(index) else { break };
        let value = if name == b"set-cookie" { own_value(value, &settings.name) } else { None };
        let Some(value) = value else {
            index += 1;
            continue;
        };
        sent = treatment(settings, direct, cookie);
        match (sent, cookie) {
            (Sent::Deleted, _) => {
                fields.remove_at(index);
                continue;
            }
            (Sent::Rewritten, Some(cookie)) => {
                let line = fields.iter().nth(index).map(|(_, line)| line).unwrap_or_default();
                let line = marked(settings.mode, line, value, cookie);
                fields.set_value(index, &line);
            }
            (Sent::Rewritten, None) => {}
            (Sent::None | Sent::Inserted | Sent::Updated | Sent::Provided, _) => {}
        }
        index += 1;
    }
    sent
}

fn treatment(settings: &Settings, direct: bool, cookie: Option<&[u8]>) -> Sent {
    if settings.preserve {
        return Sent::Provided;
    }
    match settings.mode {
        CookieMode::Insert => Sent::Deleted,
        CookieMode::Passive | CookieMode::Rewrite | CookieMode::Prefix if settings.indirect && direct => {
            Sent::Deleted
        }
        CookieMode::Rewrite | CookieMode::Prefix if cookie.is_some() => Sent::Rewritten,
        CookieMode::Rewrite | CookieMode::Prefix | CookieMode::Passive => Sent::Provided,
    }
}

/// Where the value of a `Set-Cookie` of our name stands in its line.
fn own_value(line: &[u8], name: &[u8]) -> Option<std::ops::Range<usize>> {
    let end = memchr::memchr2(b';', b',', line).unwrap_or(line.len());
    let equals = memchr::memchr(b'=', line.get(..end)?)?;
    if trim(line.get(..equals)?) != name {
        return None;
    }
    let text = line.get(equals + 1..end)?;
    let start = equals + 1 + (text.len() - text.trim_ascii_start().len());
    Some(start..start + text.trim_ascii().len())
}

/// The line with the server's id instead of the value (`rewrite`) or before it (`prefix`).
fn marked(mode: CookieMode, line: &[u8], value: std::ops::Range<usize>, id: &[u8]) -> Vec<u8> {
    let (head, tail) = line.split_at(value.start.min(line.len()));
    let (value, tail) = tail.split_at(value.len().min(tail.len()));
    let mut out = [head, id].concat();
    if mode == CookieMode::Prefix {
        out.push(b'~');
        out.extend_from_slice(value);
    }
    out.extend_from_slice(tail);
    out
}

/// A valid cookie that is sent again for its dates' sake: one too many, one too few, or not of today's step.
fn is_stale(settings: &Settings, presented: &Presented, now: u32) -> bool {
    if !settings.is_dated() {
        return false;
    }
    let mismatch = |wanted: bool, date: Option<u32>| wanted != date.is_some();
    let first = mismatch(settings.maxlife.is_some(), presented.first);
    match presented.last {
        None => first || settings.maxidle.is_some(),
        Some(last) => first || last >> 2 < now >> 2,
    }
}

/// `name=value[|last[|first]]` and the attributes. A server without a cookie value takes the client's away.
fn set_cookie(settings: &Settings, presented: &Presented, cookie: Option<&[u8]>, now: u32) -> Vec<u8> {
    let mut out = [&settings.name, &b"="[..]].concat();
    match cookie {
        None => out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
        Some(cookie) => {
            out.extend_from_slice(cookie);
            if settings.is_dated() {
                out.push(b'|');
                out.extend_from_slice(&date::encode(now));
            }
            if settings.maxlife.is_some() {
                out.push(b'|');
                out.extend_from_slice(&date::encode(presented.first.unwrap_or(now)));
            }
        }
    }
    out.extend_from_slice(&settings.attributes);
    out
}

/// Whether a shared cache would keep this response (RFC 9111 section 3), as the oracle judges it: a safe method, a
/// status that caches keep, something to date or validate it by, and no word against it.
fn is_cacheable(method: Method, response: &Response) -> bool {
    let safe = matches!(method, Method::Get | Method::Head | Method::Options);
    let kept = matches!(response.status, 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
    let directives = || response.fields.elements(b"cache-control");
    let is = |d: &[u8], word: &[u8]| d.eq_ignore_ascii_case(word);
    let forbids =
        |d: &[u8]| [&b"private"[..], b"no-cache", b"no-store", b"max-age=0"].iter().any(|w| is(d, w));
    let dates = |d: &[u8]| {
        d.len() > 8 && (is(&d[..8], b"max-age=") || d.to_ascii_lowercase().starts_with(b"s-maxage="))
    };
    let has = |name: &[u8]| response.fields.get(name).is_some();
    let datable = has(b"etag") || has(b"last-modified") || has(b"expires") || directives().any(dates);
    let pragma = response.fields.has_token(b"pragma", b"no-cache");
    safe && kept && datable && !pragma && !directives().any(forbids)
}
