//! One certificate under the scheduler: what is known of it, and one look at it.

mod order;
mod telling;

pub(super) use order::note;

use super::alert::Event;
use super::ask::Approval;
use super::authorities::Authorities;
use super::board::{Board, Standing, is_called};
use super::lists::{self, Lists, Sources};
use super::time::now;
use super::{Job, Tell, Verdict, random};
use crate::acme::{IssueError, kind_of, patient};
use crate::hatch::{ForName, Hatch};
use crate::issue::Wanted;
use crate::renew::{
    AuthorityState, CertificateFacts, OrderKind, Policy, Revoked, Severity, State, Step, UnixTime, Waiting,
    Window, step,
};
use base::reason;
use instant_acme::{CertificateIdentifier, Error};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::time::Duration;

/// Failures in a row after which the next authority is asked.
const FALLBACK_AFTER: u32 = 3;
/// A certificate that `ask` does not want renewed: asked about again after this.
const ASK_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Steps in one look: ask for the window, order, wait, and again of a fallback.
const MOST_STEPS: usize = 8;

pub(super) struct Entry {
    at: usize,
    job: Job,
    /// What is remembered, by way.
    states: Vec<State>,
    facts: Option<CertificateFacts>,
    /// When to look again.
    pub(super) wake: UnixTime,
    forced: bool,
    /// Why it is not renewed, in the words of the last look.
    why: String,
    /// Who tells whether it is revoked.
    sources: Sources,
    /// The last look obtained it.
    obtained: bool,
}

impl Entry {
    /// Reads what is there and what is remembered.
    pub(super) fn new(at: usize, job: Job, tell: &Tell) -> Entry {
        let state = |index: usize| match job.storage.memory(&memory_name(&job, index)) {
            Ok(Some(text)) => State::from_json(&text).unwrap_or_else(|why| {
                tell(Severity::Warning, &format!("{}: {why}", memory_name(&job, index)));
                State::default()
            }),
            Ok(None) => State::default(),
            Err(why) => {
                tell(Severity::Warning, &why.to_string());
                State::default()
            }
        };
        let states = (0..job.ways.len()).map(state).collect();
        if let Err(why) = job.storage.tree().mend(job.name()) {
            tell(Severity::Warning, &why.to_string());
        }
        let (facts, sources) = (facts(&job), lists::sources(&job.file));
        Entry {
            at,
            job,
            states,
            facts,
            wake: UnixTime::default(),
            forced: false,
            why: String::new(),
            sources,
            obtained: false,
        }
    }

    pub(super) fn is_called(&self, called: &str) -> bool {
        let kept = self.job.storage.fullchain(self.job.name());
        self.job.ways.iter().any(|wanted| is_called(&wanted.name, (&self.job.file, &kept), called))
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The name that handshakes ask for, of one that is obtained on demand.
    pub(super) fn on_demand_name(&self) -> Option<&str> {
        self.job.on_demand.as_ref().map(|_| self.job.name())
    }

    /// A certificate is there that clients take.
    pub(super) fn is_there(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.not_after > now())
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.is_there() { Verdict::Served } else { Verdict::Refused(self.why.clone()) }
    }

    /// Serves what is there to those who do not know of it.
    pub(super) async fn serve_again(&self, hatch: &dyn Hatch, tell: &Tell) {
        if !self.is_there() || self.obtained {
            return;
        }
        let name = self.job.name();
        let bundle = match self.job.storage.bundle(name) {
            Ok(Some(bundle)) => bundle,
            Ok(None) => return,
            Err(why) => return tell(Severity::Err, &format!("certificate '{name}' cannot be served: {why}")),
        };
        self.keep(tell);
        let hatch = ForName { inner: hatch, section: &self.job.section, name };
        if let Err(why) = hatch.publish(&self.job.file, &bundle).await {
            tell(Severity::Err, &format!("certificate '{name}' cannot be served: {why}"));
        }
    }

    /// Remembers over restarts that it was obtained on demand.
    fn keep(&self, tell: &Tell) {
        let Some(gate) = &self.job.on_demand else { return };
        let name = self.job.name();
        if let Err(why) = gate.keep(name) {
            tell(
                Severity::Warning,
                &format!("certificate '{name}' is not known after a restart: {}", reason(&why)),
            );
        }
    }

    /// Whoever approves names is asked again before a renewal: what was a customer's may be one's no more. Without an
    /// answer it is renewed, as it was approved once.
    async fn is_still_approved(&mut self, hatch: &dyn Hatch, tell: &Tell) -> bool {
        let (Some(gate), Some(facts)) = (&self.job.on_demand, &self.facts) else { return true };
        let (name, ended) = (self.job.name(), facts.not_after <= now());
        let Approval::No(why) = gate.ask(name).await else { return true };
        tell(Severity::Notice, &format!("certificate '{name}' is not renewed: {why}"));
        if ended {
            let forgotten = gate.forget(name).map_err(|why| reason(&why));
            let unserved = hatch.serve_on_demand(&self.job.section, name, None).await;
            for why in forgotten.err().into_iter().chain(unserved.err().map(|why| why.to_string())) {
                tell(Severity::Warning, &format!("certificate '{name}' is not forgotten: {why}"));
            }
        }
        (self.why, self.wake) = (why, now() + ASK_AGAIN);
        false
    }

