//! Rules: actions as written to actions as run. A rule that cannot be compiled has been complained about and is left
//! out; the load fails as a whole.

use super::Lower;
use super::captures::slot_of;
use super::front::lower_name;
use crate::plan::HttpRules;
use crate::rules::{
    Endpoint, HttpAction, HttpRule, LineAction, LineRule, ListRule, MarkValue, NameTest, PacketMark, Part,
    Place, Redirect, RedirectKind, RedirectRule, Rule, TcpAction, TcpRule, TimeoutKind, Value,
};
use crate::vars::ProcVars;
use base::Word;
use config::model::{self, ExprText, FormatText, NameMatch, Proxy, RedirectTo, VarValue};
use expr::reference::{ChangeKind, list_name};
use expr::{Direction, Escape, Fact, Payload, Sample, Scope, Stage, VarId, VarScope};
use http::{Request, Response};
use regex::bytes::Regex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A list that a rule edits.
pub(crate) struct Edited {
    file: Word,
    pairs: bool,
    list: Arc<OnceLock<Arc<expr::Reference>>>,
}

impl Lower<'_> {
    pub(super) fn http_rules(&mut self, proxy: &Proxy) -> HttpRules {
        let s = &proxy.settings;
        HttpRules {
            request: self.http_set(proxy, [&s.http_request, &s.request_lines], Stage::Request),
            statistics: self.statistics(proxy),
            redirects: s.redirects.iter().filter_map(|r| self.redirect_rule(r)).collect(),
            response: self.http_set(proxy, [&s.http_response, &s.response_lines], Stage::Response),
            after_response: self.http_set(proxy, [&s.http_after_response, &[]], Stage::AfterResponse),
        }
    }

    fn http_set(
        &mut self,
        proxy: &Proxy,
        rules: [&[model::Rule<model::HttpAction>]; 2],
        stage: Stage,
    ) -> Vec<HttpRule> {
        rules
            .into_iter()
            .flatten()
            .filter_map(|rule| {
                let action = self.http_action(&rule.action, stage, || slot_of(proxy, rule.span));
                self.rule(rule, stage, action)
            })
            .collect()
    }

    fn rule<W, A>(&mut self, rule: &model::Rule<W>, stage: Stage, action: Option<A>) -> Option<Rule<A>> {
        let cond = match &rule.cond {
            Some(cond) => Some(self.cond(cond, stage)?),
            None => None,
        };
        let file = self.files.get(usize::from(rule.span.file.0)).cloned().unwrap_or_default();
        Some(Rule { cond, action: action?, place: Place { file, line: rule.span.line } })
    }

    fn list_rule(&mut self, edit: &model::ListEdit, stage: Stage) -> Option<ListRule> {
        let kind = match edit.action {
            model::ListAction::SetMap => ChangeKind::Set,
            model::ListAction::AddAcl => ChangeKind::Add,
            model::ListAction::DelMap | model::ListAction::DelAcl => ChangeKind::Del,
        };
        let value = match &edit.value {
            Some(format) => Some(self.format(format, stage)?),
            None => None,
        };
        let list = Arc::new(OnceLock::new());
        let pairs = matches!(edit.action, model::ListAction::SetMap | model::ListAction::DelMap);
        self.edited.push(Edited { file: edit.file.clone(), pairs, list: list.clone() });
        Some(ListRule { list, kind, key: self.format(&edit.key, stage)?, value })
    }

    /// Finds the lists that rules edit. HAProxy loads what edits a list that no line uses, and so do we: it does nothing.
    pub(super) fn find_edited(&mut self) {
        for edited in std::mem::take(&mut self.edited) {
            let is = |list: &&Arc<expr::Reference>| {
                *list.file == *list_name(&edited.file.text) && list.has_values() == edited.pairs
            };
            match self.env.references.iter().find(is) {
                // it is set once, here
                Some(list) => drop(edited.list.set(list.clone())),
                None => {
                    let what = if edited.pairs { "map" } else { "acl" };
                    let text = format!("the rule does nothing: no line uses the {what} '{}'", edited.file);
                    self.env.diags.warning(edited.file.span, text);
                }
            }
        }
    }

    fn redirect_rule(&mut self, rule: &model::Rule<model::Redirect>) -> Option<RedirectRule> {
        let action = self.redirect(&rule.action, Stage::Request);
        self.rule(rule, Stage::Request, action)
    }

    fn http_action(
        &mut self,
        action: &model::HttpAction,
        stage: Stage,
        slot: impl Fn() -> Option<usize>,
    ) -> Option<HttpAction> {
        use model::HttpAction as W;
        Some(match action {
            W::Allow => HttpAction::Allow,
            W::Deny(reply) => {
                let status = if stage == Stage::Request { 403 } else { 502 };
                HttpAction::Deny(Arc::new(self.reply(reply, status, stage)?))
            }
            W::Tarpit(reply) => HttpAction::Tarpit(Arc::new(self.reply(reply, 500, stage)?)),
            W::Return(reply) => HttpAction::Return(Arc::new(self.return_reply(reply, stage)?)),
            W::Reject => HttpAction::Reject,
            W::SilentDrop(ttl) => HttpAction::SilentDrop(*ttl),
            W::Auth(realm) => HttpAction::Auth(self.realm(realm.as_ref(), stage)?),
            W::Redirect(redirect) => HttpAction::Redirect(self.redirect(redirect, stage)?),
            W::SetHeader(name, value) => HttpAction::SetHeader(lower_name(name), self.format(value, stage)?),
            W::AddHeader(name, value) => HttpAction::AddHeader(lower_name(name), self.format(value, stage)?),
            W::DelHeader(name, method) => HttpAction::DelHeader(self.name_test(name, *method)?),
            W::ReplaceHeader(name, regex, with) => self.replace_header(name, regex, with, false, stage)?,
            W::ReplaceValue(name, regex, with) => self.replace_header(name, regex, with, true, stage)?,
            W::ReplacePath(regex, with) => self.replace_part(Part::Path, regex, with, stage)?,
            W::ReplacePathq(regex, with) => self.replace_part(Part::PathQuery, regex, with, stage)?,
            W::ReplaceUri(regex, with) => self.replace_part(Part::Uri, regex, with, stage)?,
            W::SetMethod(value) => HttpAction::SetMethod(self.format(value, stage)?),
            W::SetPath(value) => HttpAction::SetPart(Part::Path, self.format(value, stage)?),
            W::SetPathq(value) => HttpAction::SetPart(Part::PathQuery, self.format(value, stage)?),
            W::SetQuery(value) => HttpAction::SetPart(Part::Query, self.format(value, stage)?),
            W::SetUri(value) => HttpAction::SetPart(Part::Uri, self.format(value, stage)?),
            W::SetStatus(status, reason) => HttpAction::SetStatus(
                *status,
                reason.as_ref().map_or("", |w| w.text.as_str()).as_bytes().into(),
            ),
            W::SetVar(name, value) => {
                HttpAction::SetVar(self.var(name)?, Vec::new(), self.var_value(value, stage)?)
            }
            W::SetVarIf(name, conditions, value) => {
                HttpAction::SetVar(self.var(name)?, conditions.clone(), self.var_value(value, stage)?)
            }
            W::UnsetVar(name) => HttpAction::UnsetVar(self.var(name)?),
            W::EditList(edit) => HttpAction::EditList(self.list_rule(edit, stage)?),
            W::Capture(expr, len) => HttpAction::Capture(slot()?, self.expr(expr, stage)?, *len as usize),
            W::CaptureId(expr, id) => HttpAction::Capture(*id as usize, self.expr(expr, stage)?, usize::MAX),
            W::SetLogLevel(level) => HttpAction::SetLogLevel(*level),
            W::SetSrc(expr) => self.endpoint_action(Endpoint::Src, expr, stage)?,
            W::SetSrcPort(expr) => self.endpoint_action(Endpoint::SrcPort, expr, stage)?,
            W::SetDst(expr) => self.endpoint_action(Endpoint::Dst, expr, stage)?,
            W::SetDstPort(expr) => self.endpoint_action(Endpoint::DstPort, expr, stage)?,
            W::SetTimeout(kind, expr) => self.timeout_action(kind, expr, stage)?,
            W::MarkPackets(mark) => HttpAction::MarkPackets(self.packet_mark(mark, stage)?),
            W::SetNice(_) | W::StrictMode(_) | W::Ignored => HttpAction::Nothing,
            W::SetStream(what, value) => HttpAction::SetStream(*what, self.expr(value, stage)?),
            W::DoLog => HttpAction::DoLog,
            W::Pause(time) => HttpAction::Pause(self.expr(&as_integer(time), stage)?),
            W::EarlyHint(name, value) => HttpAction::EarlyHint(lower_name(name), self.format(value, stage)?),
            W::WaitForBody(time, least) => HttpAction::WaitForBody(Duration::from_millis(*time), *least),
            W::NormalizeUri(normalizer) => HttpAction::Normalize(*normalizer),
            W::DisableL7Retry => HttpAction::DisableL7Retry,
            W::Line(rule) => HttpAction::Line(self.line_rule(rule, stage)?),
        })
    }

    fn line_rule(&mut self, rule: &model::LineRule, stage: Stage) -> Option<LineRule> {
        use model::LineAction as W;
        let regex = self.regex(&rule.regex, rule.insensitive)?;
        let mut reply = |status| Some(Arc::new(self.reply(&model::Reply::default(), status, stage)?));
        let then = match &rule.then {
            W::Allow => LineAction::Allow,
            W::Pass => LineAction::Pass,
            W::Deny => LineAction::Deny(reply(if stage == Stage::Request { 403 } else { 502 })?),
            W::Tarpit => LineAction::Tarpit(reply(500)?),
            W::Delete => LineAction::Delete,
            W::Replace(with) => LineAction::Replace(with.bytes().into()),
        };
        Some(LineRule { regex, then })
    }

    /// `return` without a body or an error file has none (manual, `http-request return`).
    fn return_reply(&mut self, reply: &model::Reply, stage: Stage) -> Option<crate::reply::Reply> {
        let mut lowered = self.reply(reply, 200, stage)?;
        if reply.body == model::ReplyBody::Default {
            lowered.body = crate::reply::Body::Empty;
        }
        Some(lowered)
    }

    fn realm(&mut self, realm: Option<&FormatText>, stage: Stage) -> Option<expr::Format> {
        match realm {
            Some(realm) => self.format(realm, stage),
            None => {
                let name = self.env.proxy.replace('%', "%%");
                self.format_word(&Word::new(name, base::Span::default()), stage, Escape::None)
            }
        }
    }

    fn endpoint_action(&mut self, endpoint: Endpoint, expr: &ExprText, stage: Stage) -> Option<HttpAction> {
        Some(HttpAction::SetEndpoint(endpoint, self.expr(expr, stage)?))
    }

    fn timeout_action(&mut self, kind: &Word, expr: &ExprText, stage: Stage) -> Option<HttpAction> {
        let kind = match kind.text.as_str() {
            "tunnel" => TimeoutKind::Tunnel,
            "client" => TimeoutKind::Client,
            "connect" => TimeoutKind::Connect,
            "queue" => TimeoutKind::Queue,
            "tarpit" => TimeoutKind::Tarpit,
            _ => TimeoutKind::Server,
        };
        Some(HttpAction::SetTimeout(kind, self.expr(&as_integer(expr), stage)?))
    }

    fn name_test(&mut self, name: &Word, method: NameMatch) -> Option<NameTest> {
        Some(match method {
            NameMatch::Reg => NameTest::Regex(self.regex(name, true)?),
            NameMatch::Str | NameMatch::Beg | NameMatch::End | NameMatch::Sub => {
                NameTest::Text(method, lower_name(name))
            }
        })
    }

    fn replace_header(
        &mut self,
        name: &Word,
        regex: &Word,
        with: &FormatText,
        elements: bool,
        stage: Stage,
    ) -> Option<HttpAction> {
        let regex = self.regex(regex, false)?;
        Some(HttpAction::ReplaceHeader {
            name: lower_name(name),
            regex,
            with: self.format(with, stage)?,
            elements,
        })
    }

    fn replace_part(
        &mut self,
        part: Part,
        regex: &Word,
        with: &FormatText,
        stage: Stage,
    ) -> Option<HttpAction> {
        Some(HttpAction::ReplacePart(part, self.regex(regex, false)?, self.format(with, stage)?))
    }

    pub(super) fn regex(&mut self, word: &Word, insensitive: bool) -> Option<Regex> {
        match expr::pcre::compile(&word.text, insensitive) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let text = format!("invalid regular expression '{word}': {error}");
                let complaint = self.env.diags.alert(word.span, text);
                if let Some(help) = error.help() {
                    complaint.help(help);
                }
                None
            }
        }
    }

    fn redirect(&mut self, redirect: &model::Redirect, stage: Stage) -> Option<Redirect> {
        let (kind, text) = match &redirect.to {
            RedirectTo::Location(text) => (RedirectKind::Location, text),
            RedirectTo::Prefix(text) => (RedirectKind::Prefix, text),
            RedirectTo::Scheme(text) => (RedirectKind::Scheme, text),
        };
        Some(Redirect {
            kind,
            to: self.format(text, stage)?,
            code: redirect.code.unwrap_or(302),
            drop_query: redirect.drop_query,
            append_slash: redirect.append_slash,
            ignore_empty: redirect.ignore_empty,
            keep_query: redirect.keep_query,
            cookie: redirect_cookie(redirect),
        })
    }

    pub(super) fn tcp_rules(
        &mut self,
        proxy: &Proxy,
        rules: &[model::Rule<model::TcpAction>],
        stage: Stage,
    ) -> Vec<TcpRule> {
        rules
            .iter()
            .filter_map(|rule| {
                let action = self.tcp_action(&rule.action, stage, || slot_of(proxy, rule.span));
                self.rule(rule, stage, action)
            })
            .collect()
    }

    fn tcp_action(
        &mut self,
        action: &model::TcpAction,
        stage: Stage,
        slot: impl Fn() -> Option<usize>,
    ) -> Option<TcpAction> {
        use model::TcpAction as W;
        let endpoint =
            |lower: &mut Self, which, expr| Some(TcpAction::SetEndpoint(which, lower.expr(expr, stage)?));
        Some(match action {
            W::Accept => TcpAction::Accept,
            W::Reject => TcpAction::Reject,
            W::SilentDrop(ttl) => TcpAction::SilentDrop(*ttl),
            W::Close => TcpAction::Close,
            W::ExpectProxy => TcpAction::ExpectProxy,
            W::SetSrc(expr) => endpoint(self, Endpoint::Src, expr)?,
            W::SetSrcPort(expr) => endpoint(self, Endpoint::SrcPort, expr)?,
            W::SetDst(expr) => endpoint(self, Endpoint::Dst, expr)?,
            W::SetDstPort(expr) => endpoint(self, Endpoint::DstPort, expr)?,
            W::SetVar(name, value) => {
                TcpAction::SetVar(self.var(name)?, Vec::new(), self.var_value(value, stage)?)
            }
            W::SetVarIf(name, conditions, value) => {
                TcpAction::SetVar(self.var(name)?, conditions.clone(), self.var_value(value, stage)?)
            }
            W::UnsetVar(name) => TcpAction::UnsetVar(self.var(name)?),
            W::SetLogLevel(level) => TcpAction::SetLogLevel(*level),
            W::Capture(expr, len) => TcpAction::Capture(slot()?, self.expr(expr, stage)?, *len as usize),
            W::MarkPackets(mark) => TcpAction::MarkPackets(self.packet_mark(mark, stage)?),
            W::SetStream(what, value) => TcpAction::SetStream(*what, self.expr(value, stage)?),
            W::DoLog => TcpAction::DoLog,
            W::SwitchMode => TcpAction::SwitchMode,
            W::SetNice(_) | W::Ignored => TcpAction::Nothing,
        })
    }

    fn packet_mark(&mut self, mark: &model::PacketMark, stage: Stage) -> Option<PacketMark> {
        let value = match &mark.value {
            model::MarkValue::Number(number) => MarkValue::Number(*number),
            model::MarkValue::Expr(expr) => MarkValue::Expr(self.expr(expr, stage)?),
        };
        Some(PacketMark { to_server: mark.to_server, tos: mark.tos, value })
    }

    pub(super) fn var_value(&mut self, value: &VarValue, stage: Stage) -> Option<Value> {
        Some(match value {
            VarValue::Expr(expr) => Value::Expr(self.expr(expr, stage)?),
            VarValue::Format(format) => Value::Format(self.format_word(&format.0, stage, Escape::None)?),
        })
    }
}

