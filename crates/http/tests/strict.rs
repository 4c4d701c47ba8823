//! What the H1 parser takes and what it refuses, as tables of raw bytes: see the head of `strict/requests.txt`.
//! Each case is fed whole and byte by byte; the way it arrives must not change the verdict.

// Helpers of a test are test code, which clippy sees only inside #[test] functions.
#![allow(clippy::unwrap_used, clippy::panic)]

use http::h1::{BodyDecoder, Complete, Framing, Limits, Parsed, Reject, parse_request, parse_response};
use http::{Method, Request, Response};

struct Case {
    line: usize,
    verdict: String,
    raw: Vec<u8>,
}

fn cases(table: &str) -> Vec<Case> {
    let lines = table.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|(n, l)| {
            let (verdict, raw) = l.split_once("| ").unwrap_or_else(|| panic!("line {}: no bar", n + 1));
            Case { line: n + 1, verdict: verdict.trim_end().to_string(), raw: unescape(&repeat(raw)) }
        })
        .collect()
}

/// `{text*N}` becomes N times `text`; other braces stay.
fn repeat(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_string() };
    if let Some((inner, after)) = rest.split_once('}')
        && let Some((piece, times)) = inner.rsplit_once('*')
        && let Ok(times) = times.parse()
    {
        return format!("{before}{}{}", piece.repeat(times), repeat(after));
    }
    format!("{before}{{{}", repeat(rest))
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut chars) = (Vec::new(), text.bytes());
    while let Some(b) = chars.next() {
        out.push(match b {
            b'\\' => match chars.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let hex = [chars.next().unwrap(), chars.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                other => other,
            },
            b => b,
        });
    }
    out
}

/// Feeds `raw` in pieces of `size` to a head parser and then to a body decoder; gives the verdict in the tables'
/// words.
fn verdict(
    raw: &[u8],
    size: usize,
    mut head: impl FnMut(&[u8], &mut usize) -> Result<Parsed, Reject>,
) -> String {
    let (mut end, mut scanned) = (0, 0);
    let complete = loop {
        match head(&raw[..end], &mut scanned) {
            Err(reject) => {
                assert!(reject.at <= end, "{reject} lies outside the input");
                return reject.status.to_string();
            }
            Ok(Parsed::Complete(complete)) => break complete,
            Ok(Parsed::Partial) if end == raw.len() => return "partial".to_string(),
            Ok(Parsed::Partial) => end = (end + size).min(raw.len()),
        }
    };
    match body(&raw[complete.head_len..], size, complete.body) {
        Err(reject) => reject.status.to_string(),
        Ok(None) => "partial".to_string(),
        Ok(Some(rest)) => describe(&complete, rest),
    }
}

/// Bytes behind the body, or `None` when it is not whole.
fn body(raw: &[u8], size: usize, framing: Framing) -> Result<Option<usize>, Reject> {
    let mut decoder = BodyDecoder::new(framing);
    let (mut at, mut end) = (0, 0);
    while !decoder.is_done() {
        let step = decoder.step(&raw[at..end])?;
        at += step.consumed + step.data;
        if at == end && end == raw.len() {
            break;
        }
        end = (end + size).min(raw.len());
    }
    Ok(decoder.finish_at_close().is_ok().then_some(raw.len() - at))
}

fn describe(complete: &Complete, rest: usize) -> String {
    let mut words = vec!["ok".to_string()];
    words.push(match complete.body {
        Framing::None => "none".to_string(),
        Framing::Length(n) => format!("len={n}"),
        Framing::Chunked => "chunked".to_string(),
        Framing::UntilClose => "until".to_string(),
    });
    let flags = [
        (complete.close, "close"),
        (complete.keep_alive_10, "ka10"),
        (complete.upgrade, "upgrade"),
        (complete.expect_continue, "expect"),
    ];
    words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| word.to_string()));
    if rest > 0 {
        words.push(format!("rest={rest}"));
    }
    words.join(" ")
}

/// Runs a table; `judge(case's method, raw, size of pieces)` gives the verdict.
fn run(name: &str, table: &str, least: usize, judge: impl Fn(Method, &[u8], usize) -> String) {
    let cases = cases(table);
    assert!(cases.len() >= least, "{name} has shrunk to {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (method, expected) = match case.verdict.split_once(' ') {
            Some((m @ ("HEAD" | "CONNECT"), rest)) => (Method::of(m.as_bytes()), rest),
            _ => (Method::Get, case.verdict.as_str()),
        };
        for size in [case.raw.len().max(1), 1] {
            let got = judge(method, &case.raw, size);
            if got != expected {
                let raw: String = case.raw.escape_ascii().to_string().chars().take(120).collect();
                wrong.push(format!("{name}:{}: {got}, not {expected} (pieces of {size}): {raw}", case.line));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn request(limits: Limits) -> impl Fn(Method, &[u8], usize) -> String {
    move |_, raw, size| {
        let mut request = Request::default();
        verdict(raw, size, |input, scanned| parse_request(input, scanned, &limits, &mut request))
    }
}

#[test]
fn requests() {
    run("requests.txt", include_str!("strict/requests.txt"), 200, request(Limits::default()));
}

#[test]
fn requests_under_the_unsafe_option() {
    let limits = Limits { unsafe_request: true, ..Limits::default() };
    run("requests-unsafe.txt", include_str!("strict/requests-unsafe.txt"), 25, request(limits));
}

#[test]
fn responses() {
    run("responses.txt", include_str!("strict/responses.txt"), 70, |method, raw, size| {
        let (limits, mut response) = (Limits::default(), Response::default());
        verdict(raw, size, |input, scanned| parse_response(input, scanned, &limits, method, &mut response))
    });
}
