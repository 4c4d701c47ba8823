//! Whether a frontend takes connections: operators close its gate for a while or for good. A thread keeps a [`Door`] for
//! each of its listening sockets and brings it in line with the gate when told to; accepting itself looks at nothing.

use crate::plan::{Frontend, Listener};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use tokio::task::JoinHandle;

/// How a frontend's gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// It takes connections.
    Open = 0,
    /// It refuses connections until further notice (`disable frontend`).
    Paused = 1,
    /// It has given its addresses back (`shutdown frontend`).
    Stopped = 2,
}

/// See the file's head.
#[derive(Debug, Default)]
pub struct Gate(AtomicU8);

impl Gate {
    /// How it stands.
    pub fn state(&self) -> GateState {
        match self.0.load(Relaxed) {
            0 => GateState::Open,
            1 => GateState::Paused,
            _ => GateState::Stopped,
        }
    }

    /// Moves it; the threads follow when they are told (`Workers::follow_gates`).
    pub fn set(&self, state: GateState) {
        self.0.store(state as u8, Relaxed);
    }
}

/// A listening socket of one thread, and who accepts from it.
pub(crate) struct Door {
    front: Arc<Frontend>,
    listener: Arc<Listener>,
    /// None once it was given back.
    socket: Option<Rc<net::Listener>>,
    /// None while nobody accepts.
    accepting: Option<JoinHandle<()>>,
}

impl Door {
    pub(crate) fn new(front: Arc<Frontend>, listener: Arc<Listener>, socket: net::Listener) -> Door {
        Door { front, listener, socket: Some(Rc::new(socket)), accepting: None }
    }

    /// Brings it in line with the gate; `accept` starts a task that accepts.
    pub(crate) async fn follow<A>(&mut self, accept: A) -> io::Result<()>
    where
        A: FnOnce(Arc<Frontend>, Arc<Listener>, Rc<net::Listener>) -> JoinHandle<()>,
    {
        let Some(socket) = &self.socket else { return Ok(()) };
        match (self.front.gate.state(), self.accepting.is_some()) {
            (GateState::Open, true) | (GateState::Paused, false) => {}
            (GateState::Open, false) => {
                socket.resume(self.listener.options.backlog)?;
                self.accepting = Some(accept(self.front.clone(), self.listener.clone(), socket.clone()));
            }
            (GateState::Paused, true) => {
                socket.pause()?;
                self.accepting.take().into_iter().for_each(|task| task.abort());
            }
            (GateState::Stopped, _) => {
                if let Some(task) = self.let_go() {
                    task.abort();
                    // the address is free once the task has let go of the socket
                    let _ = task.await;
                }
            }
        }
        Ok(())
    }

    /// The socket is kept open by nobody but the task that accepts from it, which is returned.
    pub(crate) fn let_go(&mut self) -> Option<JoinHandle<()>> {
        self.socket = None;
        self.accepting.take()
    }
}
