//! `option httpchk`, `option tcp-check` and the other `option …-check` lines: which health check a backend makes. The
//! last one written holds, and what `defaults` had of steps does not count for it.

use super::params::text;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{CheckKind, Settings};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, Place::DEFAULTS_BACK, args, doc, Parse::Settings(parser))
}

pub(crate) const ROWS: &[Row] = &[
    row(&["option httpchk"], "[<method>] [<uri>] [<version>]", "Health checks are HTTP requests.", httpchk),
    row(&["option tcp-check"], "", "Health checks follow 'tcp-check' steps.", |c, a, s| {
        plain(c, a, s, CheckKind::Tcp)
    }),
    row(&["option ssl-hello-chk"], "", "Health checks are TLS ClientHellos.", |c, a, s| {
        plain(c, a, s, CheckKind::SslHello)
    }),
    row(
        &["option mysql-check"],
        "[user <username> [{ post-41 | pre-41 }]]",
        "Health checks log in to MySQL.",
        {
            |c, a, s| {
                let kind = mysql(a)?;
                plain(c, a, s, kind)
            }
        },
    ),
    row(&["option pgsql-check"], "user <username>", "Health checks greet PostgreSQL.", |c, a, s| {
        a.choice("'user <username>'", &[("user", ())])?;
        let user = Some(text(a, "<username> behind 'user'")?);
        plain(c, a, s, CheckKind::Pgsql { user })
    }),
    row(&["option redis-check"], "", "Health checks ping Redis.", |c, a, s| plain(c, a, s, CheckKind::Redis)),
    row(
        &["option smtpchk"],
        "[{ HELO | EHLO } <domain>]",
        "Health checks greet a mail server.",
        |c, a, s| {
            let (hello, domain) = (a.next().cloned(), a.next().cloned());
            plain(c, a, s, CheckKind::Smtp { hello, domain })
        },
    ),
    row(&["option ldap-check"], "", "Health checks bind to LDAP.", |c, a, s| plain(c, a, s, CheckKind::Ldap)),
    Row::refused(
        &["option spop-check"],
        Place::DEFAULTS_BACK,
        "",
        "Health checks greet SPOE agents.",
        "SPOE is not spoken; without the option, the connection alone is checked",
    ),
    row(&["option external-check"], "", "Health checks run a program.", |c, a, s| {
        plain(c, a, s, CheckKind::External)
    }),
    row(&["external-check command"], "<command>", "The program of 'option external-check'.", |_, a, s| {
        s.external_command = Some(text(a, "<command>")?);
        a.finish()
    }),
    row(&["external-check path"], "<path>", "The program's PATH.", |_, a, s| {
        s.external_path = Some(text(a, "<path>")?);
        a.finish()
    }),
];

fn plain(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings, kind: CheckKind) -> Parsed {
    args.finish()?;
    if matches!(kind, CheckKind::Tcp) && ctx.first("tcp-check") {
        to.tcp_check.clear();
    }
    to.check = Some(kind);
    Ok(())
}

fn mysql(args: &mut Args<'_>) -> Result<CheckKind, Failure> {
    let Some(word) = args.next() else { return Ok(CheckKind::Mysql { user: None, pre41: false }) };
    args.choice_of(word, "an argument", &[("user", ())])?;
    let user = Some(text(args, "<username> behind 'user'")?);
    let version =
        args.next().map(|w| args.choice_of(w, "a version", &[("post-41", false), ("pre-41", true)]));
    Ok(CheckKind::Mysql { user, pre41: version.transpose()?.unwrap_or(false) })
}

/// One argument is the URI, two are method and URI, three add the version.
fn httpchk(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let words: Vec<&Word> = args.by_ref().take(3).collect();
    args.finish()?;
    let (method, uri, tail) = match words.as_slice() {
        [] => (None, None, None),
        [uri] => (None, Some(*uri), None),
        [method, uri] => (Some(*method), Some(*uri), None),
        [method, uri, tail, ..] => (Some(*method), Some(*uri), Some(*tail)),
    };
    let (version, headers) = match tail {
        Some(tail) => version(ctx, args, tail)?,
        None => (None, Vec::new()),
    };
    if ctx.first("http-check") {
        to.http_check.clear();
    }
    ctx.mark("httpchk");
    to.check = Some(CheckKind::Http { method: method.cloned(), uri: uri.cloned(), version, headers });
    Ok(())
}

/// The version, and the headers that configurations written before HAProxy 2.2 hide behind it.
#[allow(clippy::type_complexity)] // a pair of what the model holds, for one caller
fn version(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    word: &Word,
) -> Result<(Option<Word>, Vec<(Word, Word)>), Failure> {
    let (version, hidden) = word.text.split_once('\r').unwrap_or((&word.text, ""));
    let version = if version.starts_with("HTTP/") {
        Some(Word::new(version, word.span))
    } else {
        ctx.warn(word.span, format!("'{version}' is no HTTP version: the check says HTTP/1.0"));
        None
    };
    let headers = headers(args, word, hidden)?;
    if !headers.is_empty() {
        let modern: Vec<String> = headers.iter().map(|(n, v)| format!("hdr {n} {}", quoted(v))).collect();
        ctx.warn(word.span, "'option httpchk': hiding headers behind the version is deprecated")
            .help(format!("write: http-check send {}", modern.join(" ")));
    }
    Ok((version, headers))
}

fn headers(args: &Args<'_>, word: &Word, hidden: &str) -> Result<Vec<(Word, Word)>, Failure> {
    let (fields, body) = hidden.split_once("\r\n\r\n").unwrap_or((hidden, ""));
    if !body.trim().is_empty() {
        let message = "'option httpchk': a body is hidden behind the version";
        return Err(Failure::new(word.span, message).help("write: http-check send body TEXT"));
    }
    let mut out = Vec::new();
    for line in fields.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else {
            let message =
                format!("'option httpchk': '{}' behind the version is no header", line.escape_debug());
            return Err(Failure::new(word.span, message).help("write: http-check send hdr NAME VALUE"));
        };
        let name = Word::new(name.trim(), word.span);
        super::http_actions::token(args, &name)?;
        out.push((name, Word::new(value.trim(), word.span)));
    }
    Ok(out)
}

fn quoted(value: &Word) -> String {
    let special = [' ', '"', '\'', '\\', '#', '$'];
    if !value.text.is_empty() && !value.text.contains(special) {
        return value.text.clone();
    }
    let escaped = value.text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{escaped}\"")
}
