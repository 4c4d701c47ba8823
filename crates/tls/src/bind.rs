//! The TLS of one `bind` line: its certificates, and which configuration a ClientHello gets.
//!
//! A bind is built from its words, and can be built again from them at any time (`rescan`): handshakes go on reading
//! the table they find, and find the new one from one moment to the next.

use crate::answers::Answers;
use crate::certificate::Certificate;
use crate::list::{self, Filter};
use crate::policy::{Policy, PolicySpec};
use crate::problem::{Built, Problem};
use crate::source::{self, Source};
use crate::store::{CertStore, Stamp, stamp};
use crate::table::{Entry, Group, Table};
use crate::versions::Versions;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// `verify`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Verify {
    /// No certificate is asked for.
    #[default]
    None,
    /// One is asked for; a client without one is let in.
    Optional,
    /// Nobody enters without one.
    Required,
}

/// A bind's TLS words, as written; `None` and empty = not written.
#[derive(Clone, Debug, Default)]
pub struct BindSpec {
    /// `crt` and `default-crt`, the default first: a file, a folder or `@store/alias`.
    pub crts: Vec<String>,
    /// `crt-list`
    pub crt_lists: Vec<String>,
    /// `strict-sni`
    pub strict_sni: bool,
    /// `alpn`, most preferred first; empty = no ALPN.
    pub alpn: Vec<Vec<u8>>,
    /// `ciphers`, OpenSSL's list for TLS 1.2
    pub ciphers: Option<String>,
    /// `ciphersuites`, for TLS 1.3
    pub ciphersuites: Option<String>,
    /// `curves`, or `ecdhe`
    pub curves: Option<String>,
    /// `ssl-min-ver`, `ssl-max-ver`, `no-tlsv*`
    pub versions: Versions,
    /// `no-tls-tickets`
    pub no_tls_tickets: bool,
    /// `verify`
    pub verify: Verify,
    /// `ca-file`
    pub ca_file: Option<String>,
    /// `ca-verify-file`
    pub ca_verify_file: Option<String>,
    /// `no-ca-names`
    pub no_ca_names: bool,
    /// `crl-file`
    pub crl_file: Option<String>,
    /// `crt-ignore-err`
    pub crt_ignore_err: Option<String>,
    /// `ca-ignore-err`
    pub ca_ignore_err: Option<String>,
    /// `tls-ticket-keys`
    pub tls_ticket_keys: Option<String>,
}

impl BindSpec {
    fn policy(&self) -> PolicySpec {
        PolicySpec {
            alpn: self.alpn.clone(),
            ciphers: self.ciphers.clone(),
            ciphersuites: self.ciphersuites.clone(),
            curves: self.curves.clone(),
            versions: self.versions,
            no_tls_tickets: self.no_tls_tickets,
            verify: self.verify,
            ca_file: self.ca_file.clone(),
            ca_verify_file: self.ca_verify_file.clone(),
            crl_file: self.crl_file.clone(),
            crt_ignore_err: self.crt_ignore_err.clone(),
            ca_ignore_err: self.ca_ignore_err.clone(),
            no_ca_names: self.no_ca_names,
        }
    }
}

/// The running TLS of a bind, shared by its connections.
#[derive(Debug)]
pub struct BindTls {
    table: ArcSwap<Table>,
    store: CertStore,
    spec: BindSpec,
    /// What the table was made of; taken only at load and by `rescan`.
    made_of: Mutex<MadeOf>,
}

#[derive(Debug, Default)]
struct MadeOf {
    certificates: Vec<Item<Arc<Certificate>>>,
    policies: HashMap<PolicySpec, Arc<Policy>>,
    authorities: Vec<Stamp>,
    problems: Vec<Problem>,
}

/// A certificate, before or after loading, with what its line says of it.
#[derive(Clone, Debug)]
struct Item<C> {
    what: C,
    policy: PolicySpec,
    filters: Vec<Filter>,
}

/// What a `rescan` found.
#[derive(Debug, Default)]
pub struct Rescan {
    /// The bind serves other certificates than before.
    pub changed: bool,
    /// Complaints that the scan before did not have.
    pub problems: Vec<Problem>,
}

impl BindTls {
    /// Loads every certificate of the line.
    pub fn new(store: &CertStore, spec: &BindSpec) -> Built<BindTls> {
        let mut made = MadeOf::default();
        let mut problems = Vec::new();
        if spec.tls_ticket_keys.is_some() {
            let why = "ticket keys are made and turned over by the process itself";
            problems.push(Problem::NoEffect { what: "tls-ticket-keys".into(), why });
        }
        let entries = made.make(store, spec, &mut problems);
        let entries = or_temporary(entries, &made, store, spec, &mut problems);
        made.problems = problems.clone();
        let table = ArcSwap::from_pointee(Table::build(&entries, spec.strict_sni));
        let (store, spec, made_of) = (store.clone(), spec.clone(), Mutex::new(made));
        Built::of(Some(BindTls { table, store, spec, made_of }), problems)
    }

