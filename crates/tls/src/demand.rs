//! The third hatch between who serves and who obtains: names that handshakes ask for and no certificate covers
//! (`on-demand`). A handshake makes a wish and waits; whoever obtains certificates takes it and settles it.
//!
//! ```text
//! handshake ── wish ──► open (each name once) ── poll_wish ──► asked for, ordered, published
//!     ▲ woken                                                       │
//!     └────────────────────────── settle ◄──────────────────────────┘   refused: not wished again for a while
//! ```
//!
//! All that strangers can make grow here has a limit. Its lock is taken by handshakes for names that no certificate
//! covers on binds with `on-demand`, by nobody else, and for some lookups in maps.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Names that are being asked for or obtained at a time. Further ones get the temporary certificate at once.
const MAX_OPEN: usize = 256;
/// Of these, those that are seen to; the others go again when nobody waits for them any more.
const MAX_TAKEN: usize = 64;
/// Handshakes that wait, of all names together: each holds a connection.
const MAX_WAITING: usize = 2_000;
/// Names that are remembered as refused; with more, the oldest are forgotten. Some 2 MB at most.
const MAX_REFUSED: usize = 10_000;
/// How long a refusal holds.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// Longest host name (RFC 1035 section 2.3.4), without the root's dot, and longest label.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A name that somebody wants a certificate for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The `acme` section that may obtain it.
    pub section: Arc<str>,
    /// A host name in lower case.
    pub name: Arc<str>,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A certificate is served.
    Served,
    /// There will be none soon.
    Refused,
}

/// All wishes of the process.
#[derive(Default)]
pub struct Demand {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Who waits for what; of what was taken, nobody may be left who does.
    open: HashMap<Wish, Vec<Arc<Waiter>>>,
    /// Of these, the ones that nobody has taken yet.
    fresh: VecDeque<Wish>,
    refused: HashMap<Wish, Instant>,
    /// The same, oldest first.
    refusals: VecDeque<(Instant, Wish)>,
    waiting: usize,
    taker: Option<Waker>,
}

/// One handshake's place.
#[derive(Default)]
struct Waiter(Mutex<State>);

#[derive(Default)]
struct State {
    over: bool,
    waker: Option<Waker>,
}

impl Waiter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handshake that waits for its wish.
pub(crate) struct Wait {
    demand: Arc<Demand>,
    wish: Wish,
    waiter: Arc<Waiter>,
}

impl Wait {
    pub(crate) fn is_over(&self) -> bool {
        self.waiter.lock().over
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.waiter.lock();
        if state.over {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut inner = self.demand.lock();
        inner.waiting = inner.waiting.saturating_sub(1);
        if let Some(waiters) = inner.open.get_mut(&self.wish)
            && let Some(at) = waiters.iter().position(|waiter| Arc::ptr_eq(waiter, &self.waiter))
        {
            waiters.swap_remove(at);
            if waiters.is_empty() {
                inner.drop_fresh(&self.wish);
            }
        }
    }
}

impl Demand {
    /// Wishes for a name. `None`: there is no use in waiting.
    pub(crate) fn wish(self: &Arc<Demand>, section: &Arc<str>, name: &str) -> Option<Wait> {
        if !is_host_name(name) {
            return None;
        }
        let wish = Wish { section: section.clone(), name: name.to_ascii_lowercase().into() };
        let mut inner = self.lock();
        inner.forget_refusals(Instant::now());
        let is_new = !inner.open.contains_key(&wish);
        if inner.refused.contains_key(&wish)
            || inner.waiting >= MAX_WAITING
            || is_new && inner.open.len() >= MAX_OPEN
        {
            return None;
        }
        let waiter = Arc::new(Waiter::default());
        inner.open.entry(wish.clone()).or_default().push(waiter.clone());
        inner.waiting += 1;
        if is_new {
            inner.fresh.push_back(wish.clone());
            if let Some(taker) = inner.taker.take() {
                taker.wake();
            }
        }
        drop(inner);
        Some(Wait { demand: self.clone(), wish, waiter })
    }

