//! `show stat` and `clear counters`: what was counted, as CSV, typed or JSON (management guide 9.1 and 9.2).

use super::call::Call;
use super::stat_fields::{EXTRA, FIELDS};
use super::subject::{self, Look, Subject};
use super::table::{Command, PATIENCE};
use super::value::{Field, Form, Value};
use proxy::server::Status;
use proxy::stats_file;
use proxy::stats_socket::CliLevel::{Admin, Operator, User};

pub(crate) const COMMANDS: &[Command] = &[
    Command::now(&["dump", "stats-file"], "", "counters to begin the next process with", Operator, |call| {
        call.put(stats_file::write(&call.process.plan));
    }),
    Command::later(
        &["show", "stat"],
        "[desc|json|no-maint|typed|up]*",
        "report counters for each proxy and server",
        User,
        |call| Box::pin(show(call)),
    ),
    Command::later(
        &["clear", "counters"],
        "[all]",
        "clear max statistics counters (or all counters)",
        Operator,
        |call| Box::pin(clear(call)),
    ),
];

async fn clear(call: &mut Call<'_>) {
    match call.arg(0) {
        "all" if call.session.level < Admin => call.refuse("Permission denied"),
        "all" => clear_all(call).await,
        _ => clear_highest(call),
    }
}

fn clear_highest(call: &Call<'_>) {
    call.process.plan.each_tally(|tally| tally.clear_highest());
    call.process.plan.process.rates.clear_highest();
}

/// Each thread clears what it alone writes.
async fn clear_all(call: &mut Call<'_>) {
    let cleared = call.process.workers.visit(PATIENCE, |worker| {
        worker.plan.each_tally(|tally| tally.clear(worker.index));
    });
    cleared.await;
    clear_highest(call);
}

/// Which subjects are wanted.
struct Filter {
    proxy: Option<u32>,
    kinds: i64,
    id: Option<u32>,
    up: bool,
    no_maint: bool,
}

impl Filter {
    /// `[PROXY TYPE SID]`: a proxy's name or number, -1 for all; a set of bits, -1 for all; a number, -1 for all.
    /// `Err`: there is no such proxy.
    fn of(call: &Call<'_>) -> Result<Filter, &'static str> {
        let has = |wanted: &str| call.args.iter().any(|word| word == wanted);
        let mut filter =
            Filter { proxy: None, kinds: -1, id: None, up: has("up"), no_maint: has("no-maint") };
        if call.args.len() < 3 {
            return Ok(filter);
        }
        let (Ok(kinds), Ok(id)) = (call.arg(1).parse::<i64>(), call.arg(2).parse::<i64>()) else {
            return Ok(filter);
        };
        filter.kinds = kinds;
        filter.id = u32::try_from(id).ok();
        filter.proxy = match call.arg(0).parse::<i64>() {
            Ok(number) => u32::try_from(number).ok(),
            Err(_) => Some(proxy_id(call).ok_or("No such proxy.")?),
        };
        Ok(filter)
    }

    fn takes(&self, subject: &Subject) -> bool {
        let status = subject.server().map(|server| server.status());
        let up = status.is_none_or(|s| matches!(s, Status::Up | Status::NoLb | Status::Drain));
        self.proxy.is_none_or(|id| id == subject.proxy_id())
            && self.kinds & subject.bit() != 0
            && self.id.is_none_or(|id| id == subject.id())
            && (up || !self.up)
            && !(self.no_maint && status == Some(Status::Maint))
    }
}

fn proxy_id(call: &Call<'_>) -> Option<u32> {
    let (plan, name) = (&call.process.plan, call.arg(0));
    plan.frontend(name).map(|f| f.id).or_else(|| plan.backend(name).map(|b| b.id))
}

async fn show(call: &mut Call<'_>) {
    let filter = match Filter::of(call) {
        Ok(filter) => filter,
        Err(why) => return call.refuse(why),
    };
    let form = Form::of(call.args);
    let (process, now) = (call.process.clone(), call.process.now_ms());
    let streams = subject::streams(&process).await;
    call.put(opening(form));
    let mut first = true;
    for subject in subject::all(&process).into_iter().filter(|s| filter.takes(s)) {
        let look = Look { subject, process: process.clone(), now, streams: streams.clone() };
        if form.json && !first {
            call.put(",");
        }
        first = false;
        call.put(shown(&look, form));
        // A client that is gone needs no more.
        if call.flush_if_long().await.is_err() {
            return;
        }
    }
    if form.json {
        call.put("]\n");
    }
}

pub(super) fn opening(form: Form) -> String {
    match (form.json, form.typed) {
        (true, _) => "[".to_owned(),
        (false, true) => String::new(),
        (false, false) => {
            let names =
                |fields: &[Field<Look>]| fields.iter().map(|f| format!("{},", f.name)).collect::<String>();
            format!("# {}-,{}\n", names(FIELDS), names(EXTRA))
        }
    }
}

pub(super) fn shown(look: &Look, form: Form) -> String {
    match (form.json, form.typed) {
        (true, _) => json(look),
        (false, true) => typed(look, form),
        (false, false) => format!("{}-,{}\n", csv(look, FIELDS), csv(look, EXTRA)),
    }
}

fn csv(look: &Look, fields: &[Field<Look>]) -> String {
    let cell = |value: Option<Value>| match value {
        Some(Value::Text(text)) => format!("{},", quoted(&text)),
        Some(number @ (Value::U32(_) | Value::U64(_) | Value::S32(_) | Value::Float(_))) => {
            format!("{number},")
        }
        None => ",".to_owned(),
    };
    fields.iter().map(|field| cell((field.value)(look))).collect()
}

/// RFC 4180: quotes where the text would end the cell.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn values(look: &Look) -> impl Iterator<Item = (&'static Field<Look>, Value)> {
    FIELDS.iter().chain(EXTRA).filter_map(|field| Some((field, (field.value)(look)?)))
}

/// A backend sums up what a server's field tells about itself.
fn tags(subject: &Subject, field: &Field<Look>) -> &'static str {
    match (subject, field.name) {
        (Subject::Back(_), "act" | "bck" | "rate" | "rate_max") => "MGP",
        _ => field.tags,
    }
}

fn typed(look: &Look, form: Form) -> String {
    let subject = &look.subject;
    let place = format!("{}.{}.{}", subject.letter(), subject.proxy_id(), subject.id());
    let line = |(field, value): (&'static Field<Look>, Value)| {
        let rest = field.typed(tags(subject, field), &value, form);
        format!("{place}.{}.{}.1{rest}", field.position, field.name)
    };
    values(look).map(line).collect()
}

fn json(look: &Look) -> String {
    let subject = &look.subject;
    let (kind, proxy, id) = (subject.word(), subject.proxy_id(), subject.id());
    let object = |(field, value): (&'static Field<Look>, Value)| {
        let rest = field.json(tags(subject, field), &value);
        format!("{{\"objType\":\"{kind}\",\"proxyId\":{proxy},\"id\":{id},{rest}}}")
    };
    let objects: Vec<String> = values(look).map(object).collect();
    format!("[{}]", objects.join(","))
}
