//! What the binds and servers of one process share: files already read, ticket keys, remembered sessions, the
//! temporary certificate. Cheap to clone; every clone is the same store. Its locks are taken at load and by `rescan`,
//! never in a handshake.

mod read;
mod spec;
mod stamps;

pub use spec::{OnDemandFiles, PemPair, StoreEntry, StoreSpec};

pub(crate) use read::Loaded;
pub(crate) use spec::SESSIONS;
pub(crate) use stamps::{Stamp, Stamps, stamp};

use crate::answers::Answers;
use crate::certificate::{self, Certificate};
use crate::demand::Demand;
use crate::edit::Transaction;
use crate::lifetime::Lifetime;
use crate::made::MadeOf;
use crate::problem::Problem;
use crate::server::Live;
use crate::source::Source;
use crate::tickets::{Keys, TicketKeys};
use crate::trust_edit::TrustFiles;
use read::Read;
use rustls::server::ServerSessionMemoryCache;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Certificate files and secrets of the process.
#[derive(Clone)]
pub struct CertStore {
    shared: Arc<Shared>,
}

struct Shared {
    spec: StoreSpec,
    keys: Arc<TicketKeys>,
    sessions: Option<Arc<ServerSessionMemoryCache>>,
    temporary: Option<Arc<Certificate>>,
    answers: Answers,
    demand: Arc<Demand>,
    on_demand: Mutex<Obtained>,
    read: Mutex<HashMap<Source, Read>>,
    edits: Mutex<Edits>,
    trust: Mutex<TrustFiles>,
    servers: Mutex<Vec<Weak<Live>>>,
    binds: Mutex<Vec<Weak<Mutex<MadeOf>>>>,
    /// By store and alias, the places of its entries.
    aliases: HashMap<String, HashMap<String, usize>>,
    /// The same by file.
    files: HashMap<PathBuf, Vec<usize>>,
}

/// Certificates that were obtained on demand.
struct Obtained {
    sections: OnDemandFiles,
    /// All their files.
    files: HashSet<PathBuf>,
}

impl Obtained {
    fn of(sections: &OnDemandFiles) -> Obtained {
        let files = sections.values().flat_map(BTreeMap::values).cloned().collect();
        Obtained { sections: sections.clone(), files }
    }
}

/// What operators brought in.
#[derive(Default)]
pub(crate) struct Edits {
    pub(crate) transaction: Option<Transaction>,
    /// Certificates that no file holds, or that stay when nobody uses them, by the path that stands for them.
    pub(crate) loose: HashMap<PathBuf, Loose>,
}

/// Empty until it is filled.
#[derive(Default)]
pub(crate) struct Loose {
    pub(crate) certificate: Option<Arc<Certificate>>,
}

impl CertStore {
    /// An empty store.
    pub fn new(spec: StoreSpec) -> CertStore {
        let sessions = spec.sessions.unwrap_or(SESSIONS);
        let temporary = spec.temporary.as_ref().and_then(|pem| certificate::from_pem(&pem.cert, &pem.key));
        let shared = Shared {
            keys: Arc::new(TicketKeys::new()),
            sessions: (sessions > 0).then(|| ServerSessionMemoryCache::new(sessions)),
            temporary: temporary.map(Arc::new),
            answers: Answers::default(),
            demand: Arc::default(),
            on_demand: Mutex::new(Obtained::of(&spec.on_demand)),
            read: Mutex::default(),
            edits: Mutex::default(),
            trust: Mutex::default(),
            servers: Mutex::default(),
            binds: Mutex::default(),
            aliases: aliases(&spec.entries),
            files: files(&spec.entries),
            spec,
        };
        CertStore { shared: Arc::new(shared) }
    }

    /// A path as the configuration means it: relative ones start at `crt-base`.
    pub(crate) fn crt_path(&self, word: &str) -> PathBuf {
        based(self.shared.spec.crt_base.as_deref(), word)
    }

