//! Certbot's plugins that make records, as far as they are ours too: which file and which wait, from flags to who makes
//! them. The records themselves are made by `certs::dns`.

use super::options::{self, Authenticator, Options};
use super::talk::Talk;
use base::reason;
use certs::dns::{Announcements, Check, Provider, Resolver, cloudflare_credentials, rfc2136_credentials};
use certs::hatch::Records;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const RESOLVERS: &str = "/etc/resolv.conf";

/// A plugin.
struct Plugin<'o> {
    name: &'static str,
    asked: &'o options::Records,
    /// As its documentation has it.
    wait: Duration,
    read: fn(&str) -> Result<Provider, String>,
}

fn plugin<'o>(way: &Authenticator, options: &'o Options) -> Option<Plugin<'o>> {
    match way {
        Authenticator::Rfc2136 => Some(Plugin {
            name: "dns-rfc2136",
            asked: &options.rfc2136,
            wait: Duration::from_secs(60),
            read: rfc2136_credentials,
        }),
        Authenticator::Cloudflare => Some(Plugin {
            name: "dns-cloudflare",
            asked: &options.cloudflare,
            wait: Duration::from_secs(10),
            read: cloudflare_credentials,
        }),
        Authenticator::Standalone
        | Authenticator::Webroot
        | Authenticator::Manual
        | Authenticator::Other(_) => None,
    }
}

/// Who makes records, where this way is by records.
pub(super) fn of(way: &Authenticator, options: &Options, talk: &Talk) -> Result<Option<Records>, String> {
    let Some(plugin) = plugin(way, options) else { return Ok(None) };
    let file = match &plugin.asked.credentials {
        Some(file) => file.clone(),
        None => {
            let question = format!("Input the path to your {} credentials INI file", plugin.name);
            talk.ask(&question, "File", &format!("--{}-credentials", plugin.name))?
        }
    };
    let provider = std::fs::read_to_string(&file).map_err(|why| reason(&why));
    let provider = provider.and_then(|text| (plugin.read)(&text)).map_err(|why| format!("{file}: {why}"))?;
    warn_of_readers(&file, talk);
    let resolver = match &provider {
        // The zone's own server knows best whether a name leads elsewhere.
        Provider::Update(update) => {
            Resolver { servers: vec![update.server], authority_port: update.server.port() }
        }
        Provider::Hooks(_) | Provider::AcmeDns(_) | Provider::Cloudflare(_) => {
            Resolver::from_resolv_conf(&std::fs::read_to_string(RESOLVERS).unwrap_or_default())
        }
    };
    let check = Check::wait(plugin.asked.seconds.unwrap_or(plugin.wait));
    let announcements = Announcements::default();
    Ok(Some(Records { provider: Some(provider), resolver, check, announcements }))
}

fn warn_of_readers(file: &str, talk: &Talk) {
    let open = std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    if open {
        talk.remark(&format!(
            "Unsafe permissions on credentials configuration file: {file}: chmod 600 would do"
        ));
    }
}
