//! `renew`: every certificate that is due, each by what its conf remembers. One that is broken or fails is told of and
//! the others go on.

use super::Failure;
use super::accounts;
use super::hooks::{self, Hooks};
use super::options::Options;
use super::ordering::Ordering;
use super::proxies::Proxies;
use super::saved;
use super::talk::{FRAME, Talk};
use certs::renew::{CertificateFacts, Due, Policy, State, UnixTime};
use certs::tree::{Kind, Lineage};
use certs::{Outline, Storage};
use std::time::{Duration, SystemTime};

/// Longest random wait before the authority is asked, so that not all machines ask at the same moment.
const MAX_SLEEP: u64 = 8 * 60;

#[derive(Default)]
struct Tally {
    skipped: Vec<String>,
    renewed: Vec<String>,
    failed: Vec<String>,
    broken: Vec<String>,
    renewed_names: Vec<String>,
    failed_names: Vec<String>,
}

pub(super) fn run(options: &Options, talk: &Talk) -> Result<(), Failure> {
    hooks::validate(options).map_err(Failure::Failed)?;
    let names = match &options.cert_name {
        Some(name) if options.tree.has(name) => vec![name.clone()],
        Some(name) => {
            return Err(options
                .tree
                .lineage(name)
                .map(drop)
                .err()
                .map_or(Failure::Failed(String::new()), Failure::from));
        }
        None => options.tree.lineages()?,
    };
    let proxies = Proxies::find();
    let (mut hooks, mut tally) = (Hooks::new(talk), Tally::default());
    for name in &names {
        one(options, name, talk, &proxies, &mut hooks, &mut tally);
    }
    tally.tell(options, talk);
    hooks.after(&tally.renewed_names, &tally.failed_names);
    let (failed, broken) = (tally.failed.len(), tally.broken.len());
    match failed + broken {
        0 => Ok(()),
        _ => Err(Failure::Failed(format!("{failed} renew failure(s), {broken} parse failure(s)"))),
    }
}

fn one(base: &Options, name: &str, talk: &Talk, proxies: &Proxies, hooks: &mut Hooks<'_>, tally: &mut Tally) {
    let conf = base.tree.conf(name);
    talk.say(&format!("\n{FRAME}\nProcessing {}\n{FRAME}", conf.display()));
    let prepared = prepare(base, name);
    let (options, lineage, outline) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            talk.err(&format!(
                "Renewal configuration file {} is broken.\nThe error was: {why}\nSkipping.",
                conf.display()
            ));
            tally.broken.push(conf.display().to_string());
            return;
        }
    };
    let path = lineage.path(Kind::Fullchain).display().to_string();
    if !options.force_renewal && !options.dry_run {
        let due = due(&options, &lineage, &outline.facts);
        if !lineage.renewal().is_renewed() || due.at > now() {
            talk.say("Certificate not yet due for renewal");
            tally.skipped.push(format!("{path} expires on {}", day(outline.not_after)));
            return;
        }
    }
    let is_rehearsal = options.dry_run;
    match renew(options, &lineage, outline.names.clone(), talk, proxies, hooks) {
        Ok(names) => {
            tally.renewed.push(path);
            if !is_rehearsal {
                tally.renewed_names.extend(names);
            }
        }
        Err(failure) => {
            let why = failure.told(talk);
            talk.err(&format!("Failed to renew certificate {name} with error: {why}"));
            tally.failed.push(path);
            tally.failed_names.extend(outline.names);
        }
    }
}

fn prepare(base: &Options, name: &str) -> Result<(Options, Lineage, Outline), String> {
    // Somebody may have been stopped while the links were changed.
    base.tree.mend(name).map_err(|why| why.to_string())?;
    let lineage = base.tree.lineage(name).map_err(|why| why.to_string())?;
    let mut options = saved::recall(base, lineage.renewal())?;
    lineage.renewal().renew_before()?;
    let outline = Outline::of_lineage(&lineage).map_err(|why| why.to_string())?;
    options.names = outline.names.clone();
    Ok((options, lineage, outline))
}

fn renew(
    mut options: Options,
    lineage: &Lineage,
    names: Vec<String>,
    talk: &Talk,
    proxies: &Proxies,
    hooks: &mut Hooks<'_>,
) -> Result<Vec<String>, Failure> {
    options.keeps_real(lineage.renewal()).map_err(Failure::Failed)?;
    sleep(&options, talk);
    accounts::prepare(&mut options, talk)?;
    hooks.before(&options).map_err(Failure::Failed)?;
    let name = lineage.name();
    let ordering =
        Ordering { options: &options, talk, proxies, name, names, before: Some(lineage), request: None };
    Ok(ordering.run(hooks)?.names)
}

