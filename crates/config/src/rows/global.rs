//! The `global` section's words about the process: who it runs as, how much it may take, what it does at its end
//! (manual 3.1 and 3.2). Tuning knobs stand in `global_tuning`, TLS defaults in `global_tls`.

use crate::args::{Args, call_of};
use crate::ctx::Ctx;
use crate::failure::Failure;
use crate::model::{Capability, Global, GlobalVar, ProgramEnv, UnixOptions, VarValue};
use crate::row::{Names, Parse, Parsed, Parser, Place, Row, Text};
use base::Word;

/// The largest count of connections or descriptors: HAProxy counts them in 31 bits.
const MAX_COUNT: i64 = i32::MAX as i64;

/// The most threads that `nbthread` can ask for; HAProxy 3.3 stops there too.
pub(crate) const MAX_THREADS: i64 = 1024;

/// Groups that a build of HAProxy may have (`thread-groups`).
const MAX_THREAD_GROUPS: i64 = 64;

/// The largest user or group number; the last one means "unchanged" to the system.
const MAX_UID: i64 = u32::MAX as i64 - 1;

const fn row(names: Names, args: Text, doc: Text, parser: Parser<Global>) -> Row {
    Row::new(names, Place::GLOBAL, args, doc, Parse::Global(parser))
}

const fn idle(names: Names, args: Text, doc: Text, reason: Text) -> Row {
    Row::no_effect(names, Place::GLOBAL, args, doc, reason)
}

const fn refused(names: Names, args: Text, doc: Text, instead: Text) -> Row {
    Row::refused(names, Place::GLOBAL, args, doc, instead)
}

const NO_LUA: &str = "Lua is not run here: express it with rules, or keep it in a server";

