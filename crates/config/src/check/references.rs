//! References from one section to another: backends, servers, `http-errors`, rings, resolvers, groups of users.

use super::{Index, alert_once, label};
use crate::model::{
    ErrorReplyKind, HttpAction, LogSink, LogTarget, Mode, Model, Proxy, ProxyKind, Reply, ReplyBody, Settings,
};
use base::{Diagnostics, Word, suggest};

pub(super) fn check(index: &Index<'_>, diags: &mut Diagnostics) {
    let model = index.model;
    for proxy in model.proxies.iter().filter(|proxy| !proxy.disabled) {
        backends(index, proxy, diags);
        use_servers(proxy, diags);
        errors(model, &proxy.settings, diags);
        logs(model, &proxy.settings.logs, diags);
        resolvers(model, proxy, diags);
    }
    logs(model, &model.global.logs, diags);
    users(model, diags);
}

fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    suggest::nearest(word, known).map(|near| format!("did you mean '{near}'?"))
}

/// Every backend that is named as it is; one chosen by an expression can only be looked up when it runs.
fn backends(index: &Index<'_>, proxy: &Proxy, diags: &mut Diagnostics) {
    if !proxy.kind.is_front() {
        return;
    }
    if let Some(name) = &proxy.settings.default_backend {
        backend(index, proxy, name, "default_backend", diags);
    }
    for rule in &proxy.use_backends {
        if !rule.action.0.text.contains('%') {
            backend(index, proxy, &rule.action.0, "use_backend", diags);
        }
    }
}

fn backend(index: &Index<'_>, proxy: &Proxy, name: &Word, keyword: &str, diags: &mut Diagnostics) {
    let Some(back) = index.backs.get(name.as_str()).copied() else {
        let message = format!("Proxy '{}': unable to find required {keyword}: '{name}'", proxy.name);
        let help = match index.fronts.get(name.as_str()) {
            Some(_) => {
                Some(format!("'{name}' is a frontend; requests are sent to a 'backend' or a 'listen'"))
            }
            None => did_you_mean(&name.text, index.backs.keys().copied()),
        };
        return alert_once(diags, name.span, message, help);
    };
    if back.kind == ProxyKind::Listen && back.name.text == proxy.name.text && proxy.kind == ProxyKind::Listen
    {
        if keyword == "use_backend" {
            alert_once(
                diags,
                name.span,
                format!("Proxy '{}': loop detected for {keyword}: '{name}'", proxy.name),
                None,
            );
        }
        return;
    }
    let (front, behind) = (mode(proxy), mode(back));
    if front == Mode::Http && behind == Mode::Tcp {
        let message = format!(
            "http {} tries to use incompatible tcp {} (line {}) {} (see 'mode')",
            label(proxy),
            label(back),
            back.span.line,
            if keyword == "default_backend" { "as its default backend" } else { "in a 'use_backend' rule" }
        );
        alert_once(diags, name.span, message, Some("both need the same 'mode'".to_owned()));
    }
}

/// The mode, with what holds where none is written.
pub(super) fn mode(proxy: &Proxy) -> Mode {
    proxy.settings.mode.unwrap_or(Mode::Tcp)
}

fn use_servers(proxy: &Proxy, diags: &mut Diagnostics) {
    for name in proxy.use_servers.iter().map(|rule| &rule.action.0) {
        let names = || proxy.servers.iter().map(|server| server.name.as_str());
        if name.text.contains('%') || names().any(|server| server == name.text) {
            continue;
        }
        let message =
            format!("{}: unable to find server '{name}' referenced in a 'use-server' rule", label(proxy));
        alert_once(diags, name.span, message, did_you_mean(&name.text, names()));
    }
}

fn errors(model: &Model, settings: &Settings, diags: &mut Diagnostics) {
    for error in &settings.errors {
        match &error.kind {
            ErrorReplyKind::Section(name) => error_section(model, name, diags),
            ErrorReplyKind::Reply(reply) => error_reply(model, reply, diags),
            ErrorReplyKind::File(_) | ErrorReplyKind::Location302(_) | ErrorReplyKind::Location303(_) => {}
        }
    }
    let rules = [&settings.http_request, &settings.http_response, &settings.http_after_response];
    for rule in rules.into_iter().flatten() {
        if let HttpAction::Deny(reply) | HttpAction::Tarpit(reply) | HttpAction::Return(reply) = &rule.action
        {
            error_reply(model, reply, diags);
        }
    }
}

fn error_reply(model: &Model, reply: &Reply, diags: &mut Diagnostics) {
    if let ReplyBody::Errorfiles(name) = &reply.body {
        error_section(model, name, diags);
    }
}

fn error_section(model: &Model, name: &Word, diags: &mut Diagnostics) {
    let names = || model.http_errors.iter().map(|section| section.name.as_str());
    if !names().any(|section| section == name.text) {
        let message = format!("unknown http-errors section '{name}'");
        alert_once(diags, name.span, message, did_you_mean(&name.text, names()));
    }
}

fn logs(model: &Model, targets: &[LogTarget], diags: &mut Diagnostics) {
    for target in targets {
        let LogTarget::To(to) = target else { continue };
        let LogSink::Ring(name) = &to.sink else { continue };
        let names = || model.rings.iter().map(|ring| ring.name.as_str());
        if !names().any(|ring| ring == name.text) {
            let message = format!("unable to find ring '{name}'");
            alert_once(diags, name.span, message, did_you_mean(&name.text, names()));
        }
    }
}

/// HAProxy makes a section `default` of the system's name servers where none is written.
fn resolvers(model: &Model, proxy: &Proxy, diags: &mut Diagnostics) {
    for server in &proxy.servers {
        let Some(name) = server.params.resolvers.as_ref().filter(|name| name.text != "default") else {
            continue;
        };
        let names = || model.resolvers.iter().map(|section| section.name.as_str());
        if !names().any(|section| section == name.text) {
            let message = format!("unable to find required resolvers '{name}'");
            alert_once(diags, name.span, message, did_you_mean(&name.text, names()));
        }
    }
}

/// Groups that a user is in and users that a group has must be there (manual 3.4).
fn users(model: &Model, diags: &mut Diagnostics) {
    for list in &model.userlists {
        for user in &list.users {
            for name in &user.groups {
                if !list.groups.iter().any(|(group, _)| group.text == name.text) {
                    let message = format!(
                        "userlist '{}': no such group '{name}' specified in user '{}'",
                        list.name, user.name
                    );
                    alert_once(diags, name.span, message, None);
                }
            }
        }
        for (group, users) in &list.groups {
            for name in users {
                if !list.users.iter().any(|user| user.name.text == name.text) {
                    let message = format!(
                        "userlist '{}': no such user '{name}' specified in group '{group}'",
                        list.name
                    );
                    alert_once(diags, name.span, message, None);
                }
            }
        }
    }
}
