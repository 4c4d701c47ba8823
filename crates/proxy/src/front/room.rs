//! Where exchanges run. The room of an exchange, a few kilobytes, is neither part of its connection, which would then
//! carry it at rest, nor allocated and filled anew for each request: a thread keeps rooms, and a request borrows one.
//! Only moves things in and out; knows nothing of what an exchange does.

use super::h1::exchange;
use crate::link::Link;
use crate::session::Session;
use crate::stream::After;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::time::Instant;

/// Empty rooms a thread keeps; more are needed only in bursts.
const KEEP_MAX: usize = 64;

thread_local! {
    static EMPTY: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
}

/// What an exchange needs: the connection, and since when it was at rest.
type Order = (Rc<Session>, Box<Link>, Instant);

/// What goes in and what comes out.
#[derive(Default)]
struct Door {
    order: Cell<Option<Order>>,
    done: Cell<Option<(After, Box<Link>)>>,
}

struct Room {
    door: Rc<Door>,
    work: Pin<Box<dyn Future<Output = Infallible>>>,
}

impl Room {
    fn new() -> Room {
        let door = Rc::<Door>::default();
        Room { work: Box::pin(work(door.clone())), door }
    }
}

async fn work(door: Rc<Door>) -> Infallible {
    loop {
        let (session, mut link, idle_from) =
            poll_fn(|_| door.order.take().map_or(Poll::Pending, Poll::Ready)).await;
        let after = exchange(&session, &mut link, idle_from).await;
        door.done.set(Some((after, link)));
    }
}

/// Runs one exchange. Dropped before its end, it takes its room with it.
pub(super) async fn run(session: &Rc<Session>, link: Box<Link>, idle_from: Instant) -> (After, Box<Link>) {
    let mut room = EMPTY.with_borrow_mut(Vec::pop).unwrap_or_else(Room::new);
    room.door.order.set(Some((session.clone(), link, idle_from)));
    let done = poll_fn(|cx| {
        let (Poll::Pending, done) = (room.work.as_mut().poll(cx), room.door.done.take());
        done.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    EMPTY.with_borrow_mut(|empty| {
        if empty.len() < KEEP_MAX {
            empty.push(room);
        }
    });
    done
}
