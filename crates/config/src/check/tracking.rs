//! `track`: a server whose state is another's. The other must exist, be checked, and not track back.

use crate::model::{Model, Proxy, Server};
use base::{Diagnostics, Word};

/// A server and the backend it stands in.
type Place<'m> = (&'m Proxy, &'m Server);

pub(super) fn check(model: &Model, proxy: &Proxy, diags: &mut Diagnostics) {
    for server in &proxy.servers {
        let Some(track) = &server.params.track else { continue };
        if let Err(message) = follow(model, (proxy, server), track) {
            diags.alert(track.span, format!("'server {}/{}': {message}", proxy.name, server.name));
        }
    }
}

fn follow(model: &Model, from: Place<'_>, track: &Word) -> Result<(), String> {
    if from.1.params.check == Some(true) || from.1.params.agent_check == Some(true) {
        return Err("unable to enable checks and tracking at the same time".to_owned());
    }
    let mut at = find(model, from.0, &track.text)?;
    // Longer than all servers together is a circle that does not pass through the first.
    let servers: usize = model.proxies.iter().map(|proxy| proxy.servers.len()).sum();
    for _ in 0..=servers {
        if std::ptr::eq(at.1, from.1) {
            break;
        }
        match &at.1.params.track {
            Some(next) => at = find(model, at.0, &next.text)?,
            None => return checked(at),
        }
    }
    Err(format!("unable to track '{track}' as it belongs to a tracking chain looping back"))
}

fn checked((proxy, server): Place<'_>) -> Result<(), String> {
    if server.params.check == Some(true) || server.params.agent_check == Some(true) {
        return Ok(());
    }
    Err(format!(
        "unable to use {}/{} for tracking as it does not have any check nor agent enabled",
        proxy.name, server.name
    ))
}

/// `SERVER` of the same backend, or `BACKEND/SERVER`.
fn find<'m>(model: &'m Model, from: &'m Proxy, track: &str) -> Result<Place<'m>, String> {
    let (proxy, name) = match track.split_once('/') {
        None => (from, track),
        Some((proxy, name)) => {
            let found = model.proxies.iter().find(|p| p.kind.is_back() && p.name.text == proxy);
            (found.ok_or_else(|| format!("unable to find required proxy '{proxy}' for tracking"))?, name)
        }
    };
    let server = proxy.servers.iter().find(|server| server.name.text == name);
    server
        .map(|server| (proxy, server))
        .ok_or_else(|| format!("unable to find required server '{name}' for tracking"))
}
