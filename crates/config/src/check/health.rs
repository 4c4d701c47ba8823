//! Health checks that cannot work as written: steps that nothing runs, because they stand in a backend whose check is
//! another one, or none; servers that no check can reach.

use super::label;
use crate::model::{CheckKind, CheckStep, Model, Proxy, ProxyKind, Server};
use base::{Address, Diagnostics, Host, PortSpec};

pub(super) fn check(model: &Model, proxy: &Proxy, diags: &mut Diagnostics) {
    if proxy.kind == ProxyKind::Frontend {
        return;
    }
    programs(model, proxy, diags);
    reachable(proxy, diags);
    let settings = &proxy.settings;
    let http = matches!(settings.check, Some(CheckKind::Http { .. }));
    let tcp = matches!(settings.check, Some(CheckKind::Tcp));
    let unused = [
        (!settings.http_check.is_empty() && !http, "http-check", "option httpchk"),
        (!settings.tcp_check.is_empty() && !tcp, "tcp-check", "option tcp-check"),
    ];
    for (steps, option) in
        unused.iter().filter(|(unused, ..)| *unused).map(|(_, steps, option)| (steps, option))
    {
        diags
            .warning(
                proxy.span,
                format!("{} uses {steps} rules without '{option}', so they are ignored", label(proxy)),
            )
            .help(format!("add '{option}' to it"));
    }
}

/// `option external-check` needs a program, and leave to run it.
fn programs(model: &Model, proxy: &Proxy, diags: &mut Diagnostics) {
    let settings = &proxy.settings;
    if settings.check != Some(CheckKind::External) {
        let written = [("command", &settings.external_command), ("path", &settings.external_path)];
        for (word, value) in written.iter().filter_map(|(word, value)| Some((word, value.as_ref()?))) {
            let message = format!("'external-check {word}' is ignored: {} does not use it", label(proxy));
            diags.warning(value.span, message).help("add 'option external-check'");
        }
        return;
    }
    if settings.external_command.is_none() {
        let message = format!("{}: 'option external-check' has no program to run", label(proxy));
        diags.alert(proxy.span, message).help("add 'external-check command PROGRAM'");
    }
    if model.global.external_check.is_none() {
        let message = format!("{}: 'option external-check' is not allowed", label(proxy));
        diags.alert(proxy.span, message).help("add 'external-check' to the global section to allow it");
    } else if !model.global.fork_wanted {
        let message = format!("{}: 'option external-check' runs programs, which HAProxy would forbid", {
            label(proxy)
        });
        diags.warning(proxy.span, message).help("say so in the global section: insecure-fork-wanted");
    }
}

/// A check needs a port: the server's, its own, or one in each of its `connect` steps.
fn reachable(proxy: &Proxy, diags: &mut Diagnostics) {
    for server in proxy.servers.iter().filter(|server| lacks_port(proxy, server)) {
        diags
            .alert(
                server.span,
                format!("{}: server '{}' has neither service port nor check port", label(proxy), server.name),
            )
            .help("write a port behind the address, or 'port' behind 'check'");
    }
}

/// A server whose check has none.
pub(crate) fn lacks_port(proxy: &Proxy, server: &Server) -> bool {
    let params = &server.params;
    let checked = params.check == Some(true) && params.track.is_none() && params.port.is_none_or(|p| p == 0);
    let elsewhere = params.addr.as_ref().is_some_and(|addr| addr.text.rsplit_once(':').is_some());
    let connects = proxy.settings.check != Some(CheckKind::External);
    checked && connects && !elsewhere && portless(&server.address) && !steps_name_ports(proxy)
}

fn portless(address: &Address) -> bool {
    match address {
        // the client's own destination has a port once there is a client
        Address::Inet { host, .. } if is_any(host) => false,
        Address::Inet { port, .. } => !matches!(port, PortSpec::One(1..)),
        Address::Unix(_) | Address::Abstract(_) | Address::Fd(_) | Address::Unserved(_) => false,
    }
}

fn is_any(host: &Host) -> bool {
    match host {
        Host::Any | Host::AnyV6 => true,
        Host::Ip(ip) => ip.is_unspecified(),
        Host::Name(_) => false,
    }
}

/// The steps of the check in use connect, and say where each time.
fn steps_name_ports(proxy: &Proxy) -> bool {
    let settings = &proxy.settings;
    let steps = match settings.check {
        Some(CheckKind::Http { .. }) => &settings.http_check,
        Some(CheckKind::Tcp) => &settings.tcp_check,
        _ => return false,
    };
    let mut connects = steps.iter().filter_map(|step| match step {
        CheckStep::Connect(connect) => Some(connect),
        _ => None,
    });
    let named = |c: &crate::model::CheckConnect| {
        c.port.is_some() || c.addr.as_ref().is_some_and(|a| a.text.rsplit_once(':').is_some())
    };
    connects.next().is_some_and(named) && connects.all(named)
}
