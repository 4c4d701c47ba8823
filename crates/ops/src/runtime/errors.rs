//! `show errors`: the last request and the last response of each proxy that could not be understood.

use super::call::Call;
use super::table::Command;
use expr::format::date;
use proxy::clock::now_us;
use proxy::invalid::Captured;
use proxy::plan::Plan;
use proxy::stats_socket::CliLevel::Operator;
use std::fmt::Write;
use std::sync::Arc;

pub(crate) const COMMANDS: &[Command] = &[Command::later(
    &["show", "errors"],
    "[<px>] [request|response]",
    "report last request and/or response errors for each proxy",
    Operator,
    |call| Box::pin(show(call)),
)];

/// Characters of a line of the dump, its offset included.
const LINE: usize = 80;

async fn show(call: &mut Call<'_>) {
    let plan = call.process.plan.clone();
    let (name, kind) = match call.arg(0) {
        "request" | "response" => (String::new(), call.arg(0).to_owned()),
        _ => (call.arg(0).to_owned(), call.arg(1).to_owned()),
    };
    let (requests, responses) = (kind != "response", kind != "request");
    let id = name.parse::<u32>().ok();
    let wanted = |own: &str, number: u32| name.is_empty() || own == name || id == Some(number);
    let fronts = plan.frontends.iter().filter(|f| wanted(&f.name, f.id));
    let backs = plan.backends.iter().filter(|b| wanted(&b.name, b.id));
    if fronts.clone().next().is_none() && backs.clone().next().is_none() {
        return call.refuse("No such proxy.");
    }
    call.put(format!("Total events captured on [{}] : {}\n", millis(now_us()), plan.process.invalid.count()));
    let of_requests =
        fronts.filter(|_| requests).filter_map(|f| Some(request(&plan, &f.name, f.id, &*f.invalid.get()?)));
    let of_responses =
        backs.filter(|_| responses).filter_map(|b| Some(response(&plan, &b.name, b.id, &*b.invalid.get()?)));
    for text in of_requests.chain(of_responses).collect::<Vec<_>>() {
        call.put(text);
        // A client that is gone needs no more.
        if call.flush_if_long().await.is_err() {
            return;
        }
    }
}

fn millis(us: i64) -> String {
    let mut text = date::with_micros(us);
    text.truncate(text.len().saturating_sub(3));
    text
}

/// `app (#4)`
fn named(found: Option<(&str, u32)>) -> String {
    found.map_or_else(|| "<NONE> (#-1)".to_owned(), |(name, id)| format!("{name} (#{id})"))
}

fn server(seen: &Captured) -> String {
    named(seen.server.as_ref().map(|s| (&*s.facts.name, s.facts.id)))
}

fn request(plan: &Arc<Plan>, name: &str, id: u32, seen: &Captured) -> String {
    let back = seen.back.and_then(|at| plan.backends.get(at)).map(|b| (&*b.name, b.id));
    format!(
        " \n[{}] frontend {name} (#{id}): invalid request\n  backend {}, server {}, {}",
        millis(seen.when_us),
        named(back),
        server(seen),
        rest(seen)
    )
}

fn response(plan: &Arc<Plan>, name: &str, id: u32, seen: &Captured) -> String {
    let front = plan.frontends.get(seen.front).map(|f| (&*f.name, f.id));
    format!(
        " \n[{}] backend {name} (#{id}): invalid response\n  frontend {}, server {}, {}",
        millis(seen.when_us),
        named(front),
        server(seen),
        rest(seen)
    )
}

fn rest(seen: &Captured) -> String {
    let src = seen.src.inet().map_or_else(|| "unix".to_owned(), |addr| addr.to_string());
    format!(
        "event #{}, src {src}\n  buffer starts at 0 (including 0 out),\n  len {}, error at position {}\n  \
         reason: {} :\n  \n{}",
        seen.event,
        seen.bytes.len(),
        seen.at,
        seen.reason,
        dump(&seen.bytes)
    )
}

/// Lines of text with their offsets; `+` marks one that goes on.
fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut at = 0;
    let mut begins = true;
    while at < bytes.len() {
        let mut line = format!("  {at:05}{} ", if begins { ' ' } else { '+' });
        begins = false;
        while let Some(byte) = bytes.get(at) {
            let shown = shown(*byte);
            if line.len() + shown.len() > LINE {
                break;
            }
            line.push_str(&shown);
            at += 1;
            if *byte == b'\n' {
                begins = true;
                break;
            }
        }
        // Writing into a text cannot fail.
        let _ = writeln!(out, "{line}");
    }
    out
}

fn shown(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x1b => "\\e".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_shows_every_byte() {
        let text = dump(b"GET / HTTP/1.1\r\nBad\x01: x\\\r\n");
        assert_eq!(text, "  00000  GET / HTTP/1.1\\r\\n\n  00016  Bad\\x01: x\\\\\\r\\n\n");
        let long = dump(&[b'a'; 100]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [80, 38]);
        assert!(long.lines().nth(1).unwrap().starts_with("  00071+ aaa"));
    }
}
