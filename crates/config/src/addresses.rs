//! Address words before they are read: variables in them are replaced even outside quotes (the manual says so for
//! every address parameter, "You may want to reference some environment variables"), and a path behind a server's
//! port, which HAProxy overlooks, is dropped with a warning.

use crate::ctx::Ctx;
use base::Word;

/// Keywords with the index of their address word.
const ADDRESSES: &[(&str, usize)] = &[
    ("bind", 1),
    ("server", 2),
    ("server-template", 3),
    ("dispatch", 1),
    ("source", 1),
    ("log", 1),
    ("nameserver", 2),
];

/// The line with its address word made plain; `None` where it is already.
pub(crate) fn plain(ctx: &mut Ctx<'_>, words: &[Word]) -> Option<Vec<Word>> {
    let keyword = words.first()?.as_str();
    let (_, index) = ADDRESSES.iter().find(|(name, _)| *name == keyword)?;
    let word = words.get(*index)?;
    let mut text = word.text.clone();
    if text.contains('$') {
        text = expand(ctx, &text);
    }
    if let Some(len) = path_start(&text).filter(|_| keyword == "server") {
        let path = text.split_off(len);
        ctx.warn(word.span, format!("'{path}' is ignored: a server's address has no path"))
            .help("a rule can set the path: http-request set-path");
    }
    if text == word.text {
        return None;
    }
    let mut plain = words.to_vec();
    if let Some(slot) = plain.get_mut(*index) {
        slot.text = text;
    }
    Some(plain)
}

/// Where a path begins behind `HOST:PORT`.
fn path_start(text: &str) -> Option<usize> {
    let slash = text.find('/')?;
    let (_, port) = text[..slash].rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then_some(slash)
}

/// `$NAME` and `${NAME}` replaced; a variable that does not exist is empty, a dollar without a name stands for itself.
fn expand(ctx: &Ctx<'_>, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = name_of(after);
        match name {
            Some(name) => out.push_str(ctx.env.get(name).unwrap_or_default()),
            None => out.push('$'),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The name at the beginning of `text`, which stood behind a dollar, and what follows it.
fn name_of(text: &str) -> (Option<&str>, &str) {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let len = body.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let (name, tail) = body.split_at(len);
    let tail = if braced.is_some() { tail.strip_prefix('}') } else { Some(tail) };
    match tail {
        Some(tail) if !name.is_empty() => (Some(name), tail),
        Some(_) | None => (None, text),
    }
}
