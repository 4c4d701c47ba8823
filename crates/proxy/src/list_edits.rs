//! Edits of maps and pattern lists that rules ask for (`set-map`, `del-map`, `add-acl`, `del-acl`). A request only lays
//! its edit down; they are applied together on the control side, for an edit costs a look over the whole list. The
//! requests that follow see it a moment later.

use crate::clock::now_us;
use crate::plan::Plan;
use expr::reference::Change;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// Edits that may wait; what comes on top is lost, and the log says how many were. More than this in [`PAUSE`] is more
/// than any list is meant for.
const WAIT_MOST: usize = 8_192;
/// Between two rounds, so that a steady stream of edits does not compile lists all the time.
const PAUSE: Duration = Duration::from_millis(20);
/// How often lost edits are told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A list and what is to be done to it.
pub struct ListEdit {
    /// Which list.
    pub list: Arc<expr::Reference>,
    /// What.
    pub change: Change,
}

/// Where edits wait.
pub struct ListEdits {
    edits: mpsc::Sender<ListEdit>,
    inbox: Mutex<Option<mpsc::Receiver<ListEdit>>>,
    lost: AtomicU64,
}

impl Default for ListEdits {
    fn default() -> ListEdits {
        let (edits, inbox) = mpsc::channel(WAIT_MOST);
        ListEdits { edits, inbox: Mutex::new(Some(inbox)), lost: AtomicU64::new(0) }
    }
}

impl ListEdits {
    /// Lays an edit down.
    pub(crate) fn lay(&self, edit: ListEdit) {
        if self.edits.try_send(edit).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn take(&self) -> Option<mpsc::Receiver<ListEdit>> {
        self.inbox.lock().ok()?.take()
    }
}

/// Applies edits until dropped.
pub(crate) async fn apply(plan: &Arc<Plan>) {
    let Some(mut inbox) = plan.process.list_edits.take() else { return std::future::pending().await };
    let mut told = tokio::time::Instant::now();
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, WAIT_MOST).await > 0 {
        let edits = std::mem::take(&mut batch);
        // Compiling a long list takes its time; checks and their clocks are not to wait for it.
        let refused = tokio::task::spawn_blocking(move || round(edits)).await.unwrap_or_default();
        let lost = plan.process.list_edits.lost.fetch_add(refused as u64, Relaxed) + refused as u64;
        if lost > 0 && told.elapsed() >= TELL_EVERY {
            told = tokio::time::Instant::now();
            plan.process.list_edits.lost.store(0, Relaxed);
            tell(plan, lost);
        }
        tokio::time::sleep(PAUSE).await;
    }
    std::future::pending().await
}

/// One round: each list once. Returns how many edits were refused.
fn round(edits: Vec<ListEdit>) -> usize {
    let mut lists: Vec<(Arc<expr::Reference>, Vec<Change>)> = Vec::new();
    for ListEdit { list, change } in edits {
        match lists.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &list)) {
            Some((_, changes)) => changes.push(change),
            None => lists.push((list, vec![change])),
        }
    }
    lists.iter().map(|(list, changes)| list.change(changes)).sum()
}

fn tell(plan: &Plan, lost: u64) {
    if let Some(front) = plan.frontends.first() {
        let text =
            format!("{lost} edits of maps and lists by rules were lost: too many, or of the wrong type.");
        front.log.notice(&text, 4, now_us());
    }
}
