//! The `global` section's words about TLS: where certificates lie, and what `bind` and `server` lines begin with
//! (manual 3.1). Opens no file and knows no cipher.

use super::tls_versions;
use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Global, TlsDefaults};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Global>) -> Row {
    Row::new(names, Place::GLOBAL, args, doc, Parse::Global(parser))
}

const OPTIONS: &str =
    "[ssl-min-ver <version>] [ssl-max-ver <version>] [no-tlsv12] [no-tlsv13] [no-tls-tickets] ...";

pub(crate) const ROWS: &[Row] = &[
    row(&["ca-base"], "<dir>", "Where 'ca-file' and 'crl-file' begin.", |_, a, g| one(a, &mut g.ca_base)),
    row(&["crt-base"], "<dir>", "Where 'crt' begins.", |_, a, g| one(a, &mut g.crt_base)),
    row(&["key-base"], "<dir>", "Where 'key' begins.", |_, a, g| one(a, &mut g.key_base)),
    row(
        &["ssl-default-bind-ciphers"],
        "<ciphers>",
        "Cipher suites up to TLSv1.2 of 'bind' lines.",
        |_, a, g| one(a, &mut g.bind_tls.offer.ciphers),
    ),
    row(
        &["ssl-default-bind-ciphersuites"],
        "<ciphersuites>",
        "Cipher suites of TLSv1.3 of 'bind' lines.",
        |_, a, g| one(a, &mut g.bind_tls.offer.ciphersuites),
    ),
    row(&["ssl-default-bind-curves"], "<curves>", "Key exchange groups of 'bind' lines.", |_, a, g| {
        one(a, &mut g.bind_tls.offer.curves)
    }),
    row(&["ssl-default-bind-options"], OPTIONS, "TLS versions and tickets of 'bind' lines.", |c, a, g| {
        options(c, a, &mut g.bind_tls)
    }),
    row(
        &["ssl-default-server-ciphers"],
        "<ciphers>",
        "Cipher suites up to TLSv1.2 of 'server' lines.",
        |_, a, g| one(a, &mut g.server_tls.offer.ciphers),
    ),
    row(
        &["ssl-default-server-ciphersuites"],
        "<ciphersuites>",
        "Cipher suites of TLSv1.3 of 'server' lines.",
        |_, a, g| one(a, &mut g.server_tls.offer.ciphersuites),
    ),
    row(&["ssl-default-server-curves"], "<curves>", "Key exchange groups of 'server' lines.", |_, a, g| {
        one(a, &mut g.server_tls.offer.curves)
    }),
    row(
        &["ssl-default-server-options"],
        OPTIONS,
        "TLS versions and tickets of 'server' lines.",
        |c, a, g| options(c, a, &mut g.server_tls),
    ),
    row(
        &["ssl-server-verify"],
        "{ none | required }",
        "Whether servers' certificates are verified.",
        |_, a, g| {
            g.ssl_server_verify = Some(a.choice("a policy", &[("none", false), ("required", true)])?);
            a.finish()
        },
    ),
    Row::no_effect(
        &[
            "ssl-default-bind-sigalgs",
            "ssl-default-bind-client-sigalgs",
            "ssl-default-server-sigalgs",
            "ssl-default-server-client-sigalgs",
        ],
        Place::GLOBAL,
        "<sigalgs>",
        "Signature algorithms.",
        "the TLS library's signature algorithms are used",
    ),
];

fn one(args: &mut Args<'_>, slot: &mut Option<Word>) -> Parsed {
    *slot = Some(args.expect_text("an argument")?.clone());
    args.finish()
}

/// The words of `ssl-default-*-options`, in the order and with the meaning they have on the lines themselves.
fn options(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut TlsDefaults) -> Parsed {
    if args.is_done() {
        return Err(args.missing("an option"));
    }
    let mut words = args.rest();
    while let Some(word) = words.first() {
        let mut option = Args::new(words, 1, Polarity::Plain);
        match word.as_str() {
            "ssl-min-ver" => tls_versions::min(ctx, &mut option, &mut to.offer.versions)?,
            "ssl-max-ver" => tls_versions::max(ctx, &mut option, &mut to.offer.versions)?,
            "force-sslv3" | "force-tlsv10" | "force-tlsv11" | "force-tlsv12" | "force-tlsv13" => {
                tls_versions::force(ctx, &mut option, &mut to.offer.versions)?;
            }
            "no-sslv3" | "no-tlsv10" | "no-tlsv11" | "no-tlsv12" | "no-tlsv13" => {
                tls_versions::without(ctx, &mut option, &mut to.offer.versions)?;
            }
            "no-tls-tickets" => to.no_tls_tickets = Some(true),
            "tls-tickets" => to.no_tls_tickets = Some(false),
            "prefer-client-ciphers" | "strict-sni" | "no-strict-sni" => {
                ctx.warn(
                    word.span,
                    format!("'{word}' is accepted without effect here: write it on the 'bind' lines"),
                );
            }
            _ => return Err(unknown(args, word)),
        }
        words = option.rest();
    }
    Ok(())
}

fn unknown(args: &Args<'_>, word: &Word) -> Failure {
    let known = [
        "ssl-min-ver",
        "ssl-max-ver",
        "no-sslv3",
        "no-tlsv10",
        "no-tlsv11",
        "no-tlsv12",
        "no-tlsv13",
        "no-tls-tickets",
        "force-tlsv12",
        "force-tlsv13",
        "prefer-client-ciphers",
    ];
    Failure::new(word.span, format!("unknown option '{word}' in '{}'", args.name()))
        .nearest(&word.text, known)
}
