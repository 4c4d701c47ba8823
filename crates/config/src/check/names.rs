//! Names and numbers that may be given once.

use super::{alert_once, is_own, label};
use crate::model::{Acl, Model, Proxy};
use base::{Diagnostics, Span};
use std::collections::HashMap;

pub(super) fn check(model: &Model, diags: &mut Diagnostics) {
    proxies(&model.proxies, diags);
    for proxy in &model.proxies {
        servers(proxy, diags);
        acls(proxy, diags);
    }
}

/// Two proxies of one name must not both be frontends, or both be backends (manual section 4).
fn proxies(proxies: &[Proxy], diags: &mut Diagnostics) {
    let mut fronts: HashMap<&str, &Proxy> = HashMap::new();
    let mut backs: HashMap<&str, &Proxy> = HashMap::new();
    let mut ids: HashMap<u32, &Proxy> = HashMap::new();
    for proxy in proxies {
        let name = proxy.name.as_str();
        let front = fronts.get(name).filter(|_| proxy.kind.is_front());
        let back = backs.get(name).filter(|_| proxy.kind.is_back());
        if let Some(other) = front.or(back) {
            let message = format!(
                "{} has the same name as {} declared at line {}",
                label(proxy),
                label(other),
                other.span.line
            );
            diags
                .alert(proxy.span, message)
                .help("only a frontend and a backend may share a name; rename one");
        }
        if proxy.kind.is_front() {
            fronts.entry(name).or_insert(proxy);
        }
        if proxy.kind.is_back() {
            backs.entry(name).or_insert(proxy);
        }
        let Some(id) = proxy.id else { continue };
        if let Some(other) = ids.insert(id, proxy) {
            let message = format!(
                "{} reuses same custom id as {} (line {})",
                label(proxy),
                label(other),
                other.span.line
            );
            diags.alert(proxy.span, message);
        }
    }
}

fn servers(proxy: &Proxy, diags: &mut Diagnostics) {
    let mut names: HashMap<&str, Span> = HashMap::new();
    let mut ids: HashMap<u32, Span> = HashMap::new();
    for server in &proxy.servers {
        if let Some(other) = names.insert(server.name.as_str(), server.name.span) {
            let message = format!(
                "{}, another server named '{}' was already defined at line {}",
                label(proxy),
                server.name,
                other.line
            );
            diags.alert(server.name.span, message).help("please use distinct names");
        }
        let Some(id) = server.params.id else { continue };
        if let Some(other) = ids.insert(id, server.name.span) {
            let message = format!(
                "'server {}/{}': custom id {id} already used at line {}",
                proxy.name, server.name, other.line
            );
            diags.alert(server.name.span, message);
        }
    }
}

/// HAProxy keeps the ACLs of a `defaults` section apart from those of the proxies that use it (manual 4.2 "acl").
/// Here one name is one test, so the same name in both would change what the inherited rules mean.
fn acls(proxy: &Proxy, diags: &mut Diagnostics) {
    let acls = &proxy.settings.acls;
    for own in acls.iter().filter(|acl| is_own(proxy, &acl.name.span)) {
        let same = |acl: &&Acl| !is_own(proxy, &acl.name.span) && acl.name.text == own.name.text;
        if let Some(other) = acls.iter().find(same) {
            let line = other.name.span.line;
            let message =
                format!("acl '{}' is already defined in the defaults section (line {line})", own.name);
            alert_once(diags, own.name.span, message, Some("give one of them another name".to_owned()));
        }
    }
}
