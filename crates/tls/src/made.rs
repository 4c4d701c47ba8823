//! What a bind's table is made of: the certificates that its words lead to, and how each is to be used. Made at load, and
//! again at each look at the disk, of which a later one touches no more than what may have changed.

use crate::bind::BindSpec;
use crate::list::{self, Filter, Line};
use crate::policy::{Policy, PolicySpec};
use crate::problem::Problem;
use crate::source::{self, Source};
use crate::store::{CertStore, Loaded, Stamp, stamp};
use crate::table::{Entry, Table};
use crate::ticket_file::TicketFile;
use crate::tickets::Keys;
use crate::trust_edit::{InUse, TrustKind};
use crate::watch::Look;
use base::diag::Severity;
use base::reason;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Edited lists by their word: lines with the numbers they are called by.
pub(crate) type Lists = HashMap<String, Vec<(usize, String)>>;

/// See the module's head.
#[derive(Debug, Default)]
pub(crate) struct MadeOf {
    pub(crate) entries: Vec<Entry>,
    /// How many of them the line itself brings in; those obtained on demand come after.
    pub(crate) own: usize,
    /// `tls-ticket-keys`
    ticket_file: Option<Arc<TicketFile>>,
    policies: HashMap<PolicySpec, Known>,
    /// Those of the look before, while this one lasts.
    before: HashMap<PolicySpec, Known>,
    pub(crate) problems: Vec<Problem>,
    /// Words that led to sources, or to none yet, without a complaint.
    resolved: HashMap<String, Vec<Source>>,
    /// Sources that something is wrong with: looked at each time.
    troubled: HashSet<Source>,
}

