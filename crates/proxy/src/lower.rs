//! Lowering: the model as written becomes the plan as run. Expressions are compiled, names become indices, files are
//! read, defaults are decided; all complaints of a load come out together. Runs once, before anything is started.

mod back;
mod captures;
mod front;
mod host_names;
mod ids;
mod logs;
mod machine;
mod options;
mod replies;
mod resolvers;
mod rules;
mod spelling;
mod statistics;
mod stats_socket;
mod tls;
mod userlists;
mod wanted;

use crate::event_sink::EventSink;
use crate::limit::{Limit, RateLimits};
use crate::plan::{Connections, OcspUpdates, Origin, Plan, Process};
use crate::resolvers::Section;
use crate::server::Server;
use crate::statistics::Desk;
use crate::terminal::Terminal;
use crate::vars::ProcVars;
use base::{Diagnostics, Word};
use config::model::{CondText, ExprText, FormatText, Mode, Proxy, VarValue};
use config::{Environment, Model};
use expr::{Compiler, Condition, Env, Escape, Expr, Format, Stage, VarId};
use machine::Machine;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the command line adds to the model.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `-sf`, `-st`: unix sockets are taken over from a process that was asked to leave.
    pub take_over: bool,
    /// Shown by binds that have no certificate yet.
    pub temporary: Option<::tls::PemPair>,
    /// Check only: nothing is opened that a running process would keep, such as log sockets.
    pub check_only: bool,
}

/// `tune.bufsize`
const BUFSIZE: usize = 16_384;
/// `tune.maxrewrite`
const MAXREWRITE: usize = 1_024;
/// `tune.http.maxhdr`
const MAXHDR: usize = 101;
/// `tune.http.logurilen`; HAProxy's default of 1024 counts an end of text.
const LOG_URI_LEN: usize = 1023;
/// `tune.maxaccept`: connections accepted in a row before others get their turn.
const ACCEPT_BATCH: usize = 16;
/// Most worker threads; more than any machine's cores gains nothing.
const THREADS_MAX: usize = 256;

/// What lowering carries along.
pub(crate) struct Lower<'m> {
    pub model: &'m Model,
    pub env: Env<'m>,
    pub overrides: &'m Overrides,
    pub store: ::tls::CertStore,
    /// `resolvers` sections.
    pub resolvers: Vec<Arc<Section>>,
    /// Files of ticket keys, in the order in which they are named.
    pub ticket_files: Vec<Arc<::tls::TicketFile>>,
    /// Certificates to be obtained.
    pub wanted: wanted::WantedList,
    /// `ocsp-update` by certificate's file.
    pub ocsp_written: HashMap<PathBuf, bool>,
    pub backs: BTreeMap<String, usize>,
    /// Names of the files, by number.
    pub files: Vec<Arc<str>>,
    pub sinks: logs::Sinks,
    pub stored: replies::StoredFiles,
    /// Worker threads.
    pub threads: usize,
    /// What programs are started with.
    pub environment: Arc<Environment>,
    /// Lists that rules edit, to be found once all are loaded.
    pub edited: Vec<rules::Edited>,
    /// `h1-case-adjust`
    pub spelling: Option<Arc<http::Spelling>>,
    /// What is said on standard error.
    pub terminal: Arc<Terminal>,
    /// Numbers of the model's proxies, in its order.
    ids: Vec<u32>,
}

