//! Idle server connections of one thread. A connection is born in `connect`, serves exchanges, rests here between
//! them, and ends when its server closes it, when it rested for `pool-purge-delay`, or when too many rest. It is
//! watched without a system call: the event loop has already noticed what its socket has to say.

use crate::link::Link;
use crate::server::Server;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Which connections may stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Index of the backend.
    pub backend: usize,
    /// Index of the server.
    pub server: usize,
    /// SNI it was opened with.
    pub sni: Option<Box<[u8]>>,
}

struct Idle {
    link: Link,
    /// Counts it for the server.
    _counted: Counted,
    purge_at: Instant,
    uses: u32,
}

/// One idle connection in the server's numbers.
struct Counted(Arc<Server>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.note_unidle();
    }
}

/// See the module's head.
#[derive(Default)]
pub struct Pool {
    idle: HashMap<Key, Vec<Idle>>,
}

impl Pool {
    /// The most recently used connection that is still good, with the number of exchanges it has served.
    pub fn take(&mut self, key: &Key) -> Option<(Link, u32)> {
        let list = self.idle.get_mut(key)?;
        while let Some(idle) = list.pop() {
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
        let list = self.idle.entry(key).or_default();
        if most >= 0 && list.len() >= most.unsigned_abs() as usize {
            return;
        }
        server.note_idle();
        list.push(Idle { link, _counted: Counted(server.clone()), purge_at, uses });
    }

    /// Ends those that rested long enough or whose server has closed them.
    pub fn purge(&mut self, now: Instant) {
        self.idle.retain(|_, list| {
            list.retain(|idle| idle.purge_at > now && !idle.link.is_stale());
            !list.is_empty()
        });
    }

    /// Ends all of them.
    pub fn clear(&mut self) {
        self.idle.clear();
    }
}
