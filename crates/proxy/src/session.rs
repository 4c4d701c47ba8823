//! A session: one client connection from accept to close. What comes before its first request is the `preface`; then it is
//! handed over to the front of its protocol.

mod handshake;
mod preface;
mod proxy_header;

use crate::agreed::Agreed;
use crate::deadline::Deadline;
use crate::ending::{Cause, Ending};
use crate::front;
use crate::link::Link;
use crate::plan::{Frontend, Listener};
use crate::roster::Sight;
use crate::tally::{Count, Pace};
use crate::tcp;
use crate::vars::Vars;
use crate::worker::Worker;
use http::proxy_protocol::Header;
use net::{Addr, Marks};
use preface::Preface;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Both ends of a client's connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The client's.
    pub src: Addr,
    /// The one it reached.
    pub dst: Addr,
}

/// What is known of a client connection.
pub struct Session {
    /// Its number, which no other session ever has.
    pub id: u64,
    /// What it shows of itself.
    pub sight: Sight,
    /// Its thread.
    pub worker: Rc<Worker>,
    /// Its frontend.
    pub front: Arc<Frontend>,
    /// Its listener.
    pub listener: Arc<Listener>,
    /// The client's address, after PROXY protocol and rules.
    pub src: Addr,
    /// The address the client reached, after PROXY protocol and rules.
    pub dst: Addr,
    /// The connection's own, where the two above may be others.
    own: Option<Box<Ends>>,
    /// The PROXY header received.
    pub proxy: Option<Box<Header>>,
    /// What the handshake agreed on.
    pub tls: Option<Box<Agreed>>,
    /// When it was accepted.
    pub accepted: Instant,
    /// The same on the wall clock, microseconds since the epoch.
    pub accepted_us: i64,
    /// How long PROXY header and handshake took.
    pub handshake: Duration,
    /// `sess.` variables.
    pub vars: RefCell<Vars>,
    /// Requests on this connection so far.
    pub requests: Cell<u32>,
    /// The server connection that this session keeps for itself (`http-reuse never`, PROXY protocol to the server).
    pub private: RefCell<Option<Box<crate::back::Connection>>>,
    /// The server that served the last request, for `option prefer-last-server` and logs.
    pub last_server: Cell<Option<(usize, usize)>>,
    /// What went wrong before its first request (`fc_err`, `fc_err_str`).
    pub error: Cell<Option<(u8, &'static str)>>,
    /// What rules want of packets to the client and was not done yet.
    wish: Cell<Option<Marks>>,
    /// What the kernel measures of the connection, while there is one.
    pub meter: Weak<net::Meter>,
    /// Its one timer.
    pub deadline: RefCell<Deadline>,
}

impl Session {
    /// Milliseconds on the wall clock now, derived from the accept time.
    pub fn wall_us(&self, now: Instant) -> i64 {
        self.accepted_us + i64::try_from(now.duration_since(self.accepted).as_micros()).unwrap_or(i64::MAX)
    }

    /// The ends of the connection itself, whatever a PROXY header or `tcp-request session` rules say.
    pub fn connection_ends(&self) -> Ends {
        self.own.as_deref().copied().unwrap_or(Ends { src: self.src, dst: self.dst })
    }

    /// Ready with the way in which a wait ends: as `late` says once `at` has passed, or killed by an operator.
    pub fn poll_end(&self, cx: &mut Context<'_>, at: Option<Instant>, late: Ending) -> Poll<Ending> {
        if self.sight.is_killed() {
            return Poll::Ready(Ending { cause: Cause::Killed, status: None, ..late });
        }
        self.deadline.borrow_mut().poll(cx, at).map(|()| {
            self.worker.tick();
            late
        })
    }

    /// A rule wants packets marked; [`Session::mark_packets`] does it when the rules are through.
    pub fn wish(&self, marks: Marks) {
        let before = self.wish.get().unwrap_or_default();
        self.wish.set(Some(marks.or(before)));
    }

    /// Marks packets to the client as rules wished. Without the right to do so they go unmarked (manual, `set-mark`).
    pub fn mark_packets(&self, link: &Link) {
        let Some(marks) = self.wish.take() else { return };
        link.stream().mark(marks);
    }

    /// Counts in the frontend and its listener.
    fn count(&self, what: Count) {
        self.front.tally.add(self.worker.index, what, 1);
        self.listener.tally.add(self.worker.index, what, 1);
    }
}

/// Counts a connection for as long as it lives: from when it is taken from its queue, for its session begins a turn or
/// more later, and by then a limit may be exceeded and a thread without connections has ended.
pub struct Counted {
    worker: Rc<Worker>,
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    accepted: Instant,
}

impl Counted {
    /// It was taken now.
    pub fn new(worker: &Rc<Worker>, front: &Arc<Frontend>, listener: &Arc<Listener>) -> Counted {
        let accepted = worker.tick();
        let now = worker.now_ms();
        worker.connection_opened();
        worker.plan.process.connections.enter();
        front.connections.enter();
        listener.connections.enter();
        for tally in [&front.tally, &listener.tally] {
            tally.add(worker.index, Count::Connections, 1);
            tally.pace(worker.index, Pace::Connections, now);
        }
        Counted { worker: worker.clone(), front: front.clone(), listener: listener.clone(), accepted }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.worker.plan.process.connections.leave();
        self.front.connections.leave();
        self.listener.connections.leave();
        self.worker.connection_closed();
    }
}

/// Serves one client connection to its end.
pub async fn run(counted: Counted, stream: net::Stream, peer: Addr) {
    let worker = counted.worker.clone();
    let registered = worker.register().await;
    let dst = stream.local_addr().unwrap_or(Addr::Unix);
    // In a box: the link is handed on from room to room, and each would keep a place for all of it.
    let mut link = Box::new(Link::new(stream));
    let mut session = Rc::new(Session {
        id: worker.next_session(),
        sight: Sight::default(),
        accepted_us: worker.wall_us(),
        worker,
        front: counted.front.clone(),
        listener: counted.listener.clone(),
        src: peer,
        dst,
        own: None,
        proxy: None,
        tls: None,
        accepted: counted.accepted,
        handshake: Duration::ZERO,
        vars: RefCell::default(),
        requests: Cell::new(0),
        private: RefCell::new(None),
        last_server: Cell::new(None),
        error: Cell::new(None),
        wish: Cell::new(None),
        meter: link.lend_meter(),
        deadline: RefCell::default(),
    });
    // it is nobody else's before it is shown
    if preface::is_needed(&session)
        && let Some(session) = Rc::get_mut(&mut session)
    {
        match Box::pin(preface::run(session, &mut link)).await {
            Preface::Go => {}
            Preface::Close => return,
            Preface::Reset => return link.abort(),
            Preface::SilentDrop(ttl) => return link.silent_drop(ttl),
        }
        session.handshake = session.worker.tick().duration_since(session.accepted);
    }
    registered.show(session.clone());
    session.count(Count::Sessions);
    session.front.tally.pace(session.worker.index, Pace::Sessions, session.worker.now_ms());
    let link = if session.front.http { Some(link) } else { Box::pin(tcp::run(&session, link)).await };
    if let Some(link) = link {
        front::h1::run(&session, link).await;
    }
}
