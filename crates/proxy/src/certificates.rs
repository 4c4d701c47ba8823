//! Certificates that come and go under a running process: the folders that they lie in are watched on the control thread,
//! and what changed is served from the next handshake on. Told in the frontend's log, or in the first one's where the bind is
//! a `stats socket`.

mod folders;

use crate::clock::now_us;
use crate::plan::{Frontend, Plan};
use folders::{Changed, Folders};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tls::{BindTls, Look, Rescan};

/// How often it is asked whether anything has changed: a call to the system, however many certificates there are.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Files that belong together are seldom written in one instant. A look waits for a second in which nothing happens, but
/// not for longer than this; folders that cannot be watched are looked at as often.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Whatever was told or not, everything is looked at this often: some microseconds a file.
const LOOK_AT_ALL: Duration = Duration::from_secs(60);
/// Severity of a change, and of a file that cannot be used (syslog's notice and error).
const NOTICE: u8 = 5;
const ERROR: u8 = 3;

/// A bind that speaks TLS: a frontend's or a `stats socket`.
pub struct TlsBind {
    /// Its proxy, `GLOBAL` for a `stats socket`, as HAProxy calls it.
    pub proxy: Box<str>,
    /// Where its line stands, `FILE:LINE`.
    pub place: Box<str>,
    /// Its TLS.
    pub tls: Arc<BindTls>,
    /// Whose log tells of it.
    front: Option<Arc<Frontend>>,
}

impl TlsBind {
    /// Writes a line into its log, of a severity as syslog counts.
    pub fn note(&self, text: &str, severity: u8) {
        if let Some(front) = &self.front {
            front.log.notice(text, severity, now_us());
        }
    }
}

/// Looks after the certificates of all binds, for as long as it is polled.
pub async fn watch(plan: Arc<Plan>) {
    let mut watch = Some(Watch::new(binds(&plan)));
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let Some(mut now) = watch.take() else { return };
        // A look that panicked has said so; nobody looks any more.
        watch = tokio::task::spawn_blocking(move || {
            now.turn(Instant::now());
            now
        })
        .await
        .ok();
    }
}

struct Watch {
    binds: Vec<TlsBind>,
    folders: Folders,
    changed: Changed,
    /// Since when something has changed.
    since: Option<Instant>,
    looked: Instant,
    looked_at_all: Option<Instant>,
}

impl Watch {
    fn new(binds: Vec<TlsBind>) -> Watch {
        let (changed, since) = (Changed::default(), None);
        Watch { binds, folders: Folders::new(), changed, since, looked: Instant::now(), looked_at_all: None }
    }

    fn turn(&mut self, now: Instant) {
        if self.is_time_for_all(now) {
            self.changed.all = true;
            return self.look(now);
        }
        let news = self.folders.changed();
        let is_quiet = news.is_nothing();
        self.changed.join(news);
        if !self.changed.is_nothing() {
            let since = *self.since.get_or_insert(now);
            if is_quiet || now.duration_since(since) >= LOOK_AFTER {
                self.look(now);
            }
        } else if !self.folders.unwatched().is_empty() && now.duration_since(self.looked) >= LOOK_AFTER {
            self.changed.folders.clone_from(self.folders.unwatched());
            self.look(now);
        }
    }

    fn is_time_for_all(&self, now: Instant) -> bool {
        self.looked_at_all.is_none_or(|at| now.duration_since(at) >= LOOK_AT_ALL)
    }

    fn look(&mut self, now: Instant) {
        let changed = std::mem::take(&mut self.changed);
        let mut folders = HashSet::new();
        for bind in &self.binds {
            look(bind, if changed.all { Look::All } else { Look::In(&changed.folders) });
            folders.extend(bind.tls.folders());
        }
        self.changed.folders = self.folders.want(folders, &changed);
        (self.since, self.looked) = (None, now);
        if changed.all {
            self.looked_at_all = Some(now);
        }
    }
}

/// Has all binds look at their certificates now; how many serve others than before. Reads the disk: for a thread that
/// serves nobody.
pub fn refresh(plan: &Plan) -> usize {
    binds(plan).iter().filter(|bind| look(bind, Look::All)).count()
}

/// The same for what lies beside one file: the others are not looked at.
pub fn refresh_file(plan: &Plan, file: &Path) {
    let folder: HashSet<PathBuf> = file.parent().map(Path::to_owned).into_iter().collect();
    for bind in binds(plan) {
        look(&bind, Look::In(&folder));
    }
}

fn look(bind: &TlsBind, how: Look<'_>) -> bool {
    let rescan = bind.tls.look(how);
    tell(bind, &rescan);
    rescan.changed
}

/// Each bind once: the addresses of a line share theirs.
pub fn binds(plan: &Plan) -> Vec<TlsBind> {
    let first = plan.frontends.first();
    let sockets = plan.process.stats.sockets.iter().filter_map(|socket| {
        let (tls, place) = (socket.tls.clone()?, socket.place.clone());
        Some(TlsBind { proxy: "GLOBAL".into(), place, tls, front: first.cloned() })
    });
    let listeners = plan.frontends.iter().flat_map(|front| {
        front.listeners.iter().filter_map(|listener| {
            let (tls, place) = (listener.tls.clone()?, listener.place.clone());
            Some(TlsBind { proxy: front.name.clone(), place, tls, front: Some(front.clone()) })
        })
    });
    let mut found: Vec<TlsBind> = Vec::new();
    for bind in listeners.chain(sockets) {
        if !found.iter().any(|known| Arc::ptr_eq(&known.tls, &bind.tls)) {
            found.push(bind);
        }
    }
    found
}

fn tell(bind: &TlsBind, rescan: &Rescan) {
    let name = &bind.proxy;
    if rescan.changed {
        let certificates = bind.tls.certificates();
        let text = format!("Proxy {name}: certificates have changed, {certificates} are served");
        bind.note(&text, NOTICE);
    }
    for problem in &rescan.problems {
        bind.note(&format!("Proxy {name}: {problem}"), ERROR);
    }
}