/// Once a run, and only where nobody waits for it.
fn sleep(options: &Options, talk: &Talk) {
    static SLEPT: std::sync::Once = std::sync::Once::new();
    if options.random_sleep && !options.dry_run && !talk.is_interactive() {
        SLEPT.call_once(|| {
            let seconds = 1 + u64::from(super::random()) % MAX_SLEEP;
            talk.say(&format!("Non-interactive renewal: random delay of {seconds} seconds"));
            std::thread::sleep(Duration::from_secs(seconds));
        });
    }
}

/// When and why a certificate is due, by what the proxy's scheduler knows of it too.
pub(super) fn due(options: &Options, lineage: &Lineage, facts: &CertificateFacts) -> Due {
    let policy = Policy { renew_before: lineage.renewal().renew_before().ok().flatten() };
    policy.due(Some(facts), &remembered(options, lineage, facts), now())
}

fn remembered(options: &Options, lineage: &Lineage, facts: &CertificateFacts) -> State {
    let known = Storage::of(options.tree.clone()).memory(&memory_name(lineage)).ok().flatten();
    let mut state = known.and_then(|text| State::from_json(&text).ok()).unwrap_or_default();
    state.meet(facts, 0);
    state
}

fn memory_name(lineage: &Lineage) -> String {
    format!("renew-{}", lineage.name())
}

/// From now on the certificate is due, if it is still the one that was revoked.
pub(super) fn remember_revoked(options: &Options, name: &str, pem: &str) -> Result<(), Failure> {
    let lineage = options.tree.lineage(name)?;
    let now = Outline::of_lineage(&lineage).map_err(|why| Failure::Failed(why.to_string()))?.facts;
    let revoked = CertificateFacts::from_pem(pem).map_err(|why| Failure::Failed(why.to_string()))?;
    if revoked.serial != now.serial {
        return Ok(());
    }
    let mut state = remembered(options, &lineage, &now);
    state.found_revoked();
    Storage::of(options.tree.clone()).remember(&memory_name(&lineage), &state.to_json()).map_err(Failure::of)
}

/// Whether the certificate of this name is known as revoked.
pub(super) fn is_remembered_revoked(options: &Options, name: &str) -> Result<bool, Failure> {
    let lineage = options.tree.lineage(name)?;
    let outline = Outline::of_lineage(&lineage).map_err(|why| Failure::Failed(why.to_string()))?;
    Ok(remembered(options, &lineage, &outline.facts).is_revoked())
}

pub(super) fn is_due(options: &Options, lineage: &Lineage) -> Result<bool, Failure> {
    let outline = Outline::of_lineage(lineage).map_err(|why| Failure::Failed(why.to_string()))?;
    Ok(due(options, lineage, &outline.facts).at <= now())
}

pub(super) fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

/// `2026-11-28`
pub(super) fn day(at: UnixTime) -> String {
    at.to_string().split(' ').next().unwrap_or_default().to_owned()
}

impl Tally {
    /// Results to those who read them, failures to where they are heard in spite of `--quiet`, as Certbot parts them.
    fn tell(&self, options: &Options, talk: &Talk) {
        let kind = if options.dry_run { "simulated renewals" } else { "renewals" };
        let listed = |all: &[String], word: &str| {
            all.iter().map(|one| format!("\n  {one} ({word})")).collect::<String>()
        };
        talk.say(&format!("\n{FRAME}"));
        if !self.skipped.is_empty() {
            talk.say(&format!(
                "The following certificates are not due for renewal yet:{}",
                listed(&self.skipped, "skipped")
            ));
        }
        match (self.renewed.is_empty(), self.failed.is_empty()) {
            (true, true) => {
                talk.say(&format!("No {kind} were attempted."));
                if options.pre_hook.is_some() || options.post_hook.is_some() || options.deploy_hook.is_some()
                {
                    talk.say("No hooks were run.");
                }
            }
            (false, true) => talk
                .say(&format!("Congratulations, all {kind} succeeded: {}", listed(&self.renewed, "success"))),
            (true, false) => talk.err(&format!(
                "All {kind} failed. The following certificates could not be renewed:{}",
                listed(&self.failed, "failure")
            )),
            (false, false) => {
                talk.say(&format!("The following {kind} succeeded:{}\n", listed(&self.renewed, "success")));
                talk.err(&format!("The following {kind} failed:{}", listed(&self.failed, "failure")));
            }
        }
        if !self.broken.is_empty() {
            talk.say(&format!(
                "\nAdditionally, the following renewal configurations were invalid: {}",
                listed(&self.broken, "parsefail")
            ));
        }
        talk.say(FRAME);
    }
}
