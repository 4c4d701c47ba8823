//! What `bind` and `server` lines say alike about TLS: suites, key exchange and versions (manual 5.1 and 5.2). Knows no
//! suite by name; words that mean something else on either line stay with that line.

use super::params::{set, skip_value, text};
use super::tls_versions;
use crate::model::TlsOffer;
use crate::row::{Names, Parse, Parser, Place, Row, Text};

const LINES: Place = Place::BIND_LINE.and(Place::SERVER_LINE).and(Place::DEFAULT_SERVER_LINE);

const LIBRARY_SIGNATURES: &str = "the TLS library's signature algorithms are used";

const fn row(names: Names, args: Text, doc: Text, parser: Parser<TlsOffer>) -> Row {
    Row::new(names, LINES, args, doc, Parse::Tls(parser))
}

const fn idle_value(names: Names, args: Text, doc: Text) -> Row {
    let parse = Parse::Tls(|_, a, _| skip_value(a));
    Row::no_effect(names, LINES, args, doc, LIBRARY_SIGNATURES).parsed_by(parse)
}

pub(crate) const ROWS: &[Row] = &[
    row(&["ciphers"], "<ciphers>", "Cipher suites up to TLSv1.2, a colon list.", |_, a, t| {
        set(&mut t.ciphers, text(a, "a cipher suite list"))
    }),
    row(&["ciphersuites"], "<ciphersuites>", "Cipher suites of TLSv1.3, a colon list.", |_, a, t| {
        set(&mut t.ciphersuites, text(a, "a cipher suite list"))
    }),
    row(&["curves"], "<curves>", "Key exchange groups, a colon list.", |_, a, t| {
        set(&mut t.curves, text(a, "a curve list"))
    }),
    row(&["ecdhe"], "<named curve>", "One key exchange group; 'curves' goes before it.", |_, a, t| {
        let curve = text(a, "a named curve")?;
        t.curves.get_or_insert(curve);
        Ok(())
    }),
    row(&["ssl-min-ver"], tls_versions::GRAMMAR, "The oldest TLS version spoken.", |c, a, t| {
        tls_versions::min(c, a, &mut t.versions)
    }),
    row(&["ssl-max-ver"], tls_versions::GRAMMAR, "The newest TLS version spoken.", |c, a, t| {
        tls_versions::max(c, a, &mut t.versions)
    }),
    row(
        &["force-tlsv13", "force-tlsv12", "force-tlsv11", "force-tlsv10", "force-sslv3"],
        "",
        "Speaks this TLS version only.",
        |c, a, t| tls_versions::force(c, a, &mut t.versions),
    ),
    row(
        &["no-tlsv13", "no-tlsv12", "no-tlsv11", "no-tlsv10", "no-sslv3"],
        "",
        "Does not speak this TLS version.",
        |c, a, t| tls_versions::without(c, a, &mut t.versions),
    ),
    idle_value(&["sigalgs"], "<sigalgs>", "Signature algorithms."),
    idle_value(&["client-sigalgs"], "<sigalgs>", "Client signature algorithms."),
];
