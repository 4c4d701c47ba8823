//! A tunnel: bytes both ways until both sides have ended, each half closed as its side ends. Serves `mode tcp` and
//! switched protocols.

use crate::deadline::{after, earliest};
use crate::ending::{Cause, Ending, Phase};
use crate::link::Link;
use crate::plan::{Backend, Frontend};
use crate::session::Session;
use crate::tally::Carrying;
use crate::transfer::{Transfer, TransferError};
use crate::worker::Worker;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// One direction of a tunnel.
struct Half {
    transfer: Transfer,
    shut: bool,
}

/// See the module's head.
pub struct Tunnel {
    up: Half,
    down: Half,
    client: Option<Duration>,
    server: Option<Duration>,
    tunnel: Option<Duration>,
    client_fin: Option<Duration>,
    server_fin: Option<Duration>,
    carrying: Option<Carrying>,
    /// When a sign of life was seen last, of the client and of the server.
    since: [Instant; 2],
    /// `option independent-streams`: what is sent to a side is no sign of life of it.
    independent: [bool; 2],
}

/// How a tunnel ended, and how much it carried.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// How.
    pub ending: Ending,
    /// Bytes from the client.
    pub up: u64,
    /// Bytes to the client.
    pub down: u64,
    /// What of these was counted on the way, up and down.
    pub counted: (u64, u64),
}

/// How one step of a half went.
enum Step {
    Moved,
    Waits,
    Done,
    Failed(TransferError),
}

impl Tunnel {
    /// A tunnel with the timeouts of its two sides; `tunnel` replaces both once data has gone both ways.
    pub fn new(client: Option<Duration>, server: Option<Duration>, tunnel: Option<Duration>) -> Tunnel {
        let half = || Half { transfer: Transfer::raw(), shut: false };
        Tunnel {
            up: half(),
            down: half(),
            client,
            server,
            tunnel,
            client_fin: None,
            server_fin: None,
            since: [Instant::now(); 2],
            independent: [false; 2],
            carrying: None,
        }
    }

    /// Timeouts that hold once a side has ended.
    pub fn with_fin(mut self, client_fin: Option<Duration>, server_fin: Option<Duration>) -> Tunnel {
        self.client_fin = client_fin;
        self.server_fin = server_fin;
        self
    }

    /// Whether only what a side sends counts as a sign of its life.
    pub fn with_independent(mut self, client: bool, server: bool) -> Tunnel {
        self.independent = [client, server];
        self
    }

    /// Bytes are counted as they pass (`option contstats`).
    pub fn with_carrying(mut self, carrying: Option<Carrying>) -> Tunnel {
        self.carrying = carrying;
        self
    }

    /// Bytes moved: from the client, or to it.
    fn note(&mut self, up: bool, down: bool) {
        let now = Instant::now();
        let [client, server] = self.independent;
        if up || (down && !client) {
            self.since[0] = now;
        }
        if down || (up && !server) {
            self.since[1] = now;
        }
    }

    /// Bulk goes by splice where both proxies let it.
    pub fn with_splice(mut self, worker: &Worker, front: &Frontend, back: &Backend) -> Tunnel {
        let (up, down) =
            (front.splice_request.and(back.splice_request), front.splice_response.and(back.splice_response));
        self.up.transfer.splice_by(up, &worker.pipes);
        self.down.transfer.splice_by(down, &worker.pipes);
        self
    }

    /// Carries bytes until the end. `killed` tells when the server's sessions are to be shut down.
    pub async fn run(
        mut self,
        session: &Session,
        client: &mut Link,
        server: &mut Link,
        killed: impl Fn() -> Option<Cause>,
    ) -> Carried {
        let ending = poll_fn(|cx| self.poll(cx, session, client, server, &killed)).await;
        let counted = self.carrying.map_or((0, 0), |carrying| carrying.counted);
        Carried { ending, up: self.up.transfer.moved, down: self.down.transfer.moved, counted }
    }

    /// Bytes from the client so far.
    pub fn uploaded(&self) -> u64 {
        self.up.transfer.moved
    }

