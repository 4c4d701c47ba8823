//! `resolvers` sections while traffic flows (manual 5.3): servers that name one follow what the DNS says of their names.
//! The names of a section are asked for by one task of the control thread, each name once for all servers that have it;
//! what it finds is carried out by `health::Operator`, which also speaks to the log. No request waits for any of this.

mod ask;
mod message;

pub use ask::Failure;
pub use message::{Family, is_host_name};

use crate::health::{Operator, Place};
use crate::plan::{Backend, Plan};
use crate::server::{Endpoint, Server, ServerPort};
use arc_swap::ArcSwap;
use ask::Found;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How soon a server that was added, or has another name now, is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A `resolvers` section.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: Box<str>,
    /// In file order.
    pub servers: Vec<NameServer>,
    /// `resolve_retries`: questions before it is given up.
    pub tries: u32,
    /// `timeout resolve`: between look-ups that fail.
    pub resolve_every: Duration,
    /// `timeout retry`: how long an answer is waited for.
    pub retry_after: Duration,
    /// `hold`
    pub hold: Hold,
    /// `accepted_payload_size`: longest answer, bytes.
    pub payload: u16,
    /// There is news: a server has another name.
    pub hurry: Notify,
}

/// `hold`: how long an outcome is believed, and how long the address from before it is kept for an outcome without one.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // named as the words are
pub struct Hold {
    pub valid: Duration,
    pub nx: Duration,
    pub timeout: Duration,
    pub refused: Duration,
    pub other: Duration,
}

impl Hold {
    fn of(&self, failure: Failure) -> Duration {
        match failure {
            Failure::NoSuchName => self.nx,
            Failure::Timeout => self.timeout,
            Failure::Refused => self.refused,
            Failure::Other => self.other,
        }
    }
}

/// A name server.
#[derive(Debug)]
pub struct NameServer {
    /// Its name.
    pub name: Box<str>,
    /// Where it is asked.
    pub addr: SocketAddr,
    counters: [AtomicU64; COUNTERS.len()],
}

/// What is counted of a name server, in the order of `show resolvers`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    Sent,
    SendError,
    Valid,
    Update,
    AnyError = 6,
    NoSuchName,
    Timeout,
    Refused,
    Other,
    Invalid,
    Truncated = 13,
}

/// The names of the counters (management guide 9.3). Those of aliases that lead nowhere and of answers that come too late
/// stay at 0: such answers are not told apart.
pub const COUNTERS: [&str; 15] = [
    "sent",
    "snd_error",
    "valid",
    "update",
    "cname",
    "cname_error",
    "any_err",
    "nx",
    "timeout",
    "refused",
    "other",
    "invalid",
    "too_big",
    "truncated",
    "outdated",
];

impl NameServer {
    /// One that was not asked yet.
    pub fn new(name: &str, addr: SocketAddr) -> NameServer {
        NameServer { name: name.into(), addr, counters: Default::default() }
    }

    pub(crate) fn count(&self, what: Counted) {
        if let Some(cell) = self.counters.get(what as usize) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// The counters, named by [`COUNTERS`].
    pub fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        COUNTERS.iter().zip(&self.counters).map(|(name, cell)| (*name, cell.load(Relaxed)))
    }
}

/// How a server follows its name.
#[derive(Debug)]
pub struct Resolving {
    /// Who is asked.
    pub section: Arc<Section>,
    /// `resolve-prefer`
    pub prefer: Family,
    /// `resolve-opts allow-dup-ip`
    pub shares: bool,
    /// The port, which stays.
    pub port: ServerPort,
    name: ArcSwap<String>,
    by_operator: AtomicBool,
}

impl Resolving {
    /// With the configured name, or an empty one where an address is configured.
    pub fn new(
        section: Arc<Section>,
        name: &str,
        prefer: Family,
        shares: bool,
        port: ServerPort,
    ) -> Resolving {
        let name = ArcSwap::from_pointee(name.to_owned());
        Resolving { section, prefer, shares, port, name, by_operator: AtomicBool::new(false) }
    }

    /// The name now; empty for a server that has an address, until an operator names it.
    pub fn name(&self) -> Arc<String> {
        self.name.load_full()
    }

    /// An operator has given it another name.
    pub fn is_by_operator(&self) -> bool {
        self.by_operator.load(Relaxed)
    }

    /// Follows another name from now on; see [`is_host_name()`].
    pub fn rename(&self, name: &str) {
        self.name.store(Arc::new(name.to_owned()));
        self.by_operator.store(true, Relaxed);
        self.section.hurry.notify_one();
    }
}

/// What is asked for.
type Key = (String, Family);

/// What is known of a name.
struct Name {
    due: Instant,
    /// It is being asked for.
    asked: bool,
    /// When it last had an address.
    valid: Option<Instant>,
}

