//! Two years of renewals in virtual time: hundreds of lineages of three lifetimes against an authority that has outages,
//! recalls certificates and keeps Let's Encrypt's limits, on a machine whose clock jumps and whose process dies at any
//! moment. No name may expire unless it was given no chance.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // a test from top to bottom

use certs::renew::{
    AuthorityState, CertificateFacts, NewOrder, OrderKind, Policy, Severity, State, Step, UnixTime, Window,
    step,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::Duration;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_800_000_000;
const END: i64 = START + 2 * 365 * DAY;
const LIVES: [i64; 3] = [90 * DAY, 45 * DAY, 160 * HOUR];
const LINEAGES: usize = 150;
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Marsaglia's xorshift: the same story each time for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn u32(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low).max(1) as u64) as i64
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

/// Spans of true time, sorted, not touching.
#[derive(Default)]
struct Spans(Vec<(i64, i64)>);

impl Spans {
    fn random(dice: &mut Dice, gap: (i64, i64), length: (i64, i64)) -> Spans {
        let (mut spans, mut at) = (Vec::new(), START + 20 * DAY);
        while at < END {
            at += dice.between(gap.0, gap.1);
            let end = at + dice.between(length.0, length.1);
            spans.push((at, end));
            at = end;
        }
        Spans(spans)
    }
    fn at(&self, now: i64) -> Option<usize> {
        let after = self.0.partition_point(|(start, _)| *start <= now);
        let index = after.checked_sub(1)?;
        (now < self.0[index].1).then_some(index)
    }
}

/// A token bucket of the authority's own make.
struct Tokens {
    have: f64,
    at: i64,
    size: f64,
    per_second: f64,
}

impl Tokens {
    fn new(size: u32, window: i64, now: i64) -> Tokens {
        let size = f64::from(size);
        Tokens { have: size, at: now, size, per_second: size / window as f64 }
    }
    fn have(&mut self, now: i64) -> bool {
        self.have = (self.have + (now - self.at) as f64 * self.per_second).min(self.size);
        self.at = now;
        self.have >= 0.999
    }
}

#[derive(Clone)]
struct Issued {
    facts: CertificateFacts,
    recalled_at: Option<i64>,
    replaced: bool,
}

enum Answer {
    Certificate(CertificateFacts),
    Down,
    Limited,
    AlreadyReplaced,
    Invalid,
}

struct Authority {
    outages: Spans,
    issued: HashMap<String, Issued>,
    seen_sets: HashSet<String>,
    buckets: BTreeMap<String, Tokens>,
    serial: u64,
    limited: u32,
}

impl Authority {
    fn window(&self, id: &str, now: i64) -> Option<(Window, Duration)> {
        let issued = self.issued.get(id)?;
        let (start, life) = (issued.facts.not_before.0, issued.facts.lifetime().as_secs() as i64);
        let (from, to) = match issued.recalled_at.filter(|at| *at <= now) {
            Some(at) => (at - HOUR, at - HOUR / 2),
            None if life < 10 * DAY => (start + life / 2, start + life / 2 + life / 50),
            None => (start + life * 2 / 3, start + life * 2 / 3 + life / 50),
        };
        let window = Window::new(UnixTime(from), UnixTime(to), None).ok()?;
        let retry_after = if life < 10 * DAY { 6 * HOUR } else { DAY };
        Some((window, Duration::from_secs(retry_after as u64)))
    }

    fn have(&mut self, key: &str, size: u32, window: i64, now: i64) -> bool {
        self.buckets.entry(key.to_owned()).or_insert_with(|| Tokens::new(size, window, now)).have(now)
    }

    fn spend(&mut self, key: &str) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.have -= 1.0;
        }
    }

    /// An order to its end. `healthy`: whether the name would validate.
    fn order(&mut self, wish: &Wish<'_>, now: i64, dice: &mut Dice) -> Answer {
        let Wish { name, replaces, healthy, .. } = *wish;
        if self.outages.at(now).is_some() {
            return Answer::Down;
        }
        if replaces.and_then(|id| self.issued.get(id)).is_some_and(|old| old.replaced) {
            return Answer::AlreadyReplaced;
        }
        let inside =
            replaces.is_some_and(|id| self.window(id, now).is_some_and(|(w, _)| w.holds(UnixTime(now))));
        let renewal = self.seen_sets.contains(name);
        let counted = Authority::counted(name, inside, renewal);
        let full = counted.iter().all(|(key, size, window)| self.have(key, *size, *window, now));
        if !full {
            self.limited += 1;
            return Answer::Limited;
        }
        if !healthy {
            counted.iter().filter(|(key, ..)| *key == "orders").for_each(|(key, ..)| self.spend(key));
            self.have(&format!("failures {name}"), 5, HOUR, now);
            self.spend(&format!("failures {name}"));
            return Answer::Invalid;
        }
        counted.iter().filter(|(key, ..)| !key.starts_with("failures")).for_each(|(key, ..)| self.spend(key));
        if let Some(old) = replaces.and_then(|id| self.issued.get_mut(id)) {
            old.replaced = true;
        }
        Answer::Certificate(self.issue(wish, now, dice))
    }

    fn counted(name: &str, inside: bool, renewal: bool) -> Vec<(String, u32, i64)> {
        let domain = name.split_once('.').unwrap().1;
        let mut counted = Vec::new();
        if !inside {
            counted.push((format!("set {name}"), 5, 7 * DAY));
            counted.push((format!("failures {name}"), 5, HOUR));
        }
        if !inside && !renewal {
            counted.push(("orders".to_owned(), 300, 3 * HOUR));
            counted.push((format!("domain {domain}"), 50, 7 * DAY));
        }
        counted
    }

    fn issue(&mut self, wish: &Wish<'_>, now: i64, dice: &mut Dice) -> CertificateFacts {
        self.seen_sets.insert(wish.name.to_owned());
        self.serial += 1;
        let serial = format!("{:x}", self.serial);
        let id = format!("aki.{serial}");
        let facts = CertificateFacts {
            not_before: UnixTime(now - HOUR),
            not_after: UnixTime(now - HOUR + wish.life),
            names: vec![wish.name.to_owned()],
            ari_id: Some(id.clone()),
            serial,
        };
        let recalled_at = dice.one_in(30).then(|| now + dice.between(HOUR, wish.life / 2));
        self.issued.insert(id, Issued { facts: facts.clone(), recalled_at, replaced: false });
        facts
    }
}

