//! The TLS of one `bind` line: its certificates, and which configuration a ClientHello gets.
//!
//! A bind is built from its words, and can be built again from them at any time (`rescan`): handshakes go on reading
//! the table they find, and find the new one from one moment to the next.

use crate::answers::Answers;
use crate::demand::Wait;
use crate::info::Served;
use crate::list::{self, Filter};
use crate::made::{Lists, MadeOf};
use crate::policy::PolicySpec;
use crate::problem::{Built, Problem};
use crate::source;
use crate::store::CertStore;
use crate::table::{Entry, Group, Table};
use crate::ticket_file::TicketFile;
use crate::trust_edit::TrustKind;
use crate::versions::Versions;
use crate::watch::Look;
use arc_swap::ArcSwap;
use base::diag::Severity;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    /// `tune.ssl.capture-buffer-size`: bytes kept of each ClientHello; 0 keeps nothing.
    pub capture: usize,
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
    pub(crate) fn policy(&self) -> PolicySpec {
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
    made_of: Arc<Mutex<MadeOf>>,
    /// Lists that operators edited, as they now are; their files do not count any more.
    edited: Mutex<Lists>,
}

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
        made.make(store, spec, &Lists::new(), (Look::All, &MadeOf::default()), &mut problems);
        made.complain_of_none(store, spec, &mut problems);
        made.problems = problems.clone();
        let table = ArcSwap::from_pointee(made.table(store, spec, &Table::default()));
        let (store, spec, made_of) = (store.clone(), spec.clone(), Arc::new(Mutex::new(made)));
        store.note_bind(&made_of);
        Built::of(Some(BindTls { table, store, spec, made_of, edited: Mutex::default() }), problems)
    }

    /// Looks at all files again.
    pub fn rescan(&self) -> Rescan {
        self.look(Look::All)
    }

    /// Looks at files again. What has become unreadable or broken is reported and goes on being served as it was. Reads
    /// the disk: for a thread that serves nobody.
    pub fn look(&self, look: Look<'_>) -> Rescan {
        let mut made = self.made_of.lock().unwrap_or_else(PoisonError::into_inner);
        let edited = self.edited();
        let (next, problems) = made.again(&self.store, &self.spec, &edited, look);
        let emptied = !edited.is_empty();
        drop(edited);
        let new = problems.iter().filter(|problem| !made.problems.contains(problem)).cloned().collect();
        let changed = made.follow(next, problems, look, emptied);
        if changed {
            let table = made.table(&self.store, &self.spec, &self.table.load());
            self.table.store(Arc::new(table));
        }
        Rescan { changed, problems: new }
    }

    /// The folders whose changes a look may find; some may not be there yet.
    pub fn folders(&self) -> HashSet<PathBuf> {
        self.made_of.lock().unwrap_or_else(PoisonError::into_inner).folders(&self.store, &self.spec)
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

    /// The lines of a list, with their numbers and with the paths of their files; what is empty or a comment is left out.
    /// Reads the disk where the list was not edited yet.
    pub fn list_lines(&self, list: &str) -> Vec<(usize, String)> {
        if let Some(lines) = self.edited().get(list) {
            return lines.clone();
        }
        if self.is_folder(list) {
            let files = source::resolve(&self.store, list, &mut Vec::new());
            return (1..).zip(files.into_iter().map(|source| source.crt.display().to_string())).collect();
        }
        let text = std::fs::read_to_string(list).unwrap_or_default();
        let lines = text.lines().enumerate().map(|(i, line)| (i + 1, self.whole(line)));
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect()
    }

    /// A line with its certificate's path and single blanks.
    fn whole(&self, line: &str) -> String {
        let mut words = line.split_whitespace().map(str::to_owned);
        let crt = words.next().map(|word| match word.starts_with(['@', '#']) {
            true => word,
            false => self.store.crt_path(&word).display().to_string(),
        });
        crt.into_iter().chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Numbers of a list's lines for a certificate, by its path or as it stands there.
    pub fn lines_of(&self, list: &str, crt: &str) -> Vec<usize> {
        let crt = self.whole(crt);
        let is = |line: &str| line.split_whitespace().next() == Some(crt.as_str());
        self.list_lines(list).into_iter().filter(|(_, line)| is(line)).map(|(number, _)| number).collect()
    }

    /// Clients whose name is not known get the certificate of this line.
    pub fn is_default_line(&self, list: &str, number: usize) -> bool {
        let first = self.spec.crts.iter().chain(&self.spec.crt_lists).next();
        let is_first = first.is_some_and(|word| word.trim_end_matches('/') == list);
        is_first
            && !self.spec.strict_sni
            && self.list_lines(list).first().is_some_and(|line| line.0 == number)
    }

    /// Adds a line to a list; it counts from the next `rescan` on. Authorities and revocation lists have to be there already.
    pub fn add_line(&self, list: &str, line: &str) -> Result<(), Problem> {
        let (mut problems, line) = (Vec::new(), &self.whole(line));
        let lines = list::parse(&PathBuf::from(list), line, &self.spec.policy(), &mut problems);
        problems.extend(lines.iter().find_map(|line| self.unknown_trust(&line.policy)));
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

    fn unknown_trust(&self, policy: &PolicySpec) -> Option<Problem> {
        let (authorities, lists) = (TrustKind::Authorities, TrustKind::Revocations);
        let files = [
            ("ca-file", &policy.ca_file, authorities),
            ("ca-verify-file", &policy.ca_verify_file, authorities),
            ("crl-file", &policy.crl_file, lists),
        ];
        files.into_iter().find_map(|(what, word, kind)| {
            let word = word.as_deref().filter(|word| self.store.trust_file(kind, word).is_none())?;
            Some(Problem::NotLoaded { what, file: self.store.trust_path(word) })
        })
    }

    /// Takes a line out of a list; it counts from the next `rescan` on. Its certificate stays known.
    pub fn del_line(&self, list: &str, number: usize) {
        let mut lines = self.list_lines(list);
        let gone = lines.iter().find(|(n, _)| *n == number);
        let word = gone.and_then(|(_, line)| line.split_whitespace().next()).unwrap_or_default();
        for source in source::resolve(&self.store, word, &mut Vec::new()) {
            if let Some(certificate) = self.store.last(&source) {
                self.store.keep(&source.crt, &certificate);
            }
        }
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

    /// Bytes kept of each ClientHello.
    pub(crate) fn capture(&self) -> usize {
        self.spec.capture
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
