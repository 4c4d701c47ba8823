//! The TLS of one `bind` line: its certificates, and which configuration a ClientHello gets.
//!
//! A bind is built from its words, and can be built again from them at any time (`rescan`): handshakes go on reading
//! the table they find, and find the new one from one moment to the next.

use crate::answers::Answers;
use crate::demand::Wait;
use crate::info::Served;
use crate::list::{self, Filter, Line};
use crate::policy::{Policy, PolicySpec};
use crate::problem::{Built, Problem};
use crate::source::{self, Source};
use crate::store::{CertStore, Stamp, stamp};
use crate::table::{Entry, Group, Table};
use crate::ticket_file::TicketFile;
use crate::tickets::Keys;
use crate::trust_edit::TrustKind;
use crate::versions::Versions;
use arc_swap::ArcSwap;
use base::diag::Severity;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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

/// Certificates are obtained when handshakes first ask for their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDemand {
    /// The `acme` section.
    pub section: Arc<str>,
    /// How long a handshake waits for one before it goes on without.
    pub patience: Duration,
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
    pub tls_ticket_keys: Option<Arc<TicketFile>>,
    /// `on-demand` of the `acme` section
    pub on_demand: Option<OnDemand>,
    /// `ocsp-update`
    pub ocsp_update: Option<bool>,
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
    /// Lists that operators edited, as they now are; their files do not count any more.
    edited: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct MadeOf {
    entries: Vec<Entry>,
    /// How many of them the line itself brings in; those obtained on demand come after.
    own: usize,
    /// `tls-ticket-keys`
    ticket_file: Option<Arc<TicketFile>>,
    policies: HashMap<PolicySpec, Known>,
    /// Those of the look before, while this one lasts.
    before: HashMap<PolicySpec, Known>,
    problems: Vec<Problem>,
}

/// A policy, and how the files of authorities and revocations it was made of stood.
#[derive(Clone, Debug)]
struct Known {
    policy: Arc<Policy>,
    files: Vec<(Stamp, u64)>,
}

/// A certificate to be loaded, with what its line says of it.
#[derive(Debug)]
struct Item {
    source: Source,
    policy: PolicySpec,
    filters: Vec<Filter>,
    ocsp_update: Option<bool>,
    on_demand: bool,
}

/// Edited lists by their word: lines with the numbers they are called by.
type Lists = HashMap<String, Vec<(usize, String)>>;

/// What a `rescan` found.
#[derive(Debug, Default)]
pub struct Rescan {
    /// The bind serves other certificates than before.
    pub changed: bool,
    /// Complaints that the scan before did not have.
    pub problems: Vec<Problem>,
}

/// A certificate, and whether its OCSP responses are fetched.
#[derive(Clone, Debug)]
pub struct OcspUse {
    /// The certificate's file.
    pub crt: Arc<Path>,
    /// What its line says of it.
    pub written: Option<bool>,
    /// They are.
    pub updated: bool,
    /// The certificate.
    pub certificate: Served,
}

/// A name that a bind answers to (management guide 9.3, `show ssl sni`).
#[derive(Clone, Debug)]
pub struct Named {
    /// The name or wildcard; `*` for the certificate of clients that ask for no known one.
    pub name: String,
    /// What a wildcard excludes.
    pub excluded: Vec<String>,
    /// The certificate's file.
    pub crt: Arc<Path>,
    /// The certificate.
    pub certificate: Served,
}

impl BindTls {
    /// Loads every certificate of the line.
    pub fn new(store: &CertStore, spec: &BindSpec) -> Built<BindTls> {
        let mut made = MadeOf::default();
        let mut problems = Vec::new();
        made.make(store, spec, &HashMap::new(), &mut problems);
        made.complain_of_none(store, spec, &mut problems);
        made.problems = problems.clone();
        let table = ArcSwap::from_pointee(made.table(store, spec));
        let (store, spec, made_of) = (store.clone(), spec.clone(), Mutex::new(made));
        Built::of(Some(BindTls { table, store, spec, made_of, edited: Mutex::default() }), problems)
    }

