//! Worker threads: each with a runtime, listeners, idle connections and buffers of its own. Starting binds every
//! address before anything runs, so that a taken port stops the start and not half of it.

use crate::back::pool::Pool;
use crate::clock::now_us;
use crate::gate::Door;
use crate::limit::Limit;
use crate::plan::{Frontend, Listener, Plan};
use crate::roster::{Roster, Seen};
use crate::session;
use crate::tally::Pace;
use http::{Request, Response};
use net::{Addr, BindError, BoundListener, Inherited, Pipes};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

/// How often idle server connections are looked through.
const PURGE_EVERY: Duration = Duration::from_secs(1);
/// Message heads kept for reuse.
const HEADS_MAX: usize = 64;
/// A head whose buffers grew beyond this is not kept.
const HEAD_KEEP: usize = 32 * 1024;
/// Connections accepted in a row before others get their turn.
const ACCEPT_BATCH: usize = 16;
/// Connections that are still taken from a listener's queue once a soft stop is on; then it is closed. As many as wait
/// in a usual backlog: where a successor shares the queue, the rest is its.
const LAST_ACCEPTS: usize = net::listen::DEFAULT_BACKLOG as usize;
/// While a limit keeps us from accepting, it is looked at this often.
const LIMIT_POLL: Duration = Duration::from_millis(5);

/// What somebody else wants to do in a worker thread, between two turns of its tasks; short, and never waiting.
type Visit = Box<dyn FnOnce(&Worker) + Send>;

/// What is said to the worker threads.
enum Order {
    /// Finish what is open, take nothing new.
    SoftStop,
    /// Look around: a server's sessions are to be shut down.
    WakeAll,
    /// Frontends are to be opened or closed; answers whether that went well.
    Gates(oneshot::Sender<bool>),
    /// Let somebody look around.
    Visit(Visit),
    /// End now.
    Stop,
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

    /// The time at the last [`Worker::tick`]: what happens in one turn of a task happens at one moment.
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Looks at the clock. Called where something has arrived, so that a request costs a few looks and not a dozen.
    pub fn tick(&self) -> Instant {
        let now = Instant::now();
        self.now.set(now);
        now
    }

    /// Wall clock, microseconds since the epoch.
    pub fn wall_us(&self) -> i64 {
        now_us()
    }

