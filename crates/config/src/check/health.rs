//! Health check steps that nothing runs: they stand in a backend whose check is another one, or none.

use super::label;
use crate::model::{CheckKind, Proxy, ProxyKind};
use base::Diagnostics;

pub(super) fn check(proxy: &Proxy, diags: &mut Diagnostics) {
    if proxy.kind == ProxyKind::Frontend {
        return;
    }
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
