//! What the binds and servers of one process share: files already read, ticket keys, remembered sessions, the
//! temporary certificate. Cheap to clone; every clone is the same store. Its locks are taken at load and by `rescan`,
//! never in a handshake.

use crate::answers::Answers;
use crate::certificate::{self, Certificate};
use crate::demand::Demand;
use crate::edit::Transaction;
use crate::problem::Problem;
use crate::server::Live;
use crate::source::Source;
use crate::tickets::{Keys, TicketKeys};
use crate::trust_edit::TrustFiles;
use rustls::server::ServerSessionMemoryCache;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// `tune.ssl.cachesize` unless told: sessions remembered for clients that take no tickets.
pub(crate) const SESSIONS: usize = 20_000;

/// A certificate and its key in PEM. `Debug` leaves the key out.
#[derive(Clone)]
pub struct PemPair {
    /// The chain.
    pub cert: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for PemPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemPair").field("cert", &self.cert).finish_non_exhaustive()
    }
}

/// A `load` line of a `crt-store`, its paths made whole with `crt-base` and `key-base`.
#[derive(Clone, Debug, Default)]
pub struct StoreEntry {
    /// The store's name, empty for the unnamed one.
    pub store: String,
    /// `crt` as written: entries without alias are called by it.
    pub word: String,
    /// `alias`
    pub alias: Option<String>,
    /// `crt`
    pub crt: PathBuf,
    /// `key`
    pub key: Option<PathBuf>,
    /// `ocsp`
    pub ocsp: Option<PathBuf>,
    /// `sctl`
    pub sctl: Option<PathBuf>,
    /// `issuer`
    pub issuer: Option<PathBuf>,
    /// `ocsp-update`
    pub ocsp_update: Option<bool>,
}

/// Files by host name, by the `acme` section that obtained their certificates on demand.
pub type OnDemandFiles = HashMap<String, BTreeMap<String, PathBuf>>;

/// Where certificates are looked for, and the bounds of what is kept.
#[derive(Clone, Debug, Default)]
pub struct StoreSpec {
    /// `crt-base`
    pub crt_base: Option<PathBuf>,
    /// `ca-base`
    pub ca_base: Option<PathBuf>,
    /// All `load` lines.
    pub entries: Vec<StoreEntry>,
    /// Files that somebody is about to make: until then their absence is no complaint.
    pub awaited: HashSet<PathBuf>,
    /// Files of certificates that were obtained on demand.
    pub on_demand: OnDemandFiles,
    /// Application protocols the data plane speaks; others are left out of `alpn` with a warning. Empty = any.
    pub spoken_alpn: Vec<Vec<u8>>,
    /// Shown by a bind that has no certificate yet; without it such a bind does not start.
    pub temporary: Option<PemPair>,
    /// `tune.ssl.cachesize`; 0 = `SESSIONS`.
    pub sessions: usize,
    /// `ocsp-update.mode`: whether OCSP responses are fetched for certificates of which no line says it. Unless it is
    /// written, they are for those that somebody looks after.
    pub ocsp_mode: Option<bool>,
}

/// Certificate files and secrets of the process.
#[derive(Clone)]
pub struct CertStore {
    shared: Arc<Shared>,
}

struct Shared {
    spec: StoreSpec,
    keys: Arc<TicketKeys>,
    sessions: Arc<ServerSessionMemoryCache>,
    temporary: Option<Arc<Certificate>>,
    answers: Answers,
    demand: Arc<Demand>,
    on_demand: Mutex<Obtained>,
    read: Mutex<HashMap<Source, Read>>,
    edits: Mutex<Edits>,
    trust: Mutex<TrustFiles>,
    servers: Mutex<Vec<Weak<Live>>>,
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
    /// Certificates that no file holds, by the path that stands for them.
    pub(crate) loose: HashMap<PathBuf, Loose>,
}

/// Empty until it is filled.
#[derive(Default)]
pub(crate) struct Loose {
    pub(crate) certificate: Option<Arc<Certificate>>,
}

/// A source that was read, as its files then were. Binds own the certificate; the store only finds it again.
struct Read {
    stamps: Stamps,
    certificate: Weak<Certificate>,
}

