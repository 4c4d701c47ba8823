//! Backends: servers, balancing, persistence, how to reach each server.

use super::{Lower, ids, timeout};
use crate::assign::KeySource;
use crate::balance::hash::Hashing;
use crate::balance::key::UriPart;
use crate::balance::{Balance, Policy};
use crate::persist::DynamicCookies;
use crate::plan::{BackTimeouts, Backend, Frontend, POOL_PURGE, ProxyV2, Target, UseServer, UseServerTarget};
use crate::server::{Endpoint, Facts, Server, ServerPort};
use crate::tally::Tally;
use base::{Address, Host, PortSpec, Span, Word};
use config::model::{
    Algorithm, ConnectionMode, ExprText, FormatText, HttpReuse, InitAddr, Proxy, ProxyV2Option, RetryOn,
    SendProxy, ServerParams, SourceAddress, StateSource,
};
use expr::{Escape, Expr, Format, Stage};
use net::ConnectOptions;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `retries`
const RETRIES: u32 = 3;

/// Whether a frontend's routes may end in this backend: by name, by a name that is computed, or because it is its own.
fn leads_to(front: &Proxy, back: &Proxy) -> bool {
    let named = |text: &str| text == back.name.text || text.contains('%');
    let default = match &front.settings.default_backend {
        Some(name) => named(&name.text),
        None => std::ptr::eq(front, back),
    };
    front.kind.is_front() && (default || front.use_backends.iter().any(|rule| named(&rule.action.0.text)))
}

