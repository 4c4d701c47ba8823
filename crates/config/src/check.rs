//! Checks that need the whole configuration: names used twice, references between sections, settings that make no
//! sense together. Opens nothing and changes nothing; what needs a compiled expression is checked by lowering.

mod captures;
mod certificates;
mod health;
mod modes;
mod names;
mod order;
mod references;
mod tracking;
mod verification;

pub(crate) use health::lacks_port;
pub(crate) use verification::trusts_nothing;

use crate::model::{Model, Proxy, ProxyKind};
use base::{Diagnostics, Span};
use std::collections::HashMap;

/// Complains about what no single line shows. Disabled proxies are passed over, as HAProxy does.
pub(crate) fn check(model: &Model, diags: &mut Diagnostics) {
    let index = Index::new(model);
    names::check(model, diags);
    references::check(&index, diags);
    certificates::check(model, diags);
    for proxy in model.proxies.iter().filter(|proxy| !proxy.disabled) {
        tracking::check(&index, proxy, diags);
        modes::check(proxy, diags);
        order::check(proxy, diags);
        captures::check(proxy, diags);
        health::check(model, proxy, diags);
        verification::check(model, proxy, diags);
        timeouts(proxy, diags);
        listens(proxy, diags);
    }
}

/// Proxies by name: configurations with tens of thousands of them exist.
struct Index<'m> {
    model: &'m Model,
    backs: HashMap<&'m str, &'m Proxy>,
    fronts: HashMap<&'m str, &'m Proxy>,
    /// How many servers there are in all.
    servers: usize,
}

impl<'m> Index<'m> {
    /// Of two proxies with one name, the first counts; the second was complained about.
    fn new(model: &'m Model) -> Index<'m> {
        let mut index = Index { model, backs: HashMap::new(), fronts: HashMap::new(), servers: 0 };
        for proxy in &model.proxies {
            if proxy.kind.is_back() {
                index.backs.entry(proxy.name.as_str()).or_insert(proxy);
            } else {
                index.fronts.entry(proxy.name.as_str()).or_insert(proxy);
            }
            index.servers += proxy.servers.len();
        }
        index
    }
}

/// A proxy as complaints name it: `frontend 'f'`, `backend 'b'`, `proxy 'l'`.
fn label(proxy: &Proxy) -> String {
    let kind = match proxy.kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "proxy",
    };
    format!("{kind} '{}'", proxy.name)
}

/// Written in this section rather than inherited.
fn is_own(proxy: &Proxy, span: &Span) -> bool {
    span.file == proxy.span.file && span.line >= proxy.span.line
}

/// A complaint about a line that `defaults` gives to several proxies is made once.
fn alert_once(diags: &mut Diagnostics, span: Span, message: String, help: Option<String>) {
    if diags.iter().any(|d| d.span == Some(span) && d.message == message) {
        return;
    }
    let alert = diags.alert(span, message);
    if let Some(help) = help {
        alert.help(help);
    }
}

/// Without a timeout a peer that vanishes keeps its connection for good.
fn timeouts(proxy: &Proxy, diags: &mut Diagnostics) {
    let times = &proxy.settings.timeouts;
    let unset = |time: Option<u64>| time.unwrap_or(0) == 0;
    let mut missing = Vec::new();
    if proxy.kind.is_front() && unset(times.client) {
        missing.push("'timeout client'");
    }
    if proxy.kind.is_back() && !proxy.servers.is_empty() {
        if unset(times.connect) {
            missing.push("'timeout connect'");
        }
        if unset(times.server) {
            missing.push("'timeout server'");
        }
    }
    if !missing.is_empty() {
        diags
            .warning(proxy.span, format!("missing timeouts for {}", label(proxy)))
            .help(format!("peers that vanish would be waited for without end; set {}", missing.join(", ")));
    }
}

fn listens(proxy: &Proxy, diags: &mut Diagnostics) {
    if proxy.kind.is_front() && proxy.binds.is_empty() {
        diags
            .warning(proxy.span, format!("{} has no 'bind' directive", label(proxy)))
            .help("please declare it as a backend if this was intended");
    }
}
