//! Where log lines go and what they look like: `log`, `log-tag`, `log-format` and their kin, in `global` and proxies
//! (manual 3.1, 4.2 "log", 8.2). Opens no sink and compiles no format.

use crate::args::{Args, Polarity};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{FormatText, Global, LogFormat, LogFrame, LogSink, LogTarget, LogTo, Settings};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::{Address, Word};

/// Bounds of `len` (manual: "Accepted values are 80 to 65535 inclusive").
const LEN: std::ops::RangeInclusive<i64> = 80..=65_535;

/// The largest sample size; a period of more lines than that is a typing error.
const MAX_SAMPLE: u32 = 1_000_000;

const FACILITIES: &[(&str, u8)] = &[
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("auth2", 10),
    ("ftp", 11),
    ("ntp", 12),
    ("audit", 13),
    ("alert", 14),
    ("cron2", 15),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

const LEVELS: &[(&str, u8)] = &[
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("warning", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

/// Framings by name; `ring` sections use them too.
pub(crate) const FRAMES: &[(&str, LogFrame)] = &[
    ("local", LogFrame::Local),
    ("rfc3164", LogFrame::Rfc3164),
    ("rfc5424", LogFrame::Rfc5424),
    ("priority", LogFrame::Priority),
    ("short", LogFrame::Short),
    ("timed", LogFrame::Timed),
    ("iso", LogFrame::Iso),
    ("raw", LogFrame::Raw),
];

const TARGET: &str =
    "<target> [len <length>] [format <format>] [sample <ranges>:<size>] <facility> [<level> [<minlevel>]]";

const fn row(names: Names, place: Place, args: Text, doc: Text, parser: Parser<Settings>) -> Row {
    Row::new(names, place, args, doc, Parse::Settings(parser))
}

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        &["log"],
        Place::GLOBAL,
        TARGET,
        "A log target that proxies use by 'log global'.",
        Parse::Global(log_global),
    ),
    row(&["log"], Place::ALL, "{ global | <target> ... }", "Where the proxy's log lines go.", log)
        .negatable(),
    Row::new(
        &["log-tag"],
        Place::GLOBAL,
        "<string>",
        "The program's name in log lines.",
        Parse::Global(|_, a, g| one(a, &mut g.log_tag)),
    ),
    row(&["log-tag"], Place::ALL, "<string>", "The program's name in the proxy's log lines.", |_, a, s| {
        one(a, &mut s.log_tag)
    }),
    Row::new(
        &["log-send-hostname"],
        Place::GLOBAL,
        "[<string>]",
        "The machine's name in log lines.",
        Parse::Global(|_, a, g| {
            g.log_send_hostname = Some(a.next().cloned());
            a.finish()
        }),
    ),
    row(&["log-format"], Place::ALL, "<format>", "The log line.", |c, a, s| {
        s.log_format = Some(LogFormat::Custom(format(c, a)?));
        Ok(())
    }),
    row(
        &["log-format-sd"],
        Place::ALL,
        "<format>",
        "The structured data of RFC 5424 log lines.",
        |c, a, s| {
            s.log_format_sd = Some(format(c, a)?);
            Ok(())
        },
    ),
    row(
        &["error-log-format"],
        Place::DEFAULTS_FRONT,
        "<format>",
        "The log line of failed connections.",
        |c, a, s| {
            s.error_log_format = Some(format(c, a)?);
            Ok(())
        },
    ),
    row(&["option httplog"], Place::ALL, "[clf]", "HTTP log lines.", |_, a, s| {
        s.log_format = Some(if a.eat("clf") { LogFormat::HttpClf } else { LogFormat::Http });
        a.finish()
    }),
    row(&["option httpslog"], Place::ALL, "", "HTTP log lines with TLS details.", |_, a, s| {
        s.log_format = Some(LogFormat::Https);
        a.finish()
    }),
    row(&["option tcplog"], Place::ALL, "[clf]", "TCP log lines.", |_, a, s| {
        s.log_format = Some(LogFormat::Tcp);
        a.finish()
    }),
    row(&["unique-id-format"], Place::DEFAULTS_FRONT, "<format>", "An id for each request.", |c, a, s| {
        s.unique_id_format = Some(format(c, a)?);
        Ok(())
    }),
    row(
        &["unique-id-header"],
        Place::DEFAULTS_FRONT,
        "<name>",
        "The header that carries that id.",
        |_, a, s| one(a, &mut s.unique_id_header),
    ),
    Row::no_effect(
        &["log-steps"],
        Place::DEFAULTS_FRONT,
        "<steps>",
        "When lines are written.",
        "one line is written for each session or request",
    ),
];

fn one(args: &mut Args<'_>, slot: &mut Option<Word>) -> Parsed {
    *slot = Some(args.expect_text("an argument")?.clone());
    args.finish()
}

/// One word. Several are an old habit (manual 8.2.4: "spaces must be escaped"), and HAProxy refuses them.
fn format(_: &mut Ctx<'_>, args: &mut Args<'_>) -> Result<FormatText, Failure> {
    let format = args.format("a log-format string")?;
    args.finish().map_err(|failure| failure.help("quote the whole format: \"...\""))?;
    Ok(format)
}

fn log_global(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let target = target(ctx, args)?;
    to.logs.push(LogTarget::To(target));
    Ok(())
}

fn log(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Settings) -> Parsed {
    if args.polarity() != Polarity::Plain {
        to.logs.clear();
        return args.finish();
    }
    if args.peek_is("global") {
        let span = args.peek().map_or_else(|| args.span(), |word| word.span);
        args.next();
        args.finish()?;
        // Repeating it changes nothing: a section inherits its defaults' line and often writes it again.
        if !to.logs.iter().any(|target| matches!(target, LogTarget::Global(_))) {
            to.logs.push(LogTarget::Global(span));
        }
        return Ok(());
    }
    let target = target(ctx, args)?;
    to.logs.push(LogTarget::To(target));
    Ok(())
}

fn target(ctx: &Ctx<'_>, args: &mut Args<'_>) -> Result<LogTo, Failure> {
    let address = ctx.address(args.expect_text("an address and a facility")?);
    let mut to = LogTo {
        sink: sink(args, &address)?,
        len: None,
        format: None,
        sample: None,
        facility: 0,
        level: None,
        minlevel: None,
        span: address.span,
    };
    loop {
        if args.eat("len") {
            to.len = Some(args.number("a length", LEN)?);
        } else if args.eat("format") {
            to.format = Some(args.choice("a format", FRAMES)?);
        } else if args.eat("sample") {
            let word = args.expect("ranges and a size")?;
            to.sample = Some(sample(args, word)?);
        } else {
            break;
        }
    }
    severity(args, &mut to)?;
    Ok(to)
}

fn severity(args: &mut Args<'_>, to: &mut LogTo) -> Parsed {
    to.facility = args.choice("a facility", FACILITIES)?;
    if let Some(level) = args.next() {
        to.level = Some(args.choice_of(level, "an optional log level", LEVELS)?);
    }
    if let Some(level) = args.next() {
        to.minlevel = Some(args.choice_of(level, "an optional minimum log level", LEVELS)?);
    }
    args.finish()
}

fn sink(args: &Args<'_>, word: &Word) -> Result<LogSink, Failure> {
    let text = word.as_str();
    match text {
        "stdout" => return Ok(LogSink::Fd(1)),
        "stderr" => return Ok(LogSink::Fd(2)),
        "global" => {
            return Err(args.bad(word, "an address").help("'log global' stands in proxies and 'defaults'"));
        }
        _ => {}
    }
    if let Some(ring) = text.strip_prefix("ring@") {
        return Ok(LogSink::Ring(Word::new(ring, word.span)));
    }
    if text.starts_with("backend@") {
        return Err(args
            .bad(word, "an address")
            .help("log backends are not supported: name the syslog server itself"));
    }
    match Address::parse(text) {
        Ok(Address::Fd(fd)) => Ok(LogSink::Fd(fd)),
        Ok(Address::Unserved(_)) => {
            Err(args.bad(word, "an address").help("UDP, unix sockets, stdout, stderr, fd@ and ring@ are"))
        }
        Ok(address @ (Address::Inet { .. } | Address::Unix(_) | Address::Abstract(_))) => {
            Ok(LogSink::Address(address))
        }
        Err(error) => Err(args.bad(word, "an address").help(error.to_string())),
    }
}

/// `1-3,5:10`: of every ten lines, the first three and the fifth.
fn sample(args: &Args<'_>, word: &Word) -> Result<(Vec<(u32, u32)>, u32), Failure> {
    let bad = || args.bad(word, "a sample").help("ranges and a size are expected, as in 1-3,5:10");
    let (ranges, size) = word.text.rsplit_once(':').ok_or_else(bad)?;
    let size: u32 = size.parse().ok().filter(|n| (1..=MAX_SAMPLE).contains(n)).ok_or_else(bad)?;
    let mut out: Vec<(u32, u32)> = Vec::new();
    for range in ranges.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (low, high): (u32, u32) = (low.parse().map_err(|_| bad())?, high.parse().map_err(|_| bad())?);
        let apart = out.iter().all(|(l, h)| high < *l || low > *h);
        if low == 0 || high < low || high > size || !apart {
            return Err(bad());
        }
        out.push((low, high));
    }
    Ok((out, size))
}