/// A policy, and how the files of authorities and revocations it was made of stood.
#[derive(Clone, Debug)]
struct Known {
    policy: Arc<Policy>,
    files: Vec<(Stamp, u64)>,
    _in_use: Vec<InUse>,
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

impl MadeOf {
    /// Reads everything the spec names, as far as it may have changed since `before`, and makes entries of what can be
    /// used.
    pub(crate) fn make(
        &mut self,
        store: &CertStore,
        spec: &BindSpec,
        edited: &Lists,
        (look, before): (Look<'_>, &MadeOf),
        problems: &mut Vec<Problem>,
    ) {
        self.ticket_file.clone_from(&spec.tls_ticket_keys);
        let mut words = Words { store, look, before: &before.resolved, resolved: HashMap::new() };
        let wanted = words.wanted(spec, edited, problems);
        self.resolved = words.resolved;
        // The line's own settings are complained about even if no certificate uses them yet.
        self.policy(store, &spec.policy(), problems);
        let sources: Vec<Source> = wanted.iter().map(|item| item.source.clone()).collect();
        let may_differ = |source: &Source| source.is_at(look) || before.troubled.contains(source);
        let loaded = store.load_all(&sources, may_differ, SystemTime::now());
        for (item, loaded) in wanted.into_iter().zip(loaded) {
            self.add(store, item, loaded, problems);
        }
    }

    fn add(&mut self, store: &CertStore, item: Item, loaded: Loaded, problems: &mut Vec<Problem>) {
        if !loaded.problems.is_empty() || loaded.certificate.is_none() {
            self.troubled.insert(item.source.clone());
        }
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

    /// Made anew, and what is to be complained of.
    pub(crate) fn again(
        &self,
        store: &CertStore,
        spec: &BindSpec,
        edited: &Lists,
        look: Look<'_>,
    ) -> (MadeOf, Vec<Problem>) {
        let (policies, before) = (self.policies.clone(), self.policies.clone());
        let mut next = MadeOf { policies, before, ..MadeOf::default() };
        next.policies.retain(|spec, known| known.files == stamps(store, spec));
        let mut problems = Vec::new();
        next.make(store, spec, edited, (look, self), &mut problems);
        next.before.clear();
        let own = spec.policy();
        let used: HashSet<_> = next.entries.iter().map(|entry| Arc::as_ptr(&entry.policy)).collect();
        next.policies.retain(|spec, known| *spec == own || used.contains(&Arc::as_ptr(&known.policy)));
        (next, problems)
    }

    /// Becomes what was made anew; whether other certificates are served. Where none is left, those before are, unless an
    /// operator wants it so.
    pub(crate) fn follow(
        &mut self,
        next: MadeOf,
        mut problems: Vec<Problem>,
        look: Look<'_>,
        may_be_none: bool,
    ) -> bool {
        match look {
            Look::All => {}
            // What lies elsewhere was not looked at, and is what it was.
            Look::In(_) => {
                let before = std::mem::take(&mut self.problems);
                let others: Vec<_> = before.into_iter().filter(|known| !problems.contains(known)).collect();
                problems.extend(others);
            }
        }
        let changed = (may_be_none || !next.entries.is_empty()) && next.entries != self.entries;
        if changed {
            *self = next;
        } else {
            (self.resolved, self.troubled) = (next.resolved, next.troubled);
        }
        self.problems = problems;
        changed
    }

    /// Where all that lies that this was made of, or that is waited for.
    pub(crate) fn folders(&self, store: &CertStore, spec: &BindSpec) -> HashSet<PathBuf> {
        let mut folders = HashSet::new();
        let mut add = |path: &Path| {
            if let Some(folder) = path.parent().filter(|folder| !folders.contains(*folder)) {
                folders.insert(folder.to_owned());
            }
        };
        for (word, sources) in &self.resolved {
            add(&store.word_path(word));
            sources.iter().flat_map(Source::elsewhere).for_each(&mut add);
        }
        self.troubled.iter().flat_map(Source::elsewhere).for_each(&mut add);
        spec.crt_lists.iter().for_each(|list| add(Path::new(list)));
        let policies = self.policies.keys().flat_map(|policy| trust_files(store, policy));
        policies.for_each(|(path, _)| add(&path));
        let words = spec.crts.iter().map(|word| store.word_path(word));
        folders.extend(words.filter(|path| path.is_dir()));
        folders
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
            Some(policy) => Known { policy, files, _in_use: store.use_trust(trust_files(store, spec)) },
            None => self.before.get(spec)?.clone(),
        };
        let policy = Arc::clone(&known.policy);
        self.policies.insert(spec.clone(), known);
        Some(policy)
    }

    /// A bind with nowhere to look for certificates does not start, unless it turns every client away anyway; one whose
    /// folders are still empty starts with the temporary certificate.
    pub(crate) fn complain_of_none(&self, store: &CertStore, spec: &BindSpec, problems: &mut Vec<Problem>) {
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
    pub(crate) fn table(&self, store: &CertStore, spec: &BindSpec, before: &Table) -> Table {
        let first = if self.own == 0 { self.temporary(store, spec) } else { None };
        match first.filter(|_| !spec.strict_sni) {
            Some(first) => {
                let all: Vec<Entry> = [first].into_iter().chain(self.entries.iter().cloned()).collect();
                Table::build(&all, spec.strict_sni, before)
            }
            None => Table::build(&self.entries, spec.strict_sni, before),
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

/// From words to sources; those that lie where nothing has changed lead where they led before.
struct Words<'w> {
    store: &'w CertStore,
    look: Look<'w>,
    before: &'w HashMap<String, Vec<Source>>,
    resolved: HashMap<String, Vec<Source>>,
}

impl Words<'_> {
    /// All sources of the line: those of `crt`, then those of `crt-list`, then those obtained on demand.
    fn wanted(&mut self, spec: &BindSpec, edited: &Lists, problems: &mut Vec<Problem>) -> Vec<Item> {
        let base = spec.policy();
        let mut items = Vec::new();
        for word in &spec.crts {
            match edited.get(word.trim_end_matches('/')) {
                None => self.add(&mut items, &Line::bare(word, &base), spec, problems),
                Some(lines) => self.listed(&mut items, (word, &joined(lines)), spec, problems),
            }
        }
        for word in &spec.crt_lists {
            let file = PathBuf::from(word);
            let text = match edited.get(word) {
                Some(lines) => Ok(joined(lines)),
                None => std::fs::read_to_string(&file),
            };
            match text {
                Ok(text) => self.listed(&mut items, (word, &text), spec, problems),
                Err(error) => problems.push(Problem::Unreadable { file, why: reason(&error) }),
            }
        }
        self.obtained_on_demand(&mut items, spec, &base);
        items
    }

    fn listed(
        &mut self,
        items: &mut Vec<Item>,
        (list, text): (&str, &str),
        spec: &BindSpec,
        problems: &mut Vec<Problem>,
    ) {
        for line in list::parse(Path::new(list), text, &spec.policy(), problems) {
            self.add(items, &line, spec, problems);
        }
    }

    fn add(&mut self, items: &mut Vec<Item>, line: &Line, spec: &BindSpec, problems: &mut Vec<Problem>) {
        for source in self.sources(&line.crt, problems) {
            let (policy, filters) = (line.policy.clone(), line.filters.clone());
            let ocsp_update = line.ocsp_update.or(source.ocsp_update).or(spec.ocsp_update);
            items.push(Item { source, policy, filters, ocsp_update, on_demand: false });
        }
    }

    /// Certificates that were obtained on demand, each for its one name. One whose file is gone is simply obtained anew.
    fn obtained_on_demand(&mut self, items: &mut Vec<Item>, spec: &BindSpec, policy: &PolicySpec) {
        let Some(on_demand) = &spec.on_demand else { return };
        for (name, file) in self.store.obtained_on_demand(&on_demand.section) {
            for source in self.sources(&file.display().to_string(), &mut Vec::new()) {
                let filter = Filter { negative: false, name: name.as_str().into() };
                let (policy, filters, ocsp_update) = (policy.clone(), vec![filter], spec.ocsp_update);
                items.push(Item { source, policy, filters, ocsp_update, on_demand: true });
            }
        }
    }

    fn sources(&mut self, word: &str, problems: &mut Vec<Problem>) -> Vec<Source> {
        let is_elsewhere = |sources: &&Vec<Source>| {
            !self.look.is_at(&self.store.word_path(word))
                && !sources.iter().any(|source| self.look.is_at(&source.crt))
        };
        if let Some(known) = self.before.get(word).filter(is_elsewhere) {
            self.resolved.insert(word.to_owned(), known.clone());
            return known.clone();
        }
        let mut found = Vec::new();
        let sources = source::resolve(self.store, word, &mut found);
        if found.is_empty() {
            self.resolved.insert(word.to_owned(), sources.clone());
        }
        problems.extend(found);
        sources
    }
}

fn joined(lines: &[(usize, String)]) -> String {
    lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

/// How the files of a policy stand: sessions must not outlive a revocation.
fn stamps(store: &CertStore, spec: &PolicySpec) -> Vec<(Stamp, u64)> {
    trust_files(store, spec).map(|(path, kind)| (stamp(&path), store.trust_version(kind, &path))).collect()
}

fn trust_files(store: &CertStore, spec: &PolicySpec) -> impl Iterator<Item = (PathBuf, TrustKind)> {
    let (authorities, lists) = (TrustKind::Authorities, TrustKind::Revocations);
    let files = [(&spec.ca_file, authorities), (&spec.ca_verify_file, authorities), (&spec.crl_file, lists)];
    files.into_iter().filter_map(|(word, kind)| Some((store.trust_path(word.as_deref()?), kind)))
}
