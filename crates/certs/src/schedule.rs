//! The scheduler: obtains what is missing, renews what is due, and remembers over restarts what it must not try again
//! yet. What to do and when is decided by `renew`; how, by `issue`; here both are brought together and time passes.
//! It runs where nobody is served: on a thread of its own, in a process that may write the storage.

mod alert;
mod ask;
mod authorities;
mod board;
mod entry;
mod finalized;
mod lists;
mod on_demand;
mod on_record;
mod resting;
mod shared_text;
mod time;

pub use board::{Board, Row, Standing};
pub use on_demand::{Gate, OnDemand, Verdict};
pub use on_record::{issue_on_record, remembered};

use crate::acme::Directory;
use crate::dns::Announcements;
use crate::hatch::Hatch;
use crate::issue::Wanted;
use crate::renew::{Severity, UnixTime};
use crate::storage::Storage;
use authorities::Authorities;
use entry::Entry;
use lists::Lists;
use on_demand::{Demanded, Demands};
use resting::Resting;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use time::{Hearing, now};
use tokio::sync::{Semaphore, mpsc, oneshot};
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
    /// Of one that was obtained on demand.
    pub on_demand: Option<Gate>,
}

impl Job {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.ways.first().map_or("", |wanted| wanted.name.as_str())
    }
}

/// All that a scheduler looks after.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Certificates that the configuration names.
    pub jobs: Vec<Job>,
    /// Sections that obtain others when handshakes ask for them.
    pub on_demand: Vec<OnDemand>,
    /// Where operators learn of records that they are to make.
    pub announcements: Announcements,
}

impl Work {
    /// There is nothing to look after.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.on_demand.is_empty()
    }
}

/// Who is told the news.
pub type Tell = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// The way to a running scheduler.
#[derive(Clone)]
pub struct Handle {
    board: Board,
    requests: mpsc::UnboundedSender<Request>,
    announcements: Announcements,
}

/// What a scheduler is asked to do.
enum Request {
    /// Renew a certificate now.
    Renew(String),
    /// Replace a certificate that was revoked.
    Revoked(String),
    /// Have a certificate for a name; no more of them than wishes may be open.
    Demand(Demanded),
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Its other end, for [`run`].
pub struct Inbox {
    board: Board,
    requests: mpsc::UnboundedReceiver<Request>,
}

/// Both ends.
pub fn channel(work: &Work) -> (Handle, Inbox) {
    let board = Board::new(&work.jobs);
    let (sender, requests) = mpsc::unbounded_channel();
    let announcements = work.announcements.clone();
    (Handle { board: board.clone(), requests: sender, announcements }, Inbox { board, requests })
}

impl Handle {
    /// How all certificates stand.
    pub fn rows(&self) -> Vec<Row> {
        self.board.rows()
    }

    /// Renews a certificate now, called by its name or its file; `false` if there is none of that name.
    pub fn renew(&self, called: &str) -> bool {
        // A scheduler that has ended serves nobody any more: its process is about to end.
        self.board.knows(called) && self.requests.send(Request::Renew(called.to_owned())).is_ok()
    }

    /// Replaces a certificate that was revoked, called by its name or its file; `false` if there is none of that name.
    pub fn revoked(&self, called: &str) -> bool {
        self.board.knows(called) && self.requests.send(Request::Revoked(called.to_owned())).is_ok()
    }

    /// Says that the records of a name are there, for a certificate called by its name or its file; how many of its names
    /// are left. `None`: nobody waits for them.
    pub fn challenge_ready(&self, called: &str, domain: &str) -> Option<usize> {
        self.board.names_of(called).iter().find_map(|name| self.announcements.ready(name, domain))
    }

