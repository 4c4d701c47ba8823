//! From the configuration's check lines to what runs. Called once per backend by the plan's lowering, which lends its
//! compiler, its certificate store and its complaints.

mod expect;

use super::expect::{Expect, Matcher, unhex};
use super::observe::Observer;
use super::plan::{
    Agent, BackendHealth, Check, CheckTls, Connect, FALL, HttpSend, Pace, Port, Probe, ProxyHeader, RISE,
    Reporting, ServerHealth, Step, Style, Text, VarSource,
};
use super::program::Program;
use super::protocols::Protocol;
use super::watch::Watch;
use crate::lower::Lower;
use base::{Address, Host, PortSpec, Word};
use config::model::{
    CheckConnect, CheckKind, CheckStep, CheckText, FormatText, Mode, Observe, OnMarkedDown, ProgramEnv,
    Proxy, ProxyKind, SendProxy, Server, ServerParams, VarValue,
};
use expr::{Escape, Format, Stage};
use net::{ConnectOptions, Target};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// `inter`, `agent-inter`
const INTER: u64 = 2_000;
/// `error-limit`
const ERROR_LIMIT: u32 = 10;

impl Lower<'_> {
    /// What is common to the health of a backend's servers.
    pub(crate) fn health(&mut self, proxy: &Proxy) -> BackendHealth {
        BackendHealth {
            log: self.log_plan(proxy),
            terminal: self.terminal.clone(),
            log_checks: proxy.settings.options.log_health_checks == Some(true),
            kind: if proxy.kind == ProxyKind::Listen { "proxy" } else { "backend" },
        }
    }

    /// The health of one server.
    pub(crate) fn server_health(&mut self, proxy: &Proxy, server: &Server) -> ServerHealth {
        let p = &server.params;
        let options = Arc::new(self.connect_options(proxy, p));
        let observed = p.observe.filter(|o| *o != Observe::None);
        let limit = p.error_limit.unwrap_or(ERROR_LIMIT);
        let check = (p.check == Some(true)).then(|| self.check(proxy, server, &options)).flatten();
        ServerHealth {
            check,
            agent: if p.agent_check == Some(true) { self.agent(server, &options) } else { None },
            track: p.track.as_ref().map(|w| self.tracked(proxy, w)),
            observer: observed.map(|layer| Arc::new(Observer::new(layer, limit))),
            on_error: p.on_error,
            shutdown_when_down: p.on_marked_down == Some(OnMarkedDown::ShutdownSessions),
            on_marked_up: p.on_marked_up,
            watch: Watch::new(p.rise.unwrap_or(RISE), p.fall.unwrap_or(FALL)),
        }
    }

    fn tracked(&self, proxy: &Proxy, word: &Word) -> (Box<str>, Box<str>) {
        match word.text.split_once('/') {
            Some((backend, server)) => (backend.into(), server.into()),
            None => (proxy.name.text.as_str().into(), word.text.as_str().into()),
        }
    }

    fn pace(&self, p: &ServerParams, inter: Option<u64>) -> Pace {
        let millis = Duration::from_millis;
        let inter = inter.unwrap_or(INTER).max(1);
        Pace {
            inter: millis(inter),
            fast: millis(p.fastinter.unwrap_or(inter).max(1)),
            down: millis(p.downinter.unwrap_or(inter).max(1)),
            spread: self.model.global.spread_checks.unwrap_or(0),
            rise: p.rise.unwrap_or(RISE),
            fall: p.fall.unwrap_or(FALL),
        }
    }

    fn agent(&mut self, server: &Server, options: &Arc<ConnectOptions>) -> Option<Agent> {
        let p = &server.params;
        let Some(port) = p.agent_port else {
            let text = format!("server '{}' : 'agent-check' needs 'agent-port'", server.name.text);
            self.env.diags.alert(server.span, text);
            return None;
        };
        let addr = match &p.agent_addr {
            Some(word) => match self.check_target(word)? {
                Target::Inet(addr) => Some(addr.ip()),
                Target::Unix(_) | Target::Abstract(_) => None,
            },
            None => None,
        };
        let send = p.agent_send.as_ref().map(|w| w.bytes().into());
        Some(Agent { addr, port, pace: self.pace(p, p.agent_inter), send, options: options.clone() })
    }

    fn check(&mut self, proxy: &Proxy, server: &Server, options: &Arc<ConnectOptions>) -> Option<Check> {
        let t = &proxy.settings.timeouts;
        let finite = |t: Option<u64>| t.filter(|t| *t > 0).map(Duration::from_millis);
        let connect = self.server_connect(server, options)?;
        Some(Check {
            pace: self.pace(&server.params, server.params.inter),
            connect: finite(t.connect),
            timeout: finite(t.check),
            probe: self.probe(proxy, server, connect)?,
        })
    }

    /// The connection that `check`, `port`, `addr`, `check-ssl` and friends describe. An address or port of its own
    /// makes the check speak plainly unless it is told otherwise (manual, `check`).
    fn server_connect(&mut self, server: &Server, options: &Arc<ConnectOptions>) -> Option<Connect> {
        let p = &server.params;
        let apart = p.port.is_some() || p.addr.is_some();
        let addr = match &p.addr {
            Some(word) => Some(self.check_target(word)?),
            None => None,
        };
        let ssl = p.check_ssl.unwrap_or(p.ssl == Some(true) && !apart);
        let sends = p.send_proxy.is_some_and(|s| s != SendProxy::Off);
        let sni = p.check_sni.as_ref().map(|w| w.text.as_str().into());
        let alpn = p.check_alpn.as_ref().map(protocols);
        Some(Connect {
            addr,
            port: p.port.map(Port::Fixed),
            tls: if ssl { Some(self.check_tls(server, sni, alpn)?) } else { None },
            socks4: if p.check_via_socks4 == Some(true) { self.socks4(p) } else { None },
            send_proxy: p.check_send_proxy.unwrap_or(sends && !apart).then(|| proxy_header(p)),
            linger: false,
            options: options.clone(),
            comment: None,
        })
    }

    fn check_tls(
        &mut self,
        server: &Server,
        sni: Option<Box<str>>,
        alpn: Option<Vec<Vec<u8>>>,
    ) -> Option<CheckTls> {
        let mut secured = server.clone();
        secured.params.ssl = Some(true);
        Some(CheckTls { server: self.server_tls(&secured)?, sni, alpn })
    }

    /// `addr`: an address, a name, or a unix socket; the port is filled in later.
    fn check_target(&mut self, word: &Word) -> Option<Target> {
        let complain = |lower: &mut Self, why: &str| {
            lower.env.diags.alert(word.span, format!("'{}' : {why}", word.text));
            None
        };
        match Address::parse(&word.text) {
            Ok(Address::Unix(path)) => Some(Target::Unix(path.into())),
            Ok(Address::Abstract(name)) => Some(Target::Abstract(name)),
            Ok(address @ Address::Inet { .. }) => {
                let port = address.port().unwrap_or(0);
                let Address::Inet { host, .. } = address else { return None };
                let ip = match host {
                    Host::Ip(ip) => ip,
                    Host::Any => IpAddr::from([127, 0, 0, 1]),
                    Host::AnyV6 => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
                    Host::Name(name) => match net::resolve(&name).ok().and_then(|ips| ips.into_iter().next())
                    {
                        Some(ip) => ip,
                        None => return complain(self, "could not resolve address"),
                    },
                };
                Some(Target::Inet(SocketAddr::new(ip, port)))
            }
            Ok(Address::Fd(_) | Address::Unserved(_)) => complain(self, "this cannot be connected to"),
            Err(error) => complain(self, &error.to_string()),
        }
    }

    fn probe(&mut self, proxy: &Proxy, server: &Server, connect: Connect) -> Option<Probe> {
        let settings = &proxy.settings;
        let mut probe = Probe {
            steps: Vec::new(),
            style: Style::Plain,
            disable_on_404: settings.disable_on_404,
            send_state: settings.send_state,
            connect,
        };
        let protocol = match &settings.check {
            None => return Some(probe),
            Some(kind @ CheckKind::Http { .. }) => {
                probe.style = Style::Http;
                probe.steps = self.http_steps(kind, &settings.http_check, server)?;
                if server.params.check_sni_auto == Some(true) {
                    send_host_as_name(&mut probe);
                }
                return Some(probe);
            }
            Some(CheckKind::Tcp) => {
                probe.style = Style::Tcp;
                for step in &settings.tcp_check {
                    probe.steps.push(self.step(step, server, None)?);
                }
                return Some(probe);
            }
            Some(CheckKind::External) => {
                probe.steps.push(Step::Program(self.program(proxy, server)?));
                return Some(probe);
            }
            Some(kind) => self.protocol(kind, server)?,
        };
        probe.style = Style::BuiltIn;
        probe.steps.push(Step::Protocol(protocol));
        Some(probe)
    }

    /// Complaints about a missing program were made when the configuration was checked.
    fn program(&self, proxy: &Proxy, server: &Server) -> Option<Program> {
        let settings = &proxy.settings;
        let listener = proxy.binds.iter().find_map(|bind| match &bind.address {
            Address::Inet { host, port, .. } => Some((Some(listened(host)), first_port(*port))),
            Address::Unix(path) => Some((Some(path.as_str().into()), None)),
            Address::Abstract(_) | Address::Fd(_) | Address::Unserved(_) => None,
        });
        let http = settings.mode == Some(Mode::Http);
        Some(Program {
            command: settings.external_command.as_ref()?.text.as_str().into(),
            path: settings.external_path.as_ref().map_or("", Word::as_str).into(),
            environment: Some(self.environment.clone())
                .filter(|_| self.model.global.external_check == Some(ProgramEnv::Preserved)),
            listener: listener.unwrap_or_default(),
            proxy_id: self.id(proxy),
            proxy_name: proxy.name.text.as_str().into(),
            tls: server.params.ssl == Some(true),
            proto: if http { "h1" } else { "tcp" },
        })
    }

    fn protocol(&mut self, kind: &CheckKind, server: &Server) -> Option<Protocol> {
        let bytes = |w: &Word| -> Box<[u8]> { w.bytes().into() };
        let text =
            |w: &Option<Word>, default: &str| w.as_ref().map_or(default.to_owned(), |w| w.text.clone());
        match kind {
            CheckKind::SslHello => Some(Protocol::SslHello),
            CheckKind::Mysql { user, pre41 } => {
                Some(Protocol::Mysql { user: user.as_ref().map(bytes), pre41: *pre41 })
            }
            CheckKind::Pgsql { user } => {
                Some(Protocol::Pgsql { user: user.as_ref().map(bytes).unwrap_or_default() })
            }
            CheckKind::Redis => Some(Protocol::Redis),
            CheckKind::Smtp { hello, domain } => {
                let hello = format!("{} {}", text(hello, "HELO"), text(domain, "localhost"));
                Some(Protocol::Smtp { hello: hello.into_bytes().into() })
            }
            CheckKind::Ldap => Some(Protocol::Ldap),
            CheckKind::Spop | CheckKind::External | CheckKind::Http { .. } | CheckKind::Tcp => {
                let text = format!("server '{}' : this kind of check is not available", server.name.text);
                self.env.diags.alert(server.span, text).help("use 'option tcp-check' with its steps");
                None
            }
        }
    }

    // ---- HTTP

    fn http_steps(&mut self, kind: &CheckKind, written: &[CheckStep], server: &Server) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        // what `option httpchk` says goes into the first request
        let mut request = kind;
        for step in written {
            steps.push(self.step(step, server, Some(request))?);
            if matches!(step, CheckStep::HttpSend { .. }) {
                request = &PLAIN_REQUEST;
            }
        }
        // `option httpchk` alone is a request and an expectation; each may be replaced by one's own
        let is_send = |s: &Step| matches!(s, Step::HttpSend(_));
        let is_expect = |s: &Step| matches!(s, Step::Expect(_));
        if !steps.iter().any(is_send) {
            let at = steps.iter().position(is_expect).unwrap_or(steps.len());
            steps.insert(at, Step::HttpSend(self.http_send(kind, &Default::default())?));
        }
        if !steps.iter().any(is_expect) {
            let matcher = Matcher::Status(vec![(200, 399)]);
            let reporting = Reporting::default();
            steps.push(Step::Expect(Expect { matcher, negate: false, min_recv: None, reporting }));
        }
        Some(steps)
    }

    fn http_send(&mut self, kind: &CheckKind, send: &Send<'_>) -> Option<HttpSend> {
        let CheckKind::Http { method, uri, version, headers } = kind else { return None };
        let pick = |own: Option<&Word>, common: &Option<Word>, default: &str| -> Box<[u8]> {
            own.or(common.as_ref()).map_or(default, |w| w.text.as_str()).as_bytes().into()
        };
        let uri = match send.uri {
            Some(text) => self.check_text(text, false)?,
            None => Text::Plain(pick(None, uri, "/")),
        };
        let name = |w: &Word| -> Box<[u8]> { w.text.to_ascii_lowercase().into_bytes().into() };
        let mut fields: Vec<(Box<[u8]>, Text)> = Vec::new();
        // fields of one's own replace those behind the version
        for (n, value) in headers.iter().filter(|_| send.headers.is_empty()) {
            fields.push((name(n), Text::Plain(value.bytes().into())));
        }
        for (n, value) in send.headers.iter().filter(|(n, _)| !frames(n)) {
            fields.push((name(n), Text::Format(self.check_format(&value.0)?)));
        }
        let body = match send.body {
            Some(text) => Some(self.check_text(text, false)?),
            None => None,
        };
        Some(HttpSend {
            method: pick(send.method, method, "OPTIONS"),
            uri,
            version: pick(send.version, version, "HTTP/1.0"),
            headers: fields,
            body,
        })
    }

    // ---- steps

    fn step(&mut self, step: &CheckStep, server: &Server, http: Option<&CheckKind>) -> Option<Step> {
        Some(match step {
            CheckStep::Connect(connect) => Step::Connect(self.connect_step(connect, server)?),
            CheckStep::HttpSend { method, uri, version, headers, body, .. } => {
                let send = Send {
                    method: method.as_ref(),
                    uri: uri.as_ref(),
                    version: version.as_ref(),
                    headers,
                    body: body.as_ref(),
                };
                Step::HttpSend(self.http_send(http?, &send)?)
            }
            CheckStep::Send(text, _) => Step::Send(self.check_text(text, false)?),
            CheckStep::SendBinary(text, _) => Step::Send(self.check_text(text, true)?),
            CheckStep::Expect(expect) => Step::Expect(self.expect(expect)?),
            CheckStep::Comment(word) => Step::Comment(word.text.as_str().into()),
            CheckStep::SetVar(name, value) => {
                Step::SetVar(self.var(name)?, Vec::new(), self.check_value(value)?)
            }
            CheckStep::SetVarIf(name, conditions, value) => {
                Step::SetVar(self.var(name)?, conditions.clone(), self.check_value(value)?)
            }
            CheckStep::UnsetVar(name) => Step::UnsetVar(self.var(name)?),
        })
    }

    fn check_value(&mut self, value: &VarValue) -> Option<VarSource> {
        match value {
            VarValue::Expr(expr) => Some(VarSource::Expr(self.expr(expr, Stage::Check)?)),
            VarValue::Format(FormatText(word)) => Some(VarSource::Format(self.check_format(word)?)),
        }
    }

    fn connect_step(&mut self, step: &CheckConnect, server: &Server) -> Option<Connect> {
        let options = Arc::new(ConnectOptions::default());
        let mut connect = if step.default {
            self.server_connect(server, &options)?
        } else {
            let addr = server.params.addr.as_ref();
            Connect {
                addr: match addr {
                    Some(word) => Some(self.check_target(word)?),
                    None => None,
                },
                port: server.params.port.map(Port::Fixed),
                tls: None,
                socks4: None,
                send_proxy: None,
                linger: false,
                options,
                comment: None,
            }
        };
        if let Some(word) = &step.addr {
            connect.addr = Some(self.check_target(word)?);
        }
        if let Some(port) = &step.port {
            connect.port = Some(match port.words.as_slice() {
                [one] if one.text.bytes().all(|b| b.is_ascii_digit()) => match one.text.parse() {
                    Ok(port) => Port::Fixed(port),
                    Err(_) => {
                        self.env.diags.alert(one.span, format!("invalid port '{}'", one.text));
                        return None;
                    }
                },
                _ => Port::Expr(self.expr(port, Stage::Check)?),
            });
        }
        if step.ssl {
            let sni = step.sni.as_ref().map(|w| w.text.as_str().into());
            connect.tls = Some(self.check_tls(server, sni, step.alpn.as_ref().map(protocols))?);
        }
        connect.send_proxy = connect.send_proxy.or(step.send_proxy.then(|| proxy_header(&server.params)));
        if step.via_socks4 {
            connect.socks4 = self.socks4(&server.params);
        }
        connect.linger |= step.linger;
        connect.comment = step.comment.as_ref().map(|w| w.text.as_str().into());
        Some(connect)
    }

    fn check_format(&mut self, word: &Word) -> Option<Format> {
        self.format_word(word, Stage::Check, Escape::Http)
    }

    fn check_text(&mut self, text: &CheckText, hex: bool) -> Option<Text> {
        match text {
            CheckText::Plain(word) if hex => match unhex(&word.bytes()) {
                Some(bytes) => Some(Text::Plain(bytes.into())),
                None => {
                    let text = format!("'{}' : hexadecimal digits are expected, two a byte", word.text);
                    self.env.diags.alert(word.span, text);
                    None
                }
            },
            CheckText::Plain(word) => Some(Text::Plain(word.bytes().into())),
            CheckText::Format(FormatText(word)) if hex => Some(Text::HexFormat(self.check_format(word)?)),
            CheckText::Format(FormatText(word)) => Some(Text::Format(self.check_format(word)?)),
        }
    }
}

