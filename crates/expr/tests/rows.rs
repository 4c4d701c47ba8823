//! Runs the case files of `tests/rows`: what each expression yields for a message, as HAProxy 2.6 answered when
//! `record.py` asked it. Lines that begin with "! " differ from HAProxy on purpose and say why in a comment above them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a case file that cannot be read must stop the test")]

use base::{Span, Word};
use expr::password::{Password, Users};
use expr::scope::{Direction, Payload, VarId};
use expr::{
    AddressFact, ClientTlsFact, Compiler, ConnectionFact, Env, Fact, Outside, ProcessFact, Sample, Scope,
    Stage, StreamFact, Verdict,
};
use http::{Request, Response, Version};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// 2023-11-14 22:13:20.123456 UTC
const NOW_US: i64 = 1_700_000_000_123_456;

#[derive(Default)]
struct World {
    request: Option<Request>,
    response: Option<Response>,
    payload: Option<Vec<u8>>,
    partial: bool,
    vars: RefCell<HashMap<(u32, &'static str), Sample<'static>>>,
}

impl Scope for World {
    fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    fn body(&self, _: Direction) -> Option<Payload<'_>> {
        None
    }

    fn payload(&self, _: Direction) -> Option<Payload<'_>> {
        self.payload.as_ref().map(|bytes| Payload { bytes, complete: !self.partial })
    }

    fn fact(&self, fact: &Fact) -> Option<Sample<'_>> {
        match fact {
            Fact::Process(ProcessFact::Stopping)
            | Fact::ClientTls(ClientTlsFact::SslFc)
            | Fact::Connection(ConnectionFact::FcRcvdProxy) => Some(Sample::Bool(false)),
            Fact::Stream(StreamFact::FirstRequest) => Some(Sample::Bool(true)),
            Fact::Stream(StreamFact::PriorityClass | StreamFact::PriorityOffset) => Some(Sample::Int(0)),
            Fact::Process(ProcessFact::ThreadId) => Some(Sample::Int(0)),
            Fact::Process(ProcessFact::Hostname) => Some(Sample::str(b"machine")),
            Fact::Address(AddressFact::Src) => Some(Sample::Ip([127, 0, 0, 1].into())),
            _ => None,
        }
    }

    fn var(&self, id: VarId) -> Option<Sample<'static>> {
        self.vars.borrow().get(&(id.name, id.scope.name())).cloned()
    }

    fn set_var(&self, id: VarId, value: Option<Sample<'static>>) {
        let key = (id.name, id.scope.name());
        match value {
            Some(value) => self.vars.borrow_mut().insert(key, value),
            None => self.vars.borrow_mut().remove(&key),
        };
    }

    fn now_us(&self) -> i64 {
        NOW_US
    }

    fn random(&self) -> u32 {
        0x1234_5678
    }
}

struct Folder;

impl Outside for Folder {
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows").join(path))
    }

    fn env_var(&self, name: &str) -> Option<String> {
        (name == "GREETING").then(|| "hello".to_owned())
    }

    fn lookup(&self, _: &str) -> Option<std::net::IpAddr> {
        None
    }
}

/// One block of a case file: the message, and expressions with what they yield.
#[derive(Default)]
struct Block {
    request: Vec<String>,
    response: Vec<String>,
    payload: Option<String>,
    partial: bool,
    users: Vec<String>,
    cases: Vec<(usize, String, String)>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = vec![Block::default()];
    for (number, line) in text.lines().enumerate() {
        let Some(block) = blocks.last_mut() else { continue };
        if line.trim().is_empty() {
            blocks.push(Block::default());
        } else if let Some(line) = line.strip_prefix("> ") {
            block.request.push(line.to_owned());
        } else if let Some(line) = line.strip_prefix("< ") {
            block.response.push(line.to_owned());
        } else if let Some(line) = line.strip_prefix("@userlist ") {
            block.users.push(line.to_owned());
        } else if let Some(hex) = line.strip_prefix("@payload ") {
            block.payload = Some(hex.to_owned());
        } else if let Some(hex) = line.strip_prefix("@partial ") {
            (block.payload, block.partial) = (Some(hex.to_owned()), true);
        } else if !line.starts_with('#') && !line.starts_with('@') {
            let (expr, expected) = line.trim_start_matches("! ").rsplit_once(" => ").unwrap();
            block.cases.push((number + 1, expr.trim().to_owned(), expected.to_owned()));
        }
    }
    blocks
}

