//! OCSP responses that are fetched and stapled by themselves (configuration manual 5.1 and 3.11, `ocsp-update`). They are
//! kept in the memory of the process that serves, as HAProxy keeps them: it need not write anything, and its successor
//! fetches them anew. Runs on a thread of its own, which a responder that does not answer may hold up.

use certs::ocsp::{Outcome, Pace, Record, Responders, Unanswered};
use certs::renew::UnixTime;
use proxy::certificates::{TlsBind, binds, refresh_file};
use proxy::plan::Plan;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tls::{OcspQuery, OcspUse, OcspVerdict, Served, Staple};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often it is looked for what is due, and for certificates that are new.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// While responses come in, all of this time are stapled at once.
const BETWEEN_SCANS: Duration = Duration::from_secs(1);
/// Questions at a time.
const AT_A_TIME: usize = 8;
/// Severity of an update's log line (syslog's notice), as HAProxy writes it.
const NOTICE: u8 = 5;

/// What is stapled by itself.
pub struct Stapling {
    plan: Arc<Plan>,
    responders: Responders,
    pace: Pace,
    /// By the certificates' fingerprints.
    known: Mutex<HashMap<[u8; 32], Known>>,
}

/// A certificate in use.
struct Subject {
    bind: Arc<TlsBind>,
    crt: Arc<Path>,
    served: Served,
}

impl Subject {
    fn new(bind: &Arc<TlsBind>, used: OcspUse) -> Subject {
        Subject { bind: bind.clone(), crt: used.crt, served: used.certificate }
    }
}

/// What is asked about a certificate, where somebody can be asked, and what came of it.
struct Known {
    /// Whom the question is about; an operator may bring in the issuer later (`set ssl cert NAME.issuer`).
    issuer: Vec<u8>,
    query: Option<OcspQuery>,
    record: Record,
}

impl Known {
    fn new(subject: &Subject, pace: Pace, now: UnixTime) -> Known {
        let end = subject.served.staple().map(|staple| staple.end().map(UnixTime));
        Known {
            issuer: subject.served.issuer().unwrap_or_default().to_vec(),
            query: query(&subject.served).ok(),
            record: Record::with_response(end, pace, now),
        }
    }

    fn is_of(&self, subject: &Subject) -> bool {
        subject.served.issuer().unwrap_or_default() == self.issuer
    }
}

/// A line of `show ssl ocsp-updates`.
pub(crate) struct Row {
    /// The whole `CertID`.
    pub(crate) key: Vec<u8>,
    /// The first file that uses it.
    pub(crate) crt: Arc<Path>,
    /// What came of it.
    pub(crate) record: Record,
}

impl Stapling {
    /// For what a process runs.
    pub fn new(plan: Arc<Plan>, responders: Responders) -> Stapling {
        let ocsp = &plan.process.ocsp;
        let pace = Pace { least: ocsp.least, most: ocsp.most };
        Stapling { plan, responders, pace, known: Mutex::default() }
    }