pub(crate) const ROWS: &[Row] = &[
    row(&["daemon"], "", "Goes to the background once it is ready.", |_, a, g| on(a, &mut g.daemon)),
    row(
        &["master-worker"],
        "[no-exit-on-failure]",
        "A master that supervises the worker; as '-W'.",
        master_worker,
    ),
    row(&["maxconn"], "<number>", "Most connections of the process.", |_, a, g| count(a, &mut g.maxconn)),
    row(&["nbthread"], "<number>", "Threads; one a core where it is not written.", nbthread),
    row(&["nbproc"], "<number>", "Processes; threads took their place in HAProxy 2.5.", nbproc),
    row(&["pidfile"], "<file>", "Where the process's number is written.", |_, a, g| {
        one(a, &mut g.pidfile, "a file name")
    }),
    row(&["user"], "<name>", "The user to become.", |_, a, g| one(a, &mut g.user, "a user name")),
    row(&["group"], "<name>", "The group to become.", |_, a, g| one(a, &mut g.group, "a group name")),
    row(&["uid"], "<number>", "The user to become, by number.", |_, a, g| {
        g.uid = Some(a.number("a user id", 0..=MAX_UID)?);
        a.finish()
    }),
    row(&["gid"], "<number>", "The group to become, by number.", |_, a, g| {
        g.gid = Some(a.number("a group id", 0..=MAX_UID)?);
        a.finish()
    }),
    row(&["chroot"], "<dir>", "The folder that becomes the process's root.", |_, a, g| {
        one(a, &mut g.chroot, "a directory")
    }),
    row(&["ulimit-n"], "<number>", "Most file descriptors.", |_, a, g| count(a, &mut g.ulimit_n)),
    row(
        &["hard-stop-after"],
        "<time>",
        "Longest time to finish what is open once a stop is asked for.",
        |_, a, g| {
            g.hard_stop_after = Some(a.millis("a time")?);
            a.finish()
        },
    ),
    row(&["grace"], "<time>", "Time between being asked to stop and closing the listeners.", |_, a, g| {
        g.grace = Some(a.millis("a time")?);
        a.finish()
    }),
    row(&["node"], "<name>", "This machine's name for its operators.", |_, a, g| {
        one(a, &mut g.node, "a name")
    }),
    row(&["description"], "<text>", "A text for its operators.", |_, a, g| {
        g.description = Some(joined(a, "a text")?);
        Ok(())
    }),
    row(
        &["spread-checks"],
        "<percent>",
        "How far checks may move in time, so that they do not meet.",
        |_, a, g| {
            g.spread_checks = Some(a.number("a percentage", 0..=50)?);
            a.finish()
        },
    ),
    row(
        &["unix-bind"],
        "[prefix <prefix>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
        "What unix sockets of 'bind' lines begin with.",
        unix_bind,
    ),
    row(
        &["strict-limits"],
        "",
        "Fails at start where limits cannot be raised; 'no' makes it a warning.",
        |_, a, g| {
            g.strict_limits = a.switch();
            a.finish()
        },
    )
    .negatable(),
    row(&["zero-warning"], "", "Makes every warning forbid the start.", |_, a, g| on(a, &mut g.zero_warning)),
    row(&["set-var"], "proc.<name> <expr>", "Sets a variable of the process.", |_, a, g| set_var(a, g)),
    row(
        &["set-var-fmt"],
        "proc.<name> <format>",
        "Sets a variable of the process from a format.",
        |_, a, g| {
            let name = proc_name(a)?;
            let value = VarValue::Format(a.format("a log-format string")?);
            g.set_vars.push(GlobalVar { name, value });
            a.finish()
        },
    ),
    row(&["default-path"], "current", "Where relative file names begin.", default_path),
    row(&["presetenv"], "<name> <value>", "Sets an environment variable that does not exist.", |c, a, _| {
        let (name, value) = variable(a)?;
        c.env.preset(&name.text, &value.text);
        Ok(())
    }),
    row(
        &["setenv"],
        "<name> <value>",
        "Sets an environment variable for the lines that follow.",
        |c, a, _| {
            let (name, value) = variable(a)?;
            c.env.set(&name.text, &value.text);
            Ok(())
        },
    ),
    row(&["unsetenv"], "<name> ...", "Removes environment variables.", |c, a, _| {
        a.peek().ok_or_else(|| a.missing("at least one variable name"))?;
        for name in a.by_ref() {
            c.env.unset(&name.text);
        }
        Ok(())
    }),
    row(&["resetenv"], "[<name> ...]", "Removes all environment variables but the named ones.", |c, a, _| {
        let keep: Vec<&str> = a.rest().iter().map(Word::as_str).collect();
        c.env.reset(&keep);
        Ok(())
    }),
    row(&["max-spread-checks"], "<time>", "Longest delay of a first check after the start.", |_, a, g| {
        g.max_spread_checks = Some(a.millis("a time")?);
        a.finish()
    }),
    row(&["stats-file"], "<path>", "Counters to begin with, as 'dump stats-file' wrote them.", |_, a, g| {
        one(a, &mut g.stats_file, "a file name")
    }),
    idle(
        &["shm-stats-file", "shm-stats-file-max-objects"],
        "<value>",
        "Counters in shared memory.",
        "counters are private to the process",
    ),
    row(&["server-state-file"], "<file>", "Where 'show servers state' was saved.", |_, a, g| {
        one(a, &mut g.server_state_file, "a file name")
    }),
    row(&["server-state-base"], "<dir>", "Folder of such files.", |_, a, g| {
        one(a, &mut g.server_state_base, "a directory")
    }),
    idle(
        &["localpeer"],
        "<name>",
        "This machine's name among peers.",
        "stick tables are not shared between machines yet",
    ),
    idle(&["cluster-secret"], "<text>", "A secret of the cluster.", "no token is derived from it yet")
        .parsed_by(Parse::Global(|c, a, _| {
            a.rest().iter().for_each(|word| c.secret(word));
            Ok(())
        })),
    row(&["external-check"], "[preserve-env]", "Allows checks by other programs.", |_, a, g| {
        g.external_check = Some(if a.eat("preserve-env") { ProgramEnv::Preserved } else { ProgramEnv::Bare });
        a.finish()
    }),
    row(&["insecure-fork-wanted"], "", "Allows to start programs.", |_, a, g| {
        g.fork_wanted = a.switch() == Some(true);
        a.finish()
    })
    .negatable(),
    idle(
        &["insecure-setuid-wanted"],
        "",
        "Allows programs that change the user.",
        "nothing keeps programs from changing the user",
    ),
    Row::new(
        &["expose-experimental-directives"],
        Place::GLOBAL,
        "",
        "Allows experimental words; here none needs it.",
        Parse::Global(|_, a, _| a.finish()),
    ),
    Row::new(
        &["acme.scheduler"],
        Place::GLOBAL,
        "{ auto | off }",
        "Whether certificates are obtained and renewed by themselves.",
        Parse::Global(|_, a, g| {
            g.acme_scheduler_off = a.choice("a scheduler", &[("auto", false), ("off", true)])?;
            a.finish()
        }),
    ),
    idle(
        &["expose-deprecated-directives"],
        "",
        "Allows deprecated words.",
        "every word has its own status here",
    ),
    idle(
        &["prealloc-fd"],
        "",
        "Allocates descriptors at start.",
        "the system allocates them as they are needed",
    ),
    row(&["set-dumpable"], "[on | off | libs]", "Allows core dumps.", set_dumpable).negatable(),
    row(&["setcap"], "<name>[,<name>...]", "Rights to keep without root.", setcap),
    idle(
        &["force-cfg-parser-pause"],
        "<time>",
        "Waits between parsing and start.",
        "there is nothing to wait for",
    ),
    idle(&["quiet"], "", "Says nothing at start; as '-q'.", "use the option '-q'"),
    idle(&["debug"], "", "Shows traffic; as '-d'.", "use the option '-d'"),
    row(
        &["mworker-max-reloads"],
        "<number>",
        "Reloads that a worker may outlive; no limit where it is not written.",
        |_, a, g| count(a, &mut g.mworker_max_reloads),
    ),
    idle(&["warn-blocked-traffic-after"], "<time>", "Warns of busy threads.", "no thread is watched"),
    idle(&["thread-group"], "<groups>", "Groups of threads.", "all threads are one group"),
    row(&["thread-groups"], "<number>", "Groups of threads; there is one.", |c, a, _| {
        let groups: u32 = a.number("a number of groups", 1..=MAX_THREAD_GROUPS)?;
        if groups > 1 {
            c.warn(a.span(), "'thread-groups' is accepted without effect: all threads are one group");
        }
        a.finish()
    }),
    idle(&["thread-hard-limit"], "<number>", "Most threads.", "write 'nbthread' to limit threads"),
    idle(
        &["numa-cpu-mapping"],
        "",
        "Stays on one CPU node.",
        "threads run where the system places them; see 'cpu-map'",
    )
    .negatable(),
    idle(
        &["cpu-policy", "cpu-set", "cpu-affinity"],
        "<policy>",
        "Chooses CPUs.",
        "use 'cpu-map' to place threads",
    ),
    Row::new(
        &["h1-case-adjust"],
        Place::GLOBAL,
        "<from> <to>",
        "Spells a header name for peers that need it, see 'option h1-case-adjust-bogus-client'.",
        Parse::Global(case_adjust),
    ),
    Row::new(
        &["h1-case-adjust-file"],
        Place::GLOBAL,
        "<file>",
        "Such spellings from a file, '<from> <to>' on each line.",
        Parse::Global(|_, a, g| {
            g.h1_case_adjust_file = Some(a.expect_text("<file> as argument")?.clone());
            a.finish()
        }),
    ),
    idle(&["pp2-never-send-local"], "", "PROXY v2 without LOCAL.", "checks that send version 2 say LOCAL"),
    idle(&["h1-accept-payload-with-any-method"], "", "Bodies with GET and HEAD.", "they are accepted anyway"),
    idle(
        &["h1-do-not-close-on-insecure-transfer-encoding"],
        "",
        "Keeps odd connections.",
        "such requests are refused",
    ),
    idle(&["h2-workaround-bogus-websocket-clients"], "", "Hides RFC 8441.", "HTTP/2 is not spoken yet"),
    idle(&["limited-quic", "no-quic"], "", "HTTP/3 with lesser libraries.", "HTTP/3 is not spoken yet"),
    idle(
        &["http-err-codes", "http-fail-codes"],
        "<codes>",
        "Statuses counted as errors.",
        "stick tables come later",
    ),
    idle(&["httpclient.*"], "<value>", "The internal HTTP client.", "there is no internal HTTP client"),
    idle(&["dns-accept-family"], "<family>", "Families of looked-up addresses.", "the system's order holds"),
    idle(
        &["anonkey"],
        "<key>",
        "Hides names in dumps.",
        "names are not hidden in answers of the runtime API",
    ),
    idle(&["unsafe-cfg-*"], "", "Loosens checks.", "the checks stay as they are"),
    idle(
        &["51degrees-*", "deviceatlas-*", "wurfl-*"],
        "<value>",
        "Device detection.",
        "no device database is linked in",
    ),
    refused(&["lua-load", "lua-load-per-thread"], "<file> [args]", "Loads a Lua program.", NO_LUA),
    idle(&["lua-prepend-path"], "<path> [<type>]", "Where Lua modules lie.", "Lua is not run here"),
    refused(
        &["accept-unsafe-violations-in-http-request", "accept-unsafe-violations-in-http-response"],
        "",
        "Loosens HTTP for the whole process.",
        "write 'option accept-unsafe-violations-in-http-request' into the one frontend that needs it",
    ),
    refused(&["fips-mode"], "", "FIPS mode.", "the TLS library is not a FIPS build"),
];

