//! `cookie` lines: persistence by a cookie.

use super::params::text;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Cookie, CookieMode, Settings};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;

pub(crate) const ROWS: &[Row] = &[Row::new(
    &["cookie"],
    Place::DEFAULTS_BACK,
    "<name> [rewrite | insert | prefix] [indirect] [nocache] [postonly] [preserve] [httponly] [secure] \
     [domain <domain>]* [maxidle <idle>] [maxlife <life>] [dynamic] [attr <value>]*",
    "Keeps clients on their server by a cookie.",
    Parse::Settings(cookie),
)];

/// The words behind the name, for suggestions.
const WORDS: [&str; 14] = [
    "rewrite", "insert", "prefix", "indirect", "nocache", "postonly", "preserve", "httponly", "secure",
    "domain", "maxidle", "maxlife", "dynamic", "attr",
];

fn cookie(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let mut cookie = Cookie::named(text(args, "<cookie_name> as argument")?);
    while let Some(word) = args.next() {
        option(ctx, args, word, &mut cookie)?;
    }
    if cookie.preserve && !cookie.indirect && cookie.mode != CookieMode::Insert {
        let word = args.line().iter().find(|w| w.text == "preserve");
        let span = word.map_or(args.span(), |w| w.span);
        return Err(Failure::new(span, "cookie 'preserve' requires at least 'insert' or 'indirect'"));
    }
    to.cookie = Some(cookie);
    Ok(())
}

fn option(ctx: &mut Ctx<'_>, args: &mut Args<'_>, word: &Word, cookie: &mut Cookie) -> Parsed {
    match word.as_str() {
        "rewrite" => return mode(word, cookie, CookieMode::Rewrite),
        "insert" => return mode(word, cookie, CookieMode::Insert),
        "prefix" => return mode(word, cookie, CookieMode::Prefix),
        "indirect" => cookie.indirect = true,
        "nocache" => cookie.nocache = true,
        "postonly" => cookie.postonly = true,
        "preserve" => cookie.preserve = true,
        "httponly" => cookie.httponly = true,
        "secure" => cookie.secure = true,
        "dynamic" => cookie.dynamic = true,
        "domain" => cookie.domains.push(domain(ctx, args)?),
        "maxidle" => cookie.maxidle = Some(args.seconds("<idletime> in seconds as argument")?),
        "maxlife" => cookie.maxlife = Some(args.seconds("<lifetime> in seconds as argument")?),
        "attr" => cookie.attrs.push(attribute(args)?),
        _ => {
            return Err(args
                .bad(word, "an option")
                .help(format!("one of {} is expected", WORDS.join(", ")))
                .nearest(&word.text, WORDS));
        }
    }
    Ok(())
}

fn mode(word: &Word, cookie: &mut Cookie, mode: CookieMode) -> Parsed {
    if cookie.mode != CookieMode::Passive && cookie.mode != mode {
        let message = "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible";
        return Err(Failure::new(word.span, message).help("keep one of them"));
    }
    cookie.mode = mode;
    Ok(())
}

fn domain(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = text(args, "<domain> as argument")?;
    if let Some(c) = word.text.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
        let message = format!("character '{c}' is not permitted in domain name '{word}'");
        return Err(Failure::new(word.span, message));
    }
    if word.text.trim_start_matches('.').find('.').is_none() {
        let message = format!(
            "domain '{word}' contains no embedded dot, this configuration may not work properly (RFC 6265 5.2.3)"
        );
        ctx.warn(word.span, message);
    }
    Ok(word)
}

/// Anything but control characters and `;`, which would end the attribute (RFC 6265 4.1.1).
fn attribute(args: &mut Args<'_>) -> Result<Word, Failure> {
    let word = text(args, "<value> as argument")?;
    match word.text.chars().find(|c| c.is_control() || *c == ';') {
        Some(c) => {
            let message = format!("character '{}' is not permitted in attribute value", c.escape_default());
            Err(Failure::new(word.span, message))
        }
        None => Ok(word),
    }
}

impl Cookie {
    /// A cookie of which nothing but the name is written.
    fn named(name: Word) -> Cookie {
        Cookie {
            name,
            mode: CookieMode::Passive,
            indirect: false,
            nocache: false,
            postonly: false,
            preserve: false,
            httponly: false,
            secure: false,
            domains: Vec::new(),
            maxidle: None,
            maxlife: None,
            dynamic: false,
            attrs: Vec::new(),
        }
    }
}
