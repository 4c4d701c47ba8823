//! TLS of binds and servers: words to what `tls` builds, and its problems to complaints.

use super::Lower;
use super::wanted::WantedList;
use ::tls::{
    BindSpec, BindTls, CertStore, OnDemand, PemPair, ServerSpec, ServerTls, StoreEntry, StoreSpec,
    TicketFile, Versions,
};
use base::{Severity, Span, Word, reason};
use config::Model;
use config::model::{self, Bind, BindParams, Proxy, TlsVersion, TlsVersionOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The application protocols of a bind that names none.
const ALPN: [&[u8]; 1] = [b"http/1.1"];

/// `on-demand-wait` unless told: an authority needs some seconds, and clients wait for half a minute.
const ON_DEMAND_WAIT: Duration = Duration::from_secs(20);
/// A handshake holds a connection.
const MOST_WAIT: Duration = Duration::from_secs(120);

pub(super) fn store(model: &Model, temporary: Option<&PemPair>, wanted: &WantedList) -> CertStore {
    let global = &model.global;
    CertStore::new(StoreSpec {
        crt_base: path(global.crt_base.as_ref()),
        ca_base: path(global.ca_base.as_ref()),
        entries: entries(model),
        awaited: wanted.files(),
        on_demand: wanted.obtained(),
        temporary: temporary.cloned(),
        ocsp_mode: global.ocsp.as_ref().and_then(|ocsp| ocsp.mode),
        sessions: global.session_cache.map(|n| n as usize),
        session_lifetime: global.session_lifetime.map(Duration::from_secs),
        ..StoreSpec::default()
    })
}

fn path(word: Option<&Word>) -> Option<PathBuf> {
    word.map(|w| PathBuf::from(&w.text))
}

/// All `load` lines, and the `ssl-f-use` lines of each frontend as a store of its own that has no section's name.
fn entries(model: &Model) -> Vec<StoreEntry> {
    let global = &model.global;
    let mut all = Vec::new();
    for section in &model.crt_stores {
        let crt_base = section.crt_base.as_ref().or(global.crt_base.as_ref());
        let key_base = section.key_base.as_ref().or(global.key_base.as_ref());
        all.extend(loads(&section.loads, section.name.as_str(), crt_base, key_base));
    }
    for proxy in &model.proxies {
        let (crt_base, key_base) = (global.crt_base.as_ref(), global.key_base.as_ref());
        all.extend(loads(&proxy.ssl_f_use, &own_store(proxy), crt_base, key_base));
    }
    all
}

/// A name that no section can have.
fn own_store(proxy: &Proxy) -> String {
    format!("frontend {}", proxy.name)
}

fn loads(
    loads: &[model::CrtLoad],
    store: &str,
    crt_base: Option<&Word>,
    key_base: Option<&Word>,
) -> Vec<StoreEntry> {
    let crt_base = path(crt_base).unwrap_or_default();
    let key_base = path(key_base).unwrap_or_else(|| crt_base.clone());
    let entry = |load: &model::CrtLoad| StoreEntry {
        store: store.to_owned(),
        word: load.crt.text.clone(),
        alias: load.alias.as_ref().map(|w| w.text.clone()),
        crt: crt_base.join(&load.crt.text),
        key: load.key.as_ref().map(|w| key_base.join(&w.text)),
        ocsp: load.ocsp.as_ref().map(|w| crt_base.join(&w.text)),
        sctl: load.sctl.as_ref().map(|w| crt_base.join(&w.text)),
        issuer: load.issuer.as_ref().map(|w| crt_base.join(&w.text)),
        ocsp_update: load.ocsp_update,
    };
    loads.iter().map(entry).collect()
}

impl Lower<'_> {
    /// One per bind of the proxy.
    pub(super) fn bind_tls(&mut self, proxy: &Proxy) -> Vec<Option<Arc<BindTls>>> {
        self.each_bind_tls(&proxy.binds, |lower, bind| lower.one_bind_tls(bind, proxy))
    }

    /// One per address of the runtime API.
    pub(super) fn stats_socket_tls(&mut self, sockets: &[Bind]) -> Vec<Option<Arc<BindTls>>> {
        self.each_bind_tls(sockets, |lower, bind| {
            let spec = lower.bind_spec(&bind.params, false);
            lower.build_tls(bind, &spec)
        })
    }

    /// Addresses of one line share theirs.
    fn each_bind_tls(
        &mut self,
        binds: &[Bind],
        mut build: impl FnMut(&mut Self, &Bind) -> Option<Arc<BindTls>>,
    ) -> Vec<Option<Arc<BindTls>>> {
        let mut out: Vec<Option<Arc<BindTls>>> = Vec::new();
        let mut last: Option<(u32, Option<Arc<BindTls>>)> = None;
        for bind in binds {
            if !bind.params.ssl {
                out.push(None);
                continue;
            }
            let built = match &last {
                Some((line, built)) if *line == bind.span.line => built.clone(),
                Some(_) | None => build(self, bind),
            };
            last = Some((bind.span.line, built.clone()));
            out.push(built);
        }
        out
    }

    fn one_bind_tls(&mut self, bind: &Bind, proxy: &Proxy) -> Option<Arc<BindTls>> {
        let mut spec = self.bind_spec(&bind.params, Self::is_http(proxy));
        let own = |load: &model::CrtLoad| {
            format!("@{}/{}", own_store(proxy), load.alias.as_ref().unwrap_or(&load.crt))
        };
        spec.crts.extend(proxy.ssl_f_use.iter().map(own));
        spec.crts.extend(self.wanted.file_of(bind));
        self.build_tls(bind, &spec)
    }

    fn build_tls(&mut self, bind: &Bind, spec: &BindSpec) -> Option<Arc<BindTls>> {
        let store = self.store.clone();
        let built = BindTls::new(&store, spec);
        self.report(built.problems, bind.span);
        let built = built.value.map(Arc::new)?;
        self.agree_on_ocsp(&built, bind.span);
        Some(built)
    }

    /// One response serves all lines that name a certificate.
    fn agree_on_ocsp(&mut self, built: &BindTls, span: Span) {
        for said in built.ocsp_uses() {
            let Some(own) = said.written else { continue };
            if *self.ocsp_written.entry(said.crt.to_path_buf()).or_insert(own) != own {
                let text = format!("'ocsp-update' is both on and off for '{}'", said.crt.display());
                self.env.diags.alert(span, text).help("say one of both on all lines that name it");
            }
        }
    }

    /// The keys of a `tls-ticket-keys` file: a line each, base64. Binds that name one file share its keys.
    fn ticket_file(&mut self, word: &Word) -> Option<Arc<TicketFile>> {
        let file = PathBuf::from(&word.text);
        if let Some(known) = self.ticket_files.iter().find(|known| known.file() == file) {
            return Some(known.clone());
        }
        let made = read_ticket_keys(&file)
            .and_then(|keys| TicketFile::new(file, &keys).map_err(|why| why.to_string()));
        match made {
            Ok(made) => {
                let made = Arc::new(made);
                self.ticket_files.push(made.clone());
                Some(made)
            }
            Err(why) => {
                let text = format!("'tls-ticket-keys' : '{}' : {why}", word.text);
                self.env.diags.alert(word.span, text).help(
                    "three or more lines of 48 or 80 random bytes: openssl rand 80 | openssl base64 -A | xargs echo",
                );
                None
            }
        }
    }

    fn bind_spec(&mut self, p: &BindParams, http: bool) -> BindSpec {
        let defaults = &self.model.global.bind_tls;
        let text = |own: &Option<Word>, common: &Option<Word>| {
            own.as_ref().or(common.as_ref()).map(|w| w.text.clone())
        };
        let written = |w: &Option<Word>| w.as_ref().map(|w| w.text.clone());
        BindSpec {
            capture: self.model.global.capture_buffer.map_or(0, |n| n as usize),
            crts: p.crts.iter().map(|w| w.text.clone()).collect(),
            crt_lists: p.crt_lists.iter().map(|w| w.text.clone()).collect(),
            strict_sni: p.strict_sni,
            alpn: alpn(p.alpn.as_ref(), p.no_alpn, http),
            ciphers: text(&p.tls.ciphers, &defaults.offer.ciphers),
            ciphersuites: text(&p.tls.ciphersuites, &defaults.offer.ciphersuites),
            curves: text(&p.tls.curves, &defaults.offer.curves),
            versions: versions(p.tls.versions, defaults.offer.versions),
            no_tls_tickets: p.no_tls_tickets || defaults.no_tls_tickets == Some(true),
            verify: match p.verify {
                None | Some(model::Verify::None) => ::tls::Verify::None,
                Some(model::Verify::Optional) => ::tls::Verify::Optional,
                Some(model::Verify::Required) => ::tls::Verify::Required,
            },
            ca_file: written(&p.ca_file),
            ca_verify_file: written(&p.ca_verify_file),
            no_ca_names: p.no_ca_names,
            crl_file: written(&p.crl_file),
            crt_ignore_err: written(&p.crt_ignore_err),
            ca_ignore_err: written(&p.ca_ignore_err),
            tls_ticket_keys: p.tls_ticket_keys.as_ref().and_then(|w| self.ticket_file(w)),
            on_demand: self.on_demand(p),
            ocsp_update: p.ocsp_update,
        }
    }

    /// Where nobody looks after certificates, nobody may wait for one.
    fn on_demand(&self, p: &BindParams) -> Option<OnDemand> {
        let name = p.acme.as_ref().filter(|_| !self.model.global.acme_scheduler_off)?;
        let acme = self.model.acmes.iter().find(|acme| acme.name.text == name.text && acme.on_demand)?;
        let patience = acme.on_demand_wait.map_or(ON_DEMAND_WAIT, Duration::from_millis).min(MOST_WAIT);
        Some(OnDemand { section: acme.name.text.as_str().into(), patience })
    }

    pub(crate) fn server_tls(&mut self, server: &model::Server) -> Option<Arc<ServerTls>> {
        let p = &server.params;
        if p.ssl != Some(true) && !p.ssl_ready {
            return None;
        }
        let defaults = &self.model.global.server_tls;
        let text = |own: &Option<Word>, common: &Option<Word>| {
            own.as_ref().or(common.as_ref()).map(|w| w.text.clone())
        };
        let written = |w: &Option<Word>| w.as_ref().map(|w| w.text.clone());
        let verify_none = match p.verify {
            Some(model::Verify::None) => true,
            Some(model::Verify::Required | model::Verify::Optional) => false,
            None => self.model.global.ssl_server_verify == Some(false),
        };
        let spec = ServerSpec {
            verify_none,
            ca_file: written(&p.ca_file),
            crl_file: written(&p.crl_file),
            verifyhost: written(&p.verifyhost),
            crt: written(&p.crt),
            alpn: p.alpn.as_ref().map_or_else(Vec::new, |w| only_http1(&w.text)),
            ciphers: text(&p.tls.ciphers, &defaults.offer.ciphers),
            ciphersuites: text(&p.tls.ciphersuites, &defaults.offer.ciphersuites),
            curves: text(&p.tls.curves, &defaults.offer.curves),
            versions: versions(p.tls.versions, defaults.offer.versions),
            no_tls_tickets: p.no_tls_tickets.or(defaults.no_tls_tickets) == Some(true),
            no_ssl_reuse: p.no_ssl_reuse == Some(true),
        };
        let store = self.store.clone();
        let built = ServerTls::new(&store, &spec);
        self.report(built.problems, server.span);
        built.value.map(Arc::new)
    }

    fn report(&mut self, problems: Vec<::tls::Problem>, span: Span) {
        for problem in problems {
            let text = problem.to_string();
            let diag = match problem.severity() {
                Severity::Alert => self.env.diags.alert(span, text),
                Severity::Warning => self.env.diags.warning(span, text),
                Severity::Notice => self.env.diags.notice(span, text),
                Severity::Diag => self.env.diags.diag(span, text),
            };
            if let Some(help) = problem.help() {
                diag.help(help);
            }
        }
    }
}

