//! `track`: a server whose state is another's. The other must exist, be checked, and not track back.

use super::Index;
use crate::model::{Proxy, Server};
use base::{Diagnostics, Word};

/// A server and the backend it stands in.
type Place<'m> = (&'m Proxy, &'m Server);

pub(super) fn check(index: &Index<'_>, proxy: &Proxy, diags: &mut Diagnostics) {
    for server in &proxy.servers {
        let Some(track) = &server.params.track else { continue };
        if let Err(message) = follow(index, (proxy, server), track) {
            diags.alert(track.span, format!("'server {}/{}': {message}", proxy.name, server.name));
        }
    }
}

fn follow(index: &Index<'_>, from: Place<'_>, track: &Word) -> Result<(), String> {
    if from.1.params.check == Some(true) || from.1.params.agent_check == Some(true) {
        return Err("unable to enable checks and tracking at the same time".to_owned());
    }
    let mut at = find(index, from.0, &track.text)?;
    // Longer than all servers together is a circle that does not pass through the first.
    for _ in 0..=index.servers {
        if std::ptr::eq(at.1, from.1) {
            break;
        }
        match &at.1.params.track {
            Some(next) => at = find(index, at.0, &next.text)?,
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
fn find<'m>(index: &Index<'m>, from: &'m Proxy, track: &str) -> Result<Place<'m>, String> {
    let (proxy, name) = match track.split_once('/') {
        None => (from, track),
        Some((proxy, name)) => {
            let found = index.backs.get(proxy).copied();
            (found.ok_or_else(|| format!("unable to find required proxy '{proxy}' for tracking"))?, name)
        }
    };
    let server = proxy.servers.iter().find(|server| server.name.text == name);
    server
        .map(|server| (proxy, server))
        .ok_or_else(|| format!("unable to find required server '{name}' for tracking"))
}
