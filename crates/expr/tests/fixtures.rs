//! Runs the files in `fixtures/`: input above, expectation below, a blank line between cases.
//!
//! Input lines: `define NAME ACL` any number of times, then one of `expr`, `cond`, `log`, `http` with an optional
//! `@stage` behind it. Expectations: `= result` (the value, `true`, `false`, `not yet`, or `(none)`), `! alert`,
//! `~ warning`, `^ the text that the complaint points at`, `? its remedy`; complaints and remedies may be cut short
//! at their end. Every complaint must be expected.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be read must stop the test")]

#[path = "world/scope.rs"]
mod scope;
#[path = "world/words.rs"]
mod words;

use base::{Diagnostic, Severity};
use expr::{Compiler, Env, Escape, Stage, Verdict};
use scope::{Machine, World};
use words::words;

struct Case<'t> {
    line: usize,
    input: Vec<&'t str>,
    expected: Vec<&'t str>,
}

#[test]
fn fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        for case in cases(&text) {
            let got = run(&case.input);
            if !agree(&case.expected, &got) {
                let name = file.file_name().unwrap().to_string_lossy();
                failures.push(format!(
                    "{name}:{} {}\n  expected {:?}\n  got      {got:?}",
                    case.line,
                    case.input.join(" / "),
                    case.expected
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{} cases fail\n{}", failures.len(), failures.join("\n"));
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut list: Vec<Case<'_>> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            open = false;
            continue;
        }
        if !open {
            list.push(Case { line: index + 1, input: Vec::new(), expected: Vec::new() });
            open = true;
        }
        let case = list.last_mut().unwrap();
        let expectation = line.starts_with(['=', '!', '~', '^', '?']);
        if expectation { case.expected.push(line) } else { case.input.push(line) }
    }
    list
}

fn agree(expected: &[&str], got: &[String]) -> bool {
    let mut got = got.iter().peekable();
    for line in expected {
        // Places and remedies need not be spelled out.
        while line.starts_with(['=', '!', '~', '?']) && got.peek().is_some_and(|g| skippable(g, line)) {
            got.next();
        }
        let exact = line.starts_with(['=', '^']);
        match got.next() {
            Some(g) if exact && g == line => {}
            Some(g) if !exact && g.starts_with(line) => {}
            Some(_) | None => return false,
        }
    }
    got.all(|g| g.starts_with(['^', '?']))
}

fn skippable(got: &str, expected: &str) -> bool {
    got.starts_with('^') || got.starts_with('?') && !expected.starts_with('?')
}

fn run(input: &[&str]) -> Vec<String> {
    let machine = Machine;
    let mut env = Env::new(&machine);
    env.proxies.backends.insert("be".into(), ["s1".to_owned()].into());
    env.proxies.frontends.insert("fe".into());
    let mut out = Vec::new();
    for line in input {
        let words = words(line);
        let (kind, rest) = words.split_first().unwrap();
        let (stage, rest) = match rest.first().and_then(|w| w.text.strip_prefix('@')) {
            Some(name) => (stage(name), &rest[1..]),
            None => (default_stage(kind.as_str()), rest),
        };
        let result = match kind.as_str() {
            "define" => {
                Compiler::new(&mut env).acl(&rest[0], &rest[1..]);
                None
            }
            "expr" => expression(&mut env, rest, stage),
            "cond" => condition(&mut env, rest, stage),
            "log" => format(&mut env, rest, stage, Escape::Log),
            "http" => format(&mut env, rest, stage, Escape::Http),
            other => panic!("unknown kind of case '{other}'"),
        };
        out.extend(env.diags.iter().flat_map(|d| complaint(d, line)));
        env.diags = base::Diagnostics::default();
        out.extend(result.map(|r| format!("= {r}")));
    }
    out
}

fn default_stage(kind: &str) -> Stage {
    if kind == "log" { Stage::Log } else { Stage::Request }
}

fn stage(name: &str) -> Stage {
    match name {
        "config" => Stage::Config,
        "connection" => Stage::TcpConnection,
        "session" => Stage::TcpSession,
        "content" => Stage::TcpContent,
        "request" => Stage::Request,
        "connect" => Stage::ServerConnect,
        "response" => Stage::Response,
        "log" => Stage::Log,
        "check" => Stage::Check,
        other => panic!("unknown stage '{other}'"),
    }
}

fn expression(env: &mut Env<'_>, rest: &[base::Word], stage: Stage) -> Option<String> {
    let expr = Compiler::new(env).expr(rest, stage)?;
    let world = World::at(stage, env);
    let text = |v: expr::Sample<'_>| v.to_str().map(|t| String::from_utf8_lossy(&t).into_owned());
    Some(match expr.try_eval(&world) {
        Ok(value) => value.and_then(text).unwrap_or_else(|| "(none)".into()),
        Err(not_yet) => format!("not yet {}", not_yet.now.and_then(text).unwrap_or_default()),
    })
}

fn condition(env: &mut Env<'_>, rest: &[base::Word], stage: Stage) -> Option<String> {
    let (word, rest) = rest.split_first()?;
    let condition = Compiler::new(env).condition(word.text == "unless", rest, stage)?;
    let verdict = condition.eval(&World::at(stage, env));
    let text = match verdict {
        Verdict::True => "true",
        Verdict::False => "false",
        Verdict::NotYet => "not yet",
    };
    Some(text.to_owned())
}

fn format(env: &mut Env<'_>, rest: &[base::Word], stage: Stage, escape: Escape) -> Option<String> {
    let format = Compiler::new(env).format(rest.first()?, stage, escape)?;
    let mut out = Vec::new();
    format.write(&World::at(stage, env), &mut out);
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn complaint(d: &Diagnostic, line: &str) -> Vec<String> {
    let mark = if d.severity == Severity::Alert { '!' } else { '~' };
    let mut list = vec![format!("{mark} {}", d.message)];
    list.extend(d.span.map(|s| format!("^ {}", &line[s.start as usize..s.end as usize])));
    list.extend(d.help.as_ref().map(|h| format!("? {h}")));
    list
}
