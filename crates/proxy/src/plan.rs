//! The runtime world: what was configured, compiled and resolved, never edited while it runs. A reload builds a new
//! one. Live numbers are the atomics inside `server::Server` and the tallies. Times are `Duration`s, `None` is infinite.

mod backend;
mod connections;
mod frontend;
mod listener;
mod process;
mod proxy;
mod target;
mod wanted;

pub use backend::{BackTimeouts, Backend, UseServer, UseServerTarget};
pub use connections::Connections;
pub use frontend::{CaptureSlot, FrontTimeouts, Frontend, Route, RouteTarget};
pub use listener::Listener;
pub use process::{Process, RingSection};
pub use proxy::{AddressHeader, Forwarded, HeaderOptions, HttpRules};
pub use target::{POOL_PURGE, ProxyV2, Target};
pub use wanted::{OcspUpdates, OnDemand, Wanted};

pub(crate) use wanted::lineage;

use crate::tally::{Pace, Tally};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that runs.
pub struct Plan {
    /// Process-wide settings.
    pub process: Process,
    /// By index.
    pub frontends: Vec<Arc<Frontend>>,
    /// By index.
    pub backends: Vec<Arc<Backend>>,
    /// Certificates of the binds.
    pub certs: tls::CertStore,
    /// Files of ticket keys, in the order in which binds name them.
    pub ticket_files: Vec<Arc<tls::TicketFile>>,
    /// Maps and pattern lists, by their number.
    pub lists: Vec<Arc<expr::Reference>>,
    /// Servers that expressions name, as backend and server.
    pub named_servers: BTreeSet<(Box<str>, Box<str>)>,
    /// Certificates that `acme` sections are to obtain; somebody else does that.
    pub wanted: Vec<Wanted>,
    /// Sections that obtain certificates when handshakes ask for them.
    pub on_demand: Vec<OnDemand>,
    /// Where logs go, each once.
    pub log_sockets: Vec<Arc<net::LogSocket>>,
    /// What it was made from.
    pub(crate) origin: Origin,
}

/// What a plan was made from, for the servers that operators add to it.
pub(crate) struct Origin {
    pub(crate) model: config::Model,
    /// The variables' numbers.
    pub(crate) vars: Mutex<expr::VarNames>,
}

impl Plan {
    /// Whether there is anything to listen to.
    pub fn listens(&self) -> bool {
        !self.process.stats.sockets.is_empty() || self.frontends.iter().any(|f| !f.listeners.is_empty())
    }

    /// What a process-wide variable holds; the name has its scope, `proc.`.
    pub fn process_var(&self, name: &str) -> Option<expr::Sample<'static>> {
        let vars = self.origin.vars.lock().unwrap_or_else(PoisonError::into_inner);
        let id = vars.find(name).filter(|id| id.scope == expr::VarScope::Proc)?;
        self.process.vars.get(id.name)
    }

    /// Whether any proxy has a statistics page.
    pub fn has_statistics(&self) -> bool {
        let fronts = self.frontends.iter().map(|f| &f.rules);
        fronts.chain(self.backends.iter().map(|b| &b.rules)).any(|rules| rules.statistics.is_some())
    }

    /// Calls `f` with what is counted, of all frontends, listeners, backends and servers.
    pub fn each_tally(&self, mut f: impl FnMut(&Tally)) {
        for front in &self.frontends {
            f(&front.tally);
            front.listeners.iter().for_each(|listener| f(&listener.tally));
        }
        for back in &self.backends {
            f(&back.tally);
            back.balance.servers().iter().for_each(|server| f(&server.target.tally));
        }
    }

    /// Raises the highest rates; called about once a second.
    pub fn note_rates(&self, now_ms: u64) {
        self.each_tally(|tally| tally.note_rates(now_ms));
        for pace in Pace::ALL {
            self.process.rates.note(pace, self.busiest(pace, now_ms));
        }
    }

    /// Events of all frontends together in the last second.
    pub fn per_second(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.frontends.iter().map(|front| front.tally.per_second(which, now_ms));
        rates.fold(0, u32::saturating_add)
    }

    /// The highest rate of late of all frontends together; where they peaked at different moments, more.
    pub fn busiest(&self, which: Pace, now_ms: u64) -> u32 {
        let rates = self.frontends.iter().map(|front| front.tally.busiest(which, now_ms));
        rates.fold(0, u32::saturating_add)
    }

    /// A frontend by its name.
    pub fn frontend(&self, name: &str) -> Option<&Arc<Frontend>> {
        self.frontends.iter().find(|f| &*f.name == name)
    }

    /// A backend by its name.
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.iter().find(|b| &*b.name == name)
    }
}
