//! Waiting for a server's slot: one line per server for those who must reach that one, and one line per backend for
//! those who take any. First come, first served, over all threads, but for priorities that rules give.
//!
//! Life of a waiter: `Balance::wait` puts it in line; a slot that comes free is handed to the first of the server's
//! own line and the backend's line, and its stream is woken holding that slot; it may then drop the slot like any
//! other. Dropping a waiter at any moment is safe: it leaves the line, or gives on the slot it was just handed.
//!
//! The lock is taken only where somebody waits. No wake-up is lost: who joins a line first counts itself and then
//! looks for a free slot; who frees a slot first frees it and then looks at the count (both sequentially
//! consistent), so one of them sees the other. Lines hold one entry a live stream, so `maxconn` bounds them.

use crate::balance::{Balance, Servers};
use crate::server::Server;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::time::Instant;

/// A place among a server's sessions. Dropping it hands the place to whoever waits.
#[must_use]
pub struct Slot<'a> {
    balance: &'a Balance,
    server: Arc<Server>,
}

impl Slot<'_> {
    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.server.facts.name)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.balance.release(&self.server);
    }
}

/// Whose line to wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The backend's: any server will do.
    Backend,
    /// That server's.
    Server {
        /// Its index.
        index: usize,
        /// Stay in line even when the server goes down (without `option redispatch`); else be called to choose
        /// again.
        loyal: bool,
    },
}

/// Why a waiter was woken.
#[derive(Debug)]
pub enum Called<'a> {
    /// Its turn has come.
    Slot(Slot<'a>),
    /// Its server went down: choose again.
    Again,
}

/// The lines of one backend.
#[derive(Default)]
pub(crate) struct Queue {
    lines: Mutex<Lines>,
    /// In all lines; read without the lock.
    waiting: AtomicU32,
    /// In the backend's own line, and the most seen there.
    in_backend: AtomicU32,
    in_backend_max: AtomicU32,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} waiting)", self.waiting.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Lines {
    backend: Waiters,
    servers: BTreeMap<usize, Waiters>,
    /// Those called whose streams have not looked yet.
    called: BTreeMap<Rank, (Outcome, u32)>,
    next_ticket: u64,
    /// When the first waiter came: places are told apart by the time since then.
    opened: Option<Instant>,
}

/// What rules say of a stream's place in queues; without any, streams are served as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// `set-priority-class`: the lowest is served first.
    pub class: i32,
    /// `set-priority-offset`: milliseconds by which it counts as having come later, or earlier where negative.
    pub offset: i32,
}

/// A place among those who wait, the first to be served the least: class, then time, then the order of coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: i32,
    /// Milliseconds, the offset added.
    came: i64,
    ticket: u64,
}

/// One line, whoever is next first.
#[derive(Default)]
struct Waiters {
    list: BTreeMap<Rank, Waiter>,
    /// How many have left it, in whatever way; positions in logs are differences of this.
    left: u32,
}

struct Waiter {
    waker: Option<Waker>,
    /// `Waiters::left` when it came.
    joined: u32,
    loyal: bool,
}

enum Outcome {
    Slot(Arc<Server>),
    Again,
}

impl Waiters {
    fn first(&self) -> Option<Rank> {
        self.list.first_key_value().map(|(rank, _)| *rank)
    }

    /// Takes a waiter out; its waker, and how many left the line since it came, itself included.
    fn remove(&mut self, rank: Rank) -> Option<(Option<Waker>, u32)> {
        let waiter = self.list.remove(&rank)?;
        self.left = self.left.wrapping_add(1);
        Some((waiter.waker, self.left.wrapping_sub(waiter.joined)))
    }
}

impl Lines {
    fn of(&mut self, line: Line) -> Option<&mut Waiters> {
        match line {
            Line::Backend => Some(&mut self.backend),
            Line::Server { index, .. } => self.servers.get_mut(&index),
        }
    }

    fn join(&mut self, line: Line, priority: Priority) -> Rank {
        let came = self.opened.get_or_insert_with(Instant::now).elapsed().as_millis();
        let came = i64::try_from(came).unwrap_or(i64::MAX).saturating_add(priority.offset.into());
        let rank = Rank { class: priority.class, came, ticket: self.next_ticket };
        self.next_ticket += 1;
        let (waiters, loyal) = match line {
            Line::Backend => (&mut self.backend, false),
            Line::Server { index, loyal } => (self.servers.entry(index).or_default(), loyal),
        };
        waiters.list.insert(rank, Waiter { waker: None, joined: waiters.left, loyal });
        rank
    }

