//! The order of round robin: weights unrolled into a list that is then read at one shared position.
//!
//! Both orders were found by watching the oracle: `static-rr` spreads servers by urgency, in the order of the file;
//! `roundrobin` starts with the heavy ones and lets light ones in where nobody else is due.

use crate::server::Server;
use std::sync::Arc;

/// The most entries a list may have. Farms whose weights share no divisor and add up to more are rounded to fit.
const MOST: u64 = 1 << 16;

/// A list of server indices: what comes once, then what repeats.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    first: Box<[u32]>,
    cycle: Box<[u32]>,
}

impl Rotation {
    /// The order of `roundrobin`.
    pub(super) fn smooth(eligible: &[u32], servers: &[Arc<Server>]) -> Rotation {
        let entries = entries(eligible, servers);
        let total = entries.iter().map(|e| e.weight).sum::<u64>() as usize;
        let mut order = unroll_smooth(&entries, 2 * total);
        let cycle = order.split_off(total.min(order.len()));
        Rotation { first: order.into(), cycle: cycle.into() }
    }

    /// The order of `static-rr`.
    pub(super) fn fixed(eligible: &[u32], servers: &[Arc<Server>]) -> Rotation {
        Rotation { first: Box::default(), cycle: unroll_fixed(&entries(eligible, servers)).into() }
    }

    /// Length of the part that repeats.
    pub(super) fn len(&self) -> usize {
        self.cycle.len()
    }

    /// The server at a position that only grows.
    pub(super) fn at(&self, position: usize) -> Option<u32> {
        let past = match position.checked_sub(self.first.len()) {
            None => return self.first.get(position).copied(),
            Some(past) => past,
        };
        self.cycle.get(past.checked_rem(self.cycle.len())?).copied()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u32,
    weight: u64,
}

/// Weights with their common divisor taken out, and rounded where their sum is still beyond `MOST`.
fn entries(eligible: &[u32], servers: &[Arc<Server>]) -> Vec<Entry> {
    let weight = |i: u32| servers.get(i as usize).map_or(0, |s| u64::from(s.effective_weight()));
    let mut list: Vec<Entry> = eligible.iter().map(|i| Entry { index: *i, weight: weight(*i) }).collect();
    list.retain(|e| e.weight > 0);
    let divisor = list.iter().fold(0, |d, e| gcd(d, e.weight)).max(1);
    let total: u64 = list.iter().map(|e| e.weight / divisor).sum();
    for entry in &mut list {
        entry.weight /= divisor;
        if total > MOST {
            entry.weight = (entry.weight * MOST / total).max(1);
        }
    }
    list
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Slot after slot: who is overdue by a whole turn comes first (the most overdue one); else the first that has
/// some turn to come.
fn unroll_fixed(entries: &[Entry]) -> Vec<u32> {
    let total: i64 = entries.iter().map(|e| e.weight as i64).sum();
    let mut scores = vec![0_i64; entries.len()];
    let mut order = Vec::with_capacity(total as usize);
    for _ in 0..total {
        for (score, entry) in scores.iter_mut().zip(entries) {
            *score += entry.weight as i64;
        }
        let Some(chosen) = most_urgent(&scores, total) else { break };
        scores[chosen] -= total;
        order.push(entries[chosen].index);
    }
    order
}

fn most_urgent(scores: &[i64], total: i64) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, score) in scores.iter().enumerate() {
        let better = match best {
            None => *score > 0,
            Some(b) => *score >= total && *score > scores[b],
        };
        if better {
            best = Some(i);
        }
    }
    best
}

/// Slot after slot: whoever is due comes, the earliest first; where nobody is, the heaviest that has not yet had its
/// first turn. A turn taken moves a server on by `total / weight`.
fn unroll_smooth(entries: &[Entry], slots: usize) -> Vec<u32> {
    let total: u64 = entries.iter().map(|e| e.weight).sum();
    let mut fresh: Vec<usize> = (0..entries.len()).collect();
    fresh.sort_by_key(|i| std::cmp::Reverse(entries[*i].weight));
    let mut fresh = std::collections::VecDeque::from(fresh);
    let mut due = std::collections::BinaryHeap::new();
    let mut order = Vec::with_capacity(slots);
    for slot in 0..slots as u64 {
        let ready = due.peek().is_some_and(|std::cmp::Reverse((at, ..)): &Due| *at <= slot);
        let newcomer = if ready { None } else { fresh.pop_front() };
        let (chosen, time) = match newcomer {
            // a fresh server begins here
            Some(i) => (i, slot * entries[i].weight),
            None => match due.pop() {
                Some(std::cmp::Reverse((_, _, i, time))) => (i, time),
                None => break,
            },
        };
        order.push(entries[chosen].index);
        // positions are kept as numerators over the server's weight, so that nothing is ever rounded away
        let time = time + total;
        let weight = entries[chosen].weight;
        due.push(std::cmp::Reverse((time / weight, std::cmp::Reverse(weight), chosen, time)));
    }
    order
}

/// Position, weight (heavy first), entry, and the exact position times the weight.
type Due = std::cmp::Reverse<(u64, std::cmp::Reverse<u64>, usize, u64)>;
