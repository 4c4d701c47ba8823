//! Logging: sinks are opened once a load and shared by the proxies that name them.

use super::Lower;
use crate::log::{DEFAULT_LEN, Frame, Identity, LogPlan, Sample, Target};
use crate::plan::RingSection;
use base::{Address, Host, PortSpec, Span, Word, reason};
use config::Model;
use config::model::{FormatText, LogFormat, LogFrame, LogSink, LogTarget, LogTo, Proxy};
use expr::format::defaults;
use expr::{Escape, Format, Stage};
use net::{LogAddr, Ring};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Syslog's port.
const SYSLOG_PORT: u16 = 514;
/// What log lines call a program that does not know what it was called by.
const TAG: &str = "lockgate";

/// The sinks opened so far.
pub(crate) struct Sinks {
    check_only: bool,
    open: BTreeMap<String, Option<Arc<net::LogSocket>>>,
    rings: BTreeMap<String, Arc<Ring>>,
}

impl Sinks {
    pub(crate) fn new(model: &Model, check_only: bool) -> Sinks {
        let rings = model.rings.iter().map(|ring| {
            let servers = ring.servers.iter().filter_map(|(_, address)| socket_addr(address)).collect();
            let size = usize::try_from(ring.size.unwrap_or(0)).unwrap_or(0);
            let maxlen = ring.maxlen.unwrap_or(0) as usize;
            (ring.name.text.clone(), Ring::new(&ring.name.text, size, maxlen, servers))
        });
        Sinks { check_only, open: BTreeMap::new(), rings: rings.collect() }
    }

    /// All that were opened.
    pub(crate) fn sockets(&self) -> Vec<Arc<net::LogSocket>> {
        self.open.values().flatten().cloned().collect()
    }
}

/// The name that the program was called by: what log lines have where `log-tag` is not written (manual, `log-tag`).
fn program_name() -> String {
    let called = std::env::args_os().next().map(PathBuf::from);
    let name = called.as_deref().and_then(Path::file_name);
    name.map_or_else(|| TAG.to_owned(), |name| name.to_string_lossy().into_owned())
}

fn socket_addr(address: &Address) -> Option<SocketAddr> {
    let Address::Inet { host, port, .. } = address else { return None };
    let port = match port {
        PortSpec::One(port) => *port,
        PortSpec::None => SYSLOG_PORT,
        PortSpec::Range(..) | PortSpec::Offset(_) => return None,
    };
    let ip = match host {
        Host::Ip(ip) => *ip,
        Host::Any => IpAddr::from([127, 0, 0, 1]),
        Host::AnyV6 => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        Host::Name(name) => net::resolve(name).ok()?.into_iter().next()?,
    };
    Some(SocketAddr::new(ip, port))
}