    /// Carries what the client sends while the server's bytes are held back. Ready with the way in which the tunnel ends,
    /// or with nothing once `until` has passed.
    pub fn poll_up(
        &mut self,
        cx: &mut Context<'_>,
        session: &Session,
        client: &mut Link,
        server: &mut Link,
        killed: &impl Fn() -> Option<Cause>,
        until: Option<Instant>,
    ) -> Poll<Option<Ending>> {
        match self.up.step(cx, client, server) {
            Step::Failed(TransferError::Source) => {
                return Poll::Ready(Some(Ending::new(Cause::ClientAbort, Phase::Data)));
            }
            Step::Failed(TransferError::Framing(_) | TransferError::Sink) => {
                return Poll::Ready(Some(Ending::new(Cause::ServerAbort, Phase::Data)));
            }
            Step::Moved => self.note(true, false),
            Step::Waits | Step::Done => {}
        }
        if let Some(cause) = killed() {
            return Poll::Ready(Some(Ending::new(cause, Phase::Data)));
        }
        let (client_at, server_at) = self.deadlines();
        let silent = earliest(client_at, server_at);
        let in_time = until.is_some_and(|until| silent.is_none_or(|silent| until <= silent));
        let late = Ending::new(Cause::ServerTimeout, Phase::Data);
        session
            .poll_end(cx, earliest(silent, until), late)
            .map(|ending| (ending != late || !in_time).then_some(ending))
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        session: &Session,
        client: &mut Link,
        server: &mut Link,
        killed: &impl Fn() -> Option<Cause>,
    ) -> Poll<Ending> {
        let ended = (self.up.shut, self.down.shut);
        let down = self.down.step(cx, server, client);
        let up = self.up.step(cx, client, server);
        // Who is told of the end has from then on.
        if ended != (self.up.shut, self.down.shut) {
            self.since = [Instant::now(); 2];
        }
        match (&up, &down) {
            (Step::Failed(TransferError::Source), _) | (_, Step::Failed(TransferError::Sink)) => {
                return Poll::Ready(Ending::new(Cause::ClientAbort, Phase::Data));
            }
            (Step::Failed(_), _) | (_, Step::Failed(_)) => {
                return Poll::Ready(Ending::new(Cause::ServerAbort, Phase::Data));
            }
            (Step::Done, Step::Done) => return Poll::Ready(Ending::default()),
            (Step::Moved, _) | (_, Step::Moved) => {
                self.note(matches!(up, Step::Moved), matches!(down, Step::Moved));
                session.sight.moved(self.up.transfer.moved, self.down.transfer.moved);
                if let Some(carrying) = &mut self.carrying {
                    carrying.carried(self.up.transfer.moved, self.down.transfer.moved);
                }
            }
            (Step::Waits | Step::Done, Step::Waits | Step::Done) => {}
        }
        if let Some(cause) = killed() {
            return Poll::Ready(Ending::new(cause, Phase::Data));
        }
        let (client_at, server_at) = self.deadlines();
        let cause = match (client_at, server_at) {
            (Some(c), Some(s)) if s < c => Cause::ServerTimeout,
            (None, Some(_)) => Cause::ServerTimeout,
            (Some(_), _) | (None, None) => Cause::ClientTimeout,
        };
        session.poll_end(cx, earliest(client_at, server_at), Ending::new(cause, Phase::Data))
    }

    /// When each side has been silent for too long.
    fn deadlines(&self) -> (Option<Instant>, Option<Instant>) {
        let both_ways = self.up.transfer.moved > 0 && self.down.transfer.moved > 0;
        let usual = |own: Option<Duration>| if both_ways { self.tunnel.or(own) } else { own };
        // A side that was told of the end has this long to end too (manual, "FIN_WAIT").
        let client = if self.down.shut { self.client_fin.or(usual(self.client)) } else { usual(self.client) };
        let server = if self.up.shut { self.server_fin.or(usual(self.server)) } else { usual(self.server) };
        (after(self.since[0], client), after(self.since[1], server))
    }
}

impl Half {
    fn step(&mut self, cx: &mut Context<'_>, from: &mut Link, to: &mut Link) -> Step {
        if self.shut {
            return Step::Done;
        }
        let before = self.transfer.moved;
        match self.transfer.poll(cx, from, to) {
            Poll::Ready(Err(error)) => Step::Failed(error),
            Poll::Ready(Ok(())) => match to.poll_shutdown(cx) {
                Poll::Ready(_) => {
                    // Whether the peer has gone meanwhile shows in the other direction.
                    self.shut = true;
                    Step::Done
                }
                Poll::Pending => Step::Waits,
            },
            Poll::Pending if self.transfer.moved != before => Step::Moved,
            Poll::Pending => Step::Waits,
        }
    }
}
