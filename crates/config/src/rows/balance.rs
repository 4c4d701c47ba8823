//! `balance`, `hash-type` and `hash-balance-factor`: how a server is chosen.

use super::params::{set, text};
use crate::args::{Args, call_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Algorithm, Balance, ExprText, HashAffinity, HashFunction, HashType, Settings};
use crate::row::{Parse, Parsed, Place, Row};
use base::Word;

/// The largest `len`, `depth`, `random()` and `hash-balance-factor`.
const MAX: i64 = i32::MAX as i64;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["balance"],
        Place::DEFAULTS_BACK,
        "<algorithm> [ <arguments> ]",
        "The load balancing algorithm; roundrobin where none is written.",
        Parse::Settings(balance),
    ),
    Row::new(
        &["hash-type"],
        Place::DEFAULTS_BACK,
        "{ map-based | consistent } [ sdbm | djb2 | crc32 | none [avalanche] ]",
        "How a hash is mapped to a server.",
        Parse::Settings(|_, a, s| set(&mut s.hash_type, hash_type(a))),
    ),
    Row::new(
        &["hash-balance-factor"],
        Place::DEFAULTS_BACK,
        "<factor>",
        "Most load of a server in percent of the average, with consistent hashing; 0 is off.",
        Parse::Settings(hash_balance_factor),
    ),
    Row::new(
        &["hash-preserve-affinity"],
        Place::DEFAULTS_BACK,
        "{ always | maxconn | maxqueue }",
        "When a request leaves the server that its hash names for the next one.",
        Parse::Settings(|_, a, s| {
            s.hash_affinity = Some(a.choice("a limit", AFFINITIES)?);
            a.finish()
        }),
    ),
];

const AFFINITIES: &[(&str, HashAffinity)] = &[
    ("always", HashAffinity::Always),
    ("maxconn", HashAffinity::Maxconn),
    ("maxqueue", HashAffinity::Maxqueue),
];

/// Words that need nothing behind them; HAProxy lets anything follow, which is said.
const PLAIN: &[(&str, Algorithm)] = &[
    ("roundrobin", Algorithm::RoundRobin),
    ("static-rr", Algorithm::StaticRr),
    ("leastconn", Algorithm::LeastConn),
    ("first", Algorithm::First),
    ("source", Algorithm::Source),
];

/// All words, for suggestions.
const NAMES: [&str; 11] = [
    "roundrobin",
    "static-rr",
    "leastconn",
    "first",
    "source",
    "uri",
    "url_param",
    "hdr(name)",
    "random",
    "rdp-cookie",
    "hash",
];

fn balance(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let Some(word) = args.next() else {
        // An empty 'balance' is HAProxy's way to write the default.
        to.balance = Some(Balance { algorithm: Algorithm::RoundRobin, span: args.span() });
        return Ok(());
    };
    let algorithm = algorithm(args, word)?;
    if let Some(extra) = args.rest().first() {
        ctx.warn(extra.span, format!("'balance {word}' takes no other argument: '{extra}' is ignored"));
    }
    to.balance = Some(Balance { algorithm, span: word.span });
    Ok(())
}

fn algorithm(args: &mut Args<'_>, word: &Word) -> Result<Algorithm, Failure> {
    if let Some((_, plain)) = PLAIN.iter().find(|(name, _)| *name == word.text) {
        return Ok(plain.clone());
    }
    let (name, _) = word.text.split_once('(').unwrap_or((&word.text, ""));
    match name {
        "uri" => uri(args),
        "url_param" => url_param(args),
        "hash" => hash(args),
        "hdr" => header(args, word),
        "random" => draws(args, word).map(Algorithm::Random),
        "rdp-cookie" => argument(args, word).map(Algorithm::RdpCookie),
        _ => Err(args
            .bad(word, "an algorithm")
            .help(format!("one of {} is expected", NAMES.join(", ")))
            .nearest(&word.text, NAMES)),
    }
}

