//! From `acme` sections to what the scheduler looks after: whom to ask, how, and where the result is kept. Opens the
//! files that sections name, and nothing else.

use crate::console::Console;
use base::reason;
use certs::acme::{Directory, Eab, LETS_ENCRYPT, MacAlgorithm};
use certs::dns::{
    AcmeDns, Announcements, Check, Hooks, Provider, Resolver, TsigKey, Update, cloudflare_token,
    provider_by_name,
};
use certs::hatch::{Challenge, Records};
use certs::issue::{Profile, Wanted};
use certs::renew::Severity;
use certs::schedule::{Job, OnDemand, Tell, Work};
use certs::{KeyKind, Storage};
use config::Model;
use config::model::{Acme, AcmeChallenge, ChallengeReady};
use net::rights::Identity;
use proxy::clock::now_us;
use proxy::plan::{self, Plan};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Everything to look after.
pub(crate) fn work(model: &Model, plan: &Plan) -> Result<Work, String> {
    if model.global.acme_scheduler_off {
        return Ok(Work::default());
    }
    let announcements = Announcements::default();
    let jobs = plan.wanted.iter().map(|wanted| job(model, plan, wanted, &announcements));
    let on_demand = plan.on_demand.iter().map(|section| on_demand(model, plan, section, &announcements));
    let (jobs, on_demand) = (jobs.collect::<Result<_, _>>()?, on_demand.collect::<Result<_, _>>()?);
    Ok(Work { jobs, on_demand, announcements })
}

/// `dns-delay` and `dns-timeout` of `challenge-ready` unless told (manual 12.8).
const DNS_DELAY: Duration = Duration::from_secs(30);
const DNS_TIMEOUT: Duration = Duration::from_secs(600);
/// `on-demand-rate` unless told.
const ON_DEMAND_RATE: (u64, u64) = (10, 60_000);

/// What is obtained when handshakes ask for it.
fn on_demand(
    model: &Model,
    plan: &Plan,
    section: &plan::OnDemand,
    announcements: &Announcements,
) -> Result<OnDemand, String> {
    let acme = model.acmes.iter().find(|acme| acme.name.text == *section.section);
    // Every name that is asked for takes its place.
    let wanted = plan::Wanted {
        section: section.section.clone(),
        name: "".into(),
        storage: section.storage.clone(),
        names: Vec::new(),
        copy: None,
    };
    let job = job(model, plan, &wanted, announcements)?;
    let (number, millis) = acme.and_then(|acme| acme.on_demand_rate).unwrap_or(ON_DEMAND_RATE);
    let ask = acme.and_then(|acme| acme.ask.as_ref()).map(|word| word.text.clone());
    Ok(OnDemand {
        section: job.section,
        ways: job.ways,
        storage: job.storage,
        names: section.names(),
        alert_hooks: job.alert_hooks,
        ask: ask.unwrap_or_default(),
        rate: (u32::try_from(number).unwrap_or(u32::MAX), Duration::from_millis(millis)),
    })
}

fn job(
    model: &Model,
    plan: &Plan,
    wanted: &plan::Wanted,
    announcements: &Announcements,
) -> Result<Job, String> {
    let mut ways = Vec::new();
    let mut section = Some(&*wanted.section);
    while let Some(acme) = section.and_then(|name| model.acmes.iter().find(|acme| acme.name.text == name)) {
        ways.push(way(acme, plan, wanted, announcements)?);
        // Sections may fall back to each other in a circle.
        let next = acme.fallback.as_ref().map(|word| word.as_str());
        section = next.filter(|_| ways.len() < model.acmes.len());
    }
    let (section, storage) = (wanted.section.to_string(), Storage::new(&wanted.storage));
    let own = model.acmes.iter().find(|acme| acme.name.text == *wanted.section);
    let alert_hooks =
        own.map(|acme| acme.alert_hooks.iter().map(|word| word.text.clone()).collect()).unwrap_or_default();
    Ok(Job { section, ways, storage, file: wanted.file(), alert_hooks, on_demand: None })
}

/// One section's way to a certificate.
fn way(
    acme: &Acme,
    plan: &Plan,
    wanted: &plan::Wanted,
    announcements: &Announcements,
) -> Result<Wanted, String> {
    let text = |word: &Option<base::Word>| word.as_ref().map(|word| word.text.clone());
    Ok(Wanted {
        name: wanted.name.to_string(),
        names: wanted.names.clone(),
        directory: directory(acme)?,
        challenges: challenges(acme, plan),
        other_kinds: true,
        records: records(acme, announcements)?,
        key: key(acme),
        request: None,
        must_staple: false,
        reuse_key: acme.reuse_key,
        profile: text(&acme.profile).map(|name| Profile { name, required: acme.must_have_profile }),
        preferred_chain: text(&acme.preferred_chain),
        copy: wanted.copy.clone(),
        hooks: acme.renew_hooks.iter().map(|word| word.text.clone()).collect(),
        replaces: false,
    })
}

