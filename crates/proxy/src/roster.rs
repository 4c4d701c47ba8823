//! The sessions of one thread: all can be woken, and operators can look at them (`show sess`) and end one. A session
//! writes what it is doing into its own [`Sight`], where that changes hands anyway; nobody else writes there, and
//! reading happens between two turns of the thread's tasks.

use crate::plan::{Frontend, Listener};
use crate::session::Session;
use net::Addr;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// What a stream is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The rest of the request, or a rule.
    Request,
    /// A place at a server.
    Queue,
    /// The connection to the server.
    Connect,
    /// The head of the response.
    Headers,
    /// Data.
    Data,
}

/// What a session shows of itself.
pub struct Sight {
    /// Since when there is a stream; between two requests there is none.
    stream: Cell<Option<Instant>>,
    stage: Cell<Stage>,
    /// The stream's backend, by index.
    back: Cell<Option<usize>>,
    /// Body bytes of this stream so far, from and to the client.
    moved: Cell<(u64, u64)>,
    killed: Cell<bool>,
}

impl Default for Sight {
    fn default() -> Sight {
        Sight {
            stream: Cell::new(None),
            stage: Cell::new(Stage::Request),
            back: Cell::new(None),
            moved: Cell::new((0, 0)),
            killed: Cell::new(false),
        }
    }
}

impl Sight {
    /// A stream begins.
    pub fn begin(&self, now: Instant) {
        self.stream.set(Some(now));
        self.stage.set(Stage::Request);
        self.back.set(None);
        self.moved.set((0, 0));
    }

    /// It has ended.
    pub fn end(&self) {
        self.stream.set(None);
    }

    /// It goes to this backend.
    pub fn enter(&self, back: usize) {
        self.back.set(Some(back));
    }

    /// It waits for something else now.
    pub fn turn(&self, stage: Stage) {
        self.stage.set(stage);
    }

    /// So much has been carried so far.
    pub fn moved(&self, up: u64, down: u64) {
        self.moved.set((up, down));
    }

    /// An operator has ended the session.
    pub fn is_killed(&self) -> bool {
        self.killed.get()
    }
}

/// A stream as an operator sees it.
#[derive(Clone)]
#[allow(missing_docs)] // the names of `show sess`
pub struct Seen {
    pub id: u64,
    pub front: Arc<Frontend>,
    pub listener: Arc<Listener>,
    pub src: Addr,
    pub dst: Addr,
    /// TLS version agreed with the client.
    pub tls: Option<Box<str>>,
    /// Index of its backend.
    pub back: Option<usize>,
    /// Index of its server.
    pub server: Option<usize>,
    pub stage: Stage,
    /// Since the stream began.
    pub age: Duration,
    /// When that was, microseconds since the epoch.
    pub began_us: i64,
    /// Requests on this connection before this one.
    pub requests: u32,
    /// Time until its timer.
    pub expires: Option<Duration>,
    /// Body bytes from the client, and to it.
    pub moved: (u64, u64),
    /// Index of its thread, from 1.
    pub thread: usize,
}

/// Numbers of streams.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// By the frontend's `id`.
    pub by_front: BTreeMap<u32, u64>,
    /// By the backend's index.
    pub by_back: BTreeMap<usize, u64>,
}

/// See the module's head.
#[derive(Default)]
pub struct Roster {
    places: Vec<Option<Place>>,
    free: Vec<usize>,
    serial: u64,
}

struct Place {
    waker: Waker,
    session: Option<Rc<Session>>,
}

impl Roster {
    /// Takes a session in; returns its place.
    pub fn enter(&mut self, waker: Waker) -> usize {
        let place = Some(Place { waker, session: None });
        match self.free.pop() {
            Some(at) => {
                if let Some(free) = self.places.get_mut(at) {
                    *free = place;
                }
                at
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        }
    }

    /// A number for a session that no other of this thread ever has.
    pub fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// From now on the session shows what it does.
    pub fn show(&mut self, at: usize, session: Rc<Session>) {
        if let Some(Some(place)) = self.places.get_mut(at) {
            place.session = Some(session);
        }
    }

    /// The session in this place ends.
    pub fn leave(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(at) {
            *place = None;
            self.free.push(at);
        }
    }

    /// The wakers of all.
    pub fn wakers(&self) -> Vec<Waker> {
        self.places.iter().flatten().map(|place| place.waker.clone()).collect()
    }

    /// The streams in `places`; `None` where there are no such places.
    pub fn look(&self, places: std::ops::Range<usize>) -> Option<Vec<Seen>> {
        let end = places.end.min(self.places.len());
        let sessions = self.places.get(places.start..end).filter(|found| !found.is_empty())?;
        Some(sessions.iter().flatten().filter_map(|place| seen(place.session.as_ref()?)).collect())
    }

    /// How many streams there are now, by proxy.
    pub fn streams(&self) -> Streams {
        let mut streams = Streams::default();
        let sessions = self.places.iter().flatten().filter_map(|place| place.session.as_ref());
        for session in sessions.filter(|session| has_stream(session)) {
            *streams.by_front.entry(session.front.id).or_default() += 1;
            if let Some(back) = session.sight.back.get() {
                *streams.by_back.entry(back).or_default() += 1;
            }
        }
        streams
    }

    /// Ends a session; `false` where there is none with this number.
    pub fn kill(&self, id: u64) -> bool {
        let of = |place: &&Place| place.session.as_ref().is_some_and(|s| s.id == id && has_stream(s));
        let Some(place) = self.places.iter().flatten().find(of) else { return false };
        if let Some(session) = &place.session {
            session.sight.killed.set(true);
        }
        place.waker.wake_by_ref();
        true
    }
}

fn has_stream(session: &Session) -> bool {
    session.sight.stream.get().is_some()
}

fn seen(session: &Session) -> Option<Seen> {
    let sight = &session.sight;
    let began = sight.stream.get()?;
    let (now, stage) = (Instant::now(), sight.stage.get());
    let assigned = matches!(stage, Stage::Connect | Stage::Headers | Stage::Data);
    let server = session.last_server.get().filter(|(back, _)| assigned && sight.back.get() == Some(*back));
    Some(Seen {
        id: session.id,
        front: session.front.clone(),
        listener: session.listener.clone(),
        src: session.src,
        dst: session.dst,
        tls: session.tls.as_ref().map(|tls| tls.version.into()),
        back: sight.back.get(),
        server: server.map(|(_, index)| index),
        stage,
        age: now.saturating_duration_since(began),
        began_us: session.wall_us(began),
        requests: session.requests.get(),
        expires: session.deadline.borrow().armed().map(|at| at.saturating_duration_since(now)),
        moved: sight.moved.get(),
        thread: session.worker.index,
    })
}
