//! Idle server connections of one thread. A connection is born in `connect`, serves exchanges, rests here between
//! them, and ends when its server closes it, when it rested for `pool-purge-delay`, or when too many rest. It is
//! watched without a system call: the event loop has already noticed what its socket has to say.

use crate::link::Link;
use crate::server::Server;
use std::sync::Arc;
use tokio::time::Instant;

/// Which connections may stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The server's place among all servers of the plan.
    pub place: usize,
    /// SNI it was opened with.
    pub sni: Option<Box<[u8]>>,
    /// How often the server had moved to another address when it was opened.
    pub moves: u32,
}

struct Idle {
    link: Link,
    key: Key,
    /// Counts it for the server.
    server: Counted,
    purge_at: Instant,
    uses: u32,
}

impl Idle {
    fn is_wanted(&self) -> bool {
        self.server.0.is_up() && self.server.0.moves() == self.key.moves
    }
}

/// One idle connection in the server's numbers.
struct Counted(Arc<Server>);

impl Counted {
    fn new(server: &Arc<Server>) -> Counted {
        server.note_idle();
        Counted(server.clone())
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
    idle: Vec<Vec<Idle>>,
    /// All of them, as of the last purge and what came since.
    resting: usize,
    /// Most that may rest.
    most: usize,
}

impl Pool {
    /// A pool for `most` connections: they must leave descriptors for the clients.
    pub fn new(most: usize) -> Pool {
        Pool { idle: Vec::new(), resting: 0, most }
    }

    /// The most recently used connection that is still good, with the number of exchanges it has served.
    pub fn take(&mut self, key: &Key) -> Option<(Link, u32)> {
        let list = self.idle.get_mut(key.place)?;
        while let Some(at) = list.iter().rposition(|idle| idle.key == *key) {
            let idle = list.swap_remove(at);
            self.resting = self.resting.saturating_sub(1);
            if !idle.link.is_stale() {
                return Some((idle.link, idle.uses));
            }
        }
        None
    }

    /// Lets a connection rest. `most` < 0 is no limit.
    pub fn put(
        &mut self,
        key: Key,
        link: Link,
        server: &Arc<Server>,
        uses: u32,
        most: i32,
        purge_at: Instant,
    ) {
        if self.idle.len() <= key.place {
            self.idle.resize_with(key.place + 1, Vec::new);
        }
        let Some(list) = self.idle.get_mut(key.place) else { return };
        if self.resting >= self.most || (most >= 0 && list.len() >= most.unsigned_abs() as usize) {
            return;
        }
        self.resting += 1;
        list.push(Idle { link, key, server: Counted::new(server), purge_at, uses });
    }

    /// Ends those that rested long enough, whose server has closed them, is in maintenance, down or elsewhere.
    pub fn purge(&mut self, now: Instant) {
        for list in &mut self.idle {
            list.retain(|idle| idle.purge_at > now && !idle.link.is_stale() && idle.is_wanted());
        }
        self.resting = self.idle.iter().map(Vec::len).sum();
    }

    /// How many rest, by the server's place.
    pub fn by_place(&self) -> Vec<usize> {
        self.idle.iter().map(Vec::len).collect()
    }

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.idle.clear();
        self.resting = 0;
    }
}
