//! Certificates that handshakes ask for (`on-demand`): who may have one, how many at a time, and who waits for what.
//! Approved names become ordinary certificates under the scheduler and are renewed like all others.
//!
//! ```text
//! demand ─► known already? ─► is it a name? room? ─► ask (a few at a time) ─► rate ─► an entry's first look ─► settled
//! ```

use super::ask::{Approval, ask};
use super::{Job, Tell};
use crate::issue::{Wanted, unfit};
use crate::renew::Severity;
use crate::storage::Storage;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

/// Questions to `ask` that are open at a time; further ones wait, no more than there are wishes (`tls::Demand`).
const ASKS_AT_A_TIME: usize = 16;
/// Certificates of a section: each is a file that is looked at, and a renewal every two months.
const MAX_NAMES: usize = 10_000;

/// Complaints about demands that cannot be met.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

/// A section that obtains certificates on demand.
#[derive(Clone, Debug)]
pub struct OnDemand {
    /// The `acme` section.
    pub section: String,
    /// How a certificate is obtained, and where that fails repeatedly; name and names are filled in.
    pub ways: Vec<Wanted>,
    /// Where certificates are kept.
    pub storage: Storage,
    /// A folder with an empty file for each name that was obtained.
    pub names: PathBuf,
    /// Programs that hear of what goes wrong.
    pub alert_hooks: Vec<String>,
    /// Who approves names.
    pub ask: String,
    /// At most so many orders in this time.
    pub rate: (u32, Duration),
}

impl OnDemand {
    /// The certificate of one name.
    pub(super) fn job(&self, name: &str) -> Job {
        let way = |way: &Wanted| {
            let mut wanted = way.clone();
            (wanted.name, wanted.names) = (name.to_owned(), vec![name.to_owned()]);
            wanted
        };
        Job {
            section: self.section.clone(),
            ways: self.ways.iter().map(way).collect(),
            storage: self.storage.clone(),
            file: self.storage.fullchain(name),
            alert_hooks: self.alert_hooks.clone(),
            on_demand: Some(Gate { ask: self.ask.clone(), names: self.names.clone() }),
        }
    }

    /// Certificates obtained in former lives.
    fn kept(&self) -> Vec<Job> {
        let names = fs::read_dir(&self.names).into_iter().flatten().filter_map(Result::ok);
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let is_there = |name: &String| unfit(name).is_none() && self.storage.fullchain(name).exists();
        names.filter(is_there).take(MAX_NAMES).map(|name| self.job(&name)).collect()
    }
}

/// What a certificate that was obtained on demand needs to be renewed.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Who approves names.
    ask: String,
    /// The folder of names.
    names: PathBuf,
}

impl Gate {
    pub(super) async fn ask(&self, name: &str) -> Approval {
        ask(&self.ask, name).await
    }

    /// Remembers that a name was obtained.
    pub(super) fn keep(&self, name: &str) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.names)?;
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.names.join(name))?;
        fs::File::open(&self.names)?.sync_all()
    }

    /// Forgets it.
    pub(super) fn forget(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.names.join(name)) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What became of a demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The certificate is served.
    Served,
    /// There is none, and will be none soon; why.
    Refused(String),
}

/// Somebody wants a certificate for a name.
pub(super) struct Demanded {
    pub section: String,
    pub name: String,
    pub reply: oneshot::Sender<Verdict>,
}

/// An approval that has come.
pub(super) struct Asked {
    section: Rc<Section>,
    name: String,
    approval: Approval,
}

struct Section {
    on_demand: OnDemand,
    pace: std::cell::Cell<Option<Instant>>,
}

/// See the module's head.
pub(super) struct Demands {
    sections: Vec<Rc<Section>>,
    /// Who waits, by storage name.
    waiting: HashMap<String, Vec<oneshot::Sender<Verdict>>>,
    asking: JoinSet<Asked>,
    asks: Rc<Semaphore>,
    tell: Tell,
    complained: Option<Instant>,
}

impl Demands {
    pub(super) fn new(sections: Vec<OnDemand>, tell: Tell) -> Demands {
        let section = |on_demand| Rc::new(Section { on_demand, pace: std::cell::Cell::default() });
        Demands {
            sections: sections.into_iter().map(section).collect(),
            waiting: HashMap::new(),
            asking: JoinSet::new(),
            asks: Rc::new(Semaphore::new(ASKS_AT_A_TIME)),
            tell,
            complained: None,
        }
    }

