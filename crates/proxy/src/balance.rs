//! Choosing a server: the balancing state of one backend.
//!
//! What requests read is an immutable `Table` behind a pointer swap; what they write is one shared position (round
//! robin is exact across threads) and the servers' own counters. The control thread calls [`Balance::recompute`]
//! after every change of state or weight. Nothing here reads a message, a clock or a random source: the hash of the
//! request's key, the time and the random number are arguments.

pub mod hash;
pub mod key;
mod ring;
mod rotation;
mod servers;
mod standing;
mod table;

use crate::queue::Queue;
use crate::server::{Load, Server};
use arc_swap::{ArcSwap, Guard};
use config::model::HashAffinity;
pub use standing::Standing;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use table::Table;

pub use servers::Servers;

/// The algorithms, their arguments for finding a key left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `roundrobin`
    RoundRobin,
    /// `static-rr`
    StaticRr,
    /// `leastconn`
    LeastConn,
    /// `first`
    First,
    /// `random(DRAWS)`
    Random {
        /// How many servers are drawn; the least loaded one is taken.
        draws: u32,
    },
    /// Everything that hashes a key, `hash-type map-based`.
    HashMap,
    /// Everything that hashes a key, `hash-type consistent`.
    HashRing {
        /// `hash-balance-factor`, percent; 0 is none.
        factor: u32,
    },
}

impl Policy {
    /// The policy that `balance`, `hash-type` and `hash-balance-factor` ask for together.
    pub fn of(
        algorithm: &config::model::Algorithm,
        kind: Option<config::model::HashType>,
        factor: Option<u32>,
    ) -> Policy {
        use config::model::Algorithm as A;
        match algorithm {
            A::RoundRobin => Policy::RoundRobin,
            A::StaticRr => Policy::StaticRr,
            A::LeastConn => Policy::LeastConn,
            A::First => Policy::First,
            A::Random(draws) => Policy::Random { draws: draws.unwrap_or(DEFAULT_DRAWS) },
            A::Source
            | A::Uri { .. }
            | A::UrlParam { .. }
            | A::Header { .. }
            | A::RdpCookie(_)
            | A::Hash(_) => match kind.is_some_and(|k| k.consistent) {
                true => Policy::HashRing { factor: factor.unwrap_or(0) },
                false => Policy::HashMap,
            },
        }
    }

    /// Saturated servers stay in the choice: a request waits for the one its key belongs to.
    pub fn is_hashed(self) -> bool {
        matches!(self, Policy::HashMap | Policy::HashRing { .. })
    }

    /// Weights count in sixteenths and a slow start is gradual.
    pub fn is_dynamic(self) -> bool {
        match self {
            Policy::RoundRobin
            | Policy::LeastConn
            | Policy::First
            | Policy::Random { .. }
            | Policy::HashRing { .. } => true,
            Policy::StaticRr | Policy::HashMap => false,
        }
    }
}

/// `balance random` without a number draws twice (manual, `balance`).
const DEFAULT_DRAWS: u32 = 2;

/// What a request brings to the choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// The hash of its key; `None` where the algorithm has none or the request lacks it (round robin then).
    pub hash: Option<u32>,
    /// The server that just failed it: chosen again only where no other is left.
    pub avoid: Option<usize>,
    /// A fresh random number.
    pub rand: u32,
}

/// The choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    /// This server, by index. Algorithms that hash choose it even when it has no free slot: wait for that one.
    Server(usize),
    /// Servers are up but none has a free slot: wait in the backend's queue.
    Full,
    /// No server is up.
    None,
}

/// A backend's servers and how one of them is chosen.
#[derive(Debug)]
pub struct Balance {
    policy: Policy,
    affinity: HashAffinity,
    all_backups: bool,
    now: ArcSwap<Snapshot>,
    load: Load,
    position: Position,
    pub(crate) queue: Queue,
    standing: Standing,
    /// Held by who makes a new snapshot; the index of the next newcomer.
    next_index: Mutex<usize>,
}

/// What requests read.
#[derive(Debug, Default)]
struct Snapshot {
    servers: Servers,
    table: Table,
}

/// The servers as they are now, for a moment: not to be held across a wait.
pub struct ServersNow(Guard<Arc<Snapshot>>);

impl Deref for ServersNow {
    type Target = Servers;

    fn deref(&self) -> &Servers {
        &self.0.servers
    }
}

/// The shared position, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Position(AtomicUsize);

