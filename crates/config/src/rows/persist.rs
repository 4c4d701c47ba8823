//! When a client reaches its server, besides the cookie: `dynamic-cookie-key`, `force-persist`, `ignore-persist`
//! (manual 4.2).

use crate::args::Args;
use crate::failure::Failure;
use crate::model::CondText;
use crate::row::{Parse, Place, Row};
use base::Word;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["dynamic-cookie-key"],
        Place::DEFAULTS_BACK,
        "<string>",
        "The secret that cookie values of servers are made from.",
        Parse::Settings(|c, a, s| {
            let key = a.expect_text("a key")?;
            c.secret(key);
            s.dynamic_cookie_key = Some(key.clone());
            a.finish()
        }),
    ),
    Row::new(
        &["persist rdp-cookie*"],
        Place::DEFAULTS_BACK,
        "[(<name>)]",
        "Sends RDP clients to the server whose address their cookie holds.",
        Parse::Settings(|_, a, s| {
            s.rdp_persist = Some(rdp_cookie(a)?);
            a.finish()
        }),
    ),
    Row::new(
        &["force-persist"],
        Place::BACK,
        "{ if | unless } <condition>",
        "When a client reaches its server even if it is down.",
        Parse::Proxy(|_, a, p| {
            p.force_persist.push(required_cond(a)?);
            Ok(())
        }),
    ),
    Row::new(
        &["ignore-persist"],
        Place::BACK,
        "{ if | unless } <condition>",
        "When the cookie is not looked at.",
        Parse::Proxy(|_, a, p| {
            p.ignore_persist.push(required_cond(a)?);
            Ok(())
        }),
    ),
];

/// The cookie's name inside the word `rdp-cookie(NAME)`; without one it is `msts` (manual, `persist rdp-cookie`).
fn rdp_cookie(args: &Args<'_>) -> Result<Word, Failure> {
    let Some(word) = args.line().iter().find(|word| word.text.starts_with("rdp-cookie")) else {
        return Err(args.missing("a method: rdp-cookie"));
    };
    match word.text.strip_prefix("rdp-cookie") {
        None | Some("" | "()") => Ok(Word::new("msts", word.span)),
        Some(call) => match call.strip_prefix('(').and_then(|name| name.strip_suffix(')')) {
            Some(name) => Ok(Word::new(name, word.span)),
            None => Err(args.bad(word, "a method").help("write: persist rdp-cookie(NAME)")),
        },
    }
}

/// The condition of a word that makes no sense without.
pub(crate) fn required_cond(args: &mut Args<'_>) -> Result<CondText, Failure> {
    match args.cond()? {
        Some(cond) => Ok(cond),
        None => Err(args.missing("a condition: 'if' or 'unless'")),
    }
}
