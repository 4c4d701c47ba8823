//! `server`, `default-server`, `server-template` and `source` lines. A `server` starts from what the `default-server` lines above
//! it have set, so the order of lines counts. Names and addresses are not looked up here.

use super::params::Line;
use super::server_params;
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Proxy, Server, ServerParams, Settings};
use crate::row::{Parse, Parsed, Place, Row};
use base::addr::Transport;
use base::{Address, PortSpec, Span, Word};

/// The most servers one template makes. Each costs memory, statistics and checks; larger farms list their servers.
const MAX_TEMPLATE: u32 = 10_000;

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["server"],
        Place::BACK,
        "<name> <address>[:[port]] [param*]",
        "Declares a server.",
        Parse::Proxy(server),
    ),
    Row::new(
        &["default-server"],
        Place::DEFAULTS_BACK,
        "[param*]",
        "Parameters of the servers below it.",
        Parse::Settings(default_server),
    ),
    Row::new(
        &["server-template"],
        Place::BACK,
        "<prefix> <num | range> <address>[:<port>] [param*]",
        "Declares servers that differ in their names alone.",
        Parse::Proxy(template),
    ),
    Row::new(
        &["source"],
        Place::DEFAULTS_BACK,
        server_params::SOURCE_GRAMMAR,
        "The address that connections to servers come from.",
        Parse::Settings(source),
    ),
];

fn server(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let name = name(args, "<name> and <addr>[:<port>] as arguments")?;
    let (address, word) = address(ctx, args, "<addr>[:<port>] behind the name")?;
    let label = format!("server {}/{name}", to.name);
    let mut params = to.settings.default_server.clone();
    let read = parameters(ctx, args, label, Place::SERVER_LINE, &mut params);
    to.servers.push(Server { name, address, span: word.span, params });
    read
}

/// A server that an operator adds. Nothing of `default-server` is its own (management guide 9.3, `add server`).
pub(crate) fn dynamic(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<Server, Failure> {
    let expected = || {
        Failure::new(Span::default(), "'server' expects <name> and <addr>[:<port>] as arguments.".to_owned())
    };
    let name = name(args, "a name").map_err(|failure| match args.peek() {
        Some(_) => Failure { message: failure.message + ".", ..failure },
        None => expected(),
    })?;
    args.peek().filter(|word| !word.text.is_empty()).ok_or_else(expected)?;
    let (address, word) = address(ctx, args, "an address")?;
    let mut params = ServerParams::default();
    let label = format!("server {name}");
    let words = args.rest();
    Line { label, place: Place::SERVER_LINE, dynamic: true }.read(ctx, words, &mut params)?;
    if params.agent_check == Some(true) && params.agent_port.is_none() {
        let text = format!("server {name} does not have agent port. Agent check has been disabled.");
        return Err(Failure::new(word.span, text));
    }
    Ok(Server { name, address, span: word.span, params })
}

fn default_server(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    let label = "default-server".to_owned();
    parameters(ctx, args, label, Place::DEFAULT_SERVER_LINE, &mut to.default_server)
}

fn source(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    to.source = Some(server_params::source(ctx, args)?);
    args.finish()
}

fn template(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Proxy) -> Parsed {
    let what = "<prefix> <nb | range> <addr>[:<port>] as arguments";
    let prefix = name(args, what)?;
    let (low, high) = range(args, what)?;
    let (address, word) = address(ctx, args, what)?;
    let label = format!("server-template {}/{prefix}", to.name);
    let mut params = to.settings.default_server.clone();
    let read = parameters(ctx, args, label, Place::SERVER_LINE, &mut params);
    let first_id = params.id.take();
    for (number, id) in (low..=high).zip(0u32..) {
        let name = Word::new(format!("{prefix}{number}"), prefix.span);
        let params = ServerParams { id: first_id.map(|first| first.saturating_add(id)), ..params.clone() };
        to.servers.push(Server { name, address: address.clone(), span: word.span, params });
    }
    read
}

fn parameters(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    label: String,
    place: Place,
    params: &mut ServerParams,
) -> Parsed {
    let words = args.rest();
    let line = Line { label, place, dynamic: false };
    line.read(ctx, words, params)?;
    if params.agent_check == Some(true) && params.agent_port.is_none() && place == Place::SERVER_LINE {
        let word = words.iter().find(|w| w.text == "agent-check");
        let span = word.map_or(args.span(), |w| w.span);
        return Err(Failure::new(span, format!("'{}' does not have agent port", line.label))
            .help("add 'agent-port PORT'"));
    }
    Ok(())
}

/// A server's name: letters, digits and `_-.:`, so that it can stand in logs, statistics and expressions.
fn name(args: &mut Args<'_>, what: &str) -> Result<Word, Failure> {
    let word = args.expect_text(what)?;
    match word.text.chars().find(|c| !c.is_ascii_alphanumeric() && !"_-.:".contains(*c)) {
        Some(c) => Err(Failure::new(
            word.span,
            format!("character '{c}' is not permitted in {} name '{word}'", args.name()),
        )),
        None => Ok(word.clone()),
    }
}

/// Where a path begins behind `HOST:PORT`. HAProxy overlooks it, and public configurations have some.
fn path_start(text: &str) -> Option<usize> {
    let slash = text.find('/')?;
    let (_, port) = text.get(..slash)?.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())).then_some(slash)
}

/// Where the server is: an address or a name, with a port, a port offset or none.
fn address(ctx: &mut Ctx<'_>, args: &mut Args<'_>, what: &str) -> Result<(Address, Word), Failure> {
    let mut word = ctx.address(args.expect_text(what)?);
    if let Some(start) = path_start(&word.text) {
        let path = word.text.split_off(start);
        ctx.warn(word.span, format!("'{path}' is ignored: a server's address has no path"))
            .help("a rule can set the path: http-request set-path");
    }
    let wrong = |why: &str| Failure::new(word.span, format!("'{}': {why} in '{word}'", args.name()));
    let address = Address::parse(&word.text).map_err(|e| wrong(&e.to_string()))?;
    match &address {
        Address::Inet { transport: Transport::Datagram, .. } => {
            Err(wrong("dgram-type address not acceptable"))
        }
        Address::Inet { port: PortSpec::Range(..), .. } => Err(wrong("port range not permitted")),
        Address::Fd(_) => Err(wrong("a file descriptor is not acceptable")),
        Address::Unserved(_) => {
            Err(wrong("address family not served").help("ipv4@, ipv6@, unix@ and abns@ are"))
        }
        Address::Inet { .. } | Address::Unix(_) | Address::Abstract(_) => Ok((address, word)),
    }
}

/// `N`, which is 1 to N, or `LOW-HIGH`.
fn range(args: &mut Args<'_>, what: &str) -> Result<(u32, u32), Failure> {
    let word = args.expect_text(what)?;
    let (low, high) = word.text.split_once('-').unwrap_or(("1", &word.text));
    let wrong = || Failure::new(word.span, format!("Wrong server-template number or range arg '{word}'"));
    match (low.parse::<u32>(), high.parse::<u32>()) {
        (Ok(low), Ok(high)) if low > 0 && low <= high && high - low < MAX_TEMPLATE => Ok((low, high)),
        (Ok(_), Ok(_)) => {
            Err(wrong().help(format!("1 to {MAX_TEMPLATE} servers, counted upwards from 1 or more")))
        }
        (Err(_), _) | (_, Err(_)) => Err(wrong().help("a number or a range is expected: 3, 1-3")),
    }
}