    /// When what is served ends; before all others where nothing is.
    pub(super) fn end(&self) -> UnixTime {
        self.facts.as_ref().map_or(UnixTime(i64::MIN), |facts| facts.not_after)
    }

    /// Looks at it at once.
    pub(super) fn wake_up(&mut self) {
        self.wake = UnixTime::default();
    }

    /// Renews it at the next look, whatever holds it.
    pub(super) fn force(&mut self) {
        self.forced = true;
        self.wake_up();
    }

    /// It was revoked: replaced at the next look, with a new key.
    pub(super) fn revoked(&mut self) {
        if let Some(facts) = &self.facts {
            for state in &mut self.states {
                state.meet(facts, random());
                state.found_revoked();
            }
        }
        self.force();
    }

    /// Whether the last look obtained it.
    pub(super) fn has_obtained(&self) -> bool {
        self.obtained
    }

    /// Looks into the issuer's revocation list and asks its responder, if it is time to: what is revoked is due at once.
    pub(super) async fn look_for_revocation(mut self, lists: &Lists, tell: &Tell) -> Entry {
        let (Some(facts), Some(state)) = (self.facts.clone(), self.states.first()) else { return self };
        let (now, is_known) = (now(), state.is_of(&facts));
        if self.sources.is_empty() || is_known && state.is_revoked() {
            return self;
        }
        if is_known && state.list_at(now) > now {
            self.wake = self.wake.min(state.list_at(now));
            return self;
        }
        let look = lists.look(&self.job.file, &self.sources, now).await;
        for state in &mut self.states {
            state.meet(&facts, random());
            state.list_looked_at(look.next, now);
            if look.revoked.is_some() {
                state.found_revoked();
            }
        }
        self.wake = if look.revoked.is_some() { now } else { self.wake.min(look.next) };
        for (way, state) in self.states.iter().enumerate() {
            // What cannot be remembered is looked at again after a restart.
            let _ = self.job.storage.remember(&memory_name(&self.job, way), &state.to_json());
        }
        if let Some(Revoked { at, reason }) = look.revoked {
            let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            let text = format!("is revoked since {at}{reason} and is replaced now");
            self.alert(Event::Revoked, Severity::Crit, &text, tell);
        }
        for why in look.complaints {
            let name = self.job.ways.first().map_or("", |wanted| wanted.name.as_str());
            tell(Severity::Notice, &format!("whether certificate '{name}' is revoked cannot be told: {why}"));
        }
        self
    }

    /// One look: does what is due and says when to look again.
    pub(super) async fn attend(
        mut self,
        hatch: &dyn Hatch,
        authorities: &Authorities,
        board: &Board,
        tell: &Tell,
    ) -> Entry {
        board.put(self.at, |row| row.standing = Standing::Running);
        self.obtained = false;
        let (mut way, mut instead_of): (usize, Option<String>) = (0, None);
        for _ in 0..MOST_STEPS {
            match self.step(way, authorities) {
                Step::Ask { .. } => self.ask(way, authorities).await,
                Step::Order { why, kind, replaces } => {
                    self.tell_why(&why, tell);
                    self.forced = false;
                    if let Some(why) = instead_of.take() {
                        self.tell_fallback(way, &why, tell);
                    }
                    if !self.is_still_approved(hatch, tell).await {
                        let until = self.wake;
                        board.put(self.at, |row| {
                            (row.standing, row.next) = (Standing::Scheduled, Some(until));
                            row.why.clone_from(&self.why);
                        });
                        return self;
                    }
                    self.order(way, (kind, replaces.is_some()), hatch, authorities, tell).await;
                }
                Step::Wait { waiting, .. } if is_hopeless(&waiting) && way + 1 < self.job.ways.len() => {
                    way += 1;
                    instead_of = Some(waiting.to_string());
                }
                Step::Wait { until, waiting } => {
                    self.rest(until, &waiting, board);
                    break;
                }
            }
            if self.wake > now() {
                break;
            }
        }
        self.watch(tell);
        self
    }

    fn step(&mut self, way: usize, authorities: &Authorities) -> Step {
        let now = now();
        if let (Some(facts), Some(state)) = (&self.facts, self.states.get_mut(way)) {
            state.meet(facts, random());
        }
        let (Some(wanted), Some(state)) = (self.job.ways.get(way), self.states.get(way)) else {
            return Step::Wait { until: now, waiting: Waiting::Name { failures: 0, said: String::new() } };
        };
        if self.forced {
            let replaces = self.facts.as_ref().and_then(|facts| facts.ari_id.clone());
            let why = Policy::default().due(self.facts.as_ref(), state, now).why;
            return Step::Order { why, replaces, kind: OrderKind::SameNames };
        }
        let account = authorities.account(&wanted.directory, &self.job.storage);
        let look = |authority: &mut AuthorityState| {
            let order = (account.as_str(), wanted.names.as_slice());
            step(&Policy::default(), self.facts.as_ref(), state, authority, order, now)
        };
        authorities.with(&wanted.directory.url, &self.job.storage, now, look)
    }