fn directory(acme: &Acme) -> Result<Directory, String> {
    let eab = match (&acme.eab_key_id, &acme.eab_mac_key) {
        (Some(id), Some(key)) => Some(eab(acme, id.as_str(), key.as_str())?),
        (Some(_) | None, Some(_) | None) => None,
    };
    Ok(Directory {
        url: acme.directory.as_ref().map_or(LETS_ENCRYPT, |word| word.as_str()).to_owned(),
        contact: acme.contact.iter().map(|word| word.text.clone()).collect(),
        account_key: acme.account_key.as_ref().map(|word| word.text.clone().into()),
        eab,
        ..Directory::default()
    })
}

fn eab(acme: &Acme, id: &str, key: &str) -> Result<Eab, String> {
    let read = |file: &str| {
        let text = fs::read_to_string(file);
        text.map(|t| t.trim().to_owned())
            .map_err(|why| format!("acme '{}': {file}: {}", acme.name, reason(&why)))
    };
    let (key_id, encoded) = (read(id)?, read(key)?);
    let decoded = certs::acme::decode_mac_key(&encoded);
    let mac_key = decoded.ok_or_else(|| format!("acme '{}': {key} holds no base64url text", acme.name))?;
    let algorithm = acme.eab_mac_alg.as_ref().and_then(|word| MacAlgorithm::of(word.as_str()));
    Ok(Eab { key_id, mac_key, algorithm: algorithm.unwrap_or_default() })
}

