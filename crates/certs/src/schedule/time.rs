//! What time it is to the scheduler: one clock for the thread that looks after certificates, checked by what authorities
//! say (`renew::Clock`). Here it is fed and asked; how it judges is decided there.

use super::Tell;
use crate::acme::{Directory, time_of};
use crate::renew::{Clock, Severity, Shown, UnixTime};
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;

/// An authority that does not tell the time is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing is begun after a start, for an authority to tell the time first.
const FIRST: Duration = Duration::from_secs(3);
/// While in doubt, authorities are asked this often.
const BETWEEN: Duration = Duration::from_secs(60);
/// Authorities that are asked. One is enough; others are there in case it is away.
const MAX_ASKED: usize = 4;

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::new(Clock::start(shown()));
}

/// What this thread takes it for.
pub(super) fn now() -> UnixTime {
    CLOCK.with_borrow_mut(|clock| clock.now(shown()))
}

fn shown() -> Shown {
    let boot = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(boot.tv_sec).unwrap_or_default();
    Shown { wall: UnixTime::from(SystemTime::now()), since_boot: Duration::from_secs(seconds) }
}

/// What an authority said: who, and the time.
type Said = Option<(String, UnixTime)>;

/// Authorities are asked what time it is: at the start, and when the machine's clock has jumped.
pub(super) struct Hearing {
    directories: Vec<Directory>,
    asking: JoinSet<Said>,
    started: Instant,
    asked: Option<Instant>,
    answered: bool,
    tell: Tell,
}

impl Hearing {
    pub(super) fn new<'a>(directories: impl Iterator<Item = &'a Directory>, tell: Tell) -> Hearing {
        let mut known = HashSet::new();
        let different = directories.filter(|one| !one.is_internal() && known.insert(one.url.as_str()));
        let directories: Vec<Directory> = different.take(MAX_ASKED).cloned().collect();
        let answered = directories.is_empty();
        Hearing { directories, asking: JoinSet::new(), started: Instant::now(), asked: None, answered, tell }
    }

    /// Nothing is begun before an authority has said what time it is, or had the time to.
    pub(super) fn holds(&self) -> Option<Duration> {
        let left = FIRST.saturating_sub(self.started.elapsed());
        (!self.answered && !left.is_zero()).then_some(left)
    }

    /// Asks if need be. Whether that changed what is believed.
    pub(super) fn look(&mut self) -> bool {
        let shown = shown();
        if !CLOCK.with_borrow(|clock| clock.is_in_doubt(shown)) {
            return false;
        }
        if self.directories.is_empty() {
            // Nobody else could tell.
            return self.heard(Some(("nobody".to_owned(), shown.wall)));
        }
        let is_time = self.asked.is_none_or(|at| at.elapsed() >= BETWEEN);
        if is_time && self.asking.is_empty() {
            self.asked = Some(Instant::now());
            self.asking.spawn_local(ask(self.directories.clone()));
        }
        false
    }

    /// What was said; pending for ever while nobody is asked.
    pub(super) async fn said(&mut self) -> Said {
        match self.asking.join_next().await {
            // A panic has been reported where it happened.
            Some(said) => said.ok().flatten(),
            None => std::future::pending().await,
        }
    }

    /// Believes it. Whether that changed what time it is.
    pub(super) fn heard(&mut self, said: Said) -> bool {
        self.answered = true;
        let Some((host, date)) = said else { return false };
        let (shown, before) = (shown(), now());
        let wrong = CLOCK.with_borrow_mut(|clock| clock.heard(date, shown));
        if let Some(wrong) = wrong {
            let text = format!("{wrong}, by what {host} says: certificates are renewed by its time");
            (self.tell)(Severity::Warning, &text);
        }
        let after = now();
        before.since(after).max(after.since(before)) >= BETWEEN
    }
}

async fn ask(directories: Vec<Directory>) -> Said {
    for directory in directories {
        if let Ok(Ok(date)) = tokio::time::timeout(PATIENCE, time_of(&directory)).await {
            return Some((directory.host().to_owned(), UnixTime::from(date)));
        }
    }
    None
}
