//! One worker thread's own world: what runs, idle server connections, buffers for reuse, clocks. Nothing here is shared
//! between threads, so nothing here is locked. Must not start or stop anything: that is `thread`'s.

mod accept;
mod thread;

pub use thread::thread_main;

use crate::back::pool::Pool;
use crate::clock::now_us;
use crate::plan::Plan;
use crate::roster::{Roster, Seen, Streams};
use crate::session;
use http::{Request, Response};
use net::Pipes;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Message heads kept for reuse.
const HEADS_MAX: usize = 64;
/// A head whose buffers grew beyond this is not kept.
const HEAD_KEEP: usize = 32 * 1024;
/// So many ticks share one look at the clock while the thread does not rest: those of a few requests, well below a
/// millisecond together.
const TICKS_A_LOOK: u32 = 16;

thread_local! {
    /// Ticks that may go by the last look; `None` while nobody tells when the thread rests.
    static TICKS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The thread has rested: what its clock said is old.
pub(crate) fn rested() {
    TICKS_LEFT.set(Some(0));
}

/// One worker thread's own world.
pub struct Worker {
    /// Counted from 1.
    pub index: usize,
    /// What runs.
    pub plan: Arc<Plan>,
    /// Idle server connections.
    pub pool: RefCell<Pool>,
    /// For bytes that pass by inside the kernel.
    pub pipes: Rc<RefCell<Pipes>>,
    started: Instant,
    started_us: i64,
    now: Cell<Instant>,
    now_ms: Cell<u64>,
    random: Cell<u64>,
    stopping: Cell<Option<Instant>>,
    streams: Cell<u64>,
    /// Tells the listeners of a soft stop.
    leave: Notify,
    connections: Cell<usize>,
    roster: RefCell<Roster>,
    requests: RefCell<Vec<Request>>,
    responses: RefCell<Vec<Response>>,
    idle: RefCell<Option<Waker>>,
}

/// Objects of a kind that a thread has.
#[derive(Clone, Copy, Debug)]
pub struct PoolUse {
    /// What they are.
    pub name: &'static str,
    /// Bytes of one, without what it points to.
    pub size: usize,
    /// Kept for reuse.
    pub kept: usize,
    /// In use.
    pub used: usize,
}

/// A session's place in the thread's roster.
pub struct Registered {
    worker: Rc<Worker>,
    place: usize,
}

impl Registered {
    /// From now on operators see what the session does.
    pub fn show(&self, session: Rc<session::Session>) {
        self.worker.roster.borrow_mut().show(self.place, session);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.roster.borrow_mut().leave(self.place);
    }
}

/// A quarter of the descriptors may rest with idle server connections, as HAProxy's `tune.pool-high-fd-ratio` has it.
fn idle_most(threads: usize) -> usize {
    let descriptors = usize::try_from(net::machine::fd_limit().soft).unwrap_or(usize::MAX);
    (descriptors / 4 / threads.max(1)).max(16)
}

impl Worker {
    fn new(index: usize, plan: Arc<Plan>) -> Worker {
        let seed = now_us() as u64 ^ (index as u64) << 48 ^ u64::from(std::process::id()) << 32;
        Worker {
            index,
            pool: RefCell::new(Pool::new(idle_most(plan.process.threads))),
            pipes: Rc::new(RefCell::new(Pipes::new(plan.process.pipe_size, plan.process.pipes))),
            plan,
            started: Instant::now(),
            now: Cell::new(Instant::now()),
            now_ms: Cell::new(u64::try_from(now_us() / 1000).unwrap_or_default()),
            started_us: now_us(),
            random: Cell::new(seed | 1),
            stopping: Cell::new(None),
            streams: Cell::new(0),
            leave: Notify::new(),
            connections: Cell::new(0),
            roster: RefCell::default(),
            requests: RefCell::default(),
            responses: RefCell::default(),
            idle: RefCell::default(),
        }
    }

    /// Whether a soft stop is on.
    pub fn stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// Since when a soft stop is on.
    pub fn stopping_since(&self) -> Option<Instant> {
        self.stopping.get()
    }

    /// The time at the last look at the clock: what happens in one turn of a task happens at one moment.
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Something has arrived: looks at the clock, unless that was done since the thread last rested and not many
    /// arrivals ago. What one turn of the event loop brings happens at one moment, as with HAProxy.
    pub fn tick(&self) -> Instant {
        match TICKS_LEFT.get() {
            Some(left @ 1..) => TICKS_LEFT.set(Some(left - 1)),
            seen @ (Some(0) | None) => {
                TICKS_LEFT.set(seen.map(|_| TICKS_A_LOOK));
                self.read_clock();
            }
        }
        self.now.get()
    }

    fn read_clock(&self) {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.started).as_millis();
        let started = u64::try_from(self.started_us / 1000).unwrap_or_default();
        self.now.set(now);
        self.now_ms.set(started + u64::try_from(since).unwrap_or_default());
    }

    /// Wall clock, microseconds since the epoch.
    pub fn wall_us(&self) -> i64 {
        now_us()
    }

    /// A clock for rates and states, milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Since this thread started.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// A random number for balancing and jitter; not for secrets. (SplitMix64.)
    pub fn random(&self) -> u32 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u32 ^ z as u32
    }

    /// A number for the next stream, different from all others of the process (`%rt`). Threads count for themselves, so
    /// that no two of them meet; one thread alone counts 0, 1, 2 as HAProxy does.
    pub fn next_number(&self) -> u64 {
        let mine = self.streams.get();
        self.streams.set(mine.wrapping_add(1));
        let threads = self.plan.process.threads as u64;
        mine.wrapping_mul(threads).wrapping_add(self.index as u64).wrapping_sub(1)
    }

    /// Registers the calling task to be woken when all are.
    pub async fn register(self: &Rc<Worker>) -> Registered {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let place = self.roster.borrow_mut().enter(waker);
        Registered { worker: self.clone(), place }
    }

    /// A number for a session that no other of this process ever has: the thread's, then a count.
    pub fn next_session(&self) -> u64 {
        (self.index as u64) << 40 | self.roster.borrow_mut().next_serial()
    }

    /// What its pipes do.
    pub fn pipes_in_use(&self) -> net::PipesUse {
        self.pipes.borrow().in_use()
    }

    /// The streams of the sessions in `places`; `None` behind the last place.
    pub fn look(&self, places: std::ops::Range<usize>) -> Option<Vec<Seen>> {
        self.roster.borrow().look(places)
    }

    /// How many streams it has now, by proxy.
    pub fn streams(&self) -> Streams {
        self.roster.borrow().streams()
    }

    /// Ends the session of this number; `false` where there is none.
    pub fn kill(&self, session: u64) -> bool {
        self.roster.borrow().kill(session)
    }

    /// A connection was taken from its queue.
    pub fn connection_opened(&self) {
        self.connections.set(self.connections.get() + 1);
    }

    /// A connection has ended.
    pub fn connection_closed(&self) {
        self.connections.set(self.connections.get().saturating_sub(1));
        if self.connections.get() == 0
            && let Some(waker) = self.idle.borrow_mut().take()
        {
            waker.wake();
        }
    }

    fn wake_all(&self) {
        let wakers = self.roster.borrow().wakers();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Idle server connections by the server's place among all of the plan.
    pub fn idle_by_place(&self) -> BTreeMap<usize, usize> {
        self.pool.borrow().by_place()
    }

    /// What this thread keeps for reuse.
    pub fn pools(&self) -> Vec<PoolUse> {
        let heads = |name, size, kept| PoolUse { name, size, kept, used: 0 };
        let (requests, responses) = (self.requests.borrow().len(), self.responses.borrow().len());
        let idle = self.pool.borrow().by_place().values().sum();
        let session = PoolUse {
            name: "session",
            size: size_of::<session::Session>(),
            kept: 0,
            used: self.connections.get(),
        };
        vec![
            heads("request", size_of::<Request>(), requests),
            heads("response", size_of::<Response>(), responses),
            heads("idle_conn", size_of::<crate::link::Link>(), idle),
            session,
        ]
    }

    /// A head to parse into.
    pub fn take_request(&self) -> Request {
        self.requests.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps its buffers for the next.
    pub fn give_request(&self, mut head: Request) {
        let mut kept = self.requests.borrow_mut();
        if kept.len() < HEADS_MAX && head.fields.capacity() <= HEAD_KEEP {
            head.clear();
            kept.push(head);
        }
    }

    /// A head to parse into.
    pub fn take_response(&self) -> Response {
        self.responses.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps its buffers for the next.
    pub fn give_response(&self, mut head: Response) {
        let mut kept = self.responses.borrow_mut();
        if kept.len() < HEADS_MAX && head.fields.capacity() <= HEAD_KEEP {
            head.clear();
            kept.push(head);
        }
    }
}
