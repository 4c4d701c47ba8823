//! What follows from a verdict: the server's state, those who track it, the backend's balancing, sessions that are
//! shut down, and the log. Runs on the control thread only.

use super::admin::{change_admin, inherit, recover};
use super::agent::{HealthWish, Wishes, weight_of};
use super::finding::{Finding, Report, Verdict};
use super::log::{self, Cause, Counts};
use super::observe::Complaint;
use super::plan::{BackendHealth, ServerHealth};
use super::watch::Moving;
use crate::clock::{now_ms, now_us};
use crate::plan::{Backend, Plan};
use crate::server::{Admin, Endpoint, Health, Server, Shutdown};
use config::model::{OnError, OnMarkedUp};
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, MutexGuard};

/// Longest chain of `track`: loops end here.
pub const TRACK_DEPTH: usize = 16;

/// What all checks share.
pub(super) struct World {
    pub(super) plan: Arc<Plan>,
    /// Wakes the sessions on all threads, so that they see that their server is to be left.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl World {
    pub(super) fn new(plan: Arc<Plan>, wake: impl Fn() + Send + Sync + 'static) -> World {
        World { plan, wake: Box::new(wake) }
    }

    pub(super) fn server(&self, at: (usize, usize)) -> Option<(&Arc<Backend>, Arc<Server>)> {
        let back = self.plan.backends.get(at.0)?;
        Some((back, back.balance.server(at.1)?))
    }
}

/// One server under watch.
pub(super) struct Ward {
    pub(super) world: Rc<World>,
    pub(super) back: Arc<Backend>,
    pub(super) server: Arc<Server>,
    /// `on-error` asks for the next check after `fastinter`.
    pub(super) hurry: Cell<bool>,
}

impl Ward {
    pub(super) fn new(world: Rc<World>, back: Arc<Backend>, server: Arc<Server>) -> Ward {
        Ward { world, back, server, hurry: Cell::new(false) }
    }

    pub(super) fn settings(&self) -> &ServerHealth {
        &self.server.checks
    }

    pub(super) fn moving(&self) -> MutexGuard<'_, Moving> {
        self.settings().watch.lock()
    }

    pub(super) fn at(&self) -> (usize, usize) {
        (self.back.index, self.server.facts.index)
    }

    /// A check ended. What it found is ignored where checks were put off or maintenance began meanwhile.
    pub(super) fn checked(&self, report: &Report) {
        let (back, server, mut moving) = (&self.back, &self.server, self.moving());
        if !moving.check_on || server.admin().is_maint() {
            return;
        }
        let verdict = report.finding.verdict();
        moving.failed += u64::from(verdict == Verdict::Failed && moving.check.is_up());
        let step = moving.check.take(verdict);
        let before = moving.last.replace(report.clone());
        let news = before.is_none_or(|r| r.finding != report.finding) || step.moved;
        let status = moving.check_status();
        drop(moving);
        if back.health.log_checks && news {
            tell(&back.health, &log::check_line("Health", back, server, report, &status), log::NOTICE);
        }
        if let Some(health) = step.health {
            self.settle(health, report);
        }
    }

    /// Both the check and the agent must agree for a server to be up.
    fn settle(&self, wanted: Health, report: &Report) {
        let both = self.moving().agree();
        let health = match wanted {
            Health::Up | Health::Stopping if !both => return,
            Health::Up | Health::Stopping | Health::Down => wanted,
        };
        let shown = (!self.back.health.log_checks).then_some(report);
        change_health(&self.world, self.at(), health, &Cause::Report(shown), 0);
    }

    /// `observe` counted a row of errors up to its limit.
    pub(super) fn struck(&self, row: u32, last: Complaint) {
        let text = format!("Detected {row} consecutive errors, last one was: {}", last.text());
        let report = Report::new(Finding::Analyze, text);
        self.hurry.set(true);
        match self.settings().on_error.unwrap_or(OnError::FailCheck) {
            OnError::Fastinter => {}
            OnError::FailCheck => self.checked(&report),
            OnError::SuddenDeath | OnError::MarkDown => {
                self.moving().check.brink();
                self.checked(&report);
            }
        }
    }

    /// An agent answered.
    pub(super) fn advised(&self, wishes: &Wishes, duration: u64) {
        let server = &self.server;
        // it may have been put off while it was asked
        if !self.moving().agent_on {
            return;
        }
        if let Some(percent) = wishes.weight_percent {
            server.set_weight(weight_of(percent, server.facts.weight));
        }
        if let Some(maxconn) = wishes.maxconn {
            server.set_maxconn(maxconn);
        }
        if wishes.weight_percent.is_some() || wishes.maxconn.is_some() {
            reweigh(&self.back);
        }
        if let Some(wish) = wishes.admin {
            change_admin(&self.world, self.at(), wish);
        }
        let finding = match wishes.health {
            Some(HealthWish::Up) => Finding::L7Ok,
            Some(HealthWish::Down) => Finding::L7Status,
            None => Finding::Checked,
        };
        let report = Report { duration, ..Report::new(finding, wishes.said.clone()) };
        let health = self.heard(&report, wishes.health.map(|_| finding.verdict()));
        if let Some(health) = health {
            self.settle(health, &report);
        }
    }

    /// An agent could not be asked: that is told, and changes nothing (manual, `agent-check`).
    pub(super) fn unheard(&self, report: &Report) {
        if self.moving().agent_on {
            self.heard(report, None);
        }
    }

    /// Keeps what an agent's check came to, and logs it where it is new. Gives the health that follows, if it is another.
    fn heard(&self, report: &Report, verdict: Option<Verdict>) -> Option<Health> {
        let (back, mut moving) = (&self.back, self.moving());
        let step = verdict.map(|verdict| moving.agent.take(verdict));
        let moved = step.is_some_and(|step| step.moved);
        let before = moving.advice.replace(report.clone());
        let news = before.is_none_or(|r| r.finding != report.finding) || moved;
        let status = moving.agent.status();
        drop(moving);
        if back.health.log_checks && news && report.finding != Finding::Checked {
            tell(&back.health, &log::check_line("Agent", back, &self.server, report, &status), log::NOTICE);
        }
        step.filter(|step| step.moved)?.health
    }
}

