//! Which certificate a name gets. Built once from the entries of a bind, then only looked up: two hash lookups a
//! handshake, all filters resolved beforehand.
//!
//! A name is looked for whole, then with `*` for its first label; what a filter excludes does not count. Otherwise the
//! default is the first certificate of the line, unless `strict-sni`. Of several certificates for one name a client
//! gets the one its signature algorithms allow, RSA last.

use crate::certificate::Certificate;
use crate::list::Filter;
use crate::policy::Policy;
use crate::tickets::Binding;
use aws_lc_rs::digest;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// One certificate as a line brings it in.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The file or alias it is called by.
    pub(crate) crt: Arc<Path>,
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) filters: Vec<Filter>,
    /// `ocsp-update`, where a line says it.
    pub(crate) ocsp_update: Option<bool>,
}

impl PartialEq for Entry {
    /// The very same certificate and policy, not ones that look alike.
    fn eq(&self, other: &Entry) -> bool {
        Arc::ptr_eq(&self.certificate, &other.certificate)
            && Arc::ptr_eq(&self.policy, &other.policy)
            && self.filters == other.filters
            && self.ocsp_update == other.ocsp_update
    }
}

/// Certificates that may answer for the same names, and their configurations, made when first asked for.
#[derive(Debug)]
pub(crate) struct Group {
    certificates: Box<[Arc<Certificate>]>,
    pub(crate) policy: Arc<Policy>,
    binding: Binding,
    with_alpn: OnceLock<Arc<ServerConfig>>,
    without_alpn: OnceLock<Arc<ServerConfig>>,
}

impl Group {
    fn new(certificates: Box<[Arc<Certificate>]>, policy: Arc<Policy>) -> Group {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&policy.fingerprint);
        certificates.iter().for_each(|certificate| context.update(&certificate.fingerprint));
        let mut binding = [0; 32];
        binding.copy_from_slice(context.finish().as_ref());
        let (with_alpn, without_alpn) = (OnceLock::new(), OnceLock::new());
        Group { certificates, policy, binding, with_alpn, without_alpn }
    }

    fn makings(&self) -> Makings {
        makings(&self.certificates, &self.policy)
    }

    /// The configuration for a client that does, or does not, offer a protocol of ours. rustls would end the handshake
    /// where nothing is shared; HAProxy goes on without.
    pub(crate) fn config(&self, alpn: bool) -> Arc<ServerConfig> {
        let slot = if alpn { &self.with_alpn } else { &self.without_alpn };
        let make = || {
            let resolver = Resolver { certificates: self.certificates.clone() };
            Arc::new(self.policy.config(Arc::new(resolver), self.binding, alpn))
        };
        Arc::clone(slot.get_or_init(make))
    }
}

thread_local! {
    /// RULE ZERO: rustls does not tell which certificate it was given, and a session wants to know (`ssl_f_*`). The
    /// resolver runs inside the session's own call, so it leaves word here and the session takes it on return.
    static SERVED: RefCell<Option<Arc<Certificate>>> = const { RefCell::new(None) };
}

/// The certificate the resolver chose since the last call, on this thread.
pub(crate) fn take_served() -> Option<Arc<Certificate>> {
    SERVED.with_borrow_mut(Option::take)
}

#[derive(Debug)]
struct Resolver {
    certificates: Box<[Arc<Certificate>]>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let usable = |certificate: &&Arc<Certificate>| certificate.key.key.choose_scheme(schemes).is_some();
        // Where none fits the first is given, and rustls ends the handshake with the right alert.
        let chosen = self.certificates.iter().find(usable).or(self.certificates.first())?;
        SERVED.set(Some(Arc::clone(chosen)));
        Some(Arc::clone(&chosen.key))
    }
}

/// Where a name leads: a group, or past all of them to the default.
type Answer = Option<u32>;

/// All names of a bind.
#[derive(Debug, Default)]
pub(crate) struct Table {
    groups: Vec<Arc<Group>>,
    exact: HashMap<Box<str>, Answer>,
    /// Keyed by what follows the star, `.domain.tld`.
    wild: HashMap<Box<str>, Answer>,
    default: Answer,
    strict: bool,
}

impl Table {
    /// Groups that `before` has too are taken over: what their handshakes have made need not be made again.
    pub(crate) fn build(entries: &[Entry], strict: bool, before: &Table) -> Table {
        Builder::new(entries, before).finish(strict)
    }

    /// The group for a name; `None` means the handshake ends.
    pub(crate) fn choose(&self, name: Option<&str>) -> Option<&Arc<Group>> {
        let lower = name.map(str::to_ascii_lowercase);
        let named = lower.as_deref().and_then(|name| self.named(name));
        let answer = named.or(if self.strict { None } else { self.default })?;
        self.groups.get(answer as usize)
    }

    /// A certificate is for this name, whole or by a wildcard.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.named(&name.to_ascii_lowercase()).is_some()
    }

    fn named(&self, name: &str) -> Answer {
        match self.exact.get(name) {
            Some(answer) => *answer,
            None => *self.wild.get(parent(name)?)?,
        }
    }
}

/// `.domain.tld` of `www.domain.tld`.
fn parent(name: &str) -> Option<&str> {
    name.find('.').and_then(|dot| name.get(dot..)).filter(|rest| rest.len() > 1)
}

/// Indices of entries, in the order they were declared.
type Members = Vec<u32>;