    /// Looks at all files again. What has become unreadable or broken is reported and goes on being served as it was.
    /// Reads the disk: for a thread that serves nobody.
    pub fn rescan(&self) -> Rescan {
        let mut made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        let (policies, before) = (made.policies.clone(), made.policies.clone());
        let mut next = MadeOf { policies, before, ..MadeOf::default() };
        next.policies.retain(|spec, known| known.files == stamps(&self.store, spec));
        let mut problems = Vec::new();
        next.make(&self.store, &self.spec, &self.edited(), &mut problems);
        next.before.clear();
        let own = self.spec.policy();
        let used: HashSet<_> = next.entries.iter().map(|entry| Arc::as_ptr(&entry.policy)).collect();
        next.policies.retain(|spec, known| *spec == own || used.contains(&Arc::as_ptr(&known.policy)));
        let new = problems.iter().filter(|problem| !made.problems.contains(problem)).cloned().collect();
        let changed = !next.entries.is_empty() && next.entries != made.entries;
        if changed {
            self.table.store(Arc::new(next.table(&self.store, &self.spec)));
            *made = next;
        }
        made.problems = problems;
        Rescan { changed, problems: new }
    }

    /// How many certificates are loaded, the temporary one not counted.
    pub fn certificates(&self) -> usize {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner).entries.len()
    }

    /// How often it serves this one.
    pub fn uses(&self, certificate: &Served) -> usize {
        let made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        made.entries.iter().filter(|entry| certificate.is(&entry.certificate)).count()
    }

    /// When the first of them ends, seconds since the epoch.
    pub fn soonest_end(&self) -> Option<i64> {
        let made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        made.entries.iter().map(|entry| entry.certificate.not_after).min()
    }

    /// The names it answers to, certificate by certificate in the order of the line.
    pub fn named(&self) -> Vec<Named> {
        let made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        let is_default = |f: &Filter| f.name.as_ref() == "*" && !f.negative;
        let told = made.entries.iter().any(|entry| entry.filters.iter().any(is_default));
        let mut named = Vec::new();
        for (index, entry) in made.entries.iter().enumerate() {
            let (no, yes): (Vec<_>, Vec<_>) = entry.filters.iter().partition(|filter| filter.negative);
            let excluded: Vec<String> = no.iter().map(|filter| filter.name.to_string()).collect();
            let mut names: Vec<String> = match entry.filters.is_empty() {
                true => entry.certificate.names.iter().map(ToString::to_string).collect(),
                false => yes.iter().map(|filter| filter.name.to_string()).collect(),
            };
            if index == 0 && made.own > 0 && !told && !self.spec.strict_sni {
                names.push("*".into());
            }
            named.extend(names.into_iter().map(|name| Named {
                excluded: if name.contains('*') { excluded.clone() } else { Vec::new() },
                name,
                crt: Arc::clone(&entry.crt),
                certificate: Served::new(&entry.certificate),
            }));
        }
        named
    }

    /// Its certificates, and whether their OCSP responses are fetched.
    pub fn ocsp_uses(&self) -> Vec<OcspUse> {
        let made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |entry: &Entry| OcspUse {
            crt: Arc::clone(&entry.crt),
            written: entry.ocsp_update,
            updated: entry.ocsp_update.unwrap_or_else(|| self.store.updates_ocsp(&entry.crt)),
            certificate: Served::new(&entry.certificate),
        };
        made.entries.iter().map(of).collect()
    }

    /// Its lists: `crt-list` files, and folders of certificates, which are lists too (management guide 9.3,
    /// `show ssl crt-list`).
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let folders = self.spec.crts.iter().filter(|word| self.is_folder(word));
        let folders = folders.map(|word| word.trim_end_matches('/'));
        self.spec.crt_lists.iter().map(String::as_str).chain(folders)
    }

    fn is_folder(&self, word: &str) -> bool {
        self.store.crt_path(word).is_dir()
    }

    /// The lines of a list, with their numbers; what is empty or a comment is left out. Reads the disk where the list
    /// was not edited yet.
    pub fn list_lines(&self, list: &str) -> Vec<(usize, String)> {
        if let Some(lines) = self.edited().get(list) {
            return lines.clone();
        }
        if self.is_folder(list) {
            let files = source::resolve(&self.store, list, &mut Vec::new());
            return (1..).zip(files.into_iter().map(|source| source.crt.display().to_string())).collect();
        }
        let text = std::fs::read_to_string(list).unwrap_or_default();
        let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim().to_owned()));
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect()
    }

    /// Adds a line to a list; it counts from the next `rescan` on.
    pub fn add_line(&self, list: &str, line: &str) -> Result<(), Problem> {
        let mut problems = Vec::new();
        list::parse(&PathBuf::from(list), line, &self.spec.policy(), &mut problems);
        if let Some(problem) = problems.into_iter().find(|p| p.severity() == Severity::Alert) {
            return Err(problem);
        }
        let mut lines = self.list_lines(list);
        if self.is_folder(list) && lines.iter().any(|(_, known)| known == line) {
            return Ok(());
        }
        let number = lines.iter().map(|(number, _)| *number).max().unwrap_or(0) + 1;
        lines.push((number, line.to_owned()));
        self.edited().insert(list.to_owned(), lines);
        Ok(())
    }

    /// Takes a line out of a list; it counts from the next `rescan` on.
    pub fn del_line(&self, list: &str, number: usize) {
        let mut lines = self.list_lines(list);
        lines.retain(|(n, _)| *n != number);
        self.edited().insert(list.to_owned(), lines);
    }

    fn edited(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.edited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open challenges of the whole process.
    pub(crate) fn answers(&self) -> &Answers {
        self.store.answers()
    }

    /// How long a handshake may wait for a certificate that is obtained on demand; `None`: there are none such.
    pub fn patience(&self) -> Option<Duration> {
        self.spec.on_demand.as_ref().map(|on_demand| on_demand.patience)
    }

    /// Has a certificate obtained for a name that none covers; `None` where there is nothing to wait for.
    pub(crate) fn wish(&self, name: Option<&str>) -> Option<Wait> {
        let (on_demand, name) = (self.spec.on_demand.as_ref()?, name?);
        if self.table.load().covers(name) {
            return None;
        }
        self.store.demand().wish(&on_demand.section, name)
    }

    /// The certificates and settings for a client that asks for this name; `None` ends the handshake.
    pub(crate) fn choose(&self, name: Option<&str>) -> Option<Arc<Group>> {
        self.table.load().choose(name).cloned()
    }
}

