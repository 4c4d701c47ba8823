//! The statistics page: takes requests for it from the desk on which the data plane lays them, and answers as HTML, CSV
//! or JSON (management guide 9.1; manual 4.2 "stats uri"). It has no socket and decides nothing about who may see it.

use super::Process;
use super::form::{self, Outcome};
use super::page_html;
use super::stat::{opening, shown};
use super::subject::{self, Look, Subject};
use super::value::Form;
use proxy::roster::Streams;
use proxy::server::Status;
use proxy::statistics::{Ask, Page};
use std::sync::Arc;

/// Answers until dropped.
pub(super) async fn serve(process: &Arc<Process>) {
    if let Some(mut inbox) = process.plan.process.desk.take() {
        while let Some(ask) = inbox.recv().await {
            let streams = subject::streams(process).await;
            let page = answer(process, &ask, &streams);
            // Whoever asked may have left.
            let _ = ask.reply.send(page);
        }
    }
    std::future::pending().await
}

/// What is asked for behind the page's address, parted by `;`.
pub(super) struct Wish {
    csv: bool,
    json: bool,
    typed: bool,
    /// `;norefresh`
    pub(super) still: bool,
    /// `;up`
    pub(super) up: bool,
    /// `;no-maint`
    no_maint: bool,
    /// `;scope=` or `?scope=`: a part of a proxy's name.
    pub(super) scope: String,
    /// `;st=`: how the last change went.
    pub(super) outcome: Option<Outcome>,
}

impl Wish {
    fn of(rest: &[u8]) -> Wish {
        let text = String::from_utf8_lossy(rest);
        let words: Vec<&str> = text.split([';', '?', '&']).collect();
        let has = |wanted: &str| words.contains(&wanted);
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        Wish {
            csv: has("csv"),
            json: has("json"),
            typed: has("typed"),
            still: has("norefresh"),
            up: has("up"),
            no_maint: has("no-maint"),
            scope: value("scope=").map(form::decoded).unwrap_or_default(),
            outcome: value("st=").and_then(Outcome::of),
        }
    }

    fn takes(&self, ask: &Ask, subject: &Subject) -> bool {
        let name = subject.proxy_name();
        let status = subject.server().map(|server| server.status());
        let is_up = status.is_none_or(|s| matches!(s, Status::Up | Status::NoLb | Status::Drain));
        (ask.look.scope.is_empty() || ask.look.scope.iter().any(|own| **own == *name))
            && name.contains(&self.scope)
            && (is_up || !self.up)
            && !(self.no_maint && status == Some(Status::Maint))
    }
}

fn answer(process: &Arc<Process>, ask: &Ask, streams: &Arc<Streams>) -> Page {
    if let Some(sent) = &ask.form {
        let outcome = form::carry_out(process, ask, sent.as_deref().ok());
        let location = format!("{};st={}", ask.look.uri, outcome.word());
        let fields = vec![("content-type", "text/plain".to_owned()), ("location", location)];
        return page(303, fields, String::new());
    }
    let wish = Wish::of(&ask.rest);
    let now = process.now_ms();
    let looks: Vec<Look> = subject::all(process)
        .into_iter()
        .filter(|subject| wish.takes(ask, subject))
        .map(|subject| Look { subject, process: process.clone(), now, streams: streams.clone() })
        .collect();
    let (kind, body) = match (wish.csv, wish.json, wish.typed) {
        (true, _, _) => ("text/plain", listed(&looks, Form::default(), "")),
        (_, true, _) => {
            ("application/json", listed(&looks, Form { json: true, ..Form::default() }, ",") + "]\n")
        }
        (_, _, true) => ("text/plain", listed(&looks, Form { typed: true, ..Form::default() }, "")),
        (false, false, false) => ("text/html; charset=utf-8", page_html::html(process, ask, &wish, &looks)),
    };
    let mut fields = vec![("content-type", kind.to_owned())];
    if let Some(seconds) = ask.look.refresh.filter(|_| !wish.still) {
        fields.push(("refresh", seconds.to_string()));
    }
    page(200, fields, body)
}

fn page(status: u16, mut fields: Vec<(&'static str, String)>, body: String) -> Page {
    fields.insert(0, ("cache-control", "no-cache".to_owned()));
    // nobody else's page may show it and borrow the operator's clicks
    fields.push(("x-frame-options", "DENY".to_owned()));
    Page { status, fields, body: body.into_bytes() }
}

fn listed(looks: &[Look], form: Form, between: &str) -> String {
    let all: Vec<String> = looks.iter().map(|look| shown(look, form)).collect();
    opening(form) + &all.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_stand_behind_the_address() {
        let wish = Wish::of(b";csv;norefresh;scope=a%20b;st=DONE");
        assert!(wish.csv && wish.still && !wish.up && !wish.json);
        assert_eq!((wish.scope.as_str(), wish.outcome), ("a b", Some(Outcome::Done)));
        assert_eq!(Wish::of(b"?scope=app&x").scope, "app");
        assert!(Wish::of(b"").outcome.is_none());
    }
}
