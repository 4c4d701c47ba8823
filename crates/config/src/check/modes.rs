//! What needs `mode http` and stands in a proxy of `mode tcp`.

use super::label;
use super::references::mode;
use crate::model::{Algorithm, LogFormat, Mode, Proxy, Rule, TcpAction};
use base::{Diagnostics, Span};

pub(super) fn check(proxy: &Proxy, diags: &mut Diagnostics) {
    if mode(proxy) == Mode::Http || switches(proxy) {
        return;
    }
    rules(proxy, diags);
    settings(proxy, diags);
    options(proxy, diags);
    servers(proxy, diags);
}

/// A rule may make HTTP of a connection: its words for HTTP are not idle.
fn switches(proxy: &Proxy) -> bool {
    proxy.settings.tcp_request_content.iter().any(|rule| rule.action == TcpAction::SwitchMode)
}

fn rules(proxy: &Proxy, diags: &mut Diagnostics) {
    let settings = &proxy.settings;
    let found = [
        ("http-request", first(&settings.http_request)),
        ("http-response", first(&settings.http_response)),
        ("http-after-response", first(&settings.http_after_response)),
        ("reqxxx", first(&settings.request_lines)),
        ("rspxxx", first(&settings.response_lines)),
        ("redirect", first(&settings.redirects)),
    ];
    for (name, span) in found {
        if let Some(span) = span {
            diags
                .warning(
                    span,
                    format!("'{name}' rules ignored for {} as they require HTTP mode", label(proxy)),
                )
                .help("add 'mode http'");
        }
    }
}

fn first<A>(rules: &[Rule<A>]) -> Option<Span> {
    rules.first().map(|rule| rule.span)
}

fn settings(proxy: &Proxy, diags: &mut Diagnostics) {
    let settings = &proxy.settings;
    let label = label(proxy);
    if let Some(cookie) = settings.cookie.as_ref().filter(|_| proxy.kind.is_back()) {
        diags.warning(cookie.name.span, format!("cookie will be ignored for {label} (needs 'mode http')"));
    }
    if let Some(uri) = settings.monitor_uri.as_ref().filter(|_| proxy.kind.is_front()) {
        diags.warning(uri.span, format!("monitor-uri will be ignored for {label} (needs 'mode http')"));
    }
    if let Some(page) = &settings.statistics
        && let Some(uri) = &page.uri
    {
        let message = format!("'stats' statement ignored for {label} as it requires HTTP mode");
        diags.warning(uri.span, message);
    }
    if let Some(balance) = settings.balance.as_ref().filter(|_| proxy.kind.is_back()) {
        let needs_http = match balance.algorithm {
            Algorithm::Uri { .. } | Algorithm::UrlParam { .. } | Algorithm::Header { .. } => true,
            Algorithm::RoundRobin
            | Algorithm::StaticRr
            | Algorithm::LeastConn
            | Algorithm::First
            | Algorithm::Source
            | Algorithm::Random(_)
            | Algorithm::RdpCookie(_)
            | Algorithm::Hash(_) => false,
        };
        if needs_http {
            let message = format!("Layer 7 hash not possible for {label} (needs 'mode http')");
            diags.warning(balance.span, message).help("falling back to round robin");
        }
    }
    let http_log =
        matches!(settings.log_format, Some(LogFormat::Http | LogFormat::HttpClf | LogFormat::Https));
    if http_log && proxy.kind.is_front() {
        let message = format!("'option httplog' not usable with {label} (needs 'mode http')");
        diags.warning(proxy.span, message).help("falling back to 'option tcplog'");
    }
}

fn options(proxy: &Proxy, diags: &mut Diagnostics) {
    let options = &proxy.settings.options;
    let on = |value: Option<bool>| value == Some(true);
    let found = [
        ("forwardfor", options.forwardfor.as_ref().is_some_and(|f| !f.off)),
        ("originalto", options.originalto.as_ref().is_some_and(|f| !f.off)),
        ("forwarded", options.forwarded.as_ref().is_some_and(|f| !f.off)),
        ("http-buffer-request", on(options.http_buffer_request)),
    ];
    for (name, _) in found.into_iter().filter(|(_, found)| *found) {
        let message = format!("'option {name}' ignored for {} as it requires HTTP mode", label(proxy));
        diags.warning(proxy.span, message);
    }
}

fn servers(proxy: &Proxy, diags: &mut Diagnostics) {
    for server in &proxy.servers {
        if let Some(cookie) = &server.params.cookie {
            let message = format!(
                "{}: ignoring cookie for server '{}' as HTTP mode is disabled",
                label(proxy),
                server.name
            );
            diags.warning(cookie.span, message);
        }
        if let Some(redir) = &server.params.redir {
            diags.alert(
                redir.span,
                format!("{}: server cannot have redirect prefix in non-HTTP mode", label(proxy)),
            );
        }
    }
}
