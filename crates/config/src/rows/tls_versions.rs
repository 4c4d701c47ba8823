//! Protocol versions on `bind`, `server` and `ssl-default-*-options` lines. Nothing older than TLS 1.2 is ever spoken:
//! a limit below that is raised with a warning, and what leaves no version at all is refused.

use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{TlsVersion, TlsVersionOptions};
use crate::row::Parsed;
use base::Word;

const VERSIONS: &[(&str, TlsVersion)] = &[
    ("SSLv3", TlsVersion::Ssl3),
    ("TLSv1.0", TlsVersion::Tls10),
    ("TLSv1.1", TlsVersion::Tls11),
    ("TLSv1.2", TlsVersion::Tls12),
    ("TLSv1.3", TlsVersion::Tls13),
];

/// The argument grammar of `ssl-min-ver` and `ssl-max-ver`.
pub(crate) const GRAMMAR: &str = "{ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 }";

/// `ssl-min-ver VERSION`
pub(crate) fn min(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut TlsVersionOptions) -> Parsed {
    let word = args.expect("a TLS version")?;
    let version = args.choice_of(word, "a TLS version", VERSIONS)?;
    if version < TlsVersion::Tls12 {
        ctx.warn(word.span, format!("'{word}' is not spoken: TLSv1.2 is the oldest version offered"));
    }
    to.min = Some(version.max(TlsVersion::Tls12));
    Ok(())
}

/// `ssl-max-ver VERSION`
pub(crate) fn max(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut TlsVersionOptions) -> Parsed {
    let word = args.expect("a TLS version")?;
    let version = args.choice_of(word, "a TLS version", VERSIONS)?;
    to.max = Some(spoken(word, version)?);
    Ok(())
}

/// `force-sslv3`, `force-tlsv10` … `force-tlsv13`: that version and no other.
pub(crate) fn force(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut TlsVersionOptions) -> Parsed {
    let Some(word) = args.line().first() else { return Ok(()) };
    let version = match word.as_str() {
        "force-tlsv13" => TlsVersion::Tls13,
        "force-tlsv12" => TlsVersion::Tls12,
        "force-tlsv11" => TlsVersion::Tls11,
        "force-tlsv10" => TlsVersion::Tls10,
        _ => TlsVersion::Ssl3,
    };
    let version = spoken(word, version)?;
    (to.min, to.max) = (Some(version), Some(version));
    Ok(())
}

/// `no-sslv3`, `no-tlsv10` … `no-tlsv13`. The first three say what holds anyway.
pub(crate) fn without(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut TlsVersionOptions) -> Parsed {
    match args.line().first().map_or("", Word::as_str) {
        "no-tlsv12" => to.no_tls12 = true,
        "no-tlsv13" => to.no_tls13 = true,
        _ => {}
    }
    Ok(())
}

fn spoken(word: &Word, version: TlsVersion) -> Result<TlsVersion, Failure> {
    if version >= TlsVersion::Tls12 {
        return Ok(version);
    }
    Err(Failure::new(word.span, format!("'{word}': no version older than TLSv1.2 is spoken"))
        .help("use TLSv1.2 or TLSv1.3"))
}