    /// The line whose first waiter is next for this server.
    fn next_for(&self, index: usize, takes_any: bool) -> Option<(Line, Rank)> {
        let own = self.servers.get(&index).and_then(Waiters::first);
        let any = self.backend.first().filter(|_| takes_any);
        match (own, any) {
            (Some(own), Some(any)) if any < own => Some((Line::Backend, any)),
            (Some(own), _) => Some((Line::Server { index, loyal: false }, own)),
            (None, Some(any)) => Some((Line::Backend, any)),
            (None, None) => None,
        }
    }
}

impl Queue {
    /// Waiting in the backend's own line.
    pub(crate) fn in_backend(&self) -> u32 {
        self.in_backend.load(Ordering::SeqCst)
    }

    /// The most that waited there at once.
    pub(crate) fn in_backend_max(&self) -> u32 {
        self.in_backend_max.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_in(&self, line: Line, servers: &Servers) {
        match line {
            Line::Backend => {
                let now = self.in_backend.fetch_add(1, Ordering::SeqCst).saturating_add(1);
                self.in_backend_max.fetch_max(now, Ordering::Relaxed);
            }
            Line::Server { index, .. } => servers.get(index).into_iter().for_each(|s| s.note_queued()),
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    fn count_out(&self, line: Line, servers: &Servers) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        match line {
            Line::Backend => {
                self.in_backend.fetch_sub(1, Ordering::SeqCst);
            }
            Line::Server { index, .. } => servers.get(index).into_iter().for_each(|s| s.note_dequeued()),
        }
    }
}

impl Balance {
    /// Takes a slot of this server if one is free and nobody waits for it.
    pub fn admit(&self, index: usize) -> Option<Slot<'_>> {
        let servers = self.servers();
        let server = servers.get(index)?;
        let jumps_queue = server.maxconn() > 0 && server.queued() > 0;
        (!jumps_queue && server.admit(self.load())).then(|| Slot { balance: self, server: server.clone() })
    }

    /// Joins a line. Bound the wait with `timeout queue`; dropping the waiter leaves the line.
    pub fn wait(&self, line: Line, priority: Priority) -> Waiting<'_> {
        let mut lines = self.queue.lock();
        let rank = lines.join(line, priority);
        self.queue.count_in(line, &self.servers());
        // a slot may have come free before the count was seen; nobody here has a waker yet but older waiters may
        let mut woken = match line {
            Line::Backend => self.hand_out_all(&mut lines),
            Line::Server { index, .. } => self.hand_out(&mut lines, index),
        };
        self.close_lines(&mut lines, &mut woken);
        drop(lines);
        wake(woken);
        Waiting { balance: self, line, rank, position: 0, done: false }
    }

    /// Waiting in the backend's own line now.
    pub fn queued(&self) -> u32 {
        self.queue.in_backend()
    }

    /// The most that waited in the backend's own line at once.
    pub fn queued_max(&self) -> u32 {
        self.queue.in_backend_max()
    }

    pub(crate) fn release(&self, server: &Server) {
        server.release();
        if self.queue.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut lines = self.queue.lock();
        let woken = self.hand_out(&mut lines, server.facts.index);
        drop(lines);
        wake(woken);
    }

    /// After a change of states or weights: those who wait for a server that is gone choose again, and servers with
    /// room call from the backend's line.
    pub(crate) fn reshuffle_queue(&self) {
        if self.queue.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut lines = self.queue.lock();
        let mut woken = Vec::new();
        for server in self.servers().iter().filter(|s| !s.is_up()) {
            self.dismiss(&mut lines, server.facts.index, &mut woken);
        }
        self.close_lines(&mut lines, &mut woken);
        woken.extend(self.hand_out_all(&mut lines));
        drop(lines);
        wake(woken);
    }