struct Builder<'e> {
    entries: &'e [Entry],
    exact: HashMap<&'e str, Members>,
    wild: HashMap<&'e str, Members>,
    not_exact: HashMap<&'e str, Members>,
    not_wild: HashMap<&'e str, Members>,
    defaults: Members,
    known: HashMap<(Members, Members), u32>,
    groups: Vec<Arc<Group>>,
    before: HashMap<Makings, Arc<Group>>,
}

/// What tells groups apart: their certificates and their policy, the very same.
type Makings = (Vec<*const Certificate>, *const Policy);

impl<'e> Builder<'e> {
    fn new(entries: &'e [Entry], before: &Table) -> Builder<'e> {
        let mut builder = Builder {
            entries,
            exact: HashMap::with_capacity(entries.len()),
            wild: HashMap::new(),
            not_exact: HashMap::new(),
            not_wild: HashMap::new(),
            defaults: Vec::new(),
            known: HashMap::with_capacity(entries.len()),
            groups: Vec::with_capacity(entries.len()),
            before: before.groups.iter().map(|group| (group.makings(), Arc::clone(group))).collect(),
        };
        for (index, entry) in (0..).zip(entries) {
            builder.enter(index, entry);
        }
        builder
    }

    /// An entry's filters, or the names of its certificate if it has none at all.
    fn enter(&mut self, index: u32, entry: &'e Entry) {
        if entry.filters.is_empty() {
            entry.certificate.names.iter().for_each(|name| self.note(index, name, false));
        }
        for filter in &entry.filters {
            self.note(index, &filter.name, filter.negative);
        }
    }

    fn note(&mut self, index: u32, name: &'e str, negative: bool) {
        if name == "*" {
            if !negative {
                self.defaults.push(index);
            }
            return;
        }
        let (key, map) = match (name.strip_prefix('*').filter(|rest| rest.starts_with('.')), negative) {
            (Some(rest), false) => (rest, &mut self.wild),
            (Some(rest), true) => (rest, &mut self.not_wild),
            (None, false) => (name, &mut self.exact),
            (None, true) => (name, &mut self.not_exact),
        };
        let members = map.entry(key).or_default();
        if members.last() != Some(&index) {
            members.push(index);
        }
    }

    fn finish(mut self, strict: bool) -> Table {
        let wild = self.wildcards();
        // A name that is only excluded somewhere needs an answer of its own, or its wildcard would take it.
        let names: Vec<&str> = self.exact.keys().chain(self.not_exact.keys()).copied().collect();
        let mut exact = HashMap::with_capacity(names.len());
        for name in names {
            if !exact.contains_key(name) {
                let answer = self.exact_answer(name);
                exact.insert(Box::from(name), answer);
            }
        }
        if self.defaults.is_empty() && !self.entries.is_empty() {
            self.defaults.push(0);
        }
        let default = self.group(self.defaults.clone(), Vec::new());
        Table { groups: self.groups, exact, wild, default, strict }
    }

    fn wildcards(&mut self) -> HashMap<Box<str>, Answer> {
        let keys: Vec<&str> = self.wild.keys().copied().collect();
        let mut answers = HashMap::with_capacity(keys.len());
        for key in keys {
            let members = without(self.wild.get(key), self.not_wild.get(key));
            answers.insert(Box::from(key), self.group(members, Vec::new()));
        }
        answers
    }

    /// Certificates for the name itself, then, for clients that can use none of those, the wildcard's.
    fn exact_answer(&mut self, name: &str) -> Answer {
        let not = self.not_exact.get(name);
        let first = without(self.exact.get(name), not);
        let key = parent(name).unwrap_or_default();
        let second = without(Some(&without(self.wild.get(key), self.not_wild.get(key))), not);
        self.group(first, second)
    }

    /// The group of these members, made once.
    fn group(&mut self, first: Members, second: Members) -> Answer {
        let leader = *first.first().or(second.first())?;
        let key = (first, second);
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let policy = Arc::clone(&self.entries.get(leader as usize)?.policy);
        let certificates =
            [&key.0, &key.1].into_iter().flat_map(|tier| self.preferred(tier, &policy)).collect();
        let index = u32::try_from(self.groups.len()).ok()?;
        self.groups.push(self.kept(certificates, policy));
        self.known.insert(key, index);
        Some(index)
    }

    /// The group as it was before, or a new one.
    fn kept(&self, certificates: Box<[Arc<Certificate>]>, policy: Arc<Policy>) -> Arc<Group> {
        let known = self.before.get(&makings(&certificates, &policy)).cloned();
        known.unwrap_or_else(|| Arc::new(Group::new(certificates, policy)))
    }

    /// A configuration has one policy, so twins with other options than the leader's stay out.
    fn preferred(&self, members: &Members, policy: &Arc<Policy>) -> Vec<Arc<Certificate>> {
        let entries = members.iter().filter_map(|index| self.entries.get(*index as usize));
        let same = entries.filter(|entry| Arc::ptr_eq(&entry.policy, policy));
        let mut certificates: Vec<_> = same.map(|entry| Arc::clone(&entry.certificate)).collect();
        certificates.sort_by_key(|certificate| certificate.is_rsa());
        certificates
    }
}

fn makings(certificates: &[Arc<Certificate>], policy: &Arc<Policy>) -> Makings {
    (certificates.iter().map(Arc::as_ptr).collect(), Arc::as_ptr(policy))
}

fn without(members: Option<&Members>, excluded: Option<&Members>) -> Members {
    let all = members.into_iter().flatten().copied();
    all.filter(|index| !excluded.is_some_and(|list| list.contains(index))).collect()
}