    /// The same for the files of `ca-file` and `crl-file`, and for `@system-ca`.
    pub(crate) fn trust_path(&self, word: &str) -> PathBuf {
        if word.starts_with('@') { PathBuf::from(word) } else { self.ca_path(word) }
    }

    /// The same for authorities and revocation lists.
    pub(crate) fn ca_path(&self, word: &str) -> PathBuf {
        based(self.shared.spec.ca_base.as_deref(), word)
    }

    /// Where a `crt` word leads, whatever is there.
    pub(crate) fn word_path(&self, word: &str) -> PathBuf {
        self.stored(word).map_or_else(|| self.crt_path(word), |source| source.crt)
    }

    /// `@store/alias`, `@/alias` or `@alias` of the unnamed store.
    pub(crate) fn stored(&self, word: &str) -> Option<Source> {
        let word = word.strip_prefix('@')?;
        let (store, name) = word.split_once('/').unwrap_or(("", word));
        let at = *self.shared.aliases.get(store)?.get(name)?;
        self.shared.spec.entries.get(at).map(StoreEntry::source)
    }

    /// Not there yet, as is known.
    pub(crate) fn is_awaited(&self, path: &Path) -> bool {
        self.is_looked_after(path) && !path.exists() && !self.is_loose(path) && self.serving(path).is_none()
    }

    /// Somebody looks after it.
    pub(crate) fn is_looked_after(&self, path: &Path) -> bool {
        self.shared.spec.awaited.contains(path) || self.on_demand().files.contains(path)
    }

    /// It is served though its file cannot be seen (any more), and somebody looks after it.
    pub(crate) fn is_kept(&self, path: &Path) -> bool {
        self.is_loose(path) || (self.is_looked_after(path) && self.serving(path).is_some())
    }

    /// Names that handshakes want certificates for.
    pub fn demand(&self) -> &Arc<Demand> {
        &self.shared.demand
    }

    /// Serves what a file holds, or will hold, for a name that a section's handshakes asked for; from the next scan on.
    pub fn serve_on_demand(&self, section: &str, name: &str, file: PathBuf) {
        let mut obtained = self.on_demand();
        obtained.files.insert(file.clone());
        obtained.sections.entry(section.to_owned()).or_default().insert(name.to_owned(), file);
    }

    /// Serves it no more, from the next scan on; its file, if it was served.
    pub fn forget_on_demand(&self, section: &str, name: &str) -> Option<PathBuf> {
        let mut obtained = self.on_demand();
        let file = obtained.sections.get_mut(section).and_then(|names| names.remove(name))?;
        obtained.files.remove(&file);
        drop(obtained);
        self.edits().loose.remove(&file);
        Some(file)
    }

    /// Names and files of a section's certificates that were obtained on demand.
    pub(crate) fn obtained_on_demand(&self, section: &str) -> BTreeMap<String, PathBuf> {
        self.on_demand().sections.get(section).cloned().unwrap_or_default()
    }

    fn on_demand(&self) -> std::sync::MutexGuard<'_, Obtained> {
        self.shared.on_demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All ways in which the configuration names a certificate's file.
    pub(crate) fn sources_of(&self, path: &Path) -> Vec<Source> {
        let entries = self.shared.files.get(path).into_iter().flatten();
        let entries = entries.filter_map(|at| self.shared.spec.entries.get(*at)).map(StoreEntry::source);
        entries.chain([Source { crt: path.to_owned(), ..Source::default() }]).collect()
    }