impl Position {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Balance {
    /// A backend with these servers, their indices in order. `all_backups` is `option allbackups`.
    pub fn new(policy: Policy, all_backups: bool, servers: Vec<Arc<Server>>, fullconn: u32) -> Balance {
        let next_index = servers.last().map_or(0, |s| s.facts.index + 1);
        let snapshot = Snapshot { servers: Servers::new(servers), table: Table::default() };
        let balance = Balance {
            policy,
            affinity: HashAffinity::Always,
            all_backups,
            now: ArcSwap::from_pointee(snapshot),
            load: Load::new(fullconn),
            position: Position::default(),
            queue: Queue::default(),
            standing: Standing::default(),
            next_index: Mutex::new(next_index),
        };
        balance.recompute(0);
        balance
    }

    /// With `hash-preserve-affinity`.
    pub fn with_affinity(mut self, affinity: HashAffinity) -> Balance {
        self.affinity = affinity;
        self.recompute(0);
        self
    }

    /// Its servers.
    pub fn servers(&self) -> ServersNow {
        ServersNow(self.now.load())
    }

    /// One of them, to keep.
    pub fn server(&self, index: usize) -> Option<Arc<Server>> {
        self.now.load().servers.get(index).cloned()
    }

    /// Whether it has a server at all, and how that was.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Its streams.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// How servers are chosen.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Servers that balancing may choose now: the active ones, or the backups that stand in for them.
    pub fn usable(&self) -> usize {
        self.now.load().table.len()
    }

    /// The servers among which balancing chooses now, in no order.
    pub fn elected(&self) -> Vec<Arc<Server>> {
        let now = self.now.load();
        now.table.eligible().iter().filter_map(|index| now.servers.get(*index as usize).cloned()).collect()
    }

    /// Rebuilds what requests read. Call after changes of state or weight, and about once a second while
    /// [`Balance::is_warming`]. Any thread may call it, but not on the request path.
    pub fn recompute(&self, now_ms: u64) {
        let one_at_a_time = self.edit();
        self.publish(self.now.load().servers.clone(), now_ms);
        drop(one_at_a_time);
    }

    /// One edit at a time; nobody on the request path waits for it.
    fn edit(&self) -> MutexGuard<'_, usize> {
        self.next_index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, servers: Servers, now_ms: u64) {
        for server in servers.iter() {
            server.refresh_weight(self.policy.is_dynamic(), now_ms);
        }
        let table = Table::build(self.policy, self.affinity, self.all_backups, &servers);
        self.standing.note(table.len() == 0 && !servers.is_empty(), now_ms);
        self.now.store(Arc::new(Snapshot { servers, table }));
        self.reshuffle_queue();
    }

    /// Adds the server that `make` returns for a fresh index, behind all others; `make` may refuse, having seen who is
    /// there already.
    pub fn add<E>(
        &self,
        now_ms: u64,
        make: impl FnOnce(&Servers, usize) -> Result<Server, E>,
    ) -> Result<Arc<Server>, E> {
        let mut next = self.edit();
        let servers = self.now.load().servers.clone();
        let server = Arc::new(make(&servers, *next)?);
        *next += 1;
        self.publish(servers.with(server.clone()), now_ms);
        Ok(server)
    }

    /// Lets a server go if `allowed` says so of it. Streams that have it already keep it to their end.
    pub fn remove<E>(
        &self,
        index: usize,
        now_ms: u64,
        allowed: impl FnOnce(&Server) -> Result<(), E>,
    ) -> Result<Option<Arc<Server>>, E> {
        let one_at_a_time = self.edit();
        let servers = self.now.load().servers.clone();
        let Some(server) = servers.get(index).cloned() else { return Ok(None) };
        allowed(&server)?;
        self.publish(servers.without(index), now_ms);
        drop(one_at_a_time);
        Ok(Some(server))
    }

    /// Whether balancing may choose this server now.
    pub fn is_eligible(&self, index: usize) -> bool {
        self.now.load().table.has(index)
    }

    /// Some server's slow start runs.
    pub fn is_warming(&self) -> bool {
        self.servers().iter().any(|s| s.is_warming())
    }

    /// Chooses a server for one request.
    pub fn pick(&self, ask: &Ask) -> Picked {
        let now = self.now.load();
        let table = &now.table;
        // who waits in the backend's line came first; keys keep to their server's own line
        if self.queue.in_backend() > 0 && !self.policy.is_hashed() && table.len() > 0 {
            return Picked::Full;
        }
        table.pick(ask, &now.servers, &self.load, || self.position.next())
    }
}

#[cfg(test)]
mod tests;
