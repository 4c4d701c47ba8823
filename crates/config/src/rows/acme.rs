//! The words of `acme` sections (manual 12.8 of 3.2 and later), and our own beside them.

use crate::args::{Args, list_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Acme, AcmeChallenge, ChallengeReady};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Acme>) -> Row {
    Row::new(names, Place::ACME, args, doc, Parse::Acme(parser))
}

pub(crate) const ROWS: &[Row] = &[
    row(
        &["directory"],
        "<url>|internal",
        "The authority's directory; else Let's Encrypt's. 'internal': our own.",
        |_, a, s| {
            let url = a.expect_text("an address")?;
            if url.text != "internal" && !url.text.starts_with("https://") && !url.text.starts_with("http://")
            {
                return Err(a
                    .bad(url, "an address")
                    .help("such as https://acme-v02.api.letsencrypt.org/directory"));
            }
            s.directory = Some(url.clone());
            a.finish()
        },
    ),
    row(&["account-key"], "<file>", "The account's key, made where there is none.", |_, a, s| {
        one(a, "a file", &mut s.account_key)
    }),
    row(&["contact"], "<email>", "Where the authority writes to; may be repeated.", |_, a, s| {
        s.contact.push(a.expect_text("a mail address")?.clone());
        a.finish()
    }),
    row(
        &["challenge"],
        "{ http-01 | tls-alpn-01 | dns-01 | dns-account-01 | dns-persist-01 }[,...]",
        "How control of names is proven, the preferred first.",
        challenge,
    ),
    row(&["keytype"], "{ RSA | ECDSA }", "The kind of the certificates' keys.", |_, a, s| {
        s.key.rsa = Some(a.choice("a kind of key", &[("RSA", true), ("ECDSA", false)])?);
        a.finish()
    }),
    row(&["bits"], "{ 2048 | 3072 | 4096 }", "The length of RSA keys.", |_, a, s| {
        let word = a.expect("a length")?;
        s.key.bits =
            Some(a.choice_of(word, "a length", &[("2048", 2048), ("3072", 3072), ("4096", 4096)])?);
        a.finish()
    }),
    row(&["curves"], "{ P-256 | P-384 | P-521 }", "The curve of ECDSA keys.", |_, a, s| {
        let word = a.expect("a curve")?;
        let curves = ["P-256", "P-384", "P-521"].map(|name| (name, ()));
        a.choice_of(word, "a curve", &curves)?;
        s.key.curve = Some(word.clone());
        a.finish()
    }),
    row(&["profile"], "<name>", "The authority's profile.", |_, a, s| one(a, "a name", &mut s.profile)),
    row(&["must-have-profile"], "", "No certificate rather than one of another profile.", |_, a, s| {
        s.must_have_profile = true;
        a.finish()
    }),
    row(&["eab-key-id"], "<file>", "The identifier of an external account, in a file.", |_, a, s| {
        one(a, "a file", &mut s.eab_key_id)
    }),
    row(&["eab-mac-key"], "<file>", "The key of an external account, base64url in a file.", |_, a, s| {
        one(a, "a file", &mut s.eab_mac_key)
    }),
    row(&["eab-mac-alg"], "{ HS256 | HS384 | HS512 }", "How an external account signs.", |_, a, s| {
        let word = a.expect("an algorithm")?;
        a.choice_of(word, "an algorithm", &["HS256", "HS384", "HS512"].map(|name| (name, ())))?;
        s.eab_mac_alg = Some(word.clone());
        a.finish()
    }),
    row(&["reuse-key"], "{ on | off }", "Renewed certificates keep their key.", |_, a, s| {
        s.reuse_key = a.choice("a switch", &[("on", true), ("off", false)])?;
        a.finish()
    }),
    row(&["fallback"], "<section>", "Asked where this authority fails repeatedly.", |_, a, s| {
        one(a, "the name of an acme section", &mut s.fallback)
    }),
    row(&["preferred-chain"], "<name>", "The root that the chain should lead to.", |_, a, s| {
        one(a, "the common name of a root", &mut s.preferred_chain)
    }),
    row(
        &["renew-hook"],
        "<command>",
        "Run by the shell once a new certificate is served; single quotes keep its variables.",
        |_, a, s| {
            s.renew_hooks.push(a.expect_text("a command")?.clone());
            a.finish()
        },
    ),
    row(
        &["alert-hook"],
        "<command>",
        "Run by the shell when a certificate nears its end, is not obtained or is revoked; LOCKGATE_EVENT (expiry|failure|revoked), \
         LOCKGATE_SEVERITY, LOCKGATE_CERTIFICATE, LOCKGATE_DOMAINS, LOCKGATE_ENDS_IN (seconds) and LOCKGATE_MESSAGE tell.",
        |_, a, s| {
            s.alert_hooks.push(a.expect_text("a command")?.clone());
            a.finish()
        },
    ),
    row(
        &["on-demand"],
        "",
        "Obtains certificates when handshakes first ask for their names, if 'ask' approves; on binds with 'acme'.",
        |_, a, s| {
            s.on_demand = true;
            a.finish()
        },
    ),
    row(
        &["ask"],
        "<url>",
        "Asked before a name is obtained on demand, by GET with '?domain=NAME'; 2xx is yes, all else no.",
        |_, a, s| {
            let url = a.expect_text("an address")?;
            if !url.text.starts_with("http://") && !url.text.starts_with("https://") {
                return Err(a.bad(url, "an address").help("such as http://127.0.0.1:9123/approved"));
            }
            s.ask = Some(url.clone());
            a.finish()
        },
    ),
    row(
        &["on-demand-wait"],
        "<time>",
        "How long a handshake waits for a certificate that is obtained on demand (20s).",
        |_, a, s| {
            s.on_demand_wait = Some(a.millis("a time")?);
            a.finish()
        },
    ),
    row(
        &["on-demand-rate"],
        "<number> <time>",
        "At most so many orders on demand in this time (10 in 1m).",
        |_, a, s| {
            let number = a.number("a number of orders", 1..=100_000)?;
            s.on_demand_rate = Some((number, a.millis("a time")?.max(1)));
            a.finish()
        },
    ),
    row(&["storage"], "<dir>", "Where accounts and certificates are kept.", |_, a, s| {
        one(a, "a directory", &mut s.storage)
    }),
    row(&["map"], "<map>", "HAProxy's map of tokens; tokens are answered without one.", |_, a, _| {
        a.expect_text("a map")?;
        a.finish()
    }),
    row(
        &["challenge-ready"],
        "{ cli | dns | delay | none }[,...]",
        "When the authority may look for records: once 'acme challenge_ready' says so, its servers show them, after 'dns-delay'.",
        challenge_ready,
    ),
    row(
        &["dns-hook"],
        "<command>",
        "Run by the shell to make a record, as Certbot's auth hook.",
        |_, a, s| one(a, "a command", &mut s.dns_hook),
    ),
    row(&["dns-cleanup-hook"], "<command>", "Run by the shell to take it back.", |_, a, s| {
        one(a, "a command", &mut s.dns_cleanup_hook)
    }),
    row(
        &["dns-cloudflare"],
        "<file>",
        "Makes records by Cloudflare's API, with the token in a file, alone or as Certbot's plugin has it.",
        |_, a, s| one(a, "a file", &mut s.dns_cloudflare),
    ),
    row(
        &["dns-update"],
        "<address>:<port> <key> <algorithm> <file>",
        "Makes records by dynamic updates, signed with the TSIG key in a file (base64).",
        |_, a, s| {
            s.dns_update = (0..4)
                .map(|_| a.expect("a server, a key's name, its algorithm and a file").cloned())
                .collect::<Result<_, _>>()?;
            a.finish()
        },
    ),
    row(
        &["dns-acme-dns"],
        "<url> <file>",
        "Makes records at an acme-dns server, by the accounts in a file (JSON, by name).",
        |_, a, s| {
            s.dns_acme_dns = (0..2)
                .map(|_| a.expect("a server's address and a file").cloned())
                .collect::<Result<_, _>>()?;
            a.finish()
        },
    ),
    row(
        &["provider-name"],
        "<name>",
        "Who makes records: acmedns, cloudflare or rfc2136; with 'dns-hook', what the program is told.",
        |_, a, s| one(a, "a provider's name", &mut s.provider_name),
    ),
    row(
        &["acme-vars"],
        "<name>=<value>[,...]",
        "The provider's variables, as the Data Plane API has them.",
        |_, a, s| one(a, "variables", &mut s.provider_vars),
    ),
    row(&["dns-resolver"], "<address>:<port>", "Who is asked about names; else the system's.", |_, a, s| {
        s.dns_resolvers.push(a.expect_text("an address")?.clone());
        a.finish()
    }),
    row(&["dns-delay"], "<time>", "Waits this long for records and asks no server for them.", |_, a, s| {
        s.dns_delay = Some(a.millis("a time")?);
        a.finish()
    }),
    row(&["dns-timeout"], "<time>", "How long the zone's servers may take to show a record.", |_, a, s| {
        s.dns_timeout = Some(a.millis("a time")?);
        a.finish()
    }),
];