impl Lower<'_> {
    /// `fullconn` without one: a tenth of what the frontends may carry that may lead here (manual, `fullconn`).
    fn fullconn(&self, proxy: &Proxy) -> u32 {
        let process = self.maxconn();
        let leading = self.model.proxies.iter().filter(|front| !front.disabled && leads_to(front, proxy));
        let carried = leading.map(|front| front.settings.maxconn.filter(|most| *most > 0).unwrap_or(process));
        carried.fold(0, u32::saturating_add).div_ceil(10).max(1)
    }

    /// The file that `load-server-state-from-file` means for this backend.
    fn state_file(&self, proxy: &Proxy) -> Option<PathBuf> {
        let (settings, global) = (&proxy.settings, &self.model.global);
        let name = match settings.load_server_state? {
            StateSource::None => return None,
            StateSource::Global => &global.server_state_file.as_ref()?.text,
            StateSource::Local => match &settings.server_state_file_name {
                Some(Some(name)) => &name.text,
                Some(None) | None => &proxy.name.text,
            },
        };
        // An absolute name stands for itself.
        Some(global.server_state_base.as_ref().map_or(PathBuf::new(), |b| PathBuf::from(&b.text)).join(name))
    }

    /// A backend; a `listen` comes with its front half, whose rules are its own.
    pub(super) fn backend(&mut self, proxy: &Proxy, index: usize, front: Option<&Frontend>) -> Backend {
        let settings = &proxy.settings;
        let options = &settings.options;
        let t = &settings.timeouts;
        let servers = self.servers(proxy);
        let dynamic_cookies = dynamic_cookies(proxy);
        servers.iter().for_each(|server| dynamic_cookies.give(server));
        let fullconn = settings.fullconn.unwrap_or_else(|| self.fullconn(proxy));
        Backend {
            name: proxy.name.text.as_str().into(),
            guid: proxy.guid.as_ref().map(|w| w.text.as_str().into()),
            invalid: Default::default(),
            id: self.id(proxy),
            place: self.place_of(proxy),
            forced_id: proxy.id.is_some(),
            index,
            kind: proxy.kind,
            http: Self::is_http(proxy),
            timeouts: BackTimeouts {
                connect: timeout(t.connect),
                server: timeout(t.server),
                server_fin: timeout(t.server_fin),
                queue: timeout(t.queue).or(timeout(t.connect)),
                tunnel: timeout(t.tunnel),
                tarpit: timeout(t.tarpit),
            },
            tcp_content: match front {
                Some(front) => front.tcp_content.clone(),
                None => self.tcp_rules(proxy, &settings.tcp_request_content, Stage::TcpContent).into(),
            },
            inspect_delay: settings.tcp_request_inspect_delay.map(Duration::from_millis),
            tcp_response: self.tcp_rules(proxy, &settings.tcp_response_content, Stage::TcpResponse),
            response_inspect_delay: settings.tcp_response_inspect_delay.map(Duration::from_millis),
            rules: front.map_or_else(|| Arc::new(self.http_rules(proxy)), |front| front.rules.clone()),
            balance: Balance::new(policy(proxy), options.allbackups == Some(true), servers, fullconn)
                .with_affinity(settings.hash_affinity.unwrap_or_default()),
            algorithm: settings.balance.as_ref().map_or("roundrobin", |b| b.algorithm.word()),
            cookie: settings.cookie.as_ref().map(crate::persist::Settings::of),
            dynamic_cookies,
            hashing: Hashing::of(settings.hash_type),
            key: self.key_source(proxy),
            use_servers: proxy.use_servers.iter().filter_map(|r| self.use_server(proxy, r)).collect(),
            state_file: self.state_file(proxy),
            persist: options.persist == Some(true),
            force_persist: self.conds(&proxy.force_persist, Stage::Request),
            ignore_persist: self.conds(&proxy.ignore_persist, Stage::Request),
            retries: settings.retries.unwrap_or(RETRIES),
            redispatch: options.redispatch.map_or(0, |r| r.interval),
            retry_on: settings.retry_on.clone().unwrap_or_else(|| vec![RetryOn::ConnFailure]),
            reuse: settings.http_reuse.unwrap_or(HttpReuse::Safe),
            connection_mode: options.connection_mode.unwrap_or(ConnectionMode::KeepAlive),
            pretend_keepalive: options.http_pretend_keepalive == Some(true),
            abortonclose: options.abortonclose == Some(true),
            prefer_last_server: options.prefer_last_server == Some(true),
            max_keep_alive_queue: settings.max_keep_alive_queue.and_then(|n| u32::try_from(n).ok()),
            rdp_persist: settings.rdp_persist.as_ref().and_then(|name| self.rdp_persist(name)),
            fullconn,
            headers: self.header_options(options),
            buffer_request: options.http_buffer_request == Some(true) || checks_post(proxy),
            independent: options.independent_streams == Some(true),
            drop_trailers: options.drop_request_trailers == Some(true),
            errors: self.error_pages(proxy),
            log: self.log_plan(proxy),
            limits: self.limits(options.accept_unsafe_response == Some(true)),
            nolinger: options.nolinger == Some(true),
            keepalive: (options.tcpka == Some(true) || options.srvtcpka == Some(true))
                .then(|| super::front::keepalive(&settings.server_keepalive)),
            spelling: self.spelling.clone().filter(|_| options.h1_case_adjust_server == Some(true)),
            name_header: settings.send_name_header.as_ref().map(super::front::lower_name),
            checkcache: options.checkcache == Some(true),
            splice_request: self.splicing(options, options.splice_request),
            splice_response: self.splicing(options, options.splice_response),
            health: self.health(proxy),
            tally: Tally::new(self.threads),
        }
    }

    fn servers(&mut self, proxy: &Proxy) -> Vec<Arc<Server>> {
        let written: Vec<Option<u32>> = proxy.servers.iter().map(|server| server.params.id).collect();
        let numbered = proxy.servers.iter().zip(ids::of(&written, 1)).enumerate();
        let lowered = numbered.map(|(index, (server, id))| {
            let mut server = self.server(proxy, server, index);
            server.facts.id = id;
            Arc::new(server)
        });
        lowered.collect()
    }

    /// A server; `index` is its own in the backend. Its number is given to it by whoever knows the others.
    pub(crate) fn server(&mut self, proxy: &Proxy, server: &config::model::Server, index: usize) -> Server {
        let p = &server.params;
        let facts = Facts {
            name: server.name.text.as_str().into(),
            guid: p.guid.as_ref().map(|w| w.text.as_str().into()),
            id: 0,
            index,
            weight: u16::try_from(p.weight.unwrap_or(1)).unwrap_or(256),
            cookie: p.cookie.as_ref().map(|c| c.bytes().into()),
            backup: p.backup == Some(true),
            disabled: p.disabled == Some(true),
            maxconn: p.maxconn.unwrap_or(0),
            minconn: p.minconn.unwrap_or(0),
            maxqueue: p.maxqueue.unwrap_or(0),
            slowstart: p.slowstart.unwrap_or(0),
            forced_id: p.id.is_some(),
            dynamic: false,
            hash_key: p.hash_key.unwrap_or_default(),
            fqdn: fqdn(&server.address),
        };
        let endpoint = self.endpoint(server);
        let target = self.target(proxy, server);
        let checks = self.server_health(proxy, server);
        let running = Server::new(facts, endpoint, target, checks);
        if running.checks.check.is_some() {
            running.begin_as(p.init_state.unwrap_or_default());
        }
        running
    }

    fn endpoint(&mut self, server: &config::model::Server) -> Option<Endpoint> {
        match &server.address {
            Address::Unix(path) => Some(Endpoint::Unix(path.into())),
            Address::Abstract(name) => Some(Endpoint::Abstract(name.clone())),
            Address::Inet { host, port, .. } => {
                let port = server_port(port);
                let ip = match host {
                    Host::Any => IpAddr::from([0, 0, 0, 0]),
                    Host::AnyV6 => IpAddr::from([0u16; 8]),
                    Host::Ip(ip) => *ip,
                    Host::Name(name) => self.resolve_server(name, server)?,
                };
                Some(Endpoint::Inet { ip, port })
            }
            Address::Fd(_) | Address::Unserved(_) => {
                let text =
                    format!("server '{}' : this kind of address cannot be connected to", server.name.text);
                self.env.diags.alert(server.span, text);
                None
            }
        }
    }

    /// `init-addr`: each method in turn; without `none` at the end a name that does not resolve stops the start.
    fn resolve_server(&mut self, name: &str, server: &config::model::Server) -> Option<IpAddr> {
        let default = if server.params.resolvers.is_some() {
            vec![InitAddr::Last, InitAddr::Libc, InitAddr::None]
        } else {
            vec![InitAddr::Last, InitAddr::Libc]
        };
        for method in server.params.init_addr.as_ref().unwrap_or(&default) {
            match method {
                InitAddr::Last => {}
                InitAddr::Libc => {
                    let prefer_v4 = server.params.resolve_prefer.as_ref().is_some_and(|w| w.text == "ipv4");
                    let mut found = net::resolve(name).unwrap_or_default();
                    found.sort_by_key(|ip| ip.is_ipv4() != prefer_v4 && prefer_v4);
                    if let Some(ip) = found.into_iter().next() {
                        return Some(ip);
                    }
                }
                InitAddr::None => return None,
                InitAddr::Ip(ip) => return Some(*ip),
            }
        }
        let text = format!("server '{}' : could not resolve address '{name}'", server.name.text);
        self.env.diags.alert(server.span, text).help(
            "make the name resolve, write the address, or add 'init-addr last,libc,none' to start without it",
        );
        None
    }

    fn target(&mut self, proxy: &Proxy, server: &config::model::Server) -> Target {
        let p = &server.params;
        let send_proxy = p.send_proxy.filter(|s| *s != SendProxy::Off);
        self.check_congestion(p);
        Target {
            follows_client: follows_client(&server.address),
            resolving: self.resolving(server),
            tls: self.server_tls(server),
            ssl: p.ssl,
            sni: self.sni(p, server.span),
            pool_name: p.pool_conn_name.as_ref().and_then(|e| self.expr(e, Stage::ServerConnect)),
            strict: p.strict_maxconn == Some(true),
            proxy_tlvs: self.proxy_tlvs(p),
            socks4: self.socks4(p),
            send_proxy,
            proxy_v2: proxy_v2(p, send_proxy),
            options: self.connect_options(proxy, p),
            pool_max: p.pool_max_conn.unwrap_or(-1),
            pool_purge: p.pool_purge_delay.map_or(POOL_PURGE, Duration::from_millis),
            max_reuse: p.max_reuse.unwrap_or(-1),
            redir: p.redir.as_ref().map(|w| w.bytes().into()),
            ..Target::plain(self.threads)
        }
    }

    /// `sni`, or with `sni-auto` the host that the client asks for.
    fn sni(&mut self, p: &ServerParams, span: Span) -> Option<Expr> {
        let auto = || Word::new("req.hdr(host),host_only", span);
        let written = match &p.sni {
            Some(written) => written.clone(),
            None if p.sni_auto == Some(true) => ExprText { words: vec![auto()] },
            None => return None,
        };
        self.expr(&written, Stage::ServerConnect)
    }

    fn proxy_tlvs(&mut self, p: &ServerParams) -> Vec<(u8, Format)> {
        let format = |(kind, format): &(u8, FormatText)| {
            Some((*kind, self.format_word(&format.0, Stage::ServerConnect, Escape::None)?))
        };
        p.proxy_tlvs.iter().filter_map(format).collect()
    }

    /// The SOCKS4 proxy's address; its name is looked up once.
    pub(crate) fn socks4(&mut self, p: &ServerParams) -> Option<SocketAddr> {
        let word = p.socks4.as_ref()?;
        let address = Address::parse(&word.text).ok().as_ref().and_then(crate::socks4::address);
        if address.is_none() {
            let text = format!("'socks4' : could not resolve address '{word}'");
            self.env.diags.alert(word.span, text).help("make the name resolve, or write the address");
        }
        address
    }

    /// Warns of a congestion control that this system does not have.
    fn check_congestion(&mut self, p: &ServerParams) {
        let Some(word) = p.congestion.as_ref().filter(|w| !net::has_congestion_control(&w.text)) else {
            return;
        };
        let text = format!("'cc' : this system has no congestion control '{word}', its own is used");
        let help = "see /proc/sys/net/ipv4/tcp_allowed_congestion_control";
        self.env.diags.warning(word.span, text).help(help);
    }

    pub(crate) fn connect_options(&mut self, proxy: &Proxy, p: &ServerParams) -> ConnectOptions {
        let source = p.source.as_ref().or(proxy.settings.source.as_ref());
        ConnectOptions {
            source: source.and_then(|s| self.source(s)),
            interface: source.and_then(|s| s.interface.as_ref()).map(|w| w.text.clone()),
            mark: None,
            late_ack: proxy.settings.options.tcp_smart_connect == Some(true),
            tfo: p.tfo == Some(true),
            user_timeout: p.tcp_ut.map(Duration::from_millis),
            congestion: p.congestion.as_ref().map(|w| w.text.clone()),
            mss: None,
            receive_buffer: self.model.global.rcvbuf_server,
            send_buffer: self.model.global.sndbuf_server,
        }
    }

    fn source(&mut self, source: &SourceAddress) -> Option<net::Source> {
        let Address::Inet { host, port, .. } = &source.address else { return None };
        let ip = match host {
            Host::Ip(ip) => *ip,
            Host::Any => IpAddr::from([0, 0, 0, 0]),
            Host::AnyV6 => IpAddr::from([0u16; 8]),
            Host::Name(_) => return None,
        };
        let ports = match port {
            PortSpec::One(0) | PortSpec::None | PortSpec::Offset(_) => None,
            PortSpec::One(port) => Some(net::SourcePorts::new(*port, *port)),
            PortSpec::Range(low, high) => Some(net::SourcePorts::new(*low, *high)),
        };
        (ports.is_some() || !ip.is_unspecified()).then_some(net::Source { ip, ports })
    }

    fn use_server(
        &mut self,
        proxy: &Proxy,
        line: &config::model::Rule<config::model::FormatText>,
    ) -> Option<UseServer> {
        let stage = if Self::is_http(proxy) { Stage::Request } else { Stage::TcpContent };
        let cond = match &line.cond {
            Some(cond) => Some(self.cond(cond, stage)?),
            None => None,
        };
        let word = &line.action.0;
        let index = proxy.servers.iter().position(|s| s.name.text == word.text);
        let target = match index {
            Some(index) => UseServerTarget::Server(index),
            None if word.text.contains('%') => {
                UseServerTarget::Dynamic(self.format_word(word, stage, Escape::None)?)
            }
            None => {
                self.env
                    .diags
                    .alert(word.span, format!("unable to find server '{}' in this backend", word.text));
                return None;
            }
        };
        Some(UseServer { target, cond })
    }

    fn rdp_persist(&mut self, name: &Word) -> Option<Expr> {
        let fetch = Word::new(format!("req.rdp_cookie({name})"), name.span);
        self.expr(&ExprText { words: vec![fetch] }, Stage::TcpContent)
    }

    fn key_source(&mut self, proxy: &Proxy) -> KeySource {
        let Some(balance) = &proxy.settings.balance else { return KeySource::None };
        match &balance.algorithm {
            Algorithm::RoundRobin
            | Algorithm::StaticRr
            | Algorithm::LeastConn
            | Algorithm::First
            | Algorithm::Random(_) => KeySource::None,
            Algorithm::Source => KeySource::Source,
            Algorithm::Uri { len, depth, whole, path_only } => KeySource::Uri(UriPart {
                len: len.unwrap_or(0),
                depth: depth.unwrap_or(0),
                whole: *whole,
                path_only: *path_only,
            }),
            Algorithm::UrlParam { name, check_post } => KeySource::UrlParam(name.bytes().into(), *check_post),
            Algorithm::Header { name, domain_only } => {
                KeySource::Header(super::front::lower_name(name), *domain_only)
            }
            Algorithm::RdpCookie(name) => {
                KeySource::RdpCookie(name.as_ref().map_or("mstshash", |w| w.text.as_str()).as_bytes().into())
            }
            Algorithm::Hash(expr) => {
                let stage = if Self::is_http(proxy) { Stage::Request } else { Stage::TcpContent };
                self.expr(expr, stage).map_or(KeySource::None, KeySource::Expr)
            }
        }
    }
}