fn on(args: &Args<'_>, slot: &mut bool) -> Parsed {
    *slot = true;
    args.finish()
}

fn one(args: &mut Args<'_>, slot: &mut Option<Word>, what: &str) -> Parsed {
    *slot = Some(args.expect_text(what)?.clone());
    args.finish()
}

fn count(args: &mut Args<'_>, slot: &mut Option<u32>) -> Parsed {
    *slot = Some(args.number("an integer argument", 0..=MAX_COUNT)?);
    args.finish()
}

/// All remaining words as one text.
pub(crate) fn joined(args: &mut Args<'_>, what: &str) -> Result<Word, Failure> {
    let first = args.expect(what)?;
    let mut text = first.text.clone();
    let mut span = first.span;
    for word in args.by_ref() {
        text.push(' ');
        text.push_str(&word.text);
        span = span.to(word.span);
    }
    Ok(Word::new(text, span))
}

/// `libs` also tells debuggers of shared libraries; there are none.
fn set_dumpable(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    const CHOICES: &[(&str, bool)] = &[("on", true), ("off", false), ("libs", true)];
    to.set_dumpable = match args.switch() {
        Some(true) if !args.is_done() => args.choice("a state", CHOICES)?,
        asked => asked == Some(true),
    };
    args.finish()
}

