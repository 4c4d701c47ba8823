//! A running server: what its line said, and what moves while the process runs (state, weight, sessions), all of it
//! atomics, so that any thread may read it on the request path without a lock.
//!
//! Life story: built from a line of the configuration or of an operator (`add server`), and gone when its backend has
//! dropped it (`del server`) and the last stream has let go of it. Health checks, agents and operators change its state
//! and weight from the control thread and then call `Balance::recompute`; streams only take and give back slots. Nothing
//! here opens a connection or reads a clock: times are arguments.

mod facts;
mod load;
mod shutdown;
mod slots;
mod state;
mod weight;

pub use facts::{Endpoint, Facts, ServerPort};
pub use load::Load;
pub use shutdown::{Shutdown, ShutdownEpoch};
pub use state::{Admin, Health, Status};
pub use weight::{MAX_WEIGHT, WEIGHT_SCALE};

use crate::health::plan::ServerHealth;
use crate::plan::Target;
use arc_swap::{ArcSwapOption, Guard};
use slots::Counters;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI8, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// A running server.
pub struct Server {
    /// What its line says.
    pub facts: Facts,
    /// How it is reached, and what happened there.
    pub target: Target,
    /// Its checks.
    pub checks: ServerHealth,
    endpoint: ArcSwapOption<Endpoint>,
    /// Counts the moves: connections to where it was before are not used again.
    moves: AtomicU32,
    cookie: ArcSwapOption<Box<[u8]>>,
    health: AtomicU8,
    admin: AtomicU8,
    weight: AtomicU16,
    maxconn: AtomicU32,
    /// In sixteenths of a weight; what balancing last computed with.
    effective_weight: AtomicU32,
    /// Share of `maxconn` open during a slow start, percent.
    throttle: AtomicU8,
    /// As `srv_use_ssl` shows it: 1 where TLS is spoken if there is any, else 0, and -1 as long as it is `no-ssl` that says so.
    use_ssl: AtomicI8,
    /// When the slow start began; 0 while there is none.
    warming_since: AtomicU64,
    last_change: AtomicU64,
    /// Milliseconds in which it took nothing, up to the last change.
    downtime: AtomicU64,
    down_transitions: AtomicU32,
    /// Consecutive errors that `observe` has seen.
    errors: AtomicU32,
    /// Raised when `on-marked-down shutdown-sessions` strikes; streams remember the value they began with.
    shutdown_epoch: AtomicU32,
    counters: Counters,
}

impl Server {
    /// A server that is up unless `disabled`, at full weight. `None` as endpoint: its name did not resolve.
    pub fn new(facts: Facts, endpoint: Option<Endpoint>, target: Target, checks: ServerHealth) -> Server {
        let admin =
            if facts.disabled { Admin::MAINT_CONFIG.with(Admin::MAINT_FORCED) } else { Admin::default() };
        let unresolved = if endpoint.is_none() { Admin::MAINT_RESOLUTION } else { Admin::default() };
        Server {
            endpoint: ArcSwapOption::from(endpoint.map(Arc::new)),
            moves: AtomicU32::new(0),
            cookie: ArcSwapOption::from(facts.cookie.clone().map(Arc::new)),
            health: AtomicU8::new(Health::Up as u8),
            use_ssl: AtomicI8::new(target.ssl.map_or(0, |ssl| if ssl { 1 } else { -1 })),
            admin: AtomicU8::new(admin.with(unresolved).bits()),
            weight: AtomicU16::new(facts.weight),
            maxconn: AtomicU32::new(facts.maxconn),
            effective_weight: AtomicU32::new(u32::from(facts.weight) * WEIGHT_SCALE),
            throttle: AtomicU8::new(100),
            warming_since: AtomicU64::new(0),
            last_change: AtomicU64::new(0),
            downtime: AtomicU64::new(0),
            down_transitions: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            shutdown_epoch: AtomicU32::new(0),
            counters: Counters::default(),
            facts,
            target,
            checks,
        }
    }

    /// One that is reached in clear and not checked.
    #[cfg(test)]
    pub(crate) fn plain(facts: Facts, endpoint: Option<Endpoint>) -> Server {
        Server::new(facts, endpoint, Target::plain(1), ServerHealth::default())
    }

    /// Where it is reached; `None` while its name does not resolve.
    pub fn endpoint(&self) -> Guard<Option<Arc<Endpoint>>> {
        self.endpoint.load()
    }

    /// Whether it is reached at exactly this address.
    pub fn is_at(&self, address: SocketAddr) -> bool {
        match self.endpoint().as_deref() {
            Some(Endpoint::Inet { ip, port: ServerPort::Fixed(port) }) => {
                SocketAddr::new(*ip, *port) == address
            }
            Some(Endpoint::Inet { .. } | Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => false,
        }
    }

    /// Moves it to another address, or to none.
    pub fn set_endpoint(&self, endpoint: Option<Endpoint>) {
        self.endpoint.store(endpoint.map(Arc::new));
        self.moves.fetch_add(1, Ordering::AcqRel);
    }

    /// How often it has moved.
    pub fn moves(&self) -> u32 {
        self.moves.load(Ordering::Acquire)
    }

    /// The name that its address comes from.
    pub fn fqdn(&self) -> Option<Arc<str>> {
        match &self.target.resolving {
            Some(resolving) => Some(resolving.name()).filter(|n| !n.is_empty()).map(|n| n.as_str().into()),
            None => self.facts.fqdn.as_deref().map(Arc::from),
        }
    }

    /// TLS to it, where it is spoken.
    pub fn tls(&self) -> Option<&Arc<tls::ServerTls>> {
        self.target.tls.as_ref().filter(|_| self.use_ssl() == 1)
    }

    /// `srv_use_ssl` of `show servers state`: 1 for TLS, 0 for none, -1 for none since the configuration says `no-ssl`.
    pub fn use_ssl(&self) -> i8 {
        self.use_ssl.load(Ordering::Acquire)
    }

    /// Speaks TLS to it from the next connection on, or no longer; kept connections are not used again. `false`: it has
    /// no settings for that.
    pub fn switch_tls(&self, on: bool) -> bool {
        if self.target.tls.is_none() {
            return false;
        }
        let on = i8::from(on);
        if self.use_ssl.swap(on, Ordering::AcqRel) != on {
            self.moves.fetch_add(1, Ordering::AcqRel);
        }
        true
    }

    /// Its value in persistence cookies.
    pub fn cookie(&self) -> Guard<Option<Arc<Box<[u8]>>>> {
        self.cookie.load()
    }

    /// Sets the value in persistence cookies (`cookie … dynamic` follows the address).
    pub fn set_cookie(&self, value: Option<Box<[u8]>>) {
        self.cookie.store(value.map(Arc::new));
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, {:?})", self.facts.name, self.status())
    }
}

#[cfg(test)]
mod tests;
