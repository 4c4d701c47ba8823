//! `bind` lines: addresses, port ranges and their parameters. One `Bind` an address; nothing is opened or resolved.

use super::params::{Line, warn_once};
use crate::args::{Args, list_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Bind, BindParams, Proxy};
use crate::row::{Parse, Parsed, Place, Row};
use base::addr::{Host, Transport};
use base::{Address, PortSpec, Span, Word};

/// The most addresses that one line stands for: every port of one address. More is a typing error, and each costs
/// memory before the system could refuse it.
const MAX_ADDRESSES: usize = 65_535;

/// How a line that wants h2 is told that it does not get it; once a load.
const NO_H2: &str = "HTTP/2 is not served yet: 'alpn' offers http/1.1 only";

pub(crate) const ROWS: &[Row] = &[Row::new(
    &["bind"],
    Place::FRONT,
    "{ [<address>]:<port>[-<port>] | /<path> }[,...] [param*]",
    "Listens on one or several addresses.",
    Parse::Proxy(bind),
)];

fn bind(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let word = args.expect_text("{<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments")?;
    let addresses = addresses(ctx, args, word)?;
    let line = Line { label: format!("bind {word}"), place: Place::BIND_LINE, dynamic: false };
    let words = args.rest();
    let mut params = BindParams::default();
    let read = line.read(ctx, words, &mut params);
    let checked = read.and_then(|()| check(ctx, word, words, &params, addresses.len()));
    let binds = addresses.into_iter();
    to.binds.extend(binds.map(|(address, span)| Bind { address, span, params: params.clone() }));
    checked
}

/// What the parameters say together.
fn check(ctx: &mut Ctx<'_>, bind: &Word, words: &[Word], params: &BindParams, addresses: usize) -> Parsed {
    let place = |name: &str| words.iter().find(|w| w.text == name).map_or(bind.span, |w| w.span);
    if params.id.is_some() && addresses > 1 {
        return Err(Failure::new(place("id"), "'id' can only be used with a single socket"));
    }
    if params.level.is_some() || params.severity_output.is_some() || params.expose_listeners {
        ctx.warn(bind.span, "'level', 'severity-output' and 'expose-fd' concern 'stats socket' lines only");
    }
    let wants_h2 = params.alpn.as_ref().is_some_and(|list| list.text.split(',').any(|p| p == "h2"));
    if params.ssl && wants_h2 {
        warn_once(ctx, place("alpn"), NO_H2);
    }
    Ok(())
}

pub(super) fn addresses(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    list: &Word,
) -> Result<Vec<(Address, Span)>, Failure> {
    let mut out = Vec::new();
    for word in list_of(list).iter().map(|word| ctx.address(word)).collect::<Vec<_>>() {
        if word.text.starts_with("quic4@") || word.text.starts_with("quic6@") {
            ctx.warn(word.span, format!("HTTP/3 is not served yet: '{word}' is left out"));
            continue;
        }
        let address = Address::parse(&plain_tcp(ctx, &word))
            .map_err(|e| Failure::new(word.span, format!("'{}': {e} in '{word}'", args.name())))?;
        expand(args, &word, address, &mut out)?;
    }
    Ok(out)
}

/// `mptcp@`, `mptcp4@` and `mptcp6@` are served as plain TCP, which every MPTCP client falls back to.
fn plain_tcp(ctx: &mut Ctx<'_>, word: &Word) -> String {
    let Some(rest) = word.text.strip_prefix("mptcp") else { return word.text.clone() };
    if !rest.starts_with(['@', '4', '6']) {
        return word.text.clone();
    }
    warn_once(ctx, word.span, "Multipath TCP is not served: the address takes plain TCP");
    format!("tcp{rest}")
}

/// One entry a port. A listener needs a port, a stream, and no file descriptor of a peer.
fn expand(args: &Args<'_>, word: &Word, address: Address, out: &mut Vec<(Address, Span)>) -> Parsed {
    let wrong = |why: &str| Failure::new(word.span, format!("'{}': {why} in '{word}'", args.name()));
    match address {
        Address::Inet { transport: Transport::Datagram, .. } => {
            Err(wrong("dgram-type address not acceptable"))
        }
        Address::Inet { port: PortSpec::None, .. } => {
            Err(wrong("missing port specification").help(format!("write '{word}:80'")))
        }
        Address::Inet { port: PortSpec::Offset(_), .. } => Err(wrong("port offset not permitted")),
        Address::Inet { port: PortSpec::One(0) | PortSpec::Range(0, _), .. } => {
            Err(wrong("invalid port '0'"))
        }
        Address::Inet { port: PortSpec::One(_), .. }
        | Address::Unix(_)
        | Address::Abstract(_)
        | Address::Fd(_) => add(word, address, out),
        Address::Inet { host, port: PortSpec::Range(low, high), family, transport } => (low..=high)
            .try_for_each(|port| {
                let host: Host = host.clone();
                add(word, Address::Inet { host, port: PortSpec::One(port), family, transport }, out)
            }),
        Address::Unserved(_) => {
            Err(wrong("address family not served").help("ipv4@, ipv6@, unix@, abns@ and fd@ are"))
        }
    }
}

fn add(word: &Word, address: Address, out: &mut Vec<(Address, Span)>) -> Parsed {
    if out.len() >= MAX_ADDRESSES {
        return Err(Failure::new(
            word.span,
            format!("more than {MAX_ADDRESSES} addresses in one 'bind' line"),
        ));
    }
    out.push((address, word.span));
    Ok(())
}