struct Wish<'a> {
    name: &'a str,
    replaces: Option<&'a str>,
    life: i64,
    healthy: bool,
}

/// What a kill leaves.
struct Disk {
    states: Vec<State>,
    certificates: Vec<Option<CertificateFacts>>,
    authority: AuthorityState,
}

struct Lineage {
    name: Vec<String>,
    life: i64,
    state: State,
    facts: Option<CertificateFacts>,
    /// When its own validation fails.
    broken: Spans,
    certificates: u32,
    /// The number of the process's life that it was read in.
    lives_through: u32,
    worst: Severity,
}

struct World {
    dice: Dice,
    authority: Authority,
    known: AuthorityState,
    lineages: Vec<Lineage>,
    disk: Disk,
    clock: Spans,
    /// By how much the clock is wrong in each of the spans.
    wrong: Vec<i64>,
    /// How often the process died.
    kills: u32,
    excused: u32,
    /// Serial numbers of certificates that were seen to run out.
    expired: HashSet<String>,
    forgotten: Vec<String>,
}

struct Killed;

impl World {
    fn new(seed: u64, jumps: bool) -> World {
        let mut dice = Dice(seed);
        let outages = Spans::random(&mut dice, (5 * DAY, 60 * DAY), (HOUR, 4 * DAY));
        let clock = match jumps {
            true => Spans::random(&mut dice, (20 * DAY, 90 * DAY), (HOUR, 12 * HOUR)),
            false => Spans::default(),
        };
        let by = |dice: &mut Dice, i| match i % 4 {
            0 => dice.between(-30 * DAY, 0),
            1 => dice.between(0, 30 * DAY),
            2 => 400 * DAY,
            _ => -START,
        };
        let wrong = (0..clock.0.len()).map(|i| by(&mut dice, i)).collect();
        let authority = Authority {
            outages,
            issued: HashMap::new(),
            seen_sets: HashSet::new(),
            buckets: BTreeMap::new(),
            serial: 0x100,
            limited: 0,
        };
        let lineages: Vec<Lineage> = (0..LINEAGES).map(|i| lineage(i, &mut dice)).collect();
        let known = AuthorityState::new(DIRECTORY);
        let disk = Disk {
            states: lineages.iter().map(|l| l.state.clone()).collect(),
            certificates: vec![None; lineages.len()],
            authority: known.clone(),
        };
        let (kills, excused, expired, forgotten) = (0, 0, HashSet::new(), Vec::new());
        World { dice, authority, known, lineages, disk, clock, wrong, kills, excused, expired, forgotten }
    }

    /// What the machine's clock shows.
    fn local(&self, now: i64) -> UnixTime {
        UnixTime(now + self.clock.at(now).map_or(0, |span| self.wrong[span]))
    }

