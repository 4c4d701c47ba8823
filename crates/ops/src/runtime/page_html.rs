//! The statistics page as people see it: one table a proxy, no script, readable in the dark. Everything that comes from
//! a configuration or a server is escaped.

use super::form::{ACTIONS, Outcome};
use super::page::Wish;
use super::stat_fields::FIELDS;
use super::subject::{Look, Subject};
use super::value::{Value, time};
use super::{Process, info};
use proxy::statistics::Ask;
use std::fmt::Write;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");

/// A column: its heading and the field of `show stat` it shows.
struct Column {
    head: &'static str,
    field: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Short, with a unit.
    Bytes,
    /// Anything but 0 catches the eye.
    Trouble,
    Seconds,
}

const fn column(head: &'static str, field: &'static str, kind: Kind) -> Column {
    Column { head, field, kind }
}

/// The groups of columns between a subject's name and its state.
const GROUPS: &[(&str, &[Column])] = &[
    ("Queue", &[column("now", "qcur", Kind::Plain), column("max", "qmax", Kind::Plain)]),
    ("Sessions a second", &[column("now", "rate", Kind::Plain), column("max", "rate_max", Kind::Plain)]),
    (
        "Sessions",
        &[
            column("now", "scur", Kind::Plain),
            column("max", "smax", Kind::Plain),
            column("limit", "slim", Kind::Plain),
            column("total", "stot", Kind::Plain),
        ],
    ),
    ("Bytes", &[column("in", "bin", Kind::Bytes), column("out", "bout", Kind::Bytes)]),
    ("Denied", &[column("req", "dreq", Kind::Plain), column("resp", "dresp", Kind::Plain)]),
    (
        "Errors",
        &[
            column("req", "ereq", Kind::Trouble),
            column("conn", "econ", Kind::Trouble),
            column("resp", "eresp", Kind::Trouble),
        ],
    ),
    ("Again", &[column("retries", "wretr", Kind::Plain), column("elsewhere", "wredis", Kind::Plain)]),
    (
        "Responses",
        &[
            column("2xx", "hrsp_2xx", Kind::Plain),
            column("4xx", "hrsp_4xx", Kind::Plain),
            column("5xx", "hrsp_5xx", Kind::Trouble),
        ],
    ),
];

/// And behind it.
const SERVER: &[Column] = &[
    column("weight", "weight", Kind::Plain),
    column("failed", "chkfail", Kind::Trouble),
    column("downs", "chkdown", Kind::Trouble),
    column("downtime", "downtime", Kind::Seconds),
];

/// The whole page.
pub(super) fn html(process: &Process, ask: &Ask, wish: &Wish, looks: &[Look]) -> String {
    let mut out = String::with_capacity(16 * 1024 + looks.len() * 2048);
    let name = escaped(&process.product.name);
    // Writing into a text cannot fail, here and below.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Statistics Report for {name}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{STYLE}</style></head><body>\n"
    );
    head(&mut out, process, ask);
    links(&mut out, ask, wish);
    if let Some(outcome) = wish.outcome {
        let class = if outcome == Outcome::Done { "note up" } else { "note" };
        let _ = writeln!(out, "<p class=\"{class}\">{}</p>", outcome.text());
    }
    for proxy in looks.chunk_by(|a, b| a.subject.proxy_id() == b.subject.proxy_id()) {
        table(&mut out, ask, proxy);
    }
    out.push_str("</body></html>\n");
    out
}

