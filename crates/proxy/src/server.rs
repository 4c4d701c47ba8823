//! A running server: what its line said, and what moves while the process runs (state, weight, sessions), all of it
//! atomics, so that any thread may read it on the request path without a lock.
//!
//! Life story: built from a line of the configuration or of an operator (`add server`), and gone when its backend has
//! dropped it (`del server`) and the last stream has let go of it. Health checks, agents and operators change its state
//! and weight from the control thread and then call `Balance::recompute`; streams only take and give back slots. Nothing here opens a connection or reads a clock: times are arguments.

mod load;
mod state;

pub use load::Load;
pub use state::{Admin, Health, Status};

use crate::health::plan::ServerHealth;
use crate::plan::Target;
use arc_swap::{ArcSwapOption, Guard};
use config::model::{HashKey, InitState};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// The largest weight a server can have.
pub const MAX_WEIGHT: u16 = 256;

/// Effective weights count in sixteenths of a configured weight, so that a slow start has steps to climb.
pub const WEIGHT_SCALE: u32 = 16;

/// Where a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Inet {
        /// The host; unspecified means the client's own destination.
        ip: IpAddr,
        /// The port.
        port: ServerPort,
    },
    /// A stream socket in the file system.
    Unix(PathBuf),
    /// A stream socket in Linux' abstract namespace.
    Abstract(base::addr::AbstractName),
}

/// A server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPort {
    /// This one.
    Fixed(u16),
    /// The client's destination port, moved by this much (0 where no port is written).
    Offset(i32),
}

impl ServerPort {
    /// The port to connect to, given the port the client connected to.
    pub fn resolve(self, client_destination: u16) -> u16 {
        match self {
            ServerPort::Fixed(port) => port,
            // Wraps in 16 bits like the port it is written into; the configuration checks the sign, not the sum.
            ServerPort::Offset(by) => (i32::from(client_destination).wrapping_add(by) & 0xffff) as u16,
        }
    }
}

/// What a server's line says; never changes while it runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its name.
    pub name: Box<str>,
    /// `guid`
    pub guid: Option<Box<str>>,
    /// `id`, or its place counted from 1.
    pub id: u32,
    /// Its own in the backend, counted from 0: never another's, even after it was deleted.
    pub index: usize,
    /// `weight`, 0 to 256.
    pub weight: u16,
    /// `cookie`
    pub cookie: Option<Box<[u8]>>,
    /// `backup`
    pub backup: bool,
    /// `disabled`
    pub disabled: bool,
    /// `maxconn`; 0 is no limit.
    pub maxconn: u32,
    /// `minconn`; 0 is none.
    pub minconn: u32,
    /// `maxqueue`; 0 is no limit.
    pub maxqueue: u32,
    /// `slowstart`, milliseconds; 0 is none.
    pub slowstart: u64,
    /// `id` is written.
    pub forced_id: bool,
    /// An operator added it while the process runs.
    pub dynamic: bool,
    /// What places it on the ring of `hash-type consistent`.
    pub hash_key: HashKey,
    /// The name in its address, where there is one.
    pub fqdn: Option<Box<str>>,
}

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
    /// Where there is TLS to it, it is spoken.
    tls_on: AtomicBool,
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

/// Why a server's sessions are shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It was marked down.
    Down = 0,
    /// It stood in for one that is up again.
    BetterUp = 1,
    /// An operator wants it.
    Operator = 2,
}

/// How often a server's sessions were shut down, and why the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownEpoch(u32);

impl ShutdownEpoch {
    const WHY: u32 = 3;
    const STEP: u32 = 4;

    /// Why it was the last time.
    pub fn why(self) -> Shutdown {
        match self.0 & ShutdownEpoch::WHY {
            0 => Shutdown::Down,
            1 => Shutdown::BetterUp,
            _ => Shutdown::Operator,
        }
    }
}