pub(super) fn server_port(port: &PortSpec) -> ServerPort {
    match port {
        PortSpec::One(0) | PortSpec::None => ServerPort::Offset(0),
        PortSpec::One(port) => ServerPort::Fixed(*port),
        PortSpec::Offset(by) => ServerPort::Offset(*by),
        PortSpec::Range(low, _) => ServerPort::Fixed(*low),
    }
}

/// The name that is resolved to the address.
fn fqdn(address: &Address) -> Option<Box<str>> {
    match address {
        Address::Inet { host: Host::Name(name), .. } => Some(name.as_str().into()),
        Address::Inet { .. }
        | Address::Unix(_)
        | Address::Abstract(_)
        | Address::Fd(_)
        | Address::Unserved(_) => None,
    }
}

fn dynamic_cookies(proxy: &Proxy) -> DynamicCookies {
    let settings = &proxy.settings;
    let on = settings.cookie.as_ref().is_some_and(|cookie| cookie.dynamic);
    DynamicCookies::new(on, settings.dynamic_cookie_key.as_ref().map(|key| key.text.as_str()))
}

fn checks_post(proxy: &Proxy) -> bool {
    let algorithm = proxy.settings.balance.as_ref().map(|b| &b.algorithm);
    matches!(algorithm, Some(Algorithm::UrlParam { check_post: true, .. }))
}