/// Who makes records, where a section proves names by them.
fn records(acme: &Acme, announcements: &Announcements) -> Result<Option<Records>, String> {
    let provider = provider(acme)?;
    let by_record = |kind: &AcmeChallenge| match kind {
        AcmeChallenge::Http01 | AcmeChallenge::TlsAlpn01 => false,
        AcmeChallenge::Dns01 | AcmeChallenge::DnsAccount01 | AcmeChallenge::DnsPersist01 => true,
    };
    if provider.is_none() && !acme.challenges.iter().any(by_record) {
        return Ok(None);
    }
    let mut resolver =
        Resolver::from_resolv_conf(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    if !acme.dns_resolvers.is_empty() {
        resolver.servers =
            acme.dns_resolvers.iter().map(|word| address(word, acme)).collect::<Result<_, _>>()?;
    }
    let check = check(acme, provider.is_some());
    Ok(Some(Records { provider, resolver, check, announcements: announcements.clone() }))
}

fn provider(acme: &Acme) -> Result<Option<Provider>, String> {
    let at = |why: String| format!("acme '{}': {why}", acme.name);
    let read = |file: &str| fs::read_to_string(file).map_err(|why| at(format!("{file}: {}", reason(&why))));
    let text = |word: &Option<base::Word>| word.as_ref().map(|word| word.text.clone());
    if let Some(hook) = &acme.dns_hook {
        let told = [("PROVIDER_NAME", &acme.provider_name), ("ACME_VARS", &acme.provider_vars)];
        let told = told.into_iter().filter_map(|(key, word)| Some((format!("LOCKGATE_{key}"), text(word)?)));
        let cleanup = text(&acme.dns_cleanup_hook);
        return Ok(Some(Provider::Hooks(Hooks {
            auth: hook.text.clone(),
            cleanup,
            environment: told.collect(),
        })));
    }
    if let Some(file) = &acme.dns_cloudflare {
        let account = cloudflare_token(&read(file.as_str())?);
        return account.map(Some).map_err(|why| at(format!("{file}: {why}")));
    }
    if let [server, name, algorithm, file] = acme.dns_update.as_slice() {
        let secret = certs::acme::decode_mac_key(&read(file.as_str())?);
        let secret = secret.ok_or_else(|| at(format!("{file} holds no base64 text")))?;
        let key = TsigKey::new(name.as_str(), algorithm.as_str(), secret);
        let key = key.map_err(|why| at(why.to_string()))?;
        return Ok(Some(Provider::Update(Update { server: address(server, acme)?, key })));
    }
    if let [server, file] = acme.dns_acme_dns.as_slice() {
        let accounts = AcmeDns::from_json(server.as_str(), &read(file.as_str())?);
        return Ok(Some(Provider::AcmeDns(accounts.map_err(|why| at(format!("{file}: {why}")))?)));
    }
    let Some(name) = &acme.provider_name else { return Ok(None) };
    let variables = text(&acme.provider_vars).unwrap_or_default();
    // Of one that is not known somebody who reads the log makes the records.
    provider_by_name(name.as_str(), &variables).transpose().map_err(at)
}

/// `challenge-ready` as it is written; else as our own words have it, or, where nobody here makes records, HAProxy's
/// default: somebody says that they are there.
fn check(acme: &Acme, is_ours: bool) -> Check {
    let (wait, patience) =
        (acme.dns_delay.map(Duration::from_millis), acme.dns_timeout.map(Duration::from_millis));
    let persists = acme.challenges.contains(&AcmeChallenge::DnsPersist01);
    match acme.challenge_ready.as_slice() {
        [] if !is_ours && !persists => Check { told: true, wait: None, servers: None },
        [] => match (wait, patience) {
            (Some(wait), _) => Check::wait(wait),
            (None, Some(patience)) => Check::servers(patience),
            (None, None) => Check::default(),
        },
        written => Check {
            told: written.contains(&ChallengeReady::Cli),
            wait: written.contains(&ChallengeReady::Delay).then(|| wait.unwrap_or(DNS_DELAY)),
            servers: written.contains(&ChallengeReady::Dns).then(|| patience.unwrap_or(DNS_TIMEOUT)),
        },
    }
}

fn address(word: &base::Word, acme: &Acme) -> Result<SocketAddr, String> {
    word.text.parse().map_err(|_| format!("acme '{}': '{word}' is no address with a port", acme.name))
}

/// Without a word of it: by file where there is a plain HTTP frontend that can answer, else in the handshake.
fn challenges(acme: &Acme, plan: &Plan) -> Vec<Challenge> {
    let kind = |kind: &AcmeChallenge| match kind {
        AcmeChallenge::Http01 => Challenge::Http01,
        AcmeChallenge::TlsAlpn01 => Challenge::TlsAlpn01,
        AcmeChallenge::Dns01 => Challenge::Dns01,
        AcmeChallenge::DnsAccount01 => Challenge::DnsAccount01,
        AcmeChallenge::DnsPersist01 => Challenge::DnsPersist01,
    };
    let plain = |front: &Arc<plan::Frontend>| front.http && front.listeners.iter().any(|l| l.tls.is_none());
    match acme.challenges.as_slice() {
        [] if plan.frontends.iter().any(plain) => vec![Challenge::Http01, Challenge::TlsAlpn01],
        [] => vec![Challenge::TlsAlpn01],
        written => written.iter().map(kind).collect(),
    }
}

fn key(acme: &Acme) -> KeyKind {
    let rsa = || acme.key.bits.and_then(KeyKind::rsa).unwrap_or(KeyKind::Rsa2048);
    let ecdsa = || acme.key.curve.as_ref().and_then(|word| KeyKind::curve(word.as_str()));
    if acme.key.rsa == Some(true) { rsa() } else { ecdsa().unwrap_or_default() }
}

/// Makes the folders of the storages while the process may, and gives those that it made to whom it becomes.
pub(crate) fn make_room(plan: &Plan, identity: &Identity) -> Result<(), String> {
    let wanted = plan.wanted.iter().map(|wanted| wanted.storage.as_path());
    let on_demand = plan.on_demand.iter().map(|section| section.storage.as_path());
    let folders: BTreeSet<&Path> = wanted.chain(on_demand).collect();
    for folder in folders.into_iter().filter(|folder| !folder.exists()) {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        let owned = made.and_then(|()| std::os::unix::fs::chown(folder, identity.uid, identity.gid));
        owned.map_err(|why| format!("the storage {} cannot be made: {}", folder.display(), reason(&why)))?;
    }
    Ok(())
}

/// News go to the terminal and to the first frontend's log.
pub(crate) fn tell(plan: &Arc<Plan>, console: Console) -> Tell {
    let plan = plan.clone();
    Arc::new(move |severity, text| {
        match severity {
            Severity::Emerg | Severity::Crit => console.alert(text),
            Severity::Err | Severity::Warning => console.warning(text),
            Severity::Notice | Severity::Info => console.notice(text),
        }
        if let Some(front) = plan.frontends.first() {
            front.log.notice(text, severity.level(), now_us());
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_provider_that_the_configuration_knows_is_spoken_to() {
        for name in config::model::PROVIDERS {
            assert!(certs::dns::provider_by_name(name, "").is_some(), "{name}");
        }
    }
}
