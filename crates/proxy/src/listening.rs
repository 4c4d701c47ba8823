//! Before anything is served: every address of the plan is bound, and what cannot be is told all at once.

use crate::plan::{Frontend, Listener, Plan};
use base::reason;
use net::{Addr, BindError, BoundListener, Inherited, ListenAddr};
use std::fmt;
use std::io;
use std::sync::Arc;

/// A listening socket, and what it serves.
pub type Bound = (Arc<Frontend>, Arc<Listener>, BoundListener);

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// Addresses that could not be bound, each with its line and cause.
    Bind(Vec<Unbound>),
    /// A thread or its runtime could not be made.
    Thread(io::Error),
}

/// An address that could not be bound.
#[derive(Debug)]
pub struct Unbound {
    /// Whose it is; a `stats socket` is `GLOBAL`'s, as with HAProxy.
    pub frontend: Box<str>,
    /// `FILE:LINE`
    pub place: Box<str>,
    /// The address, and why not.
    pub error: BindError,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind(all) => {
                let lines: Vec<String> = all.iter().map(Unbound::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            StartError::Thread(error) => write!(
                f,
                "cannot start a worker thread: {}: it needs memory ('-m'), processes ('ulimit -u') and files ('ulimit -n')",
                reason(error)
            ),
        }
    }
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unbound { frontend, place, error } = self;
        write!(f, "Binding [{place}] for frontend {frontend}: {error}")
    }
}

impl std::error::Error for StartError {}

/// What is listened on.
pub(crate) struct Bindings {
    /// The share of each thread.
    pub(crate) shares: Vec<Vec<Bound>>,
    /// The addresses, with their frontends; port 0 resolved.
    pub(crate) addresses: Vec<(Box<str>, Addr)>,
}

/// Binds everything, with what a predecessor handed over where it fits.
pub(crate) fn bind(plan: &Plan, inherited: &mut Inherited) -> Result<Bindings, StartError> {
    let threads = plan.process.threads.max(1);
    let mut all = Bindings { shares: (0..threads).map(|_| Vec::new()).collect(), addresses: Vec::new() };
    let mut failed = Vec::new();
    for (front, listener) in listeners(plan) {
        match net::bind(&listener.addr, &listener.options, threads, inherited) {
            Ok(bound) => all.share_out(front, listener, bound),
            Err(error) => {
                let (frontend, place) = (front.name.clone(), listener.place.clone());
                failed.push(Unbound { frontend, place, error });
            }
        }
    }
    if failed.is_empty() { Ok(all) } else { Err(StartError::Bind(failed)) }
}

fn listeners(plan: &Plan) -> impl Iterator<Item = (&Arc<Frontend>, &Arc<Listener>)> {
    plan.frontends.iter().flat_map(|front| front.listeners.iter().map(move |listener| (front, listener)))
}

impl Bindings {
    fn share_out(&mut self, front: &Arc<Frontend>, listener: &Arc<Listener>, bound: Vec<BoundListener>) {
        self.addresses.extend(bound.first().map(|b| (front.name.clone(), b.local_addr())));
        let threads = self.shares.len();
        for (number, bound) in bound.into_iter().enumerate() {
            if let Some(share) = self.shares.get_mut(number % threads) {
                share.push((front.clone(), listener.clone(), bound));
            }
        }
    }
}

/// The lines of a plan whose addresses another process listens on already and would share: the system deals connections
/// out between both (`SO_REUSEPORT`). To be asked before anything is bound.
pub fn shared_with_others(plan: &Plan) -> Vec<String> {
    let taken = listeners(plan).filter(|(_, listener)| match listener.addr {
        ListenAddr::Inet(at) => net::is_listened_on(at),
        // A path or a name is either taken over or refused.
        ListenAddr::Unix(_) | ListenAddr::Abstract(_) | ListenAddr::Fd(_) => false,
    });
    taken.map(|(front, listener)| told(front, listener)).collect()
}

fn told(front: &Frontend, listener: &Listener) -> String {
    format!(
        "Binding [{}] for frontend {}: another process listens on [{}]",
        listener.place, front.name, listener.addr
    )
}