impl CertStore {
    /// An empty store.
    pub fn new(spec: StoreSpec) -> CertStore {
        let sessions = if spec.sessions == 0 { SESSIONS } else { spec.sessions };
        let temporary = spec.temporary.as_ref().and_then(|pem| certificate::from_pem(&pem.cert, &pem.key));
        let shared = Shared {
            keys: Arc::new(TicketKeys::new()),
            sessions: ServerSessionMemoryCache::new(sessions),
            temporary: temporary.map(Arc::new),
            answers: Answers::default(),
            demand: Arc::default(),
            on_demand: Mutex::new(Obtained::of(&spec.on_demand)),
            read: Mutex::default(),
            edits: Mutex::default(),
            trust: Mutex::default(),
            servers: Mutex::default(),
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
        self.shared.spec.entries.get(at).map(entry_source)
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
        let entries = entries.filter_map(|at| self.shared.spec.entries.get(*at)).map(entry_source);
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

    pub(crate) fn sessions(&self) -> Arc<ServerSessionMemoryCache> {
        Arc::clone(&self.shared.sessions)
    }

    pub(crate) fn temporary(&self) -> Option<Arc<Certificate>> {
        self.shared.temporary.clone()
    }

    /// Loads certificates, on all cores; results stand in the order of `sources`. Files that have not changed since
    /// they were last read are not read again, and those that cannot have changed are not even looked at.
    pub(crate) fn load_all(
        &self,
        sources: &[Source],
        may_differ: impl Fn(&Source) -> bool,
        now: SystemTime,
    ) -> Vec<Loaded> {
        let known = |source: &Source| self.last(source).filter(|_| !may_differ(source));
        let known: Vec<_> = sources.iter().map(known).collect();
        // What is named twice is one certificate: two readings at once would pass for a change at the next look.
        let mut places: HashMap<&Source, usize> = HashMap::new();
        let mut distinct = Vec::new();
        for (source, _) in sources.iter().zip(&known).filter(|(_, known)| known.is_none()) {
            places.entry(source).or_insert_with(|| {
                distinct.push(source.clone());
                distinct.len() - 1
            });
        }
        let loaded = self.load_distinct(&distinct, now);
        let of = |source| places.get(source).and_then(|place| loaded.get(*place)).cloned();
        let same = |certificate| Loaded { certificate: Some(certificate), problems: Vec::new() };
        let all = sources.iter().zip(known);
        all.map(|(source, known)| {
            known.map(same).or_else(|| of(source)).unwrap_or_else(|| self.load(source, now))
        })
        .collect()
    }

    fn load_distinct(&self, sources: &[Source], now: SystemTime) -> Vec<Loaded> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(sources.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((at, source)) = take(sources, &next) {
                done.push((at, self.load(source, now)));
            }
            done
        };
        let mut done: HashMap<usize, Loaded> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            let own = work();
            helpers.into_iter().filter_map(|helper| helper.join().ok()).flatten().chain(own).collect()
        });
        // A helper that ended early would have lost its share: that is loaded here.
        let mut at = 0..;
        let one =
            |source| at.next().and_then(|at| done.remove(&at)).unwrap_or_else(|| self.load(source, now));
        sources.iter().map(one).collect()
    }

    fn load(&self, source: &Source, now: SystemTime) -> Loaded {
        let stamps = Stamps::of(source);
        if let Some(certificate) = self.unchanged(source, &stamps) {
            let certificate = self.without_old_staple(certificate, now);
            return Loaded { certificate: Some(certificate), problems: Vec::new() };
        }
        let mut problems = Vec::new();
        let certificate = certificate::load(source, &stamps, now, &mut problems).map(Arc::new);
        if let Some(certificate) = &certificate {
            let read = Read { stamps, certificate: Arc::downgrade(certificate) };
            self.read().insert(source.clone(), read);
        }
        Loaded { certificate, problems }
    }

    /// Clients refuse a response whose time is over: better none.
    fn without_old_staple(&self, certificate: Arc<Certificate>, now: SystemTime) -> Arc<Certificate> {
        if !certificate.staple_has_ended(certificate::seconds(now)) {
            return certificate;
        }
        let bare = Arc::new(certificate.stapled(None));
        self.exchange(&certificate, &bare);
        bare
    }

    /// Whether responses are fetched for a certificate's file of which no line says it.
    pub(crate) fn updates_ocsp(&self, crt: &Path) -> bool {
        self.shared.spec.ocsp_mode.unwrap_or_else(|| self.is_looked_after(crt))
    }

    fn unchanged(&self, source: &Source, stamps: &Stamps) -> Option<Arc<Certificate>> {
        self.read().get(source).filter(|read| read.stamps == *stamps)?.certificate.upgrade()
    }

    /// What was read from this source last, whatever has become of its files.
    pub(crate) fn last(&self, source: &Source) -> Option<Arc<Certificate>> {
        self.read().get(source)?.certificate.upgrade()
    }

    /// Sources whose certificates are in use.
    pub(crate) fn live_sources(&self) -> Vec<Source> {
        let read = self.read();
        read.iter().filter(|(_, r)| r.certificate.strong_count() > 0).map(|(s, _)| s.clone()).collect()
    }

    /// The certificate in use that was read from this file.
    pub(crate) fn serving(&self, path: &Path) -> Option<Arc<Certificate>> {
        self.sources_of(path).iter().find_map(|source| self.last(source))
    }

    /// Certificates in use, and those that no file holds, each once.
    pub(crate) fn live(&self) -> Vec<Arc<Certificate>> {
        let mut live: Vec<_> = self.read().values().filter_map(|read| read.certificate.upgrade()).collect();
        live.extend(self.edits().loose.values().filter_map(|loose| loose.certificate.clone()));
        live.sort_by_key(Arc::as_ptr);
        live.dedup_by(|a, b| Arc::ptr_eq(a, b));
        live
    }

    /// Puts one certificate in the place of another wherever that is.
    pub(crate) fn exchange(&self, old: &Arc<Certificate>, new: &Arc<Certificate>) {
        for loose in self.edits().loose.values_mut() {
            if let Some(certificate) = loose.certificate.as_mut().filter(|c| Arc::ptr_eq(c, old)) {
                *certificate = Arc::clone(new);
            }
        }
        let is_old = |read: &Read| std::ptr::eq(read.certificate.as_ptr(), Arc::as_ptr(old));
        self.read().values_mut().filter(|r| is_old(r)).for_each(|r| r.certificate = Arc::downgrade(new));
    }

    /// Puts a certificate in the place of what was read, until the files change.
    pub(crate) fn replace(&self, source: &Source, certificate: &Arc<Certificate>) {
        let read = Read { stamps: Stamps::of(source), certificate: Arc::downgrade(certificate) };
        self.read().insert(source.clone(), read);
    }

    pub(crate) fn edits(&self) -> std::sync::MutexGuard<'_, Edits> {
        self.shared.edits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trust_lock(&self) -> std::sync::MutexGuard<'_, TrustFiles> {
        self.shared.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a server, whose trust may change.
    pub(crate) fn note_server(&self, server: &Arc<Live>) {
        let mut servers = self.shared.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|known| known.strong_count() > 0);
        servers.push(Arc::downgrade(server));
    }

    /// Has the servers that use a file check with what it now holds; how many do.
    pub(crate) fn refresh_servers(&self, file: &Path) -> usize {
        let servers = self.shared.servers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        servers.iter().filter_map(Weak::upgrade).filter(|server| server.refresh(self, file)).count()
    }

    fn read(&self) -> std::sync::MutexGuard<'_, HashMap<Source, Read>> {
        // The map is whole between any two statements that change it.
        self.shared.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CertStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertStore").field("spec", &self.shared.spec).finish_non_exhaustive()
    }
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