/// Tells the log, and the terminal.
pub(super) fn tell(health: &BackendHealth, text: &str, level: u8) {
    health.log.notice(text, level, now_us());
    health.terminal.warning(text);
}

/// Nobody is left: the one thing that both call urgent, and of which HAProxy words each differently.
fn tell_emptied(back: &Backend) {
    back.health.log.notice(&log::empty_line(back, ""), log::EMERGENCY, now_us());
    back.health.terminal.alert(&log::empty_line(back, "'"));
}

/// What follows where a server's weight or room has changed.
pub(super) fn reweigh(back: &Backend) {
    let had_some = back.balance.usable() > 0;
    back.balance.recompute(now_ms());
    if had_some && back.balance.usable() == 0 {
        tell_emptied(back);
    }
}

fn counts(back: &Backend, server: &Server, waiting: u32) -> Counts {
    let usable =
        |backup| back.balance.servers().iter().filter(|s| s.facts.backup == backup && s.is_usable()).count();
    let queued = server.queued();
    Counts {
        active: usable(false),
        backup: usable(true),
        sessions: server.sessions(),
        requeued: waiting.saturating_sub(queued),
        queued,
    }
}

/// A change of one server: what was before, the change, what follows in the backend. `None` if nothing changed.
pub(super) fn changing(back: &Backend, server: &Server, change: impl FnOnce(u64) -> bool) -> Option<Counts> {
    let now = now_ms();
    let waiting = server.queued();
    let had_some = back.balance.usable() > 0;
    if !change(now) {
        return None;
    }
    back.balance.recompute(now);
    let counts = counts(back, server, waiting);
    if had_some && back.balance.usable() == 0 {
        // told after the server's own line: the caller's line comes first
        EMPTIED.with(|e| e.set(true));
    }
    Some(counts)
}

thread_local! {
    static EMPTIED: Cell<bool> = const { Cell::new(false) };
}

/// Nobody is to be told.
pub(super) fn forget_emptied() {
    EMPTIED.with(Cell::take);
}

pub(super) fn tell_change(back: &Backend, line: &str, level: u8) {
    tell(&back.health, line, level);
    if EMPTIED.with(Cell::take) {
        tell_emptied(back);
    }
}

/// Sets a server's health, and that of those who track it.
pub(super) fn change_health(
    world: &World,
    at: (usize, usize),
    health: Health,
    cause: &Cause<'_>,
    depth: usize,
) {
    let Some((back, server)) = world.server(at) else { return };
    let Some(counts) = changing(back, &server, |now| server.set_health(health, now)) else { return };
    // whoever is in maintenance is out of use already, and told of when that ends
    if !server.admin().is_maint() {
        tell_health(back, &log::subject(back, &server), health, cause, counts);
    }
    shut_down(world, back, &server, health);
    if depth < TRACK_DEPTH {
        let name = format!("{}/{}", back.name, server.facts.name);
        for follower in followers(&world.plan, back, &server) {
            change_health(world, follower, health, &Cause::Via(&name), depth + 1);
        }
    }
}

