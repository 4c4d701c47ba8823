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
mod table;

use crate::queue::Queue;
use crate::server::{Load, Server};
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

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
    all_backups: bool,
    servers: Box<[Arc<Server>]>,
    load: Load,
    table: ArcSwap<Table>,
    position: Position,
    pub(crate) queue: Queue,
    rebuild: Mutex<()>,
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
        debug_assert!(servers.iter().enumerate().all(|(i, s)| s.facts.index == i));
        let balance = Balance {
            policy,
            all_backups,
            servers: servers.into(),
            load: Load::new(fullconn),
            table: ArcSwap::from_pointee(Table::default()),
            position: Position::default(),
            queue: Queue::default(),
            rebuild: Mutex::new(()),
        };
        balance.recompute(0);
        balance
    }

    /// Its servers, by index.
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
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
        self.table.load().len()
    }

    /// Rebuilds what requests read. Call after changes of state or weight, and about once a second while
    /// [`Balance::is_warming`]. Any thread may call it, but not on the request path.
    pub fn recompute(&self, now_ms: u64) {
        let _one_at_a_time = self.rebuild.lock().unwrap_or_else(PoisonError::into_inner);
        for server in &self.servers {
            server.refresh_weight(self.policy.is_dynamic(), now_ms);
        }
        self.table.store(Arc::new(Table::build(self.policy, self.all_backups, &self.servers)));
        self.reshuffle_queue();
    }

    /// Whether balancing may choose this server now.
    pub fn is_eligible(&self, index: usize) -> bool {
        self.table.load().has(index)
    }

    /// Some server's slow start runs.
    pub fn is_warming(&self) -> bool {
        self.servers.iter().any(|s| s.is_warming())
    }

    /// Chooses a server for one request.
    pub fn pick(&self, ask: &Ask) -> Picked {
        let table = self.table.load();
        // who waits in the backend's line came first; keys keep to their server's own line
        if self.queue.in_backend() > 0 && !self.policy.is_hashed() && table.len() > 0 {
            return Picked::Full;
        }
        table.pick(ask, &self.servers, &self.load, || self.position.next())
    }
}

#[cfg(test)]
mod tests;