fn entry_source(entry: &StoreEntry) -> Source {
    Source {
        crt: entry.crt.clone(),
        key: entry.key.clone(),
        ocsp: entry.ocsp.clone(),
        sctl: entry.sctl.clone(),
        issuer: entry.issuer.clone(),
        ocsp_update: entry.ocsp_update,
    }
}

fn take<'s>(sources: &'s [Source], next: &AtomicUsize) -> Option<(usize, &'s Source)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    sources.get(at).map(|source| (at, source))
}

fn based(base: Option<&Path>, word: &str) -> PathBuf {
    base.map_or_else(|| PathBuf::from(word), |base| base.join(word))
}

/// One source's outcome.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) problems: Vec<Problem>,
}

/// How the files that make a certificate stand. Taken once a load: with many thousands of certificates asking the
/// system for files that are not there is a good part of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    crt: Stamp,
    pub(crate) ocsp: Stamp,
    pub(crate) sctl: Stamp,
    keys: Vec<Stamp>,
}

/// A file's last change and length; `None` where there is none.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

impl Stamps {
    pub(crate) fn of(source: &Source) -> Stamps {
        Stamps {
            crt: stamp(&source.crt),
            ocsp: stamp(&source.ocsp_file()),
            sctl: stamp(&source.sctl_file()),
            keys: source.key_files().iter().map(|file| stamp(file)).collect(),
        }
    }
}

pub(crate) fn stamp(file: &Path) -> Stamp {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