    fn rest(&mut self, until: UnixTime, waiting: &Waiting, board: &Board) {
        // A look that came to nothing must not be followed by the next at once.
        self.wake = until.max(now() + Duration::from_secs(1));
        let standing = match waiting {
            Waiting::NotDue(..) => Standing::Scheduled,
            Waiting::Name { .. } | Waiting::Authority { .. } | Waiting::Limit(_) => Standing::Failing,
        };
        let not_after = self.facts.as_ref().map(|facts| facts.not_after);
        self.why = waiting.to_string();
        let next = match waiting {
            Waiting::NotDue(at, _) => *at,
            Waiting::Name { .. } | Waiting::Authority { .. } | Waiting::Limit(_) => self.wake,
        };
        board.put(self.at, |row| {
            (row.standing, row.not_after, row.next) = (standing, not_after, Some(next));
            row.why.clone_from(&self.why);
        });
    }

    /// Asks the authority for the renewal window (RFC 9773).
    async fn ask(&mut self, way: usize, authorities: &Authorities) {
        let Some(wanted) = self.job.ways.get(way) else { return };
        let answer = ask(wanted, &self.job, authorities).await;
        let is_due = self.states.get(way).is_some_and(|state| {
            let due = Policy::default().due(self.facts.as_ref(), state, now());
            due.at <= now()
        });
        // One that is due is ordered all the same: what then fails is told to operators.
        if let Err(error @ (IssueError::Unreachable { .. } | IssueError::TooSlow { .. })) = &answer
            && !is_due
        {
            // Others need not find out by themselves. What cannot be remembered, they do.
            let failed =
                |authority: &mut AuthorityState| authority.failed(&error.to_string(), now(), random());
            let _ = authorities.change(&wanted.directory.url, &self.job.storage, now(), failed);
            return;
        }
        let Some(state) = self.states.get_mut(way) else { return };
        match answer {
            Ok(Some((window, retry_after))) => state.polled(window, Some(retry_after), now()),
            Ok(None) => state.poll_not_offered(now()),
            Err(_) => state.poll_failed(now(), random()),
        }
        // What cannot be remembered is asked again after a restart.
        let _ = self.job.storage.remember(&memory_name(&self.job, way), &state.to_json());
    }
}

/// Where what is remembered of a way lies.
fn memory_name(job: &Job, way: usize) -> String {
    let wanted = job.ways.get(way);
    let name = wanted.map_or("", |wanted| wanted.name.as_str());
    match (way, wanted) {
        (0, _) | (_, None) => format!("renew-{name}"),
        (_, Some(wanted)) => format!("renew-{name}-by-{}", wanted.directory.host().replace(':', "_")),
    }
}

/// What is served now; a certificate that lacks a wanted name, its key or is none at all, is no certificate.
fn facts(job: &Job) -> Option<CertificateFacts> {
    let pem = std::fs::read_to_string(&job.file).ok()?;
    let facts = CertificateFacts::from_pem(&pem).ok()?;
    // Without its key it cannot be served. Where that is told otherwise than by the file's name, whoever serves finds it.
    let key = job.file.with_file_name("privkey.pem");
    if job.file.ends_with("fullchain.pem") && PrivateKeyDer::from_pem_file(key).is_err() {
        return None;
    }
    let has = |name: &String| facts.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    job.ways.first()?.names.iter().all(has).then_some(facts)
}

/// Waiting that another authority could end.
fn is_hopeless(waiting: &Waiting) -> bool {
    match waiting {
        Waiting::NotDue(..) => false,
        Waiting::Name { failures, .. } | Waiting::Authority { failures, .. } => *failures >= FALLBACK_AFTER,
        Waiting::Limit(_) => true,
    }
}

async fn ask(
    wanted: &Wanted,
    job: &Job,
    authorities: &Authorities,
) -> Result<Option<(Window, Duration)>, IssueError> {
    const STEP: &str = "renewal information";
    if wanted.directory.is_internal() {
        return Ok(None);
    }
    let Ok(der) = CertificateDer::from_pem_file(&job.file) else { return Ok(None) };
    let Ok(id) = CertificateIdentifier::try_from(&der) else { return Ok(None) };
    let account = authorities.opened(&wanted.directory, &job.storage).await?;
    match patient(async || account.account.renewal_info(&id).await).await {
        Ok((info, retry_after)) => Ok(Window::of(&info).ok().map(|window| (window, retry_after))),
        Err(Error::Unsupported(_)) => Ok(None),
        // An authority does not know the certificates of others.
        Err(Error::Api(problem)) if matches!(kind_of(&problem).as_str(), "malformed" | "notFound") => {
            Ok(None)
        }
        Err(error) => Err(account.failed(STEP)(error)),
    }
}