    /// A clock for rates and states, milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        let since = self.now.get().saturating_duration_since(self.started);
        let since = u64::try_from(since.as_millis()).unwrap_or_default();
        u64::try_from(self.started_us / 1000).unwrap_or_default() + since
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
        self.connections.set(self.connections.get() + 1);
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let place = self.roster.borrow_mut().enter(waker);
        Registered { worker: self.clone(), place }
    }

    /// A number for a session that no other of this process ever has: the thread's, then a count.
    pub fn next_session(&self) -> u64 {
        (self.index as u64) << 40 | self.roster.borrow_mut().next_serial()
    }

    /// The streams of the sessions in `places`; `None` behind the last place.
    pub fn look(&self, places: std::ops::Range<usize>) -> Option<Vec<Seen>> {
        self.roster.borrow().look(places)
    }

    /// Ends the session of this number; `false` where there is none.
    pub fn kill(&self, session: u64) -> bool {
        self.roster.borrow().kill(session)
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

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// An address could not be bound: frontend and cause.
    Bind(Box<str>, BindError),
    /// A thread or its runtime could not be made.
    Thread(io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Bind(frontend, error) => write!(f, "Starting frontend {frontend}: {error}"),
            StartError::Thread(error) => write!(f, "cannot start a worker thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// The running data plane.
pub struct Running {
    plan: Arc<Plan>,
    workers: Workers,
    threads: Vec<JoinHandle<()>>,
    ended: watch::Receiver<usize>,
    addresses: Vec<(Box<str>, Addr)>,
    control: Option<crate::control::Control>,
}

type Bound = (Arc<Frontend>, Arc<Listener>, BoundListener);

/// A data plane that has bound its addresses and serves nobody yet: the moment to give up rights.
pub struct Ready {
    plan: Arc<Plan>,
    shares: Vec<Vec<Bound>>,
    addresses: Vec<(Box<str>, Addr)>,
}

impl Ready {
    /// Binds everything, with what a predecessor handed over where it fits.
    pub fn bind(plan: Arc<Plan>, inherited: &mut Inherited) -> Result<Ready, StartError> {
        let threads = plan.process.threads;
        let mut shares: Vec<Vec<Bound>> = (0..threads).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for front in &plan.frontends {
            for listener in &front.listeners {
                let bound = net::bind(&listener.addr, &listener.options, threads, inherited)
                    .map_err(|e| StartError::Bind(front.name.clone(), e))?;
                addresses.extend(bound.first().map(|b| (front.name.clone(), b.local_addr())));
                for (number, bound) in bound.into_iter().enumerate() {
                    if let Some(share) = shares.get_mut(number % threads.max(1)) {
                        share.push((front.clone(), listener.clone(), bound));
                    }
                }
            }
        }
        Ok(Ready { plan, shares, addresses })
    }

    /// Descriptors of all listeners, for a process that is to go on with them.
    pub fn share(&self) -> io::Result<Vec<OwnedFd>> {
        self.shares.iter().flatten().map(|(_, _, bound)| bound.share()).collect()
    }

    /// Starts the threads.
    pub fn run(self) -> Result<Running, StartError> {
        let Ready { plan, shares, addresses } = self;
        let (ended_tx, ended) = watch::channel(shares.len());
        let ended_tx = Arc::new(ended_tx);
        let mut running = Running {
            plan: plan.clone(),
            workers: Workers::default(),
            threads: Vec::new(),
            ended,
            addresses,
            control: None,
        };
        for (index, share) in shares.into_iter().enumerate() {
            let (orders, inbox) = mpsc::unbounded_channel();
            let (plan, ended) = (plan.clone(), ended_tx.clone());
            let thread = std::thread::Builder::new()
                .name(format!("worker-{}", index + 1))
                .spawn(move || {
                    thread_main(index, plan, share, inbox);
                    ended.send_modify(|left| *left = left.saturating_sub(1));
                })
                .map_err(StartError::Thread)?;
            running.workers.orders.push(orders);
            running.threads.push(thread);
        }
        let workers = running.workers.clone();
        running.control = Some(crate::control::Control::start(plan, workers).map_err(StartError::Thread)?);
        Ok(running)
    }
}

impl Running {
    /// Binds everything, then starts the threads.
    pub fn start(plan: Arc<Plan>) -> Result<Running, StartError> {
        Ready::bind(plan, &mut Inherited::none())?.run()
    }

    /// What runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The addresses listened on, with their frontends; port 0 resolved.
    pub fn addresses(&self) -> &[(Box<str>, Addr)] {
        &self.addresses
    }

    /// Takes nothing new and lets what is open finish.
    pub fn soft_stop(&self) {
        self.workers.tell(|| Order::SoftStop);
    }

    /// Says in the log how each backend's servers stand (SIGHUP).
    pub fn dump(&self) {
        for back in &self.plan.backends {
            for server in back.balance.servers().iter() {
                let text = format!(
                    "SIGHUP: Server {}/{} is {:?}. Conn: {} act, {} pend, {} tot.",
                    back.name,
                    server.facts.name,
                    server.status(),
                    server.sessions(),
                    server.queued(),
                    server.sessions_total()
                );
                back.log.notice(&text, 5, now_us());
            }
        }
    }

    /// Ends everything at once.
    pub fn stop(&self) {
        self.workers.tell(|| Order::Stop);
    }

    /// The way to the worker threads, for those that steer them.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Waits until all threads have ended.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender lives in the threads: its end is theirs.
        let _ = ended.wait_for(|left| *left == 0).await;
    }
}

/// At the end, log lines that wait for their writer get this long.
const LOG_FLUSH: Duration = Duration::from_secs(1);

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            // A panic of a worker was reported when it happened.
            let _ = thread.join();
        }
        drop(self.control.take());
        for target in self.plan.frontends.iter().flat_map(|f| &f.log.targets) {
            target.socket.flush(LOG_FLUSH);
        }
    }
}