    /// The next wish, for the one who sees to them; every wish that is taken must be settled.
    pub fn poll_wish(&self, cx: &mut Context<'_>) -> Poll<Wish> {
        let mut inner = self.lock();
        let taken = inner.open.len().saturating_sub(inner.fresh.len());
        match inner.fresh.pop_front_if(|_| taken < MAX_TAKEN) {
            Some(wish) => Poll::Ready(wish),
            None => {
                inner.taker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Says what became of a wish; the handshakes that wait for it go on.
    pub fn settle(&self, wish: &Wish, outcome: Settled) {
        let mut inner = self.lock();
        let waiters = inner.open.remove(wish).unwrap_or_default();
        if outcome == Settled::Refused {
            inner.refuse(wish, Instant::now());
        }
        if let Some(taker) = inner.taker.take() {
            taker.wake();
        }
        drop(inner);
        for waiter in waiters {
            let mut state = waiter.lock();
            state.over = true;
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The maps are whole between any two statements that change them, but for the count, which only bounds.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Nobody waits for a wish any more: if nobody has taken it either, there is none.
    fn drop_fresh(&mut self, wish: &Wish) {
        if let Some(at) = self.fresh.iter().position(|fresh| fresh == wish) {
            self.fresh.remove(at);
            self.open.remove(wish);
        }
    }

    fn forget_refusals(&mut self, now: Instant) {
        while let Some((at, _)) = self.refusals.front()
            && (now.duration_since(*at) >= REFUSED_FOR || self.refusals.len() > MAX_REFUSED)
            && let Some((at, wish)) = self.refusals.pop_front()
        {
            // Refused again meanwhile: then a younger one stands.
            if self.refused.get(&wish) == Some(&at) {
                self.refused.remove(&wish);
            }
        }
    }

    fn refuse(&mut self, wish: &Wish, now: Instant) {
        self.refused.insert(wish.clone(), now);
        self.refusals.push_back((now, wish.clone()));
        self.forget_refusals(now);
    }
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("Demand")
            .field("open", &inner.open.len())
            .field("waiting", &inner.waiting)
            .field("refused", &inner.refused.len())
            .finish()
    }
}

/// A name that a certificate can be for: no address, no wildcard, nothing that is no host name.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    name.len() <= MAX_NAME && name.split('.').all(label) && !name.rsplit('.').next().is_none_or(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn next(demand: &Demand) -> Option<Wish> {
        match demand.poll_wish(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(wish) => Some(wish),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_name_is_wished_once_and_all_who_wait_are_woken() {
        let (demand, section) = (Arc::new(Demand::default()), Arc::from("le"));
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let waits: Vec<Wait> = (0..3).filter_map(|_| demand.wish(&section, "Shop.Example")).collect();
        for wait in &waits {
            assert!(wait.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let wish = next(&demand).unwrap();
        assert_eq!((&*wish.name, &*wish.section, next(&demand)), ("shop.example", "le", None));
        demand.settle(&wish, Settled::Served);
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
        assert!(waits.iter().all(Wait::is_over));
        drop(waits);
        assert_eq!(demand.lock().waiting, 0);
        assert!(demand.wish(&section, "shop.example").is_some(), "it can be wished again");
    }

    #[test]
    fn what_is_refused_is_not_wished_again_for_a_while() {
        let (demand, section) = (Arc::new(Demand::default()), Arc::from("le"));
        let wait = demand.wish(&section, "a.example").unwrap();
        demand.settle(&next(&demand).unwrap(), Settled::Refused);
        assert!(wait.is_over());
        assert!(demand.wish(&section, "a.example").is_none());
        assert!(demand.wish(&Arc::from("other"), "a.example").is_some());
        demand.lock().forget_refusals(Instant::now() + REFUSED_FOR);
        assert!(demand.wish(&section, "a.example").is_some());
    }

    #[test]
    fn a_flood_of_names_finds_its_limits() {
        let (demand, section) = (Arc::new(Demand::default()), Arc::from("le"));
        let waits: Vec<Wait> =
            (0..5_000).filter_map(|n| demand.wish(&section, &format!("n{n}.example"))).collect();
        assert_eq!(waits.len(), MAX_OPEN);
        let same: Vec<Wait> = (0..5_000).filter_map(|_| demand.wish(&section, "n1.example")).collect();
        assert_eq!(waits.len() + same.len(), MAX_WAITING);
        while let Some(wish) = next(&demand) {
            demand.settle(&wish, Settled::Refused);
        }
        for n in 0..3 * MAX_REFUSED {
            let name = format!("r{n}.example").into();
            demand.settle(&Wish { section: section.clone(), name }, Settled::Refused);
        }
        let inner = demand.lock();
        assert!(inner.refused.len() <= MAX_REFUSED && inner.refusals.len() <= MAX_REFUSED);
        assert!(inner.open.is_empty());
    }

    #[test]
    fn what_nobody_waits_for_any_more_keeps_nobody_out() {
        let (demand, section) = (Arc::new(Demand::default()), Arc::from("le"));
        let waits: Vec<Wait> =
            (0..MAX_OPEN).filter_map(|n| demand.wish(&section, &format!("n{n}.example"))).collect();
        let taken: Vec<Wish> = std::iter::from_fn(|| next(&demand)).collect();
        assert_eq!(taken.len(), MAX_TAKEN);
        assert!(demand.wish(&section, "good.example").is_none(), "full");
        drop(waits);
        let good = demand.wish(&section, "good.example").unwrap();
        assert_eq!(next(&demand), None);
        demand.settle(&taken[0], Settled::Refused);
        assert_eq!(next(&demand).map(|wish| wish.name), Some("good.example".into()));
        drop(good);
        taken.iter().for_each(|wish| demand.settle(wish, Settled::Refused));
        assert_eq!(demand.lock().open.len(), 1, "it was taken");
    }

    #[test]
    fn only_host_names_are_wished() {
        for good in ["a.example", "xn--bcher-kva.example", "localhost", "1.a"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        let longer = format!("{}example", "a.".repeat(130));
        for bad in [
            "",
            ".",
            "a..b",
            "a.example.",
            "*.example",
            "192.0.2.1",
            "-a.example",
            "a_b.example",
            "é.example",
            "a/b",
            &long,
            &longer,
        ] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
