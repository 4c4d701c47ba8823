//! Reads the arguments behind a fetch or converter by the row's grammar.

use crate::address;
use crate::args::{Arg, Args, BadArg};
use crate::compile::Env;
use crate::pcre;
use crate::reader::{RawArg, Reader, Unclosed};
use crate::rows::{self, ArgKind, ArgRow, ConverterRow, FetchRow, PrepareFn};
use base::{Span, suggest, units};
use std::net::IpAddr;

/// Whose arguments: what of a row matters here, and how complaints name it.
pub(crate) struct Callee {
    /// `fetch method` or `converter`
    what: &'static str,
    name: &'static str,
    span: Span,
    grammar: &'static [ArgRow],
    min: usize,
    prepare: Option<PrepareFn>,
}

impl Callee {
    /// A fetch whose name stands at `span`.
    pub(crate) fn fetch(row: &'static FetchRow, span: Span) -> Callee {
        let (what, name) = ("fetch method", row.name);
        Callee { what, name, span, grammar: row.args, min: row.min_args, prepare: row.prepare }
    }

    /// A converter whose name stands at `span`.
    pub(crate) fn converter(row: &'static ConverterRow, span: Span) -> Callee {
        let (what, name) = ("converter", row.name);
        Callee { what, name, span, grammar: row.args, min: row.min_args, prepare: row.prepare }
    }
}

/// The arguments at the reader's place; complaints go to the environment.
pub(crate) fn read(env: &mut Env<'_>, reader: &mut Reader<'_>, callee: &Callee) -> Option<Args> {
    let raw = raw(env, reader, callee)?;
    let mut list = Vec::with_capacity(callee.grammar.len());
    for (index, row) in callee.grammar.iter().enumerate() {
        let given = raw.get(index);
        let arg = one(env, row, index, callee, given).map_err(|why| (index, why));
        match arg {
            Ok(arg) => list.push(arg),
            Err((index, why)) => {
                complain(env, callee, raw.get(index), &why);
                return None;
            }
        }
    }
    let mut args = Args::new(list);
    if let Some(prepare) = callee.prepare
        && let Err(BadArg { index, why }) = prepare(&mut args, env)
    {
        complain(env, callee, raw.get(index), &why);
        return None;
    }
    Some(args)
}

fn complain(env: &mut Env<'_>, callee: &Callee, at: Option<&RawArg>, why: &str) {
    let span = at.map_or(callee.span, |a| a.span);
    let diag = env.diags.alert(span, format!("{} '{}' : {why}", callee.what, callee.name));
    if !callee.grammar.is_empty() {
        diag.help(format!("the arguments are: {}{}", callee.name, rows::grammar(callee.grammar, callee.min)));
    }
}

fn raw(env: &mut Env<'_>, reader: &mut Reader<'_>, callee: &Callee) -> Option<Vec<RawArg>> {
    let open = reader.at();
    if !reader.skip("(") {
        return Some(Vec::new());
    }
    let Ok(list) = reader.arguments() else {
        let Unclosed = Unclosed;
        let span = reader.span(open, open + 1);
        env.diags
            .alert(span, format!("{} '{}' : expected ')'", callee.what, callee.name))
            .help("quote an argument that holds a parenthesis or a comma: name(\"a,b\")");
        return None;
    };
    if let Some(extra) = list.get(callee.grammar.len()) {
        let why = format!("expected ')' before '{}'", extra.text);
        complain(env, callee, Some(extra), &why);
        return None;
    }
    Some(list)
}

fn one(
    env: &mut Env<'_>,
    row: &ArgRow,
    index: usize,
    callee: &Callee,
    given: Option<&RawArg>,
) -> Result<Arg, String> {
    let text = given.map_or("", |a| a.text.as_str());
    if !text.is_empty() {
        let span = given.map_or(callee.span, |a| a.span);
        return typed(env, row.kind, text, span).map_err(|e| e.sentence(row.kind, text, index));
    }
    if matches!(row.kind, ArgKind::Frontend | ArgKind::Backend) && !env.proxy.is_empty() {
        return Ok(Arg::Proxy(env.proxy.as_str().into()));
    }
    if index >= callee.min {
        return Ok(Arg::Absent);
    }
    match row.kind {
        // Like `str` for `str()`: one text may be left out, but none behind others.
        ArgKind::Str | ArgKind::StrOrVar if index == 0 || given.is_some() => Ok(Arg::Str(Box::default())),
        kind => {
            Err(format!("expected type '{}' at position {}, but got nothing", kind_name(kind), index + 1))
        }
    }
}

/// Why a text is no argument of its kind.
enum Misfit {
    /// It has not the form.
    Form,
    /// A sentence of its own.
    Because(String),
}

impl Misfit {
    fn sentence(self, kind: ArgKind, text: &str, index: usize) -> String {
        match self {
            Misfit::Form => {
                format!("failed to parse '{text}' as type '{}' at position {}", kind_name(kind), index + 1)
            }
            Misfit::Because(why) => why,
        }
    }
}

