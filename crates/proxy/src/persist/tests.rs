//! Every line of the fixture is one exchange through the oracle.

use super::*;
use base::{Span, Word};
use http::{Method, Request, Response};

const NOW: u32 = 1_795_000_000;

fn word(text: &str) -> Word {
    Word::new(text, Span::default())
}

/// The `cookie` line's options; the configuration's own parser is another crate's test.
fn settings(text: &str) -> Settings {
    let line = text.rsplit("cookie S").next().unwrap();
    let has = |option: &str| line.split(' ').any(|w| w == option);
    let after = |option: &str| {
        let mut words = line.split(' ');
        let mut found = Vec::new();
        while let Some(w) = words.next() {
            if w == option {
                found.extend(words.next());
            }
        }
        found
    };
    let number = |option: &str| after(option).first().map(|n| n.parse().unwrap());
    let mode =
        [("insert", CookieMode::Insert), ("rewrite", CookieMode::Rewrite), ("prefix", CookieMode::Prefix)];
    Settings::of(&Cookie {
        name: word("S"),
        mode: mode.into_iter().find(|(w, _)| has(w)).map_or(CookieMode::Passive, |(_, m)| m),
        indirect: has("indirect"),
        nocache: has("nocache"),
        postonly: has("postonly"),
        preserve: has("preserve"),
        httponly: has("httponly"),
        secure: has("secure"),
        domains: after("domain").into_iter().map(word).collect(),
        maxidle: number("maxidle"),
        maxlife: number("maxlife"),
        dynamic: false,
        attrs: after("attr").into_iter().map(word).collect(),
    })
}

fn guidance(text: &str) -> Guidance {
    match text {
        _ if text.contains("ignore-persist") => Guidance::Ignored,
        _ if text.contains("use-server") => Guidance::Ruled,
        _ if text.contains("force-persist") || text.contains("option persist") => Guidance::Forced,
        _ => Guidance::Cookie,
    }
}

/// `{n}` to the letters of a date.
fn dated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (number, tail) = after.split_once('}').unwrap();
        let date = NOW.checked_add_signed(number.parse().unwrap()).unwrap();
        out.push_str(before);
        out.push_str(std::str::from_utf8(&date::encode(date)).unwrap());
        rest = tail;
    }
    out + rest
}

fn fields(text: &str) -> Vec<String> {
    text.split("&&").filter(|f| !f.is_empty()).map(dated).collect()
}

const SERVERS: [(&str, Option<&str>, bool); 4] =
    [("a", Some("sa"), true), ("b", Some("sb"), true), ("c", Some("sc"), false), ("d", None, true)];

fn collect<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    fields.map(|f| String::from_utf8_lossy(f).into_owned()).collect()
}

/// Plays one line; gives letters, what the server saw and what the client got.
fn play(config: &str, columns: &[&str]) -> (usize, String, Vec<String>, Vec<String>) {
    let (settings, guidance) = (settings(config), guidance(config));
    let known = |id: &[u8]| {
        let matches = |(i, s): (usize, &(&str, Option<&str>, bool))| {
            let gone = config.starts_with("without") && i < 2;
            (!gone && s.1.map(str::as_bytes) == Some(id)).then_some((i, s.2))
        };
        SERVERS.iter().enumerate().find_map(matches)
    };
    let mut request = Request::default();
    for cookie in fields(columns[1]) {
        request.fields.push(b"cookie", cookie.as_bytes());
    }
    let presented = read(&settings, &request, guidance, known, NOW);
    edit(&settings, &mut request);
    let mut response = Response::default();
    response.set_status(200, b"");
    for cookie in fields(columns[2]) {
        response.fields.push(b"set-cookie", cookie.as_bytes());
    }
    let taken = SERVERS.iter().position(|s| s.0 == columns[3]).unwrap();
    let method = Method::of(columns[0].as_bytes());
    let offered = Offered { server: taken, cookie: SERVERS[taken].1.map(str::as_bytes), method };
    let sent = answer(&settings, &presented, guidance, &offered, &mut response, NOW);
    let letters = letters(Some(&settings), presented.seen, sent).iter().collect();
    let seen = collect(request.fields.get_all(b"cookie"));
    (presented.server.unwrap_or(taken), letters, seen, collect(response.fields.get_all(b"set-cookie")))
}

#[test]
fn cookies_go_the_oracles_way() {
    let mut config = "";
    let mut played = 0;
    for line in include_str!("fixtures/cookies.txt").lines().filter(|l| !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, _, _, server, letters, seen, set] = columns[..] else {
            config = line;
            continue;
        };
        let server = SERVERS.iter().position(|s| s.0 == server).unwrap();
        let expected = (server, letters.to_owned(), fields(seen), fields(set));
        assert_eq!(play(config, &columns), expected, "{config}: {line}");
        played += 1;
    }
    assert!(played > 400, "{played}");
}

#[test]
fn a_redispatched_cookie_is_set_anew() {
    let settings = settings("cookie S insert maxlife 1000");
    let mut request = Request::default();
    request.fields.push(b"cookie", dated("S=sx|{-8}|{-52}").as_bytes());
    let mut presented = read(&settings, &request, Guidance::Cookie, |_| Some((1, true)), NOW);
    assert_eq!((presented.server, presented.seen), (Some(1), Seen::Valid));
    presented.redispatched();
    let offered = Offered { server: 0, cookie: Some(b"sa"), method: Method::Get };
    let mut response = Response::default();
    let sent = answer(&settings, &presented, Guidance::Cookie, &offered, &mut response, NOW);
    assert_eq!(letters(Some(&settings), presented.seen, sent), ['D', 'I']);
    let expected = dated("S=sa|{0}|{-52}; path=/");
    assert_eq!(response.fields.get(b"set-cookie"), Some(expected.as_bytes()));
}

#[test]
fn nocache_marks_what_a_cache_would_keep() {
    let settings = settings("cookie S insert indirect nocache");
    let etag = ("etag", "\"x\"");
    type Head<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Method, u16, Head<'_>, bool); 16] = [
        (Method::Get, 200, &[], false),
        (Method::Get, 200, &[etag], true),
        (Method::Head, 200, &[etag], true),
        (Method::Options, 200, &[etag], true),
        (Method::Post, 200, &[etag], false),
        (Method::Put, 200, &[etag], false),
        (Method::Get, 404, &[etag], true),
        (Method::Get, 302, &[etag], false),
        (Method::Get, 304, &[etag], false),
        (Method::Get, 500, &[etag], false),
        (Method::Get, 200, &[("cache-control", "max-age=5")], true),
        (Method::Get, 200, &[("cache-control", "s-maxage=9")], true),
        (Method::Get, 200, &[("cache-control", "max-age=0")], false),
        (Method::Get, 200, &[("cache-control", "no-cache"), etag], false),
        (Method::Get, 200, &[("cache-control", "private"), etag], false),
        (Method::Get, 200, &[("pragma", "no-cache"), etag], false),
    ];
    for (method, status, head, marked) in cases {
        let mut response = Response::default();
        response.set_status(status, b"");
        head.iter().for_each(|(n, v)| response.fields.push(n.as_bytes(), v.as_bytes()));
        let offered = Offered { server: 0, cookie: Some(b"sa"), method };
        answer(&settings, &Presented::default(), Guidance::Cookie, &offered, &mut response, NOW);
        let last = response.fields.iter().next_back();
        let added =
            last == Some((&b"cache-control"[..], &b"private"[..])) && response.fields.len() > head.len() + 1;
        assert_eq!(added, marked, "{method:?} {status} {head:?}");
    }
}