    /// Certificates whose responses are fetched.
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        binds(&self.plan).into_iter().map(Arc::new).flat_map(|bind| {
            let uses = bind.tls.ocsp_uses().into_iter().filter(|used| used.updated);
            uses.map(move |used| Subject::new(&bind, used))
        })
    }

    /// Fetches what is due for as long as it is polled, on a local runtime.
    async fn run(self: Arc<Self>) {
        let mut asked: JoinSet<Option<(Arc<Path>, Served)>> = JoinSet::new();
        loop {
            for (subject, query) in self.due(AT_A_TIME.saturating_sub(asked.len())) {
                let own = self.clone();
                asked.spawn_local(async move {
                    let new = own.update(&subject, &query).await.ok()?;
                    Some((subject.crt, new))
                });
            }
            let pause = if asked.is_empty() { LOOK_EVERY } else { BETWEEN_SCANS };
            tokio::time::sleep(pause).await;
            let mut new = Vec::new();
            while let Some(done) = asked.try_join_next() {
                // A panic there was reported when it happened.
                new.extend(done.ok().flatten());
            }
            if !new.is_empty() {
                self.publish(new).await;
            }
        }
    }

    /// Has the binds staple what is new, which must be kept until they have.
    async fn publish(&self, new: Vec<(Arc<Path>, Served)>) {
        let plan = self.plan.clone();
        let files: HashSet<Arc<Path>> = new.iter().map(|(crt, _)| crt.clone()).collect();
        let look = move || files.iter().for_each(|file| refresh_file(&plan, file));
        // A look that panicked has said so; the next one comes.
        let _ = tokio::task::spawn_blocking(look).await;
        drop(new);
    }

    /// Those whose time has come; until they are done they are not due again. What is in use no more is forgotten.
    fn due(&self, most: usize) -> Vec<(Subject, OcspQuery)> {
        let now = now();
        let mut known = self.known();
        let (mut before, mut due) = (std::mem::take(&mut *known), Vec::new());
        for subject in self.subjects() {
            let print = subject.served.fingerprint();
            let of = || {
                let one = before.remove(&print).filter(|one| one.is_of(&subject));
                one.unwrap_or_else(|| Known::new(&subject, self.pace, now))
            };
            let one = known.entry(print).or_insert_with(of);
            if let Some(query) = one.query.clone().filter(|_| one.record.next <= now && due.len() < most) {
                one.record.next = now + self.pace.most;
                due.push((subject, query));
            }
        }
        due
    }

    /// Asks for one; the certificate with its new response, once the binds are scanned again.
    async fn update(&self, subject: &Subject, query: &OcspQuery) -> Result<Served, String> {
        let fetched = self.fetch(query).await;
        let now = now();
        let mut known = self.known();
        let new = || Known::new(subject, self.pace, now);
        let record = &mut known.entry(subject.served.fingerprint()).or_insert_with(new).record;
        let outcome = match &fetched {
            Ok((_, end)) => {
                record.updated(end.map(UnixTime), self.pace, now);
                Outcome::Updated
            }
            Err((outcome, _)) => {
                record.failed(*outcome, self.pace, now);
                *outcome
            }
        };
        let record = *record;
        drop(known);
        self.tell(subject, &record, fetched.as_ref().err().map(|(_, why)| why.as_str()));
        match (outcome, fetched) {
            (Outcome::Updated, Ok((der, _))) => Ok(self.plan.certs.staple(&subject.served, Some(der))),
            (_, Err((_, why))) => Err(why),
            (_, Ok(_)) => Err(outcome.text().to_owned()),
        }
    }

    /// A good response and its end.
    async fn fetch(&self, query: &OcspQuery) -> Result<(Vec<u8>, Option<i64>), (Outcome, String)> {
        let der = self.responders.ask(query).await.map_err(|why| match why {
            Unanswered::Unreachable(_) => (Outcome::HttpError, why.to_string()),
            Unanswered::NoResponse => (Outcome::NoResponse, why.to_string()),
        })?;
        let failed = |why: String| (Outcome::CheckFailure, why);
        let answer = query.accept(&der, now().0).map_err(|why| failed(why.to_string()))?;
        match answer.verdict {
            OcspVerdict::Good => Ok((der, answer.next_update)),
            OcspVerdict::Revoked { .. } => Err(failed("the certificate is revoked".to_owned())),
        }
    }

    /// The log line that HAProxy writes, with what went wrong behind it.
    fn tell(&self, subject: &Subject, record: &Record, why: Option<&str>) {
        let Record { outcome, failures, successes, .. } = record;
        let mut text = format!(
            "<OCSP-UPDATE> {} {} \"{}\" {failures} {successes}",
            subject.crt.display(),
            outcome.number(),
            outcome.text().replace('"', "\\\""),
        );
        if let Some(why) = why {
            text.push_str(": ");
            text.push_str(why);
        }
        subject.bind.note(&text, NOTICE);
    }

    /// What is fetched by itself, the next to be fetched first.
    pub(crate) fn rows(&self) -> Vec<Row> {
        if self.plan.process.ocsp.disabled {
            return Vec::new();
        }
        let known = self.known();
        let mut rows: Vec<Row> = Vec::new();
        for subject in self.subjects() {
            let one = known.get(&subject.served.fingerprint());
            let Some((one, query)) = one.and_then(|one| Some((one, one.query.as_ref()?))) else { continue };
            if !rows.iter().any(|row| row.key == query.key()) {
                rows.push(Row { key: query.key().to_vec(), crt: subject.crt, record: one.record });
            }
        }
        rows.sort_by(|a, b| (a.record.next, &a.crt).cmp(&(b.record.next, &b.crt)));
        rows
    }

    /// Fetches the response for a certificate's file now (`update ssl ocsp-response`).
    pub(crate) async fn update_file(&self, crt: &str) -> Result<Staple, String> {
        let uses = binds(&self.plan)
            .into_iter()
            .map(Arc::new)
            .flat_map(|bind| bind.tls.ocsp_uses().into_iter().map(move |used| Subject::new(&bind, used)));
        let mut found = uses.filter(|subject| subject.crt.as_os_str() == crt);
        let subject = found.next().ok_or("'update ssl ocsp-response' expects a certificate in use")?;
        let query = query(&subject.served)?;
        let new = self.update(&subject, &query).await?;
        let staple = new.staple().ok_or("no response is stapled")?;
        self.publish(vec![(subject.crt, new)]).await;
        Ok(staple)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        // The map is whole between any two statements that change it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query(served: &Served) -> Result<OcspQuery, String> {
    let view = served.view().ok_or("the certificate cannot be read")?;
    let issuer = served.issuer().unwrap_or_default();
    OcspQuery::new(view.der(), issuer).map_err(|why| why.to_string())
}

fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

/// The thread on which they are fetched; ends when dropped.
pub struct Stapler {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Stapler {
    /// Starts it, unless nothing is to be fetched at all.
    pub fn start(stapling: Arc<Stapling>) -> io::Result<Option<Stapler>> {
        if stapling.plan.process.ocsp.disabled || binds(&stapling.plan).is_empty() {
            return Ok(None);
        }
        let (stop, mut stopped) = watch::channel(false);
        let thread = std::thread::Builder::new().name("ocsp".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async move {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = stapling.run() => {}
                }
            });
            // A look-up of a name that does not end must not hold the process up.
            runtime.shutdown_background();
        })?;
        Ok(Some(Stapler { stop, thread: Some(thread) }))
    }

    /// Fetches nothing more: a successor does.
    pub fn close(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Stapler {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}