    /// Those of `wanted` that the data plane speaks.
    pub(crate) fn spoken(&self, wanted: &[Vec<u8>], problems: &mut Vec<Problem>) -> Vec<Vec<u8>> {
        let known = &self.shared.spec.spoken_alpn;
        let (spoken, names): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|name| known.is_empty() || known.contains(name));
        if !names.is_empty() {
            let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            problems.push(Problem::UnknownNames { what: "alpn", names });
        }
        spoken
    }

    /// Where challenges are posted.
    pub fn answers(&self) -> &Answers {
        &self.shared.answers
    }

    pub(crate) fn ticket_keys(&self) -> Keys {
        Keys::Own(Arc::clone(&self.shared.keys))
    }

    /// Where sessions are remembered, if they are.
    pub(crate) fn sessions(&self) -> Option<Arc<ServerSessionMemoryCache>> {
        self.shared.sessions.clone()
    }

    pub(crate) fn session_lifetime(&self) -> Lifetime {
        Lifetime::of(self.shared.spec.session_lifetime)
    }

    pub(crate) fn temporary(&self) -> Option<Arc<Certificate>> {
        self.shared.temporary.clone()
    }

    /// Whether responses are fetched for a certificate's file of which no line says it.
    pub(crate) fn updates_ocsp(&self, crt: &Path) -> bool {
        self.shared.spec.ocsp_mode.unwrap_or_else(|| self.is_looked_after(crt))
    }

    pub(crate) fn edits(&self) -> std::sync::MutexGuard<'_, Edits> {
        self.shared.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trust_lock(&self) -> std::sync::MutexGuard<'_, TrustFiles> {
        self.shared.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a server, whose trust and certificate may change.
    pub(crate) fn note_server(&self, server: &Arc<Live>) {
        note(&self.shared.servers, server);
    }

    /// Remembers a bind, to know of its certificates.
    pub(crate) fn note_bind(&self, bind: &Arc<Mutex<MadeOf>>) {
        note(&self.shared.binds, bind);
    }

    /// Has the servers that use a file check with what it now holds; how many do.
    pub(crate) fn refresh_servers(&self, file: &Path) -> usize {
        noted(&self.shared.servers).iter().filter(|server| server.refresh(self, file)).count()
    }

    /// Has the servers that show the certificate of a file show this one; how many do.
    pub(crate) fn show_to_servers(&self, file: &Path, certificate: &Certificate) -> usize {
        noted(&self.shared.servers).iter().filter(|server| server.show(file, certificate)).count()
    }

    /// A bind or server has the certificate of this file. Connections that began with it do not count.
    pub(crate) fn is_used(&self, file: &Path) -> bool {
        let has = |made: &Arc<Mutex<MadeOf>>| {
            let made = made.lock().unwrap_or_else(PoisonError::into_inner);
            made.entries.iter().any(|entry| *entry.crt == *file)
        };
        noted(&self.shared.servers).iter().any(|server| server.shows(file))
            || noted(&self.shared.binds).iter().any(has)
    }

    /// Holds on to a certificate that a file brought in, until an operator deletes it.
    pub(crate) fn keep(&self, file: &Path, certificate: &Arc<Certificate>) {
        let kept = Loose { certificate: Some(Arc::clone(certificate)) };
        self.edits().loose.insert(file.to_owned(), kept);
    }
}

impl fmt::Debug for CertStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertStore").field("spec", &self.shared.spec).finish_non_exhaustive()
    }
}

fn note<T>(all: &Mutex<Vec<Weak<T>>>, one: &Arc<T>) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|known| known.strong_count() > 0);
    all.push(Arc::downgrade(one));
}

fn noted<T>(all: &Mutex<Vec<Weak<T>>>) -> Vec<Arc<T>> {
    all.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
}

fn aliases(entries: &[StoreEntry]) -> HashMap<String, HashMap<String, usize>> {
    let mut aliases: HashMap<String, HashMap<String, usize>> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let alias = entry.alias.as_ref().unwrap_or(&entry.word).clone();
        aliases.entry(entry.store.clone()).or_default().entry(alias).or_insert(at);
    }
    aliases
}

fn files(entries: &[StoreEntry]) -> HashMap<PathBuf, Vec<usize>> {
    let mut files: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        files.entry(entry.crt.clone()).or_default().push(at);
    }
    files
}

fn based(base: Option<&Path>, word: &str) -> PathBuf {
    base.map_or_else(|| PathBuf::from(word), |base| base.join(word))
}
