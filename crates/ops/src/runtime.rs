//! The runtime API and the statistics page: operators look at the running process and steer it over `stats socket` (HAProxy's management
//! guide, section 9).
//!
//! ```text
//! socket ── a connection ──► session ── a line ──► line: commands, words, payload
//!                               │  each command ──► table: its row, its level
//!                               └── the row's handler writes the answer into its Call
//! ```
//!
//! It lives on a thread of its own, so that no command delays traffic; what belongs to a worker thread is asked for by
//! `proxy::Workers::visit`. A command is a row in the file of its topic; nothing else knows its words.

mod absent;
mod acme;
mod backends;
pub(crate) mod call;
mod certificate_text;
mod certificates;
mod cli;
mod cookies;
mod descriptors;
mod environment;
mod errors;
mod form;
mod frontends;
mod info;
pub(crate) mod input;
mod lately;
mod libraries;
mod limits;
pub(crate) mod line;
mod lists;
mod names;
mod ocsp;
mod page;
mod page_html;
mod resolvers;
mod schema;
mod servers;
mod session;
mod sessions;
mod sinks;
mod socket;
mod stat;
mod stat_fields;
mod subject;
mod table;
mod threads;
mod ticket_keys;
mod trust;
mod value;
mod variables;

pub(crate) use acme::demanded_of;
pub use libraries::loaded_objects;
pub use session::{Rights, serve};
pub(crate) use socket::Client;
pub use socket::{Bound, bind};

use crate::demand::{Obtainer, forward};
use crate::stapling::Stapling;
use crate::worker::Elsewhere;
use certs::ocsp::Responders;
use proxy::Workers;
use proxy::plan::Plan;
use proxy::stats_socket::CliLevel;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// What the program is called and which language it speaks.
#[derive(Clone, Debug)]
pub struct Product {
    /// `show info`'s Name.
    pub name: String,
    /// HAProxy's version whose language and API are spoken: clients choose their commands by it.
    pub version: String,
    /// Our own name and version.
    pub build: String,
    /// Release date, `2026/01/31`.
    pub release_date: String,
}

/// What every session looks at: the running process.
pub struct Process {
    /// What runs.
    pub plan: Arc<Plan>,
    /// The worker threads.
    pub workers: Workers,
    /// Who we are.
    pub product: Product,
    /// What was printed at start (`show startup-logs`).
    pub startup_log: String,
    /// When it began to serve.
    pub started: Instant,
    /// The same by the wall clock.
    pub started_at: SystemTime,
    /// The way to the keeper of the certificates, where there may be one.
    pub(crate) elsewhere: Option<Elsewhere>,
    /// Of `show info`.
    lately: lately::Samples,
    /// Sockets that a successor may ask for.
    exposed: Mutex<Vec<OwnedFd>>,
    /// Who looks after certificates, where somebody does.
    pub scheduler: Option<certs::schedule::Handle>,
    /// OCSP responses that are fetched.
    pub stapling: Arc<Stapling>,
}

impl Process {
    /// A process that begins to serve now.
    pub fn new(plan: Arc<Plan>, workers: Workers, product: Product, startup_log: String) -> Process {
        let (started, started_at) = (Instant::now(), SystemTime::now());
        let exposed = Mutex::default();
        let responders = Responders::new(plan.process.ocsp.http_proxy.as_deref());
        let stapling = Arc::new(Stapling::new(plan.clone(), responders));
        Process {
            plan,
            workers,
            product,
            startup_log,
            started,
            started_at,
            lately: Default::default(),
            exposed,
            scheduler: None,
            elsewhere: None,
            stapling,
        }
    }

    /// Lets successors take these sockets (`expose-fd listeners`).
    pub fn expose(&self, sockets: Vec<OwnedFd>) {
        *self.exposed.lock().unwrap_or_else(PoisonError::into_inner) = sockets;
    }

    /// Copies of what is exposed.
    pub(crate) fn exposed(&self) -> io::Result<Vec<OwnedFd>> {
        let all = self.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(OwnedFd::try_clone).collect()
    }

    /// With somebody who looks after certificates.
    #[must_use]
    pub fn with_scheduler(self, scheduler: Option<certs::schedule::Handle>) -> Process {
        Process { scheduler, ..self }
    }

    /// With the way to OCSP responders that was known before the process saw another root folder.
    #[must_use]
    pub fn with_responders(self, responders: Responders) -> Process {
        let stapling = Arc::new(Stapling::new(self.plan.clone(), responders));
        Process { stapling, ..self }
    }

    /// With a way to the keeper of the certificates.
    #[must_use]
    pub fn with_elsewhere(self, elsewhere: Option<Elsewhere>) -> Process {
        Process { elsewhere, ..self }
    }

    /// Since the start: days, hours, minutes and seconds.
    pub(crate) fn uptime(&self) -> (u64, u64, u64, u64) {
        let seconds = self.started.elapsed().as_secs();
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    }

    /// Since the start, milliseconds.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The clock of rates and states, milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_ms().saturating_add(self.uptime_ms())
    }

    /// When it started, milliseconds since the epoch.
    pub(crate) fn started_ms(&self) -> u64 {
        let since = self.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The API's thread; ends when dropped.
pub struct Runtime {
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
pub(crate) enum Order {
    /// A client that came another way than by a socket of ours.
    Serve(UnixStream, CliLevel),
    /// Take no more clients: a successor does.
    Close,
}

impl Runtime {
    /// Serves on what was bound.
    pub fn start(bound: Bound, process: Arc<Process>) -> io::Result<Runtime> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("runtime-api".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                if let Some(keeper) = process.elsewhere.clone().filter(|_| !process.plan.on_demand.is_empty())
                {
                    let demand = process.plan.certs.demand().clone();
                    tokio::task::spawn_local(forward(demand, Obtainer::Elsewhere(keeper)));
                }
                tokio::select! {
                    () = page::serve(&process) => {}
                    () = bound.serve(process.clone(), inbox) => {}
                }
            });
        })?;
        Ok(Runtime { orders: Some(orders), thread: Some(thread) })
    }

    /// Serves a client of the master socket. Not counted by `stats maxconn`: it is the way in when that is exhausted.
    pub fn serve(&self, client: UnixStream, level: CliLevel) {
        self.tell(Order::Serve(client, level));
    }

    /// Takes no more clients and gives up what is exposed; sessions go on.
    pub fn close(&self) {
        self.tell(Order::Close);
    }

    fn tell(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A thread that could not start has said so.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