/// Lowers a model. The plan is of use only where no complaint is an alert.
pub fn lower(model: &Model, overrides: &Overrides) -> (Option<Plan>, Diagnostics) {
    let machine = Machine::new(Arc::new(model.environment.clone()));
    let mut lower = Lower::new(model, overrides, &machine);
    let mut process = lower.process();
    lower.environment = process.environment.clone();
    machine.publish(process.environment.clone());
    let (mut frontends, mut backends) = (Vec::new(), Vec::new());
    for proxy in model.proxies.iter().filter(|p| !p.disabled) {
        lower.enter(proxy);
        if proxy.kind.is_front() {
            let index = frontends.len();
            frontends.push(Arc::new(lower.frontend(proxy, index)));
        }
        if proxy.kind.is_back() {
            let index = backends.len();
            let front = frontends.last().filter(|_| proxy.kind.is_front()).map(Arc::as_ref);
            let back = lower.backend(proxy, index, front);
            backends.push(Arc::new(back));
        }
    }
    lower.find_edited();
    process.keeps_server_certificates = lower.env.asks_server_certificates;
    process.keeps_client_chains = lower.env.asks_client_chains;
    process.reads_request_bodies = lower.env.reads_request_bodies;
    let certs = lower.store.clone();
    let lists = std::mem::take(&mut lower.env.references);
    let named_servers = std::mem::take(&mut lower.env.named_servers);
    let ticket_files = std::mem::take(&mut lower.ticket_files);
    let log_sockets = lower.sinks.sockets();
    let diags = std::mem::take(&mut lower.env.diags);
    let (wanted, on_demand) = std::mem::take(&mut lower.wanted).all();
    let plan = (!diags.has_alerts()).then(|| {
        let origin = Origin { model: model.clone(), vars: Mutex::new(std::mem::take(&mut lower.env.vars)) };
        Plan {
            process,
            frontends,
            backends,
            certs,
            ticket_files,
            lists,
            named_servers,
            wanted,
            on_demand,
            log_sockets,
            origin,
        }
    });
    (plan, diags)
}

/// Lowers a server that an operator adds to a plan that runs: with its certificates, its lists and its variables.
pub(crate) fn added_server(
    plan: &Plan,
    proxy: &Proxy,
    server: &config::model::Server,
    index: usize,
) -> (Server, Diagnostics) {
    while_it_runs(plan, |lower| {
        lower.env.proxy.clone_from(&proxy.name.text);
        lower.env.mode_tcp = !Lower::is_http(proxy);
        lower.server(proxy, server, index)
    })
}

