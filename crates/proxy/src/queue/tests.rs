//! Fairness, cancellation and lost wake-ups.

use super::*;
use crate::balance::{Ask, Picked, Policy};
use crate::server::{Endpoint, Facts, Health, ServerPort};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Wake;

fn farm(maxconns: &[u32]) -> Balance {
    let server = |(index, maxconn): (usize, &u32)| {
        let facts = Facts { index, id: index as u32 + 1, weight: 1, maxconn: *maxconn, ..Facts::default() };
        let endpoint = Endpoint::Inet { ip: [127, 0, 0, 1].into(), port: ServerPort::Fixed(80) };
        Arc::new(Server::plain(facts, Some(endpoint)))
    };
    Balance::new(Policy::RoundRobin, false, maxconns.iter().enumerate().map(server).collect(), 0)
}

const AT_FIRST: Line = Line::Server { index: 0, loyal: false };

/// Counts its wake-ups.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once; the server's index when called with a slot, which is then held.
fn poll<'a>(waiting: &mut Waiting<'a>, bell: &Arc<Bell>) -> Option<Called<'a>> {
    let waker = Waker::from(bell.clone());
    match Pin::new(waiting).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(called) => Some(called),
        Poll::Pending => None,
    }
}

#[test]
fn first_come_first_served_over_both_lines() {
    let balance = farm(&[1]);
    let bell = Arc::new(Bell::default());
    let mut held = balance.admit(0);
    assert!(held.is_some() && balance.admit(0).is_none());
    let lines = [Line::Backend, AT_FIRST, AT_FIRST, Line::Backend];
    let mut waiters: Vec<_> = lines.into_iter().map(|line| balance.wait(line, Priority::default())).collect();
    waiters.iter_mut().for_each(|w| assert!(poll(w, &bell).is_none()));
    assert_eq!((balance.queued(), balance.servers()[0].queued()), (2, 2));
    for (turn, positions) in [1, 1, 2, 2].into_iter().enumerate() {
        held = None;
        assert!(held.is_none() && bell.0.load(Ordering::SeqCst) == turn as u32 + 1);
        let later = waiters.iter_mut().skip(turn + 1).any(|w| poll(w, &bell).is_some());
        assert!(!later, "turn {turn}");
        let Some(Called::Slot(slot)) = poll(&mut waiters[turn], &bell) else { panic!("turn {turn}") };
        assert_eq!(waiters[turn].position(), positions);
        held = Some(slot);
    }
    drop(held);
    assert_eq!((balance.queued(), balance.servers()[0].queued(), balance.servers()[0].sessions()), (0, 0, 0));
}

#[test]
fn ranks_and_offsets_change_the_order() {
    let balance = farm(&[1]);
    let bell = Arc::new(Bell::default());
    let mut held = balance.admit(0);
    let wishes = [(0, 0), (5, 0), (-1, 0), (0, -200_000), (0, 200_000), (0, 0)];
    let mut waiters: Vec<_> = wishes
        .into_iter()
        .map(|(class, offset)| Some(balance.wait(Line::Backend, Priority { class, offset })))
        .collect();
    let mut served = Vec::new();
    for _ in wishes {
        drop(held);
        let next = waiters.iter_mut().enumerate().find_map(|(index, waiter)| {
            let called = poll(waiter.as_mut()?, &bell)?;
            *waiter = None;
            Some((index, called))
        });
        let Some((index, Called::Slot(slot))) = next else { panic!("somebody is next") };
        served.push(index);
        held = Some(slot);
    }
    assert_eq!(served, [2, 3, 0, 5, 4, 1]);
}

#[test]
fn nobody_jumps_the_queue() {
    let balance = farm(&[1]);
    let bell = Arc::new(Bell::default());
    let held = balance.admit(0);
    let mut waiting = balance.wait(AT_FIRST, Priority::default());
    assert!(poll(&mut waiting, &bell).is_none());
    assert_eq!(balance.pick(&Ask::default()), Picked::Full);
    drop(held);
    assert!(balance.admit(0).is_none(), "the slot went to the waiter");
    assert!(matches!(poll(&mut waiting, &bell), Some(Called::Slot(_))));
}

#[test]
fn a_dropped_waiter_gives_its_slot_on() {
    let balance = farm(&[1]);
    let bell = Arc::new(Bell::default());
    let held = balance.admit(0);
    let (mut first, mut second) =
        (balance.wait(AT_FIRST, Priority::default()), balance.wait(Line::Backend, Priority::default()));
    assert!(poll(&mut first, &bell).is_none() && poll(&mut second, &bell).is_none());
    drop(held);
    // called, but gone before it looked
    drop(first);
    assert!(matches!(poll(&mut second, &bell), Some(Called::Slot(_))));
    assert_eq!(balance.servers()[0].sessions(), 0);
    let mut third = balance.wait(AT_FIRST, Priority::default());
    assert!(matches!(poll(&mut third, &bell), Some(Called::Slot(_))), "a free slot is given at once");
}