fn tell_health(back: &Backend, subject: &str, health: Health, cause: &Cause<'_>, counts: Counts) {
    match health {
        Health::Down => tell_change(back, &log::down_line(subject, "is DOWN", cause, counts), log::ALERT),
        Health::Up => tell_change(back, &log::up_line(subject, "is UP", cause, counts), log::NOTICE),
        Health::Stopping => {
            tell_change(back, &log::up_line(subject, "is stopping", cause, counts), log::NOTICE);
        }
    }
}

/// `on-marked-down shutdown-sessions` and `on-marked-up shutdown-backup-sessions`.
pub(super) fn shut_down(world: &World, back: &Backend, server: &Server, health: Health) {
    let settings = &server.checks;
    match health {
        Health::Down if settings.shutdown_when_down => {
            server.shutdown_sessions(Shutdown::Down);
            (world.wake)();
        }
        Health::Up if settings.on_marked_up == Some(OnMarkedUp::ShutdownBackupSessions) => {
            let servers = back.balance.servers();
            let others = servers.iter().filter(|s| s.facts.index != server.facts.index);
            others.filter(|s| s.facts.backup).for_each(|s| s.shutdown_sessions(Shutdown::BetterUp));
            (world.wake)();
        }
        Health::Down | Health::Up | Health::Stopping => {}
    }
}

/// Who tracks a server, the last of the configuration first, as HAProxy tells them.
pub(super) fn followers(plan: &Plan, back: &Backend, server: &Server) -> Vec<(usize, usize)> {
    let tracks = |health: &ServerHealth| {
        let Some((b, s)) = &health.track else { return false };
        *b == back.name && *s == server.facts.name
    };
    let of = |b: &Arc<Backend>| {
        let index = b.index;
        let servers = b.balance.servers();
        let hits = servers.iter().filter(|s| tracks(&s.checks));
        hits.rev().map(|s| (index, s.facts.index)).collect::<Vec<_>>()
    };
    plan.backends.iter().rev().flat_map(of).collect()
}

/// A server's name leads to an address: it is there from now on, and no longer in maintenance for want of one.
pub(super) fn resolved(world: &World, at: (usize, usize), ip: IpAddr, by: &str) {
    let Some((back, server)) = world.server(at) else { return };
    let Some(resolving) = &server.target.resolving else { return };
    let before = match server.endpoint().as_deref() {
        Some(Endpoint::Inet { ip, .. }) => ip.to_string(),
        Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None => "(none)".to_owned(),
    };
    server.set_endpoint(Some(Endpoint::Inet { ip, port: resolving.port }));
    back.dynamic_cookies.give(&server);
    let place = format!("{}/{}", back.name, server.facts.name);
    tell(&back.health, &format!("{place} changed its IP from {before} to {ip} by {by}."), log::NOTICE);
    if !server.admin().is_unresolved() {
        return;
    }
    recover(world, at);
    let clear = |now| server.change_admin(Admin::default(), Admin::MAINT_RESOLUTION, now);
    if changing(back, &server, clear).is_some() && !server.admin().is_maint() {
        let (subject, name) = (log::subject(back, &server), resolving.name());
        tell_change(back, &format!("{subject} ('{name}') is UP/READY (resolves again)."), log::NOTICE);
        let ready = format!("{subject} administratively READY thanks to valid DNS answer.");
        tell(&back.health, &ready, log::NOTICE);
    }
    inherit(world, at, 0, true);
}

/// A server's name leads nowhere: it is in maintenance until it does.
pub(super) fn unresolved(world: &World, at: (usize, usize), why: &str) {
    let Some((back, server)) = world.server(at) else { return };
    if server.admin().is_unresolved() {
        return;
    }
    let was_maint = server.admin().is_maint();
    let set = |now| server.change_admin(Admin::MAINT_RESOLUTION, Admin::default(), now);
    let Some(counts) = changing(back, &server, set) else { return };
    server.set_endpoint(None);
    if !was_maint {
        let verb = format!("is going DOWN for maintenance ({why})");
        let line = log::down_line(&log::subject(back, &server), &verb, &Cause::Report(None), counts);
        tell_change(back, &line, log::ALERT);
        shut_down(world, back, &server, Health::Down);
    }
    inherit(world, at, 0, true);
}