/// The capabilities that HAProxy lets one keep.
const CAPABILITIES: &[(&str, Capability)] = &[
    ("cap_net_admin", Capability::NetAdmin),
    ("cap_net_bind_service", Capability::NetBindService),
    ("cap_net_raw", Capability::NetRaw),
    ("cap_sys_admin", Capability::SysAdmin),
];

fn setcap(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let word = args.expect("a list of capabilities")?.clone();
    for name in word.text.split(',').filter(|name| !name.is_empty()) {
        let part = Word::new(name, word.span);
        to.setcap.push(args.choice_of(&part, "a capability", CAPABILITIES)?);
    }
    args.finish()
}

fn master_worker(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    ctx.warn(args.span(), "'master-worker' is deprecated")
        .help("start the program with '-W' or '-Ws' instead");
    args.eat("no-exit-on-failure");
    on(args, &mut to.master_worker)
}

fn nbthread(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    to.nbthread = Some(args.number("a number of threads", 1..=MAX_THREADS)?);
    ctx.mark("nbthread");
    args.finish()
}

/// Several processes did what threads do now; one that asks for four wants four CPUs used.
fn nbproc(ctx: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let processes: u32 = args.number("a number of processes", 1..=64)?;
    args.finish()?;
    let warning = "'nbproc' is deprecated: one process serves with threads";
    match (processes, to.nbthread) {
        (1, _) | (_, Some(_)) => ctx.warn(args.span(), warning).help("remove the line"),
        (_, None) => {
            to.nbthread = Some(processes);
            ctx.mark("nbproc");
            ctx.warn(args.span(), warning).help(format!("it is read as: nbthread {processes}"))
        }
    };
    Ok(())
}

