//! Where certificates come from: every TLS bind needs one, and `acme` sections must be there for the lines that name them.

use super::alert_once;
use crate::model::{Acme, Bind, BindParams, CrtLoad, Model, PROVIDERS, Proxy};
use base::{Diagnostics, Span, Word, suggest};
use std::net::IpAddr;

pub(super) fn check(model: &Model, diags: &mut Diagnostics) {
    for acme in &model.acmes {
        section(model, acme, diags);
    }
    for proxy in model.proxies.iter().filter(|proxy| !proxy.disabled) {
        let mut last = None;
        for bind in &proxy.binds {
            // The addresses of one line share its parameters.
            if last.replace((bind.span.file, bind.span.line)) != Some((bind.span.file, bind.span.line)) {
                has_one(proxy, bind, diags);
                on_bind(model, &bind.params, bind.span, diags);
            }
        }
        proxy.ssl_f_use.iter().for_each(|load| on_load(model, load, diags));
    }
    for load in model.crt_stores.iter().flat_map(|store| &store.loads) {
        on_load(model, load, diags);
    }
}

fn has_one(proxy: &Proxy, bind: &Bind, diags: &mut Diagnostics) {
    let params = &bind.params;
    let none = params.crts.is_empty() && params.crt_lists.is_empty() && params.acme.is_none();
    if !params.ssl || !none || !proxy.ssl_f_use.is_empty() {
        return;
    }
    let message = "no SSL certificate specified for bind".to_owned();
    if params.strict_sni {
        diags.warning(bind.span, message).help("every handshake will fail; add 'crt FILE'");
    } else {
        alert_once(
            diags,
            bind.span,
            message,
            Some("add 'crt FILE', or 'acme NAME' to obtain one".to_owned()),
        );
    }
}

fn section(model: &Model, acme: &Acme, diags: &mut Diagnostics) {
    if let Some(fallback) = &acme.fallback {
        known(model, fallback, diags);
        if fallback.text == acme.name.text {
            let message = format!("acme '{}' falls back to itself", acme.name);
            alert_once(diags, fallback.span, message, Some("name another section".into()));
        }
    }
    on_demand(acme, diags);
    records(acme, diags);
    let (id, key) = (&acme.eab_key_id, &acme.eab_mac_key);
    if let (Some(alone), None) | (None, Some(alone)) = (id, key) {
        let message = format!("acme '{}' has one half of an external account", acme.name);
        let help = "'eab-key-id' and 'eab-mac-key' belong together".to_owned();
        alert_once(diags, alone.span, message, Some(help));
    }
    if acme.must_have_profile && acme.profile.is_none() {
        let message = format!("acme '{}' must have a profile and names none", acme.name);
        alert_once(diags, acme.name.span, message, Some("add 'profile NAME'".into()));
    }
    if acme.key.rsa != Some(true) && acme.key.bits.is_some() {
        let message = format!("acme '{}': 'bits' is for RSA keys", acme.name);
        diags.warning(acme.name.span, message).help("add 'keytype RSA', or write 'curves'");
    }
}

/// Who makes records is one at most; where it is nobody here, the operator hears so.
fn records(acme: &Acme, diags: &mut Diagnostics) {
    let is_there = |word: &Option<Word>| word.as_ref().map(|word| word.span);
    let first = |words: &[Word]| words.first().map(|word| word.span);
    let makers = [
        is_there(&acme.dns_hook),
        is_there(&acme.dns_cloudflare),
        first(&acme.dns_update),
        first(&acme.dns_acme_dns),
    ];
    let mut makers = makers.into_iter().flatten();
    let maker = makers.next();
    if let Some(second) = makers.next() {
        let message = format!("acme '{}' has more than one who makes records", acme.name);
        let help = "keep one of 'dns-hook', 'dns-cloudflare', 'dns-update' and 'dns-acme-dns'".to_owned();
        alert_once(diags, second, message, Some(help));
    }
    if let (Some(name), None) = (&acme.provider_name, maker)
        && !PROVIDERS.iter().any(|known| known.eq_ignore_ascii_case(name.as_str()))
    {
        let message = format!("the provider '{name}' is not spoken to here, only {}", PROVIDERS.join(", "));
        diags.warning(name.span, message).help(
            "its records are announced in the log, and 'acme challenge_ready' is waited for; 'dns-hook' names a program \
             that makes them",
        );
    }
    if let (Some(variables), None) = (&acme.provider_vars, &acme.provider_name) {
        let message = format!("acme '{}' has variables and no provider", acme.name);
        diags.warning(variables.span, message).help("add 'provider-name NAME'");
    }
}

/// Without anybody who approves names, any client could have certificates made until the authority refuses.
fn on_demand(acme: &Acme, diags: &mut Diagnostics) {
    match (&acme.ask, acme.on_demand) {
        (None, true) => {
            let message = format!("acme '{}' obtains certificates on demand for whoever asks", acme.name);
            let help = "add 'ask URL', an address that approves names".to_owned();
            alert_once(diags, acme.name.span, message, Some(help));
        }
        (Some(ask), false) => {
            let message = format!("acme '{}' asks and obtains nothing on demand", acme.name);
            diags.warning(ask.span, message).help("add 'on-demand'");
        }
        (Some(_), true) | (None, false) => {}
    }
}

fn known(model: &Model, name: &Word, diags: &mut Diagnostics) {
    let names = || model.acmes.iter().map(|acme| acme.name.as_str());
    if names().any(|known| known == name.text) {
        return;
    }
    let help = match suggest::nearest(&name.text, names()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("a section of two lines will do:  acme {name}   and in it   contact YOUR@MAIL"),
    };
    alert_once(diags, name.span, format!("unknown acme section '{name}'"), Some(help));
}

fn on_bind(model: &Model, params: &BindParams, span: Span, diags: &mut Diagnostics) {
    let stray = params.domains.first().or(params.ips.first());
    match (&params.acme, stray) {
        (None, Some(word)) => {
            let help = Some("name the section that obtains it: acme NAME".to_owned());
            alert_once(diags, word.span, "names of a certificate that nobody obtains".to_owned(), help);
        }
        (Some(name), _) => {
            known(model, name, diags);
            if !params.ssl {
                let help = Some("write: ssl acme NAME".to_owned());
                alert_once(diags, span, "'acme' without 'ssl'".to_owned(), help);
            }
        }
        (None, None) => {}
    }
    addresses(&params.ips, diags);
}

fn on_load(model: &Model, load: &CrtLoad, diags: &mut Diagnostics) {
    let names = load.domains.first().or(load.ips.first());
    match (&load.acme, names) {
        (None, Some(word)) => {
            diags
                .warning(word.span, "names of a certificate that nobody obtains: the file's own count")
                .help("name the section that obtains it: acme NAME");
        }
        (Some(name), None) => {
            let message = format!("which names is the certificate '{}' for?", load.crt);
            alert_once(diags, name.span, message, Some("add: domains NAME,NAME".to_owned()));
        }
        (Some(name), Some(_)) => known(model, name, diags),
        (None, None) => {}
    }
    addresses(&load.ips, diags);
}

fn addresses(ips: &[Word], diags: &mut Diagnostics) {
    for word in ips.iter().filter(|word| word.text.parse::<IpAddr>().is_err()) {
        alert_once(diags, word.span, format!("'{word}' is no address"), None);
    }
}