/// A request of which `option httpchk` says nothing.
static PLAIN_REQUEST: CheckKind =
    CheckKind::Http { method: None, uri: None, version: None, headers: Vec::new() };

/// How the body is framed follows from the body alone.
fn frames(name: &Word) -> bool {
    ["content-length", "transfer-encoding"].iter().any(|own| name.text.eq_ignore_ascii_case(own))
}

/// The words of an `http-check send`.
#[derive(Default)]
struct Send<'a> {
    method: Option<&'a Word>,
    uri: Option<&'a CheckText>,
    version: Option<&'a Word>,
    headers: &'a [(Word, FormatText)],
    body: Option<&'a CheckText>,
}

/// `check-sni-auto`: connections over TLS that say no name say the host of the check's first request.
fn send_host_as_name(probe: &mut Probe) {
    let Some(name) = probe.steps.iter().find_map(first_host) else { return };
    let own = std::iter::once(&mut probe.connect);
    let steps = probe
        .steps
        .iter_mut()
        .filter_map(|step| if let Step::Connect(connect) = step { Some(connect) } else { None });
    for tls in own.chain(steps).filter_map(|connect| connect.tls.as_mut()) {
        tls.sni.get_or_insert_with(|| name.clone());
    }
}

/// The host that a request asks for, without its port, where it is the same each time and a name.
fn first_host(step: &Step) -> Option<Box<str>> {
    let Step::HttpSend(send) = step else { return None };
    let (_, value) = send.headers.iter().find(|(name, _)| **name == *b"host")?;
    let host = std::str::from_utf8(value.fixed()?).ok()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    (!name.is_empty() && name.parse::<IpAddr>().is_err()).then(|| name.into())
}

/// A listener's host, as programs are told.
fn listened(host: &Host) -> Box<str> {
    match host {
        Host::Ip(ip) => ip.to_string().into(),
        Host::Any => "0.0.0.0".into(),
        Host::AnyV6 => "::".into(),
        Host::Name(name) => name.as_str().into(),
    }
}

fn first_port(ports: PortSpec) -> Option<u16> {
    match ports {
        PortSpec::One(port) | PortSpec::Range(port, _) => Some(port),
        PortSpec::None | PortSpec::Offset(_) => None,
    }
}

fn protocols(list: &Word) -> Vec<Vec<u8>> {
    list.text.split(',').map(|p| p.trim().as_bytes().to_vec()).collect()
}

fn proxy_header(p: &ServerParams) -> ProxyHeader {
    match p.send_proxy {
        Some(SendProxy::V2 | SendProxy::V2Ssl | SendProxy::V2SslCn) => ProxyHeader::V2,
        Some(SendProxy::Off | SendProxy::V1) | None => ProxyHeader::V1,
    }
}