fn uri(args: &mut Args<'_>) -> Result<Algorithm, Failure> {
    let (mut len, mut depth, mut whole, mut path_only) = (None, None, false, false);
    while let Some(word) = args.next() {
        match word.as_str() {
            "len" => len = Some(args.number("a positive integer behind 'len'", 1..=MAX)?),
            "depth" => depth = Some(args.number("a positive integer behind 'depth'", 1..=MAX)?),
            "whole" => whole = true,
            "path-only" => path_only = true,
            _ => {
                return Err(args
                    .bad(word, "a parameter")
                    .help("'balance uri' takes 'len', 'depth', 'path-only' and 'whole'")
                    .nearest(&word.text, ["len", "depth", "path-only", "whole"]));
            }
        }
    }
    Ok(Algorithm::Uri { len, depth, whole, path_only })
}

fn url_param(args: &mut Args<'_>) -> Result<Algorithm, Failure> {
    let name = text(args, "an URL parameter name")?;
    let check_post = modifier(args, "check_post")?;
    // 'check_post' once took a number of bytes to wait for, which has long been ignored.
    if check_post {
        args.next();
    }
    Ok(Algorithm::UrlParam { name, check_post })
}

fn header(args: &mut Args<'_>, word: &Word) -> Result<Algorithm, Failure> {
    let name = argument(args, word)?.filter(|name| !name.text.is_empty());
    let Some(name) = name else {
        return Err(args
            .bad(word, "an algorithm")
            .help("'hdr' requires an http header field name: hdr(host)"));
    };
    Ok(Algorithm::Header { name, domain_only: modifier(args, "use_domain_only")? })
}

fn draws(args: &Args<'_>, word: &Word) -> Result<Option<u32>, Failure> {
    argument(args, word)?.map(|n| args.number_in(&n, "a number of draws", 1..=MAX)).transpose()
}

/// One word, as HAProxy reads it.
fn hash(args: &mut Args<'_>) -> Result<Algorithm, Failure> {
    let expr = ExprText { words: vec![text(args, "a sample expression")?] };
    args.finish()?;
    Ok(Algorithm::Hash(expr))
}

/// What stands in the algorithm's brackets, if it has any.
fn argument(args: &Args<'_>, word: &Word) -> Result<Option<Word>, Failure> {
    if !word.text.contains('(') {
        return Ok(None);
    }
    let inner = call_of(word);
    inner.map(Some).ok_or_else(|| args.bad(word, "an algorithm").help("the closing parenthesis is missing"))
}

/// Whether the one word that may follow does.
fn modifier(args: &mut Args<'_>, name: &str) -> Result<bool, Failure> {
    match args.next() {
        None => Ok(false),
        Some(word) if word.text == name => Ok(true),
        Some(word) => Err(args
            .bad(word, "a modifier")
            .help(format!("'{name}' is the only one"))
            .nearest(&word.text, [name])),
    }
}

fn hash_type(args: &mut Args<'_>) -> Result<HashType, Failure> {
    let consistent = args.choice("a method", &[("map-based", false), ("consistent", true)])?;
    let functions = [
        ("sdbm", HashFunction::Sdbm),
        ("djb2", HashFunction::Djb2),
        ("crc32", HashFunction::Crc32),
        ("none", HashFunction::None),
    ];
    if let Some(word) = args.peek().filter(|w| w.text == "wt6") {
        let why = "this hash is defined by HAProxy's code alone; use 'sdbm', 'djb2' or 'crc32'";
        return Err(Failure::new(word.span, "'wt6' is not supported").help(why));
    }
    let function = args.next().map(|word| args.choice_of(word, "a hash function", &functions)).transpose()?;
    let avalanche = modifier(args, "avalanche")?;
    args.finish()?;
    Ok(HashType { consistent, function, avalanche })
}

fn hash_balance_factor(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let word = args.expect("an integer argument")?;
    let factor: u32 = args.number_in(word, "a factor", 0..=MAX)?;
    if (1..=100).contains(&factor) {
        return Err(args.bad(word, "a factor").help("it must be 0 or greater than 100"));
    }
    args.finish()?;
    to.hash_balance_factor = Some(factor);
    Ok(())
}
