//! `http-check` and `tcp-check` lines: the steps of a health check, in order. A section's first step replaces those that
//! `defaults` gave. What a step waits for is in `check_expect`.

use super::check_expect;
use super::http_actions::token;
use super::params::text;
use super::server_params::{host, proto};
use super::vars::{assignment, forgotten};
use crate::args::Args;
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{CheckConnect, CheckKind, CheckStep, CheckText, ExprText, FormatText, Settings};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

/// The most steps of one check. Each is a turn of a network conversation that has to fit into `timeout check`.
const MAX_STEPS: usize = 1_000;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, Place::DEFAULTS_BACK, args, doc, Parse::Settings(parser))
}

pub(crate) const ROWS: &[Row] = &[
    row(&["http-check connect", "tcp-check connect"], CONNECT, "Opens a connection.", |c, a, s| {
        let step = CheckStep::Connect(connect(c, a)?);
        add(c, a, s, step)
    }),
    row(
        &["http-check send"],
        "[meth <method>] [{ uri <uri> | uri-lf <fmt> }] [ver <version>] [hdr <name> <fmt>]* \
         [{ body <string> | body-lf <fmt> }] [comment <msg>]",
        "What the request of a health check says.",
        |c, a, s| step(c, a, s, http_send),
    ),
    row(&["tcp-check send"], "<data> [comment <msg>]", "Sends a text.", |c, a, s| {
        step(c, a, s, |a| send(a, CheckText::Plain, CheckStep::Send))
    }),
    row(&["tcp-check send-lf"], "<fmt> [comment <msg>]", "Sends a log-format text.", |c, a, s| {
        step(c, a, s, |a| send(a, formatted, CheckStep::Send))
    }),
    row(
        &["tcp-check send-binary"],
        "<hexstring> [comment <msg>]",
        "Sends bytes written in hex.",
        |c, a, s| {
            step(c, a, s, |a| {
                let word = a.peek().cloned();
                word.map_or(Ok(()), |word| hex(a, &word))?;
                send(a, CheckText::Plain, CheckStep::SendBinary)
            })
        },
    ),
    row(
        &["tcp-check send-binary-lf"],
        "<hexfmt> [comment <msg>]",
        "Sends bytes from a log-format hex text.",
        |c, a, s| step(c, a, s, |a| send(a, formatted, CheckStep::SendBinary)),
    ),
    row(&["http-check expect", "tcp-check expect"], check_expect::GRAMMAR, "What the server must answer.", {
        |c, a, s| step(c, a, s, |a| check_expect::expect(a).map(CheckStep::Expect))
    }),
    row(
        &["http-check comment", "tcp-check comment"],
        "<string>",
        "Names the next step in logs.",
        |c, a, s| {
            step(c, a, s, |a| {
                let comment = text(a, "a string as argument")?;
                a.rest();
                Ok(CheckStep::Comment(comment))
            })
        },
    ),
    row(
        &["http-check set-var(", "http-check set-var-fmt(", "tcp-check set-var(", "tcp-check set-var-fmt("],
        "<var-name>[,<cond>...]) { <expr> | <fmt> }",
        "Sets a variable.",
        |c, a, s| step(c, a, s, set_var),
    ),
    row(
        &["http-check unset-var(", "tcp-check unset-var("],
        "<var-name>)",
        "Forgets a variable.",
        |c, a, s| step(c, a, s, |a| forgotten(a).map(CheckStep::UnsetVar)),
    ),
    row(&["http-check disable-on-404"], "", "A 404 keeps new clients away, not old ones.", |_, a, s| {
        a.finish()?;
        s.disable_on_404 = true;
        Ok(())
    }),
    row(&["http-check send-state"], "", "Tells the server how it is seen.", |_, a, s| {
        a.finish()?;
        s.send_state = true;
        Ok(())
    }),
];