impl Lower<'_> {
    /// The `ring` sections, in file order.
    pub(crate) fn rings(&self) -> Vec<RingSection> {
        let section = |section: &config::model::Ring| {
            let name = &section.name.text;
            let description = section.description.as_ref().map_or(name, |word| &word.text);
            let ring = self.sinks.rings.get(name)?.clone();
            Some(RingSection { ring, description: description.as_str().into() })
        };
        self.model.rings.iter().filter_map(section).collect()
    }

    pub(crate) fn log_plan(&mut self, proxy: &Proxy) -> LogPlan {
        let settings = &proxy.settings;
        let options = &settings.options;
        let tag = settings.log_tag.as_ref().or(self.model.global.log_tag.as_ref());
        LogPlan {
            targets: self.log_targets(&settings.logs),
            format: self.log_format(proxy),
            error_format: settings.error_log_format.as_ref().and_then(|f| self.log_text(f, Escape::Log)),
            structured: settings
                .log_format_sd
                .as_ref()
                .and_then(|f| self.log_text(f, Escape::StructuredData)),
            asap: options.logasap == Some(true),
            dontlog_normal: options.dontlog_normal == Some(true),
            separate_errors: options.log_separate_errors == Some(true),
            identity: self.identity(tag),
        }
    }

    fn identity(&self, tag: Option<&Word>) -> Arc<Identity> {
        let global = &self.model.global;
        let own = || net::hostname();
        let hostname = match &global.log_send_hostname {
            Some(Some(name)) => name.text.clone(),
            Some(None) | None => own(),
        };
        Arc::new(Identity {
            tag: tag.map_or_else(program_name, |w| w.text.clone()).into(),
            hostname: hostname.into(),
            send_hostname: global.log_send_hostname.is_some(),
            pid: std::process::id(),
        })
    }

    fn log_text(&mut self, text: &FormatText, escape: Escape) -> Option<Format> {
        self.format_word(&text.0, Stage::Log, escape)
    }

    fn log_format(&mut self, proxy: &Proxy) -> Option<Format> {
        let built_in = |text: &str| Word::new(text, Span::default());
        let word = match &proxy.settings.log_format {
            Some(LogFormat::Custom(text)) => return self.log_text(text, Escape::Log),
            // The check of modes has warned of it.
            Some(LogFormat::Http | LogFormat::HttpClf | LogFormat::Https) if !Self::is_http(proxy) => {
                built_in(defaults::TCPLOG)
            }
            Some(LogFormat::Http) => built_in(defaults::HTTPLOG),
            Some(LogFormat::HttpClf) => built_in(defaults::HTTPLOG_CLF),
            Some(LogFormat::Https) => built_in(defaults::HTTPSLOG),
            Some(LogFormat::Tcp) => built_in(defaults::TCPLOG),
            None if Self::is_http(proxy) => built_in(defaults::CONNECT_HTTP),
            None => built_in(defaults::CONNECT_TCP),
        };
        self.format_word(&word, Stage::Log, Escape::Log)
    }

    pub(super) fn log_targets(&mut self, lines: &[LogTarget]) -> Vec<Arc<Target>> {
        let model = self.model;
        let mut out = Vec::new();
        for line in lines {
            match line {
                LogTarget::To(to) => out.extend(self.log_target(to)),
                LogTarget::Global(_) => {
                    for line in &model.global.logs {
                        if let LogTarget::To(to) = line {
                            out.extend(self.log_target(to));
                        }
                    }
                }
            }
        }
        out
    }

    fn log_target(&mut self, to: &LogTo) -> Option<Arc<Target>> {
        let (addr, name) = self.log_addr(to)?;
        let socket = self.log_socket(name, &addr, to.span)?;
        Some(Arc::new(Target {
            socket,
            frame: Frame(self.frame(to)),
            facility: to.facility,
            level: to.level.unwrap_or(7),
            minlevel: to.minlevel.unwrap_or(0),
            len: to.len.map_or(DEFAULT_LEN, |n| n as usize),
            sample: to.sample.clone().map(Sample::new),
        }))
    }

    /// A ring has a frame of its own, whatever the line says.
    fn frame(&self, to: &LogTo) -> LogFrame {
        match &to.sink {
            LogSink::Ring(name) => {
                let ring = self.model.rings.iter().find(|ring| ring.name.text == name.text);
                ring.and_then(|ring| ring.format).unwrap_or(LogFrame::Raw)
            }
            LogSink::Fd(_) | LogSink::Address(_) => to.format.unwrap_or(LogFrame::Local),
        }
    }

    fn log_addr(&mut self, to: &LogTo) -> Option<(LogAddr, String)> {
        let addr = match &to.sink {
            LogSink::Fd(fd) => LogAddr::Fd(*fd),
            LogSink::Ring(name) => match self.sinks.rings.get(&name.text) {
                Some(ring) => LogAddr::Ring(ring.clone()),
                None => {
                    self.env.diags.alert(name.span, format!("unknown ring '{}'", name.text));
                    return None;
                }
            },
            LogSink::Address(Address::Unix(path)) => LogAddr::Unix(path.into()),
            LogSink::Address(Address::Abstract(name)) => LogAddr::Abstract(name.clone()),
            LogSink::Address(Address::Fd(fd)) => LogAddr::Fd(*fd),
            LogSink::Address(address @ (Address::Inet { .. } | Address::Unserved(_))) => {
                match socket_addr(address) {
                    Some(addr) => LogAddr::Udp(addr),
                    None => {
                        // HAProxy loads such a file and loses the lines; a name may appear later.
                        self.env
                            .diags
                            .warning(to.span, "this log address does not resolve: its lines are lost");
                        return None;
                    }
                }
            }
        };
        Some((addr, format!("{:?}", to.sink)))
    }

    fn log_socket(&mut self, name: String, addr: &LogAddr, span: Span) -> Option<Arc<net::LogSocket>> {
        if self.sinks.check_only {
            return None;
        }
        if let Some(known) = self.sinks.open.get(&name) {
            return known.clone();
        }
        let socket = match net::LogSink::open(addr).and_then(|sink| sink.socket()) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                self.env.diags.warning(span, format!("this log target cannot be opened: {}", reason(&error)));
                None
            }
        };
        self.sinks.open.insert(name, socket.clone());
        socket
    }
}