/// What a variable is set to, as written.
#[derive(Clone, Copy, Debug)]
pub enum VarText<'t> {
    /// A sample expression.
    Expr(&'t str),
    /// A log format.
    Format(&'t str),
}

/// Sets a `proc.` variable of a plan that runs (management guide 9.3, `set var`).
pub fn set_process_var(plan: &Plan, name: &str, value: VarText<'_>) -> Diagnostics {
    let word = |text: &str| Word::new(text, base::Span::default());
    let value = match value {
        VarText::Expr(text) => VarValue::Expr(ExprText { words: vec![word(text)] }),
        VarText::Format(text) => VarValue::Format(FormatText(word(text))),
    };
    let ((), said) = while_it_runs(plan, |lower| {
        let Some(id) = lower.var(&word(name)) else { return };
        if let Some(value) = lower.var_value(&value, Stage::Config) {
            let scope = rules::ProcessScope(&plan.process.vars);
            plan.process.vars.set(id.name, rules::evaluate(&value, &scope));
        }
    });
    said
}

/// Lowers something more for a plan that runs.
fn while_it_runs<R>(plan: &Plan, make: impl FnOnce(&mut Lower<'_>) -> R) -> (R, Diagnostics) {
    let environment = plan.process.environment.clone();
    let machine = Machine::new(environment.clone());
    let overrides = Overrides { check_only: true, ..Overrides::default() };
    let mut lower = Lower::new(&plan.origin.model, &overrides, &machine);
    lower.store = plan.certs.clone();
    lower.environment = environment;
    lower.resolvers.clone_from(&plan.process.resolvers);
    lower.env.references.clone_from(&plan.lists);
    lower.env.diags = Diagnostics::default();
    let mut vars = plan.origin.vars.lock().unwrap_or_else(PoisonError::into_inner);
    lower.env.vars = std::mem::take(&mut vars);
    let made = make(&mut lower);
    *vars = std::mem::take(&mut lower.env.vars);
    (made, std::mem::take(&mut lower.env.diags))
}

impl<'m> Lower<'m> {
    fn new(model: &'m Model, overrides: &'m Overrides, machine: &'m Machine) -> Lower<'m> {
        let enabled = || model.proxies.iter().filter(|p| !p.disabled);
        let index_of = |keep: fn(&Proxy) -> bool| {
            enabled().filter(|p| keep(p)).enumerate().map(|(i, p)| (p.name.text.clone(), i)).collect()
        };
        let mut env = Env::new(machine);
        env.files.clone_from(&model.files);
        env.userlists = userlists::lower(&model.userlists, &mut env.diags);
        for proxy in enabled() {
            if proxy.kind.is_front() {
                env.proxies.frontends.insert(proxy.name.text.clone());
            }
            if proxy.kind.is_back() {
                let servers = proxy.servers.iter().map(|s| s.name.text.clone()).collect();
                env.proxies.backends.insert(proxy.name.text.clone(), servers);
            }
        }
        let wanted = wanted::WantedList::new(model, &mut env.diags);
        let resolvers = resolvers::sections(model, &mut env.diags);
        let spelling = spelling::lower(&model.global, &mut env.diags);
        Lower {
            model,
            env,
            overrides,
            store: tls::store(model, overrides.temporary.as_ref(), &wanted),
            resolvers,
            ticket_files: Vec::new(),
            wanted,
            ocsp_written: HashMap::new(),
            backs: index_of(|p| p.kind.is_back()),
            files: model.files.iter().map(|name| Arc::from(name.as_str())).collect(),
            sinks: logs::Sinks::new(model, overrides.check_only),
            stored: replies::StoredFiles::default(),
            threads: threads(model),
            environment: Arc::default(),
            edited: Vec::new(),
            spelling,
            terminal: Arc::default(),
            ids: proxy_ids(model),
        }
    }

    /// Makes a proxy's named ACLs the ones that conditions see.
    fn enter(&mut self, proxy: &Proxy) {
        self.env.acls = Default::default();
        self.env.proxy = proxy.name.text.clone();
        self.env.mode_tcp = !Self::is_http(proxy);
        for acl in &proxy.settings.acls {
            Compiler::new(&mut self.env).acl(&acl.name, &acl.words);
        }
    }

    pub(crate) fn bufsize(&self) -> usize {
        self.model.global.bufsize.map_or(BUFSIZE, |n| n as usize)
    }

    pub(crate) fn limits(&self, unsafe_request: bool) -> http::h1::Limits {
        let rewrite = self.model.global.maxrewrite.map_or(MAXREWRITE, |n| n as usize);
        let bufsize = self.bufsize();
        http::h1::Limits {
            max_head: bufsize.saturating_sub(rewrite.min(bufsize / 2)),
            max_fields: self.model.global.maxhdr.map_or(MAXHDR, |n| n as usize),
            unsafe_request,
            ..http::h1::Limits::default()
        }
    }

    /// Most client connections of the process.
    pub(crate) fn maxconn(&self) -> u32 {
        self.model.global.maxconn.filter(|most| *most > 0).unwrap_or_else(default_maxconn)
    }

    fn process(&mut self) -> Process {
        let global = &self.model.global;
        let threads = self.threads;
        let hostname: Box<str> = net::hostname().into();
        let vars = ProcVars::default();
        self.global_vars(&vars);
        let stats = self.stats_sockets();
        let rings = self.rings();
        Process {
            environment: machine::told(&self.model.environment, &stats),
            threads,
            cpus: options::cpus(&global.cpu_map, threads),
            maxconn: Limit::new(self.maxconn()),
            pipe_size: global.pipesize.map_or(net::splice::PIPE_BYTES, |n| n as usize),
            pipes: global.maxpipes.map_or(net::splice::MAX_PIPES, |n| (n as usize).div_ceil(threads)),
            bufsize: self.bufsize(),
            description: global.description.as_ref().map(|word| word.text.as_str().into()),
            reads_request_bodies: false,
            node: global.node.as_ref().map_or_else(|| hostname.clone(), |n| n.text.as_str().into()),
            resolvers: self.resolvers.clone(),
            events: EventSink::new(&rings),
            rings,
            hostname,
            hard_stop_after: global.hard_stop_after.map(Duration::from_millis),
            stats,
            vars,
            ocsp: OcspUpdates::of(&global.ocsp.clone().unwrap_or_default()),
            list_edits: Default::default(),
            farm_news: Default::default(),
            terminal: self.terminal.clone(),
            desk: Desk::default(),
            rates: RateLimits::new(global.max_connection_rate, global.max_session_rate, global.max_tls_rate),
            log_uri_len: global.log_uri_len.map_or(LOG_URI_LEN, |n| n as usize),
            accept_batch: match global.max_accept {
                None => ACCEPT_BATCH,
                Some(most) => usize::try_from(most).unwrap_or(usize::MAX).max(1),
            },
            max_spread_checks: global.max_spread_checks.map(Duration::from_millis),
            keeps_server_certificates: false,
            keeps_client_chains: false,
            invalid: Default::default(),
            connections: Connections::default(),
        }
    }

    fn global_vars(&mut self, vars: &ProcVars) {
        let model = self.model;
        for set in &model.global.set_vars {
            let Some(id) = self.var(&set.name) else { continue };
            if let Some(value) = self.var_value(&set.value, Stage::Config) {
                let scope = rules::ProcessScope(vars);
                vars.set(id.name, rules::evaluate(&value, &scope));
            }
        }
    }

    pub(crate) fn cond(&mut self, cond: &CondText, stage: Stage) -> Option<Condition> {
        Compiler::new(&mut self.env).condition(cond.unless, &cond.words, stage)
    }

    pub(crate) fn expr(&mut self, text: &ExprText, stage: Stage) -> Option<Expr> {
        Compiler::new(&mut self.env).expr(&text.words, stage)
    }

    /// A piece of an HTTP message.
    pub(crate) fn format(&mut self, text: &FormatText, stage: Stage) -> Option<Format> {
        Compiler::new(&mut self.env).format(&text.0, stage, Escape::Http)
    }

    pub(crate) fn format_word(&mut self, word: &Word, stage: Stage, escape: Escape) -> Option<Format> {
        Compiler::new(&mut self.env).format(word, stage, escape)
    }

    pub(crate) fn var(&mut self, name: &Word) -> Option<VarId> {
        match self.env.vars.intern(&name.text) {
            Ok(id) => Some(id),
            Err(error) => {
                self.env.diags.alert(name.span, format!("invalid variable name '{}': {error}", name.text));
                None
            }
        }
    }

    pub(crate) fn is_http(proxy: &Proxy) -> bool {
        proxy.settings.mode == Some(Mode::Http)
    }

    /// A proxy's number.
    pub(crate) fn id(&self, proxy: &Proxy) -> u32 {
        self.ids.get(self.place_of(proxy)).copied().unwrap_or_default()
    }

    /// A proxy's place in the configuration.
    fn place_of(&self, proxy: &Proxy) -> usize {
        self.model.proxies.iter().position(|p| std::ptr::eq(p, proxy)).unwrap_or_default()
    }
}

/// Counted from 1, or from 2 where there is a stats socket, which is HAProxy's first proxy then.
fn proxy_ids(model: &Model) -> Vec<u32> {
    let first = if model.global.stats_sockets.is_empty() { 1 } else { 2 };
    ids::of(&model.proxies.iter().map(|proxy| proxy.id).collect::<Vec<_>>(), first)
}

fn threads(model: &Model) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    model.global.nbthread.map_or(cores, |n| n as usize).clamp(1, THREADS_MAX)
}

/// As many connections as the descriptors allow, two for each, some left for everything else.
fn default_maxconn() -> u32 {
    let descriptors = net::raise_fd_limit(u64::MAX).soft;
    u32::try_from(descriptors.saturating_sub(64) / 2).unwrap_or(u32::MAX).max(64)
}

/// Milliseconds as written to a timeout; 0 is none.
pub(crate) fn timeout(millis: Option<u64>) -> Option<Duration> {
    millis.filter(|ms| *ms > 0).map(Duration::from_millis)
}