/// Reads one step and adds it to the list that the line's first word names.
fn step(
    ctx: &mut Ctx<'_>,
    args: &mut Args<'_>,
    to: &mut Settings,
    read: fn(&mut Args<'_>) -> Result<CheckStep, Failure>,
) -> Parsed {
    let step = read(args)?;
    add(ctx, args, to, step)
}

fn add(ctx: &mut Ctx<'_>, args: &Args<'_>, to: &mut Settings, step: CheckStep) -> Parsed {
    args.finish()?;
    let http = args.line().first().is_some_and(|w| w.text == "http-check");
    let (list, kind) =
        if http { (&mut to.http_check, "http-check") } else { (&mut to.tcp_check, "tcp-check") };
    if ctx.first(kind) {
        list.clear();
    }
    order(args, list, &step)?;
    // a request of one's own is not the inherited one: without an 'option httpchk' here it is as plain as can be
    if matches!(step, CheckStep::HttpSend { .. })
        && ctx.first("httpchk")
        && let Some(CheckKind::Http { method, uri, version, headers }) = &mut to.check
    {
        (*method, *uri, *version) = (None, None, None);
        headers.clear();
    }
    list.push(step);
    Ok(())
}

/// A sequence that connects at all begins with it, and an HTTP connection sends one request.
fn order(args: &Args<'_>, list: &[CheckStep], step: &CheckStep) -> Parsed {
    let mut turns = list.iter().filter(|s| is_turn(s));
    let first = turns.clone().next();
    match step {
        _ if list.len() >= MAX_STEPS => {
            Err(Failure::new(args.span(), format!("more than {MAX_STEPS} steps in one check")))
        }
        CheckStep::Connect(_) if first.is_some_and(|s| !matches!(s, CheckStep::Connect(_))) => {
            let message = format!("'{}': the first step must also be a 'connect'", args.name());
            Err(Failure::new(args.span(), message)
                .help("put a 'connect' above the first step that sends or expects"))
        }
        CheckStep::Connect(_)
            if args.name().starts_with("http-check")
                && turns.next_back().is_some_and(|s| !matches!(s, CheckStep::Expect(_))) =>
        {
            let message = format!("'{}': an 'expect' is missing before it", args.name());
            Err(Failure::new(args.span(), message)
                .help("add 'http-check expect' above this line: each connection ends with an answer"))
        }
        CheckStep::HttpSend { .. }
            if turns.next_back().is_some_and(|s| !matches!(s, CheckStep::Connect(_))) =>
        {
            let message = format!("'{}': a second request needs a 'connect' before it", args.name());
            Err(Failure::new(args.span(), message).help("add 'http-check connect' above this line"))
        }
        CheckStep::Connect(_)
        | CheckStep::HttpSend { .. }
        | CheckStep::Send(..)
        | CheckStep::SendBinary(..)
        | CheckStep::Expect(_)
        | CheckStep::Comment(_)
        | CheckStep::SetVar(..)
        | CheckStep::SetVarIf(..)
        | CheckStep::UnsetVar(_) => Ok(()),
    }
}

/// Whether the step is a turn of the conversation rather than a note in its margin.
fn is_turn(step: &CheckStep) -> bool {
    match step {
        CheckStep::Connect(_)
        | CheckStep::HttpSend { .. }
        | CheckStep::Send(..)
        | CheckStep::SendBinary(..)
        | CheckStep::Expect(_) => true,
        CheckStep::Comment(_) | CheckStep::SetVar(..) | CheckStep::SetVarIf(..) | CheckStep::UnsetVar(_) => {
            false
        }
    }
}

const CONNECT: &str = "[default] [port <expr>] [addr <ip>] [send-proxy] [ssl] [sni <sni>] [alpn <alpn>] [linger] \
     [proto <name>] [comment <msg>]";

const CONNECT_WORDS: [&str; 11] = [
    "comment",
    "port",
    "addr",
    "send-proxy",
    "via-socks4",
    "ssl",
    "sni",
    "alpn",
    "linger",
    "proto",
    "default",
];

fn connect(ctx: &Ctx<'_>, args: &mut Args<'_>) -> Result<CheckConnect, Failure> {
    let mut to = CheckConnect::default();
    while let Some(word) = args.next() {
        match word.as_str() {
            "default" => to.default = true,
            "ssl" => to.ssl = true,
            "linger" => to.linger = true,
            "send-proxy" => to.send_proxy = true,
            "port" => to.port = Some(port(args)?),
            "addr" => to.addr = Some(host(ctx, args)?),
            "sni" => to.sni = Some(text(args, "a server name behind 'sni'")?),
            "alpn" => to.alpn = Some(text(args, "a list of protocols behind 'alpn'")?),
            "proto" => to.proto = Some(proto(args)?),
            "comment" => to.comment = Some(text(args, "a string behind 'comment'")?),
            "via-socks4" => to.via_socks4 = true,
            _ => {
                return Err(args
                    .bad(word, "an argument")
                    .help(format!("one of {} is expected", CONNECT_WORDS.join(", ")))
                    .nearest(&word.text, CONNECT_WORDS));
            }
        }
    }
    Ok(to)
}

/// A port number or one word of an expression.
fn port(args: &mut Args<'_>) -> Result<ExprText, Failure> {
    let word = text(args, "a port number or a sample expression behind 'port'")?;
    if word.text.starts_with(|c: char| c.is_ascii_digit()) {
        args.number_in::<u16>(&word, "a port", 1..=65535)?;
    }
    Ok(ExprText { words: vec![word] })
}

const SEND_WORDS: [&str; 8] = ["comment", "meth", "uri", "uri-lf", "ver", "hdr", "body", "body-lf"];

fn http_send(args: &mut Args<'_>) -> Result<CheckStep, Failure> {
    let (mut method, mut uri, mut version, mut headers) = (None, None, None, Vec::new());
    let (mut body, mut comment) = (None, None);
    while let Some(word) = args.next() {
        let what = format!("a string behind '{word}'");
        match word.as_str() {
            "meth" => method = Some(text(args, &what)?),
            "uri" => uri = Some(CheckText::Plain(text(args, &what)?)),
            "uri-lf" => uri = Some(formatted(text(args, &what)?)),
            "ver" => version = Some(text(args, &what)?),
            "hdr" => headers.push(header(args, &headers)?),
            "body" => body = Some(CheckText::Plain(text(args, &what)?)),
            "body-lf" => body = Some(formatted(text(args, &what)?)),
            "comment" => comment = Some(text(args, &what)?),
            _ => {
                return Err(args
                    .bad(word, "an argument")
                    .help(format!("one of {} is expected", SEND_WORDS.join(", ")))
                    .nearest(&word.text, SEND_WORDS));
            }
        }
    }
    Ok(CheckStep::HttpSend { method, uri, version, headers, body, comment })
}

fn header(args: &mut Args<'_>, before: &[(Word, FormatText)]) -> Result<(Word, FormatText), Failure> {
    let name = text(args, "<name> and <value> behind 'hdr'")?;
    token(args, &name)?;
    let host = |name: &Word| name.text.eq_ignore_ascii_case("host");
    if let Some((_, FormatText(value))) = before.iter().find(|(n, _)| host(n) && host(&name)) {
        let message =
            format!("'http-check send' : 'host' header already defined (previous value is '{value}')");
        return Err(Failure::new(name.span, message).help("a request names one host"));
    }
    Ok((name, FormatText(text(args, "<name> and <value> behind 'hdr'")?)))
}

fn send(
    args: &mut Args<'_>,
    data: fn(Word) -> CheckText,
    step: fn(CheckText, Option<Word>) -> CheckStep,
) -> Result<CheckStep, Failure> {
    let data = data(text(args, "the data to send")?);
    let comment = if args.eat("comment") { Some(text(args, "a string behind 'comment'")?) } else { None };
    Ok(step(data, comment))
}

/// A log-format text.
pub(crate) fn formatted(word: Word) -> CheckText {
    CheckText::Format(FormatText(word))
}

/// An even number of hex digits.
pub(crate) fn hex(args: &Args<'_>, word: &Word) -> Parsed {
    if word.text.bytes().all(|b| b.is_ascii_hexdigit()) && word.text.len().is_multiple_of(2) {
        return Ok(());
    }
    Err(args.bad(word, "a binary string").help("an even number of hex digits is expected"))
}

fn set_var(args: &mut Args<'_>) -> Result<CheckStep, Failure> {
    let var = assignment(args)?;
    Ok(match var.conditions.is_empty() {
        true => CheckStep::SetVar(var.name, var.value),
        false => CheckStep::SetVarIf(var.name, var.conditions, var.value),
    })
}
