//! The words of the small sections: `userlist`, `http-errors`, `resolvers`, `ring` and `crt-store` (manual 3.4, 3.8,
//! 3.9, 5.3.2, 12.7 of 3.0).

use super::log::FRAMES;
use crate::args::{Args, list_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{CrtLoad, CrtStore, HttpErrors, Password, Resolvers, Ring, User, Userlist};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::{Address, Word};

/// Statuses whose reply can be replaced (manual 4.2 "errorfile").
const ERROR_STATUSES: [u16; 17] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];

/// Retries of a lookup; HAProxy counts them in 31 bits.
const MAX_RETRIES: i64 = i32::MAX as i64;

/// Bounds of `accepted_payload_size` (manual 5.3.2).
const PAYLOAD: std::ops::RangeInclusive<i64> = 512..=65_535;

/// The longest line and the largest store of a ring.
const MAX_RING_LINE: i64 = 65_535;
const MAX_RING_SIZE: u64 = 1 << 32;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["user"],
        Place::USERLIST,
        "<name> [ password | insecure-password <password> ] [groups <group>,...]",
        "A user, with a crypt(3) or clear password.",
        Parse::Userlist(user),
    ),
    Row::new(
        &["group"],
        Place::USERLIST,
        "<name> [users <user>,...]",
        "A group of users.",
        Parse::Userlist(group),
    ),
    Row::new(
        &["errorfile"],
        Place::HTTP_ERRORS,
        "<status> <file>",
        "A stored response for a status.",
        Parse::HttpErrors(errorfile),
    ),
    resolvers(&["nameserver"], "<name> <address>:<port>", "A name server.", |c, a, r| {
        let name = a.expect("a name and an address")?.clone();
        let address = a.expect("an address")?;
        let address = c.address(address);
        parse_address(a, &address)?;
        r.nameservers.push((name, address));
        a.finish()
    }),
    resolvers(&["parse-resolv-conf"], "", "The system's name servers.", |_, a, r| {
        r.parse_resolv_conf = true;
        a.finish()
    }),
    resolvers(&["hold"], "<outcome> <time>", "How long an outcome holds.", hold),
    resolvers(&["timeout resolve"], "<time>", "Time between lookups.", |_, a, r| {
        r.timeout_resolve = Some(a.millis("a time")?);
        a.finish()
    }),
    resolvers(&["timeout retry"], "<time>", "Time between tries.", |_, a, r| {
        r.timeout_retry = Some(a.millis("a time")?);
        a.finish()
    }),
    resolvers(&["resolve_retries"], "<number>", "Tries of a lookup.", |_, a, r| {
        r.resolve_retries = Some(a.number("a number", 0..=MAX_RETRIES)?);
        a.finish()
    }),
    resolvers(&["accepted_payload_size"], "<bytes>", "Longest answer.", |_, a, r| {
        r.accepted_payload_size = Some(a.number("a size", PAYLOAD)?);
        a.finish()
    }),
    ring(&["description"], "<text>", "A text for operators.", |_, a, r| {
        r.description = Some(super::global::joined(a, "a text")?);
        Ok(())
    }),
    ring(&["format"], "<format>", "The framing of its lines.", |_, a, r| {
        r.format = Some(a.choice("a format", FRAMES)?);
        a.finish()
    }),
    ring(&["maxlen"], "<length>", "Longest line.", |_, a, r| {
        r.maxlen = Some(a.number("a length", 1..=MAX_RING_LINE)?);
        a.finish()
    }),
    ring(&["size"], "<size>", "Bytes kept.", |_, a, r| {
        let word = a.peek().cloned().unwrap_or_default();
        let size = a.size("a size")?;
        if size == 0 || size > MAX_RING_SIZE {
            return Err(a.bad(&word, "a size").help("from 1 to 4g"));
        }
        r.size = Some(size);
        a.finish()
    }),
    ring(&["server"], "<name> <address> [param*]", "Where its lines are sent.", ring_server),
    Row::no_effect(
        &["timeout connect", "timeout server"],
        Place::RING,
        "<time>",
        "Timeouts of such a server.",
        "the system's timeouts hold",
    ),
    Row::no_effect(
        &["backing-file"],
        Place::RING,
        "<path>",
        "Keeps the ring in a file.",
        "the ring is kept in memory",
    ),
    store(&["crt-base"], "<dir>", "Where certificates begin.", |_, a, s| {
        s.crt_base = Some(a.expect_text("a directory")?.clone());
        a.finish()
    }),
    store(&["key-base"], "<dir>", "Where keys begin.", |_, a, s| {
        s.key_base = Some(a.expect_text("a directory")?.clone());
        a.finish()
    }),
    store(&["load"], LOAD, "A certificate and what belongs to it.", |c, a, s| {
        s.loads.push(load(c, a)?);
        Ok(())
    }),
    Row::new(
        &["ssl-f-use"],
        Place::FRONT,
        LOAD,
        "A certificate for all TLS binds of the frontend.",
        Parse::Proxy(|c, a, p| {
            p.ssl_f_use.push(load(c, a)?);
            Ok(())
        }),
    ),
];

const fn resolvers(names: Names, args: Text, doc: Text, parser: Parser<Resolvers>) -> Row {
    Row::new(names, Place::RESOLVERS, args, doc, Parse::Resolvers(parser))
}