/// Looks after all sections, for as long as it is polled.
pub async fn run(plan: Arc<Plan>, wake: impl Fn() + Send + Sync + Clone + 'static) {
    let mut sections = JoinSet::new();
    for section in &plan.process.resolvers {
        sections.spawn_local(follow(
            section.clone(),
            plan.clone(),
            Operator::new(plan.clone(), wake.clone()),
        ));
    }
    // one that panicked has said so
    while sections.join_next().await.is_some() {}
    std::future::pending().await
}

async fn follow(section: Arc<Section>, plan: Arc<Plan>, operator: Operator) {
    let mut names: BTreeMap<Key, Name> = BTreeMap::new();
    let mut asked = JoinSet::new();
    loop {
        let now = Instant::now();
        let wanted = wanted(&plan, &section);
        names.retain(|key, _| wanted.contains_key(key));
        for key in wanted.keys().filter(|key| !names.contains_key(key)).cloned().collect::<Vec<_>>() {
            names.insert(key, Name { due: now, asked: false, valid: None });
        }
        for (key, name) in names.iter_mut().filter(|(_, name)| !name.asked && name.due <= now) {
            name.asked = true;
            let (section, key) = (section.clone(), key.clone());
            asked.spawn_local(async move {
                let found = ask::look_up(&section, &key.0, key.1).await;
                (key, found)
            });
        }
        let due = names.values().filter(|name| !name.asked).map(|name| name.due).min();
        let next = due.unwrap_or(now + LOOK_EVERY).min(now + LOOK_EVERY);
        tokio::select! {
            Some(Ok((key, found))) = asked.join_next(), if !asked.is_empty() => {
                if let Some(name) = names.get_mut(&key) {
                    // as they are now: an operator may have given one another name meanwhile
                    let servers = self::wanted(&plan, &section).remove(&key).unwrap_or_default();
                    settle(&section, name, found, &servers, &plan, &operator);
                }
            }
            () = sleep_until(next) => {}
            () = section.hurry.notified() => {}
        }
    }
}

/// The names that servers of this section have now, and who has each.
fn wanted(plan: &Plan, section: &Arc<Section>) -> BTreeMap<Key, Vec<Place>> {
    let mut wanted: BTreeMap<Key, Vec<Place>> = BTreeMap::new();
    for back in &plan.backends {
        for server in back.balance.servers().iter() {
            let follows = |r: &&Resolving| Arc::ptr_eq(&r.section, section);
            if let Some(resolving) = server.target.resolving.as_ref().filter(follows) {
                let name = resolving.name();
                if name.is_empty() {
                    continue;
                }
                let key = (name.to_ascii_lowercase(), resolving.prefer);
                wanted.entry(key).or_default().push((back.index, server.facts.index));
            }
        }
    }
    wanted
}

fn settle(
    section: &Section,
    name: &mut Name,
    found: Found,
    servers: &[Place],
    plan: &Plan,
    operator: &Operator,
) {
    let now = Instant::now();
    name.asked = false;
    match found {
        Found::Addresses(ips, by) => {
            (name.valid, name.due) = (Some(now), now + section.hold.valid);
            servers.iter().for_each(|at| give(section, *at, &ips, by, plan, operator));
        }
        Found::Failed(failure) => {
            name.due = now + section.resolve_every;
            if name.valid.is_none_or(|valid| now.duration_since(valid) >= section.hold.of(failure)) {
                servers.iter().for_each(|at| operator.unresolved(*at, failure.text()));
            }
        }
    }
}

/// Gives a server one of its name's addresses: its own while that is among them, else one that no other server of the
/// name has.
fn give(section: &Section, at: Place, ips: &[IpAddr], by: usize, plan: &Plan, operator: &Operator) {
    let Some((back, server)) = plan.backends.get(at.0).and_then(|b| Some((b, b.balance.server(at.1)?)))
    else {
        return;
    };
    let Some(resolving) = &server.target.resolving else { return };
    let taken = if resolving.shares { Vec::new() } else { others(back, &server, resolving) };
    let is_free = |ip: &IpAddr| ips.contains(ip) && !taken.contains(ip);
    if address(&server).as_ref().is_some_and(is_free) && !server.admin().is_unresolved() {
        return;
    }
    let Some(ip) = ips.iter().find(|ip| is_free(ip)) else {
        return operator.unresolved(at, "No IP for server ");
    };
    let Some(by) = section.servers.get(by) else { return };
    by.count(Counted::Update);
    operator.resolved(at, *ip, &format!("{}/{}", section.name, by.name));
}

fn address(server: &Server) -> Option<IpAddr> {
    match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, .. }) => Some(*ip),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => None,
    }
}

/// Where the other servers of its name and port are.
fn others(back: &Backend, server: &Server, own: &Resolving) -> Vec<IpAddr> {
    let is_other = |other: &&Arc<Server>| {
        other.facts.index != server.facts.index
            && other.target.resolving.as_ref().is_some_and(|r| r.port == own.port && *r.name() == *own.name())
    };
    back.balance.servers().iter().filter(is_other).filter_map(|other| address(other)).collect()
}
