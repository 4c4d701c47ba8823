//! When checks run: a task for each server that has a check or an agent, on the control thread's runtime.

use super::admin::inherit;
use super::agent;
use super::finding::{Finding, Report};
use super::plan::{Agent, Pace};
use super::probe::{Run, reason, state_header};
use super::scope::{CheckScope, random};
use super::state::{Ward, World};
use super::wire::{Wire, WireError};
use crate::clock::now_us;
use crate::farm_news::FarmNews;
use crate::plan::{Backend, Plan};
use crate::server::{Admin, Endpoint, Server, ServerPort};
use net::Target;
use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Most bytes of an agent's line that are read.
const AGENT_LINE_MAX: usize = 4096;

/// Runs all checks until dropped. `wake` wakes the sessions on all threads after a server's were shut down. Needs a
/// runtime that spawns local tasks.
pub async fn run(plan: Arc<Plan>, wake: impl Fn() + Send + Sync + 'static) {
    let world = Rc::new(World::new(plan.clone(), wake));
    let mut watched = Watched { world, tasks: JoinSet::new(), by_place: HashMap::new() };
    watched.begin();
    loop {
        tokio::select! {
            change = plan.process.farm_news.next() => watched.follow(change),
            Some(_) = watched.tasks.join_next() => {}
        }
    }
}

/// The tasks that look after servers.
struct Watched {
    world: Rc<World>,
    tasks: JoinSet<()>,
    /// By the server's place; deleted ones are left in peace.
    by_place: HashMap<usize, Vec<AbortHandle>>,
}

impl Watched {
    /// Those that are there at the start.
    fn begin(&mut self) {
        let of = |b: &Arc<Backend>| {
            let ward = |s: &Arc<Server>| Rc::new(Ward::new(self.world.clone(), b.clone(), s.clone()));
            b.balance.servers().iter().map(ward).collect::<Vec<_>>()
        };
        let wards: Vec<Rc<Ward>> = self.world.plan.backends.iter().flat_map(of).collect();
        wards.iter().for_each(|ward| inherit(&self.world, ward.at(), 0, false));
        let checked = wards.iter().filter(|w| w.settings().check.is_some()).count().max(1);
        let most = self.world.plan.process.max_spread_checks.unwrap_or(Duration::MAX);
        for (i, ward) in wards.iter().filter(|w| w.settings().check.is_some()).enumerate() {
            let pace = ward.settings().check.as_ref().map_or(Duration::ZERO, |c| c.pace.inter);
            // the first checks are spread over one interval, as if they had always run
            self.check(ward, pace.min(most) * i as u32 / checked as u32);
        }
        wards.iter().for_each(|ward| self.ask(ward));
    }

    fn follow(&mut self, news: FarmNews) {
        match news {
            FarmNews::Added(back, server) => {
                let ward = Rc::new(Ward::new(self.world.clone(), back, server));
                self.check(&ward, Duration::ZERO);
                self.ask(&ward);
            }
            FarmNews::Deleted(server) => {
                let tasks = self.by_place.remove(&server.target.place);
                tasks.into_iter().flatten().for_each(|task| task.abort());
            }
        }
    }

    fn check(&mut self, ward: &Rc<Ward>, first: Duration) {
        if ward.settings().check.is_some() {
            let task = self.tasks.spawn_local(check(ward.clone(), first));
            self.by_place.entry(ward.server.target.place).or_default().push(task);
        }
    }

    fn ask(&mut self, ward: &Rc<Ward>) {
        if ward.settings().agent.is_some() {
            let task = self.tasks.spawn_local(ask(ward.clone()));
            self.by_place.entry(ward.server.target.place).or_default().push(task);
        }
    }
}

/// One server's check, again and again.
async fn check(ward: Rc<Ward>, first: Duration) {
    let dice = Cell::new(now_us().unsigned_abs().wrapping_mul(ward.server.facts.index as u64 + 1) | 1);
    let mut next = Instant::now() + first;
    loop {
        wait(&ward, &mut next).await;
        let settings = ward.settings();
        let Some(plan) = &settings.check else { return };
        let (back, server) = (&ward.back, &ward.server);
        let began = Instant::now();
        // a server in maintenance and one whose checks are put off are left in peace
        if !server.admin().is_maint() && ward.moving().check_on {
            let state = plan.probe.send_state.then(|| state_of(&ward));
            let scope = CheckScope::new(&ward.world.plan, back, server);
            let report = Run::new(plan, &settings.watch, scope, state.flatten()).run().await;
            ward.checked(&report);
        }
        next = began + interval(&ward, &plan.pace, &dice);
    }
}

/// Sleeps until the next check; errors that traffic meets bring it nearer.
async fn wait(ward: &Ward, next: &mut Instant) {
    loop {
        let Some(observer) = &ward.settings().observer else {
            return sleep_until(*next).await;
        };
        tokio::select! {
            () = sleep_until(*next) => return,
            (row, last) = observer.struck(&ward.server) => {
                ward.struck(row, last);
                if let Some(check) = &ward.settings().check {
                    *next = (*next).min(Instant::now() + check.pace.fast);
                }
            }
        }
    }
}