#[test]
fn leaving_tells_how_many_were_ahead() {
    let balance = farm(&[1]);
    let held = balance.admit(0);
    let waiters: Vec<_> = (0..3).map(|_| balance.wait(Line::Backend, Priority::default())).collect();
    let positions: Vec<u32> = waiters.into_iter().map(Waiting::leave).collect();
    assert_eq!(positions, [1, 2, 3]);
    assert_eq!((balance.queued(), balance.queued_max()), (0, 3));
    drop(held);
}

#[test]
fn a_server_that_goes_down_sends_its_waiters_away_and_one_that_comes_up_calls() {
    let balance = farm(&[1, 1]);
    let bell = Arc::new(Bell::default());
    let _held = (balance.admit(0), balance.admit(1));
    let mut waiting = balance.wait(AT_FIRST, Priority::default());
    let mut loyal = balance.wait(Line::Server { index: 0, loyal: true }, Priority::default());
    assert!(poll(&mut waiting, &bell).is_none() && poll(&mut loyal, &bell).is_none());
    balance.servers()[0].set_health(Health::Down, 1);
    balance.recompute(1);
    assert!(matches!(poll(&mut waiting, &bell), Some(Called::Again)));
    assert!(poll(&mut loyal, &bell).is_none());
    let mut any = balance.wait(Line::Backend, Priority::default());
    drop(_held.0);
    assert!(poll(&mut any, &bell).is_none() && poll(&mut loyal, &bell).is_none());
    balance.servers()[0].set_health(Health::Up, 2);
    balance.recompute(2);
    assert!(matches!(poll(&mut loyal, &bell), Some(Called::Slot(_))));
    assert!(matches!(poll(&mut any, &bell), Some(Called::Slot(slot)) if slot.server().facts.index == 0));
}

/// Gives other tasks and threads a chance to come between.
async fn step_aside(times: usize) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// One request: picks, waits if it must, sometimes gives up, and holds its slot for a moment.
async fn request(balance: &Balance, seed: usize, peak: &AtomicU32) -> bool {
    let slot = match balance.pick(&Ask::default()) {
        Picked::Server(index) => balance.admit(index),
        Picked::Full => None,
        Picked::None => panic!("servers are up"),
    };
    let slot = match slot {
        Some(slot) => slot,
        None => {
            let line = if seed.is_multiple_of(2) {
                Line::Backend
            } else {
                Line::Server { index: seed % 3, loyal: false }
            };
            let mut waiting = pin!(balance.wait(line, Priority::default()));
            let mut patience = if seed.is_multiple_of(5) { seed % 40 } else { usize::MAX };
            let called = poll_fn(|cx| {
                if let Poll::Ready(called) = waiting.as_mut().poll(cx) {
                    return Poll::Ready(Some(called));
                }
                if patience == 0 {
                    return Poll::Ready(None);
                }
                if patience != usize::MAX {
                    patience -= 1;
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            });
            match called.await {
                Some(Called::Slot(slot)) => slot,
                Some(Called::Again) | None => return false,
            }
        }
    };
    peak.fetch_max(balance.servers()[slot.server().facts.index].sessions(), Ordering::SeqCst);
    step_aside(seed % 4).await;
    true
}

#[test]
fn threads_that_wait_and_give_up_lose_nothing() {
    let balance = Arc::new(farm(&[2, 1, 3]));
    let (peak, served) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let worker = |thread: usize| {
        let (balance, peak, served) = (balance.clone(), peak.clone(), served.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                let one = |i: usize| {
                    let (balance, peak, served) = (balance.clone(), peak.clone(), served.clone());
                    tokio::task::spawn_local(async move {
                        for round in 0..50 {
                            let ok = request(&balance, thread * 7 + i * 13 + round, &peak).await;
                            served.fetch_add(u32::from(ok), Ordering::SeqCst);
                        }
                    })
                };
                for task in (0..40).map(one).collect::<Vec<_>>() {
                    task.await.unwrap();
                }
            });
        })
    };
    for thread in (0..4).map(worker).collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    let left: Vec<_> = balance.servers().iter().map(|s| (s.sessions(), s.queued())).collect();
    assert_eq!((left, balance.queued()), (vec![(0, 0); 3], 0));
    assert!(peak.load(Ordering::SeqCst) <= 3 && served.load(Ordering::SeqCst) > 4000);
}
