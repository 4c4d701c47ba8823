//! Reads a log-format string.

use super::datum::Kind;
use super::encode::Encoding;
use super::items::{ITEMS, Only, Print, REFUSED, item};
use super::{Escape, Flags, Format, Part, Said};
use crate::compile::Env;
use crate::expression::{self, Continue};
use crate::reader::{Reader, piece};
use crate::stage::Stage;
use base::{Word, suggest};

/// Compiles one word; every complaint in it is made, then `None` answered.
pub(crate) fn compile(env: &mut Env<'_>, word: &Word, stage: Stage, escape: Escape) -> Option<Format> {
    let mut parser = Parser { word, at: 0, flags: Flags::default(), escape, parts: Vec::new() };
    let mut good = true;
    while parser.at < word.text.len() {
        good &= parser.step(env, stage).is_some();
    }
    good.then(|| Format::new(parser.parts, escape, parser.flags))
}

struct Parser<'w> {
    word: &'w Word,
    at: usize,
    /// What `%o` set.
    flags: Flags,
    escape: Escape,
    parts: Vec<Part>,
}

impl<'w> Parser<'w> {
    fn rest(&self) -> &'w str {
        self.word.text.get(self.at..).unwrap_or("")
    }

    /// Text up to the next `%`, or what that opens.
    fn step(&mut self, env: &mut Env<'_>, stage: Stage) -> Option<()> {
        let rest = self.rest();
        let len = rest.find('%').unwrap_or(rest.len());
        if len > 0 {
            self.text(rest.get(..len).unwrap_or(rest));
            self.at += len;
            return Some(());
        }
        let start = self.at;
        self.at += 1;
        match self.rest().bytes().next() {
            None => self.complain(env, start, "truncated line after '%'"),
            Some(b'%') => {
                self.text("%");
                self.at += 1;
                Some(())
            }
            Some(b' ') => self.complain(env, start, "unexpected variable name near ' '"),
            Some(b'(' | b'{' | b'[' | b'A'..=b'Z' | b'a'..=b'z') => self.variable(env, stage, start),
            Some(_) => {
                let span = piece(self.word, start, self.at);
                env.diags.warning(span, "a '%' before nothing that it could mean is left out").help(VERBATIM);
                Some(())
            }
        }
    }

    fn text(&mut self, text: &str) {
        if !self.escape.merges_spaces() {
            self.literal(text);
            return;
        }
        for (index, run) in text.split(' ').enumerate() {
            if index > 0 {
                self.parts.push(Part::Space);
            }
            if !run.is_empty() {
                self.literal(run);
            }
        }
    }

    fn literal(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.extend_from_slice(&base::raw::bytes(text)),
            Some(Part::Space | Part::Item(_, _) | Part::Value(_, _)) | None => {
                self.parts.push(Part::Text(base::raw::bytes(text).into_owned()));
            }
        }
    }

    /// `(name:type){flags}item` or `(name:type){flags}[expression]`
    fn variable(&mut self, env: &mut Env<'_>, stage: Stage, start: usize) -> Option<()> {
        let mut said = Said::default();
        if self.rest().starts_with('(') {
            (said.name, said.kind) = self.name(env)?;
        }
        said.flags = self.flags;
        if self.rest().starts_with('{') {
            said.flags = self.flags(env, said.flags)?;
        }
        if self.rest().starts_with('[') {
            return self.expression(env, stage, said);
        }
        let rest = self.rest();
        let len = rest.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or("");
        if name.is_empty() {
            return self.complain(env, start, "argument modifier without variable name");
        }
        self.at += len;
        self.item(env, name, said, start)
    }

    /// `(name)`, `(name:type)` or `(:type)`
    fn name(&mut self, env: &mut Env<'_>) -> Option<(Option<Box<str>>, Option<Kind>)> {
        let start = self.at;
        let Some((inside, _)) = self.rest().get(1..).and_then(|t| t.split_once(')')) else {
            self.at = self.word.text.len();
            self.complain(env, start, "the item's name is not closed, ')' is missing")?;
            return None;
        };
        self.at += inside.len() + 2;
        let (name, kind) = inside.split_once(':').map_or((inside, None), |(name, kind)| (name, Some(kind)));
        let span = piece(self.word, start, self.at);
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            let message = format!("invalid name '{name}' of an item");
            env.diags.alert(span, message).help("letters, digits, '_' and '-' may stand in it");
            return None;
        }
        let known = kind.map(|kind| Kind::ALL.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind));
        if known == Some(None) {
            let message = format!("unknown type '{}' of an item", kind.unwrap_or_default());
            env.diags.alert(span, message).help("the types are str, sint and bool");
            return None;
        }
        Some(((!name.is_empty()).then(|| name.into()), known.flatten()))
    }

    /// `{+Q,-E}`
    fn flags(&mut self, env: &mut Env<'_>, mut flags: Flags) -> Option<Flags> {
        let start = self.at;
        let Some((inside, _)) = self.rest().get(1..).and_then(|t| t.split_once('}')) else {
            self.at = self.word.text.len();
            self.complain(env, start, "the flags are not closed, '}' is missing")?;
            return None;
        };
        self.at += inside.len() + 2;
        for flag in inside.split(',').filter(|f| !f.is_empty()) {
            let on = flag.starts_with('+');
            match flag.trim_start_matches(['+', '-']) {
                "Q" if flag.len() == 2 => flags.quote = on,
                "X" if flag.len() == 2 => flags.hex = on,
                "E" if flag.len() == 2 => flags.escape = on,
                "bin" if flag.len() == 4 && self.escape.may_encode() => flags.binary = on,
                "json" if flag.len() == 5 && self.escape.may_encode() => {
                    flags.encoding = on.then_some(Encoding::Json);
                }
                "cbor" if flag.len() == 5 && self.escape.may_encode() => {
                    flags.encoding = on.then_some(Encoding::Cbor);
                }
                _ => {
                    let span = piece(self.word, start, self.at);
                    env.diags.warning(span, format!("log-format flag '{flag}' has no effect")).help(
                        "the flags are +Q (quote), +X (hexadecimal), +E (escape), outside of HTTP messages +json, \
                         +cbor and +bin, and the same with '-'",
                    );
                }
            }
        }
        Some(flags)
    }

    fn expression(&mut self, env: &mut Env<'_>, stage: Stage, mut said: Said) -> Option<()> {
        let mut reader = Reader::inside(self.word, self.at + 1);
        let expr = expression::parse(env, &mut reader, Continue::ThisWord);
        let Some(expr) = expr else {
            self.skip_expression();
            return None;
        };
        let end = reader.at();
        if !reader.skip("]") {
            let message = match reader.rest().chars().next() {
                Some(c) => format!("expected ']' after the expression, but found '{c}'"),
                None => "expected ']' after the expression".to_owned(),
            };
            env.diags.alert(piece(self.word, self.at, end.max(self.at + 1)), message);
            self.skip_expression();
            return None;
        }
        self.at = reader.at();
        expression::stage_allows(env, &expr, stage).then_some(())?;
        said.flags.binary = self.flags.binary;
        self.parts.push(Part::Value(Box::new(expr), said));
        Some(())
    }

    /// After a complaint: to the bracket that probably closes it.
    fn skip_expression(&mut self) {
        let rest = self.rest();
        self.at += rest.find(']').map_or(rest.len(), |i| i + 1);
    }

    fn item(&mut self, env: &mut Env<'_>, name: &str, mut said: Said, start: usize) -> Option<()> {
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            let span = piece(self.word, start, self.at);
            env.diags.alert(span, format!("format variable '{name}' is not supported")).help(*why);
            return None;
        }
        let Some(row) = item(name) else {
            let near = suggest::nearest(name, ITEMS.iter().map(|r| r.name));
            let span = piece(self.word, start, self.at);
            let diag = env.diags.alert(span, format!("no such format variable '{name}'"));
            diag.help(match near {
                Some(near) => format!("did you mean '%{near}'? {VERBATIM}"),
                None => VERBATIM.to_owned(),
            });
            return None;
        };
        if row.only == Only::Http && env.mode_tcp {
            return self.complain(env, start, &format!("format variable '{name}' is reserved for HTTP mode"));
        }
        if matches!(row.print, Print::Flags) {
            self.flags = said.flags;
        }
        // of one item alone it would mean nothing (manual section 8.2.6)
        said.flags.binary = self.flags.binary;
        if matches!(row.print, Print::Date(_) | Print::DateLocal(_)) {
            // Read now, before a chroot takes the file away.
            crate::zone::load();
        }
        self.parts.push(Part::Item(row, said));
        Some(())
    }

    fn complain(&self, env: &mut Env<'_>, start: usize, message: &str) -> Option<()> {
        env.diags.alert(piece(self.word, start, self.at.max(start + 1)), message).help(VERBATIM);
        None
    }
}

const VERBATIM: &str = "to emit a '%' character, write '%%'";
