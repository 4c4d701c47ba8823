//! `http-check expect` and `tcp-check expect`: what the server must answer, and what is reported when it does not.

use super::check::{formatted, hex};
use super::http_actions::matching;
use super::params::text;
use crate::args::{Args, list_of};
use crate::failure::Failure;
use crate::model::{CheckExpect, CheckMatch, CheckPattern, CheckText, NameMatch};
use base::{Span, Word};

/// The grammar behind `expect`.
pub(crate) const GRAMMAR: &str = "[min-recv <int>] [comment <msg>] [ok-status <st>] [error-status <st>] \
     [tout-status <st>] [on-success <fmt>] [on-error <fmt>] [status-code <expr>] [!] <match> <pattern>";

/// Statuses by the option that sets them.
const STATUSES: [(&str, &[&str]); 3] = [
    ("ok-status", &["L7OK", "L7OKC", "L6OK", "L4OK"]),
    ("error-status", &["L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON"]),
    ("tout-status", &["L7TOUT", "L6TOUT", "L4TOUT"]),
];

const TEXTS: [&str; 3] = ["on-success", "on-error", "status-code"];
const HTTP: [&str; 7] = ["string", "rstring", "string-lf", "status", "rstatus", "hdr", "fhdr"];
const TCP: [&str; 6] = ["string", "rstring", "string-lf", "binary", "rbinary", "binary-lf"];

/// Reads the whole line behind `expect`.
pub(crate) fn expect(args: &mut Args<'_>) -> Result<CheckExpect, Failure> {
    let (mut extras, mut min_recv, mut comment) = (Vec::new(), None, None);
    let mut found: Option<(bool, CheckMatch, Span)> = None;
    while let Some(word) = args.next() {
        if word.text == "min-recv" {
            min_recv = Some(args.number("a number of bytes, or -1,", -1..=i64::from(i32::MAX))?);
        } else if word.text == "comment" {
            comment = Some(text(args, "a string behind 'comment'")?);
        } else if let Some(value) = extra(args, word)? {
            extras.push((word.clone(), value));
        } else if found.is_some() {
            return Err(args.bad(word, "an argument").help("one pattern is expected"));
        } else {
            found = Some(negated(args, word)?);
        }
    }
    let (negate, matcher, span) = found.ok_or_else(|| args.missing("at least a matching pattern"))?;
    Ok(CheckExpect { negate, matcher, min_recv, extras, comment, span })
}

/// The value of an option that only concerns reports; `None` where the word is none of them.
fn extra(args: &mut Args<'_>, word: &Word) -> Result<Option<Word>, Failure> {
    if TEXTS.contains(&word.as_str()) {
        return text(args, &format!("a string behind '{word}'")).map(Some);
    }
    let Some((_, known)) = STATUSES.iter().find(|(name, _)| *name == word.text) else { return Ok(None) };
    let status = text(args, &format!("a status behind '{word}'"))?;
    if known.contains(&status.as_str()) {
        return Ok(Some(status));
    }
    let known = known.iter().copied();
    Err(args
        .bad(&status, "a status")
        .help(format!("'{word}' takes {}", known.clone().collect::<Vec<_>>().join(", ")))
        .nearest(&status.text, known))
}

/// `[!] MATCH PATTERN`, where the mark may stand alone or before the match.
fn negated(args: &mut Args<'_>, word: &Word) -> Result<(bool, CheckMatch, Span), Failure> {
    let (mut negate, mut word, mut name) = (false, word, word.text.as_str());
    while let Some(rest) = name.strip_prefix('!') {
        negate = true;
        name = rest;
        if name.is_empty() {
            word = args.expect("a match behind '!'")?;
            name = &word.text;
        }
    }
    Ok((negate, matcher(args, word, name)?, word.span))
}

fn matcher(args: &mut Args<'_>, word: &Word, name: &str) -> Result<CheckMatch, Failure> {
    let http = args.line().first().is_some_and(|w| w.text == "http-check");
    let known: &[&str] = if http { &HTTP } else { &TCP };
    if !known.contains(&name) {
        return Err(args
            .bad(word, "a match")
            .help(format!("one of {} is expected", known.join(", ")))
            .nearest(name, known.iter().copied()));
    }
    let what = format!("a <pattern> behind '{name}'");
    Ok(match name {
        "string" => CheckMatch::String(CheckText::Plain(text(args, &what)?)),
        "string-lf" => CheckMatch::String(formatted(text(args, &what)?)),
        "rstring" => CheckMatch::Rstring(text(args, &what)?),
        "binary" => CheckMatch::Binary(binary(args, &what)?),
        "binary-lf" => CheckMatch::Binary(formatted(text(args, &what)?)),
        "rbinary" => CheckMatch::Rbinary(text(args, &what)?),
        "status" => CheckMatch::Status(status_ranges(args, &what)?),
        "rstatus" => CheckMatch::Rstatus(text(args, &what)?),
        // 'hdr' and 'fhdr', the last of the known ones.
        _ => header(args, name == "fhdr")?,
    })
}

fn binary(args: &mut Args<'_>, what: &str) -> Result<CheckText, Failure> {
    let word = text(args, what)?;
    hex(args, &word)?;
    Ok(CheckText::Plain(word))
}

/// `200,201,300-310`
fn status_ranges(args: &mut Args<'_>, what: &str) -> Result<Vec<(u16, u16)>, Failure> {
    let list = text(args, what)?;
    let range = |part: &Word| {
        let (low, high) = part.text.split_once('-').unwrap_or((&part.text, &part.text));
        match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) if low <= high => Ok((low, high)),
            (Ok(_), Ok(_)) => {
                Err(args.bad(part, "a range of status codes").help("its end lies before its start"))
            }
            (Err(_), _) | (_, Err(_)) => Err(args
                .bad(part, "a list of status codes")
                .help("codes and ranges are expected: 200,300-310")),
        }
    };
    list_of(&list).iter().map(range).collect()
}

/// `{ name | name-lf } [-m METHOD] NAME [{ value | value-lf } [-m METHOD] VALUE]`
fn header(args: &mut Args<'_>, full: bool) -> Result<CheckMatch, Failure> {
    let format = match args.next().map(Word::as_str) {
        Some("name") => false,
        Some("name-lf") => true,
        Some(_) | None => {
            return Err(Failure::new(args.span(), format!("'{}': 'hdr' expects a name", args.name()))
                .help("write: hdr name NAME [value VALUE]"));
        }
    };
    let name = pattern(args, format)?;
    let value = match args.peek().map(Word::as_str) {
        Some("value") | Some("value-lf") => {
            let format = args.next().is_some_and(|w| w.text == "value-lf");
            Some(pattern(args, format)?)
        }
        Some(_) | None => None,
    };
    Ok(CheckMatch::Header { name, value, full })
}

fn pattern(args: &mut Args<'_>, format: bool) -> Result<CheckPattern, Failure> {
    let flag = args.peek().map_or_else(|| args.span(), |w| w.span);
    let method = matching(args)?.unwrap_or(NameMatch::Str);
    if format && method == NameMatch::Reg {
        return Err(Failure::new(flag, "a log-format string is not supported with a regex matching method"));
    }
    let word = text(args, "a pattern")?;
    Ok(CheckPattern { method, text: if format { formatted(word) } else { CheckText::Plain(word) } })
}
