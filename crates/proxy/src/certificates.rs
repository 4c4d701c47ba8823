//! Certificates that come and go under a running process: files are looked at every few seconds, on the control
//! thread's pool, and what changed is served from the next handshake on. Told in the frontend's log, or in the first one's
//! where the bind is a `stats socket`.

use crate::clock::now_us;
use crate::plan::{Frontend, Plan};
use std::sync::Arc;
use std::time::Duration;
use tls::{BindTls, Rescan};

/// How soon a new file goes live. A look costs some microseconds a file.
const LOOK_EVERY: Duration = Duration::from_secs(5);
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
    let binds = binds(&plan);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for bind in &binds {
            let tls = bind.tls.clone();
            // A look that panicked has said so; the next one comes.
            if let Ok(rescan) = tokio::task::spawn_blocking(move || tls.rescan()).await {
                tell(bind, &rescan);
            }
        }
    }
}

/// Has all binds look at their certificates now; how many serve others than before. Reads the disk: for a thread that
/// serves nobody.
pub fn refresh(plan: &Plan) -> usize {
    let changed = |bind: &TlsBind| {
        let rescan = bind.tls.rescan();
        tell(bind, &rescan);
        rescan.changed
    };
    binds(plan).iter().filter(|bind| changed(bind)).count()
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
