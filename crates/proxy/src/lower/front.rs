//! Frontends: listeners, client timeouts, rules, routes.

use super::captures::slots;
use super::{Lower, ids, timeout};
use crate::gate::Gate;
use crate::limit::Limit;
use crate::plan::{Connections, FrontTimeouts, Frontend, Listener, Route, RouteTarget};
use crate::tally::Tally;
use base::addr::Family;
use base::{Address, Host, PortSpec, Word};
use config::model::{
    Bind, CondText, ConnectionMode, FormatText, Proxy, Rule, TcpAction, TcpKeepAlive, UnixOptions,
};
use expr::{Condition, Escape, Stage};
use net::{ListenAddr, ListenOptions, UnixOwner};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Without any `timeout client` a dead client would stay for ever; HAProxy warns and so do we, but nobody wants that.
const NO_LIMIT: u32 = u32::MAX;

impl Lower<'_> {
    pub(super) fn frontend(&mut self, proxy: &Proxy, index: usize) -> Frontend {
        let settings = &proxy.settings;
        let options = &settings.options;
        let http = Self::is_http(proxy);
        let t = &settings.timeouts;
        Frontend {
            name: proxy.name.text.as_str().into(),
            guid: proxy.guid.as_ref().map(|w| w.text.as_str().into()),
            id: self.id(proxy),
            place: self.place_of(proxy),
            index,
            http,
            listeners: self.listeners(proxy),
            maxconn: Limit::new(settings.maxconn.filter(|most| *most > 0).unwrap_or(NO_LIMIT)),
            rate_limit: settings.rate_limit_sessions.filter(|n| *n > 0),
            timeouts: FrontTimeouts {
                client: timeout(t.client),
                client_fin: timeout(t.client_fin),
                client_hs: timeout(t.client_hs),
                http_request: timeout(t.http_request),
                http_keep_alive: timeout(t.http_keep_alive),
                tarpit: timeout(t.tarpit).or(timeout(t.connect)),
            },
            tcp_connection: self.tcp_rules(proxy, &settings.tcp_request_connection, Stage::TcpConnection),
            tcp_session: self.tcp_rules(proxy, &settings.tcp_request_session, Stage::TcpSession),
            tcp_content: self.tcp_rules(proxy, &settings.tcp_request_content, Stage::TcpContent).into(),
            inspect_delay: settings.tcp_request_inspect_delay.map(Duration::from_millis),
            rules: Arc::new(self.http_rules(proxy)),
            routes: self.routes(&proxy.use_backends, http || switches(proxy)),
            default_backend: self.default_backend(proxy),
            default_backend_name: settings.default_backend.as_ref().map(|w| w.text.as_str().into()),
            connection_mode: options.connection_mode.unwrap_or(ConnectionMode::KeepAlive),
            headers: self.header_options(options),
            unique_id: settings
                .unique_id_format
                .as_ref()
                .and_then(|f| self.format_word(&f.0, Stage::Request, Escape::UniqueId)),
            unique_id_header: settings.unique_id_header.as_ref().map(lower_name),
            monitor_uri: settings.monitor_uri.as_ref().map(|w| w.bytes().into()),
            monitor_fail: self.conds(&proxy.monitor_fail, Stage::Request),
            request_captures: slots(proxy, true),
            response_captures: slots(proxy, false),
            cookie_capture: proxy.capture_cookie.as_ref().map(|c| (c.name.bytes().into(), c.len as usize)),
            errors: self.error_pages(proxy),
            log: self.log_plan(proxy),
            limits: http::h1::Limits {
                proxy_header: options.http_use_proxy_header == Some(true),
                ..self.limits(options.accept_unsafe_request == Some(true))
            },
            idle_close_on_response: options.idle_close_on_response == Some(true),
            ignore_probes: options.http_ignore_probes == Some(true),
            dontlognull: options.dontlognull == Some(true),
            splice_request: self.splicing(options, options.splice_request),
            splice_response: self.splicing(options, options.splice_response),
            nolinger: options.nolinger == Some(true),
            keepalive: (options.tcpka == Some(true) || options.clitcpka == Some(true))
                .then(|| keepalive(&settings.client_keepalive)),
            spelling: self.spelling.clone().filter(|_| options.h1_case_adjust_client == Some(true)),
            keeps_private: settings.max_session_srv_conns != Some(0),
            buffer_request: options.http_buffer_request == Some(true),
            abortonclose: options.abortonclose == Some(true),
            independent: options.independent_streams == Some(true),
            drop_trailers: options.drop_response_trailers == Some(true),
            contstats: options.contstats == Some(true),
            socket_stats: options.socket_stats == Some(true),
            gate: Gate::default(),
            invalid: Default::default(),
            connections: Connections::default(),
            tally: Tally::new(self.threads),
        }
    }

    pub(super) fn conds(&mut self, conds: &[CondText], stage: Stage) -> Vec<Condition> {
        conds.iter().filter_map(|c| self.cond(c, stage)).collect()
    }

    fn default_backend(&mut self, proxy: &Proxy) -> Option<usize> {
        match &proxy.settings.default_backend {
            // An unknown name was complained about by the configuration's own check.
            Some(name) => self.backs.get(&name.text).copied(),
            None if proxy.kind.is_back() => self.backs.get(&proxy.name.text).copied(),
            None => None,
        }
    }

    fn routes(&mut self, lines: &[Rule<FormatText>], http: bool) -> Vec<Route> {
        let stage = if http { Stage::Request } else { Stage::TcpContent };
        lines.iter().filter_map(|line| self.route(line, stage)).collect()
    }

    fn route(&mut self, line: &Rule<FormatText>, stage: Stage) -> Option<Route> {
        let cond = match &line.cond {
            Some(cond) => Some(self.cond(cond, stage)?),
            None => None,
        };
        let word = &line.action.0;
        let target = match self.backs.get(&word.text) {
            Some(index) => RouteTarget::Backend(*index),
            None if word.text.contains('%') => {
                RouteTarget::Dynamic(self.format_word(word, stage, Escape::None)?)
            }
            None => return None,
        };
        Some(Route { target, cond })
    }

    fn listeners(&mut self, proxy: &Proxy) -> Vec<Arc<Listener>> {
        let tls = self.bind_tls(proxy);
        let written: Vec<Option<u32>> = proxy.binds.iter().map(|bind| bind.params.id).collect();
        let numbered = proxy.binds.iter().zip(ids::of(&written, 1)).zip(tls);
        let lowered =
            numbered.filter_map(|((bind, id), tls)| Some(Arc::new(self.listener(proxy, bind, id, tls)?)));
        lowered.collect()
    }

    fn listener(
        &mut self,
        proxy: &Proxy,
        bind: &Bind,
        id: u32,
        tls: Option<Arc<tls::BindTls>>,
    ) -> Option<Listener> {
        let params = &bind.params;
        Some(Listener {
            place: self.place(bind),
            name: match &params.name {
                Some(name) => name.text.as_str().into(),
                None if proxy.settings.options.socket_stats == Some(true) => format!("sock-{id}").into(),
                None => "".into(),
            },
            id,
            addr: self.listen_addr(bind, &self.unix_prefix())?,
            options: self.listen_options(
                proxy.settings.backlog,
                proxy.settings.options.tcp_smart_accept == Some(true),
                bind,
            ),
            tls,
            accept_proxy: params.accept_proxy,
            maxconn: params.maxconn.filter(|n| *n > 0),
            connections: Connections::default(),
            tally: Tally::new(self.threads),
        })
    }

    /// Where the line stands.
    pub(super) fn place(&self, bind: &Bind) -> Box<str> {
        let file = self.files.get(usize::from(bind.span.file.0)).cloned().unwrap_or_default();
        format!("{file}:{}", bind.span.line).into()
    }

    /// What 'unix-bind' puts before the paths of 'bind' lines.
    fn unix_prefix(&self) -> String {
        self.model.global.unix_bind.prefix.as_ref().map(|w| w.text.clone()).unwrap_or_default()
    }

    pub(super) fn listen_addr(&mut self, bind: &Bind, unix_prefix: &str) -> Option<ListenAddr> {
        match &bind.address {
            Address::Unix(path) => Some(ListenAddr::Unix(format!("{unix_prefix}{path}").into())),
            Address::Abstract(name) => Some(ListenAddr::Abstract(name.clone())),
            Address::Fd(fd) => Some(ListenAddr::Fd(*fd)),
            Address::Inet { host, port: PortSpec::One(port), family, .. } => {
                let ip = match host {
                    Host::Any => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    Host::AnyV6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                    Host::Ip(ip) => *ip,
                    Host::Name(name) => self.resolve_bind(name, *family, bind)?,
                };
                Some(ListenAddr::Inet(SocketAddr::new(ip, *port)))
            }
            // Ranges were expanded and what cannot be served was complained about before.
            Address::Inet { .. } | Address::Unserved(_) => None,
        }
    }

    fn resolve_bind(&mut self, name: &str, family: Family, bind: &Bind) -> Option<IpAddr> {
        let fits = |ip: &IpAddr| match family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        let found = net::resolve(name).ok().and_then(|list| list.into_iter().find(fits));
        if found.is_none() {
            let text = format!("'bind' : cannot resolve '{name}'");
            self.env.diags.alert(bind.span, text).help("write the address itself, or make the name resolve");
        }
        found
    }

    pub(super) fn listen_options(
        &mut self,
        backlog: Option<u32>,
        smart_accept: bool,
        bind: &Bind,
    ) -> ListenOptions {
        let params = &bind.params;
        let global = &self.model.global;
        ListenOptions {
            backlog: params.backlog.or(backlog).filter(|most| *most > 0),
            v6only: match (params.v6only, params.v4v6) {
                (true, _) => Some(true),
                (false, true) => Some(false),
                (false, false) => None,
            },
            interface: params.interface.as_ref().map(|w| w.text.clone()),
            mss: params.mss.and_then(|m| u32::try_from(m).ok()),
            congestion: params.congestion.as_ref().map(|w| w.text.clone()),
            tfo: params.tfo,
            defer_accept: params.defer_accept,
            late_ack: smart_accept,
            transparent: params.transparent,
            user_timeout: params.tcp_ut.map(Duration::from_millis),
            receive_buffer: global.rcvbuf_client,
            send_buffer: global.sndbuf_client,
            take_over: self.overrides.take_over,
            unix: self.unix_owner(&params.unix, &global.unix_bind),
        }
    }

    fn unix_owner(&mut self, own: &UnixOptions, common: &UnixOptions) -> UnixOwner {
        let user = own.user.as_ref().or(common.user.as_ref());
        let group = own.group.as_ref().or(common.group.as_ref());
        let uid = user.and_then(|w| {
            self.account(w, net::accounts::user(&w.text).ok().flatten().map(|u| u.uid), "user")
        });
        let gid = group.and_then(|w| self.account(w, net::accounts::group(&w.text).ok().flatten(), "group"));
        UnixOwner {
            mode: own.mode.or(common.mode),
            uid: own.uid.or(common.uid).or(uid),
            gid: own.gid.or(common.gid).or(gid),
        }
    }

    fn account(&mut self, word: &Word, id: Option<u32>, kind: &str) -> Option<u32> {
        if id.is_none() {
            self.env.diags.alert(word.span, format!("unknown {kind} name '{}'", word.text));
        }
        id
    }
}

/// Whether a rule may make HTTP of its connections.
fn switches(proxy: &Proxy) -> bool {
    proxy.settings.tcp_request_content.iter().any(|rule| rule.action == TcpAction::SwitchMode)
}

pub(super) fn keepalive(written: &TcpKeepAlive) -> net::KeepAlive {
    net::KeepAlive {
        idle: written.idle.map(Duration::from_secs),
        interval: written.interval.map(Duration::from_secs),
        count: written.count,
    }
}

/// A header name as the data plane compares it.
pub(super) fn lower_name(word: &Word) -> Box<[u8]> {
    word.bytes().to_ascii_lowercase().into()
}
