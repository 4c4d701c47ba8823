//! The compiler: words of a configuration to expressions, conditions and formats that can be evaluated. Used by
//! lowering only, once per load. It never stops at the first complaint: each method answers `None` and leaves what is
//! wrong in [`Env::diags`].
//!
//! One [`Env`] serves a whole load; [`Env::acls`] and [`Env::proxy`] belong to the proxy at hand and are set anew for
//! each.

use crate::acl::AclTable;
use crate::args::Userlist;
use crate::condition::Condition;
use crate::expression::Expr;
use crate::format::{Escape, Format};
use crate::reference::Reference;
use crate::stage::Stage;
use crate::vars::VarNames;
use base::{Diagnostics, Word};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What compiling may ask of the machine.
pub trait Outside {
    /// A pattern or map file, whole.
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>>;
    /// An environment variable, for the `env` fetch.
    fn env_var(&self, name: &str) -> Option<String>;
    /// The address of a host name that stands among IP patterns (without `-n`).
    fn lookup(&self, host: &str) -> Option<IpAddr>;
}

/// Names that arguments may refer to.
#[derive(Clone, Debug, Default)]
pub struct ProxyNames {
    /// Frontends and listens.
    pub frontends: BTreeSet<String>,
    /// Backends and listens, each with its servers.
    pub backends: BTreeMap<String, BTreeSet<String>>,
}

/// Everything expressions are compiled against.
pub struct Env<'e> {
    /// Complaints go here.
    pub diags: Diagnostics,
    /// The named ACLs of the proxy at hand.
    pub acls: AclTable,
    /// The proxy at hand: what an absent backend or frontend argument means. Empty outside proxies.
    pub proxy: String,
    /// The proxy at hand is in TCP mode: log items that exist only in HTTP mode are refused.
    pub mode_tcp: bool,
    /// All proxies.
    pub proxies: ProxyNames,
    /// All userlists by name.
    pub userlists: BTreeMap<String, Arc<dyn Userlist>>,
    /// Variable names.
    pub vars: VarNames,
    /// Files, environment, names.
    pub outside: &'e dyn Outside,
    /// Names of the configuration's files, by their number.
    pub files: Vec<String>,
    /// Maps and pattern lists so far: all who use a file share one.
    pub references: Vec<Arc<Reference>>,
    /// Some expression asks for the certificates of servers, which are not kept otherwise.
    pub asks_server_certificates: bool,
    /// Something asks for what clients show above their certificates.
    pub asks_client_chains: bool,
    /// Servers that expressions name, as backend and server: they cannot be deleted while it runs.
    pub named_servers: BTreeSet<(Box<str>, Box<str>)>,
    /// An expression so far looks at bodies of requests.
    pub reads_request_bodies: bool,
}

impl<'e> Env<'e> {
    /// An environment in which nothing is defined yet.
    pub fn new(outside: &'e dyn Outside) -> Env<'e> {
        Env {
            diags: Diagnostics::default(),
            acls: AclTable::default(),
            proxy: String::new(),
            mode_tcp: false,
            proxies: ProxyNames::default(),
            userlists: BTreeMap::new(),
            vars: VarNames::default(),
            outside,
            files: Vec::new(),
            references: Vec::new(),
            asks_server_certificates: false,
            asks_client_chains: false,
            named_servers: BTreeSet::new(),
            reads_request_bodies: false,
        }
    }
}

/// Compiles against an environment.
pub struct Compiler<'c, 'e> {
    pub(crate) env: &'c mut Env<'e>,
}

impl<'c, 'e> Compiler<'c, 'e> {
    /// A compiler over `env`.
    pub fn new(env: &'c mut Env<'e>) -> Compiler<'c, 'e> {
        Compiler { env }
    }

    /// A sample expression, all words of which belong to it.
    pub fn expr(&mut self, words: &[Word], stage: Stage) -> Option<Expr> {
        crate::expression::compile(self.env, words, stage)
    }

    /// The condition behind `if` (or `unless`).
    pub fn condition(&mut self, unless: bool, words: &[Word], stage: Stage) -> Option<Condition> {
        crate::condition::compile(self.env, unless, words, stage)
    }

    /// A log-format string.
    pub fn format(&mut self, word: &Word, stage: Stage, escape: Escape) -> Option<Format> {
        crate::format::compile(self.env, word, stage, escape)
    }

    /// Defines a named ACL, or adds tests to it: `acl NAME WORDS`.
    pub fn acl(&mut self, name: &Word, words: &[Word]) {
        crate::acl::define(self.env, name, words);
    }
}
