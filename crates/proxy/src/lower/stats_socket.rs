//! `stats socket` lines: addresses and rights of the runtime API.

use super::{Lower, timeout};
use crate::stats_socket::{DEFAULT_MAXCONN, DEFAULT_TIMEOUT, StatsSocket, StatsSockets};
use config::model::Bind;
use std::sync::Arc;
use tls::BindTls;

impl Lower<'_> {
    pub(super) fn stats_sockets(&mut self) -> StatsSockets {
        let global = &self.model.global;
        let tls = self.stats_socket_tls(&global.stats_sockets);
        let each = global.stats_sockets.iter().zip(tls);
        StatsSockets {
            sockets: each.filter_map(|(bind, tls)| self.stats_socket(bind, tls)).collect(),
            timeout: timeout(global.stats_timeout).unwrap_or(DEFAULT_TIMEOUT),
            maxconn: global.stats_maxconn.map_or(DEFAULT_MAXCONN, |n| n as usize),
        }
    }

    /// 'unix-bind prefix' is for traffic: it does not move this socket, as it does not in HAProxy.
    fn stats_socket(&mut self, bind: &Bind, tls: Option<Arc<BindTls>>) -> Option<StatsSocket> {
        let params = &bind.params;
        Some(StatsSocket {
            addr: self.listen_addr(bind, "")?,
            options: self.listen_options(None, false, bind),
            level: params.level.unwrap_or_default(),
            severity: params.severity_output.unwrap_or_default(),
            exposes: params.expose_listeners,
            tls,
            place: self.place(bind),
        })
    }
}