    /// Certificates obtained in former lives.
    pub(super) fn kept(&self) -> Vec<Job> {
        self.sections.iter().flat_map(|section| section.on_demand.kept()).collect()
    }

    /// Somebody waits for a name; `known`: how many certificates there are of its section. The answer is in `asked`.
    pub(super) fn begin(&mut self, demanded: Demanded, known: usize) {
        let Demanded { section, name, reply } = demanded;
        if let Some(waiting) = self.waiting.get_mut(&name) {
            waiting.push(reply);
            return;
        }
        let found = self.sections.iter().find(|known| known.on_demand.section == section).cloned();
        self.waiting.insert(name.clone(), vec![reply]);
        let Some(section) = found else { return self.refuse(&name, "the section obtains nothing on demand") };
        if let Some(why) = unfit(&name) {
            return self.refuse(&name, why);
        }
        if name.parse::<std::net::IpAddr>().is_ok() || name.contains('*') {
            return self.refuse(&name, "it is no host name");
        }
        if known >= MAX_NAMES {
            return self.refuse(&name, "as many certificates were obtained on demand as may be");
        }
        let asks = self.asks.clone();
        self.asking.spawn_local(async move {
            // The semaphore is never closed.
            let _turn = asks.acquire().await;
            let approval = ask(&section.on_demand.ask, &name).await;
            Asked { section, name, approval }
        });
    }

    /// Somebody waits for a name that is being looked at.
    pub(super) fn wait(&mut self, name: String, reply: oneshot::Sender<Verdict>) {
        self.waiting.entry(name).or_default().push(reply);
    }

    /// The next answer of `ask`; pending for ever where none is open.
    pub(super) async fn asked(&mut self) -> Asked {
        loop {
            match self.asking.join_next().await {
                Some(Ok(asked)) => return asked,
                // It has reported its panic itself; who waits for it gives up in time.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// What is to be obtained of what was answered.
    pub(super) fn admit(&mut self, asked: Asked) -> Option<Job> {
        let Asked { section, name, approval } = asked;
        match approval {
            Approval::Yes if section.may_order(Instant::now()) => return Some(section.on_demand.job(&name)),
            Approval::Yes => {
                let text = "more certificates are wanted on demand than 'on-demand-rate' allows";
                self.complain(Severity::Warning, &section, text);
                self.refuse(&name, text);
            }
            Approval::No(why) => self.refuse(&name, &why),
            Approval::Unknown(why) => {
                self.complain(Severity::Err, &section, &why);
                self.refuse(&name, &why);
            }
        }
        None
    }

    /// Told, but strangers must not be able to fill the log.
    fn complain(&mut self, severity: Severity, section: &Section, why: &str) {
        let now = Instant::now();
        if self.complained.is_none_or(|at| now.duration_since(at) >= BETWEEN_COMPLAINTS) {
            self.complained = Some(now);
            (self.tell)(severity, &format!("acme '{}': {why}", section.on_demand.section));
        }
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.settle(name, &Verdict::Refused(why.to_owned()));
    }

    /// Whether somebody waits for a name.
    pub(super) fn is_waited_for(&self, name: &str) -> bool {
        self.waiting.contains_key(name)
    }

    /// Tells all who wait for a name.
    pub(super) fn settle(&mut self, name: &str, verdict: &Verdict) {
        for reply in self.waiting.remove(name).unwrap_or_default() {
            // Whoever asked may have given up.
            let _ = reply.send(verdict.clone());
        }
    }
}

impl Section {
    /// Takes an order out of the rate: a bucket that is full at first and fills evenly.
    fn may_order(&self, now: Instant) -> bool {
        let (number, period) = self.on_demand.rate;
        let each = period / number.max(1);
        let due = self.pace.get().map_or(now, |due| due.max(now));
        let may = due + each <= now + period;
        if may {
            self.pace.set(Some(due + each));
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(rate: (u32, Duration)) -> Section {
        let on_demand = OnDemand {
            section: "le".into(),
            ways: Vec::new(),
            storage: Storage::new("/nowhere"),
            names: "/nowhere".into(),
            alert_hooks: Vec::new(),
            ask: String::new(),
            rate,
        };
        Section { on_demand, pace: std::cell::Cell::default() }
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_pace() {
        let section = section((3, Duration::from_secs(60)));
        let start = Instant::now();
        let at = |seconds| section.may_order(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(19), at(20), at(20)], [false, true, false]);
        assert_eq!([at(200), at(200), at(200), at(200)], [true, true, true, false]);
    }
}