    /// Looks at all files again. What has become unreadable or broken is reported and goes on being served as it was.
    /// Reads the disk: for a thread that serves nobody.
    pub fn rescan(&self) -> Rescan {
        let mut made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = MadeOf::default();
        if made.authorities == authorities(&self.store, &self.spec) {
            next.policies.clone_from(&made.policies);
        }
        let mut problems = Vec::new();
        let entries = next.make(&self.store, &self.spec, &mut problems);
        let new = problems.iter().filter(|problem| !made.problems.contains(problem)).cloned().collect();
        next.problems = problems;
        let changed = !entries.is_empty() && !next.same_as(&made);
        if changed {
            self.table.store(Arc::new(Table::build(&entries, self.spec.strict_sni)));
            *made = next;
        } else {
            made.problems = next.problems;
        }
        Rescan { changed, problems: new }
    }

    /// How many certificates are loaded, the temporary one not counted.
    pub fn certificates(&self) -> usize {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner).certificates.len()
    }

    /// Open challenges of the whole process.
    pub(crate) fn answers(&self) -> &Answers {
        self.store.answers()
    }

    /// The certificates and settings for a client that asks for this name; `None` ends the handshake.
    pub(crate) fn choose(&self, name: Option<&str>) -> Option<Arc<Group>> {
        self.table.load().choose(name).cloned()
    }
}

impl MadeOf {
    /// Reads everything the spec names and makes entries of what can be used.
    fn make(&mut self, store: &CertStore, spec: &BindSpec, problems: &mut Vec<Problem>) -> Vec<Entry> {
        self.authorities = authorities(store, spec);
        let wanted = wanted(store, spec, problems);
        // The line's own settings are complained about even if no certificate uses them yet.
        self.policy(store, &spec.policy(), problems);
        let sources: Vec<Source> = wanted.iter().map(|item| item.what.clone()).collect();
        let loaded = store.load_all(&sources, SystemTime::now());
        let mut entries = Vec::with_capacity(wanted.len());
        for (item, loaded) in wanted.into_iter().zip(loaded) {
            problems.extend(loaded.problems);
            let certificate = loaded.certificate.or_else(|| store.last(&item.what));
            let policy = self.policy(store, &item.policy, problems);
            if let (Some(certificate), Some(policy)) = (certificate, policy) {
                let (what, filters) = (Arc::clone(&certificate), item.filters.clone());
                self.certificates.push(Item { what, policy: item.policy, filters: item.filters });
                entries.push(Entry { certificate, policy, filters });
            }
        }
        entries
    }

    fn policy(
        &mut self,
        store: &CertStore,
        spec: &PolicySpec,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Policy>> {
        if let Some(known) = self.policies.get(spec) {
            return Some(Arc::clone(known));
        }
        let mut found = Vec::new();
        let policy = Policy::new(store, spec, &mut found).map(Arc::new);
        // Several lines of one list may share what is wrong with them.
        found.retain(|problem| !problems.contains(problem));
        problems.extend(found);
        policy.inspect(|policy| {
            self.policies.insert(spec.clone(), Arc::clone(policy));
        })
    }

    fn same_as(&self, other: &MadeOf) -> bool {
        let same = |(a, b): (&Item<Arc<Certificate>>, &Item<Arc<Certificate>>)| {
            Arc::ptr_eq(&a.what, &b.what) && a.policy == b.policy && a.filters == b.filters
        };
        self.authorities == other.authorities
            && self.certificates.len() == other.certificates.len()
            && self.certificates.iter().zip(&other.certificates).all(same)
    }
}

/// All sources of the line: those of `crt`, then those of `crt-list`.
fn wanted(store: &CertStore, spec: &BindSpec, problems: &mut Vec<Problem>) -> Vec<Item<Source>> {
    let base = spec.policy();
    let mut items = Vec::new();
    let mut add = |word: &str, policy: &PolicySpec, filters: &[Filter], problems: &mut Vec<Problem>| {
        for what in source::resolve(store, word, problems) {
            items.push(Item { what, policy: policy.clone(), filters: filters.to_vec() });
        }
    };
    for word in &spec.crts {
        add(word, &base, &[], problems);
    }
    for word in &spec.crt_lists {
        let file = PathBuf::from(word);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                for line in list::parse(&file, &text, &base, problems) {
                    add(&line.crt, &line.policy, &line.filters, problems);
                }
            }
            Err(error) => problems.push(Problem::Unreadable { file, why: error.to_string() }),
        }
    }
    items
}

/// Stamps of the bind's authorities and revocation lists: sessions must not outlive a revocation.
fn authorities(store: &CertStore, spec: &BindSpec) -> Vec<Stamp> {
    let files = [&spec.ca_file, &spec.ca_verify_file, &spec.crl_file];
    files.into_iter().flatten().map(|word| stamp(Path::new(&store.ca_path(word)))).collect()
}

/// A bind with nowhere to look for certificates does not start, unless it turns every client away anyway; one whose
/// folders are still empty starts with the temporary certificate.
fn or_temporary(
    entries: Vec<Entry>,
    made: &MadeOf,
    store: &CertStore,
    spec: &BindSpec,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let failed = problems.iter().any(|problem| problem.severity() == base::diag::Severity::Alert);
    if !entries.is_empty() || spec.strict_sni || failed {
        return entries;
    }
    let nowhere = spec.crts.is_empty() && spec.crt_lists.is_empty();
    let policy = made.policies.get(&spec.policy()).cloned();
    match (store.temporary(), policy) {
        (Some(certificate), Some(policy)) if !nowhere => {
            problems.push(Problem::Temporary);
            vec![Entry { certificate, policy, filters: Vec::new() }]
        }
        _ => {
            problems.push(Problem::NothingToServe);
            entries
        }
    }
}