/// How other threads reach the workers.
#[derive(Clone, Default)]
pub struct Workers {
    orders: Vec<mpsc::UnboundedSender<Order>>,
}

impl Workers {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.orders.len()
    }

    /// Wakes every session, so that it sees that its server is to be left.
    pub fn wake_all(&self) {
        self.tell(|| Order::WakeAll);
    }

    /// Runs `look` in every worker thread and gathers what it returns, in the threads' order. A thread that has
    /// ended, or does not come to it within `patience`, has no entry.
    pub async fn visit<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl Fn(&Worker) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let replies: Vec<_> = self.orders.iter().map(|orders| ask(orders, look.clone())).collect();
        let deadline = Instant::now() + patience;
        let mut all = Vec::with_capacity(replies.len());
        for reply in replies {
            if let Ok(Ok(found)) = tokio::time::timeout_at(deadline, reply).await {
                all.push(found);
            }
        }
        all
    }

    /// Makes every thread open and close its listening sockets as the frontends' gates stand now; `false` where one
    /// could not, or did not come to it within `patience`.
    pub async fn follow_gates(&self, patience: Duration) -> bool {
        let ask = |orders: &mpsc::UnboundedSender<Order>| {
            let (reply, replied) = oneshot::channel();
            // A thread that is gone drops the question, and we see that.
            let _ = orders.send(Order::Gates(reply));
            replied
        };
        let replies: Vec<_> = self.orders.iter().map(ask).collect();
        let deadline = Instant::now() + patience;
        let mut well = true;
        for reply in replies {
            well &= matches!(tokio::time::timeout_at(deadline, reply).await, Ok(Ok(true)));
        }
        well
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            // A thread that is gone needs no order.
            let _ = orders.send(order());
        }
    }
}

fn ask<T: Send + 'static>(
    orders: &mpsc::UnboundedSender<Order>,
    look: impl FnOnce(&Worker) -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (reply, replied) = oneshot::channel();
    let visit = Order::Visit(Box::new(move |worker| {
        // Whoever asked may have given up.
        let _ = reply.send(look(worker));
    }));
    // A thread that is gone drops the question, and the asker sees that.
    let _ = orders.send(visit);
    replied
}

fn thread_main(index: usize, plan: Arc<Plan>, share: Vec<Bound>, mut inbox: mpsc::UnboundedReceiver<Order>) {
    if let Some(cpus) = plan.process.cpus.get(index).filter(|c| !c.is_empty()) {
        // Placement is a wish; the traffic flows without it.
        let _ = net::set_affinity(cpus);
    }
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(31)
        .build_local(tokio::runtime::LocalOptions::default());
    let Ok(runtime) = built else { return };
    runtime.block_on(async move {
        let worker = Rc::new(Worker::new(index + 1, plan));
        let mut doors: Vec<_> = share
            .into_iter()
            .filter_map(|(front, listener, bound)| Some(Door::new(front, listener, bound.into_tokio().ok()?)))
            .collect();
        follow_gates(&worker, &mut doors).await;
        let purging = tokio::task::spawn_local(purge(worker.clone()));
        while let Some(order) = inbox.recv().await {
            match order {
                Order::WakeAll => worker.wake_all(),
                Order::Visit(visit) => visit(&worker),
                Order::Gates(followed) => {
                    // Whoever asked may have given up.
                    let _ = followed.send(follow_gates(&worker, &mut doors).await);
                }
                Order::Stop => break,
                Order::SoftStop => {
                    worker.stopping.set(Some(Instant::now()));
                    worker.leave.notify_waiters();
                    let accepting: Vec<_> = doors.iter_mut().filter_map(Door::let_go).collect();
                    worker.wake_all();
                    worker.pool.borrow_mut().clear();
                    tokio::select! {
                        () = drained(&worker, accepting) => break,
                        () = stopped(&mut inbox, &worker) => break,
                    }
                }
            }
        }
        purging.abort();
    });
}