    /// Has a certificate for a name that a handshake asks for, if whoever approves names does.
    pub async fn demand(&self, section: &str, name: &str) -> Verdict {
        let (reply, verdict) = oneshot::channel();
        let demanded = Demanded { section: section.to_owned(), name: name.to_owned(), reply };
        let ended = || Verdict::Refused("nobody obtains certificates any more".to_owned());
        if self.requests.send(Request::Demand(demanded)).is_err() {
            return ended();
        }
        verdict.await.unwrap_or_else(|_| ended())
    }
}

/// Looks after the jobs for as long as it is polled; within a `LocalSet` or a local runtime.
pub async fn run(work: Work, hatch: Rc<dyn Hatch>, tell: Tell, inbox: Inbox) {
    let Inbox { board, mut requests } = inbox;
    let mut hearing = Hearing::new(directories(&work), tell.clone());
    let hear = tell.clone();
    work.announcements.tell(Arc::new(move |text| hear(Severity::Notice, text)));
    let tools = Tools {
        hatch,
        board,
        tell: tell.clone(),
        authorities: Rc::default(),
        lists: Rc::default(),
        turns: Rc::new(Semaphore::new(AT_A_TIME)),
    };
    let mut desk = Desk::new(Demands::new(work.on_demand, tell), tools);
    desk.take_on(work.jobs);
    loop {
        if hearing.look() {
            desk.resting.wake_all();
        }
        let sleep = match hearing.holds() {
            Some(left) => left,
            None => desk.begin(now()),
        };
        tokio::select! {
            said = hearing.said() => if hearing.heard(said) {
                desk.resting.wake_all();
            },
            Some(done) = desk.working.join_next() => match done {
                Ok(entry) => desk.done(entry),
                // It has reported its panic itself; the others go on.
                Err(why) => {
                    (desk.tools.tell)(Severity::Err, &format!("a certificate is not looked after any more: {why}"));
                }
            },
            asked = desk.demands.asked() => {
                if let Some(job) = desk.demands.admit(asked) {
                    desk.add(job);
                }
            }
            Some(request) = requests.recv() => match request {
                Request::Renew(name) => desk.call(name, Entry::force),
                Request::Revoked(name) => desk.call(name, Entry::revoked),
                Request::Demand(demanded) => desk.demand(demanded),
            },
            () = tokio::time::sleep(sleep.clamp(Duration::from_millis(10), LONGEST_SLEEP)) => {}
        }
    }
}

/// Everybody who is asked for certificates.
fn directories(work: &Work) -> impl Iterator<Item = &Directory> {
    let ways =
        work.jobs.iter().map(|job| &job.ways).chain(work.on_demand.iter().map(|section| &section.ways));
    ways.flatten().map(|wanted| &wanted.directory)
}

/// What is needed to look at a certificate.
#[derive(Clone)]
struct Tools {
    hatch: Rc<dyn Hatch>,
    board: Board,
    tell: Tell,
    authorities: Rc<Authorities>,
    lists: Rc<Lists>,
    turns: Rc<Semaphore>,
}

/// What is done with one that is called.
type Call = fn(&mut Entry);

/// All certificates: those that rest until their time, and those that are looked at.
struct Desk {
    resting: Resting,
    working: JoinSet<Entry>,
    /// Those at work that are to be renewed, by what they were called, and how: no more than were called.
    called: Vec<(String, Call)>,
    /// Of those at work, the names that were asked for by handshakes.
    at_work: HashSet<String>,
    demands: Demands,
    tools: Tools,
}

impl Desk {
    fn new(demands: Demands, tools: Tools) -> Desk {
        Desk {
            resting: Resting::default(),
            working: JoinSet::new(),
            called: Vec::new(),
            at_work: HashSet::new(),
            demands,
            tools,
        }
    }

    fn take_on(&mut self, jobs: Vec<Job>) {
        let configured: HashSet<String> = jobs.iter().map(|job| job.name().to_owned()).collect();
        for (at, job) in jobs.into_iter().enumerate() {
            self.resting.add(Entry::new(at, job, &self.tools.tell));
        }
        for job in self.demands.kept() {
            if !configured.contains(job.name()) {
                self.add(job);
            }
        }
    }

    /// One more, looked at at once.
    fn add(&mut self, job: Job) {
        let at = self.tools.board.add(&job);
        self.resting.add(Entry::new(at, job, &self.tools.tell));
    }

    /// Looks at those whose time has come; how long the next ones still rest.
    fn begin(&mut self, now: UnixTime) -> Duration {
        for mut entry in self.resting.take_due(now) {
            let tools = self.tools.clone();
            self.at_work.extend(entry.on_demand_name().map(str::to_owned));
            let is_waited_for = entry.on_demand_name().is_some_and(|name| self.demands.is_waited_for(name));
            self.working.spawn_local(async move {
                {
                    // The semaphore is never closed.
                    let _turn = tools.turns.acquire().await;
                    entry = entry.attend(&*tools.hatch, &tools.authorities, &tools.board, &tools.tell).await;
                    if is_waited_for {
                        entry.serve_again(&*tools.hatch, &tools.tell).await;
                    }
                }
                // Without a turn: a list that does not come must not keep others from being renewed.
                entry.look_for_revocation(&tools.lists, &tools.tell).await
            });
        }
        self.resting.next().map_or(LONGEST_SLEEP, |next| next.since(now))
    }

    fn done(&mut self, mut entry: Entry) {
        // Called while it was at work: what it did then may be what was asked for.
        let obtained = entry.has_obtained();
        let (of_it, others) =
            std::mem::take(&mut self.called).into_iter().partition(|(name, _)| entry.is_called(name));
        self.called = others;
        let of_it: Vec<(String, Call)> = of_it;
        of_it.into_iter().filter(|_| !obtained).for_each(|(_, call)| call(&mut entry));
        if let Some(name) = entry.on_demand_name().map(str::to_owned) {
            self.at_work.remove(&name);
            self.demands.settle(&name, &entry.verdict());
            // What came to nothing is tried again when a handshake asks again; when, is remembered on disk.
            if !entry.is_there() {
                self.tools.board.remove(entry.at());
                return;
            }
        }
        self.resting.add(entry);
    }

    fn call(&mut self, name: String, call: Call) {
        let is_known = self.called.iter().any(|(known, _)| *known == name);
        if !self.resting.change_called(&name, call) && !is_known {
            self.called.push((name, call));
        }
    }

    fn demand(&mut self, demanded: Demanded) {
        // One that rests is there, but whoever serves does not know of it (any more).
        if self.resting.wake_on_demand(&demanded.name) || self.at_work.contains(&demanded.name) {
            return self.demands.wait(demanded.name, demanded.reply);
        }
        if self.tools.board.has(&demanded.name) {
            let why = "another line of the configuration obtains the certificate of this name".to_owned();
            // Whoever asked may have given up.
            let _ = demanded.reply.send(Verdict::Refused(why));
            return;
        }
        let known = self.tools.board.of_section(&demanded.section);
        self.demands.begin(demanded, known);
    }
}

/// Chance that differs between machines and starts. The seeds of the standard library's maps come from the system.
fn random() -> u32 {
    let seed = RandomState::new().build_hasher().finish();
    u32::try_from(seed >> 32).unwrap_or_default()
}