impl Block {
    fn world(&self) -> World {
        let mut world = World { partial: self.partial, ..World::default() };
        if let Some(hex) = &self.payload {
            let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            world.payload = Some(digits.chunks(2).map(byte).collect());
            return world;
        }
        world.request = Some(self.request());
        world.response = (!self.response.is_empty()).then(|| self.response());
        world
    }

    fn request(&self) -> Request {
        let default = ["GET / HTTP/1.1".to_owned(), "Host: h".to_owned()];
        let lines = if self.request.is_empty() { &default[..] } else { &self.request };
        let mut request = Request::default();
        let words: Vec<&str> = lines[0].split(' ').collect();
        request.set_method(words[0].as_bytes());
        request.set_target(words[1].as_bytes());
        request.version = if words[2] == "HTTP/1.0" { Version::H10 } else { Version::H11 };
        for (name, value) in lines[1..].iter().map(|l| l.split_once(':').unwrap()) {
            request.fields.push(name.as_bytes(), value.trim().as_bytes());
        }
        request
    }

    fn response(&self) -> Response {
        let mut response = Response::default();
        response.set_status(self.response[0].split(' ').nth(1).unwrap().parse().unwrap(), b"");
        for (name, value) in self.response[1..].iter().map(|l| l.split_once(':').unwrap()) {
            response.fields.push(name.as_bytes(), value.trim().as_bytes());
        }
        response.fields.push(b"content-length", b"0");
        response
    }

    fn stage(&self) -> Stage {
        match (&self.payload, self.response.is_empty()) {
            (Some(_), _) => Stage::TcpContent,
            (None, true) => Stage::Request,
            (None, false) => Stage::Response,
        }
    }

    fn userlist(&self) -> Users {
        let mut users = Users::new("users");
        for line in &self.users {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["group", group, ref rest @ ..] => {
                    rest.iter().skip(1).for_each(|user| users.add(user, None, [group]));
                }
                ["user", user, kind, password, ref rest @ ..] => {
                    let known = match kind {
                        "password" => Password::crypt(password).unwrap(),
                        _ => Password::clear(password.as_bytes()),
                    };
                    users.add(user, Some(known), rest.iter().skip(1).flat_map(|g| g.split(',')));
                }
                _ => panic!("{line}"),
            }
        }
        users
    }
}

fn env(block: &Block) -> Env<'static> {
    let mut env = Env::new(&Folder);
    env.proxy = "here".to_owned();
    env.proxies.frontends.insert("here".to_owned());
    env.proxies.backends.insert("here".to_owned(), ["s".to_owned()].into());
    if !block.users.is_empty() {
        env.userlists.insert("users".to_owned(), Arc::new(block.userlist()));
    }
    env
}

/// What the case file would say.
fn answer(block: &Block, text: &str) -> String {
    let mut env = env(block);
    if let Some(words) = text.strip_prefix("? ") {
        return verdict(block, &mut env, words);
    }
    let words = [Word::new(text, Span::default())];
    let Some(expr) = Compiler::new(&mut env).expr(&words, block.stage()) else { return "refused".to_owned() };
    let world = block.world();
    match expr.try_eval(&world) {
        Err(_) => "not yet".to_owned(),
        Ok(None) => "none".to_owned(),
        Ok(Some(value)) => shown(&value.to_str().unwrap()),
    }
}

