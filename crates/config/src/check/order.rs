//! Rules that run earlier than they stand. Each kind of rule has its own time, whatever the order of the lines
//! (manual 4.2); a line below one that runs later is often a misunderstanding.

use super::is_own;
use crate::model::{Proxy, Rule};
use base::{Diagnostics, Span};

/// The kinds in the order in which they run, with the places of their lines.
fn kinds(proxy: &Proxy) -> [(&'static str, Vec<Span>); 7] {
    let settings = &proxy.settings;
    let tcp = spans(&settings.tcp_request_connection).into_iter().chain(spans(&settings.tcp_request_session));
    [
        ("tcp-request", tcp.collect()),
        ("tcp-request content", spans(&settings.tcp_request_content)),
        ("monitor fail", proxy.monitor_fail.iter().map(|cond| cond.span).collect()),
        ("http-request", spans(&settings.http_request)),
        ("reqxxx", spans(&settings.request_lines)),
        ("redirect", spans(&settings.redirects)),
        ("use_backend", spans(&proxy.use_backends)),
    ]
}

fn spans<A>(rules: &[Rule<A>]) -> Vec<Span> {
    rules.iter().map(|rule| rule.span).collect()
}

pub(super) fn check(proxy: &Proxy, diags: &mut Diagnostics) {
    let kinds = kinds(proxy);
    for (rank, (name, lines)) in kinds.iter().enumerate() {
        let later = kinds.get(rank + 1..).unwrap_or_default();
        for line in lines.iter().filter(|line| is_own(proxy, line)) {
            let above = |span: &Span| is_own(proxy, span) && span.line < line.line;
            if let Some((other, _)) = later.iter().find(|(_, lines)| lines.iter().any(above)) {
                diags.warning(
                    *line,
                    format!("a '{name}' rule placed after a '{other}' rule will still be processed before"),
                );
            }
        }
    }
}