/// What we can speak of a protocol list. HTTP/2 is not spoken yet; the configuration said so already.
fn only_http1(list: &str) -> Vec<Vec<u8>> {
    list.split(',')
        .map(str::trim)
        .filter(|p| !matches!(*p, "h2" | "h3" | ""))
        .map(|p| p.as_bytes().to_vec())
        .collect()
}

fn alpn(written: Option<&Word>, off: bool, http: bool) -> Vec<Vec<u8>> {
    match written {
        _ if off => Vec::new(),
        Some(word) if http => only_http1(&word.text),
        Some(word) => word.text.split(',').map(|p| p.trim().as_bytes().to_vec()).collect(),
        None if http => ALPN.iter().map(|p| p.to_vec()).collect(),
        None => Vec::new(),
    }
}

/// A line's own limits replace those of the defaults, each by itself; switches add up.
fn versions(own: TlsVersionOptions, common: TlsVersionOptions) -> Versions {
    let version = |v: TlsVersion| match v {
        TlsVersion::Ssl3 => ::tls::TlsVersion::Ssl3,
        TlsVersion::Tls10 => ::tls::TlsVersion::Tls10,
        TlsVersion::Tls11 => ::tls::TlsVersion::Tls11,
        TlsVersion::Tls12 => ::tls::TlsVersion::Tls12,
        TlsVersion::Tls13 => ::tls::TlsVersion::Tls13,
    };
    Versions {
        min: own.min.or(common.min).map(version),
        max: own.max.or(common.max).map(version),
        no_tls12: own.no_tls12 || common.no_tls12,
        no_tls13: own.no_tls13 || common.no_tls13,
    }
}

fn read_ticket_keys(file: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|why| format!("unable to load ssl tickets keys file: {}", reason(&why)))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let decoded = |(at, line): (usize, &str)| {
        expr::base64_decode(line.trim().as_bytes())
            .ok_or_else(|| format!("unable to decode base64 key on line {}", at + 1))
    };
    lines.map(decoded).collect()
}
