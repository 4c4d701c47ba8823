//! Certificates that are to be verified need something to verify them against; HAProxy does not start without it.

use super::label;
use crate::model::{Bind, CheckStep, Model, Proxy, Server, Settings, Verify};
use base::Diagnostics;

pub(super) fn check(model: &Model, proxy: &Proxy, diags: &mut Diagnostics) {
    for bind in proxy.binds.iter().filter(|bind| asks_without_authority(bind)) {
        diags
            .alert(
                bind.span,
                format!("{}: verify is enabled but no CA file specified for this bind", label(proxy)),
            )
            .help("add 'ca-file FILE' with the authorities of your clients");
    }
    for server in &proxy.servers {
        if trusts_nothing(model, &proxy.settings, server) {
            let message =
                format!("'server {}/{}': verify is on but no CA file specified", proxy.name, server.name);
            diags.alert(server.span, message).help(
                "add 'ca-file @system-ca' or a file; on a network you trust, 'verify none' here or \
                 'ssl-server-verify none' in 'global'",
            );
        }
    }
}

fn asks_without_authority(bind: &Bind) -> bool {
    let params = &bind.params;
    let asks = matches!(params.verify, Some(Verify::Optional | Verify::Required));
    params.ssl && asks && params.ca_file.is_none() && params.ca_verify_file.is_none()
}

/// To the server itself or in one of its checks.
fn speaks_tls(settings: &Settings, server: &Server) -> bool {
    let steps = settings.http_check.iter().chain(&settings.tcp_check);
    let connects = |step: &CheckStep| matches!(step, CheckStep::Connect(connect) if connect.ssl);
    let params = &server.params;
    params.ssl == Some(true) || params.check_ssl == Some(true) || steps.into_iter().any(connects)
}

/// It speaks TLS, verifies the other side, and has nothing to verify it against.
pub(crate) fn trusts_nothing(model: &Model, settings: &Settings, server: &Server) -> bool {
    let verifies = match server.params.verify {
        Some(Verify::None) => false,
        Some(Verify::Optional | Verify::Required) => true,
        None => model.global.ssl_server_verify != Some(false),
    };
    speaks_tls(settings, server) && verifies && server.params.ca_file.is_none()
}