/// What the case file would say of a condition; its words are parted by spaces outside double quotes.
fn verdict(block: &Block, env: &mut Env<'_>, text: &str) -> String {
    let mut quoted = false;
    let parts = text.split(|c| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    let mut words = vec![Word::new("{", Span::default())];
    words.extend(parts.map(|word| Word::new(word.replace('"', ""), Span::default())));
    words.push(Word::new("}", Span::default()));
    match Compiler::new(env).condition(false, &words, block.stage()) {
        None => "refused".to_owned(),
        Some(condition) => match condition.eval(&block.world()) {
            Verdict::True => "true".to_owned(),
            Verdict::False => "false".to_owned(),
            Verdict::NotYet => "not yet".to_owned(),
        },
    }
}

/// Control characters as HAProxy writes them into headers, other bytes escaped for the eye.
fn shown(text: &[u8]) -> String {
    let mut out = String::from('"');
    for b in text {
        let done = match b {
            b'"' | b'\\' => write!(out, "\\{}", char::from(*b)),
            b'\t' => write!(out, "\\x09"),
            0..=31 | 127 => write!(out, "%{b:02X}"),
            32..=126 => write!(out, "{}", char::from(*b)),
            128.. => write!(out, "\\x{b:02x}"),
        };
        done.unwrap();
    }
    out.push('"');
    out
}

fn run(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut wrong = Vec::new();
    for block in blocks(&text) {
        for (line, expr, expected) in &block.cases {
            let got = answer(&block, expr);
            if got != *expected {
                wrong.push(format!("{file}:{line}: {expr}\n  expected {expected}\n  got      {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{} differ", wrong.join("\n"), wrong.len());
}

macro_rules! files {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(concat!(stringify!($name), ".case"));
        })*
    };
}

files! { acls text numbers encode hash time net json http maps payload newer protocols }

#[test]
fn every_word_stands_once() {
    let mut fetches: Vec<&str> = expr::rows::fetches().map(|row| row.name).collect();
    let mut converters: Vec<&str> = expr::rows::converters().map(|row| row.name).collect();
    for names in [&mut fetches, &mut converters] {
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before);
    }
    assert!(expr::rows::fetches().all(|row| !row.doc.is_empty()));
    assert!(expr::rows::converters().all(|row| !row.doc.is_empty()));
}

/// Values that a converter's code may not expect, of every type.
fn odd_values() -> Vec<Sample<'static>> {
    let texts: [&[u8]; 12] = [
        b"",
        b"\0",
        b"%",
        b"=",
        b"\"",
        b"[",
        b"{\"a\":[[[{",
        b"....",
        b"-9223372036854775808",
        b"q=;q=,;=\\\"",
        &[0xff; 40],
        &[b'['; 5000],
    ];
    let mut values: Vec<Sample<'static>> = vec![
        Sample::Bool(true),
        Sample::Int(0),
        Sample::Int(i64::MIN),
        Sample::Int(i64::MAX),
        Sample::Ip([255; 4].into()),
        Sample::Ip([255; 16].into()),
    ];
    values.extend(texts.iter().map(|t| Sample::str(t)));
    values.extend(texts.iter().map(|t| Sample::Bin(t.to_vec().into())));
    values
}

#[test]
fn odd_values_do_no_harm() {
    let args = [
        "",
        "1",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "a",
        "1,x",
        "-1,x,3",
        ".,8",
        ":,3,1",
        "'$.a[0].a'",
        "'$.a','int'",
        "%Y,1",
        "utf8ps",
        "sha256,Zm9v",
        "a;b,c",
        "24,64",
        "txn.v",
        "txn.v,ifgt",
        "x*,y,g",
        "proto",
        "9223372036854775807,ms",
        "'(a|b)*',\\1,gi",
    ];
    let block = Block::default();
    let (mut env, world) = (env(&block), block.world());
    for row in expr::rows::converters().filter(|row| !row.name.starts_with("map")) {
        for args in args {
            let text = format!("var(txn.v),{}({args})", row.name);
            let Some(expr) =
                Compiler::new(&mut env).expr(&[Word::new(text, Span::default())], Stage::Request)
            else {
                continue;
            };
            for value in odd_values() {
                let id = env.vars.intern("txn.v").unwrap();
                world.set_var(id, Some(value));
                let _ = expr.eval(&world);
            }
        }
    }
}

#[test]
fn fetches_of_an_empty_world_have_no_value_or_a_safe_one() {
    let world = World { payload: Some(Vec::new()), ..World::default() };
    for row in expr::rows::fetches() {
        let args = expr::Args::default();
        let _ = (row.eval)(&args, &world);
        if let Some(each) = row.each {
            let _ = each(&args, &world, &mut |_| std::ops::ControlFlow::Continue(()));
        }
    }
}