const fn ring(names: Names, args: Text, doc: Text, parser: Parser<Ring>) -> Row {
    Row::new(names, Place::RING, args, doc, Parse::Ring(parser))
}

const fn store(names: Names, args: Text, doc: Text, parser: Parser<CrtStore>) -> Row {
    Row::new(names, Place::CRT_STORE, args, doc, Parse::CrtStore(parser))
}

fn user(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Userlist) -> Parsed {
    let name = args.expect_text("a name")?;
    let mut user = User { name: name.clone(), ..User::default() };
    while let Some(word) = args.next() {
        match word.as_str() {
            "password" => {
                let hash = args.expect("a hash behind 'password'")?;
                ctx.secret(hash);
                user.password = Some(Password::Crypt(hash.clone()));
            }
            "insecure-password" => {
                let text = args.expect("a password behind 'insecure-password'")?;
                ctx.secret(text);
                user.password = Some(Password::Clear(text.clone()));
            }
            "groups" => user.groups = list_of(args.expect("groups behind 'groups'")?),
            // The word may be a password that lost its keyword, so it is not repeated.
            _ => {
                ctx.secret(word);
                return Err(Failure::new(word.span, "unknown word behind the name of a user")
                    .help("'password HASH', 'insecure-password TEXT' and 'groups LIST' are expected"));
            }
        }
    }
    if to.users.iter().any(|other| other.name.text == name.text) {
        ctx.warn(name.span, format!("user '{name}' is defined twice; the first definition holds"));
        return Ok(());
    }
    to.users.push(user);
    Ok(())
}

fn group(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Userlist) -> Parsed {
    let name = args.expect_text("a name")?.clone();
    let users = if args.eat("users") { list_of(args.expect("users behind 'users'")?) } else { Vec::new() };
    args.finish()?;
    if to.groups.iter().any(|(other, _)| other.text == name.text) {
        return Err(Failure::new(name.span, format!("group '{name}' is defined twice")));
    }
    to.groups.push((name, users));
    Ok(())
}

fn errorfile(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut HttpErrors) -> Parsed {
    let word = args.expect("a status and a file")?;
    let status = args.number_in(word, "a status", 100..=999)?;
    if !ERROR_STATUSES.contains(&status) {
        return Err(args.bad(word, "a status").help(
            "replies exist for 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429 and 500 to 504",
        ));
    }
    to.files.push((status, args.expect_text("a file")?.clone()));
    args.finish()
}

fn parse_address(args: &Args<'_>, word: &Word) -> Result<Address, Failure> {
    Address::parse(&word.text).map_err(|error| args.bad(word, "an address").help(error.to_string()))
}

fn hold(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Resolvers) -> Parsed {
    let word = args.expect("an outcome and a time")?;
    let outcomes = ["valid", "obsolete", "nx", "timeout", "refused", "other"].map(|name| (name, ()));
    args.choice_of(word, "an outcome", &outcomes)?;
    to.hold.push((word.clone(), args.millis("a time")?));
    args.finish()
}

fn ring_server(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Ring) -> Parsed {
    let name = args.expect("a name and an address")?.clone();
    let word = args.expect("an address")?;
    let address = parse_address(args, word)?;
    for extra in args.by_ref() {
        if extra.text == "ssl" {
            // who asked for secrecy must not get lines in clear
            let failure = Failure::new(extra.span, "'ssl' is not supported for a ring's server yet");
            return Err(failure.help("send to a relay on this machine that speaks TLS, or leave it out"));
        }
        ctx.warn(
            extra.span,
            format!("'{extra}' is accepted without effect: a ring's server has no parameters yet"),
        );
    }
    to.servers.push((name, address));
    Ok(())
}

const LOAD: &str = "crt <file> [key <file>] [ocsp <file>] [issuer <file>] [sctl <file>] [ocsp-update on|off] [alias <name>] \
                    [acme <section>] [domains <names>] [ips <addresses>]";

fn load(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<CrtLoad, Failure> {
    let mut load = CrtLoad::default();
    while let Some(word) = args.next() {
        let value = args.expect("a value")?.clone();
        match word.as_str() {
            "crt" => load.crt = value,
            "key" => load.key = Some(value),
            "ocsp" => load.ocsp = Some(value),
            "issuer" => load.issuer = Some(value),
            "sctl" => load.sctl = Some(value),
            "alias" => load.alias = Some(value),
            "acme" => load.acme = Some(value),
            "domains" => load.domains = list_of(&value),
            "ips" => load.ips = list_of(&value),
            "ocsp-update" => {
                load.ocsp_update =
                    Some(args.choice_of(&value, "a switch", &[("on", true), ("off", false)])?);
            }
            "jwt" | "generate-dummy" | "keytype" | "bits" | "curves" => {
                ctx.warn(
                    word.span,
                    format!(
                        "'{word}' is accepted without effect: the certificate is served as its file has it"
                    ),
                );
            }
            other => {
                let known = [
                    "crt",
                    "key",
                    "ocsp",
                    "ocsp-update",
                    "issuer",
                    "sctl",
                    "alias",
                    "acme",
                    "domains",
                    "ips",
                ];
                let message = format!("'{}' does not know '{other}'", args.name());
                return Err(Failure::new(word.span, message).nearest(other, known));
            }
        }
    }
    if load.crt.text.is_empty() {
        return Err(args.missing("'crt' and a file"));
    }
    Ok(load)
}