fn unix_bind(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let unix = &mut to.unix_bind;
    if args.is_done() {
        return Err(args.missing("one of 'prefix', 'mode', 'user', 'uid', 'group', 'gid'"));
    }
    while let Some(word) = args.next() {
        unix_option(args, word, unix)?;
    }
    Ok(())
}

fn unix_option(args: &mut Args<'_>, word: &Word, unix: &mut UnixOptions) -> Parsed {
    match word.as_str() {
        "prefix" => unix.prefix = Some(args.expect("a prefix")?.clone()),
        "mode" => {
            let mode = args.expect("a mode in octal digits")?;
            let bits = u32::from_str_radix(&mode.text, 8).ok().filter(|bits| *bits <= 0o7777);
            unix.mode =
                Some(bits.ok_or_else(|| args.bad(mode, "a mode").help("octal digits are expected: 660"))?);
        }
        "user" => unix.user = Some(args.expect("a user name")?.clone()),
        "uid" => unix.uid = Some(args.number("a user id", 0..=MAX_UID)?),
        "group" => unix.group = Some(args.expect("a group name")?.clone()),
        "gid" => unix.gid = Some(args.number("a group id", 0..=MAX_UID)?),
        other => {
            let failure = Failure::new(word.span, format!("'unix-bind' does not know '{other}'"));
            return Err(failure.nearest(other, ["prefix", "mode", "user", "uid", "group", "gid"]));
        }
    }
    Ok(())
}

fn set_var(args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let name = proc_name(args)?;
    let value = VarValue::Expr(args.expr(&[])?);
    to.set_vars.push(GlobalVar { name, value });
    Ok(())
}

fn proc_name(args: &mut Args<'_>) -> Result<Word, Failure> {
    let name = args.expect("a variable name and a value")?;
    let bare = call_of(name).unwrap_or_else(|| name.clone());
    if !bare.text.starts_with("proc.") {
        return Err(args
            .bad(name, "a variable")
            .help("only variables of the process can be set here: proc.NAME"));
    }
    Ok(bare)
}

/// Relative names begin where the program was started; the manual's other policies would move them per file.
fn default_path(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let word = args.expect("one of 'current', 'config', 'parent', 'origin'")?;
    if word.text != "current" {
        return Err(Failure::new(word.span, format!("'default-path {word}' is not supported"))
            .help("start the program with '-C DIR', or use absolute names"));
    }
    to.default_path = Some(word.clone());
    args.finish()
}

fn variable<'l>(args: &mut Args<'l>) -> Result<(&'l Word, &'l Word), Failure> {
    let name = args.expect("an environment variable name")?;
    let value = args.expect("a value")?;
    args.finish()?;
    Ok((name, value))
}

fn case_adjust(_: &mut Ctx<'_>, args: &mut Args<'_>, to: &mut Global) -> Parsed {
    let what = "<from> and <to> as arguments";
    let (from, into) = (args.expect(what)?, args.expect(what)?);
    if !from.text.eq_ignore_ascii_case(&into.text) {
        return Err(Failure::new(into.span, "<from> and <to> must not differ except the case"));
    }
    if to.h1_case_adjust.iter().any(|(other, _)| other.text.eq_ignore_ascii_case(&from.text)) {
        return Err(Failure::new(from.span, format!("duplicate entry '{from}'")));
    }
    to.h1_case_adjust.push((from.clone(), into.clone()));
    args.finish()
}
