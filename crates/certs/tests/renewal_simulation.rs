//! Two years of renewals in virtual time: hundreds of lineages of three lifetimes against an authority that has outages,
//! recalls certificates and keeps Let's Encrypt's limits, on a machine whose clock jumps and whose process dies at any
//! moment. No name may expire unless the authority, or the name itself, was unreachable for longer than the margin:
//! the time between when the renewal was due and the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // a test from top to bottom

use certs::renew::{
    AuthorityState, CertificateFacts, Clock, NewOrder, OrderKind, Policy, Severity, Shown, State, Step,
    UnixTime, Window, step,
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
/// A name that fails must not be tried often enough to find a shorter time at which it works: Let's Encrypt allows five
/// failures in an hour and 1152 in a row.
const TOO_SHORT: i64 = HOUR;
/// Among the numbers of lineages that have something to do: the clocks are looked at.
const CLOCK: usize = usize::MAX;
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

    /// An order until it is to be signed. `healthy`: whether the name would validate.
    fn order(&mut self, wish: &Wish<'_>, now: i64) -> Result<(), Answer> {
        let Wish { name, replaces, healthy, .. } = *wish;
        if self.outages.at(now).is_some() {
            return Err(Answer::Down);
        }
        if replaces.and_then(|id| self.issued.get(id)).is_some_and(|old| old.replaced) {
            return Err(Answer::AlreadyReplaced);
        }
        let counted = self.counted(wish, now);
        let full = counted.iter().all(|(key, size, window)| self.have(key, *size, *window, now));
        if !full {
            self.limited += 1;
            return Err(Answer::Limited);
        }
        counted.iter().filter(|(key, ..)| *key == "orders").for_each(|(key, ..)| self.spend(key));
        if !healthy {
            self.have(&format!("failures {name}"), 5, HOUR, now);
            self.spend(&format!("failures {name}"));
            return Err(Answer::Invalid);
        }
        Ok(())
    }

    /// Signs what was ordered.
    fn finalize(&mut self, wish: &Wish<'_>, now: i64, dice: &mut Dice) -> Answer {
        let Wish { replaces, .. } = *wish;
        let counted = self.counted(wish, now).into_iter().map(|(key, ..)| key);
        counted
            .filter(|key| key.starts_with("set") || key.starts_with("domain"))
            .for_each(|key| self.spend(&key));
        if let Some(old) = replaces.and_then(|id| self.issued.get_mut(id)) {
            old.replaced = true;
        }
        Answer::Certificate(self.issue(wish, now, dice))
    }

    /// The buckets that count: name, size, time to fill.
    fn counted(&self, wish: &Wish<'_>, now: i64) -> Vec<(String, u32, i64)> {
        let Wish { name, replaces, .. } = *wish;
        let inside =
            replaces.is_some_and(|id| self.window(id, now).is_some_and(|(w, _)| w.holds(UnixTime(now))));
        let renewal = self.seen_sets.contains(name);
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
    wall: Spans,
    /// By how much the clock on the wall is wrong in each of the spans.
    wrong: Vec<i64>,
    /// What the scheduler makes of it.
    clock: Clock,
    /// How often the process died.
    kills: u32,
    excused: u32,
    /// From each certificate's window on, the authority or else the name is down until so long before the end.
    until_left: Option<(i64, bool)>,
    /// Serial numbers of certificates that were seen to run out.
    expired: HashSet<String>,
    forgotten: Vec<String>,
}

struct Killed;

impl World {
    fn new(seed: u64, jumps: bool) -> World {
        let mut dice = Dice(seed);
        let outages = Spans::random(&mut dice, (5 * DAY, 60 * DAY), (HOUR, 4 * DAY));
        let wall = match jumps {
            true => Spans::random(&mut dice, (20 * DAY, 90 * DAY), (HOUR, 12 * HOUR)),
            false => Spans::default(),
        };
        let by = |dice: &mut Dice, i| match i % 4 {
            0 => dice.between(-30 * DAY, 0),
            1 => dice.between(0, 30 * DAY),
            2 => 400 * DAY,
            _ => -START,
        };
        let wrong = (0..wall.0.len()).map(|i| by(&mut dice, i)).collect();
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
        World {
            dice,
            authority,
            known,
            lineages,
            disk,
            wall,
            wrong,
            clock: Clock::start(Shown { wall: UnixTime(START), since_boot: Duration::ZERO }),
            kills: 0,
            excused: 0,
            until_left: None,
            expired: HashSet::new(),
            forgotten: Vec::new(),
        }
    }

    /// What the machine's clocks show.
    fn shown(&self, now: i64) -> Shown {
        let wall = UnixTime(now + self.wall.at(now).map_or(0, |span| self.wrong[span]));
        Shown { wall, since_boot: Duration::from_secs((now - START) as u64) }
    }

    /// What time the scheduler takes it for.
    fn local(&mut self, now: i64) -> UnixTime {
        let shown = self.shown(now);
        self.clock.now(shown)
    }

    /// In doubt, the authority is asked what time it is. Whether that changes what is believed.
    fn ask_the_time(&mut self, now: i64) -> bool {
        let (shown, before) = (self.shown(now), self.local(now));
        if self.clock.is_in_doubt(shown) && self.authority.outages.at(now).is_none() {
            self.clock.heard(UnixTime(now), shown);
        }
        before.0.abs_diff(self.local(now).0) > 300
    }

    fn run(&mut self) {
        let mut wakes: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
        let mut next = vec![START; self.lineages.len()];
        (0..next.len()).for_each(|i| wakes.push(Reverse((START, i))));
        // The scheduler looks at the clocks every minute; here it is enough to look where they have jumped.
        let jumps = self.wall.0.iter().flat_map(|(start, end)| [*start, *end]);
        jumps.for_each(|jump| wakes.push(Reverse((jump + 60, CLOCK))));
        let mut is_asking = false;
        while let Some(Reverse((now, i))) = wakes.pop().filter(|Reverse((now, _))| *now < END) {
            if i == CLOCK {
                is_asking = false;
            }
            if self.ask_the_time(now) {
                next.fill(now);
                (0..next.len()).for_each(|i| wakes.push(Reverse((now, i))));
            }
            if !is_asking && self.clock.is_in_doubt(self.shown(now)) {
                is_asking = true;
                wakes.push(Reverse((now + 60, CLOCK)));
            }
            if i == CLOCK || now != next[i] {
                continue;
            }
            self.watch(i, now);
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
        self.clock = Clock::start(self.shown(now));
        self.ask_the_time(now);
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
        let local = self.local(now);
        self.known.buckets.take(order, local).expect("a step that orders has its tokens");
        self.save(i, local)?;
        let mishap = self.until_left.is_none() && self.dice.one_in(20);
        let healthy = self.lineages[i].broken.at(now).is_none() && !mishap;
        let wish = Wish { name: &name[0], replaces, life, healthy };
        let answer = match self.authority.order(&wish, now) {
            Ok(()) => {
                self.kill_point()?;
                self.known.buckets.take_certificate(order, local);
                self.save(i, local)?;
                self.authority.finalize(&wish, now, &mut self.dice)
            }
            Err(answer) => answer,
        };
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
                if let Some((left, is_authority)) = self.until_left {
                    let (window, _) = self.authority.window(facts.ari_id.as_ref().unwrap(), 0).unwrap();
                    let spans = if is_authority { &mut self.authority.outages } else { &mut lineage.broken };
                    spans.0.push((window.start.0, facts.not_after.0 - left));
                }
                lineage.state.issued(&facts, local, random);
                lineage.facts = Some(facts);
                self.known.answered();
                self.known.buckets.validated("account", name);
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
        let longest = self.longest_down(i, due.at.0 - 30 * DAY, facts.not_after.0);
        if longest <= margin {
            let (name, end) = (&self.lineages[i].name[0], facts.not_after);
            self.forgotten
                .push(format!("{name} expired {end}, due {}, unreachable {longest} s at most", due.at));
        } else {
            self.excused += 1;
        }
    }

    /// The longest time in which the authority or the name could not be reached: one of them alone, or one after the
    /// other with so little time between that no scheduler would find it.
    fn longest_down(&self, i: usize, from: i64, to: i64) -> i64 {
        let spans = [&self.authority.outages, &self.lineages[i].broken];
        let mut down: Vec<(i64, i64)> = spans.iter().flat_map(|spans| spans.0.iter().copied()).collect();
        down.retain(|(start, end)| *start < to && from < *end);
        down.sort_unstable();
        let (mut longest, mut since, mut until) = (0, from, from);
        for (start, end) in down {
            if start > until + TOO_SHORT {
                since = start;
            }
            until = until.max(end.min(to));
            longest = longest.max(until - since);
        }
        longest
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
        "seed {seed}: {} kills, {} orders refused for limits, {} expired after longer than their margin, fewest and most certificates of a lineage {counts:?}, worst {}",
        world.kills,
        world.authority.limited,
        world.excused,
        world.lineages.iter().map(|l| l.worst).max().unwrap_or_default(),
    );
    assert_eq!(world.forgotten, Vec::<String>::new(), "seed {seed}");
    world
}

fn steady(seed: u64) {
    sparing(&two_years(seed, false), seed);
}

/// Nor does a wrong clock have anything renewed that is not due.
fn jumping(seed: u64) {
    sparing(&two_years(seed, true), seed);
}

/// The authority was not asked for more than it allows, nor for more than was needed.
fn sparing(world: &World, seed: u64) {
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
    jumping(2);
}

#[test]
fn nor_when_it_jumps_otherwise() {
    jumping(0x5eed);
}

/// One lineage whose authority, or whose name, cannot be reached from when its window opens until shortly before its end,
/// each time.
fn until_shortly_before_the_end(life: i64, left: i64, is_authority: bool) {
    let mut world = World::new(7, false);
    world.authority.outages = Spans::default();
    world.lineages.truncate(1);
    let lineage = &mut world.lineages[0];
    (lineage.life, lineage.broken) = (life, Spans::default());
    world.until_left = Some((left, is_authority));
    world.run();
    let (seen, most) = (world.certificates(life).0, 2 * 365 * DAY / life);
    assert!(seen >= u32::try_from(most).unwrap(), "{seen} certificates of {life} s");
    assert_eq!(world.expired.len(), 0, "{life} s, {left} s before the end");
}

#[test]
fn an_authority_that_is_back_ten_minutes_before_the_end_is_found() {
    LIVES.into_iter().for_each(|life| until_shortly_before_the_end(life, 600, true));
}

#[test]
fn and_so_is_a_name_an_hour_before_it() {
    LIVES.into_iter().for_each(|life| until_shortly_before_the_end(life, HOUR, false));
}
