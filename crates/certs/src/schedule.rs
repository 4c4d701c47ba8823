//! The scheduler: obtains what is missing, renews what is due, and remembers over restarts what it must not try again
//! yet. What to do and when is decided by `renew`; how, by `issue`; here both are brought together and time passes.
//! It runs where nobody is served: on a thread of its own, in a process that may write the storage.

mod alert;
mod authorities;
mod board;
mod entry;
mod lists;
mod on_record;

pub use board::{Board, Row, Standing};
pub use on_record::{issue_on_record, remembered};

use crate::hatch::Hatch;
use crate::issue::Wanted;
use crate::renew::{Severity, UnixTime};
use crate::storage::Storage;
use authorities::Authorities;
use entry::Entry;
use lists::Lists;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Issuances at a time. More gain little with an authority that looks at names in seconds, and each holds a key.
const AT_A_TIME: usize = 8;
/// However far away the next moment is, clocks are looked at this often: they jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A certificate to look after.
#[derive(Clone, Debug)]
pub struct Job {
    /// The `acme` section, or who else wants it.
    pub section: String,
    /// The certificate: how it is obtained first, then how where that fails repeatedly. Not empty; all with one name.
    pub ways: Vec<Wanted>,
    /// Where it is kept.
    pub storage: Storage,
    /// The file that is served, which tells what is there.
    pub file: std::path::PathBuf,
    /// Programs that hear of what goes wrong with it; lines of shell.
    pub alert_hooks: Vec<String>,
}

/// Who is told the news.
pub type Tell = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// The way to a running scheduler.
#[derive(Clone)]
pub struct Handle {
    board: Board,
    requests: mpsc::UnboundedSender<String>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Its other end, for [`run`].
pub struct Inbox {
    board: Board,
    requests: mpsc::UnboundedReceiver<String>,
}

/// Both ends.
pub fn channel(jobs: &[Job]) -> (Handle, Inbox) {
    let board = Board::new(jobs);
    let (sender, requests) = mpsc::unbounded_channel();
    (Handle { board: board.clone(), requests: sender }, Inbox { board, requests })
}

impl Handle {
    /// How all certificates stand.
    pub fn rows(&self) -> Vec<Row> {
        self.board.rows()
    }

    /// Renews a certificate now, called by its name or its file; `false` if there is none of that name.
    pub fn renew(&self, called: &str) -> bool {
        // A scheduler that has ended serves nobody any more: its process is about to end.
        self.board.knows(called) && self.requests.send(called.to_owned()).is_ok()
    }
}

/// Looks after the jobs for as long as it is polled; within a `LocalSet` or a local runtime.
pub async fn run(jobs: Vec<Job>, hatch: Rc<dyn Hatch>, tell: Tell, inbox: Inbox) {
    let Inbox { board, mut requests } = inbox;
    let authorities = Rc::new(Authorities::default());
    let lists = Rc::new(Lists::default());
    let turns = Rc::new(Semaphore::new(AT_A_TIME));
    let mut resting: Vec<Entry> =
        jobs.into_iter().enumerate().map(|(at, job)| Entry::new(at, job, &tell)).collect();
    let mut working: JoinSet<Entry> = JoinSet::new();
    // Names of those at work that are to be renewed: no more than there are certificates.
    let mut called: Vec<String> = Vec::new();
    loop {
        let now = UnixTime::from(SystemTime::now());
        for entry in take(&mut resting, |entry| entry.wake <= now) {
            let (hatch, authorities, turns) = (hatch.clone(), authorities.clone(), turns.clone());
            let (board, tell, lists) = (board.clone(), tell.clone(), lists.clone());
            working.spawn_local(async move {
                let entry = {
                    // The semaphore is never closed.
                    let _turn = turns.acquire().await;
                    entry.attend(&*hatch, &authorities, &board, &tell).await
                };
                // Without a turn: a list that does not come must not keep others from being renewed.
                entry.look_for_revocation(&lists, &tell).await
            });
        }
        let sleep = resting.iter().map(|entry| entry.wake.since(now)).min().unwrap_or(LONGEST_SLEEP);
        tokio::select! {
            Some(done) = working.join_next() => match done {
                Ok(mut entry) => {
                    // Called while it was at work: what it did then may be what was asked for.
                    let before = called.len();
                    called.retain(|name| !entry.is_called(name));
                    if called.len() < before && !entry.has_obtained() {
                        entry.force();
                    }
                    resting.push(entry);
                }
                // It has reported its panic itself; the others go on.
                Err(why) => tell(Severity::Err, &format!("a certificate is not looked after any more: {why}")),
            },
            Some(name) = requests.recv() => {
                if resting.iter().any(|entry| entry.is_called(&name)) {
                    resting.iter_mut().filter(|entry| entry.is_called(&name)).for_each(Entry::force);
                } else if !called.contains(&name) {
                    called.push(name);
                }
            }
            () = tokio::time::sleep(sleep.clamp(Duration::from_millis(10), LONGEST_SLEEP)) => {}
        }
    }
}

fn take(from: &mut Vec<Entry>, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let (due, rest) = std::mem::take(from).into_iter().partition(which);
    *from = rest;
    due
}

/// Chance that differs between machines and starts. The seeds of the standard library's maps come from the system.
fn random() -> u32 {
    let seed = RandomState::new().build_hasher().finish();
    u32::try_from(seed >> 32).unwrap_or_default()
}