    fn run(&mut self) {
        let mut wakes: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
        let mut next = vec![START; self.lineages.len()];
        (0..next.len()).for_each(|i| wakes.push(Reverse((START, i))));
        // A scheduler looks again every hour at the latest; here it is enough to look when a clock has jumped.
        let jumps: Vec<i64> = self.clock.0.iter().flat_map(|(start, end)| [*start, *end]).collect();
        let after_jump = |now: i64| jumps.iter().any(|jump| (*jump..jump + HOUR).contains(&now));
        for (jump, i) in jumps.iter().flat_map(|jump| (0..next.len()).map(move |i| (jump, i))) {
            wakes.push(Reverse((jump + self.dice.between(0, HOUR), i)));
        }
        while let Some(Reverse((now, i))) = wakes.pop().filter(|Reverse((now, _))| *now < END) {
            self.watch(i, now);
            if now != next[i] && !after_jump(now) {
                continue;
            }
            next[i] = self.turn(i, now).unwrap_or_else(|Killed| {
                self.reload(now);
                now + 60
            });
            wakes.push(Reverse((next[i], i)));
            if self.dice.one_in(2000) {
                self.reload(now);
            }
        }
        (0..next.len()).for_each(|i| self.watch(i, END));
    }

    /// The process comes back with what is on disk.
    fn reload(&mut self, now: i64) {
        self.kills += 1;
        let now = self.local(now);
        self.known = AuthorityState::from_json(&self.disk.authority.to_json(), now).unwrap();
    }

    /// A lineage as the process finds it, in the first turn after it came back.
    fn reload_lineage(&mut self, i: usize) {
        let lineage = &mut self.lineages[i];
        if lineage.lives_through != self.kills {
            lineage.lives_through = self.kills;
            let state = &self.disk.states[i];
            // Files are text, which takes most of the time: that it holds all is looked at in some tens of thousands.
            if (i + self.kills as usize).is_multiple_of(10) {
                assert_eq!(State::from_json(&state.to_json()).unwrap(), *state);
            }
            lineage.state.clone_from(state);
            lineage.facts.clone_from(&self.disk.certificates[i]);
        }
    }

    /// A moment at which the process may die.
    fn kill_point(&mut self) -> Result<(), Killed> {
        if self.dice.one_in(500) { Err(Killed) } else { Ok(()) }
    }

    fn save(&mut self, i: usize, local: UnixTime) -> Result<(), Killed> {
        self.kill_point()?;
        if self.known != self.disk.authority {
            self.known.buckets.settle(local);
            self.disk.authority.clone_from(&self.known);
        }
        self.kill_point()?;
        self.disk.states[i].clone_from(&self.lineages[i].state);
        self.kill_point()
    }

    /// Acts for a lineage until it has to wait; says until when, in true time.
    fn turn(&mut self, i: usize, now: i64) -> Result<i64, Killed> {
        self.reload_lineage(i);
        let local = self.local(now);
        loop {
            let random = self.dice.u32();
            let lineage = &mut self.lineages[i];
            if let Some(facts) = &lineage.facts {
                lineage.state.meet(facts, random);
            }
            let (facts, order) = (lineage.facts.as_ref(), ("account", lineage.name.as_slice()));
            match step(&Policy::default(), facts, &lineage.state, &mut self.known, order, local) {
                Step::Ask { ari_id } => self.ask(i, &ari_id, now)?,
                Step::Order { replaces, kind, .. } => self.order(i, replaces.as_deref(), kind, now)?,
                Step::Wait { until, .. } => {
                    self.save(i, local)?;
                    return Ok(now + (until.since(local).as_secs() as i64).clamp(1, 30 * DAY));
                }
            }
        }
    }

    fn ask(&mut self, i: usize, ari_id: &str, now: i64) -> Result<(), Killed> {
        let (local, random) = (self.local(now), self.dice.u32());
        let down = self.authority.outages.at(now).is_some() || self.dice.one_in(20);
        let answer = self.authority.window(ari_id, now).filter(|_| !down);
        let state = &mut self.lineages[i].state;
        match answer {
            Some((window, retry_after)) => state.polled(window, Some(retry_after), local),
            None => state.poll_failed(local, random),
        }
        self.save(i, local)
    }

    fn order(&mut self, i: usize, replaces: Option<&str>, kind: OrderKind, now: i64) -> Result<(), Killed> {
        let (name, life) = (self.lineages[i].name.clone(), self.lineages[i].life);
        let order = NewOrder { account: "account", names: &name, kind };
        self.known.buckets.take(order, self.local(now)).expect("a step that orders has its tokens");
        let local = self.local(now);
        self.save(i, local)?;
        let healthy = self.lineages[i].broken.at(now).is_none() && !self.dice.one_in(20);
        let wish = Wish { name: &name[0], replaces, life, healthy };
        let answer = self.authority.order(&wish, now, &mut self.dice);
        self.kill_point()?;
        if let Answer::Certificate(facts) = &answer {
            self.disk.certificates[i] = Some(facts.clone());
            self.kill_point()?;
        }
        self.learn(i, order, answer, local);
        self.save(i, local)
    }

