//! The subjects of `show stat`: frontends, listeners, servers and backends, in the order in which they are shown.

use super::Process;
use super::table::PATIENCE;
use proxy::health::plan::ServerHealth;
use proxy::plan::{Backend, Frontend, Listener, Target};
use proxy::roster::Streams;
use proxy::server::Server;
use proxy::tally::Tally;
use std::sync::Arc;

/// What a line of `show stat` is about.
pub(crate) enum Subject {
    Front(Arc<Frontend>),
    Listener(Arc<Frontend>, Arc<Listener>),
    Server(Arc<Backend>, Arc<Server>),
    Back(Arc<Backend>),
}

/// A subject at one moment.
pub(crate) struct Look {
    pub(crate) subject: Subject,
    pub(crate) process: Arc<Process>,
    /// Milliseconds since the epoch.
    pub(crate) now: u64,
    /// How many streams there are.
    pub(crate) streams: Arc<Streams>,
}

/// How many streams there are now, on all threads.
pub(crate) async fn streams(process: &Process) -> Arc<Streams> {
    let mut all = Streams::default();
    for of_thread in process.workers.visit(PATIENCE, |worker| worker.streams()).await {
        for (id, count) in of_thread.by_front {
            *all.by_front.entry(id).or_default() += count;
        }
        for (index, count) in of_thread.by_back {
            *all.by_back.entry(index).or_default() += count;
        }
    }
    Arc::new(all)
}

/// All subjects, proxy by proxy; listeners where `option socket-stats` asks for them.
pub(crate) fn all(process: &Process) -> Vec<Subject> {
    let plan = &process.plan;
    let mut proxies: Vec<(usize, Subject)> = Vec::new();
    for front in &plan.frontends {
        proxies.push((front.place, Subject::Front(front.clone())));
        let listeners = front.listeners.iter().filter(|_| front.socket_stats);
        proxies.extend(listeners.map(|l| (front.place, Subject::Listener(front.clone(), l.clone()))));
    }
    for back in &plan.backends {
        let servers = back.balance.servers();
        let servers =
            servers.iter().map(|server| (back.place, Subject::Server(back.clone(), server.clone())));
        proxies.extend(servers);
        proxies.push((back.place, Subject::Back(back.clone())));
    }
    // Stable: within a proxy the order stays front, listeners, servers, back.
    proxies.sort_by_key(|(place, _)| *place);
    proxies.into_iter().map(|(_, subject)| subject).collect()
}

impl Subject {
    /// The letter of typed answers.
    pub(crate) fn letter(&self) -> char {
        match self {
            Subject::Front(_) => 'F',
            Subject::Listener(..) => 'L',
            Subject::Server(..) => 'S',
            Subject::Back(_) => 'B',
        }
    }

    /// The word of JSON answers.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Subject::Front(_) => "Frontend",
            Subject::Listener(..) => "Listener",
            Subject::Server(..) => "Server",
            Subject::Back(_) => "Backend",
        }
    }

    /// `type`: its number; as a bit in the filter of `show stat` it is [`Subject::bit`].
    pub(crate) fn kind(&self) -> u32 {
        match self {
            Subject::Front(_) => 0,
            Subject::Back(_) => 1,
            Subject::Server(..) => 2,
            Subject::Listener(..) => 3,
        }
    }

    /// Its bit in the filter of `show stat` (management guide 9.3).
    pub(crate) fn bit(&self) -> i64 {
        1 << self.kind()
    }

    /// `iid`
    pub(crate) fn proxy_id(&self) -> u32 {
        match self {
            Subject::Front(front) | Subject::Listener(front, _) => front.id,
            Subject::Server(back, _) | Subject::Back(back) => back.id,
        }
    }

    /// `pxname`
    pub(crate) fn proxy_name(&self) -> &str {
        match self {
            Subject::Front(front) | Subject::Listener(front, _) => &front.name,
            Subject::Server(back, _) | Subject::Back(back) => &back.name,
        }
    }

    /// `sid`, 0 for a whole proxy.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Subject::Front(_) | Subject::Back(_) => 0,
            Subject::Listener(_, listener) => listener.id,
            Subject::Server(_, server) => server.facts.id,
        }
    }

    /// `svname`
    pub(crate) fn name(&self) -> &str {
        match self {
            Subject::Front(_) => "FRONTEND",
            Subject::Back(_) => "BACKEND",
            Subject::Listener(_, listener) => &listener.name,
            Subject::Server(_, server) => &server.facts.name,
        }
    }

    /// Whether it is a proxy in HTTP mode, or part of one.
    pub(crate) fn is_http(&self) -> bool {
        match self {
            Subject::Front(front) | Subject::Listener(front, _) => front.http,
            Subject::Server(back, _) | Subject::Back(back) => back.http,
        }
    }

    pub(crate) fn front(&self) -> Option<&Frontend> {
        if let Subject::Front(front) = self { Some(front) } else { None }
    }

    pub(crate) fn back(&self) -> Option<&Backend> {
        if let Subject::Back(back) = self { Some(back) } else { None }
    }

    pub(crate) fn server(&self) -> Option<&Arc<Server>> {
        if let Subject::Server(_, server) = self { Some(server) } else { None }
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        self.server().map(|server| &server.target)
    }

    pub(crate) fn health(&self) -> Option<&ServerHealth> {
        self.server().map(|server| &server.checks)
    }

    pub(crate) fn tally(&self) -> Option<&Tally> {
        match self {
            Subject::Front(front) => Some(&front.tally),
            Subject::Listener(_, listener) => Some(&listener.tally),
            Subject::Server(_, server) => Some(&server.target.tally),
            Subject::Back(back) => Some(&back.tally),
        }
    }
}