fn head(out: &mut String, process: &Process, ask: &Ask) {
    let version = if ask.look.version { format!(" {}", process.product.build) } else { String::new() };
    let node = ask.look.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let title = if version.is_empty() { process.product.name.clone() } else { version.trim().to_owned() };
    let _ = writeln!(out, "<h1>{}{}</h1>", escaped(&title), escaped(&node));
    if let Some(text) = &ask.look.description {
        let _ = writeln!(out, "<p>{}</p>", escaped(text));
    }
    let limits = &process.plan.process;
    let facts = [
        ("pid", std::process::id().to_string()),
        ("uptime", info::uptime(process)),
        ("threads", limits.threads.to_string()),
        ("connections", format!("{} of {}", limits.connections.now(), limits.maxconn.now())),
        ("descriptors", info::descriptors().to_string()),
    ];
    out.push_str("<dl>");
    for (name, value) in facts {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    out.push_str("</dl>\n");
}

fn links(out: &mut String, ask: &Ask, wish: &Wish) {
    let uri = escaped(&ask.look.uri);
    let up = if wish.up { ("", "Show all servers") } else { (";up", "Hide servers that are down") };
    let _ = write!(out, "<nav><a href=\"{uri}{}\">{}</a><a href=\"{uri}\">Refresh now</a>", up.0, up.1);
    if ask.look.refresh.is_some() && !wish.still {
        let _ = write!(out, "<a href=\"{uri};norefresh\">Stop refreshing</a>");
    }
    let _ = writeln!(out, "<a href=\"{uri};csv\">CSV</a><a href=\"{uri};json\">JSON</a></nav>");
}

fn table(out: &mut String, ask: &Ask, rows: &[Look]) {
    let Some(first) = rows.first() else { return };
    let name = escaped(first.subject.proxy_name());
    let mode = if first.subject.is_http() { "http" } else { "tcp" };
    let admin = ask.admin && rows.iter().any(|row| matches!(row.subject, Subject::Server(..)));
    if admin {
        let _ = writeln!(out, "<form method=\"post\" action=\"{}\">", escaped(&ask.look.uri));
    }
    let algorithm = rows.iter().find_map(|row| row.subject.back()).filter(|_| ask.look.legends);
    let algorithm = algorithm.map(|back| format!(", {}", escaped(back.algorithm))).unwrap_or_default();
    let _ = write!(
        out,
        "<h2 id=\"{name}\"><a href=\"#{name}\">{name}</a> <small>{mode}{algorithm}</small></h2>\n<div class=\"scroll\"><table>\n"
    );
    headings(out, admin);
    rows.iter().for_each(|look| row(out, ask, look, admin));
    out.push_str("</tbody></table></div>\n");
    if admin {
        actions(out, first.subject.proxy_id());
    }
}

fn headings(out: &mut String, admin: bool) {
    let tick = if admin { "<th></th>" } else { "" };
    let _ = write!(out, "<thead><tr>{tick}<th></th>");
    for (group, columns) in GROUPS {
        let _ = write!(out, "<th class=\"first\" colspan=\"{}\">{group}</th>", columns.len());
    }
    let _ = write!(
        out,
        "<th class=\"first\" colspan=\"{}\">State</th></tr>\n<tr>{tick}<th class=\"name\">Name</th>",
        SERVER.len() + 2
    );
    for (_, columns) in GROUPS {
        for (at, column) in columns.iter().enumerate() {
            let class = if at == 0 { " class=\"first\"" } else { "" };
            let _ = write!(out, "<th{class}>{}</th>", column.head);
        }
    }
    out.push_str("<th class=\"state first\">since</th><th class=\"check\">last check</th>");
    SERVER.iter().for_each(|column| {
        let _ = write!(out, "<th>{}</th>", column.head);
    });
    out.push_str("</tr></thead>\n<tbody>\n");
}

fn row(out: &mut String, ask: &Ask, look: &Look, admin: bool) {
    let sum = if matches!(look.subject, Subject::Back(_)) { " class=\"sum\"" } else { "" };
    let name = escaped(look.subject.name());
    let _ = write!(out, "<tr{sum}>");
    if admin {
        let tick = match look.subject {
            Subject::Server(..) => {
                format!("<input type=\"checkbox\" name=\"s\" value=\"{name}\" aria-label=\"{name}\">")
            }
            Subject::Front(_) | Subject::Listener(..) | Subject::Back(_) => String::new(),
        };
        let _ = write!(out, "<td>{tick}</td>");
    }
    let addr = value(look, "addr").filter(|_| ask.look.legends);
    let addr = addr
        .map(|a| format!(" <span class=\"legend\">{}</span>", escaped(&a.to_string())))
        .unwrap_or_default();
    let _ = write!(out, "<td class=\"name\">{name}{addr}</td>");
    for (_, columns) in GROUPS {
        for (at, column) in columns.iter().enumerate() {
            cell(out, look, column, at == 0);
        }
    }
    state(out, look);
    SERVER.iter().for_each(|column| cell(out, look, column, false));
    out.push_str("</tr>\n");
}

fn value(look: &Look, name: &str) -> Option<Value> {
    FIELDS.iter().find(|field| field.name == name).and_then(|field| (field.value)(look))
}

fn number(look: &Look, name: &str) -> Option<u64> {
    value(look, name)?.to_string().parse().ok()
}

fn cell(out: &mut String, look: &Look, column: &Column, first: bool) {
    let number = number(look, column.field);
    let text = number.map(|n| match column.kind {
        Kind::Plain | Kind::Trouble => grouped(n),
        Kind::Bytes => bytes(n),
        Kind::Seconds => time(Duration::from_secs(n)),
    });
    let bad = column.kind == Kind::Trouble && number.is_some_and(|n| n > 0);
    let class = match (first, bad) {
        (true, true) => " class=\"first bad\"",
        (true, false) => " class=\"first\"",
        (false, true) => " class=\"bad\"",
        (false, false) => "",
    };
    let _ = write!(out, "<td{class}>{}</td>", text.unwrap_or_default());
}

fn state(out: &mut String, look: &Look) {
    let text = value(look, "status").map(|v| v.to_string()).unwrap_or_default();
    let class = match text.split(' ').next().unwrap_or_default() {
        "UP" | "OPEN" if text.contains('/') => " going",
        "UP" | "OPEN" => " up",
        "DOWN" | "STOP" if text.contains('/') => " going",
        "DOWN" | "STOP" => " down",
        "NOLB" | "DRAIN" | "PAUSED" | "FULL" => " going",
        _ => "",
    };
    let since =
        number(look, "lastchg").map(|n| format!(" {}", time(Duration::from_secs(n)))).unwrap_or_default();
    let _ = write!(out, "<td class=\"state first{class}\">{}{since}</td>", escaped(&text));
    let checked: Vec<String> = ["check_status", "check_code", "check_duration"]
        .iter()
        .filter_map(|name| value(look, name).map(|v| v.to_string()))
        .collect();
    let unit = if checked.len() > 1 { " ms" } else { "" };
    let _ = write!(out, "<td class=\"check\">{}{unit}</td>", escaped(&checked.join(" ")));
}

fn actions(out: &mut String, backend: u32) {
    out.push_str("<p class=\"act\"><select name=\"action\" aria-label=\"action\"><option value=\"\">Choose an action for the ticked servers</option>");
    for (word, text) in ACTIONS {
        let _ = write!(out, "<option value=\"{word}\">{text}</option>");
    }
    let _ = writeln!(
        out,
        "</select> <input type=\"hidden\" name=\"b\" value=\"#{backend}\"><button>Apply</button></p></form>"
    );
}

/// `1 234 567` with thin blanks that do not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `1.5 MB`: steps of a thousand.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut shown, mut unit) = (number as f64 / 1000.0, 0);
    if number < 1000 {
        return format!("{number} B");
    }
    while shown >= 999.95 && unit + 1 < UNITS.len() {
        shown /= 1000.0;
        unit += 1;
    }
    format!("{shown:.1} {}", UNITS.get(unit).copied().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people_and_texts_are_harmless() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            (bytes(999), bytes(1500), bytes(999_999)),
            ("999 B".into(), "1.5 kB".into(), "1.0 MB".into())
        );
        assert_eq!(bytes(u64::MAX), "18.4 EB");
        assert_eq!(escaped("<a b='c'>&\""), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;");
        let known = |name: &str| FIELDS.iter().any(|field| field.name == name);
        assert!(GROUPS.iter().flat_map(|(_, columns)| *columns).chain(SERVER).all(|c| known(c.field)));
    }
}
