//! Certificates that come and go under a running process: files are looked at every few seconds, on the control
//! thread's pool, and what changed is served from the next handshake on. Told in the frontend's log.

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

/// Looks after the certificates of all binds, for as long as it is polled.
pub async fn watch(plan: Arc<Plan>) {
    let binds = binds(&plan);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for (front, bind) in &binds {
            let bind = bind.clone();
            // A look that panicked has said so; the next one comes.
            if let Ok(rescan) =
                tokio::task::spawn_blocking(move || (bind.rescan(), bind.certificates())).await
            {
                tell(front, &rescan.0, rescan.1);
            }
        }
    }
}

/// Has all binds look at their certificates now; how many serve others than before. Reads the disk: for a thread that
/// serves nobody.
pub fn refresh(plan: &Plan) -> usize {
    let changed = |(front, bind): &(Arc<Frontend>, Arc<BindTls>)| {
        let rescan = bind.rescan();
        tell(front, &rescan, bind.certificates());
        rescan.changed
    };
    binds(plan).iter().filter(|b| changed(b)).count()
}

/// Each bind once: the addresses of a line share theirs.
pub fn binds(plan: &Plan) -> Vec<(Arc<Frontend>, Arc<BindTls>)> {
    let mut found: Vec<(Arc<Frontend>, Arc<BindTls>)> = Vec::new();
    for front in &plan.frontends {
        for tls in front.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
            if !found.iter().any(|(_, known)| Arc::ptr_eq(known, tls)) {
                found.push((front.clone(), tls.clone()));
            }
        }
    }
    found
}

fn tell(front: &Frontend, rescan: &Rescan, certificates: usize) {
    let name = &front.name;
    if rescan.changed {
        let text = format!("Proxy {name}: certificates have changed, {certificates} are served");
        front.log.notice(&text, NOTICE, now_us());
    }
    for problem in &rescan.problems {
        front.log.notice(&format!("Proxy {name}: {problem}"), ERROR, now_us());
    }
}