    fn learn(&mut self, i: usize, order: NewOrder<'_>, answer: Answer, local: UnixTime) {
        let (lineage, random, name) = (&mut self.lineages[i], self.dice.u32(), &order.names[0]);
        match answer {
            Answer::Certificate(facts) => {
                lineage.certificates += 1;
                lineage.state.issued(&facts, local, random);
                lineage.facts = Some(facts);
                self.known.answered();
                self.known.buckets.validated("account", name);
                return;
            }
            Answer::Down => self.known.failed("unreachable", local, random),
            Answer::Invalid => {
                self.known.buckets.validation_failed("account", name, local);
                lineage.state.failed("validation failed", lineage.facts.as_ref(), local, random);
                self.known.answered();
            }
            Answer::Limited => {
                lineage.state.backoff.told_to_wait("rateLimited", Duration::from_secs(3600), local);
            }
            Answer::AlreadyReplaced => lineage.state.already_replaced(),
        }
        self.known.buckets.give_back(order);
    }

    /// Looks at a lineage from outside, in true time: has its certificate run out, and had it a chance?
    fn watch(&mut self, i: usize, now: i64) {
        let lineage = &mut self.lineages[i];
        let Some(facts) = lineage.facts.clone() else { return };
        let due = Policy::default().due(Some(&facts), &lineage.state, UnixTime(now));
        lineage.worst = lineage.worst.max(Severity::of(&facts, &due, UnixTime(now)));
        if now <= facts.not_after.0 || !self.expired.insert(facts.serial.clone()) {
            return;
        }
        let margin = facts.not_after.0 - due.at.0;
        let down = |at: i64| self.authority.outages.at(at).is_some() || lineage.broken.at(at).is_some();
        let (mut chance, mut longest) = (0, 0);
        for at in (due.at.0..facts.not_after.0).step_by(600) {
            chance = if down(at) { 0 } else { chance + 600 };
            longest = longest.max(chance);
        }
        if longest > (margin / 8).max(3 * HOUR) {
            let (name, end) = (&lineage.name[0], facts.not_after);
            self.forgotten.push(format!("{name} expired {end}, due {}, {longest} s of chance", due.at));
        } else {
            self.excused += 1;
        }
    }

    fn certificates(&self, life: i64) -> (u32, u32) {
        let each = self.lineages.iter().filter(|l| l.life == life).map(|l| l.certificates);
        (each.clone().min().unwrap_or(0), each.max().unwrap_or(0))
    }
}

fn lineage(i: usize, dice: &mut Dice) -> Lineage {
    // 60 lineages below one registered domain: more than may be issued in the first week.
    let domain = if i < 60 { "big.example".to_owned() } else { format!("d{}.example", i % 20) };
    Lineage {
        name: vec![format!("h{i}.{domain}")],
        life: LIVES[i % 3],
        state: State::default(),
        facts: None,
        broken: Spans::random(dice, (30 * DAY, 200 * DAY), (HOUR, 2 * DAY)),
        certificates: 0,
        lives_through: 0,
        worst: Severity::Info,
    }
}

fn two_years(seed: u64, jumps: bool) -> World {
    let mut world = World::new(seed, jumps);
    world.run();
    let counts = LIVES.map(|life| world.certificates(life));
    println!(
        "seed {seed}: {} kills, {} orders refused for limits, {} expired without a chance, fewest and most certificates of a lineage {counts:?}, worst {}",
        world.kills,
        world.authority.limited,
        world.excused,
        world.lineages.iter().map(|l| l.worst).max().unwrap_or_default(),
    );
    assert_eq!(world.forgotten, Vec::<String>::new(), "seed {seed}");
    world
}

fn steady(seed: u64) {
    let world = two_years(seed, false);
    assert_eq!(world.authority.limited, 0, "an order was sent that had to be refused, seed {seed}");
    for (life, most) in [(90 * DAY, 20), (45 * DAY, 36), (160 * HOUR, 300)] {
        let (_, max) = world.certificates(life);
        assert!(max <= most, "{max} certificates of {life} s in two years, seed {seed}");
    }
}

#[test]
fn no_name_expires_while_its_authority_can_be_reached() {
    steady(1);
}

#[test]
fn nor_with_other_outages() {
    steady(0xfeed);
}

#[test]
fn nor_when_the_clock_jumps() {
    two_years(2, true);
}

#[test]
fn nor_when_it_jumps_otherwise() {
    two_years(0x5eed, true);
}