fn policy(proxy: &Proxy) -> Policy {
    let settings = &proxy.settings;
    let algorithm = settings.balance.as_ref().map_or(&Algorithm::RoundRobin, |b| &b.algorithm);
    Policy::of(algorithm, settings.hash_type, settings.hash_balance_factor)
}

/// Whether the client's destination completes the address.
fn follows_client(address: &Address) -> bool {
    match address {
        Address::Inet { host, port, .. } => {
            let any = match host {
                Host::Ip(ip) => ip.is_unspecified(),
                Host::Any | Host::AnyV6 => true,
                Host::Name(_) => false,
            };
            any || matches!(server_port(port), ServerPort::Offset(_))
        }
        Address::Unix(_) | Address::Abstract(_) | Address::Fd(_) | Address::Unserved(_) => false,
    }
}

fn proxy_v2(p: &ServerParams, send: Option<SendProxy>) -> ProxyV2 {
    let has = |option| p.proxy_v2_options.contains(&option);
    let ssl = matches!(send, Some(SendProxy::V2Ssl | SendProxy::V2SslCn));
    ProxyV2 {
        ssl: ssl || has(ProxyV2Option::Ssl),
        cert_cn: send == Some(SendProxy::V2SslCn) || has(ProxyV2Option::CertCn),
        authority: has(ProxyV2Option::Authority),
        crc32c: has(ProxyV2Option::Crc32c),
        unique_id: has(ProxyV2Option::UniqueId),
        cipher: has(ProxyV2Option::SslCipher),
        cert_sig: has(ProxyV2Option::CertSig),
        cert_key: has(ProxyV2Option::CertKey),
    }
}