impl MadeOf {
    /// Reads everything the spec names and makes entries of what can be used.
    fn make(&mut self, store: &CertStore, spec: &BindSpec, edited: &Lists, problems: &mut Vec<Problem>) {
        self.ticket_file.clone_from(&spec.tls_ticket_keys);
        let wanted = wanted(store, spec, edited, problems);
        // The line's own settings are complained about even if no certificate uses them yet.
        self.policy(store, &spec.policy(), problems);
        let sources: Vec<Source> = wanted.iter().map(|item| item.source.clone()).collect();
        let loaded = store.load_all(&sources, SystemTime::now());
        for (item, loaded) in wanted.into_iter().zip(loaded) {
            let certificate = loaded.certificate.or_else(|| store.last(&item.source));
            if certificate.is_none() && store.is_looked_after(&item.source.crt) {
                problems.extend(damaged(loaded.problems));
            } else {
                problems.extend(loaded.problems);
            }
            let policy = self.policy(store, &item.policy, problems);
            if let (Some(certificate), Some(policy)) = (certificate, policy) {
                let crt = item.source.crt.into();
                self.own += usize::from(!item.on_demand);
                let (filters, ocsp_update) = (item.filters, item.ocsp_update);
                self.entries.push(Entry { crt, certificate, policy, filters, ocsp_update });
            }
        }
    }