/// Opens and closes doors as their frontends' gates stand; `false` where one could not be moved.
async fn follow_gates(worker: &Rc<Worker>, doors: &mut [Door]) -> bool {
    let mut well = true;
    for door in doors {
        let moved = door.follow(|front, listener, socket| {
            tokio::task::spawn_local(accept(worker.clone(), front, listener, socket))
        });
        well &= moved.await.is_ok();
    }
    well
}

/// During a soft stop: until the order to end at once.
async fn stopped(inbox: &mut mpsc::UnboundedReceiver<Order>, worker: &Worker) {
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Stop => return,
            Order::WakeAll => worker.wake_all(),
            Order::Visit(visit) => visit(worker),
            // it takes nothing new: the question is dropped, and the asker sees that
            Order::SoftStop | Order::Gates(_) => {}
        }
    }
}

/// Until the last connection that came before the listeners were closed has ended.
async fn drained(worker: &Worker, accepting: Vec<tokio::task::JoinHandle<()>>) {
    for task in accepting {
        // A panic there was reported when it happened.
        let _ = task.await;
    }
    no_connections(worker).await;
}

async fn no_connections(worker: &Worker) {
    poll_fn(|cx| {
        if worker.connections.get() == 0 {
            return Poll::Ready(());
        }
        *worker.idle.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

async fn purge(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        worker.pool.borrow_mut().purge(Instant::now());
    }
}

/// Accepts connections for one listener, until a soft stop finds nobody waiting.
async fn accept(
    worker: Rc<Worker>,
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    socket: Rc<net::Listener>,
) {
    let (mut in_a_row, mut last) = (0, 0);
    loop {
        while full(&worker, &front, &listener) {
            tokio::time::sleep(LIMIT_POLL).await;
        }
        match next_or_leave(&worker, &socket).await {
            Some(Ok((stream, peer))) => {
                let session = session::run(worker.clone(), front.clone(), listener.clone(), stream, peer);
                tokio::task::spawn_local(session);
            }
            Some(Err(net::AcceptError::Exhausted(error))) => {
                front.log.notice(&format!("Proxy {}: {error}", front.name), 2, now_us());
            }
            Some(Err(net::AcceptError::Broken(error))) => {
                front.log.notice(&format!("Proxy {}: {error}", front.name), 2, now_us());
                return;
            }
            None => return,
        }
        last += usize::from(worker.stopping());
        if last > LAST_ACCEPTS {
            return;
        }
        in_a_row += 1;
        if in_a_row >= ACCEPT_BATCH {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// The next connection; `None` where a soft stop is on and nobody waits.
async fn next_or_leave(
    worker: &Worker,
    socket: &net::Listener,
) -> Option<Result<(net::Stream, Addr), net::AcceptError>> {
    tokio::select! {
        biased;
        accepted = socket.accept() => Some(accepted),
        () = leave(worker) => None,
    }
}

async fn leave(worker: &Worker) {
    if !worker.stopping() {
        worker.leave.notified().await;
    }
}

/// Whether a limit keeps us from accepting; what waits stays in the system's backlog.
fn full(worker: &Worker, front: &Frontend, listener: &Listener) -> bool {
    worker.plan.process.connections.now() >= worker.plan.process.maxconn.now()
        || front.connections.now() >= front.maxconn.now()
        || listener.maxconn.is_some_and(|most| listener.connections.now() >= most)
        || front
            .rate_limit
            .is_some_and(|most| front.tally.per_second(Pace::Sessions, worker.now_ms()) >= most)
        || too_fast(worker, listener)
}

/// Whether the process's limits of new connections a second keep us from accepting. The clock is looked at, for nothing
/// else moves it while nothing arrives.
fn too_fast(worker: &Worker, listener: &Listener) -> bool {
    let rates = &worker.plan.process.rates;
    let over = |limit: &Limit, pace| {
        let most = limit.now();
        most > 0 && {
            worker.tick();
            worker.plan.per_second(pace, worker.now_ms()) >= most
        }
    };
    over(&rates.connections, Pace::Connections)
        || over(&rates.sessions, Pace::Sessions)
        || listener.tls.is_some() && over(&rates.tls, Pace::Tls)
}