    /// Nobody waits for a server that was deleted, and its line is forgotten.
    fn close_lines(&self, lines: &mut Lines, woken: &mut Vec<Waker>) {
        let servers = self.servers();
        let gone: Vec<usize> = lines.servers.keys().copied().filter(|i| servers.get(*i).is_none()).collect();
        for index in gone {
            let waiters = lines.servers.get_mut(&index).into_iter().flat_map(|w| w.list.values_mut());
            waiters.for_each(|waiter| waiter.loyal = false);
            self.dismiss(lines, index, woken);
            lines.servers.remove(&index);
        }
    }

    fn dismiss(&self, lines: &mut Lines, index: usize, woken: &mut Vec<Waker>) {
        let Some(waiters) = lines.servers.get_mut(&index) else { return };
        let disloyal = waiters.list.iter().filter(|(_, w)| !w.loyal).map(|(rank, _)| *rank);
        for rank in disloyal.collect::<Vec<_>>() {
            let Some((waker, position)) = waiters.remove(rank) else { continue };
            self.queue.count_out(Line::Server { index, loyal: false }, &self.servers());
            lines.called.insert(rank, (Outcome::Again, position));
            woken.extend(waker);
        }
    }

    fn hand_out_all(&self, lines: &mut Lines) -> Vec<Waker> {
        self.servers().iter().flat_map(|s| self.hand_out(lines, s.facts.index)).collect()
    }

    /// Hands this server's free slots to those who are next.
    fn hand_out(&self, lines: &mut Lines, index: usize) -> Vec<Waker> {
        let mut woken = Vec::new();
        let Some(server) = self.server(index) else { return woken };
        if !server.is_up() {
            return woken;
        }
        let takes_any = self.is_eligible(index);
        while let Some((line, rank)) = lines.next_for(index, takes_any) {
            if !server.admit(self.load()) {
                break;
            }
            let Some((waker, position)) = lines.of(line).and_then(|w| w.remove(rank)) else { break };
            self.queue.count_out(line, &self.servers());
            lines.called.insert(rank, (Outcome::Slot(server.clone()), position));
            woken.extend(waker);
        }
        woken
    }
}

/// Outside the lock: a waker may run anything.
fn wake(woken: Vec<Waker>) {
    woken.into_iter().for_each(Waker::wake);
}

/// A stream in line.
#[must_use]
pub struct Waiting<'a> {
    balance: &'a Balance,
    line: Line,
    rank: Rank,
    position: u32,
    done: bool,
}

impl<'a> Waiting<'a> {
    /// Leaves the line; how many left it since this one joined, itself included, which is what logs show as
    /// `srv_queue` or `backend_queue`. To be called when the wait is over, whatever its end.
    pub fn leave(mut self) -> u32 {
        self.quit();
        self.position
    }

    /// The same number once the waiter was called; 0 before.
    pub fn position(&self) -> u32 {
        self.position
    }

    fn outcome(&mut self, lines: &mut Lines) -> Option<Outcome> {
        let (outcome, position) = lines.called.remove(&self.rank)?;
        self.position = position;
        self.done = true;
        Some(outcome)
    }

    /// Idempotent: takes this waiter out of wherever it is.
    fn quit(&mut self) {
        if self.done {
            return;
        }
        self.done = true;
        let balance = self.balance;
        let mut lines = balance.queue.lock();
        let outcome = self.outcome(&mut lines);
        if let Some((_, position)) = lines.of(self.line).and_then(|w| w.remove(self.rank)) {
            self.position = position;
            balance.queue.count_out(self.line, &balance.servers());
        }
        drop(lines);
        match outcome {
            Some(Outcome::Slot(server)) => balance.release(&server),
            Some(Outcome::Again) | None => {}
        }
    }
}

impl<'a> Future for Waiting<'a> {
    type Output = Called<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Called<'a>> {
        let this = &mut *self;
        let balance = this.balance;
        let mut lines = balance.queue.lock();
        if let Some(outcome) = this.outcome(&mut lines) {
            return Poll::Ready(match outcome {
                Outcome::Slot(server) => Called::Slot(Slot { balance, server }),
                Outcome::Again => Called::Again,
            });
        }
        if let Some(waiter) = lines.of(this.line).and_then(|w| w.list.get_mut(&this.rank)) {
            waiter.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.quit();
    }
}

#[cfg(test)]
mod tests;