/// One word and no more.
fn one(args: &mut Args<'_>, what: &str, to: &mut Option<Word>) -> Parsed {
    *to = Some(args.expect_text(what)?.clone());
    args.finish()
}

fn challenge(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Acme) -> Parsed {
    args.expect("a kind of challenge").map(|first| add(args, first, to))??;
    while let Some(word) = args.next() {
        add(args, word, to)?;
    }
    Ok(())
}

fn challenge_ready(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Acme) -> Parsed {
    const CONDITIONS: &[(&str, ChallengeReady)] = &[
        ("cli", ChallengeReady::Cli),
        ("dns", ChallengeReady::Dns),
        ("delay", ChallengeReady::Delay),
        ("none", ChallengeReady::None),
    ];
    let words = args.expect("a condition")?;
    to.challenge_ready = list_of(words)
        .iter()
        .map(|word| args.choice_of(word, "a condition", CONDITIONS))
        .collect::<Result<_, _>>()?;
    if to.challenge_ready.contains(&ChallengeReady::None) && to.challenge_ready.len() > 1 {
        return Err(Failure::new(words.span, "'challenge-ready' : 'none' stands alone".to_owned()));
    }
    args.finish()
}

fn add(args: &Args<'_>, words: &Word, to: &mut Acme) -> Result<(), Failure> {
    const KINDS: &[(&str, AcmeChallenge)] = &[
        ("http-01", AcmeChallenge::Http01),
        ("HTTP-01", AcmeChallenge::Http01),
        ("tls-alpn-01", AcmeChallenge::TlsAlpn01),
        ("dns-01", AcmeChallenge::Dns01),
        ("DNS-01", AcmeChallenge::Dns01),
        ("dns-account-01", AcmeChallenge::DnsAccount01),
        ("dns-persist-01", AcmeChallenge::DnsPersist01),
        ("DNS-PERSIST-01", AcmeChallenge::DnsPersist01),
    ];
    for word in list_of(words) {
        let kind = args.choice_of(&word, "a kind of challenge", KINDS)?;
        if !to.challenges.contains(&kind) {
            to.challenges.push(kind);
        }
    }
    Ok(())
}
