//! `capture … id N` rules and the slots they name. A backend's slots are those of whichever frontend a request came
//! through, so only proxies that have slots of their own are checked, as HAProxy does.

use super::{alert_once, label};
use crate::model::{HttpAction, Proxy, Rule, TcpAction};
use base::Diagnostics;

pub(super) fn check(proxy: &Proxy, diags: &mut Diagnostics) {
    if !proxy.kind.is_front() {
        return;
    }
    let settings = &proxy.settings;
    let declared = |request| proxy.captures.iter().filter(|c| c.request == request).count();
    let by_rule =
        settings.http_request.iter().filter(|r| matches!(r.action, HttpAction::Capture(..))).count();
    let tcp = settings.tcp_request_content.iter();
    let by_tcp_rule = tcp.filter(|r| matches!(r.action, TcpAction::Capture(..))).count();
    let request = declared(true) + by_rule + by_tcp_rule;
    rules(proxy, &settings.http_request, "request", request, diags);
    rules(proxy, &settings.http_response, "response", declared(false), diags);
    rules(proxy, &settings.http_after_response, "response", declared(false), diags);
}

fn rules(proxy: &Proxy, rules: &[Rule<HttpAction>], side: &str, slots: usize, diags: &mut Diagnostics) {
    for rule in rules {
        let HttpAction::CaptureId(_, id) = &rule.action else { continue };
        if usize::try_from(*id).is_ok_and(|id| id < slots) {
            continue;
        }
        let message = format!("{}: unable to find {side} capture id '{id}'", label(proxy));
        let help = format!("it has {slots} of them, counted from 0; add 'declare capture {side} len N'");
        alert_once(diags, rule.span, message, Some(help));
    }
}