    fn policy(
        &mut self,
        store: &CertStore,
        spec: &PolicySpec,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Policy>> {
        if let Some(known) = self.policies.get(spec) {
            return Some(Arc::clone(&known.policy));
        }
        let (files, mut found) = (stamps(store, spec), Vec::new());
        let keys = self.ticket_file.clone().map_or_else(|| store.ticket_keys(), Keys::File);
        let policy = Policy::new(store, spec, keys, &mut found).map(Arc::new);
        // Several lines of one list may share what is wrong with them.
        found.retain(|problem| !problems.contains(problem));
        problems.extend(found);
        // What was good goes on being used; the next look tries again.
        let known = match policy {
            Some(policy) => Known { policy, files },
            None => self.before.get(spec)?.clone(),
        };
        let policy = Arc::clone(&known.policy);
        self.policies.insert(spec.clone(), known);
        Some(policy)
    }

    /// A bind with nowhere to look for certificates does not start, unless it turns every client away anyway; one whose
    /// folders are still empty starts with the temporary certificate.
    fn complain_of_none(&self, store: &CertStore, spec: &BindSpec, problems: &mut Vec<Problem>) {
        let failed = problems.iter().any(|problem| problem.severity() == Severity::Alert);
        if !self.entries.is_empty() || spec.strict_sni || failed {
            return;
        }
        let somewhere = !spec.crts.is_empty() || !spec.crt_lists.is_empty();
        match self.temporary(store, spec) {
            // Those of strangers' names are made while it runs.
            Some(_) if spec.on_demand.is_some() => {}
            Some(_) if somewhere => problems.push(Problem::Temporary),
            Some(_) | None => problems.push(Problem::NothingToServe),
        }
    }

    fn temporary(&self, store: &CertStore, spec: &BindSpec) -> Option<Entry> {
        let policy = Arc::clone(&self.policies.get(&spec.policy())?.policy);
        let (certificate, crt) = (store.temporary()?, PathBuf::new().into());
        Some(Entry { crt, certificate, policy, filters: Vec::new(), ocsp_update: Some(false) })
    }

    /// Where the line itself brings in none, clients whose name is not known are shown the temporary certificate, and
    /// never one that was obtained on demand for somebody else.
    fn table(&self, store: &CertStore, spec: &BindSpec) -> Table {
        let first = if self.own == 0 { self.temporary(store, spec) } else { None };
        match first.filter(|_| !spec.strict_sni) {
            Some(first) => {
                let all: Vec<Entry> = [first].into_iter().chain(self.entries.iter().cloned()).collect();
                Table::build(&all, spec.strict_sni)
            }
            None => Table::build(&self.entries, spec.strict_sni),
        }
    }
}

/// A certificate that somebody looks after and can obtain again is no reason not to start.
fn damaged(problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(|problem| match problem.severity() {
        Severity::Alert => Problem::Unusable { why: problem.to_string() },
        Severity::Warning | Severity::Notice | Severity::Diag => problem,
    })
}

/// All sources of the line: those of `crt`, then those of `crt-list`.
fn wanted(store: &CertStore, spec: &BindSpec, edited: &Lists, problems: &mut Vec<Problem>) -> Vec<Item> {
    let base = spec.policy();
    let mut items = Vec::new();
    let mut add = |line: &Line, problems: &mut Vec<Problem>| {
        for source in source::resolve(store, &line.crt, problems) {
            let (policy, filters) = (line.policy.clone(), line.filters.clone());
            let ocsp_update = line.ocsp_update.or(source.ocsp_update).or(spec.ocsp_update);
            items.push(Item { source, policy, filters, ocsp_update, on_demand: false });
        }
    };
    for word in &spec.crts {
        match edited.get(word.trim_end_matches('/')) {
            None => add(&Line::bare(word, &base), problems),
            Some(lines) => {
                for line in list::parse(&PathBuf::from(word), &joined(lines), &base, problems) {
                    add(&line, problems);
                }
            }
        }
    }
    for word in &spec.crt_lists {
        let file = PathBuf::from(word);
        let text = match edited.get(word) {
            Some(lines) => Ok(joined(lines)),
            None => std::fs::read_to_string(&file),
        };
        match text {
            Ok(text) => {
                for line in list::parse(&file, &text, &base, problems) {
                    add(&line, problems);
                }
            }
            Err(error) => problems.push(Problem::Unreadable { file, why: error.to_string() }),
        }
    }
    items.extend(obtained_on_demand(store, spec, &base));
    items
}

/// Certificates that were obtained on demand, each for its one name. One whose file is gone is simply obtained anew.
fn obtained_on_demand(store: &CertStore, spec: &BindSpec, policy: &PolicySpec) -> Vec<Item> {
    let Some(on_demand) = &spec.on_demand else { return Vec::new() };
    let mut items = Vec::new();
    for (name, file) in store.obtained_on_demand(&on_demand.section) {
        for source in source::resolve(store, &file.display().to_string(), &mut Vec::new()) {
            let filter = Filter { negative: false, name: name.as_str().into() };
            let (policy, filters, ocsp_update) = (policy.clone(), vec![filter], spec.ocsp_update);
            items.push(Item { source, policy, filters, ocsp_update, on_demand: true });
        }
    }
    items
}

fn joined(lines: &[(usize, String)]) -> String {
    lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

/// How the files of a policy stand: sessions must not outlive a revocation.
fn stamps(store: &CertStore, spec: &PolicySpec) -> Vec<(Stamp, u64)> {
    let (authorities, lists) = (TrustKind::Authorities, TrustKind::Revocations);
    let files = [(&spec.ca_file, authorities), (&spec.ca_verify_file, authorities), (&spec.crl_file, lists)];
    let written =
        files.into_iter().filter_map(|(word, kind)| Some((store.trust_path(word.as_deref()?), kind)));
    written.map(|(path, kind)| (stamp(&path), store.trust_version(kind, &path))).collect()
}
