//! When a client reaches its server, besides the cookie: `dynamic-cookie-key`, `force-persist`, `ignore-persist`
//! (manual 4.2).

use crate::args::Args;
use crate::failure::Failure;
use crate::model::CondText;
use crate::row::{Parse, Place, Row};

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

/// The condition of a word that makes no sense without.
pub(crate) fn required_cond(args: &mut Args<'_>) -> Result<CondText, Failure> {
    match args.cond()? {
        Some(cond) => Ok(cond),
        None => Err(args.missing("a condition: 'if' or 'unless'")),
    }
}