/// The time from one check's start to the next.
fn interval(ward: &Ward, pace: &Pace, dice: &Cell<u64>) -> Duration {
    let moving = ward.moving();
    let rise = &moving.check;
    let base = match () {
        () if rise.is_between() || ward.hurry.take() => pace.fast,
        () if rise.is_up() => pace.inter,
        () => pace.down,
    };
    spread(base, pace.spread, random(dice))
}

/// `spread-checks`: up to so many percent sooner or later.
fn spread(base: Duration, percent: u32, lot: u32) -> Duration {
    let width = base.mul_f64(f64::from(percent.min(50)) / 100.0);
    let shift = width.mul_f64(2.0 * f64::from(lot) / f64::from(u32::MAX));
    base.saturating_sub(width) + shift
}

fn state_of(ward: &Ward) -> Option<String> {
    let (back, server) = (&ward.back, &ward.server);
    let servers = back.balance.servers();
    let weight = servers.iter().filter(|s| s.is_usable()).map(|s| u64::from(s.weight())).sum();
    let shares = (weight, back.balance.load().sessions(), server.queued());
    let moving = ward.moving();
    let (status, between) = (moving.check_status(), moving.check.is_between());
    drop(moving);
    // `1/3 UP` is said the other way round here, and without the count at either end
    let said =
        |(count, word): (&str, &str)| if between { format!("{word} {count}") } else { word.to_owned() };
    let status = status.split_once(' ').map(said).unwrap_or(status);
    Some(state_header(&status, &back.name, server, &ward.world.plan.process.node, shares))
}

/// One server's agent, again and again.
async fn ask(ward: Rc<Ward>) {
    let mut next = Instant::now();
    let dice = Cell::new(now_us().unsigned_abs() | 1);
    loop {
        sleep_until(next).await;
        let Some(agent) = &ward.settings().agent else { return };
        let began = Instant::now();
        if let Some(target) = asked(&ward).then(|| target(&ward, agent)).flatten() {
            let words = ward.moving().agent_send.clone().or_else(|| agent.send.clone());
            let heard = timeout_at(began + agent.pace.inter, line_of(agent, words, &target)).await;
            let duration = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match heard.unwrap_or_else(|_| Err(Report::new(Finding::L7Timeout, ""))) {
                Ok(line) => ward.advised(&agent::read(&line), duration),
                Err(report) => ward.unheard(&Report { duration, ..report }),
            }
        }
        next = began + spread(agent.pace.inter, agent.pace.spread, random(&dice));
    }
}

/// One that the configuration disables is left alone until an operator makes it ready.
fn asked(ward: &Ward) -> bool {
    let admin = ward.server.admin();
    ward.moving().agent_on && !(admin.is_maint() && admin.has(Admin::MAINT_CONFIG))
}

fn target(ward: &Ward, agent: &Agent) -> Option<Target> {
    let endpoint = ward.server.endpoint();
    let moving = ward.moving();
    let ip = match (moving.agent_at.addr.or(agent.addr), endpoint.as_deref()) {
        (Some(ip), _) => ip,
        (None, Some(Endpoint::Inet { ip, port: ServerPort::Fixed(_) | ServerPort::Offset(_) })) => *ip,
        (None, Some(Endpoint::Unix(_) | Endpoint::Abstract(_)) | None) => return None,
    };
    Some(Target::Inet(SocketAddr::new(ip, moving.agent_at.port.unwrap_or(agent.port))))
}

/// The agent's first line. What has no end of line is none (manual, `agent-check`).
async fn line_of(agent: &Agent, words: Option<Box<[u8]>>, target: &Target) -> Result<Vec<u8>, Report> {
    let lost = |error: WireError| Report::new(Finding::L4Con, reason(&error));
    let mut wire = Wire::open(target, &agent.options, None, None, true).await.map_err(lost)?;
    if let Some(words) = &words {
        wire.send(words).await.map_err(lost)?;
    }
    let mut line = Vec::new();
    while memchr::memchr2(b'\r', b'\n', &line).is_none() && line.len() < AGENT_LINE_MAX {
        if !wire.receive(&mut line).await.map_err(lost)? {
            break;
        }
    }
    match memchr::memchr2(b'\r', b'\n', &line) {
        Some(end) => line.truncate(end),
        None if line.is_empty() => {
            return Err(Report::new(Finding::L7Response, "TCPCHK got an empty response at step 2"));
        }
        // it may be the beginning of another word
        None => return Err(Report::new(Finding::L7Timeout, "Ignoring incomplete line from agent")),
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_spread_both_ways() {
        let base = Duration::from_millis(1000);
        assert_eq!(spread(base, 0, 7), base);
        assert_eq!(spread(base, 10, 0), Duration::from_millis(900));
        assert_eq!(spread(base, 10, u32::MAX), Duration::from_millis(1100));
    }
}