fn typed(env: &mut Env<'_>, kind: ArgKind, text: &str, span: Span) -> Result<Arg, Misfit> {
    let form = || Misfit::Form;
    match kind {
        ArgKind::Int => text.parse().map(Arg::Int).map_err(|_| form()),
        ArgKind::Str => Ok(Arg::Str(base::raw::bytes(text).into())),
        ArgKind::Time => number(units::millis(text)),
        ArgKind::Size => number(units::bytes(text)),
        ArgKind::Ipv4 => address::ip(text).filter(IpAddr::is_ipv4).map(Arg::Ip).ok_or_else(form),
        ArgKind::Ipv6 => address::ip(text).filter(IpAddr::is_ipv6).map(Arg::Ip).ok_or_else(form),
        ArgKind::Mask4 => address::mask4(text).map(Arg::Mask4).ok_or_else(form),
        ArgKind::Mask6 => address::mask6(text).map(Arg::Mask6).ok_or_else(form),
        ArgKind::Regex => regex(text),
        ArgKind::Var => env
            .vars
            .intern(text)
            .map(Arg::Var)
            .map_err(|e| Misfit::Because(format!("invalid variable name '{text}': {e}"))),
        ArgKind::IntOrVar => Ok(int_or_var(env, text)?),
        ArgKind::StrOrVar => Ok(match env.vars.intern(text) {
            Ok(id) => Arg::Var(id),
            Err(_) => Arg::Str(base::raw::bytes(text).into()),
        }),
        ArgKind::Userlist => userlist(env, text),
        ArgKind::Frontend => frontend(env, text),
        ArgKind::Backend => backend(env, text),
        ArgKind::Server => server(env, text),
        ArgKind::Table => Err(Misfit::Because("stick tables are not yet supported".to_owned())),
        ArgKind::Map(method, value) => {
            crate::map::load(env, text, span, method, value).map(Arg::Map).map_err(Misfit::Because)
        }
    }
}

fn number(value: Result<u64, units::UnitError>) -> Result<Arg, Misfit> {
    let value = value.map_err(|_| Misfit::Form)?;
    i64::try_from(value).map(Arg::Int).map_err(|_| Misfit::Form)
}

fn int_or_var(env: &mut Env<'_>, text: &str) -> Result<Arg, Misfit> {
    if let Ok(int) = text.parse() {
        return Ok(Arg::Int(int));
    }
    env.vars
        .intern(text)
        .map(Arg::Var)
        .map_err(|_| Misfit::Because(format!("expects an integer or a variable name, not '{text}'")))
}

fn regex(text: &str) -> Result<Arg, Misfit> {
    pcre::compile(text, false).map(|r| Arg::Regex(Box::new(r))).map_err(|e| {
        let help = e.help().map(|h| format!("; {h}")).unwrap_or_default();
        Misfit::Because(format!("regex '{text}' is invalid ({e}){help}"))
    })
}

fn userlist(env: &Env<'_>, text: &str) -> Result<Arg, Misfit> {
    match env.userlists.get(text) {
        Some(list) => Ok(Arg::Userlist(list.clone())),
        None => Err(unknown("userlist", text, env.userlists.keys())),
    }
}

fn frontend(env: &Env<'_>, text: &str) -> Result<Arg, Misfit> {
    if env.proxies.frontends.contains(text) {
        return Ok(Arg::Proxy(text.into()));
    }
    Err(unknown("frontend", text, env.proxies.frontends.iter()))
}

fn backend(env: &Env<'_>, text: &str) -> Result<Arg, Misfit> {
    if env.proxies.backends.contains_key(text) {
        return Ok(Arg::Proxy(text.into()));
    }
    Err(unknown("backend", text, env.proxies.backends.keys()))
}

fn server(env: &mut Env<'_>, text: &str) -> Result<Arg, Misfit> {
    let (backend, server) = match text.split_once('/') {
        Some((backend, server)) => (backend, server),
        None => (env.proxy.as_str(), text),
    };
    let Some(servers) = env.proxies.backends.get(backend) else {
        return Err(unknown("proxy", backend, env.proxies.backends.keys()));
    };
    if !servers.contains(server) {
        return Err(unknown("server", server, servers.iter()));
    }
    let (backend, server): (Box<str>, Box<str>) = (backend.into(), server.into());
    env.named_servers.insert((backend.clone(), server.clone()));
    Ok(Arg::Server(Some(backend), server))
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n String>) -> Misfit {
    let near = suggest::nearest(name, known.map(String::as_str));
    let hint = near.map(|n| format!(", did you mean '{n}'?")).unwrap_or_default();
    Misfit::Because(format!("unable to find {what} '{name}'{hint}"))
}

fn kind_name(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::Int => "integer",
        ArgKind::Str => "string",
        ArgKind::Time => "delay",
        ArgKind::Size => "size",
        ArgKind::Ipv4 => "IPv4 address",
        ArgKind::Ipv6 => "IPv6 address",
        ArgKind::Mask4 => "IPv4 mask",
        ArgKind::Mask6 => "IPv6 mask",
        ArgKind::Regex => "regex",
        ArgKind::Var => "variable",
        ArgKind::IntOrVar => "integer or variable",
        ArgKind::StrOrVar => "string or variable",
        ArgKind::Userlist => "user list",
        ArgKind::Frontend => "frontend",
        ArgKind::Backend => "backend",
        ArgKind::Server => "server",
        ArgKind::Table => "table",
        ArgKind::Map(_, _) => "map file",
    }
}
