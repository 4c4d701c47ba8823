//! `resolvers` sections as they run, with the section `default` of the system's name servers that HAProxy makes where none
//! is written, and which servers follow their names.

use super::Lower;
use crate::resolvers::{Family, Hold, NameServer, Resolving, Section, is_host_name};
use base::{Address, Diagnostics, Host, PortSpec, reason};
use config::Model;
use config::model::{Resolvers, Server};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The system's name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The section that is there without being written.
const DEFAULT: &str = "default";
const DNS_PORT: u16 = 53;

/// `resolve_retries`
const TRIES: u32 = 3;
/// `timeout resolve` and `timeout retry`
const TIMEOUT: Duration = Duration::from_secs(1);
/// `hold valid`
const HOLD_VALID: Duration = Duration::from_secs(10);
/// `hold` of what is no address
const HOLD_ERROR: Duration = Duration::from_secs(30);
/// `accepted_payload_size`
const PAYLOAD: u16 = 512;

pub(super) fn sections(model: &Model, diags: &mut Diagnostics) -> Vec<Arc<Section>> {
    let mut sections: Vec<_> = model.resolvers.iter().map(|written| section(written, diags)).collect();
    if !sections.iter().any(|section| *section.name == *DEFAULT) {
        let written = Resolvers { parse_resolv_conf: true, ..Resolvers::default() };
        // without the file there is no such section, and nobody has asked for it
        let default = Section { name: DEFAULT.into(), ..section(&written, &mut Diagnostics::default()) };
        sections.extend((!default.servers.is_empty()).then_some(default));
    }
    sections.into_iter().map(Arc::new).collect()
}

fn section(written: &Resolvers, diags: &mut Diagnostics) -> Section {
    let millis = |time: Option<u64>, default| time.map_or(default, Duration::from_millis);
    let hold = |outcome: &str, default| {
        let of = written.hold.iter().rev().find(|(word, _)| word.text == outcome);
        of.map_or(default, |(_, time)| Duration::from_millis(*time))
    };
    Section {
        name: written.name.text.as_str().into(),
        servers: servers(written, diags),
        tries: written.resolve_retries.unwrap_or(TRIES),
        // without a pause a name that fails would be asked for all the time
        resolve_every: millis(written.timeout_resolve, TIMEOUT).max(SHORTEST),
        retry_after: millis(written.timeout_retry, TIMEOUT).max(SHORTEST),
        hold: Hold {
            valid: hold("valid", HOLD_VALID).max(SHORTEST),
            nx: hold("nx", HOLD_ERROR),
            timeout: hold("timeout", HOLD_ERROR),
            refused: hold("refused", HOLD_ERROR),
            other: hold("other", HOLD_ERROR),
        },
        payload: written
            .accepted_payload_size
            .map_or(PAYLOAD, |size| u16::try_from(size).unwrap_or(u16::MAX)),
        hurry: Default::default(),
    }
}

/// The shortest pause between two questions.
const SHORTEST: Duration = Duration::from_millis(10);

fn servers(written: &Resolvers, diags: &mut Diagnostics) -> Vec<NameServer> {
    let mut servers = Vec::new();
    for (name, address) in &written.nameservers {
        match Address::parse(&address.text).ok().as_ref().and_then(socket_addr) {
            Some(addr) => servers.push(NameServer::new(&name.text, addr)),
            None => {
                diags
                    .warning(
                        address.span,
                        format!("name server '{name}' is not asked: it has no address for UDP"),
                    )
                    .help("write '<ip>:<port>'");
            }
        }
    }
    if written.parse_resolv_conf {
        match std::fs::read_to_string(RESOLV_CONF) {
            Ok(text) => servers.extend(of_system(&text)),
            Err(error) => {
                let text =
                    format!("resolvers '{}': cannot read '{RESOLV_CONF}': {}", written.name, reason(&error));
                diags.warning(written.name.span, text);
            }
        }
    }
    servers
}

fn socket_addr(address: &Address) -> Option<SocketAddr> {
    let Address::Inet { host, port, .. } = address else { return None };
    let ip = match host {
        Host::Ip(ip) => *ip,
        Host::Any => IpAddr::from(Ipv4Addr::LOCALHOST),
        Host::AnyV6 | Host::Name(_) => return None,
    };
    match port {
        PortSpec::One(port) => Some(SocketAddr::new(ip, *port)),
        PortSpec::None => Some(SocketAddr::new(ip, DNS_PORT)),
        PortSpec::Range(..) | PortSpec::Offset(_) => None,
    }
}

fn of_system(text: &str) -> impl Iterator<Item = NameServer> {
    let lines =
        text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next());
    lines.filter_map(|word| Some(NameServer::new(word, SocketAddr::new(word.parse().ok()?, DNS_PORT))))
}

impl Lower<'_> {
    /// How a server with `resolvers` follows its name.
    pub(super) fn resolving(&mut self, server: &Server) -> Option<Resolving> {
        let p = &server.params;
        let word = p.resolvers.as_ref()?;
        let Address::Inet { host, port, .. } = &server.address else { return None };
        let name = match host {
            Host::Name(name) => name.as_str(),
            // an operator may give it a name
            Host::Ip(_) => "",
            Host::Any | Host::AnyV6 => return None,
        };
        let section = self.resolvers.iter().find(|section| *section.name == *word.text)?.clone();
        if name.starts_with('_') || !(name.is_empty() || is_host_name(name)) {
            self.env
                .diags
                .warning(server.span, format!("'{name}' is looked up once, at start"))
                .help("names of services (SRV records) are not followed; write a host name");
            return None;
        }
        let prefer = match &p.resolve_prefer {
            Some(family) if family.text == "ipv4" => Family::V4,
            Some(_) | None => Family::V6,
        };
        Some(Resolving::new(
            section,
            name,
            prefer,
            p.resolve_shares == Some(true),
            super::back::server_port(port),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_name_servers_are_read() {
        let text =
            "# comment\nsearch a.test\nnameserver 192.0.2.1\n nameserver  2001:db8::1 \nnameserver x\n";
        let found: Vec<String> = of_system(text).map(|server| server.addr.to_string()).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }
}
