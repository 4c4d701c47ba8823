//! Idle server connections of one thread. A connection is born in `connect`, serves exchanges, rests here between
//! them, and ends when its server closes it, when it rested for `pool-purge-delay`, or when too many rest. It is
//! watched without a system call: the event loop has already noticed what its socket has to say.

use super::Connection;
use crate::server::Server;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Which connections may stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The server's place, see `Target::place`.
    pub place: usize,
    /// `pool-conn-name`, else the SNI it was opened with.
    pub name: Option<Box<[u8]>>,
    /// Where it goes, where the client's destination has a say in that.
    pub to: Option<net::Target>,
    /// How its packets are marked.
    pub marks: net::Marks,
    /// The PROXY header that it began with: what a server was told once holds for all that the connection carries.
    pub header: Option<Box<[u8]>>,
    /// How often the server had moved to another address when it was opened.
    pub moves: u32,
}

struct Idle {
    connection: Box<Connection>,
    /// Counts it for the server.
    server: Counted,
    purge_at: Instant,
}

impl Idle {
    fn is_wanted(&self) -> bool {
        self.server.0.is_up() && self.server.0.moves() == self.connection.key.moves
    }
}

/// One idle connection in the server's numbers.
struct Counted(Arc<Server>);

impl Counted {
    fn new(server: Arc<Server>) -> Counted {
        server.note_idle();
        Counted(server)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.note_unidle();
    }
}

/// See the module's head.
pub struct Pool {
    /// By the server's place.
    idle: BTreeMap<usize, Vec<Idle>>,
    /// All of them, as of the last purge and what came since.
    resting: usize,
    /// Most that may rest.
    most: usize,
}

impl Pool {
    /// A pool for `most` connections: they must leave descriptors for the clients.
    pub fn new(most: usize) -> Pool {
        Pool { idle: BTreeMap::new(), resting: 0, most }
    }

    /// The most recently used connection that is still good and has served `least` exchanges.
    pub fn take(&mut self, key: &Key, least: u32) -> Option<Box<Connection>> {
        let list = self.idle.get_mut(&key.place)?;
        let fits = |idle: &Idle| idle.connection.uses >= least && idle.connection.key == *key;
        while let Some(at) = list.iter().rposition(fits) {
            let Idle { connection, .. } = list.swap_remove(at);
            self.resting = self.resting.saturating_sub(1);
            if !connection.link.is_stale() {
                return Some(connection);
            }
        }
        None
    }

    /// Lets a connection rest, unless its server has enough of them, on all threads (`pool-max-conn`).
    pub fn put(&mut self, connection: Box<Connection>, server: Arc<Server>, purge_at: Instant) {
        let most = server.target.pool_max;
        if self.resting >= self.most || (most >= 0 && server.idle() >= most.unsigned_abs()) {
            return;
        }
        self.resting += 1;
        let list = self.idle.entry(connection.key.place).or_default();
        list.push(Idle { connection, server: Counted::new(server), purge_at });
    }

    /// Ends the one that rests longest, of those to this place; `false` where there is none.
    pub fn end_one(&mut self, place: usize) -> bool {
        let Some(list) = self.idle.get_mut(&place) else { return false };
        let Some(oldest) = list.iter().enumerate().min_by_key(|(_, idle)| idle.purge_at).map(|(at, _)| at)
        else {
            return false;
        };
        list.swap_remove(oldest);
        self.resting = self.resting.saturating_sub(1);
        true
    }

    /// Ends those that rested long enough, whose server has closed them, is in maintenance, down or elsewhere.
    pub fn purge(&mut self, now: Instant) {
        self.idle.retain(|_, list| {
            list.retain(|idle| idle.purge_at > now && !idle.connection.link.is_stale() && idle.is_wanted());
            !list.is_empty()
        });
        self.resting = self.idle.values().map(Vec::len).sum();
    }

    /// How many rest, by the server's place.
    pub fn by_place(&self) -> BTreeMap<usize, usize> {
        self.idle.iter().map(|(place, list)| (*place, list.len())).collect()
    }

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.idle.clear();
        self.resting = 0;
    }
}