/// A time written where an expression may stand, `5s`, as the integer expression of its milliseconds.
fn as_integer(expr: &ExprText) -> ExprText {
    match expr.words.as_slice() {
        [word] => match base::units::millis(&word.text) {
            Ok(ms) => ExprText { words: vec![Word::new(format!("int({ms})"), word.span)] },
            Err(_) => expr.clone(),
        },
        _ => expr.clone(),
    }
}

/// The `set-cookie` value of a redirect.
fn redirect_cookie(redirect: &model::Redirect) -> Option<Box<[u8]>> {
    let set = redirect.set_cookie.as_ref().map(|w| format!("{}; path=/;", w.text));
    let clear = || redirect.clear_cookie.as_ref().map(|w| format!("{}; path=/; Max-Age=0;", w.text));
    set.or_else(clear).map(|text| text.into_bytes().into())
}

/// The value that a `global` variable starts with.
pub(super) fn evaluate(value: &Value, scope: &dyn Scope) -> Option<Sample<'static>> {
    match value {
        Value::Expr(expr) => expr.eval(scope).map(Sample::into_owned),
        Value::Format(format) => {
            let mut text = Vec::new();
            format.write(scope, &mut text);
            Some(Sample::owned(text))
        }
    }
}

/// The world before there is any traffic: of it there are process-wide variables only.
pub(super) struct ProcessScope<'v>(pub &'v ProcVars);

impl Scope for ProcessScope<'_> {
    fn request(&self) -> Option<&Request> {
        None
    }

    fn response(&self) -> Option<&Response> {
        None
    }

    fn body(&self, _of: Direction) -> Option<Payload<'_>> {
        None
    }

    fn payload(&self, _of: Direction) -> Option<Payload<'_>> {
        None
    }

    fn fact(&self, _fact: &Fact) -> Option<Sample<'_>> {
        None
    }

    fn var(&self, id: VarId) -> Option<Sample<'static>> {
        self.0.get(id.name).filter(|_| id.scope == VarScope::Proc)
    }

    fn set_var(&self, _id: VarId, _value: Option<Sample<'static>>) {}

    fn now_us(&self) -> i64 {
        crate::clock::now_us()
    }

    fn random(&self) -> u32 {
        0
    }
}