/// What every request writes, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counters {
    sessions: AtomicU32,
    queued: AtomicU32,
    sessions_max: AtomicU32,
    queued_max: AtomicU32,
    total: AtomicU64,
    idle: AtomicU32,
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
            tls_on: AtomicBool::new(!target.tls_waits),
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

    /// `init-state`, before checks begin.
    pub(crate) fn begin_as(&self, state: InitState) {
        self.checks.watch.lock().begin_as(state);
        if matches!(state, InitState::Down | InitState::FullyDown) {
            self.health.store(Health::Down as u8, Ordering::Release);
        }
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
            Some(resolving) => Some(resolving.name().as_str().into()),
            None => self.facts.fqdn.as_deref().map(Arc::from),
        }
    }

    /// TLS to it, where it is spoken.
    pub fn tls(&self) -> Option<&Arc<tls::ServerTls>> {
        self.target.tls.as_ref().filter(|_| self.tls_on.load(Ordering::Acquire))
    }

    /// Speaks TLS to it from the next connection on, or no longer; kept connections are not used again. `false`: it has
    /// no settings for that.
    pub fn switch_tls(&self, on: bool) -> bool {
        if self.target.tls.is_none() {
            return false;
        }
        if self.tls_on.swap(on, Ordering::AcqRel) != on {
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

    /// What the checks think of it.
    pub fn health(&self) -> Health {
        Health::from_u8(self.health.load(Ordering::Acquire))
    }

    /// What operators and the configuration want of it.
    pub fn admin(&self) -> Admin {
        Admin::from_bits(self.admin.load(Ordering::Acquire))
    }

    /// Both, as one word for people.
    pub fn status(&self) -> Status {
        Status::of(self.health(), self.admin())
    }

    /// Up for those who already belong to it: persistence still reaches a server that drains, has weight 0 or
    /// answers 404 to its check.
    pub fn is_up(&self) -> bool {
        self.health() != Health::Down && !self.admin().is_maint()
    }

    /// Up for newcomers: what balancing may choose.
    pub fn is_usable(&self) -> bool {
        self.is_up() && self.takes_newcomers() && self.effective_weight.load(Ordering::Relaxed) > 0
    }

    fn takes_newcomers(&self) -> bool {
        self.health() != Health::Stopping && !self.admin().is_drain()
    }

    /// Sets the verdict of the checks; true where it changed. Coming up begins the slow start.
    pub fn set_health(&self, health: Health, now_ms: u64) -> bool {
        let was_up = self.is_up();
        let before = Health::from_u8(self.health.swap(health as u8, Ordering::AcqRel));
        if before == health {
            return false;
        }
        self.note_change(was_up, now_ms);
        self.errors.store(0, Ordering::Relaxed);
        match (before, health) {
            (Health::Down, Health::Up | Health::Stopping) => self.begin_slowstart(now_ms),
            (Health::Up | Health::Stopping, Health::Down) => {
                self.down_transitions.fetch_add(1, Ordering::Relaxed);
            }
            (Health::Up, Health::Stopping) | (Health::Stopping, Health::Up) => {}
            (Health::Down, Health::Down)
            | (Health::Up, Health::Up)
            | (Health::Stopping, Health::Stopping) => {}
        }
        true
    }

    fn begin_slowstart(&self, now_ms: u64) {
        if self.facts.slowstart > 0 {
            self.warming_since.store(now_ms.max(1), Ordering::Release);
        }
    }

    /// Sets and clears administrative bits; true where it changed. Leaving maintenance begins the slow start.
    pub fn change_admin(&self, set: Admin, clear: Admin, now_ms: u64) -> bool {
        let was_up = self.is_up();
        let change = |bits: u8| Some((bits & !clear.bits()) | set.bits());
        let before = self.admin.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).unwrap_or_default();
        let (before, after) = (Admin::from_bits(before), self.admin());
        if before == after {
            return false;
        }
        if before.is_maint() && !after.is_maint() && self.health() != Health::Down {
            self.begin_slowstart(now_ms);
        }
        self.note_change(was_up, now_ms);
        true
    }

    /// The weight it runs with, 0 to 256.
    pub fn weight(&self) -> u16 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Changes the weight; takes effect with the next `Balance::recompute`.
    pub fn set_weight(&self, weight: u16) {
        self.weight.store(weight.min(MAX_WEIGHT), Ordering::Relaxed);
    }

    /// `maxconn` as it runs; 0 is no limit.
    pub fn maxconn(&self) -> u32 {
        self.maxconn.load(Ordering::Relaxed)
    }

    /// Changes `maxconn` (agents and operators may).
    pub fn set_maxconn(&self, maxconn: u32) {
        self.maxconn.store(maxconn, Ordering::SeqCst);
    }

    /// The weight balancing uses, in sixteenths.
    pub fn effective_weight(&self) -> u32 {
        self.effective_weight.load(Ordering::Relaxed)
    }

    /// Share of its capacity open during a slow start, percent.
    pub fn throttle(&self) -> u8 {
        self.throttle.load(Ordering::Relaxed)
    }

    /// Whether a slow start runs.
    pub fn is_warming(&self) -> bool {
        self.warming_since.load(Ordering::Acquire) != 0
    }

    /// Brings effective weight and throttle up to date. A `dynamic` algorithm climbs a slow start in sixteenths;
    /// a static one knows only all or nothing.
    pub(crate) fn refresh_weight(&self, dynamic: bool, now_ms: u64) -> u32 {
        let elapsed = self.warm_elapsed(now_ms);
        let share = |parts: u64| elapsed.map_or(parts, |e| parts * e / self.facts.slowstart);
        self.throttle.store(share(100).clamp(1, 100) as u8, Ordering::Relaxed);
        let scale = u64::from(WEIGHT_SCALE);
        let steps = if dynamic { (share(scale) + u64::from(elapsed.is_some())).min(scale) } else { scale };
        let weight = u32::from(self.weight()) * steps as u32;
        let weight = if self.takes_newcomers() { weight } else { 0 };
        self.effective_weight.store(weight, Ordering::Relaxed);
        weight
    }

    /// Milliseconds into the slow start; `None` outside of one. Ends one that is over.
    fn warm_elapsed(&self, now_ms: u64) -> Option<u64> {
        let since = self.warming_since.load(Ordering::Acquire);
        if since == 0 {
            return None;
        }
        let elapsed = now_ms.saturating_sub(since);
        if elapsed >= self.facts.slowstart {
            self.warming_since.store(0, Ordering::Release);
            return None;
        }
        Some(elapsed)
    }

    /// When its state last changed, in the caller's milliseconds.
    pub fn last_change(&self) -> u64 {
        self.last_change.load(Ordering::Relaxed)
    }

    /// Carries over when it last changed.
    pub fn set_last_change(&self, at_ms: u64) {
        self.last_change.store(at_ms, Ordering::Relaxed);
    }

    /// How long it took nothing up to now, milliseconds; what was before its first change does not count.
    pub fn downtime(&self, now_ms: u64) -> u64 {
        let since = self.last_change();
        let now = if self.is_up() || since == 0 { 0 } else { now_ms.saturating_sub(since) };
        self.downtime.load(Ordering::Relaxed) + now
    }

    /// Its state changes now; `was_up`: before.
    fn note_change(&self, was_up: bool, now_ms: u64) {
        let since = self.last_change.swap(now_ms, Ordering::Relaxed);
        if !was_up && since > 0 {
            self.downtime.fetch_add(now_ms.saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// How often it went down.
    pub fn down_transitions(&self) -> u32 {
        self.down_transitions.load(Ordering::Relaxed)
    }

    /// Counts an error that `observe` saw; returns how many came in a row.
    pub fn note_error(&self) -> u32 {
        self.errors.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Ends a row of errors. Reads first: a healthy server is not written to at every request.
    pub fn note_success(&self) {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
    }

    /// The value that a stream remembers when it begins on this server; a different one later means that the
    /// server was marked down with `shutdown-sessions` (or its backup duty ended) and the stream must end.
    pub fn shutdown_epoch(&self) -> ShutdownEpoch {
        ShutdownEpoch(self.shutdown_epoch.load(Ordering::Acquire))
    }

    /// Ends all streams that run on this server now.
    pub fn shutdown_sessions(&self, why: Shutdown) {
        // Relaxed: two at once would end the same streams, whichever reason wins
        let next = (self.shutdown_epoch.load(Ordering::Relaxed) & !ShutdownEpoch::WHY)
            .wrapping_add(ShutdownEpoch::STEP);
        self.shutdown_epoch.store(next | why as u32, Ordering::Release);
    }

    /// Sessions that may run at once now: `maxconn`, moved down to `minconn` while the backend carries less than
    /// `fullconn` (manual, `fullconn`), and throttled by a slow start. 0 is no limit.
    pub fn dynamic_maxconn(&self, load: &Load) -> u32 {
        let most = self.maxconn();
        if most == 0 {
            return 0;
        }
        let least = self.facts.minconn;
        let scaled = if least == 0 || least >= most { most } else { load.scale(most).clamp(least, most) };
        match self.throttle() {
            100 => scaled,
            percent => (u64::from(scaled) * u64::from(percent) / 100).max(1) as u32,
        }
    }

    /// No slot is free, or others wait for one.
    pub fn saturated(&self, load: &Load) -> bool {
        if self.maxconn() == 0 {
            return false;
        }
        self.queued() > 0 || self.sessions() >= self.dynamic_maxconn(load)
    }

    /// Takes a slot if one is free. Does not look at the queue: that is `Balance`'s.
    pub(crate) fn admit(&self, load: &Load) -> bool {
        let limit = self.dynamic_maxconn(load);
        let take = |n: u32| (limit == 0 || n < limit).then(|| n.saturating_add(1));
        let Ok(before) = self.counters.sessions.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) else {
            return false;
        };
        self.counters.total.fetch_add(1, Ordering::Relaxed);
        raise(&self.counters.sessions_max, before.saturating_add(1));
        true
    }

    /// Gives a slot back. Whoever does this must also look at the queue: `Slot`'s drop does both.
    pub(crate) fn release(&self) {
        let before = self.counters.sessions.fetch_sub(1, Ordering::SeqCst);
        debug_assert!(before > 0, "a slot was given back twice");
    }

    pub(crate) fn note_queued(&self) {
        let before = self.counters.queued.fetch_add(1, Ordering::SeqCst);
        raise(&self.counters.queued_max, before.saturating_add(1));
    }

    pub(crate) fn note_dequeued(&self) {
        self.counters.queued.fetch_sub(1, Ordering::SeqCst);
    }

    /// Sessions that hold a slot now.
    pub fn sessions(&self) -> u32 {
        self.counters.sessions.load(Ordering::SeqCst)
    }

    /// The most sessions seen at once.
    pub fn sessions_max(&self) -> u32 {
        self.counters.sessions_max.load(Ordering::Relaxed)
    }

    /// Begins the count of sessions with those of a predecessor.
    pub fn begin_sessions_with(&self, total: u64) {
        self.counters.total.store(total, Ordering::Relaxed);
    }

    /// Sessions since the start.
    pub fn sessions_total(&self) -> u64 {
        self.counters.total.load(Ordering::Relaxed)
    }

    /// Waiting for this very server now.
    pub fn queued(&self) -> u32 {
        self.counters.queued.load(Ordering::SeqCst)
    }

    /// The most that waited at once.
    pub fn queued_max(&self) -> u32 {
        self.counters.queued_max.load(Ordering::Relaxed)
    }

    /// `maxqueue` is reached: who comes now goes elsewhere.
    pub fn queue_is_full(&self) -> bool {
        self.facts.maxqueue > 0 && self.queued() >= self.facts.maxqueue
    }

    /// Idle connections kept to it, over all threads.
    pub fn idle(&self) -> u32 {
        self.counters.idle.load(Ordering::Relaxed)
    }

    /// An idle connection was put into some thread's pool.
    pub fn note_idle(&self) {
        self.counters.idle.fetch_add(1, Ordering::Relaxed);
    }

    /// An idle connection left its pool.
    pub fn note_unidle(&self) {
        self.counters.idle.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, {:?})", self.facts.name, self.status())
    }
}

/// Raises a maximum, writing only where it grows.
fn raise(most: &AtomicU32, value: u32) {
    if most.load(Ordering::Relaxed) < value {
        most.fetch_max(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
