//! What was read of certificate files and is in use: each is read once, and again when it has changed.

use super::{CertStore, Stamps};
use crate::certificate::{self, Certificate};
use crate::problem::Problem;
use crate::source::Source;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

/// One source's outcome.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) problems: Vec<Problem>,
}

/// A source that was read, as its files then were. Binds own the certificate; the store only finds it again.
pub(super) struct Read {
    stamps: Stamps,
    certificate: Weak<Certificate>,
}

impl CertStore {
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
            if let Some(kept) = self.edits().loose.get_mut(&source.crt) {
                kept.certificate = Some(Arc::clone(certificate));
            }
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

    fn read(&self) -> MutexGuard<'_, HashMap<Source, Read>> {
        // The map is whole between any two statements that change it.
        self.shared.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take<'s>(sources: &'s [Source], next: &AtomicUsize) -> Option<(usize, &'s Source)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    sources.get(at).map(|source| (at, source))
}
